use actix_web::cookie::{Cookie, SameSite, time::Duration};
use chrono::TimeDelta;
use zoetrope_http::SESSION_COOKIE;

/// The cookie in which a browser keeps its session token, for clients that send no header. Every service takes it for one.
#[derive(Debug, Clone, Copy)]
pub struct SessionCookie {
    /// Sent over TLS only.
    pub secure: bool,
    /// The token's.
    pub lifetime: TimeDelta,
}

impl SessionCookie {
    pub fn set(&self, session_token: &str) -> Cookie<'static> {
        self.build(session_token.to_owned(), Duration::seconds(self.lifetime.num_seconds()))
    }

    /// Makes the browser forget it.
    pub fn clear(&self) -> Cookie<'static> {
        self.build(String::new(), Duration::ZERO)
    }

    fn build(&self, value: String, max_age: Duration) -> Cookie<'static> {
        Cookie::build(SESSION_COOKIE, value)
            .path("/")
            .http_only(true)
            .same_site(SameSite::Lax)
            .secure(self.secure)
            .max_age(max_age)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COOKIE: SessionCookie = SessionCookie { secure: true, lifetime: TimeDelta::days(7) };

    #[test]
    fn the_cookie_is_kept_from_scripts_and_from_other_sites_requests() {
        let text = COOKIE.set("token").to_string();
        assert!(text.starts_with("auth-session=token;"), "{text}");
        for attribute in ["HttpOnly", "SameSite=Lax", "Secure", "Path=/", "Max-Age=604800"] {
            assert!(text.split("; ").any(|part| part == attribute), "{attribute}: {text}");
        }
        assert!(!SessionCookie { secure: false, ..COOKIE }.set("token").to_string().contains("Secure"));
    }

    #[test]
    fn clearing_names_the_same_cookie() {
        let text = COOKIE.clear().to_string();
        let parts: Vec<&str> = text.split("; ").collect();
        assert!(text.starts_with("auth-session=;") && parts.contains(&"Path=/") && parts.contains(&"Max-Age=0"), "{text}");
    }
}
