/// Why a job ended without a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) code: FailureCode,
    /// Fit for the user's eyes: the provider's reason, or ours.
    pub(crate) message: String,
    /// The same request may succeed later.
    pub(crate) retryable: bool,
    /// The provider has the job and has not said that it ended: it may go on, and charge for it.
    pub(crate) may_run: bool,
}

impl Failure {
    /// A failure with this code's own message.
    pub(crate) fn of(code: FailureCode) -> Self {
        let (message, retryable) = code.meaning();
        let may_run = matches!(code, FailureCode::PollLimit | FailureCode::AgeLimit | FailureCode::JobLost);
        Self { code, message: message.to_owned(), retryable, may_run }
    }

    /// A failure in the provider's words.
    pub(crate) fn told(code: FailureCode, message: Option<String>, retryable: bool) -> Self {
        Self { message: message.unwrap_or_else(|| code.meaning().0.to_owned()), retryable, ..Self::of(code) }
    }

    /// The same of a job that the provider has not said to have ended.
    pub(crate) fn still_running(self) -> Self {
        Self { may_run: true, ..self }
    }
}

/// The stable codes of `JobFailed`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FailureCode {
    /// The provider refused the request itself.
    SubmissionRefused,
    /// The provider refused us: key, plan or permission. The operator has to act.
    ProviderAccount,
    /// The provider could not be reached, or took nothing, for too long.
    ProviderUnavailable,
    /// Nobody knows whether the submission arrived.
    SubmissionUnconfirmed,
    /// The provider tried and failed.
    GenerationFailed,
    /// The provider no longer knows the job.
    JobLost,
    /// The provider did not finish within the allowed number of polls.
    PollLimit,
    /// The provider did not finish within the allowed time.
    AgeLimit,
    /// The order came so late that nobody knows any more whether it was submitted before.
    TooOld,
    /// The provider finished, but its result could not be had or kept.
    ResultUnavailable,
    /// The job names a provider that is not configured.
    UnknownProvider,
    /// The job is of a kind that its provider does not serve.
    UnsupportedJob,
    /// The reference image is not in object storage.
    ReferenceImageMissing,
}

impl FailureCode {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::SubmissionRefused => "SUBMISSION_REFUSED",
            Self::ProviderAccount => "PROVIDER_ACCOUNT",
            Self::ProviderUnavailable => "PROVIDER_UNAVAILABLE",
            Self::SubmissionUnconfirmed => "SUBMISSION_UNCONFIRMED",
            Self::GenerationFailed => "GENERATION_FAILED",
            Self::JobLost => "JOB_LOST",
            Self::PollLimit => "POLL_LIMIT",
            Self::AgeLimit => "AGE_LIMIT",
            Self::TooOld => "TOO_OLD",
            Self::ResultUnavailable => "RESULT_UNAVAILABLE",
            Self::UnknownProvider => "UNKNOWN_PROVIDER",
            Self::UnsupportedJob => "UNSUPPORTED_JOB",
            Self::ReferenceImageMissing => "REFERENCE_IMAGE_MISSING",
        }
    }

    /// What the user reads when the provider gave no reason, and whether the same request may succeed later.
    const fn meaning(self) -> (&'static str, bool) {
        match self {
            Self::SubmissionRefused => ("the provider refused the request", false),
            Self::ProviderAccount => ("the provider does not accept requests from this service at the moment", true),
            Self::ProviderUnavailable => ("the provider could not be reached", true),
            Self::SubmissionUnconfirmed => ("the provider did not confirm the request", true),
            Self::GenerationFailed => ("the generation failed", true),
            Self::JobLost => ("the provider lost the request", true),
            Self::PollLimit | Self::AgeLimit => ("the generation took too long", true),
            Self::TooOld => ("the request waited too long", true),
            Self::ResultUnavailable => ("the result could not be fetched from the provider", true),
            Self::UnknownProvider => ("the provider of this model is not available", true),
            Self::UnsupportedJob => ("the provider of this model does not support this kind of generation", false),
            Self::ReferenceImageMissing => ("the reference image is no longer available", false),
        }
    }
}
