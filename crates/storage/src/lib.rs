//! Files: where they are kept, how they are named, and the links that play them.
//!
//! This crate owns the object storage (a local folder, or any S3-compatible service), the [names](ObjectKey) of everything in it, and
//! the [signed links](MediaLinks) with which a browser plays a result without any header. Files stream through it in constant memory in
//! both directions, and a file is visible either whole or not at all: the folder is written beside the name and renamed, S3 shows an
//! upload when it is complete.
//!
//! It must never decide who may see a file, and never look into one.

mod error;
mod key;
mod links;
mod object_storage;
mod settings;
mod upload;

pub use error::StorageError;
pub use key::{InvalidObjectKey, MediaFile, ObjectKey};
pub use links::{LinkError, MediaLinkSettings, MediaLinks};
pub use object_storage::{ObjectInfo, ObjectRead, ObjectStorage};
pub use settings::{Backend, SettingsError, StorageSettings};
pub use upload::StoredObject;
