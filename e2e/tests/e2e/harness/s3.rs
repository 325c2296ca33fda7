//! A bucket on a server that speaks S3 and checks who asks.

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::{Settings, client};

/// Makes a bucket, and a user with a key for it. The server lets four requests pass before it wants
/// signatures.
const PREPARE: &str = r#"
import json, sys
import boto3

place = dict(endpoint_url=sys.argv[1], region_name="us-east-1")
place.update(aws_access_key_id="nobody", aws_secret_access_key="nobody")
boto3.client("s3", **place).create_bucket(Bucket="bucket")
users = boto3.client("iam", **place)
users.create_user(UserName="weir")
allowed = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
policy = {"Version": "2012-10-17", "Statement": [allowed]}
users.put_user_policy(UserName="weir", PolicyName="all", PolicyDocument=json.dumps(policy))
key = users.create_access_key(UserName="weir")["AccessKey"]
print(key["AccessKeyId"], key["SecretAccessKey"])
"#;

/// The bucket; its server ends with this value.
pub(crate) struct Bucket {
    server: Child,
    folder: TempDir,
    address: String,
    id: String,
    secret: String,
}

impl Bucket {
    /// Starts the server; `None` where it is not installed.
    pub(crate) fn start() -> Option<Self> {
        let moto = client("moto")?;
        let folder = tempfile::tempdir().unwrap();
        let log = File::create(folder.path().join("log")).unwrap();
        let mut command = Command::new(&moto.program[0]);
        command.args(["-H", "127.0.0.1", "-p", "0"]).env("INITIAL_NO_AUTH_ACTION_COUNT", "4");
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let server = command.spawn().unwrap();
        let (id, secret) = (String::new(), String::new());
        let mut bucket = Self { server, folder, address: String::new(), id, secret };
        bucket.address = bucket.announced();
        bucket.prepare(&moto.folder().join("python"));
        Some(bucket)
    }

    /// What a gateway has to be told to store there.
    pub(crate) fn settings(&self) -> Settings {
        let query = "region=us-east-1&disableSSL=true&s3ForcePathStyle=true";
        let url = format!("s3://bucket/some/folder?endpoint={}&{query}", self.address);
        let env = [("AWS_ACCESS_KEY_ID", &self.id), ("AWS_SECRET_ACCESS_KEY", &self.secret)];
        Settings {
            config: format!("[storage]\nurl = {url:?}\n"),
            env: env.map(|(name, value)| (name.to_owned(), value.clone())).to_vec(),
        }
    }

    /// The requests so far, one a line.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    fn prepare(&mut self, python: &Path) {
        let mut command = Command::new(python);
        command.args(["-c", PREPARE, &format!("http://{}", self.address)]);
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        let (id, secret) = said.trim().split_once(' ').unwrap_or_else(|| panic!("{said}"));
        assert!(output.status.success(), "{said}");
        (self.id, self.secret) = (id.to_owned(), secret.to_owned());
    }

    /// Waits for the line that holds its address.
    fn announced(&mut self) -> String {
        let deadline = Instant::now() + Duration::from_mins(1);
        loop {
            let log = self.log();
            if let Some((_, after)) = log.split_once("Running on http://")
                && let Some((address, _)) = after.split_once('\n')
            {
                return address.trim().to_owned();
            }
            assert!(self.server.try_wait().unwrap().is_none(), "the S3 server ended:\n{log}");
            assert!(Instant::now() < deadline, "the S3 server is not ready:\n{log}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Bucket {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
