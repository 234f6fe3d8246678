use std::sync::Arc;

use actix_web::{
    HttpResponse,
    http::header::{CACHE_CONTROL, ContentType},
    web::Data,
};

/// The public keys, as the text of a JWK set. Cheap to clone.
#[derive(Clone)]
pub struct KeySet(pub Arc<str>);

/// The public keys with which tokens verify.
#[utoipa::path(
    get,
    path = "/.well-known/jwks.json",
    tag = "auth",
    responses((status = 200, description = "A JWK set (RFC 7517).", body = serde_json::Value))
)]
pub async fn jwks(key_set: Data<KeySet>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(ContentType::json())
        .insert_header((CACHE_CONTROL, "public, max-age=300"))
        .body(key_set.0.to_string())
}
