//! What a client wants to see of its tasks, and in which order.

use serde::Deserialize;
use utoipa::{IntoParams, openapi::Object};
use zoetrope_domain::TaskStatus;
use zoetrope_http::{FieldError, openapi::words};

use crate::task::MediaType;

const DEFAULT_PAGE_SIZE: u32 = 20;
const LARGEST_PAGE_SIZE: u32 = 100;

const MEDIA_TYPES: [MediaType; 2] = [MediaType::Video, MediaType::Image];
const COLUMNS: [(&str, OrderBy); 3] =
    [("createdAt", OrderBy::Created), ("updatedAt", OrderBy::Updated), ("completedAt", OrderBy::Completed)];
const DIRECTIONS: [(&str, Direction); 2] = [("desc", Direction::Descending), ("asc", Direction::Ascending)];

/// The query of a list as it is sent. An empty parameter counts as absent.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// From 1.
    #[param(minimum = 1, maximum = 4294967295u32, format = Int64, default = 1)]
    page: Option<u32>,
    #[param(minimum = 1, maximum = 100, default = 20)]
    page_size: Option<u32>,
    #[param(schema_with = statuses, required = false)]
    status: Option<String>,
    #[param(schema_with = media_types, required = false)]
    media_type: Option<String>,
    #[param(schema_with = columns, required = false)]
    order_by: Option<String>,
    #[param(schema_with = directions, required = false)]
    order: Option<String>,
}

fn statuses() -> Object {
    words(TaskStatus::ALL.iter().map(|status| status.as_str().to_ascii_uppercase())).description(Some("In either case.")).build()
}

fn media_types() -> Object {
    words(MEDIA_TYPES.map(MediaType::as_str)).description(Some("In either case.")).build()
}

fn columns() -> Object {
    words(COLUMNS.map(|(name, _)| name)).description(Some("`createdAt` by default.")).build()
}

fn directions() -> Object {
    words(DIRECTIONS.map(|(name, _)| name)).description(Some("`desc` by default.")).build()
}

/// A page of tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listing {
    /// From 1.
    pub page: u32,
    pub page_size: u32,
    pub status: Option<TaskStatus>,
    pub media_type: Option<MediaType>,
    pub order_by: OrderBy,
    pub direction: Direction,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderBy {
    Created,
    Updated,
    Completed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    Ascending,
    Descending,
}

impl Listing {
    /// How many tasks stand on the pages before.
    pub fn offset(&self) -> i64 {
        (i64::from(self.page) - 1) * i64::from(self.page_size)
    }
}

impl TryFrom<ListQuery> for Listing {
    type Error = Vec<FieldError>;

    fn try_from(query: ListQuery) -> Result<Self, Vec<FieldError>> {
        let mut errors = Vec::new();
        let page = query.page.unwrap_or(1);
        if page == 0 {
            errors.push(FieldError::new("page", "must be 1 or more"));
        }
        let page_size = query.page_size.unwrap_or(DEFAULT_PAGE_SIZE);
        if !(1..=LARGEST_PAGE_SIZE).contains(&page_size) {
            errors.push(FieldError::new("pageSize", format!("must be from 1 to {LARGEST_PAGE_SIZE}")));
        }
        let statuses: Vec<_> = TaskStatus::ALL.iter().map(|status| (status.as_str(), *status)).collect();
        let status = choose(&mut errors, "status", query.status, &statuses);
        let media_types = MEDIA_TYPES.map(|media| (media.as_str(), media));
        let media_type = choose(&mut errors, "mediaType", query.media_type, &media_types);
        let order_by = choose(&mut errors, "orderBy", query.order_by, &COLUMNS).unwrap_or(OrderBy::Created);
        let direction = choose(&mut errors, "order", query.order, &DIRECTIONS).unwrap_or(Direction::Descending);
        if errors.is_empty() { Ok(Self { page, page_size, status, media_type, order_by, direction }) } else { Err(errors) }
    }
}

fn choose<T: Copy>(errors: &mut Vec<FieldError>, field: &str, word: Option<String>, choices: &[(&str, T)]) -> Option<T> {
    let word = word?;
    let found = choices.iter().find(|(name, _)| name.eq_ignore_ascii_case(&word)).map(|(_, choice)| *choice);
    if found.is_none() {
        let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
        errors.push(FieldError::new(field, format!("must be one of {}", names.join(", "))));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(word: &str) -> Option<String> {
        Some(word.to_owned())
    }

    #[test]
    fn nothing_asked_is_the_first_page_newest_first() {
        let listing = Listing::try_from(ListQuery::default()).unwrap();
        let first = Listing {
            page: 1,
            page_size: 20,
            status: None,
            media_type: None,
            order_by: OrderBy::Created,
            direction: Direction::Descending,
        };
        assert_eq!(listing, first);
        assert_eq!(listing.offset(), 0);
    }

    #[test]
    fn words_are_taken_in_either_case() {
        let query = ListQuery {
            page: Some(3),
            page_size: Some(100),
            status: text("COMPLETED"),
            media_type: text("image"),
            order_by: text("completedAt"),
            order: text("ASC"),
        };
        let listing = Listing::try_from(query).unwrap();
        assert_eq!((listing.offset(), listing.status), (200, Some(TaskStatus::Completed)));
        assert_eq!((listing.media_type, listing.order_by), (Some(MediaType::Image), OrderBy::Completed));
        assert_eq!(listing.direction, Direction::Ascending);
    }

    #[test]
    fn all_that_is_wrong_is_named() {
        let query = ListQuery {
            page: Some(0),
            page_size: Some(101),
            status: text("done"),
            media_type: text("AUDIO"),
            order_by: text("price"),
            order: text("up"),
        };
        let fields: Vec<String> = Listing::try_from(query).unwrap_err().into_iter().map(|error| error.field).collect();
        assert_eq!(fields, ["page", "pageSize", "status", "mediaType", "orderBy", "order"]);
    }

    #[test]
    fn the_last_page_there_can_be_does_not_overflow() {
        let listing = Listing::try_from(ListQuery { page: Some(u32::MAX), page_size: Some(100), ..ListQuery::default() });
        assert_eq!(listing.unwrap().offset(), (i64::from(u32::MAX) - 1) * 100);
    }
}
