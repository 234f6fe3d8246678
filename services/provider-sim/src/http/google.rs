//! Google as an OpenID provider: who signs in is the first word of the code, an address; the rest makes it another code, and directs.
//!
//! No key is asked for, but the exchange wants the client's secret.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        StatusCode,
        header::{CACHE_CONTROL, LOCATION},
    },
    web::{self, Data, Form, Query},
};
use chrono::Utc;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;
use url::Url;
use uuid::Uuid;

use super::{error::ApiError, fault};
use crate::{
    directives::{Directives, IdTokenFault, without_directives},
    faults::{Call, Fault},
    google::Person,
    settings::GoogleSettings,
    simulator::Simulator,
    store::Scope,
};

/// Who signs in when the front-end does not say.
const SOMEBODY: &str = "developer@example.com";

/// `GET /google/.well-known/openid-configuration`
pub(super) async fn discovery(request: HttpRequest, simulator: Data<Simulator>) -> Result<HttpResponse, ApiError> {
    simulator.store().totals_mut().google_discoveries += 1;
    if let Some(fault) = simulator.meet(Call::GoogleDiscovery, Scope::Everyone, &Directives::default()).await {
        return fault::answer(fault);
    }
    let issuer = issuer(&request);
    Ok(HttpResponse::Ok().json(json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "jwks_uri": format!("{issuer}/certs"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "scopes_supported": ["openid", "email", "profile"],
        "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
        "claims_supported": ["aud", "email", "email_verified", "exp", "iat", "iss", "name", "sub"],
    })))
}

/// `GET /google/certs`
pub(super) async fn certs(simulator: Data<Simulator>) -> Result<HttpResponse, ApiError> {
    simulator.store().totals_mut().google_keys += 1;
    if let Some(fault) = simulator.meet(Call::GoogleKeys, Scope::Everyone, &Directives::default()).await {
        return fault::answer(fault);
    }
    let keys = web::block(move || simulator.google_keys().published()).await.map_err(|error| ApiError::internal(&error))?;
    let keys: Vec<_> = keys.map_err(|error| ApiError::internal(&error))?.iter().map(|key| key.jwk()).collect();
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "public, max-age=3600")).json(json!({ "keys": keys })))
}

/// `POST /simulation/google/keys`: another key signs from now on.
pub(super) async fn rotate(simulator: Data<Simulator>) -> Result<HttpResponse, ApiError> {
    let rotated = web::block(move || simulator.google_keys().rotate()).await.map_err(|error| ApiError::internal(&error))?;
    Ok(HttpResponse::Ok().json(json!({ "kid": rotated.map_err(|error| ApiError::internal(&error))? })))
}

#[derive(Deserialize)]
pub(super) struct Authorization {
    client_id: String,
    redirect_uri: Url,
    state: Option<String>,
    nonce: Option<String>,
    /// Who signs in.
    login_hint: Option<String>,
}

/// `GET /google/authorize`: nobody is asked anything; the browser goes back with a code.
pub(super) async fn authorize(query: Query<Authorization>, google: Data<GoogleSettings>) -> Result<HttpResponse, ApiError> {
    let Authorization { client_id, mut redirect_uri, state, nonce, login_hint } = query.into_inner();
    if client_id != google.client_id {
        return Err(ApiError::invalid("client_id", "is not known"));
    }
    let who = login_hint.as_deref().unwrap_or(SOMEBODY);
    let mut code = format!("{who} {} [sim:redirect_uri={redirect_uri}]", Uuid::new_v4());
    if let Some(nonce) = nonce {
        code.push_str(&format!("[sim:nonce={nonce}]"));
    }
    redirect_uri.query_pairs_mut().append_pair("code", &code);
    if let Some(state) = state {
        redirect_uri.query_pairs_mut().append_pair("state", &state);
    }
    Ok(HttpResponse::Found().insert_header((LOCATION, redirect_uri.as_str())).finish())
}

#[derive(Deserialize)]
pub(super) struct Exchange {
    grant_type: String,
    code: String,
    redirect_uri: String,
    client_id: String,
    client_secret: SecretString,
}

/// `POST /google/token`
pub(super) async fn token(
    request: HttpRequest,
    form: Form<Exchange>,
    simulator: Data<Simulator>,
    google: Data<GoogleSettings>,
) -> Result<HttpResponse, ApiError> {
    simulator.store().totals_mut().google_tokens += 1;
    let Exchange { grant_type, code, redirect_uri, client_id, client_secret } = form.into_inner();
    let directives = Directives::parse(&code).map_err(|error| ApiError::invalid("code", error))?;
    let fault = simulator.meet(Call::GoogleToken, Scope::Code(code.clone()), &directives).await;
    if let Some(fault @ (Fault::Status { .. } | Fault::CutBefore)) = fault {
        return fault::answer(fault);
    }
    let says = directives.sign_in;
    let right_client = client_id == google.client_id && client_secret.expose_secret() == google.client_secret.expose_secret();
    let who = without_directives(&code);
    let email = who.split_whitespace().next().filter(|word| word.contains('@'));
    let email = match email {
        _ if !right_client => return Ok(refusal(StatusCode::UNAUTHORIZED, "invalid_client")),
        _ if grant_type != "authorization_code" => return Ok(refusal(StatusCode::BAD_REQUEST, "unsupported_grant_type")),
        None => return Ok(refusal(StatusCode::BAD_REQUEST, "invalid_grant")),
        Some(_) if says.redirect_uri.as_ref().is_some_and(|given| *given != redirect_uri) => {
            return Ok(refusal(StatusCode::BAD_REQUEST, "redirect_uri_mismatch"));
        }
        Some(_) if !simulator.store().use_code(Call::GoogleToken, &code) => {
            return Ok(refusal(StatusCode::BAD_REQUEST, "invalid_grant"));
        }
        Some(email) => email.to_owned(),
    };
    if let Some(fault) = fault {
        return fault::answer(fault);
    }
    let issuer = issuer(&request);
    let mut answer = json!({
        "access_token": format!("ya29.{}", Uuid::new_v4().simple()),
        "expires_in": 3599,
        "scope": "openid email profile",
        "token_type": "Bearer",
    });
    if says.id_token != Some(IdTokenFault::Missing) {
        let signed = web::block(move || {
            let person = Person { email: &email, says: &says };
            simulator.google_keys().id_token(&issuer, &client_id, &person, Utc::now())
        });
        let signed = signed.await.map_err(|error| ApiError::internal(&error))?;
        answer["id_token"] = signed.map_err(|error| ApiError::internal(&error))?.into();
    }
    Ok(HttpResponse::Ok().json(answer))
}

fn refusal(status: StatusCode, error: &str) -> HttpResponse {
    HttpResponse::build(status).json(json!({ "error": error, "error_description": "Simulated refusal." }))
}

fn issuer(request: &HttpRequest) -> String {
    let connection = request.connection_info();
    format!("{}://{}/google", connection.scheme(), connection.host())
}
