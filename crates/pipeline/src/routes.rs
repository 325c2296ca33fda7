//! What paths ask for. A plugin's answer depends on the request alone, and most requests have been
//! seen before: it is remembered.

use std::sync::Arc;

use weir_cache::Memory;
use weir_core::{Ecosystem, Method, Target};

/// Paths that are remembered.
const MOST: usize = 4096;
/// The longest question that is remembered, in bytes: clients choose it.
const LONGEST: usize = 512;

/// A target and its canonical path.
#[derive(Debug)]
pub(crate) struct Routed {
    pub(crate) target: Target,
    /// As [`Ecosystem::path`] spells it.
    pub(crate) path: Box<str>,
}

impl Routed {
    pub(crate) fn new(ecosystem: &dyn Ecosystem, target: Target) -> Arc<Self> {
        let path = ecosystem.path(&target).into();
        Arc::new(Self { target, path })
    }
}

/// All that a plugin looks at, but for a body: with one, nothing is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Question<'a> {
    pub(crate) ecosystem: &'static str,
    pub(crate) method: Method,
    /// The path below the front, as the client spelled it.
    pub(crate) below: &'a str,
    pub(crate) query: &'a str,
    pub(crate) accept: &'a str,
    pub(crate) namespace: &'a str,
}

/// The last answer for each path.
pub(crate) struct Routes(Memory<Box<str>, Arc<Known>>);

struct Known {
    ecosystem: &'static str,
    method: Method,
    query: Box<str>,
    accept: Box<str>,
    namespace: Box<str>,
    routed: Arc<Routed>,
}

impl Known {
    fn answers(&self, question: &Question<'_>) -> bool {
        self.ecosystem == question.ecosystem
            && self.method == question.method
            && *self.query == *question.query
            && *self.accept == *question.accept
            && *self.namespace == *question.namespace
    }
}

impl Routes {
    pub(crate) fn new() -> Self {
        Self(Memory::of(MOST))
    }

    /// What was found for the same question before.
    pub(crate) fn get(&self, question: &Question<'_>) -> Option<Arc<Routed>> {
        let known = self.0.get(question.below)?;
        known.answers(question).then(|| Arc::clone(&known.routed))
    }

    pub(crate) fn put(&self, question: &Question<'_>, routed: &Arc<Routed>) {
        let Question { ecosystem, method, below, query, accept, namespace } = *question;
        if below.len() + query.len() + accept.len() + namespace.len() > LONGEST {
            return;
        }
        let known = Known {
            ecosystem,
            method,
            query: query.into(),
            accept: accept.into(),
            namespace: namespace.into(),
            routed: Arc::clone(routed),
        };
        self.0.put(below.into(), Arc::new(known));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(below: &str) -> Question<'_> {
        Question {
            ecosystem: "npm",
            method: Method::Get,
            below,
            query: "",
            accept: "",
            namespace: "",
        }
    }

    fn routed(name: &str) -> Arc<Routed> {
        Arc::new(Routed { target: Target::manifest(name, "full"), path: name.into() })
    }

    #[test]
    fn only_the_very_same_question_has_the_same_answer() {
        let routes = Routes::new();
        let asked = question("demo");
        routes.put(&asked, &routed("demo"));
        assert_eq!(*routes.get(&asked).unwrap().path, *"demo");
        for other in [
            Question { ecosystem: "cargo", ..asked },
            Question { method: Method::Put, ..asked },
            Question { below: "demo/", ..asked },
            Question { query: "write=true", ..asked },
            Question { accept: "text/html", ..asked },
            Question { namespace: "library", ..asked },
        ] {
            assert!(routes.get(&other).is_none(), "{other:?}");
        }
    }

    #[test]
    fn a_long_question_is_not_remembered() {
        let routes = Routes::new();
        let long = "a".repeat(LONGEST + 1);
        routes.put(&question(&long), &routed("a"));
        assert!(routes.get(&question(&long)).is_none());
    }
}
