//! The port of a run: the one of the last run where it is free, so that the caches that clients
//! keep by address stay good.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use tokio::net::TcpListener;

/// The file in the data folder that remembers it.
const FILE: &str = "run.port";

/// Listens on a loopback port.
pub(crate) async fn bind(data_dir: &Path) -> anyhow::Result<TcpListener> {
    let file = data_dir.join(FILE);
    let last = std::fs::read_to_string(&file).ok().and_then(|text| text.trim().parse().ok());
    if let Some(port) = last
        && let Ok(listener) = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await
    {
        return Ok(listener);
    }
    let listener = crate::server::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?;
    if last.is_none() {
        // Another run may have the remembered one: it stays remembered. Forgetting it costs
        // clients a warm cache, nothing else.
        let _ = std::fs::create_dir_all(data_dir);
        let _ = std::fs::write(&file, listener.local_addr()?.port().to_string());
    }
    Ok(listener)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_next_run_has_the_same_port_and_a_second_one_another() {
        let folder = tempfile::tempdir().unwrap();
        let port = |listener: &TcpListener| listener.local_addr().unwrap().port();
        let first = bind(folder.path()).await.unwrap();
        let beside = bind(folder.path()).await.unwrap();
        assert_ne!(port(&first), port(&beside));
        let remembered = port(&first);
        drop(first);
        assert_eq!(port(&bind(folder.path()).await.unwrap()), remembered);
    }
}
