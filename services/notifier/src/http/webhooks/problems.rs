use zoetrope_http::Problem;

use crate::webhooks::WebhookError;

impl From<WebhookError> for Problem {
    fn from(error: WebhookError) -> Self {
        match error {
            WebhookError::NoEndpoint | WebhookError::NoDelivery => Self::not_found(error.to_string()),
            WebhookError::TooMany(_) | WebhookError::Disabled => Self::invalid_state(error.to_string()),
            WebhookError::AnotherOwner => Self::unauthorized(error.to_string()),
            WebhookError::Database(error) => error.into(),
        }
    }
}
