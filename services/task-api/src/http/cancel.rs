use actix_web::{HttpResponse, web::Data};
use chrono::Utc;
use zoetrope_http::{
    CurrentUser, Path, Problem, ProblemBody,
    envelope::{Envelope, success_with_message},
};
use zoetrope_service::run_to_end;
use zoetrope_tokens::Scope;

use super::{
    video_id::VideoId,
    view::{ChangedTask, TaskState, TaskView},
};
use crate::{app::App, commands::Cancelled};

/// Cancel a task.
///
/// A task that no provider has is cancelled at once, and its price goes back to the balance. One that a provider works on goes on until
/// the provider confirms: it then ends as `CANCELLED` and is paid back, or as `COMPLETED` and is not, if the provider had finished
/// before. Follow it as before to hear which. Asking again changes nothing. An API key that lacks `read` is told `videoId` and `status` alone.
#[utoipa::path(
    post,
    path = "/api/video/tasks/{videoId}/cancel",
    tag = "video",
    params(("videoId" = String, Path, description = "`video_<uuid>`")),
    responses(
        (status = 200, description = "The cancelled task", body = Envelope<ChangedTask>),
        (status = 202, description = "The task, still `PROCESSING`: its provider is asked to cancel it", body = Envelope<ChangedTask>),
        (status = 401, description = "No good token", body = ProblemBody),
        (status = 404, description = "No such task, or another user's", body = ProblemBody),
        (status = 409, description = "Already finished: `data.status` says how it stands", body = ProblemBody),
    ),
    security(("bearer" = [])),
)]
pub async fn cancel_task(app: Data<App>, user: CurrentUser, Path(VideoId(id)): Path<VideoId>) -> Result<HttpResponse, Problem> {
    let (commands, owner, now, may_see) = (app.commands.clone(), user.owner(), Utc::now(), user.has(Scope::Read));
    let (mut response, message, task) = match run_to_end(async move { commands.cancel_task(owner, id, now).await }).await? {
        Cancelled::Now(task) => (HttpResponse::Ok(), "task cancelled", task),
        Cancelled::Requested(task) => (HttpResponse::Accepted(), "cancellation requested", task),
    };
    let changed = if may_see {
        ChangedTask::Seen(Box::new(TaskView::new(task, &app.links, now)))
    } else {
        ChangedTask::Unseen(TaskState::of(&task))
    };
    Ok(response.json(success_with_message(message, changed)))
}
