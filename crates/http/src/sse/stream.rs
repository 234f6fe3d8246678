use std::{io, time::Duration};

use actix_web::{HttpResponse, HttpResponseBuilder, http::header};
use bytes::Bytes;
use futures_util::stream;
use tokio::{
    sync::mpsc::{self, error::SendTimeoutError},
    time::timeout,
};

use super::Event;

const KEEP_ALIVE: Bytes = Bytes::from_static(b": keep-alive\n\n");

/// The times of a stream.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Of silence, until a comment is sent.
    pub keep_alive: Duration,
    /// For one event to be taken by the client. One that needs longer is hopelessly slow.
    pub patience: Duration,
}

/// Why nothing more can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The client hung up.
    Gone,
    /// The client does not take what is written.
    TooSlow,
}

/// Writes to an open stream. Only [`finish`](Self::finish) ends the response in order. Dropped before, it breaks off in its midst, which a
/// client takes for a network error: there are clients that ask again after an error, and take an orderly end for good.
#[derive(Debug)]
pub struct Writer {
    // Little waits here: what a slow client has not taken is its task's to merge.
    pieces: mpsc::Sender<Piece>,
    patience: Duration,
}

#[derive(Debug)]
enum Piece {
    Event(Bytes),
    End,
}

/// A response that stays open, and the writer that fills it.
pub fn open(pace: Pace) -> (HttpResponse, Writer) {
    let (sender, receiver) = mpsc::channel(1);
    let body = stream::unfold((receiver, pace.keep_alive), |(mut receiver, silence)| async move {
        let piece = match timeout(silence, receiver.recv()).await {
            Ok(Some(Piece::Event(bytes))) => Ok(bytes),
            Ok(Some(Piece::End)) => return None,
            Ok(None) => Err(io::Error::new(io::ErrorKind::ConnectionAborted, "the stream is broken off")),
            Err(_) => Ok(KEEP_ALIVE),
        };
        Some((piece, (receiver, silence)))
    });
    (response().streaming(body), Writer { pieces: sender, patience: pace.patience })
}

/// What `HEAD` hears of a stream, for which none is opened.
pub fn head() -> HttpResponse {
    response().streaming(stream::empty::<io::Result<Bytes>>())
}

fn response() -> HttpResponseBuilder {
    let mut response = HttpResponse::Ok();
    response
        .content_type("text/event-stream")
        .insert_header((header::CACHE_CONTROL, "no-cache, no-transform"))
        // For a proxy that would collect events before it passes them on.
        .insert_header(("X-Accel-Buffering", "no"));
    response
}

impl Writer {
    /// Writes an event as soon as the client has taken what was written before.
    pub async fn send(&self, event: &Event) -> Result<(), Ended> {
        self.write(Piece::Event(event.to_bytes())).await
    }

    /// Waits until the client has taken all that was written.
    pub async fn taken(&self) -> Result<(), Ended> {
        match timeout(self.patience, self.pieces.reserve()).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) => Err(Ended::Gone),
            Err(_) => Err(Ended::TooSlow),
        }
    }

    /// Ends the response in order, when the client has taken all that was written.
    pub async fn finish(self) -> Result<(), Ended> {
        self.write(Piece::End).await
    }

    /// Waits until the client is known to be gone: the second write after it hung up finds out, and be it of a comment.
    pub async fn gone(&self) {
        self.pieces.closed().await;
    }

    async fn write(&self, piece: Piece) -> Result<(), Ended> {
        self.pieces.send_timeout(piece, self.patience).await.map_err(|error| match error {
            SendTimeoutError::Closed(_) => Ended::Gone,
            SendTimeoutError::Timeout(_) => Ended::TooSlow,
        })
    }
}

#[cfg(test)]
mod tests {
    use actix_web::body::{BodySize, BoxBody, MessageBody};
    use serde_json::json;

    use super::*;

    const PACE: Pace = Pace { keep_alive: Duration::from_millis(40), patience: Duration::from_millis(40) };
    const NEVER: Duration = Duration::from_secs(60);

    async fn next(body: &mut BoxBody) -> Option<Result<String, ()>> {
        let mut body = std::pin::Pin::new(body);
        let piece = std::future::poll_fn(|context| body.as_mut().poll_next(context)).await?;
        Some(piece.map(|bytes| String::from_utf8(bytes.to_vec()).unwrap()).map_err(drop))
    }

    fn opened(pace: Pace) -> (BoxBody, Writer) {
        let (response, writer) = open(pace);
        assert_eq!(response.headers().get(header::CONTENT_TYPE).unwrap(), "text/event-stream");
        assert_eq!(response.body().size(), BodySize::Stream);
        (response.into_body(), writer)
    }

    #[actix_web::test]
    async fn silence_is_broken_by_comments() {
        let (mut body, writer) = opened(PACE);
        assert_eq!(next(&mut body).await, Some(Ok(": keep-alive\n\n".to_owned())));
        writer.send(&Event::unnamed(&json!(1))).await.unwrap();
        assert_eq!(next(&mut body).await, Some(Ok("data: 1\n\n".to_owned())));
        assert_eq!(next(&mut body).await, Some(Ok(": keep-alive\n\n".to_owned())));
    }

    #[actix_web::test]
    async fn a_client_that_is_gone_or_slow_is_noticed() {
        let event = Event::unnamed(&json!(1));
        let (body, writer) = opened(PACE);
        writer.send(&event).await.unwrap();
        assert_eq!(writer.send(&event).await, Err(Ended::TooSlow));
        assert_eq!(writer.taken().await, Err(Ended::TooSlow));
        drop(body);
        writer.gone().await;
        assert_eq!(writer.send(&event).await, Err(Ended::Gone));
        assert_eq!(writer.taken().await, Err(Ended::Gone));
    }

    #[actix_web::test]
    async fn a_stream_can_end_in_order_or_break_off() {
        let calm = Pace { keep_alive: NEVER, patience: NEVER };
        let (mut body, writer) = opened(calm);
        writer.send(&Event::unnamed(&json!(1))).await.unwrap();
        let (finished, ()) = tokio::join!(writer.finish(), async {
            assert_eq!(next(&mut body).await, Some(Ok("data: 1\n\n".to_owned())), "what was written arrives");
        });
        assert_eq!((finished, next(&mut body).await), (Ok(()), None));

        let (body, writer) = opened(calm);
        writer.send(&Event::unnamed(&json!(1))).await.unwrap();
        drop(body);
        assert_eq!(writer.finish().await, Err(Ended::Gone), "what was written is lost");

        let (mut body, writer) = opened(calm);
        writer.send(&Event::unnamed(&json!(1))).await.unwrap();
        drop(writer);
        assert_eq!(next(&mut body).await, Some(Ok("data: 1\n\n".to_owned())));
        assert_eq!(next(&mut body).await, Some(Err(())));
    }
}
