use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use zoetrope_http::iso_millis;

use crate::accounts::Profile;

/// A user, as this family knows one.
#[derive(Debug, Serialize, ToSchema)]
pub struct AdsUserView {
    id: i64,
    /// Empty when there is none.
    #[schema(example = "ann@example.com")]
    email: String,
    /// Takes the place of `email` when the link is opened that was mailed there; left out when there is none.
    #[schema(example = "ann@example.org")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pending_email: Option<String>,
    #[schema(example = "Ann")]
    name: String,
    avatar_url: Option<String>,
    /// As of some seconds ago at the most.
    #[schema(example = 100)]
    credits: i64,
    #[schema(example = "free")]
    subscription_plan: &'static str,
    #[schema(example = "active")]
    subscription_status: &'static str,
    subscription_start_date: Option<String>,
    subscription_end_date: Option<String>,
    #[serde(serialize_with = "iso_millis")]
    created_at: DateTime<Utc>,
}

impl From<&Profile> for AdsUserView {
    fn from(profile: &Profile) -> Self {
        let user = &profile.user;
        Self {
            id: profile.number,
            email: user.email.clone().unwrap_or_default(),
            pending_email: profile.pending_email.clone(),
            name: user.shown_name().to_owned(),
            avatar_url: user.avatar_url.clone(),
            credits: user.credits,
            // There is no other plan to be had yet, and this one begins and ends never.
            subscription_plan: "free",
            subscription_status: "active",
            subscription_start_date: None,
            subscription_end_date: None,
            created_at: user.created_at,
        }
    }
}
