use aws_lc_rs::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use zoetrope_domain::{Model, ModelCatalog};
use zoetrope_egress::Destinations;
use zoetrope_http::FieldError;

use crate::http::create::{CheckedVideo, CreateVideo, seconds, seconds_schema};

/// What a client gets that names no length, where the model offers it.
const DEFAULT_SECONDS: u32 = 5;

/// What a client asks for: flat, as documented, or with its choices in `config`, which wins. An empty optional field counts as absent.
#[derive(Debug, Clone, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct GenerateVideo {
    #[schema(required, nullable = false)]
    prompt: Option<String>,
    // 5 where the model offers it.
    #[serde(default, deserialize_with = "seconds")]
    #[schema(schema_with = seconds_schema, required = false)]
    duration: Option<u32>,
    /// `16:9`, `9:16` or `1:1`.
    #[schema(example = "16:9")]
    aspect_ratio: Option<String>,
    /// The first one on offer, unless named.
    #[schema(example = "sora-2")]
    model: Option<String>,
    config: Option<VideoConfig>,
    /// Is told how the task ends, as with `/api/video/tasks`.
    // Left out when absent: a request without one has the fingerprint that it had before there were any.
    #[serde(alias = "callback_url", skip_serializing_if = "Option::is_none")]
    #[schema(example = "https://example.com/done")]
    callback_url: Option<String>,
    /// Taken, and without effect: no provider knows of it.
    negative_prompt: Option<String>,
}

/// The choices of the portal's own page.
#[derive(Debug, Clone, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct VideoConfig {
    #[serde(default, deserialize_with = "seconds")]
    #[schema(schema_with = seconds_schema, required = false)]
    duration: Option<u32>,
    aspect_ratio: Option<String>,
    model: Option<String>,
    /// Taken, and without effect: the model and the aspect ratio decide.
    resolution: Option<String>,
    /// Taken, and without effect.
    style: Option<String>,
    /// Taken, and without effect.
    fps: Option<f64>,
}

impl GenerateVideo {
    /// Tells one request from another: SHA-256 of all that was sent, also of what has no effect.
    pub fn fingerprint(&self) -> [u8; 32] {
        let asked = json!({ "what": "sora2 video", "asked": self }).to_string();
        let mut print = [0; 32];
        print.copy_from_slice(digest(&SHA256, asked.as_bytes()).as_ref());
        print
    }

    /// The request in the words of the domain. Everything that is wrong is named at once, as the client calls it.
    pub fn check(self, catalog: &ModelCatalog, destinations: &Destinations) -> Result<CheckedVideo, Vec<FieldError>> {
        let config = self.config.unwrap_or_default();
        let (duration, aspect_ratio, model) = (
            Choice::of(config.duration, self.duration),
            Choice::of(present(config.aspect_ratio), present(self.aspect_ratio)),
            Choice::of(present(config.model), present(self.model)),
        );
        let in_config = [("duration", duration.in_config), ("aspectRatio", aspect_ratio.in_config), ("model", model.in_config)];
        let model = model.value.unwrap_or_else(|| catalog.first().name.clone());
        let default_seconds = catalog.find(&model).filter(|model| offers(model, DEFAULT_SECONDS)).map(|_| DEFAULT_SECONDS);
        let request = CreateVideo {
            prompt: self.prompt,
            model: Some(model),
            duration: duration.value.or(default_seconds),
            aspect_ratio: aspect_ratio.value,
            callback_url: self.callback_url,
            ..CreateVideo::default()
        };
        request.check(catalog, destinations).map_err(|errors| {
            let rename = |error: FieldError| match in_config.contains(&(error.field.as_str(), true)) {
                true => FieldError::new(format!("config.{}", error.field), error.message),
                false => error,
            };
            errors.into_iter().map(rename).collect()
        })
    }
}

/// A field that may stand in two places.
struct Choice<T> {
    value: Option<T>,
    in_config: bool,
}

impl<T> Choice<T> {
    fn of(config: Option<T>, flat: Option<T>) -> Self {
        Self { in_config: config.is_some(), value: config.or(flat) }
    }
}

fn present(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

fn offers(model: &Model, seconds: u32) -> bool {
    model.seconds.contains(&seconds)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn read(value: Value) -> GenerateVideo {
        serde_json::from_value(value).unwrap()
    }

    fn check(value: Value) -> Result<CheckedVideo, Vec<String>> {
        let catalog = ModelCatalog::new(crate::models::defaults()).unwrap();
        read(value)
            .check(&catalog, &Destinations::default())
            .map_err(|errors| errors.into_iter().map(|error| error.field).collect())
    }

    #[test]
    fn both_shapes_ask_for_the_same() {
        let flat = json!({ "prompt": "a kite", "duration": 8, "aspectRatio": "9:16", "model": "sora-2-pro" });
        let nested = json!({
            "prompt": "a kite", "negativePrompt": "rain",
            "config": { "duration": "8", "resolution": "1080p", "aspectRatio": "9:16", "style": "film", "fps": 30, "model": "sora-2-hd" },
        });
        let order = check(flat).unwrap().order;
        assert_eq!(order, check(nested).unwrap().order);
        assert_eq!((order.model.as_str(), order.seconds, order.size.to_string()), ("sora-2-pro", 8, "720x1280".to_owned()));
    }

    #[test]
    fn a_prompt_is_enough() {
        let order = check(json!({ "prompt": "a kite", "model": "", "config": null })).unwrap().order;
        assert_eq!((order.model.as_str(), order.seconds, order.size.to_string()), ("sora-2", 5, "1280x720".to_owned()));
        assert_eq!(check(json!({ "prompt": "a kite", "model": "sora-v1" })).unwrap().order, order, "the documented default");
    }

    #[test]
    fn a_wrong_field_is_named_where_it_stands() {
        assert_eq!(
            check(json!({ "duration": 7, "aspectRatio": "2:1" })),
            Err(vec!["aspectRatio".into(), "prompt".into(), "duration".into()])
        );
        let nested =
            json!({ "prompt": "x", "duration": 5, "config": { "duration": 7, "aspectRatio": "21:9", "model": "sora-2" } });
        assert_eq!(check(nested), Err(vec!["config.aspectRatio".into(), "config.duration".into()]));
        assert_eq!(check(json!({ "prompt": "x", "config": { "model": "none" } })), Err(vec!["config.model".into()]));
        for url in ["done", "https://10.0.0.1/done"] {
            assert_eq!(check(json!({ "prompt": "x", "callbackUrl": url })), Err(vec!["callbackUrl".into()]), "{url}");
        }
    }

    #[test]
    fn whatever_differs_makes_another_request() {
        let print = |value| read(value).fingerprint();
        let one = print(json!({ "prompt": "a kite", "config": { "duration": 5 } }));
        assert_eq!(one, print(json!({ "config": { "duration": "5" }, "prompt": "a kite", "model": null })));
        assert_ne!(one, print(json!({ "prompt": "a kite", "config": { "duration": 5, "resolution": "1080p" } })));
        assert_ne!(one, print(json!({ "prompt": "a kite", "duration": 5 })));
        assert_ne!(one, print(json!({ "prompt": "a kite", "config": { "duration": 5 }, "callbackUrl": "https://example.com" })));
    }
}
