use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio_util::sync::CancellationToken;

use crate::{Credential, recent::Recent};

const REMEMBERED: usize = 50_000;

/// The credentials of whose end this process has heard, and who waits to hear of one. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Endings(Arc<Inner>);

struct Inner {
    heard: Recent<Credential, ()>,
    watched: Mutex<HashMap<Credential, Watched>>,
}

struct Watched {
    ended: CancellationToken,
    watchers: usize,
}

/// Somebody who wants to know when a credential ends, such as an open connection.
pub struct Watch {
    endings: Endings,
    credential: Credential,
    ended: CancellationToken,
}

impl Endings {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Inner { heard: Recent::new(REMEMBERED), watched: Mutex::new(HashMap::new()) }))
    }

    /// Remembers an end, and tells those who wait for it.
    pub(crate) fn note(&self, credential: Credential, lifetime: Duration) {
        self.0.heard.put(credential, (), lifetime, Instant::now());
        if let Some(watched) = self.watched().get(&credential) {
            watched.ended.cancel();
        }
    }

    pub(crate) fn contain(&self, credential: Credential) -> bool {
        self.0.heard.get(&credential, Instant::now()).is_some()
    }

    pub(crate) fn watch(&self, credential: Credential) -> Watch {
        let ended = {
            let mut all = self.watched();
            let watched = all.entry(credential).or_insert_with(|| Watched { ended: CancellationToken::new(), watchers: 0 });
            watched.watchers += 1;
            watched.ended.clone()
        };
        // It may have ended before anybody watched.
        if self.contain(credential) {
            ended.cancel();
        }
        Watch { endings: self.clone(), credential, ended }
    }

    fn watched(&self) -> MutexGuard<'_, HashMap<Credential, Watched>> {
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
        if let Some(watched) = all.get_mut(&self.credential) {
            watched.watchers -= 1;
            if watched.watchers == 0 {
                all.remove(&self.credential);
            }
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
        let (first, second, other) = (endings.watch(session(1)), endings.watch(session(1)), endings.watch(session(2)));
        endings.note(session(1), HOUR);
        tokio::join!(first.ended(), second.ended());
        assert!(!other.ended.is_cancelled());
        assert!(endings.contain(session(1)) && !endings.contain(session(2)));
    }

    #[tokio::test]
    async fn who_comes_late_hears_at_once() {
        let endings = Endings::new();
        endings.note(session(1), HOUR);
        endings.watch(session(1)).ended().await;
    }

    #[test]
    fn nothing_is_left_of_a_watch() {
        let endings = Endings::new();
        let (first, second) = (endings.watch(session(1)), endings.watch(session(1)));
        drop(first);
        assert_eq!(endings.watched().len(), 1);
        drop(second);
        assert!(endings.watched().is_empty());
    }
}
