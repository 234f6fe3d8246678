use actix_web::{HttpResponse, web::Data};
use serde::Deserialize;
use utoipa::ToSchema;
use zoetrope_http::{ClientLanguage, Json, Problem, ProblemBody};

use super::tokens::TokensView;
use crate::{
    accounts::{Accounts, Device},
    federation::Federation,
    rules::google_sign_in::GoogleSignIn,
};

#[derive(Deserialize, ToSchema)]
pub struct GoogleRequest {
    /// From the address to which Google sent the user back.
    #[schema(required, nullable = false, min_length = 1, max_length = 4096)]
    code: Option<String>,
    /// That address without its query; one of `google.redirect_uris`, and the first of them when it is left out.
    #[schema(example = "https://video.example/auth/callback")]
    redirect_uri: Option<String>,
    /// If the front-end sent one to Google.
    nonce: Option<String>,
}

/// Signs in with Google, and registers who is new.
///
/// An address that Google has verified leads to the user who has it. One that it has not counts for nothing.
#[utoipa::path(
    post,
    path = "/api/v1/auth/google",
    tag = "auth",
    request_body = GoogleRequest,
    responses(
        (status = 200, description = "Signed in.", body = TokensView),
        (status = 400, description = "The code is missing, or the page is not one of ours.", body = ProblemBody),
        (status = 401, description = "Google does not take the code, or what it says of the user is not good.", body = ProblemBody),
        (status = 403, description = "The account is suspended, or an administrator's whose address is not confirmed.", body = ProblemBody),
        (status = 404, description = "Sign-in with Google is not set up here.", body = ProblemBody),
        (status = 503, description = "Google or a server behind us is away.", body = ProblemBody),
    )
)]
pub async fn sign_in_with_google(
    accounts: Data<Accounts>,
    federation: Data<Federation>,
    ClientLanguage(language): ClientLanguage,
    device: Device,
    Json(request): Json<GoogleRequest>,
) -> Result<HttpResponse, Problem> {
    let GoogleRequest { code, redirect_uri, nonce } = request;
    let google = federation.google.as_ref().ok_or_else(|| Problem::not_found("sign-in with Google is not set up here"))?;
    let sign_in = GoogleSignIn::parse(code, redirect_uri, nonce).map_err(Problem::validation)?;
    let arrival = google.vouch(sign_in).await?;
    let signed_in = accounts.arrive(arrival, language, device).await?.signed_in;
    Ok(HttpResponse::Ok().json(TokensView::new(&accounts, signed_in.access_token, &signed_in.refresh_token)))
}
