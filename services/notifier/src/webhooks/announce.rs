use zoetrope_domain::UserId;
use zoetrope_postgres::{Connection, DatabaseError};

use super::{DisableReason, EndpointId, metrics};

/// Tells that an endpoint was disabled without its owner's doing, in the transaction that does it.
pub async fn announce_disabled(
    _connection: &mut Connection,
    user: UserId,
    endpoint: EndpointId,
    reason: DisableReason,
) -> Result<(), DatabaseError> {
    tracing::info!(user_id = %user, endpoint_id = %endpoint, reason = reason.as_str(), "a webhook endpoint is disabled");
    metrics::disabled(reason);
    Ok(())
}
