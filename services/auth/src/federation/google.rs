use std::time::Duration;

use anyhow::Context;
use jsonwebtoken::jwk::Jwk;
use openidconnect::{HttpResponse, IssuerUrl, RedirectUrl, core::CoreProviderMetadata, http::StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::Value;

use super::{
    FederationError, GoogleSettings,
    calls::{CallError, Calls},
    id_token::{Claims, Expected, TokenFault, verify},
    key_cache::{KeyCache, Published},
    subject::subject,
};
use crate::rules::{
    google_sign_in::GoogleSignIn,
    key_freshness::Freshness,
    linking::{Arrival, Identity, Provider},
    registration::required_email,
};

const SERVICE: &str = "google";
/// Sign-in with Google: an OpenID provider.
pub struct Google {
    issuer: IssuerUrl,
    client_id: String,
    client_secret: SecretString,
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
            client_id: settings.client_id.clone(),
            client_secret: settings.client_secret.clone(),
            pages,
            calls: Calls::new(SERVICE, seconds(settings.timeout_seconds.get()))?,
        })
    }

    /// Who brings this code.
    pub async fn vouch(&self, sign_in: GoogleSignIn) -> Result<Arrival, FederationError> {
        let page = self.page(sign_in.redirect_uri.as_deref())?;
        let published = self.keys.published(&self.calls).await.map_err(away)?;
        let token = self.id_token(&published, page, &sign_in.code).await?;
        let claims = self.claims(token.expose_secret(), published, sign_in.nonce.as_deref()).await?;
        arrival(&claims)
    }

    /// The page to which Google sent the user back with the code. Google compares it; we do as well, since codes of other pages are not for us.
    fn page(&self, told: Option<&str>) -> Result<&RedirectUrl, FederationError> {
        let page = match told {
            Some(told) => self.pages.iter().find(|page| page.as_str() == told),
            None => self.pages.first(),
        };
        page.ok_or(FederationError::StrangePage)
    }

    /// Exchanges the code. It is good for one exchange, so an answer that was given and cannot be used is final.
    async fn id_token(
        &self,
        published: &CoreProviderMetadata,
        page: &RedirectUrl,
        code: &str,
    ) -> Result<SecretString, FederationError> {
        let endpoint = published.token_endpoint().ok_or_else(|| away(CallError::OtherService))?;
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", page.as_str()),
            ("client_id", &self.client_id),
            ("client_secret", self.client_secret.expose_secret()),
        ];
        judge(&self.calls.post_form(endpoint.url().clone(), &form).await.map_err(away)?)
    }

    async fn claims(&self, token: &str, published: Published, nonce: Option<&str>) -> Result<Claims, FederationError> {
        let expected = Expected { issuer: self.issuer.as_str(), client_id: &self.client_id, nonce };
        let claims = match verify(token, &keys(&published), &expected) {
            Err(TokenFault::UnknownKey) => match self.keys.newer_than(&published, &self.calls).await {
                Ok(newer) => verify(token, &keys(&newer), &expected),
                // Looked up a moment ago: it is nobody's key.
                Err(CallError::TooEarly) => Err(TokenFault::UnknownKey),
                Err(error) => return Err(away(error)),
            },
            known => known,
        };
        claims.map_err(|fault| match fault {
            TokenFault::UnknownKey => refused("the ID token is signed with an unknown key"),
            TokenFault::Bad(reason) => refused(reason),
        })
    }
}

/// The keys that can be read.
fn keys(published: &CoreProviderMetadata) -> Vec<Jwk> {
    let keys = published.jwks().keys().iter();
    keys.filter_map(|key| serde_json::from_value(serde_json::to_value(key).ok()?).ok()).collect()
}

/// What Google says to a code.
#[derive(Deserialize)]
struct Said {
    #[serde(default)]
    id_token: Value,
    #[serde(default)]
    error: Value,
}

/// Nothing of the answer itself goes on: it may hold tokens.
fn judge(answer: &HttpResponse) -> Result<SecretString, FederationError> {
    let status = answer.status();
    let said: Option<Said> = serde_json::from_slice(answer.body()).ok();
    match said {
        Some(Said { id_token: Value::String(token), .. }) if status.is_success() => Ok(token.into()),
        Some(Said { error: Value::String(error), .. }) => Err(refusal(&error)),
        Some(_) if status.is_success() => Err(refused("there is no ID token")),
        // A page of a proxy, or half of an answer.
        None if status.is_success() => Err(away(CallError::NotUnderstood)),
        Some(_) | None => Err(match status {
            StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                refused("Google does not take the code")
            }
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY => {
                away(CallError::Status { status: status.as_u16(), retry_after: None })
            }
            _ => away(CallError::OtherService),
        }),
    }
}

fn refusal(error: &str) -> FederationError {
    match error {
        "invalid_client" | "unauthorized_client" | "invalid_scope" | "unsupported_grant_type" => {
            FederationError::Misconfigured { service: SERVICE, reason: error.to_owned() }
        }
        "temporarily_unavailable" | "server_error" => away(CallError::NotUnderstood),
        // Such as `invalid_grant` and `redirect_uri_mismatch`.
        _ => refused("Google does not take the code"),
    }
}

/// What is not verified, or could not be registered, counts for nothing.
fn arrival(claims: &Claims) -> Result<Arrival, FederationError> {
    let subject = subject(&claims.sub).ok_or_else(|| refused("the user's name at Google is none"))?;
    Ok(Arrival {
        identities: vec![Identity { provider: Provider::Google, subject }],
        verified_email: claims.verified_email().and_then(|email| required_email(Some(email.to_owned())).ok()),
        name: claims.name().map(str::to_owned),
    })
}

fn away(source: CallError) -> FederationError {
    FederationError::away(SERVICE, source)
}

fn refused(reason: &'static str) -> FederationError {
    tracing::info!(reason, "a sign-in with Google was refused");
    FederationError::Refused(reason)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn claims(changes: &[(&str, Value)]) -> Claims {
        let mut claims = json!({ "sub": "1", "email": "ann@example.com", "email_verified": true, "name": "Ann" });
        for (name, value) in changes {
            claims[*name] = value.clone();
        }
        serde_json::from_value(claims).unwrap()
    }

    fn judged(status: u16, body: &str) -> Result<String, FederationError> {
        let mut answer = HttpResponse::new(body.as_bytes().to_vec());
        *answer.status_mut() = StatusCode::from_u16(status).unwrap();
        judge(&answer).map(|token| token.expose_secret().to_owned())
    }

    #[test]
    fn what_google_says_is_checked_as_what_clients_say() {
        let ann = arrival(&claims(&[])).unwrap();
        assert_eq!(ann.identities, [Identity { provider: Provider::Google, subject: "1".to_owned() }]);
        assert_eq!((ann.verified_email.as_deref(), ann.name.as_deref()), (Some("ann@example.com"), Some("Ann")));
        let verified = |email: &str| arrival(&claims(&[("email", json!(email))])).unwrap().verified_email;
        assert_eq!(verified(" an\u{200B}n@example.com\n").as_deref(), Some("ann@example.com"));
        for bad in ["nonsense", "a\0@example.com", "a b@example.com", "<a@example.com>"] {
            assert_eq!(verified(bad), None, "{bad:?}");
        }
        for bad in ["", "a\0b", "a\nb", &"1".repeat(256)] {
            assert!(matches!(arrival(&claims(&[("sub", json!(bad))])), Err(FederationError::Refused(_))), "{bad:?}");
        }
    }

    #[test]
    fn what_will_never_succeed_is_not_to_be_tried_again() {
        assert_eq!(judged(200, r#"{"id_token":"a.b.c"}"#).unwrap(), "a.b.c");
        for (status, body) in [
            (400, r#"{"error":"invalid_grant"}"#),
            (400, r#"{"error":"redirect_uri_mismatch"}"#),
            (200, r#"{"access_token":"x"}"#),
            (200, r#"{"id_token":null}"#),
            (200, r#"{"id_token":7}"#),
            (400, "<html>"),
            (403, "{}"),
        ] {
            assert!(matches!(judged(status, body), Err(FederationError::Refused(_))), "{status} {body}");
        }
        for (status, body) in [(401, r#"{"error":"invalid_client"}"#), (404, "<html>"), (302, ""), (405, "{}")] {
            assert!(matches!(judged(status, body), Err(FederationError::Misconfigured { .. })), "{status} {body}");
        }
        for (status, body) in [(200, "<html>"), (200, r#"{"id_tok"#), (408, ""), (400, r#"{"error":"temporarily_unavailable"}"#)]
        {
            assert!(matches!(judged(status, body), Err(FederationError::Away { .. })), "{status} {body}");
        }
        assert!(matches!(away(CallError::OtherService), FederationError::Misconfigured { .. }));
    }
}
