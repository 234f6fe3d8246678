use super::json;

/// Where a video stands, by the word for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Waiting,
    Generating,
    Completed,
    /// It has ended without a result, whoever ended it.
    Failed,
}

/// The words of all dialects, as [`json::word`] writes them.
const WAITING: &[&str] = &[
    "queued",
    "queue",
    "queueing",
    "queuing",
    "inqueue",
    "enqueued",
    "pending",
    "submitted",
    "submitting",
    "created",
    "accepted",
    "received",
    "waiting",
    "wait",
    "scheduled",
    "notstart",
    "notstarted",
    "notready",
    "unstarted",
    "new",
    "init",
    "initialized",
    "initializing",
    "preparing",
    "starting",
    "throttled",
];
const GENERATING: &[&str] = &[
    "inprogress",
    "progress",
    "processing",
    "process",
    "running",
    "run",
    "generating",
    "started",
    "start",
    "working",
    "active",
    "executing",
    "rendering",
    "ongoing",
    "doing",
    "streaming",
    "fetching",
    "downloading",
    "uploading",
    "encoding",
    "transcoding",
    "postprocessing",
    "finalizing",
    "finishing",
    "saving",
    "retrying",
    "resumed",
    "paused",
    "suspended",
    "cancelling",
    "canceling",
];
const COMPLETED: &[&str] = &[
    "completed",
    "complete",
    "succeeded",
    "succeed",
    "success",
    "successful",
    "successfully",
    "done",
    "finished",
    "finish",
    "generated",
];
const FAILED: &[&str] = &[
    "failed",
    "fail",
    "failure",
    "error",
    "errored",
    "exception",
    "rejected",
    "reject",
    "refused",
    "denied",
    "declined",
    "cancelled",
    "canceled",
    "cancel",
    "expired",
    "timeout",
    "timedout",
    "aborted",
    "abort",
    "terminated",
    "killed",
    "crashed",
    "interrupted",
    "stopped",
    "deleted",
    "removed",
    "revoked",
    "banned",
    "blocked",
    "moderated",
    "filtered",
    "contentfiltered",
    "nsfw",
    "unsafe",
    "invalid",
    "moderationfailed",
    "failedmoderation",
    "moderationblocked",
    "contentpolicyviolation",
];
/// Words that an envelope says of itself, not of the video in it.
const ENVELOPE: &[&str] = &["ok", "success", "succeed", "succeeded", "true", "error", "fail", "failed"];
/// What some dialects put before their words, as in `TASK_STATUS_SUCCEED`.
const PREFIXES: &[&str] = &["task", "job", "video", "generation", "status", "state"];

/// What a word says; `None` of one that nobody has told us about.
pub(super) fn of(text: &str) -> Option<Status> {
    let text = text.trim().trim_end_matches('.');
    // `GenerationStatus.COMPLETED` is that word, but `upload.completed` is not.
    let own = text.rsplit_once('.').filter(|(prefix, _)| is_prefix(&json::word(prefix))).map_or(text, |(_, own)| own);
    let word = json::word(own);
    let mut rest = word.as_str();
    loop {
        if let Some(status) = exactly(rest) {
            return Some(status);
        }
        rest = PREFIXES.iter().find_map(|prefix| rest.strip_prefix(prefix))?;
    }
}

fn is_prefix(word: &str) -> bool {
    PREFIXES.contains(&word) || word.ends_with("status") || word.ends_with("state")
}

fn exactly(word: &str) -> Option<Status> {
    let table =
        [(WAITING, Status::Waiting), (GENERATING, Status::Generating), (COMPLETED, Status::Completed), (FAILED, Status::Failed)];
    table.iter().find(|(words, _)| words.contains(&word)).map(|(_, status)| *status)
}

/// Whether a word may be about the answer and not about the video.
pub(super) fn is_of_envelope(text: &str) -> bool {
    ENVELOPE.contains(&json::word(text).as_str())
}

/// Whether a text is a word of this kind, and so nobody's id.
pub(super) fn is_word(text: &str) -> bool {
    of(text).is_some()
        || is_of_envelope(text)
        || matches!(json::word(text).as_str(), "null" | "none" | "false" | "undefined" | "nil")
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_words_of_all_dialects_are_known() {
        let cases: [(Status, &[&str]); 4] = [
            (
                Status::Waiting,
                &[
                    "queued",
                    "PENDING",
                    "submitted",
                    "IN_QUEUE",
                    "in queue",
                    "NOT_START",
                    "task_status_queued",
                    "Waiting",
                    "created",
                ],
            ),
            (
                Status::Generating,
                &[
                    "in_progress",
                    "in-progress",
                    "InProgress",
                    "PROCESSING",
                    "running",
                    "generating",
                    "TASK_STATUS_PROCESSING",
                    "Processing...",
                ],
            ),
            (
                Status::Completed,
                &[
                    "completed",
                    "complete",
                    "succeeded",
                    "SUCCEED",
                    "success",
                    "SUCCESS",
                    "Done",
                    "finished",
                    "TASK_STATUS_SUCCEED",
                    "JOB_STATE_SUCCEEDED",
                    "video_generation_completed",
                    "GenerationStatus.COMPLETED",
                    "video.completed",
                    "Completed.",
                    " done ",
                ],
            ),
            (
                Status::Failed,
                &[
                    "failed",
                    "FAILURE",
                    "fail",
                    "error",
                    "rejected",
                    "timeout",
                    "timed_out",
                    "TimedOut",
                    "timed out",
                    "canceled",
                    "cancelled",
                    "CANCELLED",
                    "expired",
                    "aborted",
                    "banned",
                    "task_status_failed",
                    "generation_failed",
                    "blocked",
                ],
            ),
        ];
        for (status, words) in cases {
            for word in words {
                assert_eq!(of(word), Some(status), "{word}");
            }
        }
        for unknown in [
            "",
            "dreaming",
            "failing",
            "not failed",
            "undone",
            "task",
            "status_",
            "upload_completed",
            "upload.completed",
            "...",
            "7",
        ] {
            assert_eq!(of(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn every_word_says_one_thing() {
        let words: Vec<_> = [WAITING, GENERATING, COMPLETED, FAILED].concat();
        assert_eq!(words.iter().collect::<HashSet<_>>().len(), words.len());
        for text in words {
            assert_eq!(json::word(text), text, "it would never be found");
            for prefix in PREFIXES {
                assert_eq!(of(&format!("{prefix}_{text}")), of(text));
            }
        }
    }
}
