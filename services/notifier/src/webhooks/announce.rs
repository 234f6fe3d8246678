use zoetrope_postgres::{Connection, DatabaseError};

use super::{DisableReason, EndpointId, metrics};
use crate::store::webhooks::work::Claimed;

/// Tells that an endpoint was disabled without its owner's doing, in the transaction that does it. `claimed` is what could not be told
/// there.
pub async fn announce_disabled(
    _connection: &mut Connection,
    claimed: &Claimed,
    endpoint: EndpointId,
    _url: &str,
    reason: DisableReason,
) -> Result<(), DatabaseError> {
    tracing::info!(user_id = %claimed.user_id, endpoint_id = %endpoint, reason = reason.as_str(), "a webhook endpoint is disabled");
    metrics::disabled(reason);
    Ok(())
}
