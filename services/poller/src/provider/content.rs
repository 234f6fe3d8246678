use std::{error::Error, time::Duration};

use bytes::Bytes;
use futures_util::{StreamExt, stream::BoxStream};
use reqwest::header::HeaderMap;
use url::Url;

use super::{
    Provider,
    download::{Download, DownloadError},
    http::Operation,
    media,
    refusal::{self, Kind},
    report::{self, Report},
    settings::ResultFrom,
};
use crate::job::{ExternalId, Outcome};

/// A file at the provider, being read.
pub(crate) struct Media<'a> {
    /// Recognised from its bytes.
    pub(crate) content_type: &'static str,
    /// The whole file, or an error: a cut in the middle is mended where the server lets it.
    pub(crate) stream: BoxStream<'a, Result<Bytes, DownloadError>>,
}

/// The file cannot be had, at least not now.
#[derive(Debug)]
pub(crate) enum NoMedia {
    /// The provider says that there is none, or has something else in its place.
    Absent,
    Later {
        retry_after: Option<Duration>,
    },
}

impl Provider {
    /// The finished video of a job, from wherever the provider keeps it.
    pub(crate) async fn video(&self, id: &ExternalId) -> Result<Media<'_>, NoMedia> {
        match self.result {
            ResultFrom::Content => match self.file(Operation::Content, self.content_url(id), "video/").await {
                Err(NoMedia::Absent) => match self.result_url(id).await? {
                    Some(url) => self.file(Operation::Content, url, "video/").await,
                    None => Err(NoMedia::Absent),
                },
                other => other,
            },
            ResultFrom::Url => {
                let url = self.result_url(id).await?.unwrap_or_else(|| self.content_url(id));
                self.file(Operation::Content, url, "video/").await
            }
        }
    }

    /// A still picture of the finished video. Many providers have none.
    pub(crate) async fn thumbnail(&self, id: &ExternalId) -> Result<Media<'_>, NoMedia> {
        let mut url = self.content_url(id);
        url.query_pairs_mut().append_pair("variant", "thumbnail");
        self.gate().spend(1);
        self.file(Operation::Thumbnail, url, "image/").await
    }

    fn content_url(&self, id: &ExternalId) -> Url {
        self.http.endpoint(&[id.as_str(), "content"])
    }

    /// Asked anew each time, because such addresses expire.
    async fn result_url(&self, id: &ExternalId) -> Result<Option<Url>, NoMedia> {
        self.gate().spend(1);
        let answer = self.retrieve(id).await.map_err(|outcome| match outcome {
            Outcome::Again { retry_after } => NoMedia::Later { retry_after },
            _ => NoMedia::Absent,
        })?;
        match report::read(&answer.content, id.as_str()) {
            Ok(Report::Completed { url }) => Ok(url),
            // It has finished once; that it takes it back means that there is no result.
            Ok(Report::Failed(_) | Report::Broken(_)) => Err(NoMedia::Absent),
            Ok(Report::Complaint(complaint)) => match refusal::sort(None, &complaint.reason) {
                Kind::Moderation | Kind::NotFound => Err(NoMedia::Absent),
                _ => Err(NoMedia::Later { retry_after: answer.retry_after }),
            },
            Ok(Report::Waiting | Report::Generating(_)) => Err(NoMedia::Later { retry_after: None }),
            Ok(Report::Unknown { word, .. }) => {
                self.note_unknown(&word);
                Err(NoMedia::Later { retry_after: None })
            }
            Err(unreadable) => {
                self.note_unreadable(unreadable);
                Err(NoMedia::Later { retry_after: None })
            }
        }
    }

    async fn file(&self, operation: Operation, url: Url, wanted: &str) -> Result<Media<'_>, NoMedia> {
        let later = |error: &(dyn Error + 'static)| {
            tracing::warn!(%operation, error, "the provider does not deliver the file");
            NoMedia::Later { retry_after: None }
        };
        let answer = self.http.download(operation, url, HeaderMap::new()).await.map_err(|error| later(error.as_error()))?;
        match answer.status {
            200 => {}
            404 | 410 => return Err(NoMedia::Absent),
            status => {
                tracing::warn!(%operation, status, "the provider does not deliver the file");
                return Err(NoMedia::Later { retry_after: answer.retry_after });
            }
        }
        let file = Download::new(&self.http, operation, answer.response).stream().boxed();
        let (start, stream) = media::peek(file).await.map_err(|error| later(&error))?;
        match media::recognise(&start).filter(|found| found.starts_with(wanted)) {
            Some(content_type) => Ok(Media { content_type, stream: stream.boxed() }),
            None => {
                self.http.count_unreadable(operation);
                tracing::warn!(%operation, "the provider delivered something else than the file");
                Err(NoMedia::Absent)
            }
        }
    }
}
