//! The connection to one gateway.

use std::time::Duration;

use reqwest::{IntoUrl, Method, RequestBuilder};
use url::Url;

use crate::{ClientError, Events, RawResponse};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Silence on a response for this long ends it; a long download may take any time in all.
const READ_TIMEOUT: Duration = Duration::from_secs(60);

/// A client for one gateway, signed in or not. Cheap to clone; clones share their connections.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    /// Without a slash at the end.
    base: String,
    token: Option<String>,
}

impl Client {
    /// A client for the gateway at `base_url` (`http` or `https`, with or without a path), not signed in.
    ///
    /// # Errors
    ///
    /// [`ClientError::InvalidUrl`], or [`ClientError::Setup`] when no HTTP client can be made (no CA certificates, for one).
    pub fn new(base_url: &str) -> Result<Self, ClientError> {
        let invalid = |reason: String| ClientError::InvalidUrl { url: base_url.to_owned(), reason };
        let url = Url::parse(base_url).map_err(|error| invalid(error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(invalid("it must begin with http:// or https://".to_owned()));
        }
        let http = reqwest::Client::builder()
            .user_agent(concat!("zoetrope/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(READ_TIMEOUT)
            .build()
            .map_err(ClientError::Setup)?;
        Ok(Self { http, base: base_url.trim_end_matches('/').to_owned(), token: None })
    }

    /// The same client, signed in by this token.
    #[must_use]
    pub fn with_token(&self, token: impl Into<String>) -> Self {
        Self { token: Some(token.into()), ..self.clone() }
    }

    /// The token that requests carry.
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// The gateway's address, without a slash at the end.
    pub fn base_url(&self) -> &str {
        &self.base
    }

    /// A request to a path of the gateway (`/api/…`), with the token when there is one.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// A GET of a complete address, such as a media link, without the token.
    pub fn request_link(&self, link: impl IntoUrl) -> RequestBuilder {
        self.http.get(link)
    }

    /// Sends a request and reads the whole answer, whatever its status.
    ///
    /// # Errors
    ///
    /// [`ClientError::Transport`] when no complete answer came.
    pub async fn send(&self, request: RequestBuilder) -> Result<RawResponse, ClientError> {
        let response = request.send().await.map_err(ClientError::Transport)?;
        RawResponse::read(response).await
    }

    /// Opens a WebSocket, not yet authenticated.
    ///
    /// # Errors
    ///
    /// [`ClientError::Socket`] when it cannot be opened.
    pub async fn events(&self) -> Result<Events, ClientError> {
        // http:// becomes ws://, https:// becomes wss://.
        Events::connect(&format!("{}/ws", self.base.replacen("http", "ws", 1))).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_checked() {
        for good in ["http://127.0.0.1:8080", "https://video.example/zoetrope/"] {
            assert!(!Client::new(good).unwrap().base_url().ends_with('/'), "{good}");
        }
        for bad in ["", "127.0.0.1:8080", "ftp://example.com", "http://"] {
            assert!(matches!(Client::new(bad), Err(ClientError::InvalidUrl { .. })), "{bad}");
        }
    }
}
