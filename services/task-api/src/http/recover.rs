use actix_web::web::Data;
use chrono::Utc;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use zoetrope_http::{
    CurrentUser, Json, Problem, ProblemBody,
    envelope::{Envelope, success},
};

use super::{problems::query_problem, view::TaskView};
use crate::{app::App, store::tasks};

/// How many ids are looked up; the existing client sends all it has and counts on the first ones.
const MOST_IDS: usize = 50;

/// Ids that the client itself gave to tasks.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecoverTasks {
    /// The first 50 are looked up.
    client_request_ids: Vec<String>,
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
    ),
    security(("bearer" = [])),
)]
pub async fn recover_tasks(
    app: Data<App>,
    user: CurrentUser,
    Json(RecoverTasks { client_request_ids: mut ids }): Json<RecoverTasks>,
) -> Result<Envelope<RecoveredTasks>, Problem> {
    ids.truncate(MOST_IDS);
    let requested = ids.len();
    // Such an id was refused when its task was to be created, and PostgreSQL would refuse the question.
    ids.retain(|id| !id.contains('\0'));
    let mut connection = app.commands.database.connection().await?;
    let found = tasks::of_client(&mut connection, user.user_id, &ids).await.map_err(query_problem)?;
    let now = Utc::now();
    let tasks: Vec<TaskView> = found.into_iter().map(|task| TaskView::new(task, &app.links, now)).collect();
    Ok(success(RecoveredTasks { matched: tasks.len(), requested, tasks }))
}
