//! When a code to sign in is mailed, and which tries at it are heard.
//!
//! A code of four digits is one of ten thousand, and a stranger may ask for a code as well as its owner. What keeps it safe is how few
//! wrong tries there are. A code hears `tries` of them and is void once a newer one is mailed; and an e-mail address hears `tries_per_day`
//! of them in any 24 hours, over all its codes, `network_tries_per_day` of them from one network. So with the defaults a day of guessing at
//! one address finds a code with a chance of 30 in 10,000 at the most, from however many places and with however many codes; with six digits
//! it is a hundredth of that.
//!
//! A stranger who uses all of it up keeps others from codes for this address until the day is over. Nobody at one place alone can do so, and
//! a network from which the account was signed in to within [`KNOWN_FOR`] is counted for itself, so strangers never keep an owner out there.

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::{ExposeSecret, SecretString};
use zoetrope_http::FieldError;

use super::{login::key, registration::required_email};

/// What "per day" means: any 24 hours.
pub const DAY: TimeDelta = TimeDelta::days(1);
/// How long a network is known after a sign-in.
pub const KNOWN_FOR: TimeDelta = TimeDelta::days(30);
/// Of the newer client, which takes no other.
const LONG: u8 = 6;

#[derive(Debug, Clone)]
pub struct CodeRules {
    /// Of a code.
    pub digits: u8,
    pub valid: TimeDelta,
    /// Until the next code for an address, unless the one before was used.
    pub pause: TimeDelta,
    /// So many wrong ones make a code void.
    pub tries: usize,
    pub codes_per_day: PerDay,
    /// Wrong ones.
    pub tries_per_day: PerDay,
}

/// How often something may happen to one e-mail address in a day.
#[derive(Debug, Clone, Copy)]
pub struct PerDay {
    pub in_all: usize,
    pub from_one_network: usize,
}

/// Something that counts, and the name of the network that it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    pub network: String,
    pub at: DateTime<Utc>,
}

/// Who asks for a code or tries one.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// The name of the network.
    pub network: &'a str,
    /// Whether the account was signed in to from there lately.
    pub is_known: bool,
}

/// The newest code of an address: the one that is not void.
#[derive(Debug, Clone, Copy)]
pub struct Newest {
    pub created_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    pub is_used: bool,
    pub wrong_tries: usize,
}

/// Why no code is mailed, or none is heard, and how long that will be so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodeRefusal {
    TooSoon(TimeDelta),
    TooMany(TimeDelta),
}

impl CodeRules {
    /// Whether a code may be mailed. `sent` are those of the last day.
    pub fn may_send(
        &self,
        newest: Option<Newest>,
        sent: &[Event],
        place: Place<'_>,
        now: DateTime<Utc>,
    ) -> Result<(), CodeRefusal> {
        let open = newest.filter(|newest| !newest.is_used);
        if let Some(newest) = open.filter(|newest| newest.created_at + self.pause > now) {
            return Err(CodeRefusal::TooSoon(newest.created_at + self.pause - now));
        }
        self.codes_per_day.wait(sent, place, now).map_or(Ok(()), |wait| Err(CodeRefusal::TooMany(wait)))
    }

    /// Whether a try is compared with the newest code. `wrong` are the wrong ones of the last day.
    pub fn may_try(&self, wrong: &[Event], place: Place<'_>, now: DateTime<Utc>) -> Result<(), CodeRefusal> {
        self.tries_per_day.wait(wrong, place, now).map_or(Ok(()), |wait| Err(CodeRefusal::TooMany(wait)))
    }

    /// Whether the newest code still lets in.
    pub fn is_open(&self, newest: Newest, now: DateTime<Utc>) -> bool {
        !newest.is_used && now < newest.expires_at && newest.wrong_tries < self.tries
    }
}

impl PerDay {
    /// How long until one more may happen; `None`: now.
    fn wait(&self, events: &[Event], place: Place<'_>, now: DateTime<Utc>) -> Option<TimeDelta> {
        let here = events.iter().filter(|event| event.network == place.network).map(|event| event.at).collect();
        let everywhere = events.iter().map(|event| event.at).collect();
        let in_all = if place.is_known { None } else { until_room(everywhere, self.in_all, now) };
        in_all.max(until_room(here, self.from_one_network, now))
    }
}

/// Until fewer than `limit` of the moments are within a day.
fn until_room(mut moments: Vec<DateTime<Utc>>, limit: usize, now: DateTime<Utc>) -> Option<TimeDelta> {
    moments.sort_unstable_by(|a, b| b.cmp(a));
    let Some(before) = limit.checked_sub(1) else { return Some(DAY) };
    let leaves = *moments.get(before)? + DAY;
    (leaves > now).then(|| leaves - now)
}

/// Somebody's wish for a code.
#[derive(Debug)]
pub struct CodeWish {
    /// As addresses are compared.
    pub email: String,
    pub is_long: bool,
}

impl CodeWish {
    /// The newer client says what the code is for, which makes no difference but for its length.
    pub fn parse(email: Option<String>, purpose: Option<String>) -> Result<Self, Vec<FieldError>> {
        let email = required_email(email).map_err(|message| vec![FieldError::new("email", message)])?;
        Ok(Self { email: key(&email), is_long: purpose.is_some_and(|purpose| !purpose.trim().is_empty()) })
    }

    pub fn digits(&self, rules: &CodeRules) -> u8 {
        if self.is_long { rules.digits.max(LONG) } else { rules.digits }
    }
}

/// A code, and the address to which it is said to have been mailed.
#[derive(Debug, Clone)]
pub struct ShownCode {
    /// As addresses are compared.
    pub email: String,
    pub code: SecretString,
}

impl ShownCode {
    pub fn parse(email: Option<String>, code: Option<SecretString>) -> Result<Self, Vec<FieldError>> {
        let code = code.unwrap_or_default();
        let present = if is_given(&code) { Ok(()) } else { Err("is required") };
        match (required_email(email), present) {
            (Ok(email), Ok(())) => Ok(Self { email: key(&email), code }),
            (email, present) => {
                let errors = [("email", email.map(|_| ())), ("code", present)].into_iter();
                Err(errors.filter_map(|(field, checked)| Some(FieldError::new(field, checked.err()?))).collect())
            }
        }
    }

    /// As people type it.
    pub fn text(&self) -> &str {
        self.code.expose_secret().trim()
    }
}

/// Whether a client that may send a code has sent one.
pub fn is_given(code: &SecretString) -> bool {
    !code.expose_secret().trim().is_empty()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RULES: CodeRules = CodeRules {
        digits: 4,
        valid: TimeDelta::minutes(10),
        pause: TimeDelta::minutes(1),
        tries: 5,
        codes_per_day: PerDay { in_all: 20, from_one_network: 10 },
        tries_per_day: PerDay { in_all: 30, from_one_network: 10 },
    };
    const HOME: Place<'static> = Place { network: "home", is_known: true };
    const ABROAD: Place<'static> = Place { network: "abroad", is_known: false };

    fn moment(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_763_700_000 + seconds, 0).unwrap()
    }

    fn sent_at(seconds: i64) -> Newest {
        Newest { created_at: moment(seconds), expires_at: moment(seconds) + RULES.valid, is_used: false, wrong_tries: 0 }
    }

    fn events(network: &str, count: i64) -> Vec<Event> {
        (0..count).map(|number| Event { network: network.to_owned(), at: moment(number) }).collect()
    }

    #[test]
    fn codes_are_a_minute_apart_unless_they_are_used() {
        let asked = |newest, seconds| RULES.may_send(Some(newest), &[], ABROAD, moment(seconds));
        assert_eq!(RULES.may_send(None, &[], ABROAD, moment(0)), Ok(()));
        assert_eq!(asked(sent_at(0), 18), Err(CodeRefusal::TooSoon(TimeDelta::seconds(42))));
        assert_eq!(asked(sent_at(0), 60), Ok(()));
        assert_eq!(asked(Newest { is_used: true, ..sent_at(0) }, 1), Ok(()));
    }

    #[test]
    fn a_code_is_open_for_a_time_for_some_tries_and_once() {
        let open = |newest, seconds| RULES.is_open(newest, moment(seconds));
        assert!(open(sent_at(0), 599) && !open(sent_at(0), 600));
        assert!(open(Newest { wrong_tries: 4, ..sent_at(0) }, 1) && !open(Newest { wrong_tries: 5, ..sent_at(0) }, 1));
        assert!(!open(Newest { is_used: true, ..sent_at(0) }, 1));
    }

    #[test]
    fn a_day_has_so_many_and_the_wait_is_told() {
        let now = moment(3600);
        assert_eq!(RULES.may_try(&events("abroad", 9), ABROAD, now), Ok(()));
        // The first of the ten was at 0.
        let wait = DAY - TimeDelta::hours(1);
        assert_eq!(RULES.may_try(&events("abroad", 10), ABROAD, now), Err(CodeRefusal::TooMany(wait)));
        assert_eq!(RULES.may_try(&events("abroad", 10), ABROAD, now + wait), Ok(()));
        assert_eq!(RULES.may_send(None, &events("abroad", 10), ABROAD, now), Err(CodeRefusal::TooMany(wait)));
        // Others have their own, up to what all have together.
        assert_eq!(RULES.may_try(&events("elsewhere", 29), ABROAD, now), Ok(()));
        assert!(RULES.may_try(&events("elsewhere", 30), ABROAD, now).is_err());
    }

    #[test]
    fn strangers_do_not_keep_the_owner_out() {
        let now = moment(3600);
        let strangers = events("elsewhere", 1000);
        assert_eq!(RULES.may_try(&strangers, HOME, now), Ok(()));
        assert_eq!(RULES.may_send(None, &strangers, HOME, now), Ok(()));
        assert!(RULES.may_try(&events("home", 10), HOME, now).is_err());
    }

    #[test]
    fn a_limit_of_nothing_lets_nothing_through() {
        let none = PerDay { in_all: 0, from_one_network: 10 };
        assert_eq!(none.wait(&[], ABROAD, moment(0)), Some(DAY));
    }

    proptest! {
        /// Whatever strangers try, whenever and from wherever: no 24 hours hear more than the limit.
        #[test]
        fn no_day_hears_more(tries in prop::collection::vec((0i64..7200, 0u8..6), 0..300)) {
            let mut heard: Vec<Event> = Vec::new();
            let mut seconds = 0;
            for (pause, network) in tries {
                seconds += pause;
                let network = format!("network {network}");
                let place = Place { network: &network, is_known: false };
                if RULES.may_try(&heard, place, moment(seconds)).is_ok() {
                    heard.push(Event { network, at: moment(seconds) });
                }
            }
            for (first, event) in heard.iter().enumerate() {
                let within = heard[first..].iter().filter(|later| later.at < event.at + DAY);
                let same = within.clone().filter(|later| later.network == event.network);
                prop_assert!(within.count() <= RULES.tries_per_day.in_all);
                prop_assert!(same.count() <= RULES.tries_per_day.from_one_network);
            }
        }

        /// The wait that is told is the one after which it is heard, and not a moment longer.
        #[test]
        fn the_wait_is_exact(moments in prop::collection::vec(0i64..86_400, 0..60), now in 0i64..172_800) {
            let events: Vec<Event> =
                moments.iter().map(|at| Event { network: "abroad".to_owned(), at: moment(*at) }).collect();
            let now = moment(now);
            match RULES.may_try(&events, ABROAD, now) {
                Ok(()) => {}
                Err(CodeRefusal::TooMany(wait)) => {
                    prop_assert!(wait > TimeDelta::zero());
                    prop_assert_eq!(RULES.may_try(&events, ABROAD, now + wait), Ok(()));
                    prop_assert!(RULES.may_try(&events, ABROAD, now + wait - TimeDelta::seconds(1)).is_err());
                }
                Err(CodeRefusal::TooSoon(_)) => prop_assert!(false),
            }
        }
    }

    #[test]
    fn the_newer_client_gets_six_digits() {
        let digits = |purpose: Option<&str>| {
            let wish = CodeWish::parse(Some(" Ann@x.io".to_owned()), purpose.map(str::to_owned)).unwrap();
            assert_eq!(wish.email, "ann@x.io");
            wish.digits(&RULES)
        };
        assert_eq!([None, Some(""), Some("login"), Some("modify_password")].map(digits), [4, 4, 6, 6]);
        let wish = CodeWish { email: String::new(), is_long: true };
        assert_eq!(wish.digits(&CodeRules { digits: 8, ..RULES }), 8);
    }

    #[test]
    fn what_is_missing_is_named() {
        let fields = |errors: Vec<FieldError>| errors.into_iter().map(|error| error.field).collect::<Vec<_>>();
        assert_eq!(fields(CodeWish::parse(None, None).unwrap_err()), ["email"]);
        assert_eq!(fields(ShownCode::parse(Some("nonsense".to_owned()), Some(" ".into())).unwrap_err()), ["email", "code"]);
        let shown = ShownCode::parse(Some("A@x.io ".to_owned()), Some(" 0471 ".into())).unwrap();
        assert_eq!((shown.email.as_str(), shown.text()), ("a@x.io", "0471"));
    }
}
