//! What the handlers share.

use std::time::Instant;

use zoetrope_domain::ModelCatalog;
use zoetrope_egress::Destinations;
use zoetrope_storage::{MediaLinks, ObjectStorage};

use crate::{commands::Commands, live::Live, uploads::UnfinishedUploads};

/// One for the whole process.
pub struct App {
    pub commands: Commands,
    pub storage: ObjectStorage,
    pub uploads: UnfinishedUploads,
    pub links: MediaLinks,
    pub models: ModelCatalog,
    /// Where a `callbackUrl` may lead.
    pub destinations: Destinations,
    pub live: Live,
    pub started: Instant,
}
