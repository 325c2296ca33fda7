//! Prints the addresses that this machine names, and where.

use std::time::{Duration, Instant};

use weir_discover::{Env, Options, discover, table};

#[expect(clippy::disallowed_methods, reason = "an example is its own outermost layer")]
#[expect(clippy::print_stdout, reason = "its output is what it is for")]
fn main() -> std::io::Result<()> {
    let vars = std::env::vars().collect();
    let env = Env::new(vars, std::env::current_dir()?);
    let start = Instant::now();
    let options = Options { budget: Duration::from_secs(3), exclude: &[], memory: None };
    let found = discover(&env, &options);
    println!("{}in {:?}", table(&found), start.elapsed());
    Ok(())
}
