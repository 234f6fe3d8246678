use actix_web::web::Data;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use zoetrope_http::{
    ClientLanguage, Json, Problem, ProblemBody,
    envelope::{Envelope, success_with_message},
    iso_millis,
};

use crate::{
    accounts::{Accounts, Arrived, Device},
    federation::Federation,
    rules::{google_sign_in::code_of, linking::Arrival},
};

#[derive(Deserialize, ToSchema)]
pub struct WeChatRequest {
    /// From `wx.login`.
    #[schema(required, nullable = false, min_length = 1, max_length = 4096)]
    code: Option<String>,
    #[serde(rename = "userInfo")]
    user_info: Option<UserInfo>,
}

/// What the user wants to be called; WeChat does not vouch for it.
#[derive(Deserialize, ToSchema)]
pub struct UserInfo {
    /// The name that is shown of a new user.
    #[schema(example = "小明")]
    nickname: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct WeChatView {
    /// For 7 days by default; can be renewed.
    token: String,
    user: PhotoUserView,
}

#[derive(Debug, Serialize, ToSchema)]
struct PhotoUserView {
    #[schema(value_type = Uuid)]
    user_id: String,
    /// The name that is shown.
    nickname: String,
    /// Where the user's picture is.
    avatar_url: Option<String>,
    /// As of some seconds ago at the most.
    #[schema(example = 100)]
    credits: i64,
    /// `user` or `admin`.
    #[schema(example = "user")]
    role: String,
    is_new_user: bool,
    #[serde(serialize_with = "iso_millis")]
    created_at: DateTime<Utc>,
}

/// Signs in with WeChat, in a mini-program, and registers who is new.
#[utoipa::path(
    post,
    path = "/api/auth/wechat/login",
    tag = "auth",
    request_body = WeChatRequest,
    responses(
        (status = 200, description = "Signed in.", body = Envelope<WeChatView>),
        (status = 400, description = "The code is missing.", body = ProblemBody),
        (status = 401, description = "WeChat does not take the code: it was used, has expired, or is none.", body = ProblemBody),
        (status = 403, description = "The account is suspended, or WeChat has blocked its user.", body = ProblemBody),
        (status = 404, description = "Sign-in with WeChat is not set up here.", body = ProblemBody),
        (status = 429, description = "Too often: `Retry-After` says when to try again.", body = ProblemBody),
        (status = 503, description = "WeChat is busy, or it or a server behind us is away.", body = ProblemBody),
    )
)]
pub async fn sign_in_with_wechat(
    accounts: Data<Accounts>,
    federation: Data<Federation>,
    ClientLanguage(language): ClientLanguage,
    device: Device,
    Json(request): Json<WeChatRequest>,
) -> Result<Envelope<WeChatView>, Problem> {
    let WeChatRequest { code, user_info } = request;
    let wechat = federation.wechat.as_ref().ok_or_else(|| Problem::not_found("sign-in with WeChat is not set up here"))?;
    let identities = wechat.vouch(&code_of("code", code).map_err(Problem::validation)?).await?;
    let name = user_info.and_then(|info| info.nickname);
    let arrived = accounts.arrive(Arrival { identities, verified_email: None, name }, language, device).await?;
    let Arrived { signed_in, is_new } = arrived;
    let user = PhotoUserView {
        user_id: signed_in.user.id.to_string(),
        nickname: signed_in.user.shown_name().to_owned(),
        avatar_url: signed_in.user.avatar_url,
        credits: signed_in.user.credits,
        role: signed_in.user.role.as_str().to_lowercase(),
        is_new_user: is_new,
        created_at: signed_in.user.created_at,
    };
    Ok(success_with_message("signed in", WeChatView { token: signed_in.session_token, user }))
}
