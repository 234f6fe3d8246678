//! Bodies of requests: how large, how slow and how many they may be, and what is decided before a file is read.

use std::{
    fs,
    io::{Read, Write},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow, ensure};
use base64::{Engine, engine::general_purpose::STANDARD};
use futures_util::{StreamExt, future::join_all, stream};
use reqwest::{
    Body, Client, Response,
    multipart::{Form, Part},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
    time::timeout,
};
use zoetrope_testing::{Platform, Service, User, audit, eventually};

const PNG: &[u8] = include_bytes!("files/reference.png");
const TASKS: &str = "/api/video/tasks";
const MIB: u64 = 1024 * 1024;
const PATIENCE: Duration = Duration::from_secs(60);

/// The beginning of a PNG of this size.
fn png_head(width: u32, height: u32) -> Vec<u8> {
    let mut head = PNG[..33].to_vec();
    head[16..20].copy_from_slice(&width.to_be_bytes());
    head[20..24].copy_from_slice(&height.to_be_bytes());
    let sum = head[12..29].iter().fold(!0_u32, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| if sum & 1 == 1 { sum >> 1 ^ 0xedb8_8320 } else { sum >> 1 })
    });
    head[29..33].copy_from_slice(&(!sum).to_be_bytes());
    // Some of the picture's data, so that all of the header is known to be there.
    head.extend_from_slice(&PNG[33..PNG.len().min(400)]);
    head
}

/// So many bytes after a beginning, made as they are taken, and counted.
fn endless(head: Vec<u8>, length: u64, taken: &Arc<AtomicU64>) -> Body {
    const CHUNK: u64 = 64 * 1024;
    let taken = Arc::clone(taken);
    let rest = stream::iter(0..length / CHUNK).map(move |_| {
        taken.fetch_add(CHUNK, Ordering::Relaxed);
        Ok::<_, std::io::Error>(vec![b'x'; 64 * 1024])
    });
    Body::wrap_stream(stream::iter([Ok(head)]).chain(rest))
}

async fn problem(response: Response, status: u16, field: Option<&str>) -> Result<Value> {
    let (found, text) = (response.status().as_u16(), response.text().await?);
    ensure!(found == status, "{found}: {text}");
    let body: Value = serde_json::from_str(&text)?;
    ensure!(body["statusCode"] == status && body["requestId"].is_string(), "{body}");
    if let Some(field) = field {
        ensure!(body["errors"][0]["field"] == field, "{body}");
    }
    Ok(body)
}

/// The lengths of the users' pictures that are stored, whole or in part.
fn pictures(platform: &Platform) -> Vec<u64> {
    let tasks = fs::read_dir(platform.directory().join("objects/uploads")).into_iter().flatten().flatten();
    let files = tasks.flat_map(|task| fs::read_dir(task.path()).into_iter().flatten().flatten());
    files.filter_map(|file| Some(file.metadata().ok()?.len())).collect()
}

async fn nothing_is_stored(platform: &Platform) -> Result<()> {
    // What was refused is deleted a moment later.
    eventually("empty storage", PATIENCE, async || {
        let pictures = pictures(platform);
        ensure!(pictures.is_empty(), "{pictures:?}");
        Ok(())
    })
    .await
}

/// A request to a service or to the gateway, with whatever body the test wants.
fn post(base: &str, path: &str, user: &User) -> reqwest::RequestBuilder {
    Client::new().post(format!("{base}{path}")).bearer_auth(user.token()).timeout(PATIENCE)
}

/// The most memory that a process ever had, in bytes.
fn peak_memory(id: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{id}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("VmHWM")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? * 1024)
}

/// How long `/health` takes, again and again until told to stop; the time that one in a hundred exceeds. On a thread of its own, which the
/// other clients of a test do not hold up.
fn health_times(base: &str, stop: &Arc<AtomicBool>) -> thread::JoinHandle<Result<(Duration, usize)>> {
    let (base, stop) = (base.to_owned(), Arc::clone(stop));
    let asking = async move {
        let client = Client::new();
        let mut times = Vec::new();
        while !stop.load(Ordering::Relaxed) {
            let asked = Instant::now();
            client.get(format!("{base}/health")).timeout(PATIENCE).send().await?.error_for_status()?.bytes().await?;
            times.push(asked.elapsed());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        times.sort_unstable();
        let last = times.len().saturating_sub(1);
        Ok((times[last * 99 / 100], times.len()))
    };
    thread::spawn(move || tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(asking))
}

/// Each user sends one long body after the other until the time is over; which statuses were answered.
fn flood(base: &str, path: &str, users: &[User], body: &str, length: u64, time: Duration) -> Result<Vec<u16>> {
    let address = base.strip_prefix("http://").context("address")?;
    let clients: Vec<_> = users
        .iter()
        .map(|user| {
            let head = format!(
                "POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
                 Content-Length: {}\r\n\r\n{body}",
                user.token(),
                body.len() as u64 + length * MIB,
            );
            let address = address.to_owned();
            thread::spawn(move || {
                let (until, mut statuses) = (Instant::now() + time, Vec::new());
                while Instant::now() < until {
                    statuses.extend(send_long_body(&address, &head, length)?);
                }
                anyhow::Ok(statuses)
            })
        })
        .collect();
    let statuses = clients.into_iter().map(|client| client.join().map_err(|_| anyhow!("a client panicked"))?);
    Ok(statuses.collect::<Result<Vec<_>>>()?.concat())
}

/// `None` for a client that went on sending until its connection was closed, and so saw no answer.
fn send_long_body(address: &str, head: &str, mib: u64) -> Result<Option<u16>> {
    static PART: [u8; 256 * 1024] = [b'x'; 256 * 1024];
    // 25 MB/s each: a fast network, and not all of the processors that the service is to answer with.
    const PAUSE: Duration = Duration::from_millis(10);
    let mut connection = std::net::TcpStream::connect(address)?;
    connection.set_read_timeout(Some(PATIENCE))?;
    let mut sent = connection.write_all(head.as_bytes());
    for _ in 0..mib * 4 {
        sent = sent.and_then(|()| connection.write_all(&PART));
        if sent.is_err() {
            break;
        }
        thread::sleep(PAUSE);
    }
    let mut answer = [0; 12];
    if connection.read_exact(&mut answer).is_err() {
        ensure!(sent.is_err(), "all was sent, and nothing answered");
        return Ok(None);
    }
    Ok(Some(String::from_utf8_lossy(&answer[9..]).parse()?))
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_clients_with_huge_bodies_take_neither_memory_nor_time() -> Result<()> {
    const BUDGET: u64 = 128;
    let mut platform = Platform::builder().setting(Service::TaskApi, "http.bodies.memory_mib", BUDGET as i64).start().await?;
    let mut users = Vec::new();
    for _ in 0..10 {
        users.push(platform.user().await?);
    }
    let task_api = platform.process(Service::TaskApi, 0)?;
    let (id, direct) = (task_api.id().context("id")?, task_api.url());
    let gateway = platform.gateway_url();
    let before = peak_memory(id)?;
    let time = Duration::from_secs(1);

    let measured = tokio::task::spawn_blocking(move || {
        let (quiet, stop) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let alone = health_times(&direct, &quiet);
        thread::sleep(time);
        quiet.store(true, Ordering::Relaxed);
        let (alone, _) = alone.join().map_err(|_| anyhow!("health"))??;

        let health = health_times(&direct, &stop);
        // 95 MB where 50 ids are promised, at the gateway and past it.
        for base in [&gateway, &direct] {
            let statuses = flood(base, &format!("{TASKS}/recover"), &users, r#"{"clientRequestIds":[""#, 95, time)?;
            ensure!(statuses.iter().all(|status| *status == 413), "{statuses:?}");
        }
        // As much as is taken, from ten users at once: more than there is memory for. None of it is JSON to its end.
        let picture = r#"{"prompt":"p","model":"sora-2","referenceImage":"data:image/png;base64,"#;
        let give_up = Instant::now() + PATIENCE;
        loop {
            let statuses = flood(&direct, TASKS, &users, picture, 30, time)?;
            ensure!(statuses.iter().all(|status| matches!(status, 400 | 503)), "{statuses:?}");
            if statuses.contains(&400) {
                break;
            }
            ensure!(Instant::now() < give_up, "nobody was served: {statuses:?}");
        }
        stop.store(true, Ordering::Relaxed);
        let (slowest, asked) = health.join().map_err(|_| anyhow!("health"))??;
        Ok((alone, slowest, asked))
    });
    let (alone, slowest, asked) = measured.await??;

    // What was freed goes back to the system some time later, when other bodies may have taken its place in the budget.
    let grown = peak_memory(id)?.saturating_sub(before) / MIB;
    ensure!(grown < 5 * BUDGET / 2, "task-api has grown by {grown} MiB");
    // Seconds, where a body is parsed on an event loop. Far below on a quiet machine, but the clients, and other tests, work on the same
    // processors.
    ensure!(slowest < Duration::from_secs(1).max(alone * 4), "1 % of {asked} answers took {slowest:?}, and alone {alone:?}");
    audit::check(&platform).await
}

/// Sends a head, then a byte now and then; what was answered until the connection was closed, and after how long.
async fn drip(base: &str, head: &str) -> Result<(String, Duration)> {
    let address = base.strip_prefix("http://").context("address")?;
    let started = Instant::now();
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(head.as_bytes()).await?;
    let (mut reader, mut writer) = stream.into_split();
    let dripping = async {
        while writer.write_all(b" ").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        std::future::pending::<()>().await;
    };
    let mut answer = Vec::new();
    tokio::select! {
        // A reset ends the connection as well.
        closed = timeout(PATIENCE, reader.read_to_end(&mut answer)) => drop(closed.context("the connection stays open")?),
        () = dripping => {}
    }
    Ok((String::from_utf8_lossy(&answer).into_owned(), started.elapsed()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_body_is_ended_by_every_service() -> Result<()> {
    let mut platform = Platform::builder();
    for service in [Service::Auth, Service::TaskApi, Service::Notifier] {
        platform = platform.setting(service, "http.bodies.grace_seconds", 0.5);
    }
    let platform = platform.start().await?;
    let user = platform.user().await?;
    let gateway = platform.gateway_url();
    let json = "Content-Type: application/json";
    let form = "Content-Type: multipart/form-data; boundary=b";
    let started = Instant::now();
    let drips = [
        ("/api/auth/login", json, "Content-Length: 20000"),
        ("/api/users/avatar", form, "Content-Length: 20000"),
        ("/api/webhooks", json, "Content-Length: 20000"),
        (TASKS, form, "Content-Length: 90000000"),
        (TASKS, json, "Content-Length: 90000000"),
        ("/api/video/tasks/recover", json, "Content-Length: 20000"),
        ("/api/videos/generate-stream", json, "Content-Length: 20000"),
    ]
    .map(|(path, content_type, length)| {
        let token = user.token();
        let head =
            format!("POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n{content_type}\r\n{length}\r\n\r\n");
        let gateway = gateway.clone();
        async move { drip(&gateway, &head).await.with_context(|| path.to_owned()) }
    });
    for dripped in join_all(drips).await {
        let (answer, _) = dripped?;
        ensure!(answer.starts_with("HTTP/1.1 408 ") && answer.contains("\"REQUEST_TIMEOUT\""), "{answer}");
    }
    ensure!(started.elapsed() < PATIENCE, "{:?}", started.elapsed());
    // A client that is only slow enough is served.
    let slow = stream::iter([r#"{"prompt":"slow","#, r#""model":"sora-2"}"#]).then(|part| async move {
        tokio::time::sleep(Duration::from_millis(100)).await;
        Ok::<_, std::io::Error>(part)
    });
    let request = post(&gateway, TASKS, &user).header("content-type", "application/json").body(Body::wrap_stream(slow));
    let response = request.send().await?;
    ensure!(response.status() == 201, "{}", response.text().await?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_request_is_not_read_to_its_end() -> Result<()> {
    let mut platform = Platform::start().await?;
    let (gateway, nobody) = (platform.gateway_url(), platform.nobody());
    let direct = platform.process(Service::TaskApi, 0)?.url();
    for (base, path, status) in
        [(&gateway, TASKS, 401), (&direct, "/api/video/tasks/nothing/cancel", 401), (&direct, "/api/nowhere", 404)]
    {
        let taken = Arc::new(AtomicU64::new(0));
        let body = endless(Vec::new(), 600 * MIB, &taken);
        let request = post(base, path, &nobody).header("content-type", "application/json").body(body);
        let response = request.send().await.with_context(|| path.to_owned())?;
        ensure!(response.status().as_u16() == status, "{path}: {}", response.text().await?);
        let taken = taken.load(Ordering::Relaxed);
        ensure!(taken < 100 * MIB, "{path}: {taken} bytes were taken");
    }
    Ok(())
}

fn video(prompt: &str) -> Form {
    Form::new().text("prompt", prompt.to_owned()).text("model", "sora-2")
}

#[tokio::test(flavor = "multi_thread")]
async fn who_cannot_pay_is_told_before_a_file_is_read() -> Result<()> {
    let platform = Platform::start().await?;
    let (user, gateway) = (platform.user().await?, platform.gateway_url());
    let body = json!({ "prompt": "the only one", "model": "sora-2" });
    let first = user.post_with_key(TASKS, &body, "the key").await?.ok()?;
    user.until_completed("the only one").await?;
    assert_eq!(user.balance().await?, 0);
    let head = png_head(1280, 720);
    for (path, content_type) in [(TASKS, "multipart"), (TASKS, "application/json")] {
        let taken = Arc::new(AtomicU64::new(0));
        let request = post(&gateway, path, &user);
        let request = if content_type == "multipart" {
            request.multipart(
                video("p").part("input_reference", Part::stream(endless(head.clone(), 600 * MIB, &taken)).file_name("a.png")),
            )
        } else {
            let beginning = br#"{"prompt":"p","model":"sora-2","referenceImage":"data:image/png;base64,"#.to_vec();
            request.header("content-type", content_type).body(endless(beginning, 600 * MIB, &taken))
        };
        let answer = problem(request.send().await?, 402, None).await?;
        assert_eq!((&answer["data"]["required"], &answer["data"]["current"]), (&json!(100), &json!(0)), "{answer}");
        let taken = taken.load(Ordering::Relaxed);
        ensure!(taken < 100 * MIB, "{content_type}: {taken} bytes were taken");
    }
    nothing_is_stored(&platform).await?;

    // What was paid before is not asked for again.
    let repeated = post(&gateway, TASKS, &user).header("Idempotency-Key", "the key").multipart(
        Form::new()
            .text("prompt", "the only one")
            .text("model", "sora-2")
            .part("input_reference", Part::bytes(b"".as_slice()).file_name("")),
    );
    let repeated: Value = repeated.send().await?.error_for_status()?.json().await?;
    assert_eq!(repeated["data"]["videoId"], first["data"]["videoId"]);
    audit::check(&platform).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_before_the_file_is_said_before_it_is_read() -> Result<()> {
    let platform = Platform::start().await?;
    let (user, gateway) = (platform.user().await?, platform.gateway_url());
    for (fields, field) in [
        (Form::new().text("prompt", "p").text("model", "none"), "model"),
        (Form::new().text("model", "sora-2").text("duration", "7"), "duration"),
        (Form::new().text("prompt", ""), "prompt"),
    ] {
        let taken = Arc::new(AtomicU64::new(0));
        let file = Part::stream(endless(png_head(1280, 720), 600 * MIB, &taken)).file_name("a.png");
        problem(post(&gateway, TASKS, &user).multipart(fields.part("input_reference", file)).send().await?, 400, Some(field))
            .await?;
        let taken = taken.load(Ordering::Relaxed);
        ensure!(taken < 100 * MIB, "{field}: {taken} bytes were taken");
    }
    nothing_is_stored(&platform).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_cannot_be_the_picture_that_it_says_is_refused() -> Result<()> {
    let platform = Platform::builder().setting(Service::TaskApi, "uploads.max_image_mib", 20).start().await?;
    let (user, gateway) = (platform.user().await?, platform.gateway_url());
    let upload = async |head: Vec<u8>, length: u64| {
        let taken = Arc::new(AtomicU64::new(0));
        let file = Part::stream(endless(head, length, &taken)).file_name("a.png");
        post(&gateway, TASKS, &user).multipart(video("p").part("input_reference", file)).send().await
    };
    problem(upload(png_head(1, 1), 90 * MIB).await?, 400, Some("input_reference")).await?;
    problem(upload(png_head(1280, 720), 600 * MIB).await?, 400, Some("input_reference")).await?;
    problem(upload(png_head(60_000, 60_000), 0).await?, 400, Some("input_reference")).await?;
    problem(upload(png_head(12_000, 12_000), 0).await?, 400, Some("input_reference")).await?;
    // Long enough for its size, and longer than is allowed.
    problem(upload(png_head(4_000, 4_000), 40 * MIB).await?, 413, None).await?;
    nothing_is_stored(&platform).await?;
    assert_eq!(user.balance().await?, 100);
    let whole = video("p").part("input_reference", Part::bytes(PNG).file_name("a.png"));
    user.post_form(TASKS, whole).await?.ok()?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_picture_may_come_as_text_or_as_a_file() -> Result<()> {
    const LENGTH: u64 = 30 * MIB;
    let platform = Platform::builder().replicas(Service::Poller, 0).start().await?;
    let gateway = platform.gateway_url();
    let picture = [png_head(2_000, 2_000), vec![0; LENGTH as usize]].concat();
    let text = format!("data:image/png;base64,{}", STANDARD.encode(&picture));
    for as_text in [true, false] {
        let user = platform.user().await?;
        let request = post(&gateway, TASKS, &user);
        let request = if as_text {
            request.json(&json!({ "prompt": "p", "model": "sora-2", "referenceImage": text }))
        } else {
            request.multipart(video("p").part("input_reference", Part::bytes(picture.clone()).file_name("a.png")))
        };
        let response = request.send().await?;
        ensure!(response.status() == 201, "{}", response.text().await?);
    }
    assert_eq!(pictures(&platform), [picture.len() as u64; 2]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn unfinished_uploads_of_a_user_are_counted() -> Result<()> {
    let platform = Platform::builder().setting(Service::TaskApi, "uploads.max_per_user", 1).start().await?;
    let (user, other, gateway) = (platform.user().await?, platform.user().await?, platform.gateway_url());
    let mut requests = JoinSet::new();
    let mut begin = |user: &User| {
        let (sender, receiver) = tokio::sync::mpsc::channel::<Result<Vec<u8>, std::io::Error>>(1);
        let content = stream::unfold(receiver, |mut receiver| async { Some((receiver.recv().await?, receiver)) });
        let file = Part::stream(Body::wrap_stream(content)).file_name("a.png");
        let sent = post(&gateway, TASKS, user).multipart(video("p").part("input_reference", file)).send();
        (sender, requests.spawn(sent))
    };
    // A file and nothing else, which can never become a task.
    let file_alone = async |user: &User| -> Result<Response> {
        let file = Part::bytes(PNG).file_name("a.png");
        Ok(post(&gateway, TASKS, user).multipart(Form::new().part("input_reference", file)).send().await?)
    };
    let (sender, sent) = loop {
        let (sender, sent) = begin(&user);
        sender.send(Ok(PNG[..20].to_vec())).await?;
        // Until it has begun, it may itself come second, and be refused.
        let refused = loop {
            let response = file_alone(&user).await?;
            if response.status() == 429 {
                break Some(response).filter(|_| !sent.is_finished());
            }
            if sent.is_finished() {
                break None;
            }
        };
        if let Some(response) = refused {
            ensure!(response.headers().contains_key("retry-after"), "{response:?}");
            break (sender, sent);
        }
    };
    // Others are not held up, and what is small needs no upload.
    problem(file_alone(&other).await?, 400, None).await?;
    problem(without_a_file(&gateway, &user).await?, 400, Some("prompt")).await?;

    // One that hangs up gives back its place.
    let (_, hangs_up) = (sender, sent);
    hangs_up.abort();
    eventually("the end of the first", PATIENCE, async || problem(file_alone(&user).await?, 400, None).await.map(drop)).await?;
    let whole = video("p").part("input_reference", Part::bytes(PNG).file_name("a.png"));
    user.post_form(TASKS, whole).await?.ok()?;
    Ok(())
}

/// A request without a file and without a prompt: small, and wrong.
async fn without_a_file(gateway: &str, user: &User) -> Result<Response> {
    Ok(post(gateway, TASKS, user).multipart(Form::new().text("model", "sora-2")).send().await?)
}
