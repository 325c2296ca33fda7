//! Prints `docs/configuration.md`, or with `schema` the JSON Schema.

#[expect(clippy::print_stdout, reason = "its output is what it is for")]
fn main() {
    if std::env::args().nth(1).as_deref() == Some("schema") {
        println!("{:#}", weir_config::schema());
    } else {
        print!("{}", weir_config::reference_markdown());
    }
}
