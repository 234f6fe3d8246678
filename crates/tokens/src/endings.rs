use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio_util::sync::CancellationToken;

use crate::{Credential, KeyName, recent::Recent};

const REMEMBERED: usize = 50_000;

/// The credentials of whose end this process has heard, and who waits to hear of one. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Endings(Arc<Inner>);

struct Inner {
    heard: Recent<Credential, ()>,
    watched: Mutex<HashMap<Credential, Vec<Watched>>>,
}

/// Those who came with tokens of one key, or with the API key.
struct Watched {
    signed_by: Option<KeyName>,
    ended: CancellationToken,
    watchers: usize,
}

/// Somebody who wants to know when a credential ends, such as an open connection.
pub struct Watch {
    endings: Endings,
    credential: Credential,
    signed_by: Option<KeyName>,
    ended: CancellationToken,
}

impl Endings {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Inner { heard: Recent::new(REMEMBERED), watched: Mutex::new(HashMap::new()) }))
    }

    /// Remembers an end, and tells those who wait for it.
    pub(crate) fn note(&self, credential: Credential, lifetime: Duration) {
        self.0.heard.put(credential, (), lifetime, Instant::now());
        for watched in self.watched().get(&credential).into_iter().flatten() {
            watched.ended.cancel();
        }
    }

    pub(crate) fn contain(&self, credential: Credential) -> bool {
        self.0.heard.get(&credential, Instant::now()).is_some()
    }

    /// Tells those who wait and whose token one of these keys did not sign.
    pub(crate) fn end_keys(&self, is_known: impl Fn(&str) -> bool) {
        for watched in self.watched().values().flatten() {
            if watched.signed_by.as_ref().is_some_and(|key| !is_known(key)) {
                watched.ended.cancel();
            }
        }
    }

    pub(crate) fn watch(&self, credential: Credential, signed_by: Option<KeyName>) -> Watch {
        let ended = {
            let mut all = self.watched();
            let of_credential = all.entry(credential).or_default();
            match of_credential.iter_mut().find(|watched| watched.signed_by == signed_by) {
                Some(watched) => {
                    watched.watchers += 1;
                    watched.ended.clone()
                }
                None => {
                    let ended = CancellationToken::new();
                    of_credential.push(Watched { signed_by: signed_by.clone(), ended: ended.clone(), watchers: 1 });
                    ended
                }
            }
        };
        // It may have ended before anybody watched.
        if self.contain(credential) {
            ended.cancel();
        }
        Watch { endings: self.clone(), credential, signed_by, ended }
    }

    fn watched(&self) -> MutexGuard<'_, HashMap<Credential, Vec<Watched>>> {
        self.0.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watch {
    /// Waits until the credential has ended.
    pub async fn ended(&self) {
        self.ended.cancelled().await;
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut all = self.endings.watched();
        let Some(of_credential) = all.get_mut(&self.credential) else { return };
        if let Some(watched) = of_credential.iter_mut().find(|watched| watched.signed_by == self.signed_by) {
            watched.watchers -= 1;
        }
        of_credential.retain(|watched| watched.watchers > 0);
        if of_credential.is_empty() {
            all.remove(&self.credential);
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;
    use zoetrope_domain::SessionId;

    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn session(number: u128) -> Credential {
        Credential::Session(SessionId::new(Uuid::from_u128(number)))
    }

    #[tokio::test]
    async fn who_watches_hears_of_the_end_and_nobody_else_does() {
        let endings = Endings::new();
        let key = |name: &str| Some(KeyName::from(name));
        let (first, second) = (endings.watch(session(1), key("a")), endings.watch(session(1), key("b")));
        let other = endings.watch(session(2), key("a"));
        endings.note(session(1), HOUR);
        tokio::join!(first.ended(), second.ended());
        assert!(!other.ended.is_cancelled());
        assert!(endings.contain(session(1)) && !endings.contain(session(2)));
    }

    #[tokio::test]
    async fn who_comes_late_hears_at_once() {
        let endings = Endings::new();
        endings.note(session(1), HOUR);
        endings.watch(session(1), None).ended().await;
    }

    #[test]
    fn who_came_with_a_key_that_goes_hears_of_it_and_nobody_else_does() {
        let endings = Endings::new();
        let watch = |name: Option<&str>| endings.watch(session(1), name.map(KeyName::from));
        let (gone, kept, keyless) = (watch(Some("old")), watch(Some("new")), watch(None));
        endings.end_keys(|key| key == "new");
        assert!(gone.ended.is_cancelled() && !kept.ended.is_cancelled() && !keyless.ended.is_cancelled());
        // The session goes on.
        assert!(!endings.contain(session(1)) && !watch(Some("new")).ended.is_cancelled());
    }

    #[test]
    fn nothing_is_left_of_a_watch() {
        let endings = Endings::new();
        let (first, second) = (endings.watch(session(1), None), endings.watch(session(1), None));
        drop(first);
        assert_eq!(endings.watched().len(), 1);
        drop(second);
        assert!(endings.watched().is_empty());
    }
}
