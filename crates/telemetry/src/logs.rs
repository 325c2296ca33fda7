//! The process's log: text for people or JSON for machines, on standard error, because standard
//! output belongs to what a command prints.

use std::io::IsTerminal as _;

use thiserror::Error;
use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::dynamic_filter_fn;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, Registry};

use crate::otlp::{TRACE, Traces};

/// The form of a log line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// For people; coloured on a terminal.
    #[default]
    Text,
    /// One JSON object a line, with the fields of an event at the top.
    Json,
}

/// Why logging did not start.
#[derive(Debug, Error)]
pub enum LogError {
    /// The level is none.
    #[error(
        "{0:?} is not a log level; expected off, error, warn, info, debug or trace, maybe by \
         module: info,weir_upstream=debug"
    )]
    Level(String),
    /// Something else in this process logs already.
    #[error("logging was started before")]
    Started,
}

/// Modules that are heard from `warn` on, unless the operator names modules himself.
const QUIET: &str = "sea_orm_migration=warn,sea_orm=warn,sqlx=warn";

/// Starts the process's log. `level` is a level, or levels by module as in
/// `info,weir_upstream=debug`. Spans go to `traces`, where there is one.
pub fn init_logs(level: &str, format: Format, traces: Option<&Traces>) -> Result<(), LogError> {
    let colour = std::io::stderr().is_terminal();
    let subscriber = traced(level, format, colour, (std::io::stderr, traces))?;
    subscriber.try_init().map_err(|_| LogError::Started)
}

/// What [`init_logs`] installs, for a writer of one's own: for tests and for programs that embed
/// this one.
pub fn subscriber<W>(
    level: &str,
    format: Format,
    colour: bool,
    writer: W,
) -> Result<Box<dyn Subscriber + Send + Sync>, LogError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    traced(level, format, colour, (writer, None))
}

/// Lines of the log for a writer, and spans for a collector.
fn traced<W>(
    level: &str,
    format: Format,
    colour: bool,
    (writer, traces): (W, Option<&Traces>),
) -> Result<Box<dyn Subscriber + Send + Sync>, LogError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt::layer().with_writer(writer);
    let lines = match format {
        Format::Text => lines.with_ansi(colour).boxed(),
        Format::Json => lines.json().flatten_event(true).boxed(),
    };
    let Some(traces) = traces else {
        return Ok(Box::new(Registry::default().with(filter(level, "off")?).with(lines)));
    };
    // Spans of traces are not the context of lines. Asked for each line anew: what libraries ask
    // with `enabled!` would otherwise be remembered for the next line.
    let lines = lines.with_filter(dynamic_filter_fn(|metadata, _| metadata.target() != TRACE));
    let all = Registry::default().with(filter(level, "info")?);
    Ok(Box::new(all.with(lines).with(traces.layer())))
}

/// A lone word has to be a level: the directive's own reading takes `inof` for a module of which
/// everything is logged.
fn filter(level: &str, traces: &str) -> Result<EnvFilter, LogError> {
    let wrong = || LogError::Level(level.to_owned());
    let is_level = |text: &str| !text.is_empty() && text.parse::<LevelFilter>().is_ok();
    let plausible = level.split(',').all(|part| {
        let word = part.rsplit_once('=').map_or(part, |(_, level)| level);
        is_level(word.trim())
    });
    if !plausible {
        return Err(wrong());
    }
    // The database library tells at info what only concerns itself; named levels still win.
    let quiet = if level.contains('=') { String::new() } else { format!(",{QUIET}") };
    EnvFilter::try_new(format!("{level}{quiet},{TRACE}={traces}")).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::OtlpSettings;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn logged(level: &str, format: Format) -> String {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = subscriber(level, format, false, move || writer.clone()).unwrap();
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!(mount = "npm", "a mount is ready");
            tracing::debug!("a detail");
        });
        let bytes = lines.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    /// sqlx asks so before each statement.
    #[test]
    fn what_a_library_asks_of_the_log_hides_no_line_with_traces_or_without() {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let _inside = runtime.enter();
        let nowhere = OtlpSettings {
            endpoint: "http://127.0.0.1:9".to_owned(),
            protocol: crate::OtlpProtocol::Http,
            headers: std::collections::HashMap::new(),
            service_name: "weir".to_owned(),
            interval: std::time::Duration::from_mins(1),
            sample: 1,
        };
        for traces in [None, Traces::start(&nowhere).unwrap()] {
            let lines = Lines::default();
            let writer = (
                {
                    let lines = lines.clone();
                    move || lines.clone()
                },
                traces.as_ref(),
            );
            let subscriber = traced("info", Format::Text, false, writer).unwrap();
            tracing::subscriber::with_default(subscriber, || {
                for _ in 0..3 {
                    let asked = tracing::enabled!(target: "sqlx::query", tracing::Level::DEBUG);
                    assert!(!asked);
                    let span = tracing::info_span!(target: TRACE, "request");
                    assert_eq!(span.is_disabled(), traces.is_none());
                    span.in_scope(|| tracing::info!("a line"));
                }
            });
            let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
            assert_eq!(text.matches("a line").count(), 3, "{text}");
            assert!(!text.contains("request"), "{text}");
        }
    }

    #[test]
    fn text_has_one_line_an_event_without_escape_codes() {
        let text = logged("info", Format::Text);
        assert_eq!(text.lines().count(), 1);
        assert!(text.contains("INFO") && text.ends_with("a mount is ready mount=\"npm\"\n"));
        assert!(!text.contains('\u{1b}'));
    }

    #[test]
    fn json_has_the_fields_of_the_event_at_the_top() {
        let line = logged("info", Format::Json);
        let event: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(event["level"], "INFO");
        assert_eq!(event["message"], "a mount is ready");
        assert_eq!(event["mount"], "npm");
        assert!(event["timestamp"].is_string());
    }

    #[test]
    fn levels_hold_for_everything_or_by_module() {
        assert_eq!(logged("debug", Format::Text).lines().count(), 2);
        assert_eq!(logged("off", Format::Text), "");
        let own = concat!("error,", module_path!(), "=debug");
        assert_eq!(logged(own, Format::Text).lines().count(), 2);
    }

    #[test]
    fn a_misspelt_level_is_refused() {
        for level in ["inof", "", "info,weir_upstream=loud", "info,weir"] {
            let error = filter(level, "off").unwrap_err().to_string();
            assert!(error.contains("is not a log level"), "{level}: {error}");
        }
    }
}
