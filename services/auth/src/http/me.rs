use actix_web::web::Data;
use serde::Serialize;
use utoipa::ToSchema;
use zoetrope_http::{
    MaybeUser, Problem, ProblemBody,
    envelope::{Envelope, success},
};

use super::views::UserView;
use crate::accounts::Accounts;

#[derive(Debug, Serialize, ToSchema)]
pub struct MeView {
    /// `authenticated` or `unauthenticated`.
    #[schema(example = "authenticated")]
    status: &'static str,
    user: Option<UserView>,
}

/// Tells who is signed in, if anybody is.
#[utoipa::path(
    get,
    path = "/api/auth/me",
    tag = "auth",
    security((), ("bearer" = [])),
    responses(
        (status = 200, description = "The user, or null without credentials.", body = Envelope<MeView>),
        (status = 401, description = "The credentials are not good.", body = ProblemBody),
        (status = 503, description = "A server behind us is away.", body = ProblemBody),
    )
)]
pub async fn me(accounts: Data<Accounts>, MaybeUser(caller): MaybeUser) -> Result<Envelope<MeView>, Problem> {
    let Some(caller) = caller else {
        return Ok(success(MeView { status: "unauthenticated", user: None }));
    };
    let user = accounts.user_of(&caller).await?;
    Ok(success(MeView { status: "authenticated", user: Some(UserView::from(&user)) }))
}
