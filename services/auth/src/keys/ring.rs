use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::jwk::JwkSet;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize, Serializer};

use super::key::{KeyError, SigningKey};

/// A replica may begin with a new key later than it should: its clock is behind, or the public half has not reached it.
const LATE_CHANGE: TimeDelta = TimeDelta::hours(1);

/// The private keys, in the order in which they sign; at least one.
pub struct KeyRing(Vec<SigningKey>);

/// Where a key stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyState {
    /// It is public, and does not sign yet.
    Next,
    Active,
    /// It signs no more. At this moment the last of its tokens has expired.
    Old {
        tokens_until: DateTime<Utc>,
    },
}

/// The text holds no keys that can be used.
#[derive(Debug, thiserror::Error)]
pub enum RingError {
    // Without the cause, which might quote a key.
    #[error("not a list of signing keys")]
    NotARing,
    #[error("there is no signing key")]
    Empty,
    #[error(transparent)]
    Key(#[from] KeyError),
}

#[derive(Debug, thiserror::Error)]
pub enum RotateError {
    #[error("the next key waits already, and signs from {0}: retire it first to have another")]
    NextWaits(DateTime<Utc>),
    #[error(transparent)]
    Key(#[from] KeyError),
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RetireError {
    #[error("there is no such key")]
    Unknown,
    #[error("the key signs: rotate first")]
    Signs,
    #[error("tokens of the key may live until {0}: wait, or --force refuses them all at once")]
    HasTokens(DateTime<Utc>),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    keys: Vec<StoredKey>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredKey {
    signs_from: DateTime<Utc>,
    /// PEM (PKCS#8).
    #[serde(serialize_with = "exposed")]
    private_key: SecretString,
}

fn exposed<S: Serializer>(secret: &SecretString, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(secret.expose_secret())
}

impl KeyRing {
    /// One key, which signs at once.
    pub fn generate(now: DateTime<Utc>) -> Result<Self, KeyError> {
        Ok(Self(vec![SigningKey::generate(now)?]))
    }

    pub fn parse(text: &str) -> Result<Self, RingError> {
        let stored: Stored = serde_json::from_str(text).map_err(|_| RingError::NotARing)?;
        let keys = stored.keys.into_iter().map(|key| SigningKey::parse(key.private_key, key.signs_from));
        let mut keys = keys.collect::<Result<Vec<_>, _>>()?;
        keys.sort_by_key(|key| key.signs_from);
        if keys.is_empty() { Err(RingError::Empty) } else { Ok(Self(keys)) }
    }

    /// The text that is parsed again, with all its secrets.
    pub fn to_text(&self) -> Result<SecretString, serde_json::Error> {
        let stored = |key: &SigningKey| StoredKey { signs_from: key.signs_from, private_key: key.pem.clone() };
        let stored = Stored { keys: self.0.iter().map(stored).collect() };
        Ok((serde_json::to_string_pretty(&stored)? + "\n").into())
    }

    /// The public halves of all keys, as a JWK set.
    pub fn jwks(&self) -> Result<String, serde_json::Error> {
        let keys = self.0.iter().map(|key| key.public.clone()).collect();
        Ok(serde_json::to_string_pretty(&JwkSet { keys })? + "\n")
    }

    /// The key that signs at this moment, of those that verifiers have been told of.
    pub fn signing_at(&self, now: DateTime<Utc>, is_public: impl Fn(&str) -> bool) -> Option<&SigningKey> {
        let mut keys = self.0.iter().filter(|key| is_public(key.kid()));
        // Somebody has to sign: if all of them are for later, the first does.
        let first = keys.next()?;
        Some(keys.take_while(|key| key.signs_from <= now).last().unwrap_or(first))
    }

    /// All keys, the newest first. No token lives longer than `longest`.
    pub fn states(&self, now: DateTime<Utc>, longest: TimeDelta) -> impl Iterator<Item = (&SigningKey, KeyState)> {
        let keys = self.0.iter().enumerate().rev();
        keys.map(move |(position, key)| (key, self.state(position, now, longest)))
    }

    fn state(&self, position: usize, now: DateTime<Utc>, longest: TimeDelta) -> KeyState {
        let active = self.0.iter().rposition(|key| key.signs_from <= now).unwrap_or_default();
        match self.0.get(position + 1) {
            Some(next) if position < active => KeyState::Old { tokens_until: next.signs_from + LATE_CHANGE + longest },
            _ if position == active => KeyState::Active,
            _ => KeyState::Next,
        }
    }

    /// Adds a key, which signs when `overlap` has passed: until then all services learn its public half. Tells its name.
    pub fn rotate(&mut self, now: DateTime<Utc>, overlap: TimeDelta) -> Result<String, RotateError> {
        if let Some(next) = self.0.iter().find(|key| key.signs_from > now) {
            return Err(RotateError::NextWaits(next.signs_from));
        }
        let key = SigningKey::generate(now + overlap)?;
        let kid = key.kid().to_owned();
        self.0.push(key);
        Ok(kid)
    }

    /// Removes a key: no token of it is taken any more. Without `force` there must be none left.
    pub fn retire(&mut self, kid: &str, now: DateTime<Utc>, longest: TimeDelta, force: bool) -> Result<(), RetireError> {
        let position = self.0.iter().position(|key| key.kid() == kid).ok_or(RetireError::Unknown)?;
        let is_last = position + 1 == self.0.len();
        match self.state(position, now, longest) {
            KeyState::Next => {}
            // Another must be there to take its place, and not one that has signed before it.
            KeyState::Active if is_last || !force => return Err(RetireError::Signs),
            KeyState::Active => {}
            KeyState::Old { tokens_until } if now < tokens_until && !force => return Err(RetireError::HasTokens(tokens_until)),
            KeyState::Old { .. } => {}
        }
        self.0.remove(position);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WEEK: TimeDelta = TimeDelta::days(7);

    fn at(minutes: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_763_700_000, 0).unwrap() + TimeDelta::minutes(minutes)
    }

    fn states(ring: &KeyRing, now: DateTime<Utc>) -> Vec<KeyState> {
        ring.states(now, WEEK).map(|(_, state)| state).collect()
    }

    fn kids(ring: &KeyRing) -> Vec<String> {
        ring.0.iter().map(|key| key.kid().to_owned()).collect()
    }

    #[test]
    fn a_new_key_signs_when_its_time_has_come() {
        let mut ring = KeyRing::generate(at(0)).unwrap();
        ring.rotate(at(0), TimeDelta::minutes(10)).unwrap();
        let kids = kids(&ring);
        let signing = |minutes, known: &[String]| {
            ring.signing_at(at(minutes), |kid| known.iter().any(|known| known == kid)).map(|key| key.kid().to_owned())
        };
        assert_eq!(signing(9, &kids), Some(kids[0].clone()));
        assert_eq!(signing(10, &kids), Some(kids[1].clone()));
        // Never one whose public half is not known, and always one.
        assert_eq!(signing(10, &kids[..1]), Some(kids[0].clone()));
        assert_eq!(signing(9, &kids[1..]), Some(kids[1].clone()));
        assert_eq!(signing(-5, &kids), Some(kids[0].clone()));
        assert_eq!(signing(10, &[]), None);
    }

    #[test]
    fn a_key_is_next_then_active_then_old() {
        let mut ring = KeyRing::generate(at(0)).unwrap();
        assert_eq!(states(&ring, at(0)), [KeyState::Active]);
        ring.rotate(at(1), TimeDelta::minutes(10)).unwrap();
        assert_eq!(states(&ring, at(10)), [KeyState::Next, KeyState::Active]);
        assert!(matches!(ring.rotate(at(10), TimeDelta::zero()), Err(RotateError::NextWaits(from)) if from == at(11)));
        let tokens_until = at(11) + LATE_CHANGE + WEEK;
        assert_eq!(states(&ring, at(11)), [KeyState::Active, KeyState::Old { tokens_until }]);
        ring.rotate(at(11), TimeDelta::minutes(10)).unwrap();
        assert_eq!(states(&ring, at(12)), [KeyState::Next, KeyState::Active, KeyState::Old { tokens_until }]);
    }

    #[test]
    fn a_key_goes_when_no_token_of_it_can_live() {
        let mut ring = KeyRing::generate(at(0)).unwrap();
        ring.rotate(at(0), TimeDelta::minutes(10)).unwrap();
        let kids = kids(&ring);
        let until = at(10) + LATE_CHANGE + WEEK;
        assert_eq!(ring.retire("another", at(20), WEEK, true), Err(RetireError::Unknown));
        assert_eq!(ring.retire(&kids[0], at(5), WEEK, false), Err(RetireError::Signs));
        assert_eq!(ring.retire(&kids[0], at(20), WEEK, false), Err(RetireError::HasTokens(until)));
        assert_eq!(ring.retire(&kids[1], at(20), WEEK, true), Err(RetireError::Signs));
        assert_eq!(ring.retire(&kids[0], until, WEEK, false), Ok(()));
        assert_eq!(states(&ring, until), [KeyState::Active]);
    }

    #[test]
    fn a_key_that_others_know_may_go_by_force() {
        let two = || {
            let mut ring = KeyRing::generate(at(0)).unwrap();
            ring.rotate(at(0), TimeDelta::minutes(10)).unwrap();
            let kids = kids(&ring);
            (ring, kids)
        };
        // Old, active with another to follow, and one that has signed nothing yet.
        for (key, now, force) in [(0, 20, true), (0, 5, true), (1, 5, false)] {
            let (mut ring, ids) = two();
            ring.retire(&ids[key], at(now), WEEK, force).unwrap();
            assert_eq!(kids(&ring), [ids[1 - key].clone()]);
            assert_eq!(states(&ring, at(now)), [KeyState::Active]);
        }
    }

    #[test]
    fn a_ring_reads_back_and_publishes_no_secret() {
        let mut ring = KeyRing::generate(at(0)).unwrap();
        ring.rotate(at(0), TimeDelta::minutes(10)).unwrap();
        let read = KeyRing::parse(ring.to_text().unwrap().expose_secret()).unwrap();
        assert_eq!((kids(&read), states(&read, at(5))), (kids(&ring), states(&ring, at(5))));
        let jwks = ring.jwks().unwrap();
        assert!(kids(&ring).iter().all(|kid| jwks.contains(kid.as_str())) && !jwks.contains("\"d\""));
        for broken in ["", "{", r#"{"keys":[]}"#, r#"{"keys":[{"signs_from":"2026-11-21T00:00:00Z","private_key":"x"}]}"#] {
            assert!(KeyRing::parse(broken).is_err(), "{broken}");
        }
    }
}
