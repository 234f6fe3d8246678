//! Client family `ads`.

mod events;
pub mod stream;

pub use events::StepView;
