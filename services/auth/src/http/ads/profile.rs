use actix_web::web::{self, Data};
use serde::Deserialize;
use utoipa::ToSchema;
use zoetrope_http::{CurrentUser, Json, Problem, ProblemBody};

use super::user::AdsUserView;
use crate::{
    accounts::{Accounts, Device},
    rules::profile::{ProfileChange, ProfileDraft},
};

#[derive(Debug, Deserialize, ToSchema)]
pub struct AdsChangeProfileRequest {
    /// Up to 64 characters: the name that is shown.
    #[schema(example = "Ann")]
    name: Option<String>,
    /// An `http` or `https` address of up to 2048 characters; empty for no picture.
    avatar_url: Option<String>,
}

/// Shows the own profile.
#[utoipa::path(
    get,
    path = "/api/v1/users/profile",
    tag = "users",
    operation_id = "ads_show_profile",
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The profile.", body = AdsUserView),
        (status = 401, description = "Not signed in.", body = ProblemBody),
        (status = 503, description = "A server behind us is away.", body = ProblemBody),
    )
)]
pub async fn show(accounts: Data<Accounts>, caller: CurrentUser) -> Result<web::Json<AdsUserView>, Problem> {
    Ok(web::Json(AdsUserView::from(&accounts.profile(&caller.caller).await?)))
}

/// Changes the own profile. What is missing, null or an empty name stays.
#[utoipa::path(
    patch,
    path = "/api/v1/users/profile",
    tag = "users",
    operation_id = "ads_change_profile",
    security(("bearer" = [])),
    request_body = AdsChangeProfileRequest,
    responses(
        (status = 200, description = "The profile as it is now.", body = AdsUserView),
        (status = 400, description = "A field cannot be taken.", body = ProblemBody),
        (status = 401, description = "Not signed in.", body = ProblemBody),
        (status = 503, description = "A server behind us is away.", body = ProblemBody),
    )
)]
pub async fn change(
    accounts: Data<Accounts>,
    caller: CurrentUser,
    device: Device,
    Json(request): Json<AdsChangeProfileRequest>,
) -> Result<web::Json<AdsUserView>, Problem> {
    let change = ProfileChange::parse(ProfileDraft {
        display_name: request.name,
        display_name_field: "name",
        avatar_url: request.avatar_url,
        avatar_url_field: "avatar_url",
        ..ProfileDraft::default()
    })
    .map_err(Problem::validation)?;
    let profile = accounts.change_profile(caller.session_id()?, change, None, device).await?;
    Ok(web::Json(AdsUserView::from(&profile)))
}
