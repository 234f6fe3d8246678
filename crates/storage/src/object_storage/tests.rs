//! The local folder: whole files or none, and reads of parts.

use std::{
    io,
    path::{Path, PathBuf},
};

use futures_util::stream;
use uuid::Uuid;
use zoetrope_domain::TaskId;

use super::*;

struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        Self(std::env::temp_dir().join(format!("zoetrope-storage-{}", Uuid::new_v4())))
    }

    fn storage(&self) -> ObjectStorage {
        ObjectStorage::from_settings(&StorageSettings {
            backend: Backend::Local,
            path: Some(self.0.clone()),
            bucket: None,
            region: None,
            endpoint: None,
            access_key: None,
            secret_key: None,
        })
        .unwrap()
    }

    fn files(&self) -> Vec<PathBuf> {
        fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() { walk(&path, found) } else { found.push(path) }
            }
        }
        let mut found = Vec::new();
        walk(&self.0, &mut found);
        found
    }

    /// Clean-up after a dropped upload happens in the background.
    async fn becomes_empty(&self) {
        for _ in 0..200 {
            if self.files().is_empty() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("files were left behind: {:?}", self.files());
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn key() -> ObjectKey {
    ObjectKey::task_video(TaskId::new(Uuid::from_u128(7)))
}

/// `megabytes` different bytes and then, where wanted, a broken connection.
fn incoming(megabytes: usize, breaks: bool) -> impl Stream<Item = Result<Bytes, io::Error>> {
    let chunks = (0..megabytes).map(|number| Ok(Bytes::from(vec![number as u8; 1 << 20])));
    let end = breaks.then(|| Err(io::Error::other("the client went away")));
    stream::iter(chunks.chain(end).collect::<Vec<_>>())
}

async fn content(storage: &ObjectStorage, range: Option<Range<u64>>) -> Vec<u8> {
    let read = storage.read(&key(), range).await.unwrap();
    let chunks: Vec<Bytes> = read.stream.try_collect().await.unwrap();
    assert_eq!(chunks.iter().map(|chunk| chunk.len() as u64).sum::<u64>(), read.range.end - read.range.start);
    chunks.concat()
}

#[tokio::test]
async fn what_was_stored_is_read_back_whole_or_in_part() {
    let folder = Folder::new();
    let storage = folder.storage();
    for megabytes in [0, 1, 13] {
        let stored = storage.put_stream(&key(), incoming(megabytes, false), None).await.unwrap();
        let size = (megabytes as u64) << 20;
        assert_eq!(stored.size, size);
        assert_eq!(storage.head(&key()).await.unwrap().size, size);
        assert_eq!(content(&storage, None).await.len() as u64, size);
    }
    let edge = 7_u64 << 20;
    assert_eq!(content(&storage, Some(edge - 2..edge + 3)).await, [6, 6, 7, 7, 7]);
    assert_eq!(folder.files().len(), 1);
}

#[tokio::test]
async fn the_digest_is_that_of_the_content() {
    let folder = Folder::new();
    let storage = folder.storage();
    let abc = stream::iter(["a", "bc"].map(|text| Ok::<_, io::Error>(Bytes::from(text))));
    let stored = storage.put_stream(&key(), abc, None).await.unwrap();
    assert_eq!(stored.sha256[..4], [0xba, 0x78, 0x16, 0xbf]);
}

#[tokio::test]
async fn a_broken_upload_leaves_nothing() {
    let folder = Folder::new();
    let storage = folder.storage();
    for megabytes in [1, 13] {
        let error = storage.put_stream(&key(), incoming(megabytes, true), None).await.unwrap_err();
        assert!(matches!(error, StorageError::Source(_)), "{error:?}");
        assert!(matches!(storage.head(&key()).await, Err(StorageError::NotFound(_))));
        folder.becomes_empty().await;
    }
}

#[tokio::test]
async fn an_upload_is_invisible_until_it_ends_and_gone_when_it_is_dropped() {
    let folder = Folder::new();
    let storage = folder.storage();
    let (name, endless) = (key(), incoming(13, false).chain(stream::pending()));
    let upload = storage.put_stream(&name, endless, None);
    assert!(tokio::time::timeout(Duration::from_millis(300), upload).await.is_err());
    assert!(matches!(storage.head(&key()).await, Err(StorageError::NotFound(_))));
    folder.becomes_empty().await;
}

#[tokio::test]
async fn too_long_a_file_is_refused() {
    let folder = Folder::new();
    let storage = folder.storage();
    let error = storage.put_stream(&key(), incoming(13, false), Some(12 << 20)).await.unwrap_err();
    assert!(matches!(error, StorageError::TooLarge { limit } if limit == 12 << 20), "{error:?}");
    folder.becomes_empty().await;
}

#[tokio::test]
async fn deleting_is_idempotent() {
    let folder = Folder::new();
    let storage = folder.storage();
    storage.put_stream(&key(), incoming(1, false), None).await.unwrap();
    storage.delete(&key()).await.unwrap();
    storage.delete(&key()).await.unwrap();
    assert!(matches!(storage.read(&key(), None).await, Err(StorageError::NotFound(_))));
}
