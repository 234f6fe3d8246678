use std::fmt;

use serde::{Deserialize, Deserializer, de};
use serde_json::json;
use utoipa::{
    ToSchema,
    openapi::{Object, ObjectBuilder, Type, schema::SchemaType},
};
use zoetrope_bus::OutgoingMessage;
use zoetrope_domain::{Credits, ModelCatalog, VideoInput, VideoOrder, VideoRequest};
use zoetrope_egress::{Destinations, WebAddress};
use zoetrope_http::FieldError;

/// The prompt travels to the poller in one message, with a little beside it. Accepting what could never be sent would lose the task.
pub const LONGEST_PROMPT: usize = OutgoingMessage::MAX_PAYLOAD - 64 * 1024;

/// Characters of a client's own id.
pub const LONGEST_CLIENT_ID: usize = 255;

/// What a client asks for; the same fields as JSON or as the text fields of a form. An empty optional field counts as absent.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreateVideo {
    #[schema(required, nullable = false)]
    pub prompt: Option<String>,
    #[schema(required, nullable = false, example = "sora_video2")]
    pub model: Option<String>,
    #[serde(default, alias = "seconds", deserialize_with = "seconds")]
    #[schema(schema_with = seconds_schema, required = false)]
    pub duration: Option<u32>,
    /// `WIDTHxHEIGHT`; wins over `aspectRatio`.
    #[schema(example = "1280x720")]
    pub size: Option<String>,
    /// `16:9`, `9:16` or `1:1`.
    #[serde(alias = "aspect_ratio")]
    #[schema(example = "16:9")]
    pub aspect_ratio: Option<String>,
    #[serde(default, deserialize_with = "flag")]
    #[schema(schema_with = flag_schema, required = false)]
    pub watermark: Option<bool>,
    /// The picture to start from, as a data URL. In a form it is the file `input_reference`.
    pub reference_image: Option<String>,
    /// The client's own id, by which it finds the task after a lost answer. Up to 255 characters.
    pub client_request_id: Option<String>,
    /// Is told how the task ends, in the way of a webhook, signed with the secret for callbacks. A public `https` address, up to 2048
    /// characters, without user name and password.
    #[serde(alias = "callback_url")]
    #[schema(example = "https://example.com/done")]
    pub callback_url: Option<String>,
}

impl CreateVideo {
    /// The fields of a form that [`set`](Self::set) takes.
    pub const FIELDS: [&str; 12] = [
        "prompt",
        "model",
        "duration",
        "seconds",
        "size",
        "aspectRatio",
        "aspect_ratio",
        "watermark",
        "referenceImage",
        "clientRequestId",
        "callbackUrl",
        "callback_url",
    ];

    /// Takes a text field of a form; one with another name is ignored. So is what a script appends that has no value for a choice.
    pub fn set(&mut self, name: &str, text: String) -> Result<(), FieldError> {
        if name != "prompt" && matches!(text.trim(), "null" | "undefined") {
            return Ok(());
        }
        match name {
            "prompt" => self.prompt = Some(text),
            "model" => self.model = Some(text),
            "duration" | "seconds" => {
                self.duration = parse_seconds(&text).ok_or_else(|| FieldError::new(name, SECONDS_EXPECTED))?;
            }
            "size" => self.size = Some(text),
            "aspectRatio" | "aspect_ratio" => self.aspect_ratio = Some(text),
            "watermark" => self.watermark = parse_flag(&text).ok_or_else(|| FieldError::new(name, "must be true or false"))?,
            "referenceImage" => self.reference_image = Some(text),
            "clientRequestId" => self.client_request_id = Some(text),
            "callbackUrl" | "callback_url" => self.callback_url = Some(text),
            _ => {}
        }
        Ok(())
    }

    /// What is wrong with those fields that were sent, while others may follow.
    pub fn wrong_so_far(&self, catalog: &ModelCatalog, destinations: &Destinations) -> Vec<FieldError> {
        let was_sent = |error: &FieldError| match error.field.as_str() {
            "prompt" => self.prompt.is_some(),
            "model" => self.model.is_some(),
            "duration" => self.duration.is_some(),
            "size" => self.size.is_some(),
            "aspectRatio" => self.aspect_ratio.is_some(),
            "clientRequestId" => self.client_request_id.is_some(),
            "callbackUrl" => self.callback_url.is_some(),
            _ => false,
        };
        // All but the picture, which may be a hundred megabytes.
        let checked = Self {
            prompt: self.prompt.clone(),
            model: self.model.clone(),
            duration: self.duration,
            size: self.size.clone(),
            aspect_ratio: self.aspect_ratio.clone(),
            watermark: self.watermark,
            reference_image: None,
            client_request_id: self.client_request_id.clone(),
            callback_url: self.callback_url.clone(),
        };
        let wrong = checked.check(catalog, destinations).err().unwrap_or_default();
        wrong.into_iter().filter(was_sent).collect()
    }

    /// The price, as far as it is known: of the model that was named, or else of the cheapest one.
    pub fn least_price(&self, catalog: &ModelCatalog) -> Credits {
        let named = self.model.as_deref().and_then(|model| catalog.find(model));
        let cheapest = || catalog.iter().map(|model| model.price).min().unwrap_or_default();
        named.map_or_else(cheapest, |model| model.price)
    }

    /// The request in the words of the domain. Everything that is wrong is named at once, as the client calls it.
    pub fn check(self, catalog: &ModelCatalog, destinations: &Destinations) -> Result<CheckedVideo, Vec<FieldError>> {
        let mut errors = Vec::new();
        let mut parsed = |field, text: Option<String>| {
            let text = text.filter(|text| !text.is_empty())?;
            // PostgreSQL's text cannot hold it.
            if text.contains('\0') {
                errors.push(FieldError::new(field, "must not contain a NUL character"));
                return None;
            }
            Some(text)
        };
        let prompt = parsed("prompt", self.prompt);
        let too_long = prompt.as_ref().is_some_and(|prompt| prompt.len() > LONGEST_PROMPT);
        let model = parsed("model", self.model);
        let size = parsed("size", self.size);
        let aspect_ratio = parsed("aspectRatio", self.aspect_ratio);
        let client_request_id = parsed("clientRequestId", self.client_request_id);
        let callback_url = parsed("callbackUrl", self.callback_url);

        if client_request_id.as_ref().is_some_and(|id| id.chars().count() > LONGEST_CLIENT_ID) {
            errors.push(FieldError::new("clientRequestId", format!("must not be longer than {LONGEST_CLIENT_ID} characters")));
        }
        if too_long {
            errors.push(FieldError::new("prompt", format!("must not be longer than {LONGEST_PROMPT} bytes")));
        }
        let size = size.and_then(|text| text.parse().map_err(|error| errors.push(wrong("size", &error))).ok());
        let aspect_ratio = aspect_ratio
            .and_then(|text| text.parse().map_err(|_| errors.push(wrong("aspectRatio", &"must be one of 16:9, 9:16, 1:1"))).ok());
        let callback_url = callback_url
            .and_then(|text| destinations.address(&text).map_err(|error| errors.push(wrong("callbackUrl", &error))).ok());
        let request = VideoRequest {
            prompt: prompt.unwrap_or_default(),
            model: model.unwrap_or_default(),
            seconds: self.duration,
            size,
            aspect_ratio,
            watermark: self.watermark.unwrap_or_default(),
        };
        match request.clone().order(catalog) {
            Ok(order) if errors.is_empty() => Ok(CheckedVideo { request, order, client_request_id, callback_url }),
            Ok(_) => Err(errors),
            Err(invalid) => {
                for error in invalid {
                    let field = field_of(error.input);
                    // A field that could not even be read is named once, for that.
                    if errors.iter().all(|known| known.field != field) {
                        errors.push(FieldError::new(field, error.message));
                    }
                }
                Err(errors)
            }
        }
    }
}

/// A request that can be carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedVideo {
    /// As it was sent.
    pub request: VideoRequest,
    pub order: VideoOrder,
    pub client_request_id: Option<String>,
    pub callback_url: Option<WebAddress>,
}

const fn field_of(input: VideoInput) -> &'static str {
    match input {
        VideoInput::Prompt => "prompt",
        VideoInput::Model => "model",
        VideoInput::Seconds => "duration",
        VideoInput::Size => "size",
        VideoInput::AspectRatio => "aspectRatio",
    }
}

fn wrong(field: &str, message: &impl ToString) -> FieldError {
    FieldError::new(field, message.to_string())
}

const SECONDS_EXPECTED: &str = "must be a whole number of seconds";

/// `Some(None)` when the text is empty, `None` when it is no number.
/// How [`seconds`] may be written.
pub fn seconds_schema() -> Object {
    ObjectBuilder::new()
        .schema_type(SchemaType::from_iter([Type::Integer, Type::String, Type::Null]))
        .minimum(Some(0))
        .pattern(Some("^\\s*([0-9]+(\\.0)?)?\\s*$"))
        .description(Some("Seconds, as a number or as its digits."))
        .examples([json!(10)])
        .build()
}

/// How a [`flag`] may be written.
pub fn flag_schema() -> Object {
    ObjectBuilder::new()
        .schema_type(SchemaType::from_iter([Type::Boolean, Type::Integer, Type::String, Type::Null]))
        .enum_values(Some([
            json!(true),
            json!(false),
            json!(1),
            json!(0),
            json!("true"),
            json!("false"),
            json!("1"),
            json!("0"),
            json!("on"),
            json!("off"),
            json!(""),
            json!(null),
        ]))
        .build()
}

fn parse_seconds(text: &str) -> Option<Option<u32>> {
    let text = text.trim();
    let whole = text.strip_suffix(".0").unwrap_or(text);
    if text.is_empty() { Some(None) } else { whole.parse().ok().map(Some) }
}

fn parse_flag(text: &str) -> Option<Option<bool>> {
    match text.trim().to_ascii_lowercase().as_str() {
        "" => Some(None),
        "true" | "1" | "on" => Some(Some(true)),
        "false" | "0" | "off" => Some(Some(false)),
        _ => None,
    }
}

/// Reads seconds, as a number or as its digits.
pub fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    struct Seconds;

    impl de::Visitor<'_> for Seconds {
        type Value = Option<u32>;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("a whole number of seconds")
        }

        fn visit_u64<E: de::Error>(self, number: u64) -> Result<Self::Value, E> {
            u32::try_from(number).map(Some).map_err(|_| E::invalid_type(de::Unexpected::Unsigned(number), &self))
        }

        fn visit_i64<E: de::Error>(self, number: i64) -> Result<Self::Value, E> {
            u32::try_from(number).map(Some).map_err(|_| E::invalid_type(de::Unexpected::Signed(number), &self))
        }

        fn visit_f64<E: de::Error>(self, number: f64) -> Result<Self::Value, E> {
            // A script that computes with numbers may send 10.0.
            parse_seconds(&number.to_string()).ok_or_else(|| E::invalid_type(de::Unexpected::Float(number), &self))
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
            parse_seconds(text).ok_or_else(|| E::invalid_type(de::Unexpected::Str(text), &self))
        }

        fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
            Ok(None)
        }
    }

    deserializer.deserialize_any(Seconds)
}

/// Reads yes or no, as a boolean or in the words of a form.
fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    struct Flag;

    impl de::Visitor<'_> for Flag {
        type Value = Option<bool>;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("true or false")
        }

        fn visit_bool<E: de::Error>(self, flag: bool) -> Result<Self::Value, E> {
            Ok(Some(flag))
        }

        fn visit_u64<E: de::Error>(self, number: u64) -> Result<Self::Value, E> {
            parse_flag(&number.to_string()).ok_or_else(|| E::invalid_type(de::Unexpected::Unsigned(number), &self))
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
            parse_flag(text).ok_or_else(|| E::invalid_type(de::Unexpected::Str(text), &self))
        }

        fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
            Ok(None)
        }
    }

    deserializer.deserialize_any(Flag)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn catalog() -> ModelCatalog {
        ModelCatalog::new(crate::models::defaults()).unwrap()
    }

    fn from_json(value: serde_json::Value) -> CreateVideo {
        serde_json::from_value(value).unwrap()
    }

    fn wrong_fields(body: CreateVideo) -> Vec<String> {
        body.check(&catalog(), &Destinations::default()).unwrap_err().into_iter().map(|error| error.field).collect()
    }

    #[test]
    fn a_duration_is_a_number_or_its_digits() {
        for duration in [json!(10), json!(10.0), json!("10"), json!(" 10 ")] {
            assert_eq!(from_json(json!({ "duration": duration })).duration, Some(10), "{duration}");
        }
        for duration in [json!(null), json!("")] {
            assert_eq!(from_json(json!({ "duration": duration })).duration, None, "{duration}");
        }
        for duration in [json!(-1), json!(1.5), json!("ten"), json!([10]), json!(true), json!(5_000_000_000_u64)] {
            let error = serde_json::from_value::<CreateVideo>(json!({ "duration": duration })).unwrap_err().to_string();
            assert!(error.contains("expected a whole number of seconds"), "{error}");
        }
    }

    #[test]
    fn a_form_says_the_same_as_json() {
        let mut form = CreateVideo::default();
        for (name, text) in [
            ("prompt", "a red kite"),
            ("model", "sora_video2"),
            ("seconds", "5"),
            ("aspect_ratio", "9:16"),
            ("watermark", "true"),
            ("clientRequestId", "mine"),
            ("callback_url", "https://example.com/done"),
            ("n", "4"),
        ] {
            form.set(name, text.to_owned()).unwrap();
        }
        let json = from_json(json!({
            "prompt": "a red kite", "model": "sora_video2", "duration": "5", "aspectRatio": "9:16", "watermark": true,
            "clientRequestId": "mine", "callbackUrl": "https://example.com/done",
        }));
        let checked = form.check(&catalog(), &Destinations::default()).unwrap();
        assert_eq!(checked, json.check(&catalog(), &Destinations::default()).unwrap());
        assert_eq!((checked.order.seconds, checked.order.size.to_string()), (5, "720x1280".to_owned()));
    }

    #[test]
    fn what_is_sloppy_and_clear_is_taken() {
        let mut form = CreateVideo::default();
        for (name, text) in [
            ("duration", "5.0"),
            ("watermark", " TRUE "),
            ("size", "undefined"),
            ("aspectRatio", "null"),
            ("callbackUrl", "undefined"),
            ("clientRequestId", ""),
            ("prompt", "null"),
        ] {
            assert!(CreateVideo::FIELDS.contains(&name));
            form.set(name, text.to_owned()).unwrap();
        }
        assert_eq!((form.duration, form.watermark), (Some(5), Some(true)));
        assert_eq!((form.size, form.aspect_ratio, form.callback_url), (None, None, None));
        assert_eq!(form.prompt.as_deref(), Some("null"), "which can be meant");
        for (watermark, flag) in [(json!("true"), Some(true)), (json!(0), Some(false)), (json!(""), None), (json!(null), None)] {
            assert_eq!(from_json(json!({ "watermark": watermark })).watermark, flag);
        }
        for watermark in [json!("maybe"), json!(2), json!([true])] {
            assert!(serde_json::from_value::<CreateVideo>(json!({ "watermark": watermark })).is_err());
        }
    }

    #[test]
    fn what_is_wrong_is_known_before_the_rest_has_come() {
        let wrong = |body: serde_json::Value| {
            let errors = from_json(body).wrong_so_far(&catalog(), &Destinations::default());
            errors.into_iter().map(|error| error.field).collect::<Vec<_>>()
        };
        assert!(wrong(json!({})).is_empty());
        assert!(wrong(json!({ "prompt": "x" })).is_empty());
        assert!(wrong(json!({ "duration": 5 })).is_empty());
        assert_eq!(wrong(json!({ "model": "none" })), ["model"]);
        assert_eq!(wrong(json!({ "model": "sora-2", "duration": 7 })), ["duration"]);
        assert_eq!(wrong(json!({ "size": "big", "clientRequestId": "x".repeat(256) })), ["clientRequestId", "size"]);
    }

    #[test]
    fn a_bad_form_field_is_named() {
        let mut form = CreateVideo::default();
        assert_eq!(form.set("duration", "long".to_owned()).unwrap_err().field, "duration");
        assert_eq!(form.set("watermark", "maybe".to_owned()).unwrap_err().field, "watermark");
    }

    #[test]
    fn prompt_and_model_are_needed_and_enough() {
        assert_eq!(wrong_fields(CreateVideo::default()), ["prompt", "model"]);
        let body = from_json(json!({ "prompt": "x", "model": "sora_video2", "size": "", "aspectRatio": null }));
        assert_eq!(body.check(&catalog(), &Destinations::default()).unwrap().order.seconds, 10);
    }

    #[test]
    fn everything_wrong_is_named_once() {
        let body = from_json(json!({
            "prompt": "nul\0", "model": "sora_video2", "duration": 7, "size": "big", "aspectRatio": "2:1", "clientRequestId": "\0",
            "callbackUrl": "ftp://example.com",
        }));
        assert_eq!(wrong_fields(body), ["prompt", "clientRequestId", "size", "aspectRatio", "callbackUrl", "duration"]);
        assert_eq!(wrong_fields(from_json(json!({ "prompt": "x", "model": "none" }))), ["model"]);
    }

    #[test]
    fn a_callback_goes_where_a_webhook_may_go() {
        let body = |url: &str| from_json(json!({ "prompt": "x", "model": "sora_video2", "callbackUrl": url }));
        for url in
            ["http://example.com/done", "https://10.0.0.1/x", "https://0x7f.1/", "https://localhost/", "https://u@example.com/"]
        {
            assert_eq!(wrong_fields(body(url)), ["callbackUrl"], "{url}");
        }
        let own = Destinations { allowed_networks: vec!["10.0.0.0/8".parse().unwrap()], allow_http: true };
        assert!(body("http://10.0.0.1/x").check(&catalog(), &own).is_ok());
    }
}
