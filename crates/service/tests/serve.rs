//! The whole life of a process, seen from outside: this test binary starts itself again as the service.

#![expect(clippy::unwrap_used, reason = "the whole file is a test, its helpers included")]

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Child, ChildStdout, Command, ExitCode, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use actix_web::{App, HttpServer, web};
use serde::Deserialize;
use zoetrope_service::{ConfigArgs, Process, log_listening, serve};

#[derive(Deserialize)]
struct Settings {
    service: ServiceSettings,
}

#[derive(Deserialize)]
struct ServiceSettings {
    mode: String,
}

/// Not a test: the service that the tests below start.
#[test]
#[ignore = "is started by the other tests, as a process of its own"]
fn service_process() {
    let code = serve("example", &ConfigArgs::default(), build);
    assert_eq!(code, ExitCode::SUCCESS);
}

async fn build(settings: Settings, process: Process) -> anyhow::Result<()> {
    let _span = tracing::info_span!("building").entered();
    process.readiness().register("check", || async { Ok(()) });
    match settings.service.mode.as_str() {
        "http" => {
            let server = HttpServer::new(|| App::new().route("/slow", web::get().to(slow)))
                .workers(1)
                .disable_signals()
                .bind("127.0.0.1:0")?;
            log_listening("public", server.addrs());
            process.serve_http(server.run());
        }
        "crash" => process.spawn("worker", async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            anyhow::bail!("lost the plot")
        }),
        other => anyhow::bail!("no such mode: {other}"),
    }
    Ok(())
}

async fn slow() -> &'static str {
    tokio::time::sleep(Duration::from_millis(800)).await;
    "answered"
}

struct Service {
    child: Child,
    output: BufReader<ChildStdout>,
    lines: Vec<String>,
}

impl Service {
    fn start(settings: &[(&str, &str)]) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "service_process", "--ignored", "--nocapture"])
            .env("ZOETROPE__SHUTDOWN__DRAIN_DELAY_SECONDS", "0")
            .envs(settings.iter().copied())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Self { child, output, lines: Vec::new() }
    }

    /// Reads the log up to a line that contains `text`; none at its end.
    fn line_with(&mut self, text: &str) -> Option<String> {
        loop {
            let mut line = String::new();
            if self.output.read_line(&mut line).unwrap() == 0 {
                return None;
            }
            self.lines.push(line.clone());
            if line.contains(text) {
                return Some(line);
            }
        }
    }

    fn address_of(&mut self, listener: &str) -> SocketAddr {
        let line = self.line_with(&format!("\"listener\":\"{listener}\"")).unwrap();
        let line: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(line["message"], "LISTENING");
        line["address"].as_str().unwrap().parse().unwrap()
    }

    fn terminate(&self) {
        assert!(Command::new("kill").arg(self.child.id().to_string()).status().unwrap().success());
    }

    fn wait(&mut self) -> ExitStatus {
        while self.line_with("\n").is_some() {}
        self.child.wait().unwrap()
    }

    fn log(&self) -> String {
        self.lines.concat()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn get(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn serves_until_a_signal_and_answers_what_is_in_hand() {
    let mut service = Service::start(&[("ZOETROPE__SERVICE__MODE", "http")]);
    let internal = service.address_of("internal");
    let public = service.address_of("public");
    service.line_with("started").unwrap();

    assert!(get(internal, "/livez").starts_with("HTTP/1.1 200"));
    let ready = get(internal, "/readyz");
    assert!(ready.starts_with("HTTP/1.1 200") && ready.contains(r#""check":"ok""#), "{ready}");
    let metrics = get(internal, "/metrics");
    for name in [
        "zoetrope_build_info{service=\"example\"",
        "process_start_time_seconds",
        "process_resident_memory_bytes",
        "zoetrope_tasks{task=\"http\"} 1",
    ] {
        assert!(metrics.contains(name), "{name} in {metrics}");
    }

    let request = std::thread::spawn(move || get(public, "/slow"));
    std::thread::sleep(Duration::from_millis(300));
    service.terminate();
    std::thread::sleep(Duration::from_millis(100));
    assert!(get(internal, "/readyz").starts_with("HTTP/1.1 503"), "still there, but not ready");
    assert!(request.join().unwrap().ends_with("answered"));
    assert!(service.wait().success(), "{}", service.log());
}

#[test]
fn a_crashed_task_ends_the_process_with_a_failing_code() {
    let mut service = Service::start(&[("ZOETROPE__SERVICE__MODE", "crash")]);
    assert!(!service.wait().success());
    assert!(service.log().contains("lost the plot"), "{}", service.log());
}

#[test]
fn a_second_signal_forces_the_end() {
    let mut service = Service::start(&[("ZOETROPE__SERVICE__MODE", "http"), ("ZOETROPE__SHUTDOWN__DRAIN_DELAY_SECONDS", "20")]);
    service.line_with("started").unwrap();
    let started = Instant::now();
    service.terminate();
    service.line_with("shutting down").unwrap();
    service.terminate();
    assert!(!service.wait().success());
    assert!(started.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_taken_port_and_a_failed_start_are_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let mut service = Service::start(&[("ZOETROPE__SERVICE__MODE", "http"), ("ZOETROPE__INTERNAL__LISTEN", &address)]);
    assert!(!service.wait().success());
    assert!(service.log().contains("internal.listen") && service.log().contains(&address), "{}", service.log());

    let mut service = Service::start(&[("ZOETROPE__SERVICE__MODE", "what")]);
    assert!(!service.wait().success());
    assert!(service.log().contains("no such mode: what"), "{}", service.log());
}

#[test]
fn spans_are_flushed_to_the_collector_at_the_end() {
    let collector = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", collector.local_addr().unwrap());
    let mut service = Service::start(&[("ZOETROPE__SERVICE__MODE", "http"), ("ZOETROPE__TELEMETRY__OTLP_ENDPOINT", &endpoint)]);
    service.line_with("started").unwrap();
    service.terminate();
    let (mut stream, _) = collector.accept().unwrap();
    let mut start = [0; 17];
    stream.read_exact(&mut start).unwrap();
    assert_eq!(&start, b"POST /v1/traces H");
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").unwrap();
    assert!(service.wait().success(), "{}", service.log());
}
