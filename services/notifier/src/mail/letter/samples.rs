//! One of each kind, for tests.

use super::{Brand, Content};
use crate::fixtures::{CREATED, task_id};

pub fn brand() -> Brand {
    Brand {
        product: "Zoetrope".to_owned(),
        front_end: "https://video.example.org".to_owned(),
        video_path: "/videos/{videoId}".to_owned(),
    }
}

/// In the order of [`Content::TEMPLATES`].
pub fn all() -> Vec<Content> {
    vec![
        Content::SignInCode { code: "4711".to_owned(), valid_minutes: 10 },
        Content::PasswordReset { link: "https://video.example.org/reset?a=1&token=xyz".to_owned(), valid_minutes: 30 },
        Content::PasswordChanged,
        Content::Receipt {
            order_number: "2026-000042".to_owned(),
            credits: 500,
            amount: 990,
            currency: "USD".to_owned(),
            paid_at: CREATED,
        },
        Content::ExpiryReminder { plan: "Pro".to_owned(), expires_at: CREATED },
        Content::VideoReady { task_id: task_id(1) },
        Content::EndpointDisabled { url: "https://hooks.example.org/in".to_owned() },
        Content::AddressConfirmation {
            link: "https://api.example.org/api/auth/confirm-email?user=1&seal=xyz".to_owned(),
            valid_hours: 72,
        },
        Content::AddressChangeAsked,
        Content::AddressChanged,
    ]
}
