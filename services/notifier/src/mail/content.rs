use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use zoetrope_domain::TaskId;

/// What a mail has to say. Fields may be added with a default, names never change: rows of other versions of this service are read as well.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    SignInCode {
        code: String,
        valid_minutes: u32,
    },
    PasswordReset {
        link: String,
        valid_minutes: u32,
    },
    PasswordChanged,
    Receipt {
        order_number: String,
        credits: i64,
        /// In the currency's smallest unit.
        amount: i64,
        /// ISO 4217.
        currency: String,
        paid_at: DateTime<Utc>,
    },
    ExpiryReminder {
        plan: String,
        expires_at: DateTime<Utc>,
    },
    VideoReady {
        task_id: TaskId,
    },
    AddressConfirmation {
        link: String,
        valid_hours: u32,
    },
    /// Another address is to be confirmed.
    AddressChangeAsked,
    AddressChanged,
    /// A webhook endpoint failed for so long that nothing is sent to it any more.
    EndpointDisabled {
        /// The endpoint's address.
        url: String,
    },
}

impl Content {
    /// All that this version can write.
    pub const TEMPLATES: [&'static str; 10] = [
        "sign_in_code",
        "password_reset",
        "password_changed",
        "receipt",
        "expiry_reminder",
        "video_ready",
        "endpoint_disabled",
        "address_confirmation",
        "address_change_asked",
        "address_changed",
    ];

    /// Its kind, as in the table and in metrics.
    pub const fn template(&self) -> &'static str {
        match self {
            Self::SignInCode { .. } => "sign_in_code",
            Self::PasswordReset { .. } => "password_reset",
            Self::PasswordChanged => "password_changed",
            Self::Receipt { .. } => "receipt",
            Self::ExpiryReminder { .. } => "expiry_reminder",
            Self::VideoReady { .. } => "video_ready",
            Self::EndpointDisabled { .. } => "endpoint_disabled",
            Self::AddressConfirmation { .. } => "address_confirmation",
            Self::AddressChangeAsked => "address_change_asked",
            Self::AddressChanged => "address_changed",
        }
    }
}

/// Its kind alone: the rest is between us and the reader.
impl fmt::Debug for Content {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.template())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::mail::letter::samples;

    #[test]
    fn every_kind_survives_storage_under_its_name() {
        let samples = samples::all();
        let names: Vec<&str> = samples.iter().map(Content::template).collect();
        assert_eq!(names, Content::TEMPLATES);
        for content in samples {
            let stored = serde_json::to_value(&content).unwrap();
            let name = stored.as_object().map_or(stored.as_str(), |object| object.keys().next().map(String::as_str));
            assert_eq!(name, Some(content.template()));
            assert_eq!(serde_json::from_value::<Content>(stored).unwrap(), content);
        }
    }

    #[test]
    fn nothing_of_it_is_shown() {
        let content = Content::SignInCode { code: "4711".to_owned(), valid_minutes: 10 };
        assert_eq!(format!("{content:?}"), "sign_in_code");
    }

    #[test]
    fn what_is_stored_stays_readable() {
        let stored = json!({ "sign_in_code": { "code": "4711", "valid_minutes": 10 } });
        assert!(matches!(serde_json::from_value(stored), Ok(Content::SignInCode { .. })));
        assert!(matches!(serde_json::from_value(json!("password_changed")), Ok(Content::PasswordChanged)));
    }
}
