//! Files to disk.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use reqwest::Response;
use tokio::{fs, fs::File, io::AsyncWriteExt};

use crate::{Client, ClientError, RawResponse};

impl Client {
    /// Fetches a link into a file, and returns its size in bytes. The file appears under its name when it is complete; until
    /// then it has `.part` appended. `on_progress` gets the bytes so far and, when the server tells it, their whole number.
    ///
    /// # Errors
    ///
    /// [`ClientError::Refused`], [`ClientError::Transport`] when the body does not end properly, [`ClientError::File`].
    pub async fn download(&self, link: &str, path: &Path, on_progress: impl FnMut(u64, Option<u64>)) -> Result<u64, ClientError> {
        let response = self.request_link(link).send().await.map_err(ClientError::Transport)?;
        if !response.status().is_success() {
            return Err(RawResponse::read(response).await?.refusal());
        }
        let part = part_path(path);
        let saved = save(response, &part, on_progress).await;
        let renamed = match saved {
            Ok(size) => rename(&part, path).await.map(|()| size),
            Err(error) => Err(error),
        };
        if renamed.is_err() {
            // What is left of it is of no use; the reason why it failed is what counts.
            let _ = fs::remove_file(&part).await;
        }
        renamed
    }
}

async fn save(mut response: Response, path: &Path, mut on_progress: impl FnMut(u64, Option<u64>)) -> Result<u64, ClientError> {
    let failed = |source| ClientError::File { path: path.to_owned(), source };
    let total = response.content_length();
    let mut file = File::create(path).await.map_err(failed)?;
    let mut size = 0;
    while let Some(chunk) = response.chunk().await.map_err(ClientError::Transport)? {
        file.write_all(&chunk).await.map_err(failed)?;
        size += chunk.len() as u64;
        on_progress(size, total);
    }
    file.flush().await.map_err(failed)?;
    Ok(size)
}

async fn rename(from: &Path, to: &Path) -> Result<(), ClientError> {
    fs::rename(from, to).await.map_err(|source| ClientError::File { path: to.to_owned(), source })
}

fn part_path(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(".part");
    PathBuf::from(name)
}
