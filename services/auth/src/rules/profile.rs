//! What users may change about themselves.

use secrecy::SecretString;
use zoetrope_http::FieldError;

use super::{
    profile_picture::{self, Picture},
    registration::{check_email, check_username},
};

const MAX_NAME_CHARS: usize = 64;
const MAX_BIO_CHARS: usize = 500;

/// A wish to change the own profile. What is `None` stays.
#[derive(Debug, Default)]
pub struct ProfileChange {
    pub username: Option<String>,
    pub display_name: Option<String>,
    pub email: Option<String>,
    pub bio: Option<String>,
    pub picture: Option<Picture>,
    /// Of the user, for what needs it.
    pub current_password: Option<SecretString>,
}

/// What the client sent.
#[derive(Debug, Default)]
pub struct ProfileDraft {
    pub username: Option<String>,
    pub display_name: Option<String>,
    /// What the client calls the display name.
    pub display_name_field: &'static str,
    pub email: Option<String>,
    pub bio: Option<String>,
    pub avatar_url: Option<String>,
    /// What the client calls the address of the picture.
    pub avatar_url_field: &'static str,
    pub current_password: Option<SecretString>,
}

impl ProfileChange {
    /// Names everything that is wrong. Forms send an empty text for what was not filled in: names and addresses then stay, what may be empty
    /// becomes empty.
    pub fn parse(draft: ProfileDraft) -> Result<Self, Vec<FieldError>> {
        let mut errors = Vec::new();
        let mut keep = |field: &'static str, checked: Result<(), &'static str>| {
            if let Err(message) = checked {
                errors.push(FieldError::new(field, message));
            }
        };
        let trimmed = |text: Option<String>| text.map(|text| text.trim().to_owned());
        let filled = |text: Option<String>| trimmed(text).filter(|text| !text.is_empty());
        let username = filled(draft.username);
        let display_name = filled(draft.display_name);
        let email = filled(draft.email);
        let bio = trimmed(draft.bio);
        let avatar_url = trimmed(draft.avatar_url);

        keep("username", username.as_deref().map_or(Ok(()), check_username));
        keep(draft.display_name_field, display_name.as_deref().map_or(Ok(()), check_name));
        keep("email", email.as_deref().map_or(Ok(()), check_email));
        keep("bio", bio.as_deref().map_or(Ok(()), check_bio));
        let picture = match avatar_url.as_deref().map(profile_picture::parse) {
            Some(Ok(picture)) => Some(picture),
            Some(Err(message)) => {
                keep(draft.avatar_url_field, Err(message));
                None
            }
            None => None,
        };
        if errors.is_empty() {
            Ok(Self { username, display_name, email, bio, picture, current_password: draft.current_password })
        } else {
            Err(errors)
        }
    }
}

fn check_name(name: &str) -> Result<(), &'static str> {
    if name.chars().count() > MAX_NAME_CHARS {
        Err("must not be longer than 64 characters")
    } else if name.chars().any(char::is_control) {
        Err("must not contain control characters")
    } else {
        Ok(())
    }
}

fn check_bio(bio: &str) -> Result<(), &'static str> {
    if bio.chars().count() > MAX_BIO_CHARS {
        Err("must not be longer than 500 characters")
    } else if bio.contains('\0') {
        Err("must not contain the character NUL")
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft() -> ProfileDraft {
        ProfileDraft { display_name_field: "nickname", avatar_url_field: "avatarUrl", ..ProfileDraft::default() }
    }

    fn text(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn what_is_not_named_or_left_empty_stays() {
        let empty = || text(" ");
        let nothing = ProfileChange::parse(draft()).unwrap();
        let forms =
            ProfileChange::parse(ProfileDraft { username: empty(), display_name: empty(), email: empty(), ..draft() }).unwrap();
        for change in [nothing, forms] {
            let ProfileChange { username, display_name, email, bio, picture, .. } = change;
            assert_eq!((username, display_name, email, bio, picture), (None, None, None, None, None));
        }
        let emptied = ProfileChange::parse(ProfileDraft { bio: empty(), avatar_url: text(""), ..draft() }).unwrap();
        assert_eq!((emptied.bio.as_deref(), emptied.picture), (Some(""), Some(Picture::None)));
    }

    #[test]
    fn what_is_good_is_taken() {
        let change = ProfileChange::parse(ProfileDraft {
            username: text("ann"),
            display_name: text(" 安 @ home "),
            email: text("a@x.io"),
            bio: text("two\nlines"),
            avatar_url: text("https://x.io/a.png"),
            ..draft()
        })
        .unwrap();
        assert_eq!((change.username.as_deref(), change.display_name.as_deref()), (Some("ann"), Some("安 @ home")));
        assert_eq!((change.email.as_deref(), change.bio.as_deref()), (Some("a@x.io"), Some("two\nlines")));
        assert_eq!(change.picture, Some(Picture::At("https://x.io/a.png".to_owned())));
    }

    #[test]
    fn everything_wrong_is_named_as_the_client_named_it() {
        let errors = ProfileChange::parse(ProfileDraft {
            username: text("a@b"),
            display_name: Some("x".repeat(65)),
            email: text("nobody"),
            bio: Some("x".repeat(501)),
            avatar_url: text("javascript:alert(1)"),
            ..draft()
        });
        let fields: Vec<String> = errors.unwrap_err().into_iter().map(|error| error.field).collect();
        assert_eq!(fields, ["username", "nickname", "email", "bio", "avatarUrl"]);
    }
}
