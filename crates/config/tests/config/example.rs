//! The example of a configuration.

use std::path::Path;

use weir_config::{Env, Overrides, Sources, load};

#[test]
fn the_example_for_a_machine_that_serves_others_is_well_formed() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/weir.toml");
    let env: Env = [("HOME", "/home/ada")].into_iter().collect();
    let overrides = Overrides::default();
    let sources =
        Sources { file: Some(&file), env: &env, overrides: &overrides, cwd: Path::new("/srv") };
    let loaded = load(&sources).unwrap();
    assert_eq!(loaded.warnings, []);
    assert_eq!(loaded.config.groups["packages"].members.len(), 2);
    assert_eq!(loaded.config.policy.rules[0].name, "no-left-pad");
}
