//! Client family `sora2`.

mod body;
mod events;
pub mod generate_stream;
mod view;

pub use view::VideoView;

use super::create::LONGEST_PROMPT;

/// The longest prompt with all of its characters escaped.
pub const JSON_BYTES: usize = 2 * LONGEST_PROMPT + 64 * 1024;
