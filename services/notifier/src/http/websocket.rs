use actix_web::{Error, HttpRequest, HttpResponse, rt, web};
use zoetrope_http::ProblemBody;

use crate::socket::{self, Context};

/// Longest frame, and longest message in parts, that a client may send. Ours are requests of a few hundred bytes.
const MAX_FRAME_BYTES: usize = 64 * 1024;

/// Live updates of one's tasks, over a WebSocket.
///
/// Frames both ways are JSON texts `{ "type", "id"?, "timestamp", "payload" }`; an answer carries the `id` of its request, and
/// `timestamp` is in Unix milliseconds. Requests are answered in order, so a client may send `auth` and `subscribe_task` in one breath.
///
/// | client sends | payload | server answers |
/// |---|---|---|
/// | `auth`, within 10 s | `token` | `authSuccess` with `userId, username, sessionId, expiresAt`; or `authFailed` with `error`, and close 4401 |
/// | `subscribe_task` | `videoId` | `subscribeSuccess`, then `taskStatus` with the present state, then each change; or `error` |
/// | `unsubscribe_task` | `videoId` | `unsubscribeSuccess` |
/// | `requestTaskStatus` | `videoId` | `taskUpdated` with `videoId, status, progress, videoUrl, error` |
/// | `requestMultipleTaskStatus` | `videoIds`, up to 100 | `taskUpdated` for each |
/// | `ping` | | `pong` |
///
/// Unasked, the server sends `connected` on open, `taskProgress`, `taskCompleted`, `taskFailed` and `taskCancelled`, `heartbeat` every
/// 30 s, and `authExpired` when the token has expired; a new `auth` within 30 s keeps the connection. `error` has `code` and `message`,
/// and `videoId` where one was asked for; a task of another user is `NOT_FOUND`, and so is one that ended long ago (30 days, unless configured), which
/// `GET /api/video/tasks/{videoId}` still shows.
///
/// With `{"type": "auth", "token": "…"}`, the token beside the type, a connection follows all tasks of its user and speaks flat frames:
/// `auth_success`, `task_progress`, `task_complete`, `task_failed`, `error`, `pong`, with `task_id` and their fields beside `type`.
///
/// Close codes: 4401 not signed in, 4408 silent for 90 s, 1012 the server restarts, 1013 the client reads too slowly, 1009 a frame
/// above 64 KiB.
#[utoipa::path(
    get,
    path = "/ws",
    tag = "live",
    responses(
        (status = 101, description = "The connection speaks WebSocket from here on."),
        (status = 400, description = "Not a WebSocket handshake.", body = ProblemBody),
    )
)]
pub async fn websocket(request: HttpRequest, body: web::Payload, context: web::Data<Context>) -> Result<HttpResponse, Error> {
    let (response, session, messages) = actix_ws::handle(&request, body)?;
    let messages = messages.max_frame_size(MAX_FRAME_BYTES).aggregate_continuations().max_continuation_size(MAX_FRAME_BYTES);
    // On this worker, beside its other connections; it ends with the connection, or when the process stops.
    rt::spawn(socket::run(context.into_inner(), session, messages));
    Ok(response)
}
