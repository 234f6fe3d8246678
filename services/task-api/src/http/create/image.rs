use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use zoetrope_domain::TaskId;
use zoetrope_http::{
    Problem,
    body::{BodyMemory, SMALL_BYTES},
};
use zoetrope_storage::{ObjectKey, ObjectStorage, StorageError, StoredObject};

use crate::{
    app::App,
    data_url::DataUrl,
    http::problems::storage_problem,
    image_type::{HEAD_BYTES, ImageType, NotAnImage, RecognisedImage},
    task::ReferenceImage,
    uploads::Upload,
};

/// What an upload holds in memory at the most, whatever its length: its head, and the parts that are on their way to the storage.
const MEMORY_BYTES: u64 = 16 * 1024 * 1024;

/// An image that was stored for a task which does not exist yet. It is deleted again unless the task takes it.
pub struct UploadedImage {
    storage: ObjectStorage,
    key: ObjectKey,
    image_type: ImageType,
    stored: StoredObject,
    taken: bool,
    /// Unfinished until then.
    _upload: Upload,
}

/// For which task an image comes, and as which field.
pub struct ImageTarget<'a> {
    pub app: &'a App,
    pub memory: BodyMemory,
    pub task: TaskId,
    /// The client's name for it.
    pub field: &'a str,
}

impl UploadedImage {
    /// Stores an image as it comes in, in constant memory. `None` when nothing comes.
    pub async fn from_upload<S>(target: &ImageTarget<'_>, content: S, upload: Upload) -> Result<Option<Self>, Problem>
    where
        S: Stream<Item = Result<Bytes, Problem>> + Unpin,
    {
        let counted = content.map(|chunk| {
            let chunk = chunk?;
            upload.grow(chunk.len())?;
            Ok(chunk)
        });
        Self::store(target, counted, upload.clone()).await
    }

    /// Stores the image of a data URL, whose text has been counted as the upload.
    pub async fn from_data_url(target: &ImageTarget<'_>, url: DataUrl, upload: Upload) -> Result<Option<Self>, Problem> {
        let content = Box::pin(url.blocks().map_err(|error| Problem::field(target.field, error.to_string())));
        Self::store(target, content, upload).await
    }

    async fn store<S>(target: &ImageTarget<'_>, content: S, upload: Upload) -> Result<Option<Self>, Problem>
    where
        S: Stream<Item = Result<Bytes, Problem>> + Unpin,
    {
        let (uploads, field) = (&target.app.uploads, target.field);
        let (mut length, mut hold) = (0_u64, target.memory.hold());
        let held = content.map(move |chunk| {
            let chunk = chunk?;
            length += chunk.len() as u64;
            hold.cover(SMALL_BYTES.saturating_add(usize::try_from(length.min(MEMORY_BYTES)).unwrap_or(usize::MAX)))?;
            Ok(chunk)
        });
        // Fused: it must not be asked again once it has ended, which it may have within the head.
        let mut content = held.fuse();
        let head = read_head(&mut content).await.map_err(|problem| of_field(field, problem))?;
        if head.is_empty() {
            return Ok(None);
        }
        let image = ImageType::recognise(&head).map_err(|error| refuse(field, error))?;
        if image.pixels() > uploads.max_pixels() {
            return Err(Problem::field(field, format!("must not have more than {} pixels", uploads.max_pixels())));
        }
        let whole = bounded(stream::iter([Ok(head)]).chain(content), field, image);
        let key = ObjectKey::reference_image(target.task);
        let stored = target.app.storage.put_stream(&key, whole, Some(uploads.max_image_bytes())).await;
        let stored = stored.map_err(|error| match error {
            StorageError::Source(source) => match source.downcast::<Problem>() {
                Ok(problem) => of_field(field, *problem),
                Err(source) => unreadable(field, &source.to_string()),
            },
            other => storage_problem(other),
        })?;
        let storage = target.app.storage.clone();
        let uploaded = Self { storage, key, image_type: image.image_type, stored, taken: false, _upload: upload };
        if uploaded.stored.size < image.least_bytes() {
            return Err(Problem::field(field, format!("is too short for a picture of {}x{}", image.width, image.height)));
        }
        Ok(Some(uploaded))
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

/// The content, until it is longer than a picture of this size can be.
fn bounded<S>(content: S, field: &str, image: RecognisedImage) -> impl Stream<Item = Result<Bytes, Problem>>
where
    S: Stream<Item = Result<Bytes, Problem>>,
{
    let mut length = 0_u64;
    content.map(move |chunk| {
        let chunk = chunk?;
        length += chunk.len() as u64;
        if length > image.most_bytes() {
            return Err(Problem::field(field, format!("is too long for a picture of {}x{}", image.width, image.height)));
        }
        Ok(chunk)
    })
}

async fn read_head<S>(content: &mut S) -> Result<Bytes, Problem>
where
    S: Stream<Item = Result<Bytes, Problem>> + Unpin,
{
    let mut head = BytesMut::new();
    while head.len() < HEAD_BYTES
        && let Some(chunk) = content.next().await
    {
        head.extend_from_slice(&chunk?);
    }
    Ok(head.freeze())
}

/// What went wrong with the whole body went wrong with this field.
fn of_field(field: &str, problem: Problem) -> Problem {
    match problem.errors() {
        [error] if error.field == "body" => Problem::field(field, error.message.clone()),
        _ => problem,
    }
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
