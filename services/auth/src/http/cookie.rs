use actix_web::{
    HttpRequest,
    cookie::{Cookie, SameSite, time::Duration},
};
use chrono::TimeDelta;
use secrecy::ExposeSecret;

use crate::credentials::RefreshToken;

const NAME: &str = "refreshToken";
const PATH: &str = "/api/auth";

/// The cookie in which a browser keeps its refresh token, out of the page's reach.
#[derive(Debug, Clone, Copy)]
pub struct RefreshCookie {
    /// Sent over TLS only.
    pub secure: bool,
    pub lifetime: TimeDelta,
}

impl RefreshCookie {
    pub fn set(&self, token: &RefreshToken) -> Cookie<'static> {
        self.build(token.reveal().expose_secret().to_owned(), Duration::seconds(self.lifetime.num_seconds()))
    }

    /// Makes the browser forget it.
    pub fn clear(&self) -> Cookie<'static> {
        self.build(String::new(), Duration::ZERO)
    }

    fn build(&self, value: String, max_age: Duration) -> Cookie<'static> {
        Cookie::build(NAME, value)
            .path(PATH)
            .http_only(true)
            .same_site(SameSite::Strict)
            .secure(self.secure)
            .max_age(max_age)
            .finish()
    }
}

/// The refresh token that the browser sent.
pub fn read(request: &HttpRequest) -> Option<String> {
    request.cookie(NAME).map(|cookie| cookie.value().to_owned()).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const COOKIE: RefreshCookie = RefreshCookie { secure: true, lifetime: TimeDelta::days(7) };

    #[test]
    fn the_cookie_is_kept_from_scripts_and_other_sites() {
        let text = COOKIE.set(&RefreshToken::generate().unwrap()).to_string();
        assert!(text.starts_with("refreshToken="), "{text}");
        for attribute in ["HttpOnly", "SameSite=Strict", "Secure", "Path=/api/auth", "Max-Age=604800"] {
            assert!(text.split("; ").any(|part| part == attribute), "{attribute}: {text}");
        }
        let plain = RefreshCookie { secure: false, ..COOKIE };
        assert!(!plain.set(&RefreshToken::generate().unwrap()).to_string().contains("Secure"));
    }

    #[test]
    fn clearing_names_the_same_cookie() {
        let text = COOKIE.clear().to_string();
        assert!(text.starts_with("refreshToken=;") && text.contains("Path=/api/auth") && text.contains("Max-Age=0"), "{text}");
    }
}
