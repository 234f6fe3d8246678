use actix_web::web::Data;
use chrono::Utc;
use zoetrope_http::{
    CurrentUser, Path, Problem, ProblemBody,
    envelope::{Envelope, success_with_message},
};
use zoetrope_service::run_to_end;

use super::{video_id::VideoId, view::TaskView};
use crate::app::App;

/// Cancel a task.
///
/// Its price goes back to the balance. A task that has ended stays as it is.
#[utoipa::path(
    post,
    path = "/api/video/tasks/{videoId}/cancel",
    tag = "video",
    params(("videoId" = String, Path, description = "`video_<uuid>`")),
    responses(
        (status = 200, description = "The cancelled task", body = Envelope<TaskView>),
        (status = 401, description = "No good token", body = ProblemBody),
        (status = 404, description = "No such task, or another user's", body = ProblemBody),
        (status = 409, description = "The task has ended already", body = ProblemBody),
    ),
    security(("bearer" = [])),
)]
pub async fn cancel_task(
    app: Data<App>,
    user: CurrentUser,
    Path(VideoId(id)): Path<VideoId>,
) -> Result<Envelope<TaskView>, Problem> {
    let (commands, user_id, now) = (app.commands.clone(), user.user_id, Utc::now());
    let task = run_to_end(async move { commands.cancel_task(user_id, id, now).await }).await?;
    Ok(success_with_message("task cancelled", TaskView::new(task, &app.links, now)))
}
