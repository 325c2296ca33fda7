//! The rows of the table of keys. Rows that hold below several tables stand once, with the rest of
//! their path.

use super::Kind;

/// One row: a key, or the rest of one.
pub(super) struct Row {
    pub(super) path: &'static str,
    pub(super) kind: Kind,
    pub(super) default: &'static str,
    pub(super) example: &'static str,
    pub(super) flag: Option<&'static str>,
    pub(super) also: Option<&'static str>,
    pub(super) doc: &'static str,
}

macro_rules! optional {
    () => {
        None
    };
    ($value:literal) => {
        Some($value)
    };
}

macro_rules! rows {
    ($($path:literal: $kind:ident $(($words:expr))? = $default:literal, like $example:literal
        $(, flag $flag:literal)? $(, also $also:literal)?; $doc:literal;)+) => {
        &[$(Row {
            path: $path,
            kind: Kind::$kind $(($words))?,
            default: $default,
            example: $example,
            flag: optional!($($flag)?),
            also: optional!($($also)?),
            doc: $doc,
        },)+]
    };
}

const DRIVERS: &[&str] = &["sqlite", "postgres"];
const KEY_KINDS: &[&str] = &["ed25519", "rsa3072"];
const TOKEN_ROLES: &[&str] = &["client", "admin"];
const LOG_FORMATS: &[&str] = &["text", "json"];
const OTLP_PROTOCOLS: &[&str] = &["http/protobuf", "grpc"];
const INDEX_MODES: &[&str] = &["passthrough", "filter_resign"];
const WORK_MODES: &[&str] = &["warmup", "spectator", "moderate", "strict", "strict_wait"];
const UNKNOWN_DATES: &[&str] = &["first_seen", "deny", "allow"];
const LISTING_MODES: &[&str] = &["remove", "mark"];
const EFFECTS: &[&str] = &["deny", "warn", "allow"];

/// First keys: the gateway itself.
pub(super) const GATEWAY: &[Row] = rows! {
    "listen": Text = "127.0.0.1:8080", like ":8080", flag "--listen", also "PROXY_LISTEN";
        "Where the gateway listens. `:8080` listens on all interfaces (IPv4); `[::]:8080` on \
         all, IPv6 too.";
    "base_url": Url = "", like "https://packages.example.org", flag "--base-url", also "PROXY_BASE_URL";
        "The public address that clients use. Without it the address is taken from each \
         request.";
    "data_dir": Path = "", like "/var/lib/weir", flag "--data-dir";
        "The folder of cache, database and spools. By default the folder `weir` in the user's \
         data folder.";
    "offline": Flag = "false", like "true", flag "--offline";
        "Opens no connection to any upstream: what is not cached is refused.";
    "http2": Flag = "false", like "true";
        "Offers HTTP/2 to package clients. It has no status line, so some clients no longer \
         print the reason of a refusal.";
    "trusted_proxies": List = "[]", like r#"["10.0.0.0/8"]"#;
        "Networks of proxies whose forwarded headers are believed.";
    "tls.certificate": Path = "", like "/etc/weir/tls.crt";
        "A PEM file with the certificate that clients see, followed by its chain. Makes the \
         gateway speak HTTPS; a renewed file is taken up within a minute, and at SIGHUP. Needs \
         `tls.key`.";
    "tls.key": Path = "", like "/etc/weir/tls.key";
        "The PEM file of the certificate's private key.";
    "auth.required": Flag = "false", like "true";
        "Every request needs a token, but for `/health`, `/keys/` and `/metrics`.";
    "auth.metrics": Flag = "false", like "true";
        "`/metrics` needs a token too.";
    "auth.tokens.<name>.token": Secret = "", like r#"{ file = "/run/secrets/weir-ci" }"#;
        "A token, at least 20 characters long, such as `openssl rand -hex 32` makes. Clients send \
         it as a bearer token, or as the password of any user. The access log tells its name.";
    "auth.tokens.<name>.role": OneOf(TOKEN_ROLES) = "client", like "admin";
        "What its holder may: fetch, or administer as well.";
    "auth.tokens.<name>.mounts": List = "[]", like r#"["npm", "internal"]"#;
        "Names of the registries and groups that its holder may fetch from. Without it, all.";
    "auth.tokens.<name>.until": Instant = "", like "2030-01-31";
        "When the token ends.";
    "access_log.path": Path = "", like "/var/log/weir/access.log";
        "A file, or `/dev/stdout`, that gets one JSON object a line for each request. By default \
         there is none.";
    "access_log.max_size": Size = "100 MiB", like "1 GiB";
        "The size at which the access log becomes an older one (`.1`, `.2`, …); `0` never does.";
    "access_log.keep": Count = "5", like "30";
        "How many older access logs are kept.";
    "otlp.endpoint": Url = "", like "http://collector.example:4318", also "OTEL_EXPORTER_OTLP_ENDPOINT";
        "An OpenTelemetry collector that traces and metrics are sent to: its address without \
         `/v1/traces`. By default nothing is sent.";
    "otlp.protocol": OneOf(OTLP_PROTOCOLS) = "http/protobuf", like "grpc", also "OTEL_EXPORTER_OTLP_PROTOCOL";
        "How they are sent. Most collectors speak `http/protobuf` on port 4318 and `grpc` on 4317.";
    "otlp.propagate": Flag = "false", like "true";
        "Tells registries which trace a request belongs to (`traceparent`): for those that are \
         traced too. What redirects lead to is not told.";
    "otlp.headers.<name>": Secret = "", like r#"{ file = "/run/secrets/collector-key" }"#;
        "A header of each request to the collector, such as a key.";
    "otlp.service_name": Text = "weir", like "weir-eu", also "OTEL_SERVICE_NAME";
        "The name of this gateway among what is observed.";
    "otlp.interval": Duration = "1m", like "10s";
        "How often metrics are sent.";
    "otlp.sample": Count = "1", like "100";
        "One request in this many is traced, and those of clients that say so (`traceparent`); \
         `0` traces none.";
    "storage.url": Url = "", like "s3://packages?region=eu-west-1", flag "--storage-url", also "PROXY_STORAGE_URL";
        "Where bytes are kept. By default the folder `cache` in `data_dir`. Credentials of S3 \
         come from `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_REGION`.";
    "storage.path": Path = "", like "/var/lib/weir/cache", flag "--storage-path";
        "Deprecated: a folder; use `storage.url`.";
    "storage.max_size": Size = "", like "100 GiB";
        "The most bytes of files and documents that are kept; what was used least recently goes \
         first. By default nothing is evicted.";
    "storage.max_age": Duration = "", like "90d";
        "How long something is kept that nobody uses. By default for ever.";
    "storage.scrub": Duration = "30d", like "7d";
        "The time in which everything that is stored is hashed once more in the background; what \
         has changed is removed, reported and fetched again. `0` never does. With S3 it reads all \
         objects through the network.";
    "database.driver": OneOf(DRIVERS) = "sqlite", like "postgres", flag "--database-driver", also "PROXY_DATABASE_DRIVER";
        "The kind of database. A `database.url` alone makes it `postgres`.";
    "database.path": Path = "", like "/var/lib/weir/weir.db", flag "--database-path", also "PROXY_DATABASE_PATH";
        "The file of an SQLite database. By default `weir.db` in `data_dir`.";
    "database.url": Secret = "", like "postgres://weir@db.example/weir", flag "--database-url", also "PROXY_DATABASE_URL";
        "The address of a PostgreSQL database.";
    "keys.path": Path = "", like "/run/secrets/weir-signing-key";
        "The file of the OpenPGP key that signs edited indexes. By default `keys/signing.asc` in \
         `data_dir`. Nodes that serve the same mounts need the same key.";
    "keys.kind": OneOf(KEY_KINDS) = "ed25519", like "rsa3072";
        "The algorithm of the key that `weir keys init` makes.";
    "log.level": Text = "info", like "info,weir_upstream=debug", flag "--log-level", also "PROXY_LOG_LEVEL";
        "`error`, `warn`, `info`, `debug`, `trace` or `off`; also per target, after commas.";
    "log.format": OneOf(LOG_FORMATS) = "text", like "json", flag "--log-format", also "PROXY_LOG_FORMAT";
        "The form of a log line.";
};

/// `upstream.<ecosystem>` in its short form.
pub(super) const UPSTREAM: &[Row] = rows! {
    "upstream.<ecosystem>": Url = "", like "https://registry.example/npm";
        "The address of an ecosystem's registry, or a table. It may be private. Without it the \
         address is looked for on the machine.";
};

/// Mounts and groups.
pub(super) const MOUNTS: &[Row] = rows! {
    "registries.<name>.ecosystem": Ecosystem = "", like "npm";
        "The ecosystem of a further mount. `registries.<id>` is an ecosystem's default mount \
         and needs none.";
    "registries.<name>.upstream": Url = "", like "https://registry.example/npm";
        "The address that this mount fetches from, or a table as in `upstream.<ecosystem>`.";
    "registries.<name>.path": Text = "", like "/internal-npm";
        "The path of the mount. By default `/<name>`; below the ecosystem's own path for \
         container, conda, helm, generic, rpm and conan.";
    "registries.<name>.work_mode": OneOf(WORK_MODES) = "", like "strict";
        "The work mode of this mount instead of `policy.work_mode`.";
    "registries.<name>.index": OneOf(INDEX_MODES) = "passthrough", like "filter_resign";
        "What happens to signed indexes (debian): they are passed on, and policy is applied to \
         downloads alone; or versions are removed and the indexes are signed with the gateway's key.";
    "registries.<name>.suites": List = "[]", like r#"["bookworm", "bookworm-updates"]"#;
        "The suites that `filter_resign` signs; others are not served then.";
    "registries.<name>.components": List = "[]", like r#"["main"]"#;
        "The components that `filter_resign` signs. Without it, all.";
    "registries.<name>.architectures": List = "[]", like r#"["amd64"]"#;
        "The architectures that `filter_resign` signs; `source` for source packages.";
    "registries.<name>.hold_back": Flag = "false", like "true";
        "With `filter_resign`: when the only version of a package is withheld, the last allowed \
         version stays in the index while its file can be had.";
    "registries.<name>.keyring": List = "[]", like r#"["/usr/share/keyrings/debian-archive-keyring.gpg"]"#;
        "With `filter_resign`: files with the OpenPGP keys of the archive, in ASCII armor or not. What \
         none of them signed is not signed anew. Without it, the keys that apt on this machine has for it.";
    "registries.<name>.verify_upstream": Flag = "true", like "false";
        "With `filter_resign`: `false` signs anew without looking at upstream's signature. Who is \
         between the gateway and the archive can then put anything into its indexes.";
    "groups.<name>.ecosystem": Ecosystem = "", like "npm";
        "The ecosystem of the members. By default that of the first.";
    "groups.<name>.path": Text = "", like "/all-npm";
        "The path of the group. Defaults as for registries.";
    "groups.<name>.members": List = "", like r#"["internal", { registry = "npm", exclude = ["@acme/*"] }]"#;
        "Names of registries in the order in which they are asked; an entry may be a table.";
    "groups.<name>.members[].registry": Text = "", like "internal";
        "The registry's name, or an ecosystem's id for its default mount.";
    "groups.<name>.members[].patterns": List = "[]", like r#"["@acme/*"]"#;
        "Names that this member is asked for, as globs. Without it, all names.";
    "groups.<name>.members[].exclude": List = "[]", like r#"["@acme/*"]"#;
        "Names that this member is never asked for, as globs.";
};

/// What may pass.
pub(super) const POLICY: &[Row] = rows! {
    "cooldown.default": Duration = "0", like "3d";
        "How old a version must be before it passes; 0 lets everything pass.";
    "cooldown.unknown": OneOf(UNKNOWN_DATES) = "first_seen", like "deny";
        "What a version without a date counts as: as old as this gateway's first sight of it, \
         withheld, or passed.";
    "cooldown.ecosystems.<ecosystem>": Duration = "", like "7d";
        "The cooldown of one ecosystem.";
    "cooldown.packages.<purl>": Duration = "", like "12h";
        "The cooldown of one package, or of those that a glob covers (`pkg:npm/@acme/*`).";
    "policy.work_mode": OneOf(WORK_MODES) = "moderate", like "strict";
        "How strict the gateway is with what was not scanned; `warmup` and `spectator` refuse \
         nothing. `work-mode` is read too.";
    "policy.listing": OneOf(LISTING_MODES) = "mark", like "remove";
        "Whether withheld versions are left out of listings, or marked where the format has a \
         mark; or a table.";
    "policy.listing.default": OneOf(LISTING_MODES) = "mark", like "mark";
        "For ecosystems that are not named.";
    "policy.listing.ecosystems.<ecosystem>": OneOf(LISTING_MODES) = "", like "remove";
        "For one ecosystem.";
    "policy.block_status": Count = "403", like "403";
        "The status of a refusal.";
    "policy.block_message": Text = "", like "Withheld: {sentence}. Questions: #packages";
        "The sentence of a refusal in other words. `{sentence}` is the usual one; `{name}`, \
         `{version}`, `{rule}`, `{reason}`, `{until}` and `{url}` are filled in too.";
    "policy.block_url": Url = "", like "https://wiki.example.org/packages";
        "The page that refusals point to, instead of the gateway's own.";
    "policy.rules[].name": Text = "", like "no-left-pad";
        "The word by which refusals call the rule.";
    "policy.rules[].effect": OneOf(EFFECTS) = "", like "deny";
        "What happens to what it matches. The first rule that matches decides; the cooldown \
         comes last.";
    "policy.rules[].purl": Text = "", like "pkg:npm/left-pad";
        "A package URL without version, or a glob of such.";
    "policy.rules[].versions": Text = "", like "<1.3.0";
        "A version range in the ecosystem's own syntax. Without it, every version.";
    "policy.rules[].reason": Text = "", like "removed by its author";
        "Why, for the person who is refused.";
    "policy.rules[].until": Instant = "", like "2030-01-31";
        "When the rule ends.";
    "policy.rules[].owner": Text = "", like "security@example.org";
        "Who answers for the rule.";
};

/// Buffers and caps.
pub(super) const LIMITS: &[Row] = rows! {
    "limits.read_buffer": Size = "256 KiB", like "1 MiB";
        "Bytes read from storage at once.";
    "limits.write_buffer": Size = "8 MiB", like "16 MiB";
        "Bytes of one part of an upload to S3, at least 5 MiB; what is smaller goes in one request.";
    "limits.spool_buffer": Size = "256 KiB", like "1 MiB";
        "Bytes of a download collected before they are written to its temporary file.";
    "limits.memory": Size = "48 MiB", like "256 MiB";
        "Memory for objects that are asked for often.";
    "limits.memory_object": Size = "16 MiB", like "4 MiB";
        "The largest object kept in that memory.";
    "limits.document": Size = "256 MiB", like "64 MiB";
        "The largest document after decoding.";
    "limits.artifact": Size = "64 GiB", like "10 GiB";
        "The largest artifact.";
    "limits.request_body": Size = "8 MiB", like "1 MiB";
        "The largest body of a client's request.";
    "limits.header_count": Count = "100", like "64";
        "Most headers of a client's request.";
    "limits.header_size": Size = "64 KiB", like "32 KiB";
        "Most bytes of a client's request line and headers.";
    "limits.header_timeout": Duration = "15s", like "5s";
        "The time a client has for its request's headers, and then for its request's body; an idle \
         connection is closed after it.";
    "limits.send_timeout": Duration = "1m", like "30s";
        "Longest pause in which a client takes nothing of its answer.";
    "limits.shutdown_timeout": Duration = "30s", like "10s";
        "The time in which open requests may end after a signal to stop.";
    "limits.connections": Count = "4096", like "512";
        "Most connections of clients at once; further ones are answered with 503 and closed.";
};

/// Below `upstream.<ecosystem>` and `registries.<name>.upstream`.
pub(super) const UPSTREAM_TABLE: &[Row] = rows! {
    "address": Url = "", like "https://registry.example/npm";
        "The address, when more than the address is said. User information in it becomes \
         credentials.";
    "origins.<role>": Url = "", like "https://api.registry.example";
        "A further origin of the ecosystem, by its role, such as `api`.";
    "origins.<role>.address": Url = "", like "https://api.registry.example";
        "Its address, when more than the address is said.";
    "redirects": List = "[]", like r#"["files.example"]"#;
        "Hosts, beside the addresses' own, to which a redirect may lead. `*.example.org` covers \
         all below.";
    "token_realms": List = "[]", like r#"["auth.example.com"]"#;
        "Hosts, beside the registry's own and those of its domain, whose token service may see \
         the credentials: a name, `*.example.org` or `name:port`. For container registries.";
    "stands_for": List = "[]", like r#"["docker.io"]"#;
        "Hosts, beside its own, whose images this registry has: containerd names them with `?ns=`. \
         For a mirror of Docker Hub, `docker.io`.";
    "ca_file": Path = "", like "/etc/ssl/company.pem";
        "A PEM file of certificate authorities to believe beside the system's.";
};

/// Below every `credentials`.
pub(super) const CREDENTIALS: &[Row] = rows! {
    "user": Text = "", like "ci";
        "The user of basic authentication.";
    "password": Secret = "", like r#"{ env = "REGISTRY_PASSWORD" }"#;
        "The password of basic authentication.";
    "token": Secret = "", like r#"{ env = "REGISTRY_TOKEN" }"#;
        "A bearer token.";
    "header": Text = "", like "X-Api-Key";
        "The name of a header of the registry's own.";
    "value": Secret = "", like r#"{ file = "/run/secrets/api-key" }"#;
        "The value of that header.";
};

/// Below `limits.upstream`, and overrides below every `upstream.….limits`.
pub(super) const UPSTREAM_LIMITS: &[Row] = rows! {
    "connect_timeout": Duration = "10s", like "5s";
        "Time to connect, TLS included.";
    "read_timeout": Duration = "30s", like "1m";
        "Longest wait for an answer to begin, and longest pause between two reads of it.";
    "write_timeout": Duration = "30s", like "1m";
        "Longest pause between two writes of a request.";
    "pool_timeout": Duration = "30s", like "10s";
        "Longest wait for a free connection.";
    "idle_timeout": Duration = "1m", like "30s";
        "How long an unused connection stays open.";
    "connections": Count = "64", like "16";
        "Most requests at once.";
    "rate": Count = "0", like "50";
        "Most requests a second; 0 sets no bound.";
    "retries": Count = "3", like "5";
        "How often a safe request is tried again.";
    "retry_pause": Duration = "200ms", like "1s";
        "Pause before the first retry; it doubles, with jitter.";
    "retry_pause_max": Duration = "5s", like "30s";
        "Longest pause before a retry.";
    "breaker_failures": Count = "10", like "5";
        "Failures in a row that open the circuit breaker; 0 never opens it.";
    "breaker_pause": Duration = "15s", like "1m";
        "How long the circuit breaker stays open before one request is let through.";
    "redirects": Count = "5", like "3";
        "Most redirects of one request.";
};

/// Below `freshness`, and overrides below `freshness.ecosystems.<ecosystem>`.
pub(super) const LIFETIMES: &[Row] = rows! {
    "ttl": Duration = "5m", like "1m";
        "How long a document is served without asking upstream.";
    "negative_ttl": Duration = "1m", like "30s";
        "How long a 404 is remembered.";
    "stale_while_revalidate": Duration = "15m", like "1h";
        "How long after its ttl a document is served while upstream is asked in the background.";
    "stale_if_error": Duration = "7d", like "30d";
        "How long after its ttl a document is served when upstream fails.";
};
