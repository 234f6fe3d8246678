use actix_web::web::Data;
use zoetrope_http::{
    ClientLanguage, CurrentUser, Problem, ProblemBody,
    envelope::{Envelope, success_with_message},
};

use super::done::SaidView;
use crate::accounts::Accounts;

/// Mails the link once more that confirms the own address: the one in `pendingEmail`, or else the present one.
///
/// As codes: a minute after the one before, which may be the first of all, and ten times a day. The mail is in the language that `Accept-Language` prefers, English or Chinese.
#[utoipa::path(
    post,
    path = "/api/auth/send-confirmation",
    tag = "auth",
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The mail is on its way.", body = Envelope<SaidView>),
        (status = 401, description = "Not signed in.", body = ProblemBody),
        (status = 403, description = "Not with an API key.", body = ProblemBody),
        (status = 404, description = "Addresses are not confirmed here.", body = ProblemBody),
        (status = 409, description = "There is no address, or it is confirmed.", body = ProblemBody),
        (status = 429, description = "Asked for too often: `Retry-After` says when to try again.", body = ProblemBody),
        (status = 503, description = "A server behind us is away.", body = ProblemBody),
    )
)]
pub async fn send_confirmation(
    accounts: Data<Accounts>,
    caller: CurrentUser,
    ClientLanguage(language): ClientLanguage,
) -> Result<Envelope<SaidView>, Problem> {
    const SENT: &str = "the mail is on its way";
    accounts.send_confirmation(caller.session_id()?, language).await?;
    Ok(success_with_message(SENT, SaidView { message: SENT }))
}
