use prost::{Message, Name};
use zoetrope_bus::{HandleError, Handler, IncomingMessage};
use zoetrope_contracts::users::v1::UserRegistered;

use super::handle_error;
use crate::commands::Commands;

/// Opens the account of each new user.
pub struct UserEvents {
    pub commands: Commands,
}

impl Handler for UserEvents {
    async fn handle(&self, message: IncomingMessage) -> Result<(), HandleError> {
        if message.message_type != UserRegistered::full_name() {
            return Err(HandleError::poison(format!("a message of type {:?} is not for this queue", message.message_type)));
        }
        let event = UserRegistered::decode(message.payload.as_slice()).map_err(HandleError::poison)?;
        let user = event.user_id.parse().map_err(HandleError::poison)?;
        self.commands.open_account(user).await.map_err(handle_error)
    }
}
