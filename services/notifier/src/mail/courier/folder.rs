use std::{
    fs::DirBuilder,
    io,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::PathBuf,
};

use tokio::{fs, io::AsyncWriteExt as _};

use super::Undelivered;
use crate::{mail::message::Message, store::mails::Claimed};

/// Writes each message into a file, for development. Only our own user can read them.
pub(in crate::mail) struct Folder(PathBuf);

impl Folder {
    /// Makes the folder when it is missing.
    pub(in crate::mail) fn new(path: PathBuf) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(&path)?;
        Ok(Self(path))
    }

    /// The same mail is the same file, so a repeat shows nowhere.
    pub(super) async fn deliver(&self, mail: &Claimed, message: &Message) -> Result<(), Undelivered> {
        let name = format!("{}-{}-{}.eml", mail.created_at.format("%Y%m%d-%H%M%S"), mail.template, mail.id);
        self.write(&name, &message.bytes).await.map_err(|error| Undelivered::Unreachable(error.into()))
    }

    async fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let unfinished = self.0.join(format!(".{name}"));
        let mut options = std::fs::File::options();
        options.create(true).truncate(true).write(true).mode(0o600);
        let mut file = fs::OpenOptions::from(options).open(&unfinished).await?;
        file.write_all(bytes).await?;
        file.flush().await?;
        fs::rename(&unfinished, self.0.join(name)).await
    }
}
