//! Figures over HTTP.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};

use super::Figures;
use crate::error::{Error, Result};

/// A request has no more bytes, and takes no longer.
const LONGEST: usize = 8 << 10;
const SLOWEST: Duration = Duration::from_secs(5);

/// Serves figures at `/metrics` as long as the runtime lives; answers where.
///
/// # Errors
/// Where the address is taken.
pub async fn listen(figures: &Arc<Figures>, address: SocketAddr) -> Result<SocketAddr> {
    let cannot = |error| Error::usage(format!("cannot listen on {address}: {error}"));
    let listener = TcpListener::bind(address).await.map_err(cannot)?;
    let address = listener.local_addr().map_err(cannot)?;
    let figures = Arc::clone(figures);
    tokio::spawn(async move {
        loop {
            let Ok((socket, _)) = listener.accept().await else {
                // No file is left for a socket, for instance.
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            };
            let figures = Arc::clone(&figures);
            tokio::spawn(async move { timeout(SLOWEST, answer(socket, &figures)).await });
        }
    });
    Ok(address)
}

async fn answer(mut socket: TcpStream, figures: &Figures) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        let mut bytes = [0; 1024];
        let read = socket.read(&mut bytes).await?;
        if read == 0 || head.len() > LONGEST {
            return Ok(());
        }
        head.extend_from_slice(bytes.get(..read).unwrap_or_default());
    }
    let (status, body) = match head.starts_with(b"GET /metrics ") {
        true => ("200 OK", figures.text()),
        false => ("404 Not Found", "GET /metrics\n".into()),
    };
    let answer = format!(
        "HTTP/1.1 {status}\r\ncontent-type: text/plain; version=0.0.4\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    socket.write_all(answer.as_bytes()).await?;
    socket.shutdown().await
}
