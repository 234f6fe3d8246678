use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use reqwest::{Client, RequestBuilder, StatusCode};
use serde_json::json;
use tokio::{
    task::JoinSet,
    time::{MissedTickBehavior, interval},
};
use zoetrope_testing::{Platform, User};

use super::Options;
use crate::samples::Samples;

/// Between two questions of the onlooker.
const ONLOOK_EVERY: Duration = Duration::from_millis(20);

/// One turn.
#[derive(Debug, Clone)]
pub struct Storm {
    pub seconds: f64,
    /// Seconds from request to answer, of each sign-in.
    pub logins: Samples,
    /// The same for the question who is signed in, asked meanwhile.
    pub onlooker: Samples,
}

impl Storm {
    /// Sign-ins per second.
    pub fn rate(&self) -> f64 {
        self.logins.len() as f64 / self.seconds
    }
}

/// Has all users sign in without pause, each on a connection that is kept.
pub async fn measure(platform: &Platform, users: &[User], onlooker: &User, options: &Options) -> Result<Storm> {
    let (logins, onlooker) = tokio::try_join!(sign_in(platform, users, options), onlook(platform, onlooker, options))?;
    Ok(Storm { seconds: options.seconds, logins, onlooker })
}

async fn sign_in(platform: &Platform, users: &[User], options: &Options) -> Result<Samples> {
    let http = Client::builder().pool_max_idle_per_host(users.len()).build()?;
    let (from, until) = counted(options);
    let mut clients = JoinSet::new();
    for user in users {
        let body = json!({ "username": user.name(), "password": User::PASSWORD });
        let login = http.post(format!("{}/api/auth/login", platform.gateway_url())).json(&body).build()?;
        let http = http.clone();
        clients.spawn(async move {
            let mut latencies = Vec::new();
            loop {
                let Some(login) = login.try_clone() else { return Ok(latencies) };
                let (started, ended) = timed(RequestBuilder::from_parts(http.clone(), login)).await?;
                if ended >= until {
                    return anyhow::Ok(latencies);
                }
                if ended >= from {
                    latencies.push((ended - started).as_secs_f64());
                }
            }
        });
    }
    let mut latencies = Vec::new();
    while let Some(client) = clients.join_next().await {
        latencies.extend(client??);
    }
    Ok(Samples::new(latencies))
}

/// Asks who is signed in, at a steady pace.
pub async fn onlook(platform: &Platform, user: &User, options: &Options) -> Result<Samples> {
    let http = Client::new();
    let url = format!("{}/api/auth/me", platform.gateway_url());
    let (from, until) = counted(options);
    let mut ticks = interval(ONLOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut latencies = Vec::new();
    loop {
        ticks.tick().await;
        let (started, ended) = timed(http.get(&url).bearer_auth(user.token())).await?;
        if ended >= until {
            return Ok(Samples::new(latencies));
        }
        if ended >= from {
            latencies.push((ended - started).as_secs_f64());
        }
    }
}

fn counted(options: &Options) -> (Instant, Instant) {
    let from = Instant::now() + Duration::from_secs_f64(options.warm_up);
    (from, from + Duration::from_secs_f64(options.seconds))
}

/// When the request was sent, and when all of its answer had come.
async fn timed(request: RequestBuilder) -> Result<(Instant, Instant)> {
    let started = Instant::now();
    let answer = request.send().await?;
    let (status, body) = (answer.status(), answer.bytes().await?);
    ensure!(status == StatusCode::OK, "a request was answered with {status}: {}", String::from_utf8_lossy(&body));
    Ok((started, Instant::now()))
}
