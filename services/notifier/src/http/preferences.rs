use actix_web::web::{Data, ServiceConfig, get, put, resource};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use zoetrope_domain::AccountOwner;
use zoetrope_http::{
    Authenticator, CurrentUser, Json, KeyAccess, Problem, ProblemBody,
    envelope::{Envelope, success},
};
use zoetrope_postgres::{Database, DatabaseError};
use zoetrope_service::run_to_end;

use crate::store::{contacts, owners};

/// What users decide about their notifications. Cheap to clone.
#[derive(Clone)]
pub struct Preferences {
    pub database: Database,
    pub authenticator: Authenticator,
}

#[derive(Debug, thiserror::Error)]
enum PreferencesError {
    /// Whoever asks was one of the account's owners before.
    #[error("this session has ended")]
    AnotherOwner,
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl From<PreferencesError> for Problem {
    fn from(error: PreferencesError) -> Self {
        match error {
            PreferencesError::AnotherOwner => Self::unauthorized(error.to_string()),
            PreferencesError::Database(error) => error.into(),
        }
    }
}

impl Preferences {
    async fn wants_ready_mail(&self, owner: AccountOwner) -> Result<bool, PreferencesError> {
        let body = async |connection: &mut _| {
            let present = owners::enter(connection, owner).await?.ok_or(PreferencesError::AnotherOwner)?;
            Ok::<_, PreferencesError>(contacts::wants_ready_mail(connection, &present).await?)
        };
        self.database.transaction("show_preferences", body).await
    }

    async fn set_wants_ready_mail(&self, owner: AccountOwner, wanted: bool) -> Result<(), PreferencesError> {
        let body = async |connection: &mut _| {
            let present = owners::enter(connection, owner).await?.ok_or(PreferencesError::AnotherOwner)?;
            Ok::<_, PreferencesError>(contacts::set_wants_ready_mail(connection, &present, wanted).await?)
        };
        self.database.transaction("set_preferences", body).await
    }
}

pub fn routes(preferences: &Preferences, config: &mut ServiceConfig) {
    config.app_data(Data::new(preferences.clone())).app_data(Data::new(preferences.authenticator.clone())).service(
        resource("/api/notifications/preferences")
            .app_data(KeyAccess::ByMethod)
            .route(get().to(show_preferences))
            .route(put().to(set_preferences)),
    );
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = NotificationPreferences)]
pub struct PreferencesView {
    /// Whether to send a mail when a video is ready; off until somebody turns it on. It goes to the address of the registration.
    ready_mail: bool,
}

/// What the user wants to be notified of.
#[utoipa::path(
    get,
    path = "/api/notifications/preferences",
    tag = "notifications",
    responses(
        (status = 200, description = "The preferences", body = Envelope<PreferencesView>),
        (status = 401, description = "No good token", body = ProblemBody),
        (status = 503, description = "A server behind us is away.", body = ProblemBody),
    ),
    security(("bearer" = [])),
)]
pub async fn show_preferences(preferences: Data<Preferences>, user: CurrentUser) -> Result<Envelope<PreferencesView>, Problem> {
    let ready_mail = preferences.wants_ready_mail(user.owner()).await?;
    Ok(success(PreferencesView { ready_mail }))
}

/// Changes what the user wants to be notified of.
#[utoipa::path(
    put,
    path = "/api/notifications/preferences",
    tag = "notifications",
    request_body = PreferencesView,
    responses(
        (status = 200, description = "The preferences from now on", body = Envelope<PreferencesView>),
        (status = 400, description = "A field cannot be taken.", body = ProblemBody),
        (status = 401, description = "No good token", body = ProblemBody),
        (status = 503, description = "A server behind us is away.", body = ProblemBody),
    ),
    security(("bearer" = [])),
)]
pub async fn set_preferences(
    preferences: Data<Preferences>,
    user: CurrentUser,
    Json(wanted): Json<PreferencesView>,
) -> Result<Envelope<PreferencesView>, Problem> {
    let (owner, ready_mail) = (user.owner(), wanted.ready_mail);
    run_to_end(async move { preferences.set_wants_ready_mail(owner, ready_mail).await }).await?;
    Ok(success(wanted))
}
