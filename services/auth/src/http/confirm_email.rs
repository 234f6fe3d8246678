use actix_web::{
    HttpResponse,
    http::{
        StatusCode,
        header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, ContentType, REFERRER_POLICY},
    },
    web::Data,
};
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;
use zoetrope_domain::Language;
use zoetrope_http::{ClientLanguage, Problem, ProblemBody, Query};

use crate::{
    accounts::{AccountError, Accounts, Device, OpenedLink},
    rules::confirmation::Confirmation,
};

/// What a mailed link says.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Link {
    user: Uuid,
    /// Unix seconds.
    expires: i64,
    #[param(min_length = 1, pattern = "^[A-Za-z0-9_-]+$")]
    seal: String,
}

/// What somebody reads who opens it.
enum Page {
    /// With the address to which the button sends.
    Question(String),
    Confirmed,
    /// Somebody else has the address.
    Taken,
    Void,
}

/// Shows a page that asks to confirm an e-mail address. Mails to new users and to new addresses lead there; looking at it confirms
/// nothing.
#[utoipa::path(
    get,
    path = "/api/auth/confirm-email",
    tag = "auth",
    params(Link),
    responses(
        (status = 200, description = "The page, in English or Chinese.", body = String, content_type = "text/html"),
        (status = 400, description = "The link is not whole: a page.", body = String, content_type = "text/html"),
    )
)]
pub async fn ask(ClientLanguage(language): ClientLanguage, Query(link): Query<Link>) -> HttpResponse {
    let Link { user, expires, seal } = link;
    // It becomes a part of the page.
    if !seal.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')) {
        return Page::Void.show(language);
    }
    Page::Question(Confirmation::read(user, expires).link(&seal)).show(language)
}

/// Confirms an e-mail address, which takes the place of the user's if it was asked for. Whatever else lets the user in stays as it is.
#[utoipa::path(
    post,
    path = "/api/auth/confirm-email",
    tag = "auth",
    params(Link),
    responses(
        (status = 200, description = "Confirmed: a page, in English or Chinese.", body = String, content_type = "text/html"),
        (status = 400, description = "The link is not ours, or has expired: a page.", body = String, content_type = "text/html"),
        (status = 409, description = "Somebody else has the address by now, and nothing has changed: a page.", body = String, content_type = "text/html"),
        (status = 503, description = "A server behind us is away.", body = ProblemBody),
    )
)]
pub async fn confirm(
    accounts: Data<Accounts>,
    ClientLanguage(language): ClientLanguage,
    device: Device,
    Query(link): Query<Link>,
) -> Result<HttpResponse, Problem> {
    let Link { user, expires, seal } = link;
    match accounts.confirm_email(OpenedLink { confirmation: Confirmation::read(user, expires), seal, language, device }).await {
        Ok(()) => Ok(Page::Confirmed.show(language)),
        Err(AccountError::Taken(_)) => Ok(Page::Taken.show(language)),
        Err(AccountError::BadConfirmation) => Ok(Page::Void.show(language)),
        Err(error) => Err(error.into()),
    }
}

impl Page {
    fn show(&self, language: Option<Language>) -> HttpResponse {
        let language = language.unwrap_or_default();
        let (title, text, button) = self.words(language);
        let form = match self {
            Self::Question(action) => {
                format!("<form method=\"post\" action=\"{}\"><button>{button}</button></form>\n", action.replace('&', "&amp;"))
            }
            Self::Confirmed | Self::Taken | Self::Void => String::new(),
        };
        let body = format!(
            "<!doctype html>\n<html lang=\"{}\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n</head>\n\
             <body>\n<main>\n<h1>{title}</h1>\n<p>{text}</p>\n{form}</main>\n</body>\n</html>\n",
            language.as_str()
        );
        HttpResponse::build(self.status())
            .content_type(ContentType::html())
            .insert_header((CONTENT_SECURITY_POLICY, "default-src 'none'; form-action 'self'; frame-ancestors 'none'"))
            // The address of the page lets its holder confirm.
            .insert_header((REFERRER_POLICY, "same-origin"))
            .insert_header((CACHE_CONTROL, "no-store"))
            .body(body)
    }

    const fn status(&self) -> StatusCode {
        match self {
            Self::Question(_) | Self::Confirmed => StatusCode::OK,
            Self::Taken => StatusCode::CONFLICT,
            Self::Void => StatusCode::BAD_REQUEST,
        }
    }

    /// Title, text, and what is on the button.
    const fn words(&self, language: Language) -> (&'static str, &'static str, &'static str) {
        match (self, language) {
            (Self::Question(_), Language::English) => (
                "Confirm your address",
                "Somebody gave your e-mail address for an account here. Confirm it only if it was you.",
                "It was me: confirm",
            ),
            (Self::Question(_), Language::Chinese) => {
                ("确认您的邮箱地址", "有人在本站的账户中填写了您的邮箱地址。如果是您本人操作，请确认。", "是我本人，确认")
            }
            (Self::Confirmed, Language::English) => {
                ("Confirmed", "Your e-mail address is confirmed. You may close this page.", "")
            }
            (Self::Confirmed, Language::Chinese) => ("已确认", "您的邮箱地址已确认，可以关闭此页面。", ""),
            (Self::Taken, Language::English) => (
                "The address is taken",
                "Another account has this e-mail address by now. Nothing has changed: yours keeps the address that it had.",
                "",
            ),
            (Self::Taken, Language::Chinese) => {
                ("邮箱地址已被占用", "此邮箱地址现已属于另一个账户。未作任何更改，您的账户仍使用原来的地址。", "")
            }
            (Self::Void, Language::English) => {
                ("This link does not work", "It is incomplete, has expired, or another has taken its place.", "")
            }
            (Self::Void, Language::Chinese) => ("链接无效", "链接不完整、已过期，或已被新的链接取代。", ""),
        }
    }
}
