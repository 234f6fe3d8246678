use serde_json::Value;
use url::Url;
use zoetrope_domain::Progress;

use super::{
    envelope::{self, Opened},
    json::{Content, Fields, Unreadable, first_field, text},
    reason::{self, Complaint, Reason},
    refusal,
    status::{self, Status},
};

/// Longest unknown word in characters that is repeated.
const MAX_WORD: usize = 40;
const URL_FIELDS: [&str; 6] = ["video_url", "url", "download_url", "result_url", "output_url", "file_url"];
/// Where a video keeps its address, if not in a field of its own.
const URL_HOLDERS: [&str; 13] = [
    "output",
    "outputs",
    "result",
    "results",
    "video",
    "videos",
    "content",
    "data",
    "response",
    "metadata",
    "urls",
    "unsigned_urls",
    "creations",
];
const PROGRESS_FIELDS: [&str; 4] = ["progress", "percent", "percentage", "progress_percent"];

/// What a provider says of a video.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Report {
    Waiting,
    Generating(Progress),
    Completed {
        /// Where the file is, if the video says so.
        url: Option<Url>,
    },
    /// It has ended without a result.
    Failed(Reason),
    /// It carries an error, though its status does not say that it has ended.
    Broken(Reason),
    /// The answer is a complaint, and says nothing of the video.
    Complaint(Complaint),
    /// A status that nobody has told us about: the video is taken to be in the making.
    Unknown {
        word: String,
        progress: Progress,
    },
}

/// Reads the answer to a question for the video of this id.
pub(super) fn read(content: &Content, id: &str) -> Result<Report, Unreadable> {
    let opened = envelope::open(content.json()?, Some(id)).ok_or(Unreadable::NotAnObject)?;
    let video = opened.video().ok_or(Unreadable::NotAnObject)?;
    let Some(word) = opened.status().filter(|_| refusal::shows_video(&opened)) else {
        return reason::of_envelope(&opened).map(Report::Complaint).ok_or(Unreadable::NoStatus);
    };
    let known = status::of(word);
    match (known, opened.outwards().find_map(reason::of_video)) {
        (Some(Status::Failed), error) => return Ok(Report::Failed(error.unwrap_or_else(|| reason::of_failed_video(video)))),
        (Some(Status::Completed), Some(error)) => return Ok(Report::Failed(error)),
        (Some(Status::Waiting | Status::Generating) | None, Some(error)) => {
            let kind = refusal::sort(None, &error);
            // The provider had trouble, or has with our account, and goes on.
            if !(kind.is_passing() || kind.concerns_operator()) {
                return Ok(Report::Broken(error));
            }
        }
        _ => {}
    }
    Ok(match known {
        Some(Status::Waiting) => Report::Waiting,
        Some(Status::Generating) => Report::Generating(progress(&opened)),
        Some(Status::Completed) => match opened.outwards().find_map(url) {
            // That the question went well.
            None if status::is_of_envelope(word) && !opened.speaks_of(id) => return Err(Unreadable::NoStatus),
            url => Report::Completed { url },
        },
        Some(Status::Failed) => Report::Failed(Reason::default()),
        None => Report::Unknown {
            word: word.chars().filter(|c| !c.is_control()).take(MAX_WORD).collect(),
            progress: progress(&opened),
        },
    })
}

/// Percent as a number or as text (`"45%"`); none when it is missing or nonsense.
fn progress(opened: &Opened<'_>) -> Progress {
    let percent = opened.outwards().find_map(|layer| first_field(layer, &PROGRESS_FIELDS).find_map(percent)).unwrap_or_default();
    // In range by then.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    Progress::clamped(percent.clamp(0.0, 100.0) as u32)
}

fn percent(value: &Value) -> Option<f64> {
    let percent = match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().trim_end_matches('%').trim_end().parse().ok(),
        _ => None,
    };
    percent.filter(|percent: &f64| percent.is_finite())
}

fn url(video: &Fields) -> Option<Url> {
    own_url(video).or_else(|| first_field(video, &URL_HOLDERS).find_map(|holder| held_url(holder, 3)))
}

fn own_url(object: &Fields) -> Option<Url> {
    first_field(object, &URL_FIELDS).filter_map(Value::as_str).find_map(web_address)
}

fn held_url(holder: &Value, depth: u8) -> Option<Url> {
    let deeper = depth.checked_sub(1)?;
    match holder {
        Value::String(address) => web_address(address),
        Value::Array(items) => items.iter().find_map(|item| held_url(item, deeper)),
        Value::Object(object) => {
            own_url(object).or_else(|| first_field(object, &URL_HOLDERS).find_map(|holder| held_url(holder, deeper)))
        }
        _ => None,
    }
}

fn web_address(address: &str) -> Option<Url> {
    Url::parse(address.trim()).ok().filter(|url| matches!(url.scheme(), "http" | "https"))
}

/// Whether an answer to the wish to delete a video says that it was not.
pub(super) fn is_kept(content: &Content) -> bool {
    let Ok(answer) = content.json() else { return false };
    envelope::open(answer, None).is_some_and(|opened| {
        opened.outwards().any(|layer| text_or_flag(layer, &["deleted", "cancelled", "canceled"]) == Some(false))
    })
}

fn text_or_flag(object: &Fields, names: &'static [&'static str]) -> Option<bool> {
    first_field(object, names).find_map(Value::as_bool).or_else(|| match text(object, names)? {
        "false" => Some(false),
        "true" => Some(true),
        _ => None,
    })
}

#[cfg(test)]
#[path = "report_tests.rs"]
mod tests;
