//! What users may change about themselves.

use secrecy::SecretString;
use zoetrope_http::FieldError;

use super::{
    profile_picture::{self, Picture},
    registration::optional_email,
    shown_text,
    username::{self, Chooser},
};

/// A wish to change the own profile. What is `None` stays.
#[derive(Debug, Default)]
pub struct ProfileChange {
    pub username: Option<WantedUsername>,
    pub display_name: Option<String>,
    pub email: Option<String>,
    pub bio: Option<String>,
    pub picture: Option<Picture>,
    /// Of the user, for what needs it.
    pub current_password: Option<SecretString>,
}

/// A name to sign in with, as a client sent it. It may be the one that the user has, in a form that comes back as it was shown; that stays, even
/// if nobody could choose it now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedUsername(String);

impl WantedUsername {
    /// The name to take in place of the present one, if it is another; or what is wrong with it.
    pub fn instead_of(&self, present: &str) -> Result<Option<String>, &'static str> {
        if self.0 == present {
            Ok(None)
        } else {
            username::parse(&self.0, Chooser::Anybody).map(|name| Some(name).filter(|name| name != present))
        }
    }
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
        let trimmed = |text: Option<String>| text.map(|text| text.trim().to_owned());
        let filled = |text: Option<String>| trimmed(text).filter(|text| !text.is_empty());
        let mut keep = |field: &'static str, message: &'static str| errors.push(FieldError::new(field, message));
        let username = filled(draft.username).map(WantedUsername);
        let display_name = filled(draft.display_name).map(|text| shown_text::name(&text)).transpose().unwrap_or_else(|message| {
            keep(draft.display_name_field, message);
            None
        });
        let email = optional_email(draft.email).unwrap_or_else(|message| {
            keep("email", message);
            None
        });
        let bio = draft.bio.map(|text| shown_text::bio(&text)).transpose().unwrap_or_else(|message| {
            keep("bio", message);
            None
        });
        let picture = trimmed(draft.avatar_url).map(|text| profile_picture::parse(&text)).transpose().unwrap_or_else(|message| {
            keep(draft.avatar_url_field, message);
            None
        });
        if errors.is_empty() {
            let display_name = display_name.filter(|name| !name.is_empty());
            Ok(Self { username, display_name, email, bio, picture, current_password: draft.current_password })
        } else {
            Err(errors)
        }
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
        assert_eq!(change.username, Some(WantedUsername("ann".to_owned())));
        assert_eq!(change.display_name.as_deref(), Some("安 @ home"));
        assert_eq!((change.email.as_deref(), change.bio.as_deref()), (Some("a@x.io"), Some("two\nlines")));
        assert_eq!(change.picture, Some(Picture::At("https://x.io/a.png".to_owned())));
    }

    #[test]
    fn everything_wrong_is_named_as_the_client_named_it() {
        let errors = ProfileChange::parse(ProfileDraft {
            display_name: Some("x".repeat(65)),
            email: text("nobody"),
            bio: Some("x".repeat(501)),
            avatar_url: text("javascript:alert(1)"),
            ..draft()
        });
        let fields: Vec<String> = errors.unwrap_err().into_iter().map(|error| error.field).collect();
        assert_eq!(fields, ["nickname", "email", "bio", "avatarUrl"]);
    }

    #[test]
    fn the_present_name_may_stay_whatever_it_is() {
        let wanted = |text: &str| WantedUsername(text.to_owned());
        for present in ["admin", "../..", "\u{202E}nimda", "Ann"] {
            assert_eq!(wanted(present).instead_of(present), Ok(None), "{present:?}");
        }
        assert_eq!(wanted("ann").instead_of("Ann"), Ok(Some("ann".to_owned())));
        assert_eq!(wanted("jose\u{301}").instead_of("jos\u{e9}"), Ok(None));
        for bad in ["a@b", "root", "../.."] {
            assert!(wanted(bad).instead_of("Ann").is_err(), "{bad}");
        }
    }
}
