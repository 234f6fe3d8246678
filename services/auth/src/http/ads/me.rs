use actix_web::web::{self, Data};
use zoetrope_http::{CurrentUser, Problem, ProblemBody};

use super::user::AdsUserView;
use crate::accounts::Accounts;

/// Tells who is signed in.
#[utoipa::path(
    get,
    path = "/api/v1/auth/me",
    tag = "auth",
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The user.", body = AdsUserView),
        (status = 401, description = "Not signed in.", body = ProblemBody),
        (status = 503, description = "A server behind us is away.", body = ProblemBody),
    )
)]
pub async fn ads_me(accounts: Data<Accounts>, caller: CurrentUser) -> Result<web::Json<AdsUserView>, Problem> {
    Ok(web::Json(AdsUserView::from(&accounts.profile(&caller.caller).await?)))
}
