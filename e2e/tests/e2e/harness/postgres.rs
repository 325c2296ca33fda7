//! A PostgreSQL server that takes connections with TLS only.

use std::fs::{File, Permissions};
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tempfile::TempDir;

use super::client;

/// The system's user `nobody`, whom the server runs as when the tests run as root: it refuses root.
const NOBODY: u32 = 65_534;
const PASSWORD: &str = "not-a-secret";

/// A server with an empty database; it ends with this value.
pub(crate) struct Postgres {
    server: Child,
    program: PathBuf,
    owner: Owner,
    folder: TempDir,
    port: u16,
}

/// An authority of one's own.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// Its certificate, in a file.
    pub(crate) fn write(&self, file: &Path) {
        std::fs::write(file, self.0.pem()).unwrap();
    }
}

impl Postgres {
    /// Starts a server whose certificate is for `localhost`; `None` where it is not installed.
    pub(crate) fn start(authority: &Authority) -> Option<Self> {
        let program = PathBuf::from(&client("postgres")?.program[0]);
        let folder = tempfile::tempdir().unwrap();
        let owner = Owner::of(&folder);
        let path = |name: &str| folder.path().join(name);
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &authority.0).unwrap();
        owner.file(&path("server.key"), &key.serialize_pem());
        owner.file(&path("server.pem"), &certificate.pem());
        owner.file(&path("password"), PASSWORD);

        let mut initdb = owner.command(&program.with_file_name("initdb"), folder.path());
        initdb.args(["--no-sync", "--username=weir", "--auth=scram-sha-256", "--locale=C.UTF-8"]);
        initdb.args(["--pwfile=password", "--pgdata=data"]);
        let output = initdb.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        owner.file(&path("data/pg_hba.conf"), "hostssl all all 127.0.0.1/32 scram-sha-256\n");

        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let server = serve(&program, &owner, folder.path(), port);
        let mut started = Self { server, program, owner, folder, port };
        started.ready();
        Some(started)
    }

    /// Ends the server as it wants it: otherwise its children stay for a while.
    pub(crate) fn stop(&mut self) {
        // Once it has ended, its number may be another's.
        if !matches!(self.server.try_wait(), Ok(None)) {
            return;
        }
        let id = self.server.id().to_string();
        let _ = Command::new("kill").args(["-INT", &id]).status();
        let _ = self.server.wait();
    }

    /// Starts the server again, with its data and at its port.
    pub(crate) fn start_again(&mut self) {
        self.server = serve(&self.program, &self.owner, self.folder.path(), self.port);
        self.ready();
    }

    /// Its address, with these parameters.
    pub(crate) fn url(&self, host: &str, parameters: &str) -> String {
        format!("postgres://weir:{PASSWORD}@{host}:{}/postgres?{parameters}", self.port)
    }

    fn ready(&mut self) {
        let deadline = Instant::now() + Duration::from_mins(1);
        loop {
            let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap();
            if log.contains("ready to accept connections") {
                return;
            }
            assert!(self.server.try_wait().unwrap().is_none(), "Postgres ended:\n{log}");
            assert!(Instant::now() < deadline, "Postgres is not ready:\n{log}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Starts a server on the data in its folder.
fn serve(program: &Path, owner: &Owner, folder: &Path, port: u16) -> Child {
    let log = File::create(folder.join("log")).unwrap();
    let mut command = owner.command(program, folder);
    command.args(["-D", "data", "-c", &format!("port={port}")]);
    for setting in [
        "listen_addresses=127.0.0.1",
        "unix_socket_directories=",
        "fsync=off",
        "ssl=on",
        "ssl_cert_file=../server.pem",
        "ssl_key_file=../server.key",
    ] {
        command.args(["-c", setting]);
    }
    command.stdout(log.try_clone().unwrap()).stderr(log);
    command.spawn().unwrap()
}

/// Whom the server runs as.
struct Owner(Option<u32>);

impl Owner {
    /// Gives it the folder.
    fn of(folder: &TempDir) -> Self {
        let root = std::fs::metadata(folder.path()).unwrap().uid() == 0;
        let owner = Self(root.then_some(NOBODY));
        owner.own(folder.path());
        owner
    }

    fn own(&self, path: &Path) {
        if self.0.is_some() {
            chown(path, self.0, self.0).unwrap();
        }
    }

    /// A file that only the server reads.
    fn file(&self, path: &Path, text: &str) {
        std::fs::write(path, text).unwrap();
        std::fs::set_permissions(path, Permissions::from_mode(0o600)).unwrap();
        self.own(path);
    }

    fn command(&self, program: &Path, folder: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(folder).stdin(Stdio::null());
        command.env_clear().env("PATH", "/usr/bin:/bin").env("LC_ALL", "C.UTF-8");
        if let Some(id) = self.0 {
            command.uid(id).gid(id);
        }
        command
    }
}
