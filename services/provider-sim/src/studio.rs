//! Renders clips when they are first asked for, a few at a time, and keeps the latest ones.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use tokio::{
    sync::{OnceCell, Semaphore},
    task,
};

use crate::{
    directives::without_directives,
    render::{self, Clip, ClipRequest, FrameSize, RenderError},
    video::Video,
};

/// Clips in memory; each is some hundred kilobytes.
const KEPT_CLIPS: usize = 64;
/// The longer side of a clip and its frames per second.
const FULL: (u32, u32) = (640, 24);
/// The same for the clips that many videos share.
const CHEAP: (u32, u32) = (160, 8);

/// Why there is no clip.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StudioError {
    #[error("the clip could not be rendered")]
    Render(#[from] RenderError),
    #[error("rendering was interrupted")]
    Interrupted(#[from] task::JoinError),
    #[error("the studio is closed")]
    Closed(#[from] tokio::sync::AcquireError),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum ClipKey {
    Of(String),
    Shared { size: FrameSize, seconds: u32 },
}

type Slot = Arc<OnceCell<Clip>>;

pub(crate) struct Studio {
    permits: Semaphore,
    /// Least recently used first.
    clips: Mutex<VecDeque<(ClipKey, Slot)>>,
}

impl Studio {
    pub(crate) fn new() -> Self {
        let threads = thread::available_parallelism().map_or(1, usize::from);
        Self { permits: Semaphore::new(threads), clips: Mutex::default() }
    }

    /// The clip of this video; with `cheap`, a small one that all videos of its size and length share. Rendered once,
    /// whatever the number of callers.
    pub(crate) async fn clip(&self, video: &Video, cheap: bool) -> Result<Clip, StudioError> {
        let order = &video.order;
        let key =
            if cheap { ClipKey::Shared { size: order.size, seconds: order.seconds } } else { ClipKey::Of(video.id.clone()) };
        let slot = self.slot(key);
        let clip = slot.get_or_try_init(|| self.render(request(video, cheap))).await?;
        Ok(clip.clone())
    }

    async fn render(&self, request: ClipRequest) -> Result<Clip, StudioError> {
        let _permit = self.permits.acquire().await?;
        Ok(task::spawn_blocking(move || render::render(&request)).await??)
    }

    fn slot(&self, key: ClipKey) -> Slot {
        let mut clips = self.clips.lock().unwrap_or_else(PoisonError::into_inner);
        let known = clips.iter().position(|(other, _)| *other == key).and_then(|index| clips.remove(index));
        let (key, slot) = known.unwrap_or_else(|| (key, Slot::default()));
        clips.push_back((key, Arc::clone(&slot)));
        if clips.len() > KEPT_CLIPS {
            clips.pop_front();
        }
        slot
    }
}

fn request(video: &Video, cheap: bool) -> ClipRequest {
    let order = &video.order;
    let (longest_side, frame_rate) = if cheap { CHEAP } else { FULL };
    ClipRequest {
        prompt: if cheap { "simulated".to_owned() } else { without_directives(&order.prompt) },
        caption: format!("{}  {}  {} s", order.model, order.size, order.seconds),
        size: order.size,
        seconds: order.seconds,
        frame_rate,
        longest_side,
        reference: order.reference.as_ref().filter(|_| !cheap).map(|image| (*image.picture).clone()),
    }
}
