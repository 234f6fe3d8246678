use zoetrope_postgres::{Connection, DatabaseError};

use super::{DisableReason, EndpointId, metrics};
use crate::{
    mail::{self, Content, MailId},
    store::{contacts, webhooks::work::Claimed},
};

/// Tells its owner that an endpoint was disabled, in the transaction that does it. `claimed` is what could not be told there. Who has no
/// address finds it in the list of webhooks.
pub async fn announce_disabled(
    connection: &mut Connection,
    claimed: &Claimed,
    endpoint: EndpointId,
    url: &str,
    reason: DisableReason,
) -> Result<(), DatabaseError> {
    tracing::info!(user_id = %claimed.user_id, endpoint_id = %endpoint, reason = reason.as_str(), "a webhook endpoint is disabled");
    metrics::disabled(reason);
    if let Some(owner) = contacts::find(connection, claimed.user_id).await? {
        // It may be enabled and disabled again, which is news again.
        let id = MailId::endpoint_disabled(endpoint, claimed.token);
        mail::enqueue(connection, &owner.mail(id, Content::EndpointDisabled { url: url.to_owned() })).await?;
    }
    Ok(())
}
