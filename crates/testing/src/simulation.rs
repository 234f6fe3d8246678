use anyhow::Result;
use serde::Deserialize;
use serde_json::json;

/// The provider's own books: what it was really asked to do.
#[derive(Clone, Debug)]
pub struct Simulation {
    base_url: String,
    http: reqwest::Client,
}

/// One submission that the provider accepted.
#[derive(Clone, Debug, Deserialize)]
pub struct Submission {
    /// The task's id, as sent in `Idempotency-Key`.
    pub idempotency_key: Option<String>,
    pub prompt: String,
    /// How often this key was accepted: more than once is a double submission.
    pub times: u32,
    pub has_reference_image: bool,
    #[serde(default)]
    pub reference_image_bytes: u64,
    /// W3C trace context of the call.
    #[serde(default)]
    pub traceparent: Option<String>,
}

#[derive(Deserialize)]
struct Books {
    submissions: Vec<Submission>,
    totals: Totals,
}

/// How often it was called.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Totals {
    /// For the state of a video.
    pub polls: u64,
    /// For files, whole or in part.
    pub contents: u64,
    /// For a part of a file, successfully.
    pub ranges: u64,
    pub deleted: u64,
    /// Looks at Google's discovery document and at its keys, and exchanges of a code.
    pub google_discoveries: u64,
    pub google_keys: u64,
    pub google_tokens: u64,
}

impl Simulation {
    pub(crate) fn new(base_url: String) -> Self {
        Self { base_url, http: reqwest::Client::new() }
    }

    /// From now on, these directives act on every call; none are the calm again.
    pub async fn direct(&self, directives: &str) -> Result<()> {
        let url = format!("{}/simulation", self.base_url);
        self.http.put(url).json(&json!({ "directives": directives })).send().await?.error_for_status()?;
        Ok(())
    }

    /// From now on, Google signs with another key.
    pub async fn rotate_google_keys(&self) -> Result<()> {
        self.http.post(format!("{}/simulation/google/keys", self.base_url)).send().await?.error_for_status()?;
        Ok(())
    }

    async fn books(&self) -> Result<Books> {
        let url = format!("{}/simulation/submissions", self.base_url);
        Ok(self.http.get(url).send().await?.error_for_status()?.json().await?)
    }

    pub async fn submissions(&self) -> Result<Vec<Submission>> {
        Ok(self.books().await?.submissions)
    }

    pub async fn totals(&self) -> Result<Totals> {
        Ok(self.books().await?.totals)
    }

    /// The file of a video, by the provider's id.
    pub async fn video(&self, id: &str) -> Result<Vec<u8>> {
        let request = self.http.get(format!("{}/v1/videos/{id}/content", self.base_url)).bearer_auth("sk-test");
        Ok(request.send().await?.error_for_status()?.bytes().await?.into())
    }

    /// How many videos it was told to delete.
    pub async fn deleted(&self) -> Result<u64> {
        Ok(self.books().await?.totals.deleted)
    }

    /// The submissions of one prompt.
    pub async fn submitted(&self, prompt: &str) -> Result<Vec<Submission>> {
        Ok(self.submissions().await?.into_iter().filter(|submission| submission.prompt == prompt).collect())
    }
}
