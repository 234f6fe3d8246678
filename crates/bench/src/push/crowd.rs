use std::{future::pending, net::SocketAddr, sync::Arc, time::Duration};

use anyhow::{Context, Result, bail};
use serde_json::json;
use tokio::{
    sync::{Semaphore, mpsc},
    task::JoinSet,
    time::{Instant, sleep, timeout},
};

use super::{
    arrivals::Arrivals,
    frame,
    link::{Link, Received, Window},
    news::News,
};

/// Connections that are being opened at the same time.
const AT_ONCE: usize = 256;
/// From the beginning of a connection until it has what it asked for.
const PATIENCE: Duration = Duration::from_secs(60);
const SLOW_PAUSE: Duration = Duration::from_secs(1);

/// What one client does.
#[derive(Debug, Clone)]
pub struct Seat {
    /// None for a server that asks for nothing.
    pub request: Option<Request>,
    pub pace: Pace,
}

/// Who a client is, and which tasks it follows.
#[derive(Debug, Clone)]
pub struct Request {
    pub token: String,
    pub videos: Vec<String>,
}

/// How a client reads once it is seated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// Everything at once; when, is noted.
    Prompt,
    /// Some hundred bytes a second.
    Slow,
    /// Never more.
    Stalled,
}

/// Clients that are connected to one server, each signed in and told of its tasks.
pub struct Crowd {
    clients: JoinSet<Result<()>>,
    /// How long it took to seat all of them, in seconds.
    pub seated_in: f64,
}

impl Crowd {
    /// Returns when all are seated.
    pub async fn enter(address: SocketAddr, seats: &[Seat], arrivals: &Arc<Arrivals>) -> Result<Self> {
        let (seated, mut ready) = mpsc::channel(AT_ONCE);
        let (doors, started) = (Arc::new(Semaphore::new(AT_ONCE)), Instant::now());
        let mut clients = JoinSet::new();
        for seat in seats {
            let (seat, doors, seated, arrivals) = (seat.clone(), Arc::clone(&doors), seated.clone(), Arc::clone(arrivals));
            clients.spawn(async move {
                let pace = seat.pace;
                let link = {
                    let _door = doors.acquire().await?;
                    timeout(PATIENCE, sit_down(address, seat)).await.context("a client was not seated in time")??
                };
                seated.send(()).await?;
                drop(seated);
                listen(link, pace, &arrivals).await
            });
        }
        drop(seated);
        for _ in seats {
            tokio::select! {
                Some(()) = ready.recv() => {}
                Some(ended) = clients.join_next() => {
                    ended??;
                    bail!("a connection ended before all clients were seated");
                }
            }
        }
        Ok(Self { clients, seated_in: started.elapsed().as_secs_f64() })
    }

    /// Fails when a client that read everything lost its connection.
    pub fn check(&mut self) -> Result<()> {
        while let Some(ended) = self.clients.try_join_next() {
            ended??;
        }
        Ok(())
    }

    /// Returns when all connections are closed on this side.
    pub async fn leave(mut self) {
        self.clients.shutdown().await;
    }
}

async fn sit_down(address: SocketAddr, seat: Seat) -> Result<Link> {
    let window = if seat.pace == Pace::Prompt { Window::Usual } else { Window::Narrow };
    let mut link = Link::open(address, window).await?;
    let Some(Request { token, videos }) = seat.request else { return Ok(link) };
    let mut frames = Vec::new();
    frame::text(&mut frames, &json!({ "type": "auth", "payload": { "token": token } }).to_string());
    for video in &videos {
        frame::text(&mut frames, &json!({ "type": "subscribe_task", "payload": { "videoId": video } }).to_string());
    }
    link.send(&frames).await?;
    let mut told = 0;
    while told < videos.len() {
        let received = link.receive(|text| {
            match News::read(text)?.kind {
                "taskStatus" => told += 1,
                "error" | "authFailed" => bail!("a client was refused: {}", String::from_utf8_lossy(text)),
                _ => {}
            }
            Ok(())
        });
        if received.await? == Received::End {
            bail!("the server ended a connection that was about to be seated");
        }
    }
    Ok(link)
}

/// Returns when the server ends the connection, which is an error unless the client read too slowly.
async fn listen(mut link: Link, pace: Pace, arrivals: &Arrivals) -> Result<()> {
    match pace {
        Pace::Prompt => loop {
            let received = link.receive(|text| {
                arrivals.note(&News::read(text)?, text);
                Ok(())
            });
            if received.await? == Received::End {
                bail!("the server ended a connection");
            }
        },
        Pace::Slow => {
            while link.nibble()? == Received::Something {
                sleep(SLOW_PAUSE).await;
            }
            Ok(())
        }
        Pace::Stalled => {
            // Its socket stays open.
            let _link = link;
            pending().await
        }
    }
}
