use std::time::Duration;

use diesel::{
    prelude::*,
    sql_types::{Double, Text, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl;
use secrecy::{ExposeSecret, SecretString};
use zoetrope_postgres::{Connection, DatabaseError, Statement};

use crate::{
    store::{
        owners::PresentOwner,
        schema::{webhook_callback_secrets, webhook_endpoints},
    },
    webhooks::{EndpointId, Secret},
};

/// Gives a user a secret for callbacks, unless there is one.
pub async fn ensure(connection: &mut Connection, owner: &PresentOwner, new: &Secret) -> Result<(), DatabaseError> {
    diesel::insert_into(webhook_callback_secrets::table)
        .values((
            webhook_callback_secrets::user_id.eq(owner.user().as_uuid()),
            webhook_callback_secrets::secret.eq(new.reveal().expose_secret()),
        ))
        .on_conflict_do_nothing()
        .execute(connection)
        .await?;
    Ok(())
}

/// The user's secret for callbacks.
pub async fn of_callbacks(connection: &mut Connection, owner: &PresentOwner) -> Result<SecretString, DatabaseError> {
    let secret: String = webhook_callback_secrets::table
        .find(owner.user().as_uuid())
        .select(webhook_callback_secrets::secret)
        .first(connection)
        .await?;
    Ok(secret.into())
}

/// Replaces the user's secret for callbacks; the one before goes on to sign for a while.
pub async fn rotate_callbacks(
    connection: &mut Connection,
    owner: &PresentOwner,
    new: &Secret,
    overlap: Duration,
) -> Result<(), DatabaseError> {
    Statement::new("INSERT INTO webhook_callback_secrets AS present (user_id, secret) VALUES (")
        .bind::<SqlUuid, _>(owner.user().as_uuid())
        .sql(", ")
        .bind::<Text, _>(new.reveal().expose_secret())
        .sql(
            ") ON CONFLICT (user_id) DO UPDATE SET secret = excluded.secret, previous_secret = present.secret,
               previous_secret_expires_at = now() + make_interval(secs => ",
        )
        .bind::<Double, _>(overlap.as_secs_f64())
        .sql(")")
        .execute(connection)
        .await?;
    Ok(())
}

/// Replaces an endpoint's secret; the one before goes on to sign for a while. False: it is not this user's.
pub async fn rotate(
    connection: &mut Connection,
    owner: &PresentOwner,
    endpoint: EndpointId,
    new: &Secret,
    overlap: Duration,
) -> Result<bool, DatabaseError> {
    let expiry =
        diesel::dsl::sql::<diesel::sql_types::Nullable<diesel::sql_types::Timestamptz>>("now() + make_interval(secs => ")
            .bind::<Double, _>(overlap.as_secs_f64())
            .sql(")");
    let own = webhook_endpoints::table.find(endpoint.as_uuid()).filter(webhook_endpoints::user_id.eq(owner.user().as_uuid()));
    let changed = diesel::update(own)
        .set((
            webhook_endpoints::previous_secret.eq(webhook_endpoints::secret.nullable()),
            webhook_endpoints::previous_secret_expires_at.eq(expiry),
            webhook_endpoints::secret.eq(new.reveal().expose_secret()),
            webhook_endpoints::updated_at.eq(diesel::dsl::now),
        ))
        .execute(connection)
        .await?;
    Ok(changed == 1)
}
