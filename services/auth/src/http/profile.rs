//! The own profile, as the family `sora2` knows it.

use actix_web::web::Data;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use zoetrope_http::{
    ClientLanguage, CurrentUser, Json, Problem, ProblemBody,
    envelope::{Envelope, success, success_with_message},
};

use super::views::UserView;
use crate::{
    accounts::{Accounts, Device, Profile},
    rules::profile::{ProfileChange, ProfileDraft},
};

/// A profile, for clients that read `data.user`, for those that read `user`, and for those that read the top.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProfileView {
    #[serde(flatten)]
    envelope: Envelope<ProfileData>,
    user: FullUserView,
    /// At the top `status` says that all went well.
    #[serde(flatten)]
    bare: OwnView,
}

#[derive(Debug, Serialize, ToSchema)]
struct ProfileData {
    user: FullUserView,
}

/// What is for the user alone.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct OwnView {
    #[serde(flatten)]
    user: UserView,
    bio: String,
    /// Takes the place of `email` when the link is opened that was mailed there; left out when there is none.
    #[schema(example = "ann@example.org")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pending_email: Option<String>,
}

#[derive(Debug, Clone, Serialize, ToSchema)]
struct FullUserView {
    #[serde(flatten)]
    own: OwnView,
    /// `active`: who reads the own profile is let in.
    #[schema(example = "active")]
    status: String,
}

impl ProfileView {
    fn new(profile: &Profile, wrap: impl FnOnce(ProfileData) -> Envelope<ProfileData>) -> Self {
        let own = OwnView {
            user: UserView::from(&profile.user),
            bio: profile.bio.clone(),
            pending_email: profile.pending_email.clone(),
        };
        let full = FullUserView { own: own.clone(), status: profile.state.as_str().to_lowercase() };
        Self { envelope: wrap(ProfileData { user: full.clone() }), user: full, bare: own }
    }
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChangeProfileRequest {
    /// 1 to 64 characters, no `@`; unique whatever its case. One signs in with it.
    #[schema(example = "ann")]
    username: Option<String>,
    /// Up to 64 characters: the name that is shown.
    #[schema(example = "Ann")]
    nickname: Option<String>,
    /// Unique whatever its case. Another address needs `currentPassword`, unless the user signed in within the last 15 minutes, and may count
    /// only when it is confirmed.
    #[schema(example = "ann@example.com")]
    email: Option<String>,
    /// Up to 500 characters.
    bio: Option<String>,
    /// An `http` or `https` address of up to 2048 characters; empty for no picture.
    #[schema(example = "https://pictures.example/ann.png")]
    avatar_url: Option<String>,
    #[schema(value_type = Option<String>, format = Password)]
    current_password: Option<SecretString>,
}

/// Shows the own profile.
#[utoipa::path(
    get,
    path = "/api/users/profile",
    tag = "users",
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The profile.", body = ProfileView),
        (status = 401, description = "Not signed in.", body = ProblemBody),
        (status = 503, description = "A server behind us is away.", body = ProblemBody),
    )
)]
pub async fn show(accounts: Data<Accounts>, caller: CurrentUser) -> Result<actix_web::web::Json<ProfileView>, Problem> {
    let profile = accounts.profile(&caller.caller).await?;
    Ok(actix_web::web::Json(ProfileView::new(&profile, success)))
}

/// Changes the own profile. What is missing or null stays, and so does a name or an address that is empty.
///
/// Who has shown to receive mail at the present address keeps it until the link is opened that is mailed to another one: that is
/// `pendingEmail` until then, and the present address is told. Asking for the present address again, another password, the end of all
/// sessions and time make the link void. Else another address counts at once, as not verified.
#[utoipa::path(
    put,
    path = "/api/users/profile",
    tag = "users",
    security(("bearer" = [])),
    request_body = ChangeProfileRequest,
    responses(
        (status = 200, description = "The profile as it is now.", body = ProfileView),
        (status = 400, description = "A field cannot be taken, or the password is missing or wrong.", body = ProblemBody),
        (status = 401, description = "Not signed in.", body = ProblemBody),
        (status = 403, description = "The address needs a session of the last 15 minutes. Or it is an API key.", body = ProblemBody),
        (status = 409, description = "The username or the email is taken.", body = ProblemBody),
        (status = 429, description = "Too many wrong passwords; `Retry-After` says when to try again.", body = ProblemBody),
        (status = 503, description = "A server behind us is away, or too many sign-ins wait.", body = ProblemBody),
    )
)]
pub async fn change(
    accounts: Data<Accounts>,
    caller: CurrentUser,
    ClientLanguage(language): ClientLanguage,
    device: Device,
    Json(request): Json<ChangeProfileRequest>,
) -> Result<actix_web::web::Json<ProfileView>, Problem> {
    let ChangeProfileRequest { username, nickname, email, bio, avatar_url, current_password } = request;
    let change = ProfileChange::parse(ProfileDraft {
        username,
        display_name: nickname,
        display_name_field: "nickname",
        email,
        bio,
        avatar_url,
        avatar_url_field: "avatarUrl",
        current_password,
    })
    .map_err(Problem::validation)?;
    let profile = accounts.change_profile(caller.session_id()?, change, language, device).await?;
    Ok(actix_web::web::Json(ProfileView::new(&profile, |data| success_with_message("the profile was changed", data))))
}
