use std::time::Instant;

use actix_web::{Error, HttpRequest, HttpResponse, http::header, rt, web};
use zoetrope_http::{ProblemBody, client_address};

use crate::socket::{self, Context};

/// Live updates of one's tasks, over a WebSocket.
///
/// Frames both ways are JSON texts `{ "type", "id"?, "timestamp", "payload" }`; an answer carries the `id` of its request, and
/// `timestamp` is in Unix milliseconds. Requests are answered in order, so a client may send `auth` and `subscribe_task` in one breath.
///
/// | client sends | payload | server answers |
/// |---|---|---|
/// | `auth`, within 10 s | `token` | `authSuccess` with `userId, username, sessionId, expiresAt`; or `authFailed` with `error`, and close 4401 |
/// | `subscribe_task` | `videoId`, `lastEventId`? | `subscribeSuccess`, then `taskStatus` with the present state, then each change; or `error` |
/// | `unsubscribe_task` | `videoId` | `unsubscribeSuccess` |
/// | `subscribe_user` | `lastEventId`? | `subscribeSuccess` with `lastEventId`, then `taskStatus` for each task that has not ended, then each change of any own task |
/// | `unsubscribe_user` | | `unsubscribeSuccess` |
/// | `requestTaskStatus` | `videoId` | `taskUpdated` with `videoId, status, progress, videoUrl, error` |
/// | `requestMultipleTaskStatus` | `videoIds`, up to 100 | `taskUpdated` for each |
/// | `ping` | | `pong`; the texts `ping` and `"ping"`, which libraries send to keep a connection alive, are answered in kind |
///
/// The `token` is that of a sign-in, or an API key with the scope `read`; for a key that does not expire, `expiresAt` is null. When its session
/// or key is ended, the connection is told `authFailed` and closed.
///
/// Unasked, the server sends `connected` on open, `taskProgress`, `taskCompleted`, `taskFailed` and `taskCancelled`, `heartbeat` every
/// 30 s, and `authExpired` when the token has expired; a new `auth` within 30 s keeps the connection. `error` has `code` and `message`,
/// and `videoId` where one was asked for; a task of another user is `NOT_FOUND`, and so is one that ended long ago (30 days, unless configured), which
/// `GET /api/video/tasks/{videoId}` still shows.
///
/// **Resuming.** Frames that tell of tasks carry an `eventId` beside `type`: a text that means nothing to a client. Who has lost a connection
/// sends the last one that it has seen as `lastEventId`, and hears what changed since instead of the present state: with `subscribe_user` of all
/// own tasks, in order; with `subscribe_task` of that task, if it changed. For a task, it must be an id that came after its `subscribeSuccess`.
/// Where the server cannot go on from it, because it is too old, or unknown, it sends `resync` with `tasks`, the present state of all (or of
/// the one with `videoId`) that have not ended or ended within a day: the client must forget what it knew.
///
/// Before the server restarts it sends `reconnect` with `retryAfterMs`, another time for each client.
///
/// With `{"type": "auth", "token": "…", "lastEventId"?}`, the token beside the type, a connection follows all tasks of its user and speaks
/// flat frames: `auth_success`, `task_progress`, `task_complete`, `task_failed`, `resync`, `reconnect`, `error`, `pong`, with `task_id` and
/// their fields beside `type`.
///
/// **How much may be asked.** A connection has a budget, and so have all connections of a user together and those from an address on which
/// nobody has signed in: a frame costs about one unit for each answer, an `auth` 5, a `subscribe_user` 10, and what cannot be understood 10. Who
/// uses it up (2,000 units, and 100 more each second, unless configured) loses nothing, but is read more slowly; it hears `error` with
/// `RATE_LIMITED`, at most every ten seconds, and is closed with 1008 if it goes on like that for half a minute.
///
/// A subprotocol that is offered is accepted and changes nothing; of several, the first that is no token.
///
/// Close codes: 4401 not signed in, 4408 silent for 90 s, 1008 too many connections of one user, ten frames in a minute that cannot be
/// understood or too many requests for too long, 1009 a frame above 64 KiB, 1012 the server restarts, 1013 the client reads too slowly.
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
    let parts = context.budgets.of_parts(Instant::now());
    let body = socket::guarded(&request, body, context.max_frame_bytes, parts).await?;
    let offered = request.headers().get_all(header::SEC_WEBSOCKET_PROTOCOL).filter_map(|value| value.to_str().ok());
    let chosen: Vec<&str> = socket::choose_subprotocol(offered).into_iter().collect();
    let (response, session, messages) = actix_ws::handle_with_protocols(&request, body, &chosen)?;
    // On this worker, beside its other connections; it ends with the connection, or when the process stops.
    rt::spawn(socket::run(context.into_inner(), client_address(&request), session, messages));
    Ok(response)
}
