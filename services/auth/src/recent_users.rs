//! Who came lately, for front pages that everybody sees: looked up now and then, however many ask.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::Mutex;
use zoetrope_postgres::{Database, DatabaseError};

use crate::store::profiles;

/// How long an answer is told again.
pub const KEPT: Duration = Duration::from_secs(60);
const SHOWN: i64 = 5;

/// Somebody who came lately, as strangers may know of.
#[derive(Debug, Clone)]
pub struct Newcomer {
    pub number: i64,
    pub name: String,
    pub avatar_url: Option<String>,
    pub email: Option<String>,
}

/// What is told.
#[derive(Debug)]
pub struct Newcomers {
    /// Those who show a picture, the newest first.
    pub newest: Vec<Newcomer>,
    /// How many users there are.
    pub total: i64,
}

struct Known {
    since: Instant,
    newcomers: Arc<Newcomers>,
}

/// Cheap to clone.
#[derive(Clone)]
pub struct RecentUsers {
    database: Database,
    known: Arc<Mutex<Option<Known>>>,
}

impl RecentUsers {
    pub fn new(database: Database) -> Self {
        Self { database, known: Arc::default() }
    }

    /// Of those who ask at the same time, one looks. While the database is away, what was known before is told.
    pub async fn get(&self) -> Result<Arc<Newcomers>, DatabaseError> {
        let mut known = self.known.lock().await;
        if let Some(fresh) = known.as_ref().filter(|known| known.since.elapsed() < KEPT) {
            return Ok(Arc::clone(&fresh.newcomers));
        }
        match (self.look().await, known.as_ref()) {
            (Ok(newcomers), _) => {
                let newcomers = Arc::new(newcomers);
                *known = Some(Known { since: Instant::now(), newcomers: Arc::clone(&newcomers) });
                Ok(newcomers)
            }
            (Err(error), Some(before)) if error.is_unavailable() => Ok(Arc::clone(&before.newcomers)),
            (Err(error), _) => Err(error),
        }
    }

    async fn look(&self) -> Result<Newcomers, DatabaseError> {
        let mut connection = self.database.connection().await?;
        let newest = profiles::newest(&mut connection, SHOWN).await?;
        Ok(Newcomers { newest, total: profiles::count(&mut connection).await? })
    }
}
