//! The simplest program that pushes: every text that is posted to it goes to all WebSockets that are connected, and that is all. It is
//! built on what the notifier is built on, has as many workers, and runs in a process of its own.

use std::{
    io::{self, Write},
    net::SocketAddr,
    process::Stdio,
    sync::Arc,
};

use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer, rt,
    web::{self, Data},
};
use actix_ws::{AggregatedMessage, Session};
use anyhow::{Context, Result};
use reqwest::Client;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    sync::broadcast::{self, Sender, error::RecvError},
};

/// As the services have by default.
const WORKERS: usize = 2;
const MAX_CONNECTIONS: usize = 100_000;
const BACKLOG: u32 = 8192;
/// Texts that a connection may have waiting.
const WAITING: usize = 256;

/// A running broadcaster. It ends when dropped.
pub struct Broadcaster {
    child: Child,
    http: Client,
    pub address: SocketAddr,
}

impl Broadcaster {
    pub async fn start() -> Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("broadcaster")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let output = child.stdout.take().context("the broadcaster's output")?;
        let line = BufReader::new(output).lines().next_line().await?.context("the broadcaster ended")?;
        Ok(Self { child, http: Client::new(), address: line.parse()? })
    }

    pub fn id(&self) -> u32 {
        self.child.id().unwrap_or_default()
    }

    /// Has a text sent to everybody.
    pub async fn broadcast(&self, text: String) -> Result<()> {
        self.http.post(format!("http://{}/broadcast", self.address)).body(text).send().await?.error_for_status()?;
        Ok(())
    }
}

/// The process itself: tells its address as one line.
pub async fn serve() -> Result<()> {
    let texts: Sender<Arc<str>> = broadcast::channel(WAITING).0;
    let server = HttpServer::new(move || {
        App::new()
            .app_data(Data::new(texts.clone()))
            .route("/ws", web::get().to(connect))
            .route("/broadcast", web::post().to(send))
    })
    .workers(WORKERS)
    .max_connections(MAX_CONNECTIONS)
    .backlog(BACKLOG)
    .bind("127.0.0.1:0")?;
    let address = server.addrs().first().copied().context("no address")?;
    writeln!(io::stdout(), "{address}")?;
    Ok(server.run().await?)
}

async fn send(text: String, texts: Data<Sender<Arc<str>>>) -> HttpResponse {
    // Nobody may be there to hear it.
    let _ = texts.send(text.into());
    HttpResponse::NoContent().finish()
}

async fn connect(request: HttpRequest, body: web::Payload, texts: Data<Sender<Arc<str>>>) -> actix_web::Result<HttpResponse> {
    let (response, session, messages) = actix_ws::handle(&request, body)?;
    let texts = texts.subscribe();
    rt::spawn(async move {
        // Whatever ends a connection, there is nobody to tell.
        let _ = forward(session, messages.aggregate_continuations(), texts).await;
    });
    Ok(response)
}

async fn forward(
    mut session: Session,
    mut messages: actix_ws::AggregatedMessageStream,
    mut texts: broadcast::Receiver<Arc<str>>,
) -> Result<()> {
    loop {
        tokio::select! {
            text = texts.recv() => match text {
                Ok(text) => session.text(&*text).await?,
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return Ok(()),
            },
            message = messages.recv() => match message.transpose()? {
                Some(AggregatedMessage::Ping(payload)) => session.pong(&payload).await?,
                Some(AggregatedMessage::Close(_)) | None => return Ok(()),
                Some(_) => {}
            },
        }
    }
}
