//! Sentences for people at a terminal: one line each, printable whatever a registry wrote.

use std::fmt::Write as _;
use std::time::Duration;

use weir_core::Timestamp;

use crate::judge::{Ground, Refusal};
use crate::rules::{Rule, UNREADABLE};
use crate::{Facts, PolicyError, WorkMode};

/// `vite 7.1.0 withheld by cooldown (3 days) until 2026-11-24`
pub(crate) fn withheld(refusal: &Refusal) -> String {
    let (name, version, grounds) = (&refusal.name, &refusal.version, grounds(refusal));
    // An unreadable entry may have none.
    let gap = if version.is_empty() { "" } else { " " };
    format!("{name}{gap}{version} withheld {grounds}")
}

/// What follows "withheld": the rule, its end and its reason.
pub(crate) fn grounds(refusal: &Refusal) -> String {
    let mut text = refusal.by.to_string();
    if let Some(end) = end(refusal) {
        let _ = write!(text, " until {end}");
    }
    if let Some(reason) = &refusal.reason {
        let _ = write!(text, ": {reason}");
    }
    text
}

/// The rule in words.
pub(crate) fn by(ground: Ground<'_>) -> String {
    match ground {
        Ground::Cooldown(length) => format!("by cooldown ({})", span(length)),
        Ground::Rule(rule) => format!("by rule {}", rule.name),
        Ground::Unreadable(_) => format!("as {UNREADABLE}"),
        Ground::Nothing => "by nothing".to_owned(),
    }
}

/// The sentence of a `warn` rule.
pub(crate) fn warned(facts: &Facts<'_>, rule: &Rule) -> String {
    let (name, version) = (printable(facts.name), printable(facts.version));
    let mut text = format!("{name} {version} passes with a warning by rule {}", rule.name);
    if let Some(reason) = &rule.reason {
        let _ = write!(text, ": {}", printable(reason));
    }
    text
}

/// The sentence of a refusal that the work mode turns into a warning.
pub(crate) fn spared(refusal: &Refusal, mode: WorkMode) -> String {
    format!("{} (passes, as the work mode is {})", refusal.sentence, mode.as_str())
}

/// A length of time in its largest whole unit: `3 days`, `36 hours`.
pub(crate) fn span(length: Duration) -> String {
    let seconds = length.as_secs();
    let units = [(86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second")];
    let (size, unit) =
        units.into_iter().find(|(size, _)| seconds.is_multiple_of(*size)).unwrap_or((1, "second"));
    match seconds / size {
        1 => format!("1 {unit}"),
        count => format!("{count} {unit}s"),
    }
}

/// The end of a refusal: the day, `2026-11-24`; with the time, `2026-11-24 15:04 UTC`, where
/// it does not last whole days.
pub(crate) fn end(refusal: &Refusal) -> Option<String> {
    const DAY: i64 = 86_400_000;
    let until = refusal.until?;
    let start = refusal.since.map_or(0, Timestamp::as_millis);
    let text = until.to_string();
    match (text.get(..10), text.get(11..16)) {
        (Some(date), Some(time)) if until.as_millis().saturating_sub(start) % DAY != 0 => {
            Some(format!("{date} {time} UTC"))
        }
        _ => Some(until.date()),
    }
}

/// A text without line breaks, control characters and those that change the direction of
/// writing: what a registry wrote must not move the cursor of a terminal.
pub(crate) fn printable(text: &str) -> String {
    let hides = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
    };
    text.trim()
        .chars()
        .map(|c| {
            if c == '\n' || c == '\t' {
                ' '
            } else if hides(c) {
                '?'
            } else {
                c
            }
        })
        .collect()
}

/// The operator's own sentence for refusals.
#[derive(Debug)]
pub(crate) struct Template(Vec<Part>);

#[derive(Debug)]
enum Part {
    Text(Box<str>),
    Field(Field),
}

#[derive(Clone, Copy, Debug)]
enum Field {
    Name,
    Version,
    Rule,
    Reason,
    Until,
    Url,
    Sentence,
}

const FIELDS: [(&str, Field); 7] = [
    ("name", Field::Name),
    ("version", Field::Version),
    ("rule", Field::Rule),
    ("reason", Field::Reason),
    ("until", Field::Until),
    ("url", Field::Url),
    ("sentence", Field::Sentence),
];

impl Template {
    pub(crate) fn parse(text: &str) -> Result<Self, PolicyError> {
        let wrong = |what: String| {
            let names = FIELDS.map(|(name, _)| format!("{{{name}}}")).join(", ");
            PolicyError::new("policy.block_message", what, format!("text with any of {names}"))
        };
        if text.trim().is_empty() {
            return Err(wrong("an empty message".to_owned()));
        }
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) =
                after.split_once('}').ok_or_else(|| wrong("a { without }".to_owned()))?;
            let field = FIELDS.iter().find(|(known, _)| *known == name);
            let (_, field) = field.ok_or_else(|| wrong(format!("there is no {{{name}}}")))?;
            parts.push(Part::Text(printable_within(before)));
            parts.push(Part::Field(*field));
            rest = after;
        }
        parts.push(Part::Text(printable_within(rest)));
        Ok(Self(parts))
    }

    /// Whether a refusal that has nothing but its sentence still says why.
    pub(crate) fn says_why(&self) -> bool {
        let says = |part: &Part| matches!(part, Part::Field(Field::Sentence | Field::Reason));
        self.0.iter().any(says)
    }

    pub(crate) fn fill(&self, refusal: &Refusal, url: Option<&str>) -> String {
        let mut text = String::new();
        for part in &self.0 {
            match part {
                Part::Text(literal) => text.push_str(literal),
                Part::Field(field) => field.write(refusal, url, &mut text),
            }
        }
        text.trim().to_owned()
    }
}

impl Field {
    fn write(self, refusal: &Refusal, url: Option<&str>, out: &mut String) {
        match self {
            Self::Name => out.push_str(&refusal.name),
            Self::Version => out.push_str(&refusal.version),
            Self::Rule => out.push_str(&refusal.rule),
            Self::Reason => out.push_str(refusal.reason.as_deref().unwrap_or("no reason given")),
            Self::Until => out.push_str(end(refusal).as_deref().unwrap_or("further notice")),
            Self::Url => out.push_str(url.unwrap_or_default()),
            Self::Sentence => out.push_str(&refusal.sentence),
        }
    }
}

/// Like [`printable`], with the spaces at both ends.
fn printable_within(text: &str) -> Box<str> {
    let framed = printable(&format!("|{text}|"));
    framed[1..framed.len() - 1].into()
}
