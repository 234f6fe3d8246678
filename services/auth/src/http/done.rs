use serde::Serialize;
use utoipa::ToSchema;

/// Nothing: the message says it all.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DoneView {}
