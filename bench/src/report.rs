//! What was measured, as rows: on the terminal, in the README, and as JSON.

use std::fmt::Write as _;

use serde::Serialize;
use serde_json::Value;

use crate::duel::Outcome;

/// One line of the table.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    /// What was done.
    pub(crate) work: String,
    /// The aim, in words.
    pub(crate) aim: String,
    /// The figure that is compared with the aim.
    pub(crate) measured: String,
    /// CPU of a request, or where else the time went.
    pub(crate) cpu: String,
    /// Whether the aim is met.
    pub(crate) met: bool,
    /// Whether the coarse bound holds that a loaded machine does not break.
    pub(crate) sound: bool,
    /// Everything that was measured.
    pub(crate) raw: Value,
}

impl Row {
    /// A figure with an upper bound. `coarse` bounds it on a loaded machine and in a debug build.
    pub(crate) fn at_most(work: &str, figure: Figure, (aim, coarse): (f64, f64)) -> Self {
        let Figure { value, unit, cpu } = figure;
        Self {
            work: work.to_owned(),
            aim: format!("at most {} {unit}", number(aim)),
            measured: format!("{} {unit}", number(value)),
            cpu,
            met: value <= aim,
            sound: value <= coarse,
            raw: serde_json::json!({ "value": value, "unit": unit }),
        }
    }

    /// A comparison whose ratio of rates has a lower bound.
    pub(crate) fn duel(
        work: &str,
        other: &str,
        outcome: &Outcome,
        (aim, coarse): (f64, f64),
    ) -> Self {
        let Outcome { weir, other: theirs, ratio, cpu_ratio, .. } = outcome;
        Self {
            work: work.to_owned(),
            aim: format!("at least {} × {other}", number(aim)),
            measured: format!(
                "{} × ({}/s · {}/s)",
                number(*ratio),
                number(weir.rate),
                number(theirs.rate)
            ),
            cpu: format!("{} · {} µs", number(weir.cpu), number(theirs.cpu)),
            met: *ratio >= aim,
            sound: *cpu_ratio <= coarse,
            raw: serde_json::to_value(outcome).unwrap_or_default(),
        }
    }

    /// A statement that must hold, whatever the machine does.
    pub(crate) fn fact(work: &str, aim: &str, measured: String, holds: bool) -> Self {
        Self {
            work: work.to_owned(),
            aim: aim.to_owned(),
            measured,
            cpu: String::new(),
            met: holds,
            sound: holds,
            raw: Value::Null,
        }
    }
}

/// A number with its unit, and what is said beside it.
pub(crate) struct Figure {
    pub(crate) value: f64,
    pub(crate) unit: &'static str,
    pub(crate) cpu: String,
}

impl Figure {
    pub(crate) fn new(value: f64, unit: &'static str) -> Self {
        Self { value, unit, cpu: String::new() }
    }
}

/// Three digits that say something: `0.042`, `1.31`, `45.2`, `12,345`.
pub(crate) fn number(value: f64) -> String {
    let decimals = match value.abs() {
        small if small < 0.1 => 3,
        small if small < 10.0 => 2,
        middle if middle < 100.0 => 1,
        _ => 0,
    };
    let text = format!("{value:.decimals$}");
    let (whole, rest) = text.split_once('.').map_or((text.as_str(), ""), |(w, r)| (w, r));
    let mut grouped = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0
            && (whole.len() - at) % 3 == 0
            && digit.is_ascii_digit()
            && !grouped.ends_with('-')
        {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    let rest = rest.trim_end_matches('0');
    if rest.is_empty() { grouped } else { format!("{grouped}.{rest}") }
}

/// The table in Markdown.
pub(crate) fn table(rows: &[Row], circumstances: &str) -> String {
    let mut table = String::from(
        "| work, from the cache | aim | measured | | CPU a request |\n|---|---|---|:-:|---|\n",
    );
    for row in rows {
        let met = if row.met { "✓" } else { "✗" };
        let Row { work, aim, measured, cpu, .. } = row;
        // Writing to a text does not fail.
        let _ = writeln!(table, "| {work} | {aim} | {measured} | {met} | {cpu} |");
    }
    let _ = writeln!(table, "\n{circumstances}");
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_digits_that_say_something() {
        for (value, text) in [
            (0.0421, "0.042"),
            (1.305, "1.3"),
            (45.24, "45.2"),
            (812.4, "812"),
            (12345.6, "12,346"),
        ] {
            assert_eq!(number(value), text);
        }
    }

    #[test]
    fn a_row_says_whether_it_meets_its_aim() {
        let row = Row::at_most("start", Figure::new(120.0, "ms"), (300.0, 3000.0));
        assert!(row.met && row.sound);
        let row = Row::at_most("start", Figure::new(310.0, "ms"), (300.0, 3000.0));
        assert!(!row.met && row.sound);
        assert!(table(&[row], "somewhere").contains("| start | at most 300 ms | 310 ms | ✗ |  |"));
    }
}
