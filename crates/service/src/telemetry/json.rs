//! Log lines as flat JSON objects that carry the trace id.
//!
//! A layer of its own, because the one of `tracing-subscriber` keeps the fields of a span as text, which is read and written anew for every
//! field that is recorded later, and read for every line.

use std::{cell::Cell, fmt, io::Write as _};

use opentelemetry::{Context as TraceContext, trace::TraceContextExt as _};
use serde::Serialize;
use serde_json::Value;
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};
use tracing_subscriber::{
    fmt::{
        MakeWriter,
        format::Writer,
        time::{FormatTime as _, SystemTime},
    },
    layer::{Context, Layer},
    registry::LookupSpan,
};

thread_local! {
    /// The room of the last line. Taken out while it is used: what is logged may log in turn.
    static LINE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Writes `{"timestamp":…,"level":…,"service":…,"target":…,"message":…,<fields>,"span":…,"trace_id":…}`, one object a line. The
/// fields of the enclosing spans are merged into the object; where names meet, the event's own wins, then the inner span's.
pub(super) struct JsonLines<W> {
    service: &'static str,
    writer: W,
}

impl<W> JsonLines<W> {
    pub(super) fn new(service: &'static str, writer: W) -> Self {
        Self { service, writer }
    }
}

impl<S, W> Layer<S> for JsonLines<W>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'w> MakeWriter<'w> + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        span.extensions_mut().insert(fields);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(fields) = span.extensions_mut().get_mut::<Fields>() {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut line = LINE.take();
        line.clear();
        if self.write(&mut line, event, &context).is_ok() {
            // There is nowhere else to tell that a line cannot be written.
            let _ = self.writer.make_writer_for(event.metadata()).write_all(&line);
        }
        LINE.set(line);
    }
}

impl<W> JsonLines<W> {
    fn write<S>(&self, line: &mut Vec<u8>, event: &Event<'_>, context: &Context<'_, S>) -> serde_json::Result<()>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let metadata = event.metadata();

        let mut object = Object::begin(line);
        object.put("timestamp", &now())?;
        object.put("level", metadata.level().as_str())?;
        object.put("service", self.service)?;
        object.put("target", fields.log_target.as_deref().unwrap_or_else(|| metadata.target()))?;
        object.put_all(&fields)?;
        let mut spans = context.event_scope(event).into_iter().flatten().peekable();
        if let Some(innermost) = spans.peek() {
            object.put("span", innermost.name())?;
        }
        for span in spans {
            if let Some(fields) = span.extensions().get::<Fields>() {
                object.put_all(fields)?;
            }
        }
        let trace = TraceContext::current();
        let trace = trace.span();
        if trace.span_context().is_valid() {
            object.put("trace_id", &trace.span_context().trace_id().to_string())?;
        }
        object.end();
        Ok(())
    }
}

fn now() -> String {
    let mut text = String::with_capacity(32);
    // Fails only when the text cannot be written to.
    let _ = SystemTime.format_time(&mut Writer::new(&mut text));
    text
}

/// An object that is being written: the first value of a name is the one that stands.
struct Object<'a> {
    line: &'a mut Vec<u8>,
    names: Vec<&'static str>,
}

impl<'a> Object<'a> {
    fn begin(line: &'a mut Vec<u8>) -> Self {
        Self { line, names: Vec::with_capacity(24) }
    }

    fn put(&mut self, name: &'static str, value: &(impl Serialize + ?Sized)) -> serde_json::Result<()> {
        if self.names.contains(&name) {
            return Ok(());
        }
        self.line.push(if self.names.is_empty() { b'{' } else { b',' });
        self.names.push(name);
        serde_json::to_writer(&mut *self.line, name)?;
        self.line.push(b':');
        serde_json::to_writer(&mut *self.line, value)
    }

    fn put_all(&mut self, fields: &Fields) -> serde_json::Result<()> {
        fields.values.iter().try_for_each(|(name, value)| self.put(name, value))
    }

    fn end(self) {
        self.line.extend_from_slice(b"}\n");
    }
}

#[derive(Default)]
struct Fields {
    values: Vec<(&'static str, Value)>,
    /// Lines from libraries that use the `log` crate arrive with their origin in fields.
    log_target: Option<String>,
}

impl Fields {
    fn insert(&mut self, field: &Field, value: Value) {
        match (field.name(), value) {
            ("log.target", Value::String(target)) => self.log_target = Some(target),
            ("log.module_path" | "log.file" | "log.line", _) => {}
            (name, value) => {
                let name = name.strip_prefix("r#").unwrap_or(name);
                match self.values.iter_mut().find(|(known, _)| *known == name) {
                    Some((_, old)) => *old = value,
                    None => self.values.push((name, value)),
                }
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
            .with(JsonLines::new("example", Arc::new(writer)))
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
