//! What RFC 6455 asks of a server, byte by byte, and the bounds of what clients may send.

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use zoetrope_testing::{Platform, RawSocket, Service, Socket};

const LONGEST: usize = 2000;
const TEXT: u8 = RawSocket::FINAL | RawSocket::TEXT;
const CONTINUATION: u8 = 0;

async fn platform() -> Result<Platform> {
    Platform::builder()
        .setting(Service::Notifier, "websocket.max_frame_bytes", i64::try_from(LONGEST)?)
        .setting(Service::Notifier, "websocket.max_connections_per_user", 2)
        .start()
        .await
}

/// A connection whose greeting has come.
async fn open(base_url: &str) -> Result<RawSocket> {
    let mut socket = RawSocket::open(base_url).await?;
    let (opcode, payload) = socket.next().await?;
    ensure!(opcode == RawSocket::TEXT && serde_json::from_slice::<Value>(&payload)?["type"] == "connected");
    Ok(socket)
}

async fn kind(socket: &mut RawSocket) -> Result<String> {
    let (opcode, payload) = socket.next().await?;
    ensure!(opcode == RawSocket::TEXT, "opcode {opcode}");
    Ok(serde_json::from_slice::<Value>(&payload)?["type"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_are_what_the_protocol_says() -> Result<()> {
    let mut platform = platform().await?;
    let replica = platform.process(Service::Notifier, 0)?.url();
    for base_url in [platform.gateway_url(), replica] {
        let mut socket = open(&base_url).await?;
        ensure!(!socket.handshake.to_ascii_lowercase().contains("sec-websocket-extensions"), "{}", socket.handshake);

        // In parts, with a ping between them, and byte by byte.
        socket.send(RawSocket::TEXT, b"{\"type\"").await?;
        socket.send(RawSocket::FINAL | RawSocket::PING, b"are you there?").await?;
        socket.send(CONTINUATION, b"").await?;
        socket.send(CONTINUATION, b":\"pi").await?;
        socket.send(RawSocket::FINAL, b"ng\"}").await?;
        assert_eq!(socket.next().await?, (RawSocket::PONG, b"are you there?".to_vec()));
        assert_eq!(kind(&mut socket).await?, "pong");
        let ping = b"{\"type\":\"ping\"}";
        for byte in [RawSocket::head(TEXT, ping.len() as u64), ping.to_vec()].concat() {
            socket.send_bytes(&[byte]).await?;
        }
        assert_eq!(kind(&mut socket).await?, "pong");

        // As long as may be, and as much as may be of a control frame.
        let long = format!("{:<LONGEST$}", "{\"type\":\"ping\"}");
        socket.send(TEXT, long.as_bytes()).await?;
        assert_eq!(kind(&mut socket).await?, "pong");
        socket.send(RawSocket::FINAL | RawSocket::PING, &[7; 125]).await?;
        assert_eq!(socket.next().await?, (RawSocket::PONG, vec![7; 125]));

        // The client's code comes back.
        socket.send(RawSocket::FINAL | RawSocket::CLOSE, &[&4321_u16.to_be_bytes()[..], b"bye"].concat()).await?;
        assert_eq!(socket.closed().await?, Some(4321));
        let mut socket = open(&base_url).await?;
        socket.send(RawSocket::FINAL | RawSocket::CLOSE, b"").await?;
        assert_eq!(socket.closed().await?, None);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_breaks_the_protocol_ends_with_its_code() -> Result<()> {
    let mut platform = platform().await?;
    let replica = platform.process(Service::Notifier, 0)?.url();
    let masked = |first: u8, payload: &[u8]| [&RawSocket::head(first, payload.len() as u64)[..], payload].concat();
    let half = vec![b' '; LONGEST / 2 + 1];
    let cases: [(&str, Vec<u8>, u16); 13] = [
        ("text that is not UTF-8", masked(TEXT, b"{\"type\":\"\xc3\x28\"}"), 1007),
        ("the same in parts", [masked(RawSocket::TEXT, b"\"\xc3"), masked(RawSocket::FINAL, b"\x28\"")].concat(), 1007),
        ("an oversized ping", masked(RawSocket::FINAL | RawSocket::PING, &[0; 126]), 1002),
        ("a ping in parts", masked(RawSocket::PING, b"a"), 1002),
        ("a compressed frame", masked(TEXT | 0x40, b"{}"), 1002),
        ("an unknown opcode", masked(RawSocket::FINAL | 0x3, b""), 1002),
        ("no mask", vec![TEXT, 2, b'{', b'}'], 1002),
        ("a part of nothing", masked(RawSocket::FINAL, b"{}"), 1002),
        ("a message within a message", [masked(RawSocket::TEXT, b"{"), masked(TEXT, b"{}")].concat(), 1002),
        ("a code that nobody may send", masked(RawSocket::FINAL | RawSocket::CLOSE, &1005_u16.to_be_bytes()), 1002),
        // The head alone must do: nobody keeps what is too long until it has come.
        ("a frame that is too long", RawSocket::head(TEXT, LONGEST as u64 + 1), 1009),
        ("a frame that is far too long", RawSocket::head(TEXT, 1 << 40), 1009),
        ("parts that are too long together", [masked(RawSocket::TEXT, &half), masked(RawSocket::FINAL, &half)].concat(), 1009),
    ];
    for (what, bytes, code) in cases {
        let mut socket = open(&replica).await?;
        socket.send_bytes(&bytes).await?;
        assert_eq!(socket.closed().await?, Some(code), "{what}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn patience_and_connections_are_bounded() -> Result<()> {
    let platform = platform().await?;
    let user = platform.user().await?;
    let mut first = user.socket().await?;
    let second = user.socket().await?;
    let mut third = Socket::open(&platform).await?;
    third.next().await?;
    third.send("auth", json!({ "token": user.token() })).await?;
    let refused = third.next().await?;
    assert_eq!((refused.kind.as_str(), &refused.payload["code"]), ("error", &json!("TOO_MANY_CONNECTIONS")));
    assert_eq!(third.closed().await?, Some(1008));

    // A new token is no new connection, and whoever leaves makes room.
    first.send("auth", json!({ "token": user.token() })).await?;
    assert_eq!(first.next().await?.kind, "authSuccess");
    drop(second);
    zoetrope_testing::eventually("room for another", std::time::Duration::from_secs(10), async || user.socket().await).await?;

    for _ in 0..10 {
        first.send_text("what?").await?;
        assert_eq!(first.next().await?.payload["code"], "VALIDATION_ERROR");
    }
    assert_eq!(first.closed().await?, Some(1008));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_somebody_else_is_none() -> Result<()> {
    let platform = Platform::start().await?;
    let (user, other) = (platform.user().await?, platform.user().await?);
    let mut socket = user.socket().await?;
    socket.subscribe_user(None).await?;
    socket.send("auth", json!({ "token": other.token() })).await?;
    assert_eq!(socket.next().await?.kind, "authFailed");
    assert_eq!(socket.closed().await?, Some(4401));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn who_never_stops_sending_is_shown_out_in_time() -> Result<()> {
    const PINGS: usize = 100_000;
    const AHEAD: usize = 3_000;
    // As if nobody counted what it asks for.
    let mut builder = Platform::builder().setting(Service::Notifier, "websocket.auth_timeout_seconds", 0.5);
    for name in ["units_burst", "units_per_second", "address_units_burst", "address_units_per_second"] {
        builder = builder.setting(Service::Notifier, &format!("websocket.{name}"), 1_000_000);
    }
    let mut platform = builder.start().await?;
    let mut socket = open(&platform.process(Service::Notifier, 0)?.url()).await?;
    let ping = b"{\"type\":\"ping\"}";
    let ping = [&RawSocket::head(TEXT, ping.len() as u64)[..], ping].concat();

    // The next frames are there before one is answered.
    socket.send_bytes(&ping.repeat(AHEAD)).await?;
    for _ in AHEAD..PINGS {
        if socket.send_bytes(&ping).await.is_err() || kind(&mut socket).await? == "authFailed" {
            assert_eq!(socket.closed().await?, Some(4401));
            return Ok(());
        }
    }
    anyhow::bail!("all of {PINGS} frames were answered")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subprotocol_that_is_offered_is_accepted() -> Result<()> {
    let mut platform = Platform::start().await?;
    let replica = platform.process(Service::Notifier, 0)?.url();
    let secret = "eyJhbGciOiJFZERTQSJ9.e30.c2lnbmF0dXJl";
    for base_url in [platform.gateway_url(), replica] {
        for (offered, chosen) in [
            ("zoetrope", "zoetrope"),
            ("json, zoetrope.v1", "json"),
            (&format!("access_token, {secret}"), "access_token"),
            (secret, secret),
        ] {
            let mut socket = RawSocket::offering(&base_url, offered).await?;
            let lines: Vec<_> = socket.handshake.lines().filter_map(|line| line.split_once(": ")).collect();
            let answered: Vec<_> = lines
                .iter()
                .filter(|(name, _)| name.eq_ignore_ascii_case("sec-websocket-protocol"))
                .map(|(_, value)| *value)
                .collect();
            assert_eq!(answered, [chosen], "{offered}");
            assert_eq!(kind(&mut socket).await?, "connected");
        }
        let silent = open(&base_url).await?;
        assert!(!silent.handshake.to_ascii_lowercase().contains("sec-websocket-protocol"), "{}", silent.handshake);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pings_of_libraries_are_answered_and_are_no_nonsense() -> Result<()> {
    let platform = Platform::start().await?;
    let mut socket = open(&platform.gateway_url()).await?;
    // More than there may be of what nobody understands.
    for _ in 0..5 {
        for (ping, pong) in [("ping", "pong"), ("PING", "pong"), ("\"ping\"", "\"pong\"")] {
            socket.send(TEXT, ping.as_bytes()).await?;
            assert_eq!(socket.next().await?, (RawSocket::TEXT, pong.as_bytes().to_vec()), "{ping}");
        }
        for ping in ["{\"type\":\"ping\"}", "{\"type\":\"heartbeat\"}", "{\"event\":\"ping\"}"] {
            socket.send(TEXT, ping.as_bytes()).await?;
            assert_eq!(kind(&mut socket).await?, "pong", "{ping}");
        }
        socket.send(TEXT, b"pong").await?;
        socket.send(TEXT, b"").await?;
    }
    Ok(())
}
