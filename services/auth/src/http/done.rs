use serde::Serialize;
use utoipa::ToSchema;

/// The message again, for the clients that look for it in `data`.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SaidView {
    pub(super) message: &'static str,
}

/// Nothing: the message says it all.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DoneView {}
