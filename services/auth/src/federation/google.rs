use std::time::Duration;

use anyhow::Context;
use chrono::{TimeDelta, Utc};
use openidconnect::{
    AuthType, AuthorizationCode, ClaimsVerificationError, ClientId, ClientSecret, HttpRequest, IssuerUrl, Nonce, RedirectUrl,
    RequestTokenError, SignatureVerificationError, StandardErrorResponse, TokenResponse,
    core::{CoreClient, CoreErrorResponseType, CoreIdToken, CoreIdTokenClaims, CoreIdTokenVerifier},
};
use secrecy::ExposeSecret;

use super::{
    FederationError, GoogleSettings,
    calls::{CallError, Calls},
    key_cache::{KeyCache, Published},
};
use crate::rules::{
    google_sign_in::GoogleSignIn,
    key_freshness::Freshness,
    linking::{Arrival, Identity, Provider},
    registration::required_email,
};

const SERVICE: &str = "google";
/// How far our clock may be ahead of Google's.
const LEEWAY: TimeDelta = TimeDelta::seconds(30);

/// Sign-in with Google: an OpenID provider.
pub struct Google {
    issuer: IssuerUrl,
    client_id: ClientId,
    client_secret: ClientSecret,
    pages: Vec<RedirectUrl>,
    calls: Calls,
    keys: KeyCache,
}

impl Google {
    pub fn new(settings: &GoogleSettings) -> anyhow::Result<Self> {
        let seconds = |seconds: u32| Duration::from_secs(seconds.into());
        let issuer = IssuerUrl::new(settings.issuer.clone()).context("google.issuer is not an address")?;
        let pages = settings.redirect_uris.iter().map(|page| RedirectUrl::new(page.clone()));
        let pages: Vec<_> = pages.collect::<Result<_, _>>().context("google.redirect_uris holds what is not an address")?;
        anyhow::ensure!(
            !pages.is_empty(),
            "google.redirect_uris is empty: it must name the pages that Google sends users back to"
        );
        let freshness = Freshness::new(seconds(settings.keys_max_age_seconds.get()), seconds(settings.keys_pause_seconds.get()));
        Ok(Self {
            keys: KeyCache::new(issuer.clone(), freshness),
            issuer,
            client_id: ClientId::new(settings.client_id.clone()),
            client_secret: ClientSecret::new(settings.client_secret.expose_secret().to_owned()),
            pages,
            calls: Calls::new(SERVICE, seconds(settings.timeout_seconds.get()))?,
        })
    }

    /// Who brings this code.
    pub async fn vouch(&self, sign_in: GoogleSignIn) -> Result<Arrival, FederationError> {
        let page = self.page(sign_in.redirect_uri.as_deref())?;
        let published = self.keys.published(&self.calls).await.map_err(away)?;
        let token = self.id_token(&published, page, sign_in.code).await?;
        let claims = self.claims(&token, published, sign_in.nonce).await?;
        Ok(arrival(&claims))
    }

    /// The page to which Google sent the user back with the code. Google compares it; we do as well, since codes of other pages are not for us.
    fn page(&self, told: Option<&str>) -> Result<&RedirectUrl, FederationError> {
        let page = match told {
            Some(told) => self.pages.iter().find(|page| page.as_str() == told),
            None => self.pages.first(),
        };
        page.ok_or(FederationError::StrangePage)
    }

    async fn id_token(
        &self,
        published: &Published,
        page: &RedirectUrl,
        code: AuthorizationCode,
    ) -> Result<CoreIdToken, FederationError> {
        let client = CoreClient::from_provider_metadata(
            published.as_ref().clone(),
            self.client_id.clone(),
            Some(self.client_secret.clone()),
        )
        .set_redirect_uri(page.clone())
        .set_auth_type(AuthType::RequestBody);
        let exchange = client.exchange_code(code).map_err(|_| away(CallError::NotUnderstood))?;
        let http = |request: HttpRequest| async move { self.calls.exchange(request).await };
        let answer = exchange.request_async(&http).await.map_err(refusal)?;
        answer.id_token().cloned().ok_or_else(|| refused("there is no ID token"))
    }

    async fn claims(
        &self,
        token: &CoreIdToken,
        published: Published,
        nonce: Option<Nonce>,
    ) -> Result<CoreIdTokenClaims, FederationError> {
        let verifier = self.verifier(&published);
        let unknown_key = matches!(token.signing_key(&verifier), Err(SignatureVerificationError::NoMatchingKey));
        let verifier = if unknown_key {
            self.verifier(&self.keys.newer_than(&published, &self.calls).await.map_err(away)?)
        } else {
            verifier
        };
        let claims = token.claims(&verifier, |told: Option<&Nonce>| match &nonce {
            Some(nonce) if told.is_none_or(|told| told.secret() != nonce.secret()) => Err("another nonce".to_owned()),
            _ => Ok(()),
        });
        claims.cloned().map_err(|error| refused(fault(&error)))
    }

    /// Takes RS256 alone. Not as a client with a secret: nobody who learns it could sign tokens with it.
    fn verifier(&self, published: &Published) -> CoreIdTokenVerifier<'static> {
        CoreIdTokenVerifier::new_public_client(self.client_id.clone(), self.issuer.clone(), published.jwks().clone())
            .set_time_fn(|| Utc::now() - LEEWAY)
    }
}

fn arrival(claims: &CoreIdTokenClaims) -> Arrival {
    let email = required_email(claims.email().map(|email| email.to_string())).ok();
    Arrival {
        identities: vec![Identity { provider: Provider::Google, subject: claims.subject().to_string() }],
        verified_email: email.filter(|_| claims.email_verified() == Some(true)),
        name: claims.name().and_then(|name| name.get(None)).map(|name| name.to_string()),
    }
}

fn away(source: CallError) -> FederationError {
    FederationError::away(SERVICE, source)
}

fn refused(reason: &'static str) -> FederationError {
    tracing::info!(reason, "a sign-in with Google was refused");
    FederationError::Refused(reason)
}

/// Nothing of the answer itself: it may hold tokens.
fn refusal(error: RequestTokenError<CallError, StandardErrorResponse<CoreErrorResponseType>>) -> FederationError {
    match error {
        RequestTokenError::Request(error) => away(error),
        RequestTokenError::Parse(..) | RequestTokenError::Other(_) => away(CallError::NotUnderstood),
        RequestTokenError::ServerResponse(response) => match response.error() {
            CoreErrorResponseType::InvalidClient
            | CoreErrorResponseType::UnauthorizedClient
            | CoreErrorResponseType::InvalidScope
            | CoreErrorResponseType::UnsupportedGrantType => {
                FederationError::Misconfigured { service: SERVICE, reason: response.error().to_string() }
            }
            // Such as `redirect_uri_mismatch`.
            CoreErrorResponseType::InvalidGrant | CoreErrorResponseType::InvalidRequest | CoreErrorResponseType::Extension(_) => {
                refused("Google does not take the code")
            }
        },
    }
}

fn fault(error: &ClaimsVerificationError) -> &'static str {
    match error {
        ClaimsVerificationError::Expired(_) => "the ID token has expired",
        ClaimsVerificationError::InvalidAudience(_) => "the ID token is for somebody else",
        ClaimsVerificationError::InvalidIssuer(_) => "the ID token is another's",
        ClaimsVerificationError::InvalidNonce(_) => "the ID token has another nonce",
        ClaimsVerificationError::SignatureVerification(SignatureVerificationError::NoMatchingKey) => {
            "the ID token is signed with an unknown key"
        }
        ClaimsVerificationError::SignatureVerification(_) => "the ID token's signature is not good",
        _ => "the ID token is not good",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn claims(changes: &[(&str, Value)]) -> CoreIdTokenClaims {
        let mut claims = json!({
            "iss": "https://accounts.google.com", "aud": "us", "sub": "1", "exp": 1, "iat": 0,
            "email": "ann@example.com", "email_verified": true, "name": "Ann",
        });
        for (name, value) in changes {
            claims[*name] = value.clone();
        }
        serde_json::from_value(claims).unwrap()
    }

    #[test]
    fn only_a_verified_address_counts() {
        let verified = |changes: &[(&str, Value)]| arrival(&claims(changes)).verified_email;
        assert_eq!(verified(&[]).as_deref(), Some("ann@example.com"));
        assert_eq!(verified(&[("email_verified", json!(false))]), None);
        assert_eq!(verified(&[("email_verified", Value::Null)]), None);
        assert_eq!(verified(&[("email", json!("nonsense"))]), None);
        assert_eq!(verified(&[("email", Value::Null)]), None);
        let ann = arrival(&claims(&[]));
        assert_eq!(ann.identities, [Identity { provider: Provider::Google, subject: "1".to_owned() }]);
        assert_eq!(ann.name.as_deref(), Some("Ann"));
    }

    #[test]
    fn only_a_refused_code_is_the_clients_fault() {
        let answered = |error: CoreErrorResponseType| {
            refusal(RequestTokenError::ServerResponse(StandardErrorResponse::new(error, None, None)))
        };
        for error in [CoreErrorResponseType::InvalidGrant, CoreErrorResponseType::Extension("redirect_uri_mismatch".to_owned())] {
            assert!(matches!(answered(error), FederationError::Refused(_)));
        }
        assert!(matches!(answered(CoreErrorResponseType::InvalidClient), FederationError::Misconfigured { .. }));
        let status = CallError::Status { status: 503, retry_after: Some(9) };
        let away = refusal(RequestTokenError::Request(status));
        assert!(matches!(away, FederationError::Away { retry_after: 9, .. }), "{away}");
        let odd = refusal(RequestTokenError::Other("<html>".to_owned()));
        assert!(matches!(odd, FederationError::Away { .. }), "{odd}");
    }
}
