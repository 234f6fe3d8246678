use std::str::FromStr;

/// A word that is none of the known ones.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown {what} {word:?}")]
pub struct UnknownWord {
    what: &'static str,
    word: String,
}

impl UnknownWord {
    pub(crate) fn new(what: &'static str, word: &str) -> Self {
        Self { what, word: word.to_owned() }
    }
}

macro_rules! words {
    ($name:ident, $what:literal, $($variant:ident = $word:literal),+ $(,)?) => {
        impl $name {
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word for it in storage and messages; each client family has its own spelling.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word),+
                }
            }
        }

        impl FromStr for $name {
            type Err = UnknownWord;

            fn from_str(word: &str) -> Result<Self, UnknownWord> {
                Self::ALL.iter().copied().find(|known| known.as_str() == word).ok_or_else(|| UnknownWord::new($what, word))
            }
        }
    };
}

/// Where a task stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TaskStatus {
    /// Paid and accepted; no provider has it yet.
    Queued,
    /// A provider has accepted it.
    Processing,
    /// The result is stored.
    Completed,
    /// It ended without a result; the credits went back.
    Failed,
    /// Its owner ended it; the credits went back.
    Cancelled,
}

words!(
    TaskStatus,
    "task status",
    Queued = "queued",
    Processing = "processing",
    Completed = "completed",
    Failed = "failed",
    Cancelled = "cancelled"
);

impl TaskStatus {
    /// A terminal status never changes again.
    pub const fn is_terminal(self) -> bool {
        match self {
            Self::Queued | Self::Processing => false,
            Self::Completed | Self::Failed | Self::Cancelled => true,
        }
    }
}

/// What is generated, and from what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TaskKind {
    TextToVideo,
    ImageToVideo,
}

words!(TaskKind, "task kind", TextToVideo = "text_to_video", ImageToVideo = "image_to_video");

/// The seven steps that a client shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TaskStep {
    Validated = 1,
    Queued,
    Submitted,
    Generating,
    Downloading,
    Storing,
    Stored,
}

words!(
    TaskStep,
    "task step",
    Validated = "validated",
    Queued = "queued",
    Submitted = "submitted",
    Generating = "generating",
    Downloading = "downloading",
    Storing = "storing",
    Stored = "stored"
);

impl TaskStep {
    /// How many steps there are.
    pub const TOTAL: u8 = 7;

    /// Its number, 1 to [`TaskStep::TOTAL`].
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// What happens now, in words for the task's owner.
    pub const fn describe(self, cancel_requested: bool) -> &'static str {
        if cancel_requested {
            return "The provider is asked to cancel the task";
        }
        match self {
            Self::Validated => "The request is accepted",
            Self::Queued => "Waiting for a provider",
            Self::Submitted => "The provider has accepted the task",
            Self::Generating => "The video is being generated",
            Self::Downloading => "The result is being downloaded",
            Self::Storing => "The result is being stored",
            Self::Stored => "The result is stored",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_reads_back() {
        for status in TaskStatus::ALL {
            assert_eq!(status.as_str().parse(), Ok(*status));
        }
        for kind in TaskKind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(*kind));
        }
        for (index, step) in TaskStep::ALL.iter().enumerate() {
            assert_eq!(step.as_str().parse(), Ok(*step));
            assert_eq!(usize::from(step.number()), index + 1);
        }
        assert_eq!("done".parse::<TaskStatus>().unwrap_err().to_string(), "unknown task status \"done\"");
    }
}
