//! A plugin inside another program: reads an index file of a Cargo registry from standard input
//! and prints it without one version. No runtime, no network.
//!
//! ```text
//! cargo run -p weir-examples --example embed -- de/mo/demo 1.1.0 < index-file
//! ```

use std::io::{Read as _, stdin, stdout};

use weir_cargo::Cargo;
use weir_core::{Cx, Doc, Docs, Ecosystem as _, Edit, Edits, Found, Job, Request};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (path, version) = arguments.next().zip(arguments.next()).ok_or("usage: PATH VERSION")?;
    let mut body = Vec::new();
    stdin().read_to_end(&mut body)?;

    let target = Cargo.route(&Request::get(&path)?)?;
    let (mut docs, cx) = (Docs::new(), Cx::default());
    for need in Cargo.need(&Job { target: &target, docs: &docs, cx: &cx }) {
        docs.insert(need, Found::Doc(Doc::new(body.clone(), "text/plain")));
    }
    let job = Job { target: &target, docs: &docs, cx: &cx };
    let mut edits = Vec::new();
    Cargo.read(&job, &mut |release| {
        edits.push(if release.version == version { Edit::Drop } else { Edit::Keep });
    })?;
    Cargo.write(&job, &Edits::new(edits), &mut stdout())?;
    Ok(())
}
