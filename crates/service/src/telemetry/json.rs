//! Log lines as flat JSON objects that carry the trace id.

use std::fmt;

use opentelemetry::{Context, trace::TraceContextExt as _};
use serde_json::{Map, Value};
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    fmt::{
        FmtContext, FormatEvent, FormattedFields, Layer,
        format::{JsonFields, Writer},
        layer as fmt_layer,
        time::{FormatTime as _, SystemTime},
    },
    registry::LookupSpan,
};

/// Writes `{"timestamp":…,"level":…,"service":…,"target":…,"message":…,<fields>,"span":…,"trace_id":…}`, one object a line. The
/// fields of the enclosing spans are merged into the object; where names meet, the event's own wins, then the inner span's.
pub(super) fn layer<S>(service: &'static str) -> Layer<S, JsonFields, JsonLines>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fmt_layer().fmt_fields(JsonFields::new()).event_format(JsonLines { service })
}

pub(super) struct JsonLines {
    service: &'static str,
}

impl<S> FormatEvent<S, JsonFields> for JsonLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn format_event(&self, context: &FmtContext<'_, S, JsonFields>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let metadata = event.metadata();

        let mut timestamp = String::with_capacity(32);
        SystemTime.format_time(&mut Writer::new(&mut timestamp))?;
        let mut line = Map::new();
        line.insert("timestamp".to_owned(), timestamp.into());
        line.insert("level".to_owned(), metadata.level().as_str().into());
        line.insert("service".to_owned(), self.service.into());
        line.insert("target".to_owned(), fields.log_target.unwrap_or_else(|| metadata.target().to_owned()).into());
        for (name, value) in fields.values {
            line.entry(name).or_insert(value);
        }

        let mut spans = context.event_scope().into_iter().flatten().peekable();
        if let Some(innermost) = spans.peek() {
            line.insert("span".to_owned(), innermost.name().into());
        }
        for span in spans {
            let extensions = span.extensions();
            let Some(formatted) = extensions.get::<FormattedFields<JsonFields>>() else { continue };
            let Ok(values) = serde_json::from_str::<Map<String, Value>>(&formatted.fields) else { continue };
            for (name, value) in values {
                line.entry(name).or_insert(value);
            }
        }

        let trace = Context::current();
        let trace = trace.span();
        if trace.span_context().is_valid() {
            line.insert("trace_id".to_owned(), trace.span_context().trace_id().to_string().into());
        }
        writeln!(writer, "{}", Value::Object(line))
    }
}

#[derive(Default)]
struct Fields {
    values: Map<String, Value>,
    /// Lines from libraries that use the `log` crate arrive with their origin in fields.
    log_target: Option<String>,
}

impl Fields {
    fn insert(&mut self, field: &Field, value: Value) {
        match (field.name(), value) {
            ("log.target", Value::String(target)) => self.log_target = Some(target),
            ("log.module_path" | "log.file" | "log.line", _) => {}
            (name, value) => {
                self.values.insert(name.strip_prefix("r#").unwrap_or(name).to_owned(), value);
            }
        }
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.insert(field, format!("{value:?}").into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.insert(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.insert(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.insert(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.insert(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.insert(field, value.into());
    }

    /// Writes the error with all its causes.
    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        let causes = std::iter::successors(Some(value), |error| error.source());
        let chain: Vec<String> = causes.map(ToString::to_string).collect();
        self.insert(field, chain.join(": ").into());
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{self, Read as _},
        sync::Arc,
    };

    use opentelemetry::trace::TracerProvider as _;
    use opentelemetry_sdk::trace::SdkTracerProvider;
    use serde_json::json;
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    fn logged(test: impl FnOnce()) -> Vec<Value> {
        let (mut reader, writer) = io::pipe().unwrap();
        let provider = SdkTracerProvider::builder().build();
        let subscriber = tracing_subscriber::registry()
            .with(layer("example").with_writer(Arc::new(writer)))
            .with(tracing_opentelemetry::layer().with_tracer(provider.tracer("test")));
        tracing::subscriber::with_default(subscriber, test);
        let mut output = String::new();
        reader.read_to_string(&mut output).unwrap();
        output.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn a_line_has_the_fields_of_its_event_and_spans_and_the_trace_id() {
        let lines = logged(|| {
            let _outer = tracing::info_span!("outer", user_id = 7, step = "outer").entered();
            let inner = tracing::info_span!("inner", step = "inner", task_id = tracing::field::Empty).entered();
            inner.record("task_id", "t-1");
            tracing::warn!(attempt = 2_u64, user_id = 8, ok = true, "said {}", "so");
        });
        let [line] = lines.as_slice() else { panic!("{lines:?}") };
        for (name, value) in [
            ("level", json!("WARN")),
            ("service", json!("example")),
            ("message", json!("said so")),
            ("attempt", json!(2)),
            ("ok", json!(true)),
            ("span", json!("inner")),
            ("step", json!("inner")),
            ("task_id", json!("t-1")),
            ("user_id", json!(8)),
        ] {
            assert_eq!(line[name], value, "{name} in {line}");
        }
        assert_eq!(line["trace_id"].as_str().unwrap().len(), 32);
        assert!(line["timestamp"].as_str().unwrap().ends_with('Z'));
    }

    #[test]
    fn an_error_is_written_with_its_causes_and_a_line_outside_of_spans_has_no_trace() {
        #[derive(Debug, thiserror::Error)]
        #[error("reading failed")]
        struct Outer(#[source] io::Error);

        let lines = logged(|| {
            let error = Outer(io::Error::other("disk on fire"));
            tracing::error!(error = &error as &dyn std::error::Error, "sad");
        });
        assert_eq!(lines[0]["error"], "reading failed: disk on fire");
        assert!(lines[0].get("trace_id").is_none() && lines[0].get("span").is_none());
    }
}
