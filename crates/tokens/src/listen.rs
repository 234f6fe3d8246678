use std::{sync::Arc, time::Duration};

use chrono::Utc;
use prost::{Message, Name};
use tokio::time::{MissedTickBehavior, interval};
use zoetrope_bus::{
    BusSettings, ConsumeFrom, HandleError, Handler, IncomingMessage, consume,
    topology::{ACCESS_ENDED, EVENTS},
};
use zoetrope_contracts::{datetime, users::v1::AccessEnded};
use zoetrope_domain::{ApiKeyId, SessionId};
use zoetrope_service::Process;

use crate::{
    Access, Credential,
    endings::Endings,
    log::{REMEMBERED_FOR, Reader},
};

const READ_EVERY: Duration = Duration::from_secs(1);
/// In readings: uses are written every five seconds.
const FLUSH_EVERY: u32 = 5;
/// Longer than any session lives without being renewed.
const LONGEST: Duration = Duration::from_secs(30 * 24 * 60 * 60);

impl Access {
    /// Hears from now on what ends, on the bus and from Redis; either of them may be away. What was let in with a key that has gone ends, too.
    /// Also writes down what is used.
    pub fn listen(&self, process: &Process, bus: &BusSettings) {
        let own_queue = ConsumeFrom::Private {
            prefix: "access",
            exchange: EVENTS,
            routing_keys: &[ACCESS_ENDED],
            on_connected: Arc::new(|| {}),
        };
        consume(process, bus, own_queue, Listener { endings: self.endings.clone() });

        let (access, stopping) = (self.clone(), process.stopping());
        process.spawn("access", async move {
            let mut ticks = interval(READ_EVERY);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let mut reader = Reader::default();
            let mut number = 0u32;
            let mut keys = access.verifier.jwks();
            while stopping.run_until_cancelled(ticks.tick()).await.is_some() {
                for credential in reader.read(&access.redis).await {
                    access.endings.note(credential, REMEMBERED_FOR);
                }
                let keys_now = access.verifier.jwks();
                if !Arc::ptr_eq(&keys, &keys_now) {
                    access.end_what_lost_its_key();
                    keys = keys_now;
                }
                number = number.wrapping_add(1);
                if number.is_multiple_of(FLUSH_EVERY) {
                    access.uses.flush().await;
                }
            }
            access.uses.flush().await;
            Ok(())
        });
    }
}

struct Listener {
    endings: Endings,
}

impl Handler for Listener {
    async fn handle(&self, message: IncomingMessage) -> Result<(), HandleError> {
        if message.message_type != AccessEnded::full_name() {
            return Err(HandleError::poison(format!("a message of type {:?} is not for this queue", message.message_type)));
        }
        let ended = AccessEnded::decode(message.payload.as_slice()).map_err(HandleError::poison)?;
        // Nothing of it can be presented afterwards. Redis is asked again before, if it is there.
        let good_until = datetime(ended.good_until.as_ref());
        let lifetime = good_until.map_or(LONGEST, |until| (until - Utc::now()).to_std().unwrap_or_default());
        let lifetime = lifetime.clamp(REMEMBERED_FOR, LONGEST);
        for id in &ended.session_ids {
            let session: SessionId = id.parse().map_err(HandleError::poison)?;
            self.endings.note(Credential::Session(session), lifetime);
        }
        for id in &ended.api_key_ids {
            let key: ApiKeyId = id.parse().map_err(HandleError::poison)?;
            self.endings.note(Credential::ApiKey(key), lifetime);
        }
        Ok(())
    }
}
