//! W3C trace context, to carry a trace across what is not HTTP: outbox rows and messages.

use opentelemetry::{
    Context,
    propagation::{Extractor, Injector, TextMapPropagator as _},
};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::Span;
use tracing_opentelemetry::{OpenTelemetrySpanExt as _, SetParentError};

const TRACEPARENT: &str = "traceparent";

/// The `traceparent` of the span that is entered now; none outside of any span.
pub fn current_traceparent() -> Option<String> {
    let mut carrier = Carrier(None);
    TraceContextPropagator::new().inject_context(&Context::current(), &mut carrier);
    carrier.0
}

/// Makes `span` a child of the remote span that `traceparent` names. A missing or malformed value leaves the span as it is.
///
/// Must be called before the span is first entered.
pub fn continue_from(span: &Span, traceparent: Option<&str>) {
    let Some(traceparent) = traceparent else { return };
    let carrier = Carrier(Some(traceparent.to_owned()));
    // Extracted over an empty context: over the current one, a malformed value would make the span a child of whatever runs here.
    let remote = TraceContextPropagator::new().extract_with_context(&Context::new(), &carrier);
    if !opentelemetry::trace::TraceContextExt::has_active_span(&remote) {
        return;
    }
    if let Err(SetParentError::AlreadyStarted) = span.set_parent(remote) {
        tracing::debug!("a span was entered before its remote parent was set; it keeps the trace it has");
    }
}

struct Carrier(Option<String>);

impl Injector for Carrier {
    fn set(&mut self, key: &str, value: String) {
        if key == TRACEPARENT {
            self.0 = Some(value);
        }
    }
}

impl Extractor for Carrier {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.as_deref().filter(|_| key == TRACEPARENT)
    }

    fn keys(&self) -> Vec<&str> {
        vec![TRACEPARENT]
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::TracerProvider as _;
    use opentelemetry_sdk::trace::SdkTracerProvider;
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    const REMOTE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn traced<T>(test: impl FnOnce() -> T) -> T {
        let provider = SdkTracerProvider::builder().build();
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), test)
    }

    #[test]
    fn a_span_has_a_context_and_continues_a_remote_one() {
        traced(|| {
            assert_eq!(current_traceparent(), None);
            let span = tracing::info_span!("local");
            continue_from(&span, Some(REMOTE));
            let inside = span.in_scope(current_traceparent).unwrap();
            assert!(inside.starts_with("00-0af7651916cd43dd8448eb211c80319c-") && inside.ends_with("-01"), "{inside}");
            assert_ne!(inside, REMOTE, "a span of its own");
        });
    }

    #[test]
    fn the_decision_not_to_sample_travels_too() {
        traced(|| {
            let span = tracing::info_span!("local");
            continue_from(&span, Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"));
            assert!(span.in_scope(current_traceparent).unwrap().ends_with("-00"));
        });
    }

    #[test]
    fn what_is_no_context_begins_a_trace() {
        traced(|| {
            for traceparent in [None, Some(""), Some("nonsense"), Some("00-00000000000000000000000000000000-b7ad6b7169203331-01")]
            {
                let span = tracing::info_span!("local");
                continue_from(&span, traceparent);
                let inside = span.in_scope(current_traceparent).unwrap();
                assert!(!inside.contains("0000000000000000"), "{inside}");
            }
        });
    }
}
