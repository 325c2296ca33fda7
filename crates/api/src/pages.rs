//! The pages for people: `/` and `/why/<purl>`. They need nothing from anywhere else, run no
//! script, and every text in them is escaped by the templates.

use askama::Template;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse as _, Response};
use weir_core::Code;
use weir_policy::Explanation;

use crate::error::REASON;
use crate::explain::{VERDICT, answer};
use crate::numbers::Refused;
use crate::{ApiError, Handle, Shared, query_value};

/// Refusals on the start page.
const RECENT: u64 = 10;

/// Nothing is loaded, nothing runs, and no other page shows this one in a frame.
const CONTENT_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; \
     frame-ancestors 'none'",
);

#[derive(Template)]
#[template(path = "start.html")]
struct Start {
    version: &'static str,
    origin: String,
    mounts: Vec<MountRow>,
    refusals: Vec<RefusalRow>,
}

struct MountRow {
    address: String,
    ecosystem: &'static str,
    /// The registries behind a group.
    members: String,
    /// What points a client here.
    setup: String,
}

struct RefusalRow {
    refused: Refused,
    why: String,
}

#[derive(Template)]
#[template(path = "why.html")]
struct Why<'a> {
    purl: &'a str,
    explanations: &'a [Explanation],
    error: Option<String>,
}

/// The start page: what is served where, how clients are pointed there, what was refused lately.
pub(crate) async fn start(State(shared): Handle, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let origin = shared.api.pipeline.public_address(&parts).to_string();
    let refused = shared.api.catalog.recent_refusals(RECENT).await.unwrap_or_default();
    let page = Start {
        version: env!("CARGO_PKG_VERSION"),
        mounts: mounts(&shared, &origin),
        refusals: refused.into_iter().map(|refusal| row(refusal.into())).collect(),
        origin,
    };
    html(StatusCode::OK, &page)
}

fn mounts(shared: &Shared, origin: &str) -> Vec<MountRow> {
    let mut rows: Vec<MountRow> = shared
        .api
        .fronts
        .iter()
        .filter_map(|front| {
            let descriptor = front.ecosystem()?.describe();
            let members: Vec<&str> = front.members.iter().map(|one| &*one.mount.name).collect();
            let group = members.len() > 1;
            let path = &front.path;
            let usual = *path == descriptor.mount;
            let place = if usual { String::new() } else { format!(" --path /{path}") };
            Some(MountRow {
                address: format!("{origin}/{path}/"),
                ecosystem: descriptor.id,
                members: if group { members.join(", ") } else { String::new() },
                setup: format!("weir setup {}{place} --base-url {origin}", descriptor.id),
            })
        })
        .collect();
    rows.sort_by(|a, b| a.address.cmp(&b.address));
    rows
}

fn row(refused: Refused) -> RefusalRow {
    let why = refused.purl.as_ref().map(|purl| why_path(purl)).unwrap_or_default();
    RefusalRow { refused, why }
}

/// The page's path for a package URL: what would end a path is encoded.
fn why_path(purl: &str) -> String {
    format!("/why/{}", purl.replace('?', "%3F").replace('#', "%23"))
}

/// Why a package passes or does not, as a page.
pub(crate) async fn why(State(shared): Handle, request: Request) -> Response {
    let uri = request.uri();
    // The path as it was sent: a package URL has an encoding of its own.
    let path = uri.path().strip_prefix("/why/").unwrap_or_default();
    let asked = match query_value(uri, "purl") {
        Some(asked) if path.is_empty() => asked,
        _ => path.to_owned(),
    };
    let found = answer(&shared.api.pipeline, &shared.api.mounts, &asked).await;
    match found {
        Ok(answer) => {
            let page = Why { purl: &answer.purl, explanations: &answer.explanations, error: None };
            let mut response = html(StatusCode::OK, &page);
            let verdict = HeaderValue::from_static(answer.verdict());
            response.headers_mut().insert(VERDICT, verdict);
            response
        }
        Err(error) => {
            let sentence = Some(error.sentence.clone());
            let page = Why { purl: &asked, explanations: &[], error: sentence };
            let mut response = html(error.status, &page);
            let reason = HeaderValue::from_static(error.code.as_str());
            response.headers_mut().insert(REASON, reason);
            response
        }
    }
}

fn html(status: StatusCode, page: &impl Template) -> Response {
    let text = match page.render() {
        Ok(text) => text,
        Err(error) => return ApiError::new(Code::Internal, error.to_string()).respond(false),
    };
    let mut response = (status, Html(text)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, CONTENT_POLICY);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
