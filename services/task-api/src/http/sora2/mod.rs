//! Client family `sora2`.

mod body;
mod events;
pub mod generate_stream;
mod view;

pub use view::VideoView;
