use std::{sync::Arc, time::Duration};

use actix_web::{HttpRequest, HttpResponse, rt, web::Data};
use zoetrope_domain::TaskId;
use zoetrope_http::{
    Path, Problem, ProblemBody, StreamUser, is_head,
    sse::{self, Pace},
};

use crate::{
    events::{AllTasks, Lumi, Refusal, Stream, Voice},
    frames::NO_SUCH_TASK,
    socket::Context,
    stream::{Scope, Start},
};

/// Of silence, until a comment is sent. Proxies bear more.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// Another stream of the same user ends about every so often; a server that is away is back.
const RETRY_AFTER_SECONDS: u64 = 5;

/// Follow all own tasks.
///
/// A stream of server-sent events, which are the WebSocket's frames (`/ws`): the name of an event is the `type`, its data the frame
/// `{ "type", "eventId"?, "timestamp", "payload" }`.
///
/// | event | tells |
/// |---|---|
/// | `subscribeSuccess`, first | `lastEventId`: where the stream begins |
/// | `taskStatus` | the present state of each task that has not ended |
/// | `taskProgress`, `taskCompleted`, `taskFailed`, `taskCancelled` | each change |
/// | `resync` | `tasks`: the client must forget what it knew, this is how things are |
/// | `heartbeat`, every 30 s | that the stream is alive |
/// | `error` | `code`, `message`: the token has expired or its session was ended, and the stream ends |
///
/// An event's `id:`, sent back as `Last-Event-ID`, brings what changed since instead of the present states; a browser's `EventSource` does
/// that by itself. Where the server cannot go on from it, because it is too old or unknown, it sends `resync`. A client that reads too slowly
/// is cut off and resumes. When the server restarts the stream ends, and `retry:` says how long to wait.
#[utoipa::path(
    get,
    path = "/api/events",
    tag = "live",
    params(
        ("access_token" = Option<String>, Query, description = "The token, from a client that sets no headers"),
        ("Last-Event-ID" = Option<String>, Header, description = "The `id` of the last event that was received"),
    ),
    responses(
        (status = 200, description = "What happens, as server-sent events", content_type = "text/event-stream"),
        (status = 401, description = "No good token", body = ProblemBody),
        (status = 429, description = "Too many open connections of this user", body = ProblemBody),
    ),
    security((), ("bearer" = [])),
)]
pub async fn follow_tasks(context: Data<Context>, user: StreamUser, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let context = context.into_inner();
    let voice = AllTasks::new(Arc::clone(&context));
    open(context, user, &request, Scope::Everything, voice).await
}

/// Follow a task by phase and status.
///
/// | event | data |
/// |---|---|
/// | `task:init`, first | the task: `id, userId, phase, status, progress, errorMessage, createdAt, updatedAt, completedAt` |
/// | `status`, first and at each change | `phase`, `status`, `progress` |
/// | `task:updated`, when the status changes | `requestId`, `phase`, `status` |
/// | `resync`, then `task:init` and `status` | the task: the server cannot go on from `Last-Event-ID` |
/// | `heartbeat`, every 30 s | `timestamp` |
/// | `error` | `message`: the token has expired or its session was ended, and the stream ends |
///
/// `phase` is `MODEL_GENERATION` or `COMPLETED`, `status` is `MODEL_PENDING`, `MODEL_GENERATING`, `COMPLETED`, `FAILED` or `CANCELLED`. The
/// stream stays open when the task has ended.
///
/// An event's `id:`, sent back as `Last-Event-ID`, brings what changed since, without `task:init`; a browser's `EventSource` does that by
/// itself. A task that is not known is waited for, for 5 s, before the answer is 404; so is one of another user.
#[utoipa::path(
    get,
    path = "/api/tasks/{id}/events",
    tag = "live",
    params(
        ("id" = String, Path, description = "The UUID, or `video_<uuid>`"),
        ("access_token" = Option<String>, Query, description = "The token, from a client that sets no headers"),
        ("Last-Event-ID" = Option<String>, Header, description = "The `id` of the last event that was received"),
    ),
    responses(
        (status = 200, description = "The task's life, as server-sent events", content_type = "text/event-stream"),
        (status = 401, description = "No good token", body = ProblemBody),
        (status = 404, description = "No such task, or another user's, or one that ended long ago (30 days, unless configured)", body = ProblemBody),
        (status = 429, description = "Too many open connections of this user", body = ProblemBody),
        (status = 503, description = "The state of the task cannot be read now", body = ProblemBody),
    ),
    security((), ("bearer" = [])),
)]
pub async fn follow_task(
    context: Data<Context>,
    user: StreamUser,
    Path(id): Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let task = TaskId::parse_video_id(&id).map_err(|_| Problem::not_found(NO_SUCH_TASK))?;
    open(context.into_inner(), user, &request, Scope::Task(task), Lumi::default()).await
}

async fn open(
    context: Arc<Context>,
    user: StreamUser,
    request: &HttpRequest,
    scope: Scope,
    voice: impl Voice + 'static,
) -> Result<HttpResponse, Problem> {
    if is_head(request) {
        return Ok(sse::head());
    }
    let pace = Pace { keep_alive: KEEP_ALIVE, patience: context.write_timeout };
    let last_event_id: Option<String> = sse::last_event_id(request.headers());
    let start = Start::parse(last_event_id.as_deref());
    let stream = Stream::begin(context, user.0.caller, scope, start, voice).await?;
    let (response, writer) = sse::open(pace);
    // On this worker, until one of the two sides ends it.
    rt::spawn(stream.run(writer));
    Ok(response)
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::TooMany | Refusal::TooOften => Self::rate_limited(RETRY_AFTER_SECONDS),
            Refusal::NoSuchTask => Self::not_found(NO_SUCH_TASK),
            Refusal::Unavailable => Self::unavailable(RETRY_AFTER_SECONDS, "the state of a task cannot be read"),
        }
    }
}
