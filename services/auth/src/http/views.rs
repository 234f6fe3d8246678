use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use zoetrope_http::iso_millis;

use crate::accounts::{SignedIn, User};

/// A user, in the words of all client families.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserView {
    #[schema(value_type = Uuid)]
    pub id: String,
    #[schema(example = "ann")]
    pub username: String,
    /// The name that is shown: the same as `username`, unless the user chose another.
    #[schema(example = "Ann")]
    pub nickname: String,
    /// The same as `nickname`.
    #[schema(example = "Ann")]
    pub nick_name: String,
    /// The same as `username`.
    #[schema(example = "ann")]
    pub user_name: String,
    /// The same as `nickname`.
    #[schema(example = "Ann")]
    pub name: String,
    /// As of some seconds ago at the most. A new user has none in the first second, see `GET /api/credits/balance`.
    #[schema(example = 100)]
    pub credits: i64,
    /// Where the user's picture is.
    pub avatar_url: Option<String>,
    /// Empty when there is none.
    #[schema(example = "ann@example.com")]
    pub email: String,
    /// `USER` or `ADMIN`.
    #[schema(example = "USER")]
    pub role: &'static str,
    #[serde(serialize_with = "iso_millis")]
    pub created_at: DateTime<Utc>,
}

impl From<&User> for UserView {
    fn from(user: &User) -> Self {
        Self {
            id: user.id.to_string(),
            username: user.username.clone(),
            nickname: user.shown_name().to_owned(),
            nick_name: user.shown_name().to_owned(),
            user_name: user.username.clone(),
            name: user.shown_name().to_owned(),
            credits: user.credits,
            avatar_url: user.avatar_url.clone(),
            email: user.email.clone().unwrap_or_default(),
            role: user.role.as_str(),
            created_at: user.created_at,
        }
    }
}

/// The answer to a sign-in, which serves all client families: one reads the top, the others read `data`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SignedInView {
    /// Always true.
    success: bool,
    #[schema(example = "success")]
    status: &'static str,
    message: &'static str,
    user: UserView,
    /// For 15 minutes by default; to be renewed with the cookie `refreshToken`.
    access_token: String,
    data: SessionView,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct SessionView {
    /// For 7 days by default, for clients that do not refresh.
    token: String,
    /// Unix milliseconds.
    expires_at: i64,
    user: UserView,
    #[serde(flatten)]
    registered: RegisteredView,
}

/// After a registration only: the new user again.
#[derive(Debug, Default, Serialize, ToSchema)]
struct RegisteredView {
    #[schema(value_type = Option<Uuid>, nullable = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[schema(nullable = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<String>,
    #[schema(nullable = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
}

impl SignedInView {
    pub fn after_login(signed_in: &SignedIn) -> Self {
        let user = UserView::from(&signed_in.user);
        Self {
            success: true,
            status: "success",
            message: "signed in",
            user: user.clone(),
            access_token: signed_in.access_token.clone(),
            data: SessionView {
                token: signed_in.session_token.clone(),
                expires_at: signed_in.session_token_expires_at.timestamp_millis(),
                user,
                registered: RegisteredView::default(),
            },
        }
    }

    /// For a client that sends the token back as it is, as the whole header.
    pub fn after_code(signed_in: &SignedIn) -> Self {
        let mut view = Self::after_login(signed_in);
        view.data.token = format!("Bearer {}", view.data.token);
        view
    }

    pub fn after_registration(signed_in: &SignedIn) -> Self {
        let mut view = Self::after_login(signed_in);
        view.message = "registered";
        let UserView { id, username, email, .. } = view.user.clone();
        view.data.registered = RegisteredView { id: Some(id), username: Some(username), email: Some(email) };
        view
    }
}
