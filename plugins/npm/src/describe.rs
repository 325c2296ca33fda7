//! The constants of npm, and how its clients are pointed at a mount.

use weir_core::{Descriptor, OriginSpec, Request, Scheme, Setup, Target};

use crate::{route, view};

/// What a registry calls the abbreviated packument.
pub(crate) const INSTALL_V1: &str = "application/vnd.npm.install-v1+json";
/// The media type of everything else.
pub(crate) const JSON: &str = "application/json";
/// As npm's own client asks for the abbreviated packument, with room for registries that only
/// have the full one.
pub(crate) const ACCEPT_ABBREVIATED: &str =
    "application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8, */*";

pub(crate) static NPM: Descriptor = Descriptor {
    id: "npm",
    aliases: &[],
    purl_type: "npm",
    mount: "npm",
    folder: "npm",
    origins: &[OriginSpec {
        id: "primary",
        title: "the npm registry",
        beside: None,
        through: None,
    }],
    scheme: Scheme::Npm,
    marks: false,
    signed: false,
    records_files: false,
    listing: view::FULL,
    refuse_empty: true,
    accepts: &[JSON, ACCEPT_ABBREVIATED],
    lost_prefix: Some(lost_prefix),
    checksum_headers: &[],
    changing: None,
    merge: None,
    content: None,
    setup: Setup {
        variables: &[
            // npm, pnpm, yarn 1, bun and deno; some read only one of the two spellings.
            ("NPM_CONFIG_REGISTRY", "{base}/"),
            ("npm_config_registry", "{base}/"),
            ("BUN_CONFIG_REGISTRY", "{base}/"),
            // yarn 1, over its own settings file
            ("YARN_REGISTRY", "{base}/"),
            // yarn 2 and later
            ("YARN_NPM_REGISTRY_SERVER", "{base}"),
            ("YARN_UNSAFE_HTTP_WHITELIST", "{host}"),
            // npm 8 and later: addresses of this host in a lock file count as the configured
            // registry's; without it only those of the public registry do.
            ("npm_config_replace_registry_host", "{registry}"),
        ],
        files: &[
            ("~/.npmrc", "registry={base}/\n"),
            ("~/.yarnrc", "registry \"{base}/\"\n"),
            (
                "~/.yarnrc.yml",
                "npmRegistryServer: \"{base}\"\nunsafeHttpWhitelist:\n  - \"{host}\"\n",
            ),
            ("~/.bunfig.toml", "[install]\nregistry = \"{base}/\"\n"),
        ],
        moves: &[],
        folder: None,
        note: "npm, pnpm and deno read ~/.npmrc, yarn 1 ~/.yarnrc, yarn 2 and later ~/.yarnrc.yml, \
               bun ~/.bunfig.toml. A registry that is set for a scope (@scope:registry=…) still \
               goes past the gateway. npm, yarn and bun write the gateway's address into their \
               lock files, so keep it stable.",
    },
};

/// Some npm releases drop the mount's path from the addresses in a lock file and ask for
/// `/<package>/-/<file>.tgz` at the root (<https://github.com/npm/cli/issues/8319>).
fn lost_prefix(request: &Request<'_>) -> bool {
    request.method.reads()
        && matches!(
            route::route(request),
            Ok(Target::Artifact { file, .. })
                if file.rsplit_once('.').is_some_and(|(_, end)| end.eq_ignore_ascii_case("tgz"))
        )
}
