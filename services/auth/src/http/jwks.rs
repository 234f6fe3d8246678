use actix_web::{
    HttpResponse,
    http::header::{CACHE_CONTROL, ContentType},
    web::Data,
};
use zoetrope_tokens::Verifier;

/// The public keys with which tokens verify.
///
/// All of them: that which signs, that which will next, and those whose tokens may still live. They may be kept for five minutes; a new
/// key signs later than that, unless the operator is in a hurry.
#[utoipa::path(
    get,
    path = "/.well-known/jwks.json",
    tag = "auth",
    responses((status = 200, description = "A JWK set (RFC 7517).", body = serde_json::Value))
)]
pub async fn jwks(verifier: Data<Verifier>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(ContentType::json())
        .insert_header((CACHE_CONTROL, "public, max-age=300"))
        .body(verifier.jwks().to_string())
}
