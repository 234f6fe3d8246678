use std::{fmt, str::FromStr};

use object_store::path::Path;
use zoetrope_domain::{AvatarId, TaskId};

/// The name of an object. Names are made here and nowhere else, so that no two uses collide.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ObjectKey(Path);

/// The text cannot name an object: it leaves its folder, has empty parts, or looks like an unfinished upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the name of an object")]
pub struct InvalidObjectKey;

impl ObjectKey {
    /// The finished video of a task.
    pub fn task_video(task: TaskId) -> Self {
        Self::task_media(task, MediaFile::Video)
    }

    /// The still picture of a finished video.
    pub fn task_thumbnail(task: TaskId) -> Self {
        Self::task_media(task, MediaFile::Thumbnail)
    }

    /// A result of a task.
    pub fn task_media(task: TaskId, file: MediaFile) -> Self {
        Self(Path::from_iter(["tasks", &task.to_string(), file.as_str()]))
    }

    /// The image that a user sent to start from.
    pub fn reference_image(task: TaskId) -> Self {
        Self(Path::from_iter(["uploads", &task.to_string(), "reference"]))
    }

    /// The picture of a user.
    pub fn avatar(avatar: AvatarId) -> Self {
        Self(Path::from_iter(["avatars".to_owned(), format!("{avatar}.webp")]))
    }

    pub fn as_str(&self) -> &str {
        self.0.as_ref()
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(formatter)
    }
}

impl FromStr for ObjectKey {
    type Err = InvalidObjectKey;

    /// Reads a name that came in a message.
    fn from_str(text: &str) -> Result<Self, InvalidObjectKey> {
        // The local folder keeps unfinished uploads under names with '#'.
        if text.is_empty() || text.contains('#') {
            return Err(InvalidObjectKey);
        }
        match Path::parse(text) {
            Ok(path) if path.as_ref() == text => Ok(Self(path)),
            _ => Err(InvalidObjectKey),
        }
    }
}

/// The files of a finished task that links lead to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MediaFile {
    Video,
    Thumbnail,
}

impl MediaFile {
    /// Its name in storage and in links.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Video => "video.mp4",
            Self::Thumbnail => "thumbnail.webp",
        }
    }

    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Video => "video/mp4",
            Self::Thumbnail => "image/webp",
        }
    }
}

impl FromStr for MediaFile {
    type Err = InvalidObjectKey;

    fn from_str(name: &str) -> Result<Self, InvalidObjectKey> {
        [Self::Video, Self::Thumbnail].into_iter().find(|file| file.as_str() == name).ok_or(InvalidObjectKey)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn names_read_back() {
        let task = TaskId::new(Uuid::from_u128(7));
        for key in [ObjectKey::task_video(task), ObjectKey::task_thumbnail(task), ObjectKey::reference_image(task)] {
            assert_eq!(key.as_str().parse(), Ok(key));
        }
        assert_eq!(ObjectKey::task_video(task).as_str(), "tasks/00000000-0000-0000-0000-000000000007/video.mp4");
    }

    #[test]
    fn a_name_never_leaves_its_folder() {
        for text in ["", "/", "/etc/passwd", "../secret", "tasks/../secret", "tasks//x", "tasks/x/", "tasks/./x", "tasks/x#1"] {
            assert_eq!(text.parse::<ObjectKey>(), Err(InvalidObjectKey), "{text}");
        }
    }
}
