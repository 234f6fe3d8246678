use actix_web::web;
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt, stream};
use zoetrope_domain::TaskId;
use zoetrope_http::Problem;
use zoetrope_storage::{ObjectKey, ObjectStorage, StorageError, StoredObject};

use crate::{
    data_url,
    http::problems::storage_problem,
    image_type::{HEAD_BYTES, ImageType, NotAnImage},
    task::ReferenceImage,
};

/// An image that was stored for a task which does not exist yet. It is deleted again unless the task takes it.
pub struct UploadedImage {
    storage: ObjectStorage,
    key: ObjectKey,
    image_type: ImageType,
    stored: StoredObject,
    taken: bool,
}

impl UploadedImage {
    /// Stores an image as it comes in, in constant memory. `field` is the client's name for it.
    pub async fn from_stream<S, E>(storage: &ObjectStorage, task: TaskId, field: &str, stream: S) -> Result<Self, Problem>
    where
        S: Stream<Item = Result<Bytes, E>> + Unpin,
        E: ToString,
    {
        // Fused: a form's field must not be asked again once it has ended, which it may have within the head.
        let mut stream = stream.map(|chunk| chunk.map_err(|error| error.to_string())).fuse();
        let head = read_head(&mut stream).await.map_err(|message| unreadable(field, &message))?;
        let image_type = ImageType::recognise(&head).map_err(|error| refuse(field, error))?;
        let whole = stream::iter([Ok(head)]).chain(stream);
        let key = ObjectKey::reference_image(task);
        let stored = storage.put_stream(&key, whole, None).await.map_err(|error| match error {
            StorageError::Source(source) => unreadable(field, &source.to_string()),
            other => storage_problem(other),
        })?;
        Ok(Self { storage: storage.clone(), key, image_type, stored, taken: false })
    }

    /// Stores the image of a data URL.
    pub async fn from_data_url(storage: &ObjectStorage, task: TaskId, field: &str, url: String) -> Result<Self, Problem> {
        // Up to 100 MB of base64 would hold up every other request of this worker.
        let bytes = web::block(move || data_url::decode(&url))
            .await
            .map_err(Problem::internal)?
            .map_err(|error| Problem::field(field, error.to_string()))?;
        let whole = stream::iter([Ok::<_, String>(Bytes::from(bytes))]);
        Self::from_stream(storage, task, field, whole).await
    }

    /// What the task needs to know of it.
    pub fn reference(&self) -> ReferenceImage {
        ReferenceImage {
            key: self.key.to_string(),
            content_type: self.image_type.content_type().to_owned(),
            size: self.stored.size,
        }
    }

    /// SHA-256 of the file.
    pub const fn sha256(&self) -> &[u8; 32] {
        &self.stored.sha256
    }

    /// The task exists now and owns the file.
    pub fn keep(mut self) {
        self.taken = true;
    }
}

impl Drop for UploadedImage {
    /// Whatever went wrong on the way, a bad field or a client that hung up, ends here.
    fn drop(&mut self) {
        if self.taken {
            return;
        }
        let (storage, key) = (self.storage.clone(), self.key.clone());
        zoetrope_service::spawn("delete-unused-image", async move {
            if let Err(error) = storage.delete(&key).await {
                tracing::warn!(%key, error = &error as &dyn std::error::Error, "an image that no task uses was left behind");
            }
        });
    }
}

async fn read_head<S>(stream: &mut S) -> Result<Bytes, String>
where
    S: Stream<Item = Result<Bytes, String>> + Unpin,
{
    let mut head = BytesMut::new();
    while head.len() < HEAD_BYTES
        && let Some(chunk) = stream.next().await
    {
        head.extend_from_slice(&chunk?);
    }
    Ok(head.freeze())
}

fn unreadable(field: &str, message: &str) -> Problem {
    Problem::field(field, format!("could not be read to its end: {message}"))
}

fn refuse(field: &str, error: NotAnImage) -> Problem {
    match error {
        NotAnImage::OtherType => Problem::unsupported_field(field, error.to_string()),
        NotAnImage::Unreadable => Problem::field(field, error.to_string()),
    }
}
