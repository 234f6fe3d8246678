use std::{error::Error, fs, io::SeekFrom, ops::Range, sync::Arc, time::Duration};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures_util::{Stream, StreamExt, TryStreamExt, stream::BoxStream};
use object_store::{
    GetOptions, GetRange, GetResultPayload, ObjectMeta, ObjectStore, ObjectStoreExt, RetryConfig, aws::AmazonS3Builder,
    local::LocalFileSystem,
};
use secrecy::ExposeSecret;
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio_util::io::ReaderStream;

use crate::{Backend, ObjectKey, SettingsError, StorageError, StorageSettings, StoredObject, upload};

/// Bytes read from a local file at a time.
const READ_BYTES: usize = 256 * 1024;

/// The place where files are kept. Cheap to clone.
#[derive(Debug, Clone)]
pub struct ObjectStorage {
    store: Arc<dyn ObjectStore>,
}

/// What is known of an object without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectInfo {
    /// Length in bytes.
    pub size: u64,
    /// Changes whenever the content does; without quotes.
    pub etag: String,
    pub modified: DateTime<Utc>,
}

/// An object being read.
pub struct ObjectRead {
    pub info: ObjectInfo,
    /// The part that the stream carries, in bytes from the start.
    pub range: Range<u64>,
    pub stream: BoxStream<'static, Result<Bytes, StorageError>>,
}

impl ObjectStorage {
    /// Makes the storage that the settings name. Contacts nobody: an S3 service may be away at start-up.
    pub fn from_settings(settings: &StorageSettings) -> Result<Self, SettingsError> {
        let store: Arc<dyn ObjectStore> = match settings.backend {
            Backend::Local => Arc::new(local(settings)?),
            Backend::S3 => Arc::new(s3(settings)?),
        };
        Ok(Self { store })
    }

    /// Stores what the stream brings, replacing an older object of that name. The object appears when the stream has ended well; on any
    /// error, and when this future is dropped, nothing of it stays.
    ///
    /// `limit` is the greatest length in bytes that is accepted.
    pub async fn put_stream<S, E>(&self, key: &ObjectKey, stream: S, limit: Option<u64>) -> Result<StoredObject, StorageError>
    where
        S: Stream<Item = Result<Bytes, E>>,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        upload::put_stream(Arc::clone(&self.store), key, stream, limit).await
    }

    pub async fn head(&self, key: &ObjectKey) -> Result<ObjectInfo, StorageError> {
        let meta = self.store.head(key.path()).await.map_err(|error| StorageError::backend(key, error))?;
        Ok(info(&meta))
    }

    /// Opens an object. The range must lie within it: ask [`head`](Self::head) first.
    pub async fn read(&self, key: &ObjectKey, range: Option<Range<u64>>) -> Result<ObjectRead, StorageError> {
        let options = GetOptions { range: range.map(GetRange::Bounded), ..GetOptions::default() };
        let result = self.store.get_opts(key.path(), options).await.map_err(|error| StorageError::backend(key, error))?;
        let (info, range) = (info(&result.meta), result.range.clone());
        let stream = match result.payload {
            GetResultPayload::File(file, _) => read_file(tokio::fs::File::from_std(file), range.clone()).await?,
            GetResultPayload::Stream(stream) => stream.map_err(|error| StorageError::Backend(error.into())).boxed(),
        };
        Ok(ObjectRead { info, range, stream })
    }

    /// Removes an object; it is no error when there is none.
    pub async fn delete(&self, key: &ObjectKey) -> Result<(), StorageError> {
        match self.store.delete(key.path()).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(StorageError::Backend(error.into())),
        }
    }
}

fn local(settings: &StorageSettings) -> Result<LocalFileSystem, SettingsError> {
    let path = settings.path.as_ref().ok_or(SettingsError::Missing("storage.path"))?;
    fs::create_dir_all(path).map_err(|source| SettingsError::Folder { key: "storage.path", path: path.clone(), source })?;
    let store = LocalFileSystem::new_with_prefix(path).map_err(|error| SettingsError::Unusable("storage.path", error))?;
    // A task is told to be completed after its file was written, so the file has to outlive a power cut as well as the row does.
    Ok(store.with_fsync(true).with_automatic_cleanup(true))
}

fn s3(settings: &StorageSettings) -> Result<object_store::aws::AmazonS3, SettingsError> {
    let bucket = settings.bucket.as_ref().ok_or(SettingsError::Missing("storage.bucket"))?;
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name(bucket)
        .with_region(settings.region.as_deref().unwrap_or("us-east-1"))
        // The callers have their own patience: a request answers 503, a job comes again.
        .with_retry(RetryConfig { max_retries: 3, retry_timeout: Duration::from_secs(20), ..RetryConfig::default() });
    if let Some(endpoint) = &settings.endpoint {
        builder = builder.with_endpoint(endpoint).with_allow_http(endpoint.starts_with("http://"));
    }
    match (&settings.access_key, &settings.secret_key) {
        (Some(id), Some(secret)) => {
            builder = builder.with_access_key_id(id).with_secret_access_key(secret.expose_secret());
        }
        (Some(_), None) => return Err(SettingsError::Missing("storage.secret_key")),
        (None, Some(_)) => return Err(SettingsError::Missing("storage.access_key")),
        (None, None) => {}
    }
    builder.build().map_err(|error| SettingsError::Unusable("storage", error))
}

async fn read_file(
    mut file: tokio::fs::File,
    range: Range<u64>,
) -> Result<BoxStream<'static, Result<Bytes, StorageError>>, StorageError> {
    file.seek(SeekFrom::Start(range.start)).await.map_err(|error| StorageError::Backend(error.into()))?;
    let part = file.take(range.end - range.start);
    Ok(ReaderStream::with_capacity(part, READ_BYTES).map_err(|error| StorageError::Backend(error.into())).boxed())
}

fn info(meta: &ObjectMeta) -> ObjectInfo {
    let etag = match &meta.e_tag {
        Some(etag) => etag.trim_matches('"').to_owned(),
        None => format!("{:x}-{:x}", meta.last_modified.timestamp_micros(), meta.size),
    };
    ObjectInfo { size: meta.size, etag, modified: meta.last_modified }
}

#[cfg(test)]
mod tests;
