use std::{
    hash::{DefaultHasher, Hash, Hasher},
    time::Duration,
};

use url::Url;

use super::{http::CallError, refusal::Kind};
use crate::gate::Verdict;

/// The beginning of an answer.
pub(super) trait Answered {
    fn status(&self) -> u16;
    /// The time that the provider asks us to wait.
    fn retry_after(&self) -> Option<Duration>;
    /// What it complains of, as far as it was read.
    fn complaint(&self) -> Option<Kind>;
}

/// What a call tells of the provider. `about` is its [`subject`], where it has one.
pub(super) fn verdict(result: &Result<impl Answered, CallError>, about: Option<u64>) -> Verdict {
    let failed = || Verdict::Failed { about };
    match result {
        Ok(answer) => match (answer.status(), answer.retry_after(), answer.complaint()) {
            // That is no matter of how often it is asked, nor is it unwell.
            (_, _, Some(Kind::Moderation | Kind::Quota | Kind::Auth)) => Verdict::Answered,
            (_, retry_after, Some(Kind::RateLimit)) => Verdict::Refused { retry_after },
            (429, retry_after, _) | (503, retry_after @ Some(_), _) => Verdict::Refused { retry_after },
            (500.., _, _) | (200..=299, _, Some(Kind::Overload)) => failed(),
            _ => Verdict::Answered,
        },
        Err(CallError::TooLong) => Verdict::Answered,
        Err(CallError::NotSent(_)) => Verdict::Failed { about: None },
        Err(CallError::Cut(_)) => failed(),
    }
}

/// What a call to this address is about: the same number for all that can be asked of one job. Only for comparison in this process.
pub(super) fn subject(url: &Url) -> u64 {
    let path = url.path();
    let mut hasher = DefaultHasher::new();
    path.strip_suffix("/content").unwrap_or(path).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Head(u16, Option<Duration>, Option<Kind>);

    impl Answered for Head {
        fn status(&self) -> u16 {
            self.0
        }

        fn retry_after(&self) -> Option<Duration> {
            self.1
        }

        fn complaint(&self) -> Option<Kind> {
            self.2
        }
    }

    fn of(status: u16, seconds: Option<u64>) -> Verdict {
        verdict(&Ok(Head(status, seconds.map(Duration::from_secs), None)), None)
    }

    #[test]
    fn what_is_said_counts_as_what_it_is() {
        let of = |status, kind| verdict(&Ok(Head(status, None, Some(kind))), None);
        for status in [200, 400, 429, 503] {
            assert_eq!(of(status, Kind::RateLimit), Verdict::Refused { retry_after: None }, "{status}");
            for kind in [Kind::Quota, Kind::Auth, Kind::Moderation] {
                assert_eq!(of(status, kind), Verdict::Answered, "{status}");
            }
        }
        assert_eq!(of(200, Kind::Overload), Verdict::Failed { about: None });
        assert_eq!(of(400, Kind::Overload), Verdict::Answered);
        assert_eq!(of(500, Kind::Other), Verdict::Failed { about: None });
        assert_eq!(of(200, Kind::Other), Verdict::Answered);
    }

    #[test]
    fn every_answer_has_its_meaning() {
        for status in [100, 200, 302, 400, 401, 404, 408, 425] {
            assert_eq!(of(status, Some(7)), Verdict::Answered, "{status}");
        }
        let seven = Some(Duration::from_secs(7));
        assert_eq!(of(429, Some(7)), Verdict::Refused { retry_after: seven });
        assert_eq!(of(429, None), Verdict::Refused { retry_after: None });
        assert_eq!(of(503, Some(7)), Verdict::Refused { retry_after: seven });
        for (status, seconds) in [(503, None), (500, Some(7)), (502, None), (599, None), (600, None)] {
            assert_eq!(of(status, seconds), Verdict::Failed { about: None }, "{status}");
        }
    }

    #[test]
    fn a_job_is_one_subject_whatever_is_asked_of_it() {
        let about = |url: &str| subject(&Url::parse(url).unwrap());
        assert_eq!(about("http://a/v1/videos/1"), about("http://a/v1/videos/1/content?variant=thumbnail"));
        assert_ne!(about("http://a/v1/videos/1"), about("http://a/v1/videos/2"));
        assert_eq!(verdict(&Ok(Head(500, None, None)), Some(7)), Verdict::Failed { about: Some(7) });
    }
}
