//! What the API descriptions of all services share.

use utoipa::{
    Modify,
    openapi::{
        Components, OpenApi,
        security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

/// The name by which a handler asks for the scheme: `security(("bearer" = []))`.
pub const BEARER: &str = "bearer";

/// Adds the security scheme [`BEARER`]. For `#[openapi(modifiers(&BearerScheme))]`.
pub struct BearerScheme;

impl Modify for BearerScheme {
    fn modify(&self, openapi: &mut OpenApi) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("JWT")
            .description(Some("The accessToken or data.token of a sign-in, or an API key (sk-…)."))
            .build();
        openapi.components.get_or_insert_with(Components::new).add_security_scheme(BEARER, SecurityScheme::Http(scheme));
    }
}
