use crate::{AspectRatio, Credits, Model, ModelCatalog, VideoSize};

/// What a client asked for, already in the right types but not yet checked against what is on offer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VideoRequest {
    /// Of any length.
    pub prompt: String,
    /// A model's name or alias.
    pub model: String,
    pub seconds: Option<u32>,
    pub size: Option<VideoSize>,
    pub aspect_ratio: Option<AspectRatio>,
    pub watermark: bool,
}

/// A request that can be carried out, with everything decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VideoOrder {
    pub prompt: String,
    /// The model's own name, whatever alias was sent.
    pub model: String,
    pub provider: String,
    /// Frozen: a later change of the configured price does not touch this task.
    pub price: Credits,
    pub seconds: u32,
    pub size: VideoSize,
    pub watermark: bool,
}

/// The inputs of a video; each client family has its own names for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VideoInput {
    Prompt,
    Model,
    Seconds,
    Size,
    AspectRatio,
}

/// What is wrong with one input, in words for the client.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{input:?} {message}")]
pub struct InvalidVideoInput {
    pub input: VideoInput,
    pub message: String,
}

impl VideoRequest {
    /// Checks everything and names all that is wrong at once. A named size wins over an aspect ratio.
    pub fn order(self, catalog: &ModelCatalog) -> Result<VideoOrder, Vec<InvalidVideoInput>> {
        let mut wrong = Vec::new();
        let mut refuse = |input, message: String| wrong.push(InvalidVideoInput { input, message });

        if self.prompt.trim().is_empty() {
            refuse(VideoInput::Prompt, "must not be empty".to_owned());
        }
        let Some(model) = catalog.find(&self.model) else {
            let names: Vec<&str> = catalog.iter().map(|model| model.name.as_str()).collect();
            refuse(VideoInput::Model, format!("must be one of {}", names.join(", ")));
            return Err(wrong);
        };
        let seconds = self.seconds.or_else(|| model.seconds.first().copied()).unwrap_or_default();
        if !model.seconds.contains(&seconds) {
            refuse(VideoInput::Seconds, one_of(&model.seconds));
        }
        let size = self.choose_size(model).unwrap_or_else(|error| {
            wrong.push(error);
            AspectRatio::Landscape.default_size()
        });
        if !wrong.is_empty() {
            return Err(wrong);
        }
        Ok(VideoOrder {
            prompt: self.prompt,
            model: model.name.clone(),
            provider: model.provider.clone(),
            price: model.price,
            seconds,
            size,
            watermark: self.watermark,
        })
    }

    fn choose_size(&self, model: &Model) -> Result<VideoSize, InvalidVideoInput> {
        let (input, wanted) = match (self.size, self.aspect_ratio) {
            (Some(size), _) => (VideoInput::Size, Some(size)),
            (None, Some(ratio)) => (VideoInput::AspectRatio, Some(ratio.default_size())),
            (None, None) => (VideoInput::Size, model.sizes.first().copied()),
        };
        wanted.filter(|size| model.sizes.contains(size)).ok_or_else(|| InvalidVideoInput { input, message: one_of(&model.sizes) })
    }
}

fn one_of<T: ToString>(offered: &[T]) -> String {
    let offered: Vec<String> = offered.iter().map(T::to_string).collect();
    format!("must be one of {}", offered.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn catalog() -> ModelCatalog {
        ModelCatalog::new(vec![Model {
            name: "sora-2".to_owned(),
            aliases: vec!["sora_video2".to_owned()],
            provider: "openai".to_owned(),
            price: Credits::new(100).unwrap(),
            seconds: vec![10, 4],
            sizes: vec![AspectRatio::Landscape.default_size(), AspectRatio::Portrait.default_size()],
        }])
        .unwrap()
    }

    fn request() -> VideoRequest {
        VideoRequest { prompt: "a red kite".to_owned(), model: "sora_video2".to_owned(), ..VideoRequest::default() }
    }

    fn inputs(request: VideoRequest) -> Vec<VideoInput> {
        request.order(&catalog()).unwrap_err().into_iter().map(|wrong| wrong.input).collect()
    }

    #[test]
    fn prompt_and_model_are_enough() {
        let order = request().order(&catalog()).unwrap();
        assert_eq!((order.model.as_str(), order.seconds, order.size.to_string()), ("sora-2", 10, "1280x720".to_owned()));
    }

    #[test]
    fn an_aspect_ratio_chooses_the_size_unless_one_is_named() {
        let portrait = VideoRequest { aspect_ratio: Some(AspectRatio::Portrait), ..request() };
        assert_eq!(portrait.clone().order(&catalog()).unwrap().size.to_string(), "720x1280");
        let named = VideoRequest { size: Some(AspectRatio::Landscape.default_size()), ..portrait };
        assert_eq!(named.order(&catalog()).unwrap().size.to_string(), "1280x720");
    }

    #[test]
    fn everything_wrong_is_named_at_once() {
        let wrong =
            VideoRequest { prompt: " \n".to_owned(), seconds: Some(3), aspect_ratio: Some(AspectRatio::Square), ..request() };
        assert_eq!(inputs(wrong), [VideoInput::Prompt, VideoInput::Seconds, VideoInput::AspectRatio]);
        assert_eq!(inputs(VideoRequest { model: "none".to_owned(), ..request() }), [VideoInput::Model]);
    }
}
