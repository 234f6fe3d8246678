//! What the handlers share.

use std::time::Instant;

use zoetrope_domain::ModelCatalog;
use zoetrope_egress::Destinations;
use zoetrope_storage::{MediaLinks, ObjectStorage};

use crate::{commands::Commands, live::Live};

/// One for the whole process.
pub struct App {
    pub commands: Commands,
    pub storage: ObjectStorage,
    pub links: MediaLinks,
    pub models: ModelCatalog,
    pub live: Live,
    /// Where a `callbackUrl` may lead.
    pub destinations: Destinations,
    pub started: Instant,
}
