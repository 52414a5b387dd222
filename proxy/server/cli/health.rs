//! `exeat health`: what a container engine or a script asks instead of curl.

use std::{
    io::Write,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context, bail};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::config::{self, Config};

/// Longer than the server itself waits for its database.
const PATIENCE: Duration = Duration::from_secs(4);
/// An answer is a line.
const ANSWER_BYTES: u64 = 64 * 1024;
const NOT_READY: u8 = 1;

/// Ask a running proxy whether it is ready
///
/// Asks the telemetry listener that the configuration names, on this machine, for /health/ready. Exits with 0 when the proxy is
/// ready, with 1 when it is not or does not answer, with 2 when it cannot be asked.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Configuration file the proxy runs with
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let (config, _) = Config::load(args.config.as_deref(), config::environment_at_home())?;
    let Some(configured) = config.telemetry.address else {
        bail!("telemetry.address is \"off\": there is nobody to ask");
    };
    let told = match configured.port() {
        0 => listening(&config.data.directory)?,
        _ => configured,
    };
    let address = nearest(told);
    let answer = tokio::time::timeout(PATIENCE, ask(address)).await;
    let (ready, word) = match answer {
        Ok(Ok(answer)) => read(&answer),
        Ok(Err(error)) => (false, format!("{address} does not answer: {error}")),
        Err(_) => (false, format!("{address} does not answer in time")),
    };
    writeln!(std::io::stdout(), "{word}")?;
    Ok(if ready {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(NOT_READY)
    })
}

/// Which port the server took, where the configuration left it free.
fn listening(data: &Path) -> anyhow::Result<SocketAddr> {
    let path = data.join("listening.json");
    let text = std::fs::read(&path)
        .with_context(|| format!("{} cannot be read: is it running?", path.display()))?;
    let told: serde_json::Value = serde_json::from_slice(&text)
        .with_context(|| format!("{} is not what the server writes", path.display()))?;
    let address = told.get("telemetry").and_then(serde_json::Value::as_str);
    address
        .and_then(|address| address.parse().ok())
        .with_context(|| format!("{} names no telemetry address", path.display()))
}

/// Who listens everywhere is asked at loopback.
fn nearest(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

async fn ask(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let request =
        format!("GET /health/ready HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(ANSWER_BYTES).read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// Whether it is ready, and the one line it says.
fn read(answer: &str) -> (bool, String) {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((answer, ""));
    let word = body.lines().next().unwrap_or_default();
    let shown = exeat_gitwire::text::escape(word.as_bytes());
    match (head.starts_with("HTTP/1.1 200 "), shown.is_empty()) {
        (true, false) => (true, shown),
        (false, false) => (false, shown),
        (_, true) => (false, "what answers is no proxy of this kind".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listeners_on_all_addresses_are_asked_at_loopback() {
        let near = |text: &str| nearest(text.parse().unwrap()).to_string();
        assert_eq!(near("0.0.0.0:9464"), "127.0.0.1:9464");
        assert_eq!(near("[::]:9464"), "[::1]:9464");
        assert_eq!(near("10.0.0.1:9464"), "10.0.0.1:9464");
    }

    #[test]
    fn only_a_word_with_200_is_ready() {
        let ok = "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nready\n";
        assert_eq!(read(ok), (true, "ready".into()));
        let closed = "HTTP/1.1 503 Service Unavailable\r\n\r\nstarting or draining\n";
        assert_eq!(read(closed), (false, "starting or draining".into()));
        assert!(!read("HTTP/1.1 200 OK\r\n\r\n").0);
        assert!(!read("SSH-2.0-x\r\n").0);
    }
}
