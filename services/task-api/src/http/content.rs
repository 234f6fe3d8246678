//! Links to finished videos.

use actix_web::web::Data;
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use zoetrope_domain::{TaskId, TaskStatus, UserId};
use zoetrope_http::{
    CurrentUser, Path, Problem, ProblemBody,
    envelope::{Envelope, success, success_with_message},
    iso_millis,
};

use super::{
    problems::{no_such_task, query_problem},
    video_id::VideoId,
};
use crate::{app::App, store::tasks, task::Task};

/// Where a finished video plays.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ContentView {
    video_id: String,
    /// The provider's id.
    external_video_id: Option<String>,
    /// A complete address that needs no header.
    url: String,
}

/// A fresh link.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RefreshedLink {
    video_id: String,
    /// The provider's id.
    external_video_id: Option<String>,
    /// A complete address that needs no header.
    video_url: String,
    #[schema(example = "completed")]
    status: &'static str,
    #[serde(serialize_with = "iso_millis")]
    refreshed_at: DateTime<Utc>,
}

/// Where a finished video plays.
#[utoipa::path(
    get,
    path = "/api/video/tasks/{videoId}/content",
    tag = "video",
    params(("videoId" = String, Path, description = "`video_<uuid>`")),
    responses(
        (status = 200, description = "The link", body = Envelope<ContentView>),
        (status = 401, description = "No good token", body = ProblemBody),
        (status = 404, description = "No such task, or another user's", body = ProblemBody),
        (status = 409, description = "The task is not completed", body = ProblemBody),
    ),
    security(("bearer" = [])),
)]
pub async fn content(
    app: Data<App>,
    user: CurrentUser,
    Path(VideoId(id)): Path<VideoId>,
) -> Result<Envelope<ContentView>, Problem> {
    let task = completed(&app, user.user_id, id).await?;
    Ok(success(ContentView {
        video_id: id.to_video_id(),
        external_video_id: task.external_id,
        url: app.links.video_url(id, Utc::now()),
    }))
}

/// A fresh link to a finished video.
#[utoipa::path(
    post,
    path = "/api/video/tasks/{videoId}/refresh-url",
    tag = "video",
    params(("videoId" = String, Path, description = "`video_<uuid>`")),
    responses(
        (status = 200, description = "The link", body = Envelope<RefreshedLink>),
        (status = 401, description = "No good token", body = ProblemBody),
        (status = 404, description = "No such task, or another user's", body = ProblemBody),
        (status = 409, description = "The task is not completed", body = ProblemBody),
    ),
    security(("bearer" = [])),
)]
pub async fn refresh_url(
    app: Data<App>,
    user: CurrentUser,
    Path(VideoId(id)): Path<VideoId>,
) -> Result<Envelope<RefreshedLink>, Problem> {
    let task = completed(&app, user.user_id, id).await?;
    let now = Utc::now();
    let link = RefreshedLink {
        video_id: id.to_video_id(),
        external_video_id: task.external_id,
        video_url: app.links.video_url(id, now),
        status: task.state.status.as_str(),
        refreshed_at: now,
    };
    Ok(success_with_message("link refreshed", link))
}

async fn completed(app: &App, user: UserId, id: TaskId) -> Result<Task, Problem> {
    let connection = app.commands.database.connection().await?;
    let task = tasks::find(&connection, user, id).await.map_err(query_problem)?.ok_or_else(no_such_task)?;
    match task.state.status {
        TaskStatus::Completed => Ok(task),
        status @ (TaskStatus::Queued | TaskStatus::Processing | TaskStatus::Failed | TaskStatus::Cancelled) => {
            Err(Problem::invalid_state(format!("the task is {}, not completed", status.as_str())))
        }
    }
}
