//! Logs and traces.

mod json;
mod panics;

use std::{io::IsTerminal as _, time::Duration};

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{Protocol, WithExportConfig as _};
use opentelemetry_sdk::{
    Resource,
    trace::{Sampler, SdkTracer, SdkTracerProvider},
};
use tracing::{Level, Subscriber, level_filters::LevelFilter};
use tracing_subscriber::{
    EnvFilter,
    filter::Targets,
    fmt::{self, writer::BoxMakeWriter},
    layer::{Layer, SubscriberExt as _},
    registry::LookupSpan,
    util::SubscriberInitExt as _,
};

use crate::settings::{LogFormat, SettingsError, TelemetrySettings};

/// Longest wait for a collector at exit.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(5);

/// Put before the configured filter, which may override each of them by its name. lapin logs returned messages with their bodies at
/// `WARN`, and at `ERROR` every connection or channel that ends: one restart of RabbitMQ is several of them in each process. The supervisor
/// that owns the connection tells of its end once, as a warning, and makes a new one: nobody has to act. actix announces its workers at
/// `INFO`, and tells at `ERROR` of every response that was broken off, which is how streams end when a process does.
const QUIET: &str = "lapin=error,lapin::io_loop=off,lapin::heartbeat=off,lapin::channels=off,lapin::channel=off,\
    opentelemetry=warn,actix_server=warn,actix_web=warn,actix_http::h1::dispatcher=off";

/// Where log lines go.
#[derive(Debug, Clone, Copy)]
pub(crate) enum LogOutput {
    Stdout,
    /// For a command whose standard output is its answer.
    Stderr,
}

impl LogOutput {
    fn writer(self) -> BoxMakeWriter {
        match self {
            Self::Stdout => BoxMakeWriter::new(std::io::stdout),
            Self::Stderr => BoxMakeWriter::new(std::io::stderr),
        }
    }

    fn is_terminal(self) -> bool {
        match self {
            Self::Stdout => std::io::stdout().is_terminal(),
            Self::Stderr => std::io::stderr().is_terminal(),
        }
    }
}

/// Keeps telemetry up; dropping it flushes what is left. To be made and dropped outside the tokio runtime: the OTLP exporter's
/// blocking client owns one.
#[must_use]
pub(crate) struct Telemetry {
    provider: SdkTracerProvider,
}

impl Telemetry {
    /// Installs the subscriber and the panic hook of this process. Log lines go to `logs`.
    ///
    /// # Errors
    ///
    /// When the filter or the collector's address is malformed, or a subscriber is installed already.
    pub(crate) fn start(service: &'static str, settings: &TelemetrySettings, logs: LogOutput) -> anyhow::Result<Self> {
        let provider = tracer_provider(service, settings)?;
        let filter = log_filter(&settings.filter)?;
        tracing_subscriber::registry()
            .with(log_layer(service, settings.format, logs).with_filter(filter))
            .with(trace_layer(provider.tracer("zoetrope")))
            .try_init()?;
        panics::log();
        Ok(Self { provider })
    }
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        if let Err(error) = self.provider.shutdown_with_timeout(FLUSH_TIMEOUT) {
            tracing::warn!(%error, "the last spans were not exported");
        }
    }
}

fn log_filter(configured: &str) -> Result<EnvFilter, SettingsError> {
    EnvFilter::builder().parse(format!("{QUIET},{configured}")).map_err(|error| SettingsError::invalid("telemetry.filter", error))
}

fn log_layer<S>(service: &'static str, format: LogFormat, logs: LogOutput) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    match format {
        LogFormat::Json => json::JsonLines::new(service, logs.writer()).boxed(),
        LogFormat::Pretty => fmt::layer().with_ansi(logs.is_terminal()).with_writer(logs.writer()).boxed(),
    }
}

/// Its filter is its own: a quiet log must not cut traces.
fn trace_layer<S>(tracer: SdkTracer) -> impl Layer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let filter = Targets::new()
        .with_default(Level::INFO)
        .with_target("lapin", LevelFilter::OFF)
        .with_target("opentelemetry", LevelFilter::OFF)
        .with_target("actix_server", LevelFilter::OFF);
    tracing_opentelemetry::layer()
        .with_tracer(tracer)
        .with_location(false)
        .with_threads(false)
        .with_tracked_inactivity(false)
        .with_filter(filter)
}

fn tracer_provider(service: &'static str, settings: &TelemetrySettings) -> anyhow::Result<SdkTracerProvider> {
    if !(0.0..=1.0).contains(&settings.sample_ratio) {
        return Err(SettingsError::invalid("telemetry.sample_ratio", "expected a number from 0 to 1").into());
    }
    let sampler = Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(settings.sample_ratio)));
    let builder = SdkTracerProvider::builder()
        .with_sampler(sampler)
        .with_resource(Resource::builder().with_service_name(format!("zoetrope-{service}")).build());
    let Some(endpoint) = &settings.otlp_endpoint else {
        return Ok(builder.build());
    };
    let exporter = opentelemetry_otlp::SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(traces_url(endpoint))
        .build()
        .map_err(|error| SettingsError::invalid("telemetry.otlp_endpoint", error))?;
    Ok(builder.with_batch_exporter(exporter).build())
}

/// The exporter takes an address given in code as it is; the setting is the collector's base address, as in
/// `OTEL_EXPORTER_OTLP_ENDPOINT`.
fn traces_url(endpoint: &str) -> String {
    let endpoint = endpoint.trim_end_matches('/');
    if endpoint.ends_with("/v1/traces") { endpoint.to_owned() } else { format!("{endpoint}/v1/traces") }
}
