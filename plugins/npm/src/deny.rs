//! Refusals as npm's clients print them: `error` of the body (npm, yarn 1), which has to be a
//! string, and the header `npm-notice` (npm).

use weir_core::{Code, Denial, Reply};
use weir_format::json::quote;

use crate::describe;

/// npm prints this header on any answer that did not come from its cache.
pub(crate) const NOTICE: &str = "npm-notice";

pub(crate) fn deny(denial: &Denial) -> Reply {
    let sentence: String =
        denial.sentence.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let mut fields = vec![
        ("error", sentence),
        ("code", denial.code.to_string()),
        ("reason", denial.rule.as_deref().unwrap_or(denial.code.as_str()).to_owned()),
    ];
    fields.extend(denial.subject.iter().map(|purl| ("subject", purl.to_string())));
    fields.extend(denial.until.iter().map(|until| ("until", until.to_string())));
    fields.extend(denial.explain.iter().map(|url| ("explain", url.clone())));
    let fields: Vec<_> =
        fields.iter().map(|(key, value)| format!("{}:{}", quote(key), quote(value))).collect();
    // Of what is not there npm speaks by itself.
    let said = denial.code == Code::NotFound;
    let notice = if said { Vec::new() } else { vec![(NOTICE, denial.status_line())] };
    Reply { media: describe::JSON, headers: notice, body: format!("{{{}}}\n", fields.join(",")) }
}
