use std::sync::Arc;

use prost::{Message, Name};
use tokio::sync::Notify;
use zoetrope_bus::{HandleError, Handler, IncomingMessage};
use zoetrope_contracts::users::v1::{AccountTakenOver, UserDeleted, UserRegistered};
use zoetrope_domain::{AccountOwner, OwnerGeneration, UserId};

use super::handle_error;
use crate::commands::Commands;

/// Opens the account of each new user, hands it over to another owner, and closes that of each who is gone.
pub struct UserEvents {
    pub commands: Commands,
    /// Somebody is to be erased.
    pub erasure: Arc<Notify>,
}

enum UserEvent {
    Registered(UserId),
    TakenOver(AccountOwner),
    Deleted(UserId),
}

impl Handler for UserEvents {
    async fn handle(&self, message: IncomingMessage) -> Result<(), HandleError> {
        match read(&message)? {
            UserEvent::Registered(user) => self.commands.open_account(user).await.map_err(handle_error),
            UserEvent::TakenOver(owner) => self.commands.take_over(owner).await.map_err(handle_error),
            UserEvent::Deleted(user) => {
                self.commands.delete_user(user).await.map_err(handle_error)?;
                self.erasure.notify_one();
                Ok(())
            }
        }
    }
}

fn read(message: &IncomingMessage) -> Result<UserEvent, HandleError> {
    let payload = message.payload.as_slice();
    let user = |id: &str| id.parse().map_err(HandleError::poison);
    if message.message_type == UserRegistered::full_name() {
        let event = UserRegistered::decode(payload).map_err(HandleError::poison)?;
        Ok(UserEvent::Registered(user(&event.user_id)?))
    } else if message.message_type == AccountTakenOver::full_name() {
        let event = AccountTakenOver::decode(payload).map_err(HandleError::poison)?;
        let generation = OwnerGeneration::new(event.generation);
        Ok(UserEvent::TakenOver(AccountOwner { user_id: user(&event.user_id)?, generation }))
    } else if message.message_type == UserDeleted::full_name() {
        let event = UserDeleted::decode(payload).map_err(HandleError::poison)?;
        Ok(UserEvent::Deleted(user(&event.user_id)?))
    } else {
        Err(HandleError::poison(format!("a message of type {:?} is not for this queue", message.message_type)))
    }
}
