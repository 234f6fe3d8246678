use actix_web::web::Data;
use serde::Deserialize;
use utoipa::ToSchema;
use zoetrope_http::{
    ClientAddress, ClientLanguage, Json, Problem, ProblemBody,
    envelope::{Envelope, success_with_message},
};

use super::done::SaidView;
use crate::{accounts::Accounts, rules::sign_in_code::CodeWish};

#[derive(Debug, Deserialize, ToSchema)]
pub struct SendCodeRequest {
    #[schema(required, nullable = false, min_length = 1, example = "ann@example.com")]
    email: Option<String>,
    /// What it is for, by a client that takes codes of six digits. A code is good for everything, whatever it was sent for.
    #[serde(rename = "type")]
    #[schema(example = "login")]
    purpose: Option<String>,
}

/// Mails a code to sign in with, to a user or to somebody who will be one. The answer is the same for both.
///
/// A code has four digits (six if a `type` is sent) and is good for ten minutes, for five tries, once, and until the next code is mailed. An
/// address gets one a minute at the most, unless the one before was used. The mail is in the language that `Accept-Language` prefers,
/// English or Chinese.
#[utoipa::path(
    post,
    path = "/api/auth/send-code",
    tag = "auth",
    request_body = SendCodeRequest,
    responses(
        (status = 200, description = "The code is on its way.", body = Envelope<SaidView>),
        (status = 400, description = "The address is none, or was sent a code within a minute.", body = ProblemBody),
        (status = 429, description = "The address was sent as many codes as it gets in a day.", body = ProblemBody),
        (status = 503, description = "A server behind us is away.", body = ProblemBody),
    )
)]
pub async fn send_code(
    accounts: Data<Accounts>,
    ClientLanguage(language): ClientLanguage,
    ClientAddress(address): ClientAddress,
    Json(request): Json<SendCodeRequest>,
) -> Result<Envelope<SaidView>, Problem> {
    const SENT: &str = "the code is on its way";
    let wish = CodeWish::parse(request.email, request.purpose).map_err(Problem::validation)?;
    accounts.send_code(wish, language, address).await?;
    Ok(success_with_message(SENT, SaidView { message: SENT }))
}
