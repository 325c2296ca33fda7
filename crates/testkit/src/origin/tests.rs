//! Origins behave as programmed, and the built registries are what their formats say.

mod behaviour;
mod registries;

use std::fmt::Write as _;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::Origin;

/// An answer as bytes on the wire.
struct Wire {
    head: String,
    body: Vec<u8>,
}

impl Wire {
    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(": ")?;
            key.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    fn status(&self) -> u16 {
        self.head.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0)
    }

    fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// Asks without any HTTP library, and reads for as long as bytes come within a short time.
async fn ask(origin: &Origin, method: &str, path: &str, headers: &[(&str, &str)]) -> Wire {
    let mut stream = TcpStream::connect(origin.address()).await.unwrap();
    let prefix = origin.url().split_off("http://".len() + origin.address().to_string().len());
    let mut request =
        format!("{method} {prefix}/{path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n");
    for (name, value) in headers {
        let _ = write!(request, "{name}: {value}\r\n");
    }
    request.push_str("\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    let mut part = vec![0; 64 * 1024];
    while let Ok(Ok(length)) =
        tokio::time::timeout(Duration::from_millis(400), stream.read(&mut part)).await
    {
        bytes.extend_from_slice(&part[..length]);
        if length == 0 || bytes.len() > 1 << 20 {
            break;
        }
    }
    let at = bytes.windows(4).position(|w| w == b"\r\n\r\n").expect("an answer has a head");
    let body = bytes.split_off(at + 4);
    Wire { head: String::from_utf8(bytes).unwrap(), body }
}

async fn get(origin: &Origin, path: &str) -> Wire {
    ask(origin, "GET", path, &[]).await
}
