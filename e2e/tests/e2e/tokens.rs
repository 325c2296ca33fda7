//! A gateway that wants a token: how each kind of client sends it, and what it says without one.

use super::harness::{Client, Output, Run, Settings, World, client};

pub(crate) const TOKEN: &str = "ci-0123456789abcdef0123456789";

/// A gateway that lets in those who have the token, and no proxy between it and its clients.
fn world() -> World {
    World::with(Settings { config: required(), ..Settings::default() })
}

pub(crate) fn required() -> String {
    format!("[auth]\nrequired = true\n[auth.tokens.ci]\ntoken = \"{TOKEN}\"\n")
}

/// The address of a mount, with the token as a password.
fn address(world: &World, path: &str, token: Option<&str>) -> String {
    let user = token.map(|token| format!("ci:{token}@")).unwrap_or_default();
    world.url().replace("://", &format!("://{user}")) + path
}

/// With the token it works; without it the gateway's sentence is on the terminal.
fn opens(name: &str, sentence: &str, run: impl Fn(&World, &Client, Option<&str>) -> Output) {
    let Some(client) = client(name) else { return };
    let world = world();
    let refused = run(&world, &client, None).failed();
    assert!(refused.text.contains(sentence), "{}", refused.text);
    run(&world, &client, Some(TOKEN)).succeeded();
}

#[test]
fn npm_sends_it_as_a_bearer_token() {
    opens("npm-11", "this gateway wants a token", |world, npm, token| {
        world
            .write("package.json", r#"{"name":"p","version":"1.0.0","dependencies":{"demo":"1"}}"#);
        let host = world.url().replace("http:", "");
        let npmrc = token.map(|token| format!("{host}/npm/:_authToken={token}\n"));
        world.write("npmrc", &npmrc.unwrap_or_default());
        Run::client(npm, world)
            .env("NPM_CONFIG_REGISTRY", &format!("{}/npm/", world.url()))
            .path_env("NPM_CONFIG_USERCONFIG", &world.project().join("npmrc"))
            .env("NPM_CONFIG_FETCH_RETRIES", "0")
            .args(&["install", "--no-audit"])
            .wait()
    });
}

/// pip takes an index that wants a password for one without the package, and tells no reason.
#[test]
fn pip_sends_it_as_a_password() {
    opens("pip-26", "No matching distribution found for demo", |world, pip, token| {
        Run::client(pip, world)
            .env("PIP_CONFIG_FILE", "/dev/null")
            .env("PIP_NO_INPUT", "1")
            .env("PIP_DISABLE_PIP_VERSION_CHECK", "1")
            .env("PIP_INDEX_URL", &address(world, "/pypi/simple/", token))
            .args(&["install", "--target", "site", "demo"])
            .wait()
    });
}

#[test]
fn uv_sends_it_as_a_password() {
    let Some(python) = client("python") else { return };
    opens("uv", "401", |world, uv, token| {
        Run::client(uv, world)
            .env("UV_PYTHON", &python.program[0])
            .env("UV_PYTHON_DOWNLOADS", "never")
            .env("UV_DEFAULT_INDEX", &address(world, "/pypi/simple/", token))
            .args(&["pip", "install", "--target", "site", "demo"])
            .wait()
    });
}

#[test]
fn cargo_sends_it_bare_once_it_is_told_that_one_is_wanted() {
    opens("cargo", "token", |world, cargo, token| {
        super::cargo::redirect(world);
        world.write("src/lib.rs", "");
        let manifest = "[package]\nname = \"project\"\nversion = \"1.0.0\"\nedition = \"2021\"\n\
                        [dependencies]\ndemo = \"1\"\n";
        world.write("Cargo.toml", manifest);
        let run = Run::client(cargo, world)
            .path_env("CARGO_HOME", &world.home().join("cargo"))
            .env("CARGO_REGISTRY_GLOBAL_CREDENTIAL_PROVIDERS", "cargo:token")
            .env("CARGO_NET_RETRY", "0");
        let run = match token {
            Some(token) => run.env("CARGO_REGISTRIES_WEIR_TOKEN", token),
            None => run,
        };
        run.args(&["fetch"]).wait()
    });
}

/// Go sends no password over plain HTTP, but says what it was told.
#[test]
fn go_tells_that_a_token_is_wanted() {
    let Some(go) = client("go") else { return };
    let world = world();
    let download = |token| {
        world.write("go.mod", "module project\n\ngo 1.21\n");
        Run::client(&go, &world)
            .path_env("GOPATH", &world.home().join("go"))
            .path_env("GOCACHE", &world.folder().join("go-build"))
            .env("GOFLAGS", "-modcacherw")
            .env("GOENV", "off")
            .env("GONOSUMDB", "go.example")
            .env("GOPROXY", &address(&world, "/go", token))
            .args(&["mod", "download", "go.example/demo@v1.1.0"])
            .wait()
            .failed()
    };
    let refused = download(None);
    assert!(refused.text.contains("this gateway wants a token"), "{}", refused.text);
    let unsafely = download(Some(TOKEN));
    assert!(unsafely.text.contains("refusing to pass credentials"), "{}", unsafely.text);
}

#[test]
fn skopeo_logs_in_with_it() {
    opens("skopeo", "invalid username/password", |world, skopeo, token| {
        let host = world.url().replace("http://", "");
        Run::client(skopeo, world)
            .path_env("REGISTRY_AUTH_FILE", &world.home().join("auth.json"))
            .args(&["login", "--tls-verify=false", "--username", "ci"])
            .args(&["--password", token.unwrap_or("wrong"), &host])
            .wait()
    });
}
