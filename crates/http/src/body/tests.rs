use std::time::Duration;

use actix_web::{
    App, HttpResponse, HttpServer,
    dev::ServerHandle,
    middleware::from_fn,
    rt,
    web::{self, Data},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::*;
use crate::{Json, JsonLimit, ProblemCode};

const PATIENCE: Duration = Duration::from_secs(20);

fn memory(mib: u32) -> BodyMemory {
    BodyMemory::new(&BodySettings { memory_mib: mib.try_into().unwrap(), ..BodySettings::default() })
}

fn collected(memory: &BodyMemory, length: usize) -> Result<BodyBuffer, crate::Problem> {
    let mut buffer = BodyBuffer::new(memory.clone(), usize::MAX, None);
    for _ in 0..length.div_ceil(16 * 1024) {
        buffer.push(&[b'x'; 16 * 1024])?;
    }
    Ok(buffer)
}

#[test]
fn bodies_beyond_the_budget_are_refused_and_give_back_what_they_had() {
    let memory = memory(8);
    let first = collected(&memory, 3 * 1024 * 1024).unwrap();
    let refused = collected(&memory, 5 * 1024 * 1024).unwrap_err();
    assert_eq!(refused.code(), ProblemCode::Unavailable);
    drop(first);
    drop(collected(&memory, 4 * 1024 * 1024).unwrap());
    assert!(collected(&memory, 4 * 1024 * 1024).is_ok());
}

#[test]
fn large_bodies_leave_room_for_small_ones() {
    let memory = memory(8);
    let mut hold = memory.hold();
    hold.cover(7 * 1024 * 1024 + SMALL_BYTES).unwrap();
    assert!(memory.beside(1024).is_err(), "all is taken");
    assert!(collected(&memory, 32 * 1024).is_ok());
}

#[test]
fn what_is_collected_is_what_came() {
    let mut buffer = BodyBuffer::new(memory(8), 200_000, Some(200_000));
    let sent: Vec<u8> = (0..200_000_u32).map(|number| number.to_le_bytes()[0]).collect();
    for chunk in sent.chunks(7_001) {
        buffer.push(chunk).unwrap();
    }
    assert_eq!(buffer.push(b"!").unwrap_err().code(), ProblemCode::TooLarge);
    assert!(buffer.finish().0 == sent);
}

#[tokio::test]
async fn small_work_is_done_here_and_large_work_elsewhere() {
    let here = std::thread::current().id();
    let thread = |bytes| async move { Offload::new(memory(8), bytes).run(1, || std::thread::current().id()).await };
    assert_eq!(thread(SMALL_BYTES).await.unwrap(), here);
    assert_ne!(thread(SMALL_BYTES + 1).await.unwrap(), here);
    assert_eq!(thread(8 * 1024 * 1024).await.unwrap_err().code(), ProblemCode::Unavailable);
}

#[tokio::test]
async fn work_that_waits_for_its_turn_takes_no_memory() {
    let offload = Offload::new(memory(8), 2 * 1024 * 1024);
    // There is memory for the copies of one.
    let (first, second) = tokio::join!(offload.run(2, || 1), offload.run(2, || 2));
    assert_eq!((first.unwrap(), second.unwrap()), (1, 2));
}

/// A server with one route that reads JSON and one that reads nothing.
fn server(settings: BodySettings) -> (ServerHandle, u16) {
    let read = |Json(body): Json<serde_json::Value>| async move { HttpResponse::Ok().json(body) };
    let app = move || {
        App::new()
            .app_data(Data::new(settings))
            .wrap(from_fn(bound_bodies))
            .service(web::resource("/read").app_data(JsonLimit(1 << 30)).route(web::post().to(read)))
            .service(web::resource("/refuse").route(web::post().to(|| async { HttpResponse::PaymentRequired().body("no") })))
    };
    let server = HttpServer::new(app).workers(1).disable_signals().bind("127.0.0.1:0").unwrap();
    let port = server.addrs()[0].port();
    let server = server.run();
    let handle = server.handle();
    rt::spawn(server);
    (handle, port)
}

fn hurried() -> BodySettings {
    BodySettings { grace: Duration::from_millis(300), ..BodySettings::default() }
}

/// Sends a head, then bytes one by one for as long as the server takes them; what it answered until it closed the connection.
async fn drip(port: u16, head: &str, drops: &[u8]) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    let (mut reader, mut writer) = stream.into_split();
    let drops = drops.to_vec();
    let dripping = rt::spawn(async move {
        for drop in drops.iter().cycle() {
            if writer.write_all(&[*drop]).await.is_err() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    let mut answer = Vec::new();
    let closed = timeout(PATIENCE, reader.read_to_end(&mut answer)).await;
    dripping.abort();
    assert!(closed.is_ok(), "the connection stays open");
    String::from_utf8_lossy(&answer).into_owned()
}

#[actix_web::test]
async fn a_body_that_drips_is_ended_with_its_connection() {
    let (handle, port) = server(hurried());
    let head = "POST /read HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 10000000\r\n\r\n{\"a\":\"";
    let answer = drip(port, head, b"x").await;
    assert!(answer.starts_with("HTTP/1.1 408 ") && answer.contains("REQUEST_TIMEOUT"), "{answer}");
    assert!(answer.to_ascii_lowercase().contains("connection: close"), "{answer}");
    handle.stop(false).await;
}

#[actix_web::test]
async fn an_answer_before_the_end_of_a_body_closes_the_connection() {
    let (handle, port) = server(hurried());
    let sized = "POST /refuse HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000\r\n\r\n";
    let chunked = "POST /refuse HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (head, drops) in [(sized, &b"x"[..]), (chunked, b"1\r\nx\r\n")] {
        let answer = drip(port, head, drops).await;
        assert!(answer.starts_with("HTTP/1.1 402 ") && answer.ends_with("no"), "{answer}");
    }
    handle.stop(false).await;
}

#[actix_web::test]
async fn a_body_that_comes_in_time_is_read_and_the_connection_lives_on() {
    let (handle, port) = server(hurried());
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    for _ in 0..2 {
        let body = format!("{{\"a\":\"{}\"}}", "x".repeat(300_000));
        let head = format!("POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", body.len());
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(body.as_bytes()).await.unwrap();
        let mut answer = vec![0; 17];
        timeout(PATIENCE, stream.read_exact(&mut answer)).await.unwrap().unwrap();
        assert_eq!(answer, b"HTTP/1.1 200 OK\r\n");
        let mut rest = Vec::new();
        while !rest.ends_with(b"\"}") {
            rest.push(timeout(PATIENCE, stream.read_u8()).await.unwrap().unwrap());
        }
    }
    handle.stop(false).await;
}
