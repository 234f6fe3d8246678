use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::Utc;
use secrecy::{ExposeSecret, SecretString};
use tokio_util::sync::CancellationToken;
use zoetrope_tokens::{Claims, Revocations, Verifier};

use crate::{
    connection::{Limits, TokenRefusal},
    frames::{Facts, Outgoing, Renderer},
    hub::Hub,
    states::States,
};

/// What all connections of the process share.
pub struct Context {
    pub(super) hub: Arc<Hub>,
    pub(super) states: States,
    verifier: Verifier,
    pub(super) revocations: Revocations,
    renderer: Renderer,
    pub(super) limits: Arc<Limits>,
    pub(super) write_timeout: Duration,
    pub(super) stopping: CancellationToken,
    started: Instant,
}

/// What a [`Context`] is made of.
pub struct Parts {
    pub hub: Arc<Hub>,
    pub states: States,
    pub verifier: Verifier,
    pub revocations: Revocations,
    pub renderer: Renderer,
    pub limits: Limits,
    /// How long one frame may take to be written.
    pub write_timeout: Duration,
    /// Ends all connections.
    pub stopping: CancellationToken,
}

impl Context {
    pub fn new(parts: Parts) -> Self {
        let Parts { hub, states, verifier, revocations, renderer, limits, write_timeout, stopping } = parts;
        let limits = Arc::new(limits);
        Self { hub, states, verifier, revocations, renderer, limits, write_timeout, stopping, started: Instant::now() }
    }

    pub(super) async fn check_token(&self, token: &SecretString) -> Result<Claims, TokenRefusal> {
        let claims = self.verifier.verify(token.expose_secret(), Utc::now())?;
        if self.revocations.is_revoked(claims.session_id).await {
            return Err(TokenRefusal::SessionEnded);
        }
        Ok(claims)
    }

    pub(super) fn render(&self, outgoing: &Outgoing) -> String {
        let facts = Facts { now: Utc::now(), uptime: self.started.elapsed(), connected_clients: self.hub.connections() };
        self.renderer.text(outgoing, &facts).into_owned()
    }
}
