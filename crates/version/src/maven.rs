//! Maven's ordering: `ComparableVersion` of Maven 3.8 and 3.9, as the POM reference describes it in
//! "Version Order Specification" (<https://maven.apache.org/pom.html>).
//!
//! A version is a list of items. Dots part the items of a list; a hyphen, and each change between
//! digits and other characters, begins a list within it. A shorter list is continued by nothing,
//! which lies between the qualifiers of what comes before a release and those of what comes after.

use std::cmp::Ordering;

/// Longer texts are no versions: lists nest as deeply as a text has hyphens.
const LONGEST: usize = 256;
/// The known qualifiers in their order. Unknown ones come after them, by their text.
const QUALIFIERS: [&str; 7] = ["alpha", "beta", "milestone", "rc", "snapshot", "", "sp"];
/// Where the release itself stands in [`QUALIFIERS`].
const RELEASE: usize = 5;

/// A version, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Version {
    text: Box<str>,
    items: Vec<Item>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Item {
    /// Digits without leading zeros; empty for zero.
    Number(Box<str>),
    Qualifier(Qualifier),
    List(Vec<Item>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Qualifier {
    rank: usize,
    /// Decides between unknown qualifiers.
    text: Box<str>,
}

impl Version {
    /// Reads a text; `None` when it is empty or very long.
    pub(crate) fn read(text: &str) -> Option<Self> {
        if text.is_empty() || text.len() > LONGEST {
            return None;
        }
        Some(Self { text: text.into(), items: Reader::read(&text.to_lowercase()) })
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    pub(crate) fn order(&self, other: &Self) -> Ordering {
        order_lists(&self.items, &other.items)
    }

    /// Whether one of its qualifiers stands before the release.
    pub(crate) fn is_prerelease(&self) -> bool {
        self.items.iter().any(Item::is_prerelease)
    }
}

/// Reads the items of a version in lower case.
struct Reader<'a> {
    rest: &'a str,
    /// The lists that are open, the outermost first.
    open: Vec<Vec<Item>>,
}

impl<'a> Reader<'a> {
    fn read(text: &'a str) -> Vec<Item> {
        let mut reader = Reader { rest: text, open: vec![Vec::new()] };
        while !reader.rest.is_empty() {
            reader.token();
        }
        reader.closed()
    }

    /// Takes one item and the separator behind it.
    fn token(&mut self) {
        let is_digit = |c: char| c.is_ascii_digit();
        let digits = run(self.rest, is_digit);
        let word = run(self.rest, |c| !is_digit(c) && !is_separator(c));
        self.rest = &self.rest[digits.len() + word.len()..];
        let numbered = self.rest.starts_with(is_digit);
        let item = if word.is_empty() {
            Item::Number(digits.trim_start_matches('0').into())
        } else {
            // A qualifier before a number or at the end begins a list: `1.X1` is `1-X1`.
            if numbered || self.rest.is_empty() {
                self.begin_below();
            }
            Item::Qualifier(if numbered { Qualifier::numbered(word) } else { Qualifier::new(word) })
        };
        self.add(item);
        match self.separator() {
            Some('-') => self.begin(),
            None if !self.rest.is_empty() => self.begin(),
            _ => {}
        }
    }

    fn separator(&mut self) -> Option<char> {
        let separator = self.rest.chars().next().filter(|c| is_separator(*c))?;
        self.rest = &self.rest[1..];
        Some(separator)
    }

    fn add(&mut self, item: Item) {
        if let Some(list) = self.open.last_mut() {
            list.push(item);
        }
    }

    fn begin(&mut self) {
        self.open.push(Vec::new());
    }

    /// A list of its own for a qualifier that follows something.
    fn begin_below(&mut self) {
        if self.open.last().is_some_and(|list| !list.is_empty()) {
            self.begin();
        }
    }

    /// Closes the lists from the innermost on, each without what says nothing.
    fn closed(mut self) -> Vec<Item> {
        loop {
            let mut list = self.open.pop().unwrap_or_default();
            normalize(&mut list);
            match self.open.last_mut() {
                Some(outer) => outer.push(Item::List(list)),
                None => return list,
            }
        }
    }
}

fn is_separator(c: char) -> bool {
    matches!(c, '.' | '-')
}

fn run(text: &str, holds: impl Fn(char) -> bool) -> &str {
    let end = text.find(|c| !holds(c)).unwrap_or(text.len());
    &text[..end]
}

/// Removes what says nothing (zeros, empty qualifiers and lists) from the end of a list, and from
/// before the lists at its end.
fn normalize(list: &mut Vec<Item>) {
    for at in (0..list.len()).rev() {
        match list.get(at) {
            Some(item) if item.is_null() => drop(list.remove(at)),
            Some(Item::List(_)) => {}
            _ => break,
        }
    }
}

impl Qualifier {
    fn new(word: &str) -> Self {
        let known = match word {
            "cr" => "rc",
            "ga" | "final" | "release" => "",
            other => other,
        };
        match QUALIFIERS.iter().position(|one| *one == known) {
            Some(rank) => Self { rank, text: "".into() },
            None => Self { rank: QUALIFIERS.len(), text: word.into() },
        }
    }

    /// Before a number, the first letter is enough.
    fn numbered(word: &str) -> Self {
        Self::new(match word {
            "a" => "alpha",
            "b" => "beta",
            "m" => "milestone",
            other => other,
        })
    }

    fn order(&self, other: &Self) -> Ordering {
        self.rank.cmp(&other.rank).then_with(|| self.text.cmp(&other.text))
    }

    fn order_to_nothing(&self) -> Ordering {
        self.rank.cmp(&RELEASE)
    }
}

impl Item {
    fn is_null(&self) -> bool {
        match self {
            Self::Number(digits) => digits.is_empty(),
            Self::List(items) => items.is_empty(),
            Self::Qualifier(qualifier) => qualifier.order_to_nothing().is_eq(),
        }
    }

    fn is_prerelease(&self) -> bool {
        match self {
            Self::Number(_) => false,
            Self::Qualifier(qualifier) => qualifier.rank < RELEASE,
            Self::List(items) => items.iter().any(Self::is_prerelease),
        }
    }

    fn order(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Number(a), Self::Number(b)) => order_numbers(a, b),
            (Self::Qualifier(a), Self::Qualifier(b)) => a.order(b),
            (Self::List(a), Self::List(b)) => order_lists(a, b),
            // Qualifiers stand before lists, lists before numbers: 1-sp < 1-1 < 1.1
            (a, b) => a.kind().cmp(&b.kind()),
        }
    }

    fn kind(&self) -> u8 {
        match self {
            Self::Qualifier(_) => 0,
            Self::List(_) => 1,
            Self::Number(_) => 2,
        }
    }

    fn order_to_nothing(&self) -> Ordering {
        match self {
            Self::Number(digits) => digits.len().cmp(&0),
            Self::Qualifier(qualifier) => qualifier.order_to_nothing(),
            Self::List(items) => first_difference(items.iter().map(Self::order_to_nothing)),
        }
    }
}

fn order_numbers(left: &str, right: &str) -> Ordering {
    left.len().cmp(&right.len()).then_with(|| left.cmp(right))
}

fn order_lists(left: &[Item], right: &[Item]) -> Ordering {
    first_difference((0..left.len().max(right.len())).map(|at| {
        match (left.get(at), right.get(at)) {
            (Some(a), Some(b)) => a.order(b),
            (Some(a), None) => a.order_to_nothing(),
            (None, Some(b)) => b.order_to_nothing().reverse(),
            (None, None) => Ordering::Equal,
        }
    }))
}

fn first_difference(mut orders: impl Iterator<Item = Ordering>) -> Ordering {
    orders.find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
}
