//! R. Its profiles are programs, which R alone understands: they are read here only when R cannot
//! be asked.

use std::path::PathBuf;

use crate::env::text;
use crate::{Env, Finding};

/// The user's profile and the site's, the stronger first, and the table of repositories.
pub(super) fn files(env: &Env) -> Vec<PathBuf> {
    let named = |variable: &str| env.var(variable).map(PathBuf::from);
    vec![
        named("R_PROFILE_USER").unwrap_or_else(|| env.home.join(".Rprofile")),
        named("R_PROFILE").unwrap_or_else(|| env.system("etc/R/Rprofile.site")),
        env.home.join(".Renviron"),
        table(env),
    ]
}

fn table(env: &Env) -> PathBuf {
    env.system("etc/R/repositories")
}

/// What the files seem to say.
pub(super) fn guess(env: &Env) -> Vec<Finding> {
    let found = files(env).into_iter().filter_map(|path| {
        let text = without_comments(&text(&path)?);
        let address = if path == table(env) { row(&text) } else { profile(&text) };
        Finding::new("cran", address?, format!("R's settings ({})", env.show(&path)))
    });
    found.collect()
}

/// The address in the table's row `CRAN`: columns are separated by tabs, the address is the third.
fn row(text: &str) -> Option<&str> {
    text.lines().find(|line| line.starts_with("CRAN\t"))?.split('\t').nth(2)
}

/// The last address that the name `CRAN` is given, else the last that the option `repos` is.
fn profile(text: &str) -> Option<&str> {
    last(text, "CRAN", |rest| quoted(given(rest.trim_start_matches(['"', '\'', '`', ']', ' ']))?))
        .or_else(|| last(text, "repos", |rest| quoted(first_quote(given(rest)?))))
}

/// What `read` finds after the last `word` after which it finds anything.
fn last<'t>(
    text: &'t str,
    word: &str,
    read: impl Fn(&'t str) -> Option<&'t str>,
) -> Option<&'t str> {
    text.rmatch_indices(word).find_map(|(at, _)| read(&text[at + word.len()..]))
}

/// What stands after an assignment or a named argument.
fn given(text: &str) -> Option<&str> {
    let text = text.trim_start();
    text.strip_prefix('=').or_else(|| text.strip_prefix("<-")).map(str::trim_start)
}

fn first_quote(text: &str) -> &str {
    text.find(['"', '\'']).map_or("", |at| &text[at..])
}

/// An address in quotes.
fn quoted(text: &str) -> Option<&str> {
    let quote = text.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let address = text[1..].split(quote).next()?;
    address.starts_with("http").then_some(address)
}

/// The text with each comment gone: `#` outside of quotes, to the line's end.
fn without_comments(text: &str) -> String {
    let mut kept = String::new();
    for line in text.lines() {
        let mut quote = None;
        for c in line.chars() {
            match quote {
                None if c == '#' => break,
                None if matches!(c, '"' | '\'') => quote = Some(c),
                Some(open) if open == c => quote = None,
                _ => {}
            }
            kept.push(c);
        }
        kept.push('\n');
    }
    kept
}
