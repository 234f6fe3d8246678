//! How much of what users upload may be unfinished: files that come in, or were stored for a task which does not exist yet.
//!
//! Each upload counts from its beginning until its task exists or is refused, with the bytes that have come. Counted by this process alone.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use zoetrope_domain::UserId;

use crate::settings::UploadSettings;

/// The uploads of all users. Cheap to clone.
#[derive(Debug, Clone)]
pub struct UnfinishedUploads(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    settings: UploadSettings,
    users: Mutex<HashMap<UserId, Used>>,
}

#[derive(Debug, Default)]
struct Used {
    uploads: u16,
    bytes: u64,
}

/// Why an upload may not begin, or not go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UploadRefused {
    #[error("too many uploads of the same user")]
    Number,
    #[error("the unfinished uploads of the user are too large together")]
    TotalSize,
    #[error("the upload is larger than {limit} bytes")]
    Size { limit: u64 },
}

/// One upload. Whoever holds the last of it ends it.
#[derive(Debug, Clone)]
pub struct Upload(Arc<Counted>);

#[derive(Debug)]
struct Counted {
    shared: Arc<Shared>,
    user: UserId,
    bytes: AtomicU64,
}

impl UnfinishedUploads {
    pub fn new(settings: UploadSettings) -> Self {
        Self(Arc::new(Shared { settings, users: Mutex::default() }))
    }

    /// The greatest length of a picture, in bytes.
    pub fn max_image_bytes(&self) -> u64 {
        self.0.settings.max_image_bytes()
    }

    /// The greatest number of pixels of a picture.
    pub fn max_pixels(&self) -> u64 {
        self.0.settings.max_pixels()
    }

    /// Begins an upload, of which nothing has come yet.
    pub fn begin(&self, user: UserId) -> Result<Upload, UploadRefused> {
        let mut users = self.0.users();
        let used = users.entry(user).or_default();
        if used.uploads >= self.0.settings.max_per_user.get() {
            return Err(UploadRefused::Number);
        }
        used.uploads += 1;
        drop(users);
        Ok(Upload(Arc::new(Counted { shared: Arc::clone(&self.0), user, bytes: AtomicU64::new(0) })))
    }
}

impl Shared {
    fn users(&self) -> MutexGuard<'_, HashMap<UserId, Used>> {
        self.users.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Upload {
    /// Counts bytes that have come.
    pub fn grow(&self, bytes: usize) -> Result<(), UploadRefused> {
        let (counted, bytes) = (&*self.0, bytes as u64);
        let limit = counted.shared.settings.max_unfinished_bytes();
        let mut users = counted.shared.users();
        let used = users.entry(counted.user).or_default();
        if used.bytes + bytes > limit {
            let alone = counted.bytes.load(Ordering::Relaxed) + bytes > limit;
            return Err(if alone { UploadRefused::Size { limit } } else { UploadRefused::TotalSize });
        }
        used.bytes += bytes;
        counted.bytes.fetch_add(bytes, Ordering::Relaxed);
        Ok(())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut users = self.shared.users();
        if let Some(used) = users.get_mut(&self.user) {
            used.uploads = used.uploads.saturating_sub(1);
            used.bytes = used.bytes.saturating_sub(*self.bytes.get_mut());
            if used.uploads == 0 {
                users.remove(&self.user);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const MIB: usize = 1024 * 1024;

    fn uploads() -> UnfinishedUploads {
        let settings = serde_json::json!({ "max_per_user": 2, "max_unfinished_mib_per_user": 10, "max_image_mib": 10 });
        UnfinishedUploads::new(serde_json::from_value(settings).unwrap())
    }

    fn user(number: u128) -> UserId {
        Uuid::from_u128(number).into()
    }

    #[test]
    fn a_user_has_so_many_at_once_and_others_have_their_own() {
        let uploads = uploads();
        let (first, second) = (uploads.begin(user(1)).unwrap(), uploads.begin(user(1)).unwrap());
        assert_eq!(uploads.begin(user(1)).unwrap_err(), UploadRefused::Number);
        assert!(uploads.begin(user(2)).is_ok());
        let copy = first.clone();
        drop(first);
        assert_eq!(uploads.begin(user(1)).unwrap_err(), UploadRefused::Number, "somebody still holds it");
        drop(copy);
        assert!(uploads.begin(user(1)).is_ok());
        drop(second);
        assert!(uploads.0.users().is_empty());
    }

    #[test]
    fn the_bytes_of_all_count_until_they_end() {
        let uploads = uploads();
        let (first, second) = (uploads.begin(user(1)).unwrap(), uploads.begin(user(1)).unwrap());
        first.grow(6 * MIB).unwrap();
        second.grow(4 * MIB).unwrap();
        assert_eq!(second.grow(1), Err(UploadRefused::TotalSize));
        drop(first);
        second.grow(6 * MIB).unwrap();
        assert_eq!(second.grow(1), Err(UploadRefused::Size { limit: 10 * MIB as u64 }));
        assert!(uploads.begin(user(2)).unwrap().grow(10 * MIB).is_ok());
    }
}
