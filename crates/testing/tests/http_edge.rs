//! What every HTTP client may count on, whatever it asks: `HEAD` and `OPTIONS`, one error body, addresses written carelessly, and headers as
//! large as browsers send them.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use reqwest::{Client, Method, Response};
use serde_json::{Value, json};
use toml::toml;
use uuid::Uuid;
use zoetrope_testing::{Answer, Platform, PlatformBuilder, Service, Socket, User, eventually, raw_http};

const SERVICES: [Service; 3] = [Service::Auth, Service::TaskApi, Service::Notifier];
/// Addresses at which a GET stays open.
const STREAMS: [&str; 3] = ["/api/events", "/api/tasks/{id}/events", "/api/v1/videos/{id}/events"];

fn without_workers() -> PlatformBuilder {
    Platform::builder().replicas(Service::Poller, 0).replicas(Service::ProviderSim, 0)
}

/// The one error body, whole.
fn is_problem(answer: &Answer, status: u16, code: &str) {
    let body = &answer.body;
    assert_eq!((answer.status, body["code"].as_str()), (status, Some(code)), "{body}");
    assert_eq!(answer.headers["content-type"], "application/json", "{body}");
    assert_eq!((&body["success"], &body["statusCode"]), (&json!(false), &json!(status)), "{body}");
    assert_eq!(body["status"], if status < 500 { "fail" } else { "error" }, "{body}");
    assert!(body["error"].is_string() && body["errors"].is_array(), "{body}");
    assert!(body["message"].as_str().is_some_and(|message| !message.is_empty()), "{body}");
    assert_eq!((&body["message"], &body["message"]), (&body["detail"], &body["data"]["message"]), "{body}");
    assert_eq!(body["data"]["code"], code, "{body}");
    assert_eq!(body["requestId"].as_str(), answer.headers["x-request-id"].to_str().ok(), "{body}");
    let wait = answer.headers.get("retry-after").and_then(|wait| wait.to_str().ok()?.parse::<u64>().ok());
    assert_eq!(body["retryAfter"].as_u64(), wait, "{body}");
}

/// The methods of every address in the description, by its pattern.
async fn described(platform: &Platform) -> Result<BTreeMap<String, BTreeSet<String>>> {
    let description = platform.nobody().get("/api-docs.json").await?.ok()?;
    let paths = description["paths"].as_object().context("paths")?;
    let methods = |operations: &Value| operations.as_object().map(|all| all.keys().map(|name| name.to_uppercase()).collect());
    paths.iter().map(|(path, operations)| Ok((path.clone(), methods(operations).context("methods")?))).collect()
}

/// A path of this pattern that names nothing which exists.
fn path_of(pattern: &str) -> String {
    let parts = pattern.split('/').map(|part| if part.starts_with('{') { Uuid::new_v4().to_string() } else { part.to_owned() });
    parts.collect::<Vec<_>>().join("/")
}

struct Caller {
    http: Client,
    gateway: String,
    token: String,
}

impl Caller {
    fn of(platform: &Platform, user: &User) -> Self {
        Self { http: Client::new(), gateway: platform.gateway_url(), token: user.token().to_owned() }
    }

    async fn send(&self, method: &str, path: &str) -> Result<Response> {
        let request = self.http.request(Method::from_bytes(method.as_bytes())?, format!("{}{path}", self.gateway));
        Ok(request.bearer_auth(&self.token).timeout(Duration::from_secs(20)).send().await?)
    }
}

fn header<'a>(answer: &'a Response, name: &str) -> Option<&'a str> {
    answer.headers().get(name)?.to_str().ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_address_tells_its_methods_and_answers_head() -> Result<()> {
    let platform = without_workers().start().await?;
    let user = platform.user().await?;
    let caller = Caller::of(&platform, &user);
    let mut heads = 0;
    for (pattern, mut methods) in described(&platform).await? {
        let path = path_of(&pattern);
        if methods.contains("GET") {
            methods.insert("HEAD".to_owned());
        }
        methods.insert("OPTIONS".to_owned());
        let told = |answer: &Response| -> Result<BTreeSet<String>> {
            let allow = header(answer, "allow").with_context(|| format!("{pattern} does not tell its methods"))?;
            Ok(allow.split(',').map(|method| method.trim().to_owned()).collect())
        };
        let options = caller.send("OPTIONS", &path).await?;
        assert_eq!((options.status().as_u16(), told(&options)?), (204, methods.clone()), "{pattern}");
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "PROPFIND"] {
            if !methods.contains(method) {
                let refused = caller.send(method, &path).await?;
                assert_eq!((refused.status().as_u16(), told(&refused)?), (405, methods.clone()), "{method} {pattern}");
            }
        }
        if methods.contains("GET") && !STREAMS.contains(&pattern.as_str()) {
            let (get, head) = (caller.send("GET", &path).await?, caller.send("HEAD", &path).await?);
            assert_eq!(head.status(), get.status(), "{pattern}");
            assert_eq!(header(&head, "content-type"), header(&get, "content-type"), "{pattern}");
            let told: Option<usize> = header(&head, "content-length").map(str::parse).transpose()?;
            let (full, none) = (get.bytes().await?.len(), head.bytes().await?.len());
            // Figures in the body differ a little from one answer to the next.
            ensure!(told.is_some_and(|told| told.abs_diff(full) < 40), "{pattern}: {told:?}, but {full} bytes");
            assert_eq!(none, 0, "{pattern}");
            heads += 1;
        }
    }
    assert!(heads > 10, "only {heads} were tried");

    // The description itself, which the gateway serves.
    for path in ["/api-docs.json", "/api/openapi"] {
        assert_eq!(caller.send("HEAD", path).await?.status(), 200, "{path}");
        for (method, status) in [("POST", 405), ("DELETE", 405), ("OPTIONS", 204)] {
            let answer = caller.send(method, path).await?;
            assert_eq!(
                (answer.status().as_u16(), header(&answer, "allow")),
                (status, Some("GET, HEAD, OPTIONS")),
                "{method} {path}"
            );
        }
    }
    assert_eq!(caller.send("HEAD", "/api-docs/").await?.status(), 200);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn head_opens_no_stream() -> Result<()> {
    let platform = without_workers()
        .setting(Service::TaskApi, "streams.max_per_user", 1)
        .setting(Service::Notifier, "websocket.max_connections_per_user", 1)
        .start()
        .await?;
    for pattern in STREAMS {
        let user = platform.user().await?;
        let path = pattern.replace("{id}", &user.create("a boat").await?);
        let caller = Caller::of(&platform, &user);
        for _ in 0..3 {
            let head = caller.send("HEAD", &path).await?;
            assert_eq!((head.status().as_u16(), header(&head, "content-type")), (200, Some("text/event-stream")), "{path}");
            assert_eq!(head.bytes().await?.len(), 0, "{path}");
        }
        // The only one that may be open.
        let mut events = eventually(&path, Duration::from_secs(60), async || user.events(&path, None).await).await?;
        events.next().await.with_context(|| path.clone())?;
    }
    // A handshake is a GET.
    let handshake = Client::new()
        .head(format!("{}/ws", platform.gateway_url()))
        .header("connection", "upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
    assert_eq!(handshake.send().await?.status(), 400);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_written_carelessly_is_found_and_gets_no_other_rights() -> Result<()> {
    let mut builder = without_workers();
    for (class, limit) in [("generation", 1001), ("video", 1002), ("login", 1003), ("register", 1004), ("general", 1005)] {
        for service in SERVICES {
            let limit = toml! { limit = limit window_seconds = 3600 };
            builder = builder.setting(service, &format!("limits.{class}"), limit);
        }
    }
    let platform = builder.start().await?;
    let user = platform.user().await?;
    let caller = Caller::of(&platform, &user);
    for path in [
        "/api/credits/balance",
        "/api/auth/me",
        "/api/webhooks",
        "/api/v1/users/profile",
        "/api/video/tasks",
        "/api/keys",
        "/health",
    ] {
        for careless in [format!("/{path}"), format!("{path}/"), format!("{}//", path.replace('/', "///"))] {
            assert_eq!(caller.send("GET", &careless).await?.status(), 200, "{careless}");
        }
    }
    let mut socket = Socket::connect(&format!("{}/", platform.gateway_url())).await?;
    ensure!(socket.next().await?.kind == "connected");

    // The limit of the address that is served.
    for (method, path, limit) in [
        ("POST", "/api/video/tasks", "1001"),
        ("GET", "/api/video/tasks", "1002"),
        ("POST", "/api/auth/login", "1003"),
        ("POST", "/api/auth/register", "1004"),
        ("GET", "/api/credits/balance", "1005"),
    ] {
        for careless in [path.to_owned(), format!("/{path}"), format!("{path}/"), path.replace("/api/", "/api//")] {
            let answer = caller.send(method, &careless).await?;
            assert_eq!(header(&answer, "x-ratelimit-limit"), Some(limit), "{method} {careless}");
        }
    }

    // Its scopes as well.
    let made = user.post("/api/keys", json!({ "name": "writer", "scopes": ["write"] })).await?.ok()?;
    let writer = user.with_token(made["data"]["key"].as_str().context("key")?);
    for path in ["//api/video/tasks/recover", "/api/video/tasks/recover/", "/api/video//tasks//recover"] {
        assert_eq!(writer.post(path, json!({ "clientRequestIds": ["x"] })).await?.status, 403, "{path}");
    }

    // What is encoded, or goes up, leads nowhere.
    for path in [
        "/api%2Fcredits/balance",
        "/api/video%2Ftasks",
        "/%2Fapi/credits/balance",
        "/api/video/tasks%2F..%2F..%2Fcredits",
        "/api/auth/..%2Fvideo/tasks",
        "/api/video/tasks%5Crecover",
    ] {
        let answer = raw(&platform, &format!("GET {path}"), &[("authorization", &format!("Bearer {}", user.token()))]).await?;
        is_problem(&answer, 404, "NOT_FOUND");
    }
    for path in ["/api/auth/../video/tasks", "/api/./credits/balance"] {
        assert_eq!(raw(&platform, &format!("GET {path}"), &[]).await?.status, 404, "{path}");
    }
    Ok(())
}

/// What is answered to a request with this beginning of its first line.
async fn raw(platform: &Platform, start: &str, headers: &[(&str, &str)]) -> Result<Answer> {
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let request = format!("{start} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n");
    raw_http(&platform.gateway_url(), request.as_bytes()).await.with_context(|| start.to_owned())
}

const ALLOWED: &str = "https://app.example";

#[tokio::test(flavor = "multi_thread")]
async fn every_error_has_the_one_body_and_pages_may_read_it() -> Result<()> {
    let mut platform = without_workers().allowed_origins(&[ALLOWED]).start().await?;
    let gateway = platform.gateway_url();
    let long = "x".repeat(40_000);
    let request = |text: &str| format!("{text}\r\n\r\n").into_bytes();
    let cases: Vec<(&str, Vec<u8>, u16, &str)> = vec![
        ("no HTTP", request("nonsense"), 400, "VALIDATION_ERROR"),
        ("no host", request("GET /health HTTP/1.1\r\nConnection: close"), 400, "VALIDATION_ERROR"),
        ("two hosts", request("GET /health HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close"), 400, "VALIDATION_ERROR"),
        ("a percent sign alone", request("GET /a%zz HTTP/1.1\r\nHost: x\r\nConnection: close"), 400, "VALIDATION_ERROR"),
        ("an encoded NUL", request("GET /a%00 HTTP/1.1\r\nHost: x\r\nConnection: close"), 400, "VALIDATION_ERROR"),
        ("a path that is not ASCII", request("GET /caf\u{e9} HTTP/1.1\r\nHost: x\r\nConnection: close"), 400, "VALIDATION_ERROR"),
        ("a path with angles", request("GET /<b> HTTP/1.1\r\nHost: x\r\nConnection: close"), 400, "VALIDATION_ERROR"),
        ("a query with quotes", request("GET /health?a=\"b\" HTTP/1.1\r\nHost: x\r\nConnection: close"), 400, "VALIDATION_ERROR"),
        ("a length that is none", request("POST /health HTTP/1.1\r\nHost: x\r\nContent-Length: x"), 400, "VALIDATION_ERROR"),
        (
            "a coding that nobody knows",
            request("POST /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: gzip"),
            400,
            "VALIDATION_ERROR",
        ),
        ("another version", request("GET /health HTTP/7.1\r\nHost: x\r\nConnection: close"), 400, "VALIDATION_ERROR"),
        ("TRACE", request("TRACE /health HTTP/1.1\r\nHost: x\r\nConnection: close"), 405, "METHOD_NOT_ALLOWED"),
        ("a long address", request(&format!("GET /{long} HTTP/1.1\r\nHost: x\r\nConnection: close")), 414, "TOO_LARGE"),
        (
            "a long header",
            request(&format!("GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\nCookie: a={long}")),
            431,
            "TOO_LARGE",
        ),
        ("nothing there", request("GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close"), 404, "NOT_FOUND"),
        ("nothing at auth", request("GET /api/auth/nothing HTTP/1.1\r\nHost: x\r\nConnection: close"), 404, "NOT_FOUND"),
        ("a method", request("DELETE /health HTTP/1.1\r\nHost: x\r\nConnection: close"), 405, "METHOD_NOT_ALLOWED"),
        (
            "a method of the gateway",
            request("POST /api-docs.json HTTP/1.1\r\nHost: x\r\nConnection: close"),
            405,
            "METHOD_NOT_ALLOWED",
        ),
    ];
    for (what, request, status, code) in cases {
        let answer = raw_http(&gateway, &request).await.context(what)?;
        assert_eq!(answer.status, status, "{what}: {}", answer.body);
        is_problem(&answer, status, code);
        assert_eq!(answer.headers.get_all("access-control-allow-origin").iter().collect::<Vec<_>>(), ["*"], "{what}");
        assert_eq!(answer.headers.contains_key("allow"), status == 405, "{what}");
    }

    // Pages of every origin read the errors of a service that is away, and those of an allowed one even with cookies.
    let exposed = platform.nobody().get_with_header("/health", "origin", "https://other.example").await?;
    let exposed = exposed.headers["access-control-expose-headers"].clone();
    for service in SERVICES {
        platform.process(service, 0)?.terminate().await?;
    }
    for path in ["/api/auth/me", "/api/video/tasks", "/api/webhooks", "/ws", "/health"] {
        for (origin, allowed, credentials) in [(ALLOWED, ALLOWED, Some("true")), ("https://other.example", "*", None)] {
            let answer = platform.nobody().get_with_header(path, "origin", origin).await?;
            is_problem(&answer, 503, "UNAVAILABLE");
            let told = |name: &str| answer.headers.get(name).and_then(|value| value.to_str().ok());
            assert_eq!(
                (told("access-control-allow-origin"), told("access-control-allow-credentials")),
                (Some(allowed), credentials)
            );
            assert_eq!((told("access-control-expose-headers"), told("vary")), (exposed.to_str().ok(), Some("Origin")), "{path}");
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_and_cookies_of_browsers_fit() -> Result<()> {
    let platform = without_workers().start().await?;
    let user = platform.user().await?;
    let token = format!("Bearer {}", user.token());
    let cookies: Vec<String> = (0..4).map(|number| format!("c{number}={}", "x".repeat(4_000))).collect();
    let cookies = cookies.join("; ");
    // All services, since each reads heads by itself.
    for path in ["/api/auth/me", "/api/video/tasks", "/api/webhooks"] {
        let long_query = format!("GET {path}?x={}", "y".repeat(12_000));
        let usual = [("authorization", token.as_str()), ("cookie", &cookies), ("user-agent", "x"), ("accept", "*/*")];
        for (start, headers) in [(format!("GET {path}"), &usual[..]), (long_query, &usual[..1])] {
            assert_eq!(raw(&platform, &start, headers).await?.status, 200, "{path}");
        }
        // As large as the gateway takes it: the service must take that, too.
        let large = "z".repeat(30_000);
        let headers = [("authorization", token.as_str()), ("cookie", &large), ("x-one", &large), ("x-two", &large)];
        assert_eq!(raw(&platform, &format!("GET {path}"), &headers).await?.status, 200, "{path}");
        let many: Vec<(String, &str)> = (0..87).map(|number| (format!("x-header-{number}"), "1")).collect();
        let many: Vec<(&str, &str)> = many.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        assert_eq!(raw(&platform, &format!("GET {path}"), &[&many[..], &usual[..1]].concat()).await?.status, 200, "{path}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_has_so_many_connections() -> Result<()> {
    let platform = without_workers().connections_per_address(4).start().await?;
    let user = platform.user().await?;
    let mut open = Vec::new();
    for _ in 0..2 {
        open.push(user.socket().await?);
    }
    let streams = [user.events("/api/events", None).await?, user.events("/api/events", None).await?];
    // All kinds count together, and a WebSocket is none of the cheaper ones.
    is_problem(&user.get("/health").await?, 429, "RATE_LIMITED");
    is_problem(&user.get("/api-docs.json").await?, 429, "RATE_LIMITED");
    let refused = Socket::open(&platform).await.err().context("a fifth connection was let in")?;
    assert!(refused.to_string().contains("429"), "{refused:#}");

    drop(open.pop());
    eventually("room for another", Duration::from_secs(20), async || {
        user.get("/health").await?.ok()?;
        Ok(())
    })
    .await?;
    let mut socket = user.socket().await?;
    socket.subscribe_user(None).await?;
    drop((open, streams));
    Ok(())
}
