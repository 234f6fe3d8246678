use std::{
    fs::{self, File, OpenOptions, Permissions},
    io::{self, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use anyhow::{Context, ensure};
use chrono::Utc;
use secrecy::ExposeSecret;

use super::ring::KeyRing;

pub(super) const PRIVATE: &str = "signing-keys.json";
const PUBLIC: &str = "jwks.json";
const LOCK: &str = ".lock";

/// For this service's user alone.
const PRIVATE_MODE: u32 = 0o600;
const PUBLIC_MODE: u32 = 0o644;

/// Makes a first key in a new folder. Existing files are left alone, and an error.
pub fn generate(directory: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(directory).with_context(|| format!("cannot create {}", directory.display()))?;
    let directory = KeyDirectory::lock(directory)?;
    for name in [PRIVATE, PUBLIC] {
        let path = directory.path.join(name);
        ensure!(!path.exists(), "{} exists", path.display());
    }
    directory.publish(&KeyRing::generate(Utc::now())?)
}

/// Reads the keys; whoever writes them meanwhile is not in the way.
pub(super) fn read(directory: &Path) -> anyhow::Result<KeyRing> {
    let path = directory.join(PRIVATE);
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    KeyRing::parse(&text).with_context(|| path.display().to_string())
}

/// A folder of keys that nobody else changes meanwhile.
pub(super) struct KeyDirectory {
    path: PathBuf,
    _lock: File,
}

impl KeyDirectory {
    pub(super) fn lock(path: &Path) -> anyhow::Result<Self> {
        let lock = File::create(path.join(LOCK)).and_then(|file| file.lock().map(|()| file));
        let advice = "to change keys in a read-only mount, change a copy (--directory)";
        Ok(Self { path: path.to_owned(), _lock: lock.with_context(|| format!("cannot write in {}: {advice}", path.display()))? })
    }

    pub(super) fn read(&self) -> anyhow::Result<KeyRing> {
        read(&self.path)
    }

    /// Writes the keys, the public ones first: a key that signs must be known. Each file changes at once, or not at all.
    pub(super) fn publish(&self, ring: &KeyRing) -> anyhow::Result<()> {
        let files = [(PUBLIC, PUBLIC_MODE, ring.jwks()?), (PRIVATE, PRIVATE_MODE, ring.to_text()?.expose_secret().to_owned())];
        for (name, mode, text) in files {
            let path = self.path.join(name);
            replace(&path, mode, &text).with_context(|| format!("cannot write {}", path.display()))?;
        }
        Ok(())
    }
}

fn replace(path: &Path, mode: u32, text: &str) -> io::Result<()> {
    let beside = path.with_extension("new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(&beside)?;
    // The file may be left over from a command that was killed.
    file.set_permissions(Permissions::from_mode(mode))?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(beside, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_private_keys_are_for_their_owner_only_and_never_made_twice() {
        let directory = std::env::temp_dir().join(format!("zoetrope-keys-{}", uuid::Uuid::now_v7()));
        generate(&directory).unwrap();
        let private = directory.join(PRIVATE);
        let before = fs::read_to_string(&private).unwrap();
        assert_eq!(fs::metadata(&private).unwrap().permissions().mode() & 0o777, PRIVATE_MODE);
        assert!(!fs::read_to_string(directory.join(PUBLIC)).unwrap().contains("PRIVATE"));

        assert!(generate(&directory).is_err());
        assert_eq!(fs::read_to_string(&private).unwrap(), before);
        fs::remove_dir_all(&directory).unwrap();
    }
}
