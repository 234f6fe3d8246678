//! What this service hears of users: how they are reached, who owns an account, and who is gone.

use std::sync::Arc;

use chrono::DateTime;
use prost::{Message as _, Name};
use tokio::sync::Notify;
use zoetrope_bus::{BusSettings, ConsumeFrom, HandleError, Handler, IncomingMessage, consume, topology::NOTIFIER_USERS};
use zoetrope_contracts::{
    datetime,
    users::v1::{AccountTakenOver, ContactChanged, UserDeleted, UserRegistered},
};
use zoetrope_domain::{AccountOwner, Language, OwnerGeneration, UserId};
use zoetrope_postgres::{Database, DatabaseError};
use zoetrope_service::Process;

use crate::{
    erasure,
    store::{contacts, deleted_users, owners},
};

/// Starts to hear, and to erase who is gone.
pub fn start(process: &Process, database: &Database, bus: &BusSettings) {
    let wanted = Arc::new(Notify::new());
    process.spawn("erasure", erasure::run(database.clone(), Arc::clone(&wanted), process.stopping()));
    consume(process, bus, ConsumeFrom::Shared(NOTIFIER_USERS), UserEvents { database: database.clone(), erasure: wanted });
}

struct UserEvents {
    database: Database,
    /// Somebody is to be erased.
    erasure: Arc<Notify>,
}

impl Handler for UserEvents {
    async fn handle(&self, message: IncomingMessage) -> Result<(), HandleError> {
        let payload = message.payload.as_slice();
        if message.message_type == UserRegistered::full_name() {
            let event = UserRegistered::decode(payload).map_err(HandleError::poison)?;
            let user = event.user_id.parse().map_err(HandleError::poison)?;
            self.keep(user, &event).await.map_err(handle_error)
        } else if message.message_type == ContactChanged::full_name() {
            let event = ContactChanged::decode(payload).map_err(HandleError::poison)?;
            let user = event.user_id.parse().map_err(HandleError::poison)?;
            self.change(user, &event).await.map_err(handle_error)
        } else if message.message_type == AccountTakenOver::full_name() {
            let event = AccountTakenOver::decode(payload).map_err(HandleError::poison)?;
            let user_id = event.user_id.parse().map_err(HandleError::poison)?;
            let owner = AccountOwner { user_id, generation: OwnerGeneration::new(event.generation) };
            self.hand_over(owner, Language::from_tag(&event.language)).await.map_err(handle_error)
        } else if message.message_type == UserDeleted::full_name() {
            let event = UserDeleted::decode(payload).map_err(HandleError::poison)?;
            let user = event.user_id.parse().map_err(HandleError::poison)?;
            self.forget(user).await.map_err(handle_error)
        } else {
            Err(HandleError::poison(format!("a message of type {:?} is not for this queue", message.message_type)))
        }
    }
}

impl UserEvents {
    async fn keep(&self, user: UserId, event: &UserRegistered) -> Result<(), DatabaseError> {
        let email = Some(event.email.as_str()).filter(|email| !email.is_empty());
        let language = Language::from_tag(&event.language);
        contacts::save_registered(&mut *self.database.connection().await?, user, email, language).await
    }

    async fn change(&self, user: UserId, event: &ContactChanged) -> Result<(), DatabaseError> {
        let email = Some(event.email.as_str()).filter(|email| !email.is_empty());
        let changed_at = datetime(event.changed_at.as_ref()).unwrap_or(DateTime::UNIX_EPOCH);
        contacts::save_change(&mut *self.database.connection().await?, user, email, changed_at).await
    }

    async fn hand_over(&self, owner: AccountOwner, language: Option<Language>) -> Result<(), DatabaseError> {
        let body = async |connection: &mut _| match owners::enter(connection, owner).await? {
            Some(present) => owners::note_language(connection, &present, language).await,
            // It is old news.
            None => Ok(()),
        };
        self.database.transaction("hand_over", body).await
    }

    async fn forget(&self, user: UserId) -> Result<(), DatabaseError> {
        deleted_users::insert(&mut *self.database.connection().await?, user).await?;
        self.erasure.notify_one();
        Ok(())
    }
}

fn handle_error(error: DatabaseError) -> HandleError {
    if error.is_unavailable() { HandleError::unavailable(error) } else { HandleError::failed(error) }
}
