use std::str::FromStr;

use chrono::{DateTime, Utc};
use zoetrope_domain::UserId;
use zoetrope_egress::WebAddress;

use super::{EndpointId, EventType};

/// Where a user wants to hear of all tasks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    pub id: EndpointId,
    pub user_id: UserId,
    pub url: String,
    /// For its owner.
    pub description: String,
    pub events: Vec<EventType>,
    /// None while it is enabled.
    pub disabled: Option<Disabled>,
    /// The first of the failed attempts since the last that went well.
    pub failing_since: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disabled {
    pub reason: DisableReason,
    pub at: DateTime<Utc>,
}

/// Why an endpoint hears nothing any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DisableReason {
    /// Its owner wanted it.
    Owner,
    /// It answered 410.
    Gone,
    /// All attempts of days failed.
    Failing,
}

impl DisableReason {
    const ALL: [Self; 3] = [Self::Owner, Self::Gone, Self::Failing];

    /// The word for it in storage.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Gone => "gone",
            Self::Failing => "failing",
        }
    }
}

/// A word that is no reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("unknown reason")]
pub struct UnknownReason;

impl FromStr for DisableReason {
    type Err = UnknownReason;

    fn from_str(word: &str) -> Result<Self, UnknownReason> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == word).ok_or(UnknownReason)
    }
}

/// An endpoint to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEndpoint {
    pub url: WebAddress,
    pub description: String,
    pub events: Vec<EventType>,
    pub enabled: bool,
}

/// What is to change; the rest stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EndpointChange {
    pub url: Option<WebAddress>,
    pub description: Option<String>,
    pub events: Option<Vec<EventType>>,
    pub enabled: Option<bool>,
}

impl Endpoint {
    pub const fn is_enabled(&self) -> bool {
        self.disabled.is_none()
    }

    /// The endpoint after a change by its owner. Another address, and one that is enabled again, has not failed yet.
    #[must_use]
    pub fn changed(mut self, change: EndpointChange, now: DateTime<Utc>) -> Self {
        if let Some(url) = change.url
            && url.as_str() != self.url
        {
            self.url = url.as_str().to_owned();
            self.failing_since = None;
        }
        if let Some(description) = change.description {
            self.description = description;
        }
        if let Some(events) = change.events {
            self.events = events;
        }
        match (change.enabled, self.is_enabled()) {
            (Some(true), false) => {
                self.disabled = None;
                self.failing_since = None;
            }
            (Some(false), true) => self.disabled = Some(Disabled { reason: DisableReason::Owner, at: now }),
            _ => {}
        }
        self.updated_at = now;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{CREATED, user_id};

    fn endpoint(disabled: Option<DisableReason>) -> Endpoint {
        Endpoint {
            id: EndpointId::generate(),
            user_id: user_id(1),
            url: "https://example.com/".to_owned(),
            description: "mine".to_owned(),
            events: EventType::DEFAULT.to_vec(),
            disabled: disabled.map(|reason| Disabled { reason, at: CREATED }),
            failing_since: Some(CREATED),
            created_at: CREATED,
            updated_at: CREATED,
        }
    }

    const LATER: DateTime<Utc> = DateTime::from_timestamp(CREATED.timestamp() + 3600, 0).unwrap();

    #[test]
    fn what_is_not_named_stays() {
        let before = endpoint(Some(DisableReason::Gone));
        let after = before.clone().changed(EndpointChange::default(), LATER);
        assert_eq!(after, Endpoint { updated_at: LATER, ..before });
    }

    #[test]
    fn an_endpoint_begins_anew_with_its_address_or_its_return() {
        let moved = EndpointChange { url: Some("https://example.org".parse().unwrap()), ..EndpointChange::default() };
        let moved = endpoint(None).changed(moved, LATER);
        assert_eq!((moved.url.as_str(), moved.failing_since), ("https://example.org/", None));
        let same = EndpointChange { url: Some("https://example.com".parse().unwrap()), ..EndpointChange::default() };
        assert_eq!(endpoint(None).changed(same, LATER).failing_since, Some(CREATED));

        let enable = EndpointChange { enabled: Some(true), ..EndpointChange::default() };
        let back = endpoint(Some(DisableReason::Failing)).changed(enable.clone(), LATER);
        assert_eq!((back.disabled, back.failing_since), (None, None));
        assert_eq!(endpoint(None).changed(enable, LATER).failing_since, Some(CREATED));
    }

    #[test]
    fn the_first_reason_stays() {
        let disable = EndpointChange { enabled: Some(false), ..EndpointChange::default() };
        let reason = |before| endpoint(before).changed(disable.clone(), LATER).disabled.unwrap().reason;
        assert_eq!(reason(None), DisableReason::Owner);
        assert_eq!(reason(Some(DisableReason::Gone)), DisableReason::Gone);
    }
}
