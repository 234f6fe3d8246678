use prost::{Message as _, Name};
use zoetrope_bus::{HandleError, Handler, IncomingMessage};
use zoetrope_contracts::users::v1::UserRegistered;
use zoetrope_domain::{Language, UserId};
use zoetrope_postgres::{Database, DatabaseError};

use super::commands::handle_error;
use crate::store::contacts;

/// Learns how new users are reached.
pub(super) struct Registrations {
    pub(super) database: Database,
}

impl Handler for Registrations {
    async fn handle(&self, message: IncomingMessage) -> Result<(), HandleError> {
        if message.message_type != UserRegistered::full_name() {
            return Err(HandleError::poison(format!("not a {}", UserRegistered::full_name())));
        }
        let event = UserRegistered::decode(message.payload.as_slice()).map_err(HandleError::poison)?;
        let user = event.user_id.parse().map_err(HandleError::poison)?;
        self.keep(user, &event).await.map_err(handle_error)
    }
}

impl Registrations {
    async fn keep(&self, user: UserId, event: &UserRegistered) -> Result<(), DatabaseError> {
        let email = Some(event.email.as_str()).filter(|email| !email.is_empty());
        let language = Language::from_tag(&event.language);
        contacts::save_registered(&mut *self.database.connection().await?, user, email, language).await
    }
}
