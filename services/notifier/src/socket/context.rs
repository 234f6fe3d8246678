use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::Utc;
use secrecy::{ExposeSecret, SecretString};
use tokio_util::sync::CancellationToken;
use zoetrope_tokens::{Access, Caller, Scope};

use crate::{
    budget::Budgets,
    connection::{Limits, TokenRefusal},
    frames::{Facts, Outgoing, Renderer},
    hub::Hub,
    states::States,
};

/// What all connections of the process share, WebSockets and streams of events.
pub struct Context {
    pub hub: Arc<Hub>,
    pub states: States,
    pub access: Access,
    renderer: Renderer,
    pub limits: Arc<Limits>,
    pub budgets: Arc<Budgets>,
    pub write_timeout: Duration,
    pub max_frame_bytes: usize,
    reconnect_within: Duration,
    pub stopping: CancellationToken,
    started: Instant,
}

/// What a [`Context`] is made of.
pub struct Parts {
    pub hub: Arc<Hub>,
    pub states: States,
    pub access: Access,
    pub renderer: Renderer,
    pub limits: Limits,
    pub budgets: Arc<Budgets>,
    /// How long one frame may take to be written.
    pub write_timeout: Duration,
    /// Longest frame, and longest message in parts, that a client may send.
    pub max_frame_bytes: usize,
    /// Clients that are sent away together are asked to come back within this time, not all at once.
    pub reconnect_within: Duration,
    /// Ends all connections.
    pub stopping: CancellationToken,
}

impl Context {
    pub fn new(parts: Parts) -> Self {
        let Parts { hub, states, access, renderer, limits, budgets, write_timeout, max_frame_bytes, reconnect_within, stopping } =
            parts;
        Self {
            hub,
            states,
            access,
            renderer,
            limits: Arc::new(limits),
            budgets,
            write_timeout,
            max_frame_bytes,
            reconnect_within,
            stopping,
            started: Instant::now(),
        }
    }

    pub(super) async fn check_token(&self, token: &SecretString) -> Result<Caller, TokenRefusal> {
        let caller = self.access.identify(token.expose_secret(), Utc::now()).await?;
        if caller.scopes.as_ref().is_some_and(|scopes| !scopes.contains(Scope::Read)) {
            return Err(TokenRefusal::Scope);
        }
        Ok(caller)
    }

    /// What one of many clients is asked to wait before it comes back.
    pub fn retry_after(&self) -> Duration {
        self.reconnect_within.mul_f64(rand::random())
    }

    pub fn render(&self, outgoing: &Outgoing) -> String {
        let facts = || Facts { now: Utc::now(), uptime: self.started.elapsed(), connected_clients: self.hub.connections() };
        self.renderer.text(outgoing, facts)
    }
}
