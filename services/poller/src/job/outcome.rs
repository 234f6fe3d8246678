use std::time::Duration;

use zoetrope_domain::{JobPhase, Progress};

use super::{ExternalId, Failure};

/// How a piece of work ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The provider has the job under this id: it said so on submission, or a lookup found it.
    Accepted(ExternalId),
    /// The submission may have arrived.
    Ambiguous,
    /// The provider works on it.
    Reported { phase: JobPhase, progress: Progress },
    /// The provider has finished; the result can be fetched.
    Finished,
    /// The result is in object storage.
    Stored(StoredResult),
    /// Nothing of the result is stored, and the provider was told of a cancellation (or cannot be told).
    Removed,
    /// Something of the result may still be stored.
    Leftovers,
    /// Nothing came of it, and repeating it does no harm. For a submission: it is known not to have been taken.
    Again {
        /// How long the provider asks us to wait at the least.
        retry_after: Option<Duration>,
    },
    /// The provider says that it knows no such job, or, of a finished one, has no usable file.
    Missing,
    /// The end, without a result.
    Failed(Failure),
}

impl Outcome {
    /// [`Again`](Self::Again), with no wish of the provider about when.
    pub(crate) const fn again() -> Self {
        Self::Again { retry_after: None }
    }

    /// The word for logs.
    pub(crate) const fn as_str(&self) -> &'static str {
        match self {
            Self::Accepted(_) => "accepted",
            Self::Ambiguous => "ambiguous",
            Self::Reported { .. } => "reported",
            Self::Finished => "finished",
            Self::Stored(_) => "stored",
            Self::Removed => "removed",
            Self::Leftovers => "leftovers",
            Self::Again { .. } => "again",
            Self::Missing => "missing",
            Self::Failed(_) => "failed",
        }
    }
}

/// What was archived of a finished job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredResult {
    pub(crate) video: StoredFile,
    /// Absent when the provider offers none.
    pub(crate) thumbnail: Option<StoredFile>,
}

/// A file in object storage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredFile {
    pub(crate) key: String,
    /// Media type that the bytes were recognised as.
    pub(crate) content_type: String,
    /// Length in bytes.
    pub(crate) size: u64,
    /// SHA-256 of the content, if anybody has computed it; of a result it is always known.
    pub(crate) sha256: Option<[u8; 32]>,
}
