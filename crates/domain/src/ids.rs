use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The text is not an id of the wanted kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a valid id")]
pub struct InvalidId;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            pub const fn new(uuid: Uuid) -> Self {
                Self(uuid)
            }

            pub const fn as_uuid(self) -> Uuid {
                self.0
            }
        }

        impl From<Uuid> for $name {
            fn from(uuid: Uuid) -> Self {
                Self(uuid)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(formatter)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Uuid::try_parse(text).map(Self).map_err(|_| InvalidId)
            }
        }
    };
}

id!(
    /// One generation that a user asked and paid for. Also the key of its job at the poller.
    TaskId
);
id!(
    /// A person (or a server) that signs in.
    UserId
);
id!(
    /// A picture of a user. Random: who was not told it does not find it.
    AvatarId
);
id!(
    /// One sign-in; ends all its tokens when it is revoked.
    SessionId
);
id!(
    /// A key with which a program calls in its user's name.
    ApiKeyId
);

const VIDEO_PREFIX: &str = "video_";

impl TaskId {
    /// The id in the words of the families `sora_ui` and `openai`: `video_<uuid>`.
    pub fn to_video_id(self) -> String {
        format!("{VIDEO_PREFIX}{}", self.0)
    }

    /// Reads `video_<uuid>`, and the bare UUID that other families use.
    pub fn parse_video_id(text: &str) -> Result<Self, InvalidId> {
        text.strip_prefix(VIDEO_PREFIX).unwrap_or(text).parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_video_id_reads_back() {
        let id = TaskId::new(Uuid::from_u128(7));
        assert_eq!(id.to_video_id(), "video_00000000-0000-0000-0000-000000000007");
        assert_eq!(TaskId::parse_video_id(&id.to_video_id()), Ok(id));
        assert_eq!(TaskId::parse_video_id(&id.to_string()), Ok(id));
    }

    #[test]
    fn other_text_is_refused() {
        for text in ["", "video_", "video_7", "task_00000000-0000-0000-0000-000000000007"] {
            assert_eq!(TaskId::parse_video_id(text), Err(InvalidId), "{text}");
        }
    }
}
