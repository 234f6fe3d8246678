//! What a front-end brings from Google.

use zoetrope_http::FieldError;

/// Google's are some hundred characters long, and may become longer.
const MAX_CHARS: usize = 4096;

/// A code that Google gave to a user.
pub struct GoogleSignIn {
    pub code: String,
    /// The page to which Google sent the user back with it.
    pub redirect_uri: Option<String>,
    /// What the front-end sent to Google, to find it in the ID token.
    pub nonce: Option<String>,
}

impl GoogleSignIn {
    pub fn parse(code: Option<String>, redirect_uri: Option<String>, nonce: Option<String>) -> Result<Self, Vec<FieldError>> {
        let code = code_of("code", code)?;
        let filled = |text: Option<String>| text.filter(|text| !text.is_empty());
        Ok(Self { code, redirect_uri: filled(redirect_uri), nonce: filled(nonce) })
    }
}

/// A code that another service gave to a user, as the client's field has it.
pub fn code_of(field: &'static str, code: Option<String>) -> Result<String, Vec<FieldError>> {
    let wrong = |message: &'static str| Err(vec![FieldError::new(field, message)]);
    match code.map(|code| code.trim().to_owned()).filter(|code| !code.is_empty()) {
        None => wrong("is required"),
        Some(code) if code.chars().count() > MAX_CHARS => wrong("must not be longer than 4096 characters"),
        Some(code) => Ok(code),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_needed_and_the_rest_is_not() {
        let parse = |code: &str| GoogleSignIn::parse(Some(code.to_owned()), Some(String::new()), None);
        let sign_in = parse(" 4/0A ").ok().unwrap();
        assert_eq!((sign_in.code.as_str(), sign_in.redirect_uri), ("4/0A", None));
        for bad in ["", "  ", &"x".repeat(4097)] {
            assert_eq!(parse(bad).err().unwrap()[0].field, "code");
        }
    }
}
