//! Where the picture of a user is.

use url::Url;
use zoetrope_domain::characters::is_invisible;

const MAX_CHARS: usize = 2048;

/// A picture that somebody else serves, or none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Picture {
    None,
    At(String),
}

/// Reads an address; the empty text is none. Nobody here ever calls it: browsers do.
pub fn parse(text: &str) -> Result<Picture, &'static str> {
    if text.is_empty() {
        return Ok(Picture::None);
    }
    if text.chars().count() > MAX_CHARS {
        return Err("must not be longer than 2048 characters");
    }
    let is_web = Url::parse(text).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https") && url.has_host() && url.username().is_empty() && url.password().is_none()
    });
    if is_web && !text.chars().any(|c| c.is_whitespace() || c.is_control() || is_invisible(c)) {
        Ok(Picture::At(text.to_owned()))
    } else {
        Err("must be an http or https address")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_browser_can_show_is_taken() {
        for good in ["https://x.io/a.png", "http://x.io:8080/a?b=c"] {
            assert_eq!(parse(good), Ok(Picture::At(good.to_owned())));
        }
        let long = format!("https://x.io/{}", "a".repeat(2048));
        for bad in
            ["a.png", "/a.png", "javascript:alert(1)", "data:image/png;base64,AAAA", "https://", "https://a:b@x.io/", &long]
        {
            assert!(parse(bad).is_err(), "{bad}");
        }
        assert_eq!(parse(""), Ok(Picture::None));
    }
}
