//! Requests to a server on this machine, where none should arrive that was not allowed.

use std::{
    net::SocketAddr,
    sync::atomic::{AtomicUsize, Ordering},
};

use reqwest::dns::{Addrs, Name, Resolving};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::*;

/// Answers every connection with these bytes and closes it. Tells its port and how many came.
async fn serve(answer: &'static str) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (port, seen) = (listener.local_addr().unwrap().port(), Arc::new(AtomicUsize::new(0)));
    let counter = Arc::clone(&seen);
    #[expect(clippy::disallowed_methods, reason = "a test's server ends with its runtime")]
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            counter.fetch_add(1, Ordering::SeqCst);
            let _ = socket.read(&mut [0; 4096]).await;
            let _ = socket.write_all(answer.as_bytes()).await;
        }
    });
    (port, seen)
}

/// One address after the other, and the last for ever.
struct Changing {
    answers: &'static [&'static str],
    asked: AtomicUsize,
}

impl Resolve for Changing {
    fn resolve(&self, _name: Name) -> Resolving {
        let index = self.asked.fetch_add(1, Ordering::SeqCst).min(self.answers.len() - 1);
        let address = SocketAddr::new(self.answers[index].parse().unwrap(), 0);
        Box::pin(async move { Ok(Box::new(std::iter::once(address)) as Addrs) })
    }
}

fn client(allowed: &str, answers: &'static [&'static str]) -> Client {
    let destinations = Destinations { allowed_networks: vec![allowed.parse().unwrap()], allow_http: true };
    Client::with_resolver(destinations, "test", Changing { answers, asked: AtomicUsize::new(0) }).unwrap()
}

#[tokio::test]
async fn a_name_that_changes_sides_is_refused_at_the_connection() {
    let (port, seen) = serve("HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n").await;
    let client = client("127.0.0.1/32", &["127.0.0.1", "127.0.0.2"]);
    let address = format!("http://rebinding.example:{port}/").parse().unwrap();
    assert_eq!(client.request(Method::GET, &address).unwrap().send().await.unwrap().status(), 204);
    let error = client.request(Method::GET, &address).unwrap().send().await.unwrap_err();
    assert_eq!(Client::refusal(&error), Some(Refused::NotPublic), "{error:?}");
    assert_eq!(seen.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_not_a_way() {
    let (inside, reached) = serve("HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").await;
    let answer: &'static str = Box::leak(
        format!("HTTP/1.1 307 X\r\nlocation: http://127.0.0.2:{inside}/\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            .into_boxed_str(),
    );
    let (port, _) = serve(answer).await;
    let client = client("127.0.0.0/8", &["127.0.0.1"]);
    let address = format!("http://redirecting.example:{port}/").parse().unwrap();
    assert_eq!(client.request(Method::POST, &address).unwrap().send().await.unwrap().status(), 307);
    assert_eq!(reached.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_literal_address_does_not_get_past() {
    let (port, seen) = serve("HTTP/1.1 204 No Content\r\n\r\n").await;
    let client = client("10.0.0.0/8", &["127.0.0.1"]);
    for host in ["127.0.0.1", "2130706433", "[::ffff:127.0.0.1]", "localhost", "app.localhost."] {
        let refused = client.request(Method::GET, &format!("http://{host}:{port}/").parse().unwrap());
        assert_eq!(refused.err(), Some(Refused::NotPublic), "{host}");
    }
    let name = format!("http://leads-inside.example:{port}/").parse().unwrap();
    let error = client.request(Method::GET, &name).unwrap().send().await.unwrap_err();
    assert_eq!(Client::refusal(&error), Some(Refused::NotPublic), "{error:?}");
    assert_eq!(seen.load(Ordering::SeqCst), 0);
}
