//! Responses that never arrive in full: the server closes the TCP connection instead.
//!
//! They rely on how actix-web sends a response: the head is written to a buffer, then the body is polled, and the buffer
//! goes out when the body has to wait or ends. A body that fails at its first poll therefore takes the head with it,
//! and the client sees its connection closed without an answer.

use std::time::Duration;

use actix_web::{HttpResponse, HttpResponseBuilder, body::SizedStream};
use bytes::Bytes;
use futures_util::{StreamExt, stream};

/// Time for the first half to leave before the connection is closed.
const FLUSH: Duration = Duration::from_millis(50);

#[derive(Debug, thiserror::Error)]
#[error("the connection is cut on purpose")]
struct Cut;

/// The connection is closed; the client gets nothing.
pub(super) fn without_answer() -> HttpResponse {
    HttpResponse::Ok().streaming(stream::iter([Err::<Bytes, Cut>(Cut)]))
}

/// The client gets the headers, with the full length, and half of the body.
pub(super) fn halfway(mut response: HttpResponseBuilder, body: Bytes) -> HttpResponse {
    let length = body.len() as u64;
    let half = body.slice(..body.len() / 2);
    let rest = stream::once(async {
        tokio::time::sleep(FLUSH).await;
        Err::<Bytes, Cut>(Cut)
    });
    let stream = stream::iter([Ok(half)]).chain(rest).boxed_local();
    response.body(SizedStream::new(length, stream))
}
