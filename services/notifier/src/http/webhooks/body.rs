use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::json;
use utoipa::{
    IntoParams, ToSchema,
    openapi::{Array, ArrayBuilder, Object, Type, schema::SchemaType},
};
use zoetrope_domain::TaskId;
use zoetrope_egress::{Destinations, WebAddress};
use zoetrope_http::{FieldError, ShortList, openapi::words};

use crate::webhooks::{DeliveryPage, DeliveryState, EndpointChange, EventType, NewEndpoint, Replay};

const LONGEST_DESCRIPTION: usize = 500;
/// More than there are, for clients that name some twice.
const MOST_EVENTS: usize = 32;
const DEFAULT_PAGE_SIZE: u32 = 20;
const LARGEST_PAGE_SIZE: u32 = 100;

/// An endpoint as a client wants it. In a change, what is left out stays as it is.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
pub struct WebhookBody {
    /// A public `https` address, up to 2048 characters, without user name and password.
    #[schema(example = "https://example.com/hooks/zoetrope")]
    pub url: Option<String>,
    /// By default how each task ended.
    #[schema(schema_with = event_words, required = false)]
    pub events: Option<ShortList<String, MOST_EVENTS>>,
    /// For yourself, up to 500 characters.
    pub description: Option<String>,
    /// True by default.
    pub enabled: Option<bool>,
}

fn event_words() -> Array {
    ArrayBuilder::new()
        .schema_type(SchemaType::from_iter([Type::Array, Type::Null]))
        .items(words(EventType::OFFERED.map(EventType::as_str)))
        .min_items(Some(1))
        .max_items(Some(MOST_EVENTS))
        .description(Some("`task.updated` tells progress. By default how each task ended."))
        .examples([json!(EventType::DEFAULT.map(EventType::as_str))])
        .build()
}

impl WebhookBody {
    /// The endpoint to be made, or all that is wrong with it.
    pub fn endpoint(self, destinations: &Destinations) -> Result<NewEndpoint, Vec<FieldError>> {
        let is_nowhere = self.url.as_ref().is_none_or(String::is_empty);
        let change = self.change(destinations);
        let missing = || FieldError::new("url", "is required");
        match change {
            Ok(EndpointChange { url: Some(url), description, events, enabled }) => Ok(NewEndpoint {
                url,
                description: description.unwrap_or_default(),
                events: events.unwrap_or_else(|| EventType::DEFAULT.to_vec()),
                enabled: enabled.unwrap_or(true),
            }),
            Ok(_) => Err(vec![missing()]),
            Err(errors) if is_nowhere => {
                let others = errors.into_iter().filter(|error| error.field != "url");
                Err([missing()].into_iter().chain(others).collect())
            }
            Err(errors) => Err(errors),
        }
    }

    /// What is to change, or all that is wrong with it.
    pub fn change(self, destinations: &Destinations) -> Result<EndpointChange, Vec<FieldError>> {
        let mut errors = Vec::new();
        let url = self.url.and_then(|text| address(&text, destinations).map_err(|error| errors.push(error)).ok());
        let events = self.events.and_then(|words| events(&words).map_err(|error| errors.push(error)).ok());
        if let Some(error) = self.description.as_deref().and_then(wrong_description) {
            errors.push(error);
        }
        let change = EndpointChange { url, description: self.description, events, enabled: self.enabled };
        if errors.is_empty() { Ok(change) } else { Err(errors) }
    }
}

fn address(text: &str, destinations: &Destinations) -> Result<WebAddress, FieldError> {
    destinations.address(text).map_err(|error| FieldError::new("url", error.to_string()))
}

fn events(words: &[String]) -> Result<Vec<EventType>, FieldError> {
    let offered = |word: &String| EventType::OFFERED.into_iter().find(|event| event.as_str() == word);
    let mut events = Vec::new();
    for word in words {
        let Some(event) = offered(word) else {
            let names: Vec<&str> = EventType::OFFERED.iter().map(|event| event.as_str()).collect();
            return Err(FieldError::new("events", format!("must be of {}", names.join(", "))));
        };
        if !events.contains(&event) {
            events.push(event);
        }
    }
    if events.is_empty() { Err(FieldError::new("events", "must not be empty")) } else { Ok(events) }
}

fn wrong_description(text: &str) -> Option<FieldError> {
    let message = if text.chars().count() > LONGEST_DESCRIPTION {
        format!("must not be longer than {LONGEST_DESCRIPTION} characters")
    } else if text.contains('\0') {
        "must not contain a NUL character".to_owned()
    } else {
        return None;
    };
    Some(FieldError::new("description", message))
}

/// Which deliveries are wanted. An empty parameter counts as absent.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct DeliveryQuery {
    /// From 1.
    #[param(minimum = 1, maximum = 4294967295u32, format = Int64, default = 1)]
    page: Option<u32>,
    #[param(minimum = 1, maximum = 100, default = 20)]
    page_size: Option<u32>,
    #[param(schema_with = state_words, required = false)]
    status: Option<String>,
    /// Only what tells of this task: a UUID, or `video_<uuid>`.
    #[param(pattern = "^(video_)?[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")]
    video_id: Option<String>,
}

fn state_words() -> Object {
    words(DeliveryState::ALL.map(|state| state.as_str().to_ascii_uppercase())).description(Some("In either case.")).build()
}

impl TryFrom<DeliveryQuery> for DeliveryPage {
    type Error = Vec<FieldError>;

    fn try_from(query: DeliveryQuery) -> Result<Self, Vec<FieldError>> {
        let mut errors = Vec::new();
        let page = query.page.unwrap_or(1);
        if page == 0 {
            errors.push(FieldError::new("page", "must be 1 or more"));
        }
        let page_size = query.page_size.unwrap_or(DEFAULT_PAGE_SIZE);
        if !(1..=LARGEST_PAGE_SIZE).contains(&page_size) {
            errors.push(FieldError::new("pageSize", format!("must be from 1 to {LARGEST_PAGE_SIZE}")));
        }
        let state = query.status.map(|word| word.to_ascii_lowercase().parse::<DeliveryState>()).transpose();
        let state = state.unwrap_or_else(|_| {
            let words = DeliveryState::ALL.map(|state| state.as_str().to_ascii_uppercase());
            errors.push(FieldError::new("status", format!("must be one of {}", words.join(", "))));
            None
        });
        let task = query.video_id.map(|id| TaskId::parse_video_id(&id)).transpose().unwrap_or_else(|_| {
            errors.push(FieldError::new("videoId", "must be the id of a video"));
            None
        });
        if errors.is_empty() { Ok(Self { page, page_size, state, task }) } else { Err(errors) }
    }
}

/// Which events are to be told again.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReplayBody {
    /// The first moment.
    #[schema(required, nullable = false, example = "2026-11-21T10:00:00Z")]
    pub from: Option<String>,
    /// The moment after the last; now, if it is left out.
    #[schema(example = "2026-11-21T12:00:00Z")]
    pub to: Option<String>,
    /// Only what has failed, or failed so far. False by default: all, also what the endpoint has missed.
    #[serde(default)]
    pub failed_only: Option<bool>,
}

impl ReplayBody {
    pub fn range(self, now: DateTime<Utc>) -> Result<Replay, Vec<FieldError>> {
        let mut errors = Vec::new();
        let mut moment = |field: &str, text: Option<String>| {
            let text = text.filter(|text| !text.is_empty())?;
            let parsed = DateTime::parse_from_rfc3339(&text).map(|moment| moment.to_utc());
            parsed.map_err(|_| errors.push(FieldError::new(field, "must be a time such as 2026-11-21T10:00:00Z"))).ok()
        };
        let is_open = self.from.as_ref().is_none_or(String::is_empty);
        let (from, to) = (moment("from", self.from), moment("to", self.to));
        if is_open {
            errors.push(FieldError::new("from", "is required"));
        }
        let (from, to) = (from.unwrap_or(now), to.unwrap_or(now));
        if errors.is_empty() && to < from {
            errors.push(FieldError::new("to", "must not be before from"));
        }
        let failed_only = self.failed_only.unwrap_or_default();
        if errors.is_empty() { Ok(Replay { from, to, failed_only }) } else { Err(errors) }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::fixtures::task_id;

    fn body(value: Value) -> WebhookBody {
        serde_json::from_value(value).unwrap()
    }

    fn fields(errors: &[FieldError]) -> Vec<&str> {
        errors.iter().map(|error| error.field.as_str()).collect()
    }

    #[test]
    fn an_address_is_enough() {
        let new = body(json!({ "url": " https://example.com/hook " })).endpoint(&Destinations::default()).unwrap();
        assert_eq!((new.url.as_str(), new.description.as_str(), new.enabled), ("https://example.com/hook", "", true));
        assert_eq!(new.events, EventType::DEFAULT);
    }

    #[test]
    fn what_is_wrong_is_named_at_once() {
        let wrong = json!({ "url": "https://10.0.0.1", "events": ["task.deleted"], "description": "x".repeat(501) });
        let errors = body(wrong).endpoint(&Destinations::default()).unwrap_err();
        assert_eq!(fields(&errors), ["url", "events", "description"]);
        for (url, message) in [
            (json!(null), "url is required"),
            (json!(""), "url is required"),
            (json!("hook"), "url must be a complete http or https address"),
            (json!("http://example.com"), "url must be an https address"),
            (json!("https://u:p@example.com"), "url must not contain a user name or password"),
            (json!("https://[::1]/"), "url must lead to a public host"),
            (json!("https://localhost/"), "url must lead to a public host"),
        ] {
            let errors = body(json!({ "url": url })).endpoint(&Destinations::default()).unwrap_err();
            assert_eq!(errors.iter().map(ToString::to_string).collect::<Vec<_>>(), [message]);
        }
        let too_many = json!({ "events": vec!["task.failed"; MOST_EVENTS + 1] });
        assert!(serde_json::from_value::<WebhookBody>(too_many).is_err());
        for events in [json!([]), json!(["webhook.test"]), json!(["*"])] {
            let errors = body(json!({ "url": "https://example.com", "events": events })).endpoint(&Destinations::default());
            assert_eq!(fields(&errors.unwrap_err()), ["events"]);
        }
    }

    #[test]
    fn a_change_names_what_changes() {
        let change = body(json!({ "events": ["task.failed", "task.failed"] })).change(&Destinations::default()).unwrap();
        assert_eq!(change, EndpointChange { events: Some(vec![EventType::TaskFailed]), ..EndpointChange::default() });
        assert_eq!(fields(&body(json!({ "url": "" })).change(&Destinations::default()).unwrap_err()), ["url"]);
    }

    #[test]
    fn a_range_has_a_beginning_and_ends_now_at_the_latest() {
        let now = DateTime::parse_from_rfc3339("2026-11-21T10:00:00Z").unwrap().to_utc();
        let range = |value: Value| serde_json::from_value::<ReplayBody>(value).unwrap().range(now);
        let open = range(json!({ "from": "2026-11-21T10:30:00+01:00" })).unwrap();
        assert_eq!((open.from, open.to, open.failed_only), (now - chrono::TimeDelta::minutes(30), now, false));
        assert_eq!(fields(&range(json!({ "to": "today" })).unwrap_err()), ["to", "from"]);
        assert_eq!(fields(&range(json!({ "from": "2026-11-21T11:00:00Z" })).unwrap_err()), ["to"]);
    }

    #[test]
    fn a_page_is_checked() {
        let page = DeliveryPage::try_from(DeliveryQuery { status: Some("FAILED".to_owned()), ..DeliveryQuery::default() });
        assert_eq!(page, Ok(DeliveryPage { page: 1, page_size: 20, state: Some(DeliveryState::Failed), task: None }));
        let of_task = DeliveryQuery { video_id: Some(task_id(7).to_video_id()), ..DeliveryQuery::default() };
        assert_eq!(DeliveryPage::try_from(of_task).unwrap().task, Some(task_id(7)));
        let lost = || Some("lost".to_owned());
        let wrong = DeliveryQuery { page: Some(0), page_size: Some(101), status: lost(), video_id: lost() };
        assert_eq!(fields(&DeliveryPage::try_from(wrong).unwrap_err()), ["page", "pageSize", "status", "videoId"]);
    }
}
