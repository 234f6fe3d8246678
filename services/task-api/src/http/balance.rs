use actix_web::{HttpResponse, web::Data};
use serde::Serialize;
use utoipa::ToSchema;
use zoetrope_http::{
    CurrentUser, Problem, ProblemBody,
    envelope::{Envelope, success},
};
use zoetrope_service::run_to_end;

use crate::app::App;

/// A balance, for clients that expect an envelope and for those that do not.
#[derive(Debug, Serialize, ToSchema)]
pub struct BalanceView {
    /// Credits.
    balance: i64,
    #[serde(flatten)]
    envelope: Envelope<Balance>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Balance {
    /// Credits.
    balance: i64,
}

/// The own balance.
#[utoipa::path(
    get,
    path = "/api/credits/balance",
    tag = "credits",
    responses(
        (status = 200, description = "Credits left", body = BalanceView),
        (status = 401, description = "No good token", body = ProblemBody),
    ),
    security(("bearer" = [])),
)]
pub async fn show_balance(app: Data<App>, user: CurrentUser) -> Result<HttpResponse, Problem> {
    let (commands, user_id) = (app.commands.clone(), user.user_id);
    let balance = run_to_end(async move { commands.balance(user_id).await }).await?;
    Ok(HttpResponse::Ok().json(BalanceView { balance, envelope: success(Balance { balance }) }))
}
