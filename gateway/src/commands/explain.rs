//! `weir explain`: why a package passes or does not, as the API and the page say it.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use weir_config::{Config, Env};
use weir_core::SystemClock;
use weir_telemetry::Metrics;
use weir_upstream::{Ask, Client, Document, Settings, Whither};

use crate::commands::serve::{self, Origin};
use crate::gateway::Gateway;
use crate::observer::Telling;
use crate::output;

/// Nothing of it passes.
const WITHHELD: u8 = 1;

/// There is no answer.
const NO_ANSWER: u8 = 2;

/// What to ask and how to show it.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    /// A package URL.
    pub(crate) purl: String,
    /// The gateway to ask; without it the one at the configured address, if it runs.
    pub(crate) url: Option<String>,
    /// Show JSON.
    pub(crate) json: bool,
}

/// An answer to show.
struct Shown {
    text: String,
    passes: bool,
}

/// Prints the answer of the running gateway, or of one without a listener over the same data.
pub(crate) async fn explain(origin: Origin, question: Question) -> ExitCode {
    let answered = match answer(origin, &question).await {
        Ok(shown) => output::result(&shown.text).map(|()| shown.passes),
        Err(error) => Err(error),
    };
    match answered {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(WITHHELD),
        Err(error) => {
            output::remark(&format!("weir: {}", output::explained(&error)));
            ExitCode::from(NO_ANSWER)
        }
    }
}

async fn answer(origin: Origin, question: &Question) -> anyhow::Result<Shown> {
    if let Some(url) = &question.url {
        let document = ask(url, question).await.with_context(|| format!("the gateway at {url}"))?;
        return read(&document)?.with_context(|| format!("no gateway answers at {url}"));
    }
    let env = Env::from_process_env();
    let loaded = origin.load(&env)?;
    let running = format!("http://{}", dialled(&loaded.config));
    if let Ok(document) = ask(&running, question).await
        && let Some(shown) = read(&document)?
    {
        return Ok(shown);
    }
    embedded(loaded.config, &env, question).await
}

/// The address at which this machine reaches the listener.
pub(crate) fn dialled(config: &Config) -> std::net::SocketAddr {
    let mut listen = config.listen;
    if listen.ip().is_unspecified() {
        let loopback: std::net::IpAddr = match listen {
            std::net::SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            std::net::SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        };
        listen.set_ip(loopback);
    }
    listen
}

async fn ask(url: &str, question: &Question) -> anyhow::Result<Document> {
    let settings = Settings {
        connect_timeout: Duration::from_secs(2),
        retries: 0,
        breaker_failures: 0,
        ..Settings::default()
    };
    let client = Client::new(settings)?;
    let gateway = weir_upstream::Origin::parse(url)?.named("gateway").trust();
    let purl = utf8_percent_encode(&question.purl, NON_ALPHANUMERIC);
    let path = format!("api/explain?purl={purl}");
    let accept = if question.json { "application/json" } else { "text/plain" };
    Ok(client.document(&gateway, Ask::get(Whither::Path(&path)).accept(accept)).await?)
}

/// The answer of a gateway; `None` when something else listens there.
fn read(document: &Document) -> anyhow::Result<Option<Shown>> {
    let text = String::from_utf8_lossy(&document.body).into_owned();
    if let Some(verdict) = document.headers.get(&weir_api::VERDICT) {
        return Ok(Some(Shown { text, passes: verdict == "passes" }));
    }
    if document.headers.contains_key("x-weir-reason") {
        bail!("{}", text.trim_end());
    }
    Ok(None)
}

async fn embedded(config: Config, env: &Env, question: &Question) -> anyhow::Result<Shown> {
    let telling = Arc::new(Telling::new(Metrics::new()?, Arc::new(SystemClock)));
    let gateway = Arc::new(Gateway::open(config, env, telling).await?);
    serve::start_discovery(&gateway, env, crate::addresses::BUDGET);
    let answer = weir_api::answer(&gateway.pipeline, &gateway.mounts, &question.purl).await;
    gateway.close().await;
    let answer = answer?;
    let text =
        if question.json { serde_json::to_string_pretty(&answer)? } else { answer.to_string() };
    Ok(Shown { text, passes: answer.passes })
}
