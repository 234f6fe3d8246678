//! `POST /api/videos/generate-stream`: creates a task and tells its life until the end.

use std::sync::Arc;

use actix_web::{
    FromRequest, HttpRequest, HttpResponse, rt,
    web::{self, Data},
};
use chrono::Utc;
use uuid::Uuid;
use zoetrope_domain::TaskId;
use zoetrope_http::{
    Authenticator, CurrentUser, LargeJson, Problem, ProblemBody,
    sse::{self, Ended, Event, Writer},
};
use zoetrope_service::run_to_end;
use zoetrope_tokens::Watch;

use super::{
    body::GenerateVideo,
    events::{event, gone},
};
use crate::{
    app::App,
    commands::{Created, Idempotency, NewTask},
    http::{
        create::{counted, idempotency, may_be_large},
        problems::too_many_streams,
    },
    live::{Admission, Follower, Teller},
    task::Task,
};

/// Create a video and follow it.
///
/// Takes the model's price from the balance, queues the task, and answers with a stream of events until the task has ended. A client that
/// goes away costs nothing: its task goes on. Also at `/videos/generate-stream`. An API key needs `write` and `read`.
///
/// | event | data |
/// |---|---|
/// | `start` | `message`, and in `video` a `VideoView` |
/// | `progress` | `message`, `percent` |
/// | `complete` | `message`, `video`, `newBalance` |
/// | `error` | `message`, `code`, `video`: the generation failed or was cancelled, and its price is back |
///
/// A stream that ends without `complete` or `error` was cut off: send the same request again. While its task is followed, and 30 s longer
/// (unless configured), the same body finds the same task and pays nothing; so does an `Idempotency-Key`, for 24 hours. Once `complete`
/// or `error` was sent, or the task was cancelled, the same body without a key means a new task.
#[utoipa::path(
    post,
    path = "/api/videos/generate-stream",
    tag = "video",
    params(("Idempotency-Key" = Option<String>, Header, description = "Repeating a request with its key follows the first request's task, for 24 hours")),
    request_body = GenerateVideo,
    responses(
        (status = 200, description = "The task's life, as server-sent events", content_type = "text/event-stream"),
        (status = 400, description = "A field is missing or wrong", body = ProblemBody),
        (status = 401, description = "No good token", body = ProblemBody),
        (status = 402, description = "The balance does not suffice: see data.required and data.current", body = ProblemBody),
        (status = 408, description = "The body came too slowly", body = ProblemBody),
        (status = 413, description = "More than 32 MB of text", body = ProblemBody),
        (status = 422, description = "The idempotency key was used for another request", body = ProblemBody),
        (status = 503, description = "Try again after Retry-After", body = ProblemBody),
    ),
    security(("bearer" = [])),
)]
pub async fn generate_stream(
    app: Data<App>,
    authenticator: Data<Authenticator>,
    user: CurrentUser,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let (mut payload, mut upload) = (payload.into_inner(), None);
    if may_be_large(&request) {
        let begun = app.uploads.begin(user.user_id)?;
        payload = counted(payload, begun.clone());
        upload = Some(begun);
    }
    let LargeJson(body, offload) = LargeJson::<GenerateVideo>::from_request(&request, &mut payload).await?;
    let key = idempotency::key(request.headers())?;
    let catalog = app.clone();
    let work = move || (body.fingerprint(), body.check(&catalog.models, &catalog.destinations));
    let (fingerprint, checked) = offload.run(3, work).await?;
    let checked = checked.map_err(Problem::validation)?;
    let admission = app.live.admit(user.user_id).ok_or_else(too_many_streams)?;
    let idempotency = match key {
        Some(key) => Idempotency::Key { key, fingerprint },
        None => Idempotency::Followed { fingerprint, window: app.live.repeat_window() },
    };
    let callback_url = checked.callback_url.map(String::from);
    let task = Task::new(TaskId::new(Uuid::now_v7()), user.owner(), checked.order, None, None, callback_url, Utc::now());
    let (commands, new) = (app.commands.clone(), NewTask { task, idempotency: Some(idempotency) });
    let id = match run_to_end(async move { commands.create_task(new).await }).await? {
        Created::New(task) | Created::Repeated(task) => task.id,
    };

    // The text is worked through.
    drop(upload);

    let follower = app.live.follow_request(user.user_id, id);
    let (response, writer) = sse::open(app.live.pace());
    // On this worker, until the task has ended or the client is gone.
    rt::spawn(tell(app.into_inner(), follower, writer, authenticator.watch(&user), admission));
    Ok(response)
}

async fn tell(app: Arc<App>, mut follower: Follower, writer: Writer, watch: Watch, _admission: Admission) {
    let stopping = app.live.stopping();
    let told = tokio::select! {
        told = tell_all(&app, &mut follower, &writer) => told,
        () = writer.gone() => return,
        // The response breaks off: the clients of this family ask again by themselves, but only after an error.
        () = stopping.cancelled() => return,
        // The client comes back, and is refused.
        () = watch.ended() => return,
    };
    if told.is_err() || writer.taken().await.is_err() {
        return;
    }
    // The client knows the end: the same request is a new one. Before the stream ends, so that who waits for that need not wait longer.
    if let Err(error) = follower.end().await {
        tracing::debug!(error = &error as &dyn std::error::Error, "a request is remembered although its end was told");
    }
    writer.finish().await.ok();
}

async fn tell_all(app: &App, follower: &mut Follower, writer: &Writer) -> Result<(), Ended> {
    writer.send(&Event::retry(app.live.pause_before_return())).await?;
    let mut teller = Teller::default();
    while let Some(seen) = follower.next().await {
        for news in teller.tell(&seen.task) {
            writer.send(&event(&news, &seen, &app.links, Utc::now())).await?;
            if news.is_end() {
                return Ok(());
            }
        }
    }
    writer.send(&gone()).await
}
