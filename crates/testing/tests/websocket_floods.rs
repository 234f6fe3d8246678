//! Clients that send more than anybody needs: what they make the notifier do is bounded, and those who go on are shown out.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use uuid::Uuid;
use zoetrope_testing::{Platform, RawSocket, Service, Socket, User};

const BURST: u32 = 500;
const PER_SECOND: u32 = 200;
const TEXT: u8 = RawSocket::FINAL | RawSocket::TEXT;

/// A platform on which a flood is soon found out.
async fn platform() -> Result<Platform> {
    Platform::builder()
        .setting(Service::Notifier, "websocket.units_burst", BURST)
        .setting(Service::Notifier, "websocket.units_per_second", PER_SECOND)
        .setting(Service::Notifier, "websocket.flood_seconds", 1)
        .start()
        .await
}

/// Everything that comes until the connection is closed with 1008.
async fn until_shown_out(socket: &mut RawSocket) -> Result<Vec<(u8, Vec<u8>)>> {
    let mut frames = Vec::new();
    loop {
        let (opcode, payload) = socket.next().await?;
        if opcode == RawSocket::CLOSE {
            ensure!(payload.first_chunk() == Some(&1008_u16.to_be_bytes()), "{payload:?}");
            return Ok(frames);
        }
        frames.push((opcode, payload));
    }
}

fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    [&RawSocket::head(first, payload.len() as u64)[..], payload].concat()
}

fn json_of(payload: &[u8]) -> Result<Value> {
    Ok(serde_json::from_slice(payload)?)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_questions_brings_few_answers() -> Result<()> {
    const QUESTIONS: usize = 100;
    let mut platform = platform().await?;
    let user = platform.user().await?;
    let mut socket = RawSocket::open(&platform.process(Service::Notifier, 0)?.url()).await?;
    let auth = json!({ "type": "auth", "payload": { "token": user.token() } });
    let videos: Vec<String> = (0..100).map(|_| format!("video_{}", Uuid::now_v7())).collect();
    let question = json!({ "type": "requestMultipleTaskStatus", "payload": { "videoIds": videos } });
    let began = Instant::now();
    socket.send(TEXT, auth.to_string().as_bytes()).await?;
    socket.send_bytes(&frame(TEXT, question.to_string().as_bytes()).repeat(QUESTIONS)).await?;

    let frames = until_shown_out(&mut socket).await?;
    let mut codes = Vec::new();
    for (_, payload) in &frames {
        codes.push(json_of(payload)?["payload"]["code"].as_str().unwrap_or_default().to_owned());
    }
    let count = |code: &str| codes.iter().filter(|found| *found == code).count();
    // What it has at once, what comes in, and one question more.
    let most = f64::from(BURST) + f64::from(PER_SECOND) * began.elapsed().as_secs_f64() + 100.0;
    let answers = count("NOT_FOUND");
    ensure!(answers >= 400 && (answers as f64) < most, "{answers} answers, and {most} are the most");
    // Once when it is slowed down, and once at its end.
    assert_eq!(count("RATE_LIMITED"), 2);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_sent_without_end_has_an_end() -> Result<()> {
    let mut platform = platform().await?;
    let replica = platform.process(Service::Notifier, 0)?.url();
    let user = platform.user().await?;
    let subscribe = json!({ "type": "subscribe_task", "payload": { "videoId": "video_none" } }).to_string();
    let renewal = json!({ "type": "auth", "payload": { "token": user.token() } }).to_string();
    let unfollow = json!({ "type": "unsubscribe_user" }).to_string();
    let floods: [(&str, Vec<u8>); 8] = [
        ("pings", frame(TEXT, b"{\"type\":\"ping\"}")),
        ("text pings", frame(TEXT, b"ping")),
        ("protocol pings", frame(RawSocket::FINAL | RawSocket::PING, b"")),
        ("pongs", frame(RawSocket::FINAL | RawSocket::PONG, b"")),
        ("tokens", frame(TEXT, renewal.as_bytes())),
        ("subscriptions to nothing", frame(TEXT, subscribe.as_bytes())),
        ("unsubscriptions", frame(TEXT, unfollow.as_bytes())),
        // Of a message that never ends.
        ("empty parts", frame(0, b"")),
    ];
    let whole = |(what, bytes): (&'static str, Vec<u8>)| (what, bytes.repeat(5_000));
    for (what, mut bytes) in floods.map(whole) {
        if what == "empty parts" {
            // So many that they are not all read at once.
            bytes = [frame(RawSocket::TEXT, b"").as_slice(), &bytes.repeat(10)].concat();
        }
        let mut socket = RawSocket::open(&replica).await?;
        socket.send(TEXT, renewal.as_bytes()).await?;
        // Whoever is slowed down cannot send on, either.
        let _ = tokio::time::timeout(Duration::from_secs(5), socket.send_bytes(&bytes)).await;
        let frames = until_shown_out(&mut socket).await.map_err(|error| error.context(what))?;
        ensure!(frames.len() < 2_500, "{} frames in answer to {what}", frames.len());
    }
    // It has gone well all the time, for others.
    let other = platform.user().await?;
    let mut socket = Socket::connect(&replica).await?;
    socket.next().await?;
    socket.send("auth", json!({ "token": other.token() })).await?;
    assert_eq!(socket.next().await?.kind, "authSuccess");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_that_are_opened_again_and_again_are_refused() -> Result<()> {
    let platform = Platform::builder()
        .setting(Service::Notifier, "websocket.user_units_burst", 60)
        .setting(Service::Notifier, "websocket.user_units_per_second", 1)
        .start()
        .await?;
    let (user, other) = (platform.user().await?, platform.user().await?);
    let open = async |user: &User| -> Result<reqwest::Response> {
        let url = format!("{}/api/events", platform.gateway_url());
        Ok(reqwest::Client::new().get(url).bearer_auth(user.token()).send().await?)
    };
    let mut refused = None;
    for _ in 0..20 {
        // Closed at once, so there are never many.
        let answer = open(&user).await?;
        if answer.status() != 200 {
            refused = Some(answer);
            break;
        }
    }
    let refused = refused.context("all were opened")?;
    assert_eq!(refused.status(), 429);
    assert!(refused.headers().contains_key("retry-after"), "{refused:?}");
    assert_eq!(refused.json::<Value>().await?["code"], "RATE_LIMITED");
    assert_eq!(open(&other).await?.status(), 200);
    Ok(())
}
