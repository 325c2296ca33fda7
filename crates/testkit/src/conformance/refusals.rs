//! Laws of refusals: the sentence arrives, and nothing else does.

use weir_core::{Code, Denial, Ecosystem, Purl, Reply, Target};

const SENTENCE: &str = "demo 1.0.0 withheld by cooldown (3 days) until 2026-11-24";
/// What text from outside might carry into a sentence.
const NASTY: &str =
    "a \"b\" \\ <c>&amp; 'd' \r\nX-Evil: 1\r\n\r\n\u{1b}[31m\u{0}\u{7f} naïve \u{202e}";

pub(super) fn check(plugin: &dyn Ecosystem, target: Option<&Target>) {
    for code in [Code::BlockedByPolicies, Code::UpstreamUnavailable, Code::NotFound] {
        let reply = plugin.deny(target, &denial(plugin, code, SENTENCE));
        let in_header = reply.headers.iter().any(|(_, value)| value.contains(SENTENCE));
        assert!(
            in_header || reply.body.contains(SENTENCE),
            "{}: the refusal of {target:?} does not say its sentence: {reply:?}",
            plugin.describe().id
        );
        clean(plugin, &reply);
        clean(plugin, &plugin.deny(target, &denial(plugin, code, NASTY)));
    }
}

fn denial(plugin: &dyn Ecosystem, code: Code, sentence: &str) -> Denial {
    let mut denial = Denial::new(code, sentence);
    denial.subject = Some(Purl::new(plugin.describe().purl_type, "demo", Some("1.0.0")));
    denial.rule = Some("cooldown".into());
    denial.explain = Some("http://gate.test/why/demo".to_owned());
    denial
}

fn clean(plugin: &dyn Ecosystem, reply: &Reply) {
    let id = plugin.describe().id;
    for (name, value) in &reply.headers {
        let printable = value.bytes().all(|b| b == b' ' || b == b'\t' || b.is_ascii_graphic());
        assert!(printable, "{id}: the refusal's header {name} is not printable ASCII: {value:?}");
        assert_eq!(*name, name.to_ascii_lowercase(), "{id}: header names are lower-case");
    }
    let control = |c: char| c.is_control() && c != '\n';
    assert!(!reply.body.contains(control), "{id}: control characters in {:?}", reply.body);
    if reply.media.contains("json") {
        let parsed = serde_json::from_str::<serde_json::Value>(&reply.body);
        assert!(parsed.is_ok(), "{id}: the refusal is no JSON: {:?}", reply.body);
    }
}
