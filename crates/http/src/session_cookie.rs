use actix_web::http::header::{COOKIE, HeaderMap};

/// The cookie in which a browser keeps the token of its session. `auth` sets it, all services take it.
pub const SESSION_COOKIE: &str = "auth-session";

/// The token in the session cookie; `None` without one.
///
/// Cookies that others set for this host, however they are written, do not hide it.
pub fn session_cookie(headers: &HeaderMap) -> Option<String> {
    headers
        .get_all(COOKIE)
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|cookie| cookie.split_once('='))
        .find_map(|(name, token)| (name.trim() == SESSION_COOKIE && !token.trim().is_empty()).then(|| token.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    fn read(lines: &[&'static str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(COOKIE, HeaderValue::from_static(line));
        }
        session_cookie(&headers)
    }

    #[test]
    fn it_is_found_among_others() {
        assert_eq!(read(&["auth-session=a.b.c"]).as_deref(), Some("a.b.c"));
        assert_eq!(read(&["x; %%%=1;=; auth-session=a.b.c ;y=2"]).as_deref(), Some("a.b.c"));
        assert_eq!(read(&["x=1", "auth-session=; auth-session=b"]).as_deref(), Some("b"));
    }

    #[test]
    fn another_is_not_taken_for_it() {
        for other in ["", "auth-session", "auth-session=", "my-auth-session=a", "x=auth-session=a", "Auth-Session=a"] {
            assert_eq!(read(&[other]), None, "{other}");
        }
    }
}
