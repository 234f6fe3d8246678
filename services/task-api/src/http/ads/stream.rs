//! `GET /api/v1/videos/{id}/events`: a video's log, from its beginning to its end.

use actix_web::{HttpRequest, HttpResponse, rt, web::Data};
use chrono::Utc;
use zoetrope_domain::{TaskId, UserId};
use zoetrope_http::{
    Authenticator, Path, Problem, ProblemBody, StreamUser, is_head,
    sse::{self, Ended, Writer},
};

use super::events::{LogTeller, gone};
use crate::{
    app::App,
    http::{
        problems::{no_such_task, query_problem, too_many_streams},
        video_id::VideoId,
    },
    live::Follower,
    store::tasks,
    task::Task,
};

/// Follow a video.
///
/// A stream of unnamed messages, each a `StepView`: first all steps that the video has passed, then each further one as it comes, and the
/// present one again when its progress has changed. After 9 (completed) or -1 (failed or cancelled) the stream ends. A token that expires
/// meanwhile does not end it; signing out does. Also at `/api/v1/videos/{id}/stream`.
///
/// A stream that breaks off goes on after the message whose `id` comes back in `Last-Event-ID`; a browser's `EventSource` does that by
/// itself, and is told to stop by the 204.
#[utoipa::path(
    get,
    path = "/api/v1/videos/{id}/events",
    tag = "video",
    params(
        ("id" = String, Path, description = "`video_<uuid>`, or the UUID"),
        ("access_token" = Option<String>, Query, description = "The token, from a client that sets no headers"),
        ("token" = Option<String>, Query, description = "The same as `access_token`"),
        ("Last-Event-ID" = Option<String>, Header, description = "The `id` of the last message that was received"),
    ),
    responses(
        (status = 200, description = "The video's log, as server-sent events", content_type = "text/event-stream"),
        (status = 204, description = "The video has ended, and `Last-Event-ID` is its last message: nothing will follow"),
        (status = 401, description = "No good token", body = ProblemBody),
        (status = 404, description = "No such video, or another user's", body = ProblemBody),
        (status = 503, description = "Try again after Retry-After", body = ProblemBody),
    ),
    security((), ("bearer" = [])),
)]
pub async fn video_events(
    app: Data<App>,
    authenticator: Data<Authenticator>,
    user: StreamUser,
    Path(VideoId(id)): Path<VideoId>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let teller = LogTeller::since(sse::last_event_id(request.headers()));
    if teller.is_done(&own_task(&app, user.user_id, id).await?) {
        return Ok(HttpResponse::NoContent().finish());
    }
    if is_head(&request) {
        return Ok(sse::head());
    }
    let admission = app.live.admit(user.user_id).ok_or_else(too_many_streams)?;
    let follower = app.live.follow(user.user_id, id);
    let (response, writer) = sse::open(app.live.pace());
    let watch = authenticator.watch(&user);
    // On this worker, until the task has ended or the client is gone.
    rt::spawn(async move {
        let _admission = admission;
        let stopping = app.live.stopping();
        let told = tokio::select! {
            told = tell_all(&app, follower, teller, &writer) => told,
            () = writer.gone() => return,
            () = stopping.cancelled() => return,
            // The client comes back, and is refused.
            () = watch.ended() => return,
        };
        if told.is_ok() {
            // A client that is gone by now has heard all the same.
            writer.finish().await.ok();
        }
    });
    Ok(response)
}

async fn own_task(app: &App, user: UserId, id: TaskId) -> Result<Task, Problem> {
    let connection = app.commands.database.connection().await?;
    tasks::find(&connection, user, id).await.map_err(query_problem)?.ok_or_else(no_such_task)
}

async fn tell_all(app: &App, mut follower: Follower, mut teller: LogTeller, writer: &Writer) -> Result<(), Ended> {
    writer.send(&sse::Event::retry(app.live.pause_before_return())).await?;
    while let Some(seen) = follower.next().await {
        for event in teller.tell(&seen.task, &app.links, Utc::now()) {
            writer.send(&event).await?;
        }
        if seen.task.state.status.is_terminal() {
            return Ok(());
        }
    }
    writer.send(&gone(Utc::now())).await
}
