//! Serves the three demo registries until it is interrupted, for trying real clients by hand:
//!
//! ```text
//! cargo run -p weir-testkit --features server --example origin [html]
//! ```
//!
//! With `html`, the Python index knows no JSON and no metadata files, as older mirrors do.
#![expect(clippy::print_stdout, reason = "a program for people")]

use weir_testkit::origin::{
    CargoStyle, NpmStyle, Origin, Package, PackageRelease, PypiForm, PypiStyle, cargo_index,
    npm_registry, pypi_index,
};

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let npm = Origin::below("/repository/npm-proxy").await;
    let index = Origin::below("/repository/pypi-proxy").await;
    let files = Origin::start().await;
    let crates = Origin::start().await;
    npm_registry(&npm, &demo("^1.0.0"), &NpmStyle::default());
    let python = match std::env::args().nth(1).as_deref() {
        Some("html") => PypiStyle { form: PypiForm::Html, metadata: false, ..PypiStyle::default() },
        _ => PypiStyle::default(),
    };
    pypi_index(&index, &files, &demo(">=1.0.0"), &python);
    cargo_index(&crates, &demo("^1.0.0"), &CargoStyle::default());

    println!("npm install --registry {}/ demo", npm.url());
    println!("pip install --index-url {}/simple/ demo", index.url());
    println!("CARGO_REGISTRIES_DEMO_INDEX=sparse+{}/ cargo add --registry demo demo", crates.url());
    tokio::signal::ctrl_c().await?;
    for origin in [npm, index, files, crates] {
        for seen in origin.requests() {
            println!("{} {}/{}", seen.method, origin.url(), seen.path);
        }
    }
    Ok(())
}

/// A package with a dependency, a yanked release and a recent one.
fn demo(requirement: &str) -> Vec<Package> {
    let needs = |release: PackageRelease| PackageRelease {
        dependencies: vec![("demo-core".to_owned(), requirement.to_owned())],
        ..release
    };
    let yanked = |release| PackageRelease { yanked: Some("broken".to_owned()), ..needs(release) };
    vec![
        Package::new("demo")
            .release_with("1.0.0", "2025-01-01T00:00:00Z", needs)
            .release_with("1.1.0", "2025-06-01T00:00:00Z", yanked)
            .release_with("1.2.0", "2026-11-20T00:00:00Z", needs),
        Package::new("demo-core").release("1.0.0", "2025-01-01T00:00:00Z"),
    ]
}
