use std::{
    cell::RefCell,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

use actix_web::{
    Error, HttpMessage,
    body::{BodySize, BoxBody, MessageBody},
    dev::{Payload, ServiceRequest, ServiceResponse},
    http::{Method, header::UPGRADE},
    middleware::Next,
    web::Data,
};
use bytes::Bytes;

use super::{BodySettings, pace::PacedPayload};

/// The middleware that ends slow bodies. Goes around everything that answers.
///
/// The server closes the connection after an answer that came before the end of the body, but reads on forever where the body comes in
/// chunks and nobody has it any more. So the body is held until the answer is sent.
pub(crate) async fn bound_bodies(
    settings: Data<BodySettings>,
    mut request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    // What follows a handshake is no body.
    let is_handshake = *request.method() == Method::GET && request.headers().contains_key(UPGRADE);
    if is_handshake || matches!(request.parts().1, Payload::None) {
        return next.call(request).await;
    }
    let payload = Rc::new(RefCell::new(request.take_payload()));
    let paced = PacedPayload::new(Rc::clone(&payload), **settings);
    request.set_payload(Payload::Stream { payload: Box::pin(paced) });
    let response = next.call(request).await?;
    Ok(response.map_body(|_, body| BoxBody::new(Answer { body, _payload: payload })))
}

/// The body of an answer, and with it that of the request.
struct Answer {
    body: BoxBody,
    _payload: Rc<RefCell<Payload>>,
}

impl MessageBody for Answer {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.get_mut().body).poll_next(context)
    }
}
