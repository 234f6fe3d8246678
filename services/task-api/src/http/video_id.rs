use serde::{Deserialize, Deserializer, de};
use zoetrope_domain::TaskId;

/// A task in a path: `video_<uuid>`, or the bare UUID.
#[derive(Debug, Clone, Copy)]
pub struct VideoId(pub TaskId);

impl<'de> Deserialize<'de> for VideoId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        TaskId::parse_video_id(&text).map(Self).map_err(de::Error::custom)
    }
}
