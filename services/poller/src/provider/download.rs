use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, stream};
use reqwest::Response;
use tokio::time::sleep;
use url::Url;
use zoetrope_domain::backoff;

use super::{
    file_version::{FileVersion, Mismatch},
    http::{CallError, Http, Operation},
};

/// Tries to go on after a cut without a single further byte, after which the download is given up.
const MAX_TRIES: u32 = 5;
/// Waits between them.
const MIN_WAIT: Duration = Duration::from_millis(200);
const MAX_WAIT: Duration = Duration::from_secs(5);
/// Longest wait that a provider may ask for in the middle of a download; for a longer one, the place is left to another job.
const MAX_ASKED_WAIT: Duration = Duration::from_secs(30);

/// Why a file did not arrive as a whole.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DownloadError {
    #[error("the download was cut")]
    Cut(#[source] reqwest::Error),
    #[error("the download ended after {received} of {length} bytes")]
    Short { received: u64, length: u64 },
    #[error("the file is longer than its {length} bytes")]
    Long { length: u64 },
    #[error("the rest of the file could not be asked for")]
    Unreachable(#[source] CallError),
    #[error("the provider answers {status} instead of the rest of the file")]
    Refused { status: u16 },
    #[error("the provider delivers something else than the rest of the file")]
    Mismatch(#[source] Mismatch),
}

/// A file on its way, which goes on where it was cut if the server lets it. Whoever reads it sees either all of the file or an error.
pub(super) struct Download<'a> {
    http: &'a Http,
    operation: Operation,
    /// Where the file was found: behind all redirects.
    url: Url,
    version: FileVersion,
    response: Response,
    received: u64,
    /// Since something was last received.
    tries: u32,
}

impl<'a> Download<'a> {
    /// Goes on from the beginning of an answer of status 200.
    pub(super) fn new(http: &'a Http, operation: Operation, response: Response) -> Self {
        let (url, version) = (response.url().clone(), FileVersion::new(response.headers()));
        Self { http, operation, url, version, response, received: 0, tries: 0 }
    }

    /// All bytes of the file. Of memory it takes a chunk at a time, however long the file.
    pub(super) fn stream(self) -> impl Stream<Item = Result<Bytes, DownloadError>> + Send + 'a {
        stream::try_unfold(self, async |mut download| Ok(download.next().await?.map(|chunk| (chunk, download))))
    }

    async fn next(&mut self) -> Result<Option<Bytes>, DownloadError> {
        loop {
            let cut = match (self.response.chunk().await, self.version.length()) {
                (Ok(Some(chunk)), length) => {
                    self.received += chunk.len() as u64;
                    if let Some(length) = length.filter(|length| self.received > *length) {
                        return Err(DownloadError::Long { length });
                    }
                    if chunk.is_empty() {
                        continue;
                    }
                    self.tries = 0;
                    return Ok(Some(chunk));
                }
                (_, Some(length)) if self.received == length => return Ok(None),
                // Without a length HTTP's own end mark has to do; a chunked body that lacks it is an error.
                (Ok(None), None) => return Ok(None),
                (Ok(None), Some(length)) => DownloadError::Short { received: self.received, length },
                (Err(error), _) => DownloadError::Cut(error.without_url()),
            };
            self.resume(cut).await?;
        }
    }

    async fn resume(&mut self, mut cut: DownloadError) -> Result<(), DownloadError> {
        if !self.version.can_be_resumed() {
            return Err(cut);
        }
        let mut asked = Duration::ZERO;
        while self.tries < MAX_TRIES {
            sleep(backoff::exponential(self.tries, MIN_WAIT, MAX_WAIT, rand::random()).max(asked)).await;
            self.tries += 1;
            tracing::info!(
                operation = %self.operation, error = &cut as &dyn std::error::Error,
                received_bytes = self.received, length_bytes = self.version.length(), "a download goes on after a cut"
            );
            self.http.count_resumed(self.operation);
            match self.http.download(self.operation, self.url.clone(), self.version.request_from(self.received)).await {
                Ok(answer) if answer.status == 206 => {
                    self.version.check_part(answer.response.headers(), self.received).map_err(DownloadError::Mismatch)?;
                    self.response = answer.response;
                    return Ok(());
                }
                Ok(answer) => {
                    asked = answer.retry_after.unwrap_or_default();
                    cut = DownloadError::Refused { status: answer.status };
                    if !may_pass(answer.status) || asked > MAX_ASKED_WAIT {
                        return Err(cut);
                    }
                }
                Err(error) => cut = DownloadError::Unreachable(error),
            }
        }
        Err(cut)
    }
}

/// Whether the next try may be answered otherwise. A whole file instead of the rest (200) means that it is another one, or that the
/// server cannot do parts; an expired address (403, 404, 410) stays so.
const fn may_pass(status: u16) -> bool {
    matches!(status, 408 | 425 | 429 | 500..=599)
}
