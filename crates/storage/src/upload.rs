use std::{error::Error, pin::pin, sync::Arc};

use aws_lc_rs::digest::{Context, SHA256};
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use object_store::{ObjectStore, buffered::BufWriter};
use tokio::io::AsyncWriteExt;

use crate::{ObjectKey, StorageError};

/// The size of a part, which is also what is held in memory before the first one is sent. S3 takes no smaller ones.
const PART_BYTES: usize = 5 * 1024 * 1024;
/// Parts on their way at the same time; with the one being filled, an upload holds 15 MiB at the most.
const PARTS_IN_FLIGHT: usize = 2;

/// What was stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredObject {
    /// Length in bytes.
    pub size: u64,
    /// SHA-256 of the content.
    pub sha256: [u8; 32],
}

pub(crate) async fn put_stream<S, E>(
    store: Arc<dyn ObjectStore>,
    key: &ObjectKey,
    stream: S,
    limit: Option<u64>,
) -> Result<StoredObject, StorageError>
where
    S: Stream<Item = Result<Bytes, E>>,
    E: Into<Box<dyn Error + Send + Sync>>,
{
    let mut upload = Upload::new(store, key);
    match copy(&mut upload, key, stream, limit).await {
        Ok(stored) => upload.finish().await.map(|()| stored).map_err(|error| StorageError::Backend(error.into())),
        Err(error) => {
            upload.abort().await;
            Err(error)
        }
    }
}

async fn copy<S, E>(upload: &mut Upload, key: &ObjectKey, stream: S, limit: Option<u64>) -> Result<StoredObject, StorageError>
where
    S: Stream<Item = Result<Bytes, E>>,
    E: Into<Box<dyn Error + Send + Sync>>,
{
    let mut stream = pin!(stream);
    let mut digest = Context::new(&SHA256);
    let mut size = 0_u64;
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|error| StorageError::Source(error.into()))?;
        size += chunk.len() as u64;
        if let Some(limit) = limit.filter(|limit| size > *limit) {
            return Err(StorageError::TooLarge { limit });
        }
        digest.update(&chunk);
        upload.write(chunk).await.map_err(|error| StorageError::backend(key, error))?;
    }
    let mut sha256 = [0; 32];
    sha256.copy_from_slice(digest.finish().as_ref());
    Ok(StoredObject { size, sha256 })
}

/// An upload that leaves nothing behind when it is given up, or dropped because its caller went away.
struct Upload(Option<BufWriter>);

impl Upload {
    fn new(store: Arc<dyn ObjectStore>, key: &ObjectKey) -> Self {
        let writer = BufWriter::with_capacity(store, key.path().clone(), PART_BYTES).with_max_concurrency(PARTS_IN_FLIGHT);
        Self(Some(writer))
    }

    async fn write(&mut self, chunk: Bytes) -> Result<(), object_store::Error> {
        match &mut self.0 {
            Some(writer) => writer.put(chunk).await,
            None => Ok(()),
        }
    }

    /// Makes the object visible.
    async fn finish(mut self) -> Result<(), std::io::Error> {
        match self.0.take() {
            Some(mut writer) => writer.shutdown().await,
            None => Ok(()),
        }
    }

    async fn abort(mut self) {
        if let Some(writer) = self.0.take() {
            abort(writer).await;
        }
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if let (Some(writer), Ok(runtime)) = (self.0.take(), tokio::runtime::Handle::try_current()) {
            runtime.spawn(abort(writer));
        }
    }
}

async fn abort(mut writer: BufWriter) {
    if let Err(error) = writer.abort().await {
        // Invisible all the same; an S3 bucket needs a lifecycle rule for parts whose upload died with its process anyway.
        tracing::warn!(error = &error as &dyn Error, "parts of an unfinished upload were left in object storage");
    }
}
