//! Lists and single tasks.

use actix_web::web::Data;
use chrono::Utc;
use serde::Serialize;
use utoipa::ToSchema;
use zoetrope_http::{
    CurrentUser, Path, Problem, ProblemBody, Query,
    envelope::{Envelope, success},
};

use super::{
    problems::{no_such_task, query_problem},
    video_id::VideoId,
    view::TaskView,
};
use crate::{
    app::App,
    listing::{ListQuery, Listing},
    store::tasks,
};

/// One page of a user's tasks.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TaskPage {
    tasks: Vec<TaskView>,
    /// On all pages.
    total: i64,
    #[schema(format = Int64)]
    page: u32,
    page_size: u32,
}

/// List the own tasks.
#[utoipa::path(
    get,
    path = "/api/video/tasks",
    tag = "video",
    params(ListQuery),
    responses(
        (status = 200, description = "A page of tasks", body = Envelope<TaskPage>),
        (status = 400, description = "A parameter is wrong", body = ProblemBody),
        (status = 401, description = "No good token", body = ProblemBody),
    ),
    security(("bearer" = [])),
)]
pub async fn list_tasks(
    app: Data<App>,
    user: CurrentUser,
    Query(query): Query<ListQuery>,
) -> Result<Envelope<TaskPage>, Problem> {
    let listing = Listing::try_from(query).map_err(Problem::validation)?;
    let mut connection = app.commands.database.connection().await?;
    let (page, total) = tasks::list(&mut connection, user.user_id, &listing).await.map_err(query_problem)?;
    let now = Utc::now();
    Ok(success(TaskPage {
        tasks: page.into_iter().map(|task| TaskView::new(task, &app.links, now)).collect(),
        total,
        page: listing.page,
        page_size: listing.page_size,
    }))
}

/// Show a task.
#[utoipa::path(
    get,
    path = "/api/video/tasks/{videoId}",
    tag = "video",
    params(("videoId" = String, Path, description = "`video_<uuid>`")),
    responses(
        (status = 200, description = "The task", body = Envelope<TaskView>),
        (status = 401, description = "No good token", body = ProblemBody),
        (status = 404, description = "No such task, or another user's", body = ProblemBody),
    ),
    security(("bearer" = [])),
)]
pub async fn show_task(
    app: Data<App>,
    user: CurrentUser,
    Path(VideoId(id)): Path<VideoId>,
) -> Result<Envelope<TaskView>, Problem> {
    let connection = app.commands.database.connection().await?;
    let task = tasks::find(&connection, user.user_id, id).await.map_err(query_problem)?.ok_or_else(no_such_task)?;
    Ok(success(TaskView::new(task, &app.links, Utc::now())))
}
