//! What the other services are told when something ends, in the transaction that ends it.

use diesel_async::AsyncPgConnection;
use zoetrope_contracts::{timestamp, users::v1::AccessEnded};
use zoetrope_domain::ApiKeyId;
use zoetrope_outbox::enqueue;
use zoetrope_postgres::DatabaseError;

use super::sessions::Revoked;

pub(super) async fn of_sessions(connection: &mut AsyncPgConnection, revoked: &[Revoked]) -> Result<(), DatabaseError> {
    let Some(last) = revoked.iter().map(|session| session.expires_at).max() else { return Ok(()) };
    let session_ids = revoked.iter().map(|session| session.id.to_string()).collect();
    tell(connection, &AccessEnded { session_ids, good_until: Some(timestamp(last)), ..AccessEnded::default() }).await
}

pub(super) async fn of_api_keys(connection: &mut AsyncPgConnection, revoked: &[ApiKeyId]) -> Result<(), DatabaseError> {
    if revoked.is_empty() {
        return Ok(());
    }
    let api_key_ids = revoked.iter().map(ToString::to_string).collect();
    tell(connection, &AccessEnded { api_key_ids, ..AccessEnded::default() }).await
}

async fn tell(connection: &mut AsyncPgConnection, ended: &AccessEnded) -> Result<(), DatabaseError> {
    enqueue(connection, ended).await?;
    Ok(())
}
