use std::fmt;

use actix_web::web::Data;
use chrono::Utc;
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{IgnoredAny, SeqAccess, Visitor},
};
use utoipa::ToSchema;
use zoetrope_http::{
    CurrentUser, Json, Problem, ProblemBody,
    envelope::{Envelope, success},
};

use super::{create::LONGEST_CLIENT_ID, problems::query_problem, view::TaskView};
use crate::{app::App, store::tasks};

/// How many ids are looked up; the existing client sends all it has and counts on the first ones.
const MOST_IDS: usize = 50;
/// More ids than a client has.
pub const JSON_BYTES: usize = 256 * 1024;

/// Ids that the client itself gave to tasks.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecoverTasks {
    /// The first 50 are looked up.
    #[schema(value_type = Vec<String>)]
    client_request_ids: FirstIds,
}

/// The beginning of a list. What follows is read over and never held; so is an id that no task can have.
#[derive(Debug)]
struct FirstIds {
    ids: Vec<String>,
    /// How many were read, good or not.
    read: usize,
}

impl<'de> Deserialize<'de> for FirstIds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Ids;

        impl<'de> Visitor<'de> for Ids {
            type Value = FirstIds;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a sequence")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<FirstIds, A::Error> {
                let mut first = FirstIds { ids: Vec::new(), read: 0 };
                while first.read < MOST_IDS
                    && let Some(id) = list.next_element::<String>()?
                {
                    first.read += 1;
                    // Such an id was refused when its task was to be created, and PostgreSQL would refuse the question.
                    if !id.contains('\0') && id.chars().count() <= LONGEST_CLIENT_ID {
                        first.ids.push(id);
                    }
                }
                while list.next_element::<IgnoredAny>()?.is_some() {}
                Ok(first)
            }
        }

        deserializer.deserialize_seq(Ids)
    }
}

/// The tasks that were found.
#[derive(Debug, Serialize, ToSchema)]
pub struct RecoveredTasks {
    tasks: Vec<TaskView>,
    /// How many tasks were found.
    matched: usize,
    /// How many ids were looked up.
    requested: usize,
}

/// Find tasks after a lost answer.
#[utoipa::path(
    post,
    path = "/api/video/tasks/recover",
    tag = "video",
    request_body = RecoverTasks,
    responses(
        (status = 200, description = "The tasks with these ids, newest first", body = Envelope<RecoveredTasks>),
        (status = 400, description = "A field is missing or wrong", body = ProblemBody),
        (status = 401, description = "No good token", body = ProblemBody),
        (status = 413, description = "More than 256 KiB", body = ProblemBody),
    ),
    security(("bearer" = [])),
)]
pub async fn recover_tasks(
    app: Data<App>,
    user: CurrentUser,
    Json(RecoverTasks { client_request_ids: FirstIds { ids, read: requested } }): Json<RecoverTasks>,
) -> Result<Envelope<RecoveredTasks>, Problem> {
    let mut connection = app.commands.database.connection().await?;
    let found = tasks::of_client(&mut connection, user.user_id, &ids).await.map_err(query_problem)?;
    let now = Utc::now();
    let tasks: Vec<TaskView> = found.into_iter().map(|task| TaskView::new(task, &app.links, now)).collect();
    Ok(success(RecoveredTasks { matched: tasks.len(), requested, tasks }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_first_ids_are_kept_and_the_rest_is_read_over() {
        let read = |list| {
            serde_json::from_value::<RecoverTasks>(json!({ "clientRequestIds": list })).map(|body| body.client_request_ids)
        };
        let ids: Vec<String> = (0..5_000).map(|number| number.to_string()).collect();
        let first = read(json!(ids)).unwrap();
        assert_eq!((first.read, first.ids.as_slice()), (MOST_IDS, &ids[..MOST_IDS]));
        let first = read(json!(["a", "nul\0", "x".repeat(LONGEST_CLIENT_ID + 1), "b"])).unwrap();
        assert_eq!((first.read, first.ids), (4, vec!["a".to_owned(), "b".to_owned()]));
        assert_eq!(read(json!([])).unwrap().read, 0);
        assert!(read(json!([1])).is_err() && read(json!("a")).is_err());
    }
}
