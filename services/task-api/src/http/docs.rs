//! Swagger UI, from assets in this binary. The description that it shows is merged from all services and served by the gateway.

use actix_web::web::{ServiceConfig, redirect};
use utoipa_swagger_ui::{Config, SwaggerUi};

const DESCRIPTION: &str = "/api-docs.json";

pub fn routes(config: &mut ServiceConfig) {
    config
        .service(redirect("/api-docs", "/api-docs/"))
        .service(SwaggerUi::new("/api-docs/{_:.*}").config(Config::from(DESCRIPTION)));
}
