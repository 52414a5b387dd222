//! Speaks to the API of a server: over HTTPS with a token, or through the control socket of a data folder.

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use bytes::Bytes;
use exeat_gitwire::legible;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;
use url::Url;

use super::people::{remark, segment};
use crate::control;

/// How long a step may take: to connect, to answer.
const PATIENCE: Duration = Duration::from_secs(60);
/// An answer is a page of a list at most.
const ANSWER: usize = 16 * 1024 * 1024;

/// What a command exits with that the server does not do.
pub const REFUSED: u8 = 1;
/// Most entries that the server gives on a page.
const PAGE: usize = 200;

/// Which server, and by what token. There is no option for the token itself: others on this machine read command lines.
#[derive(Debug, clap::Args)]
pub struct Whereabouts {
    /// The console's address, such as https://exeat.bank.example; by default the variable EXEAT_SERVER
    #[arg(long, value_name = "URL", global = true)]
    server: Option<String>,
    /// A file that holds a token of yours, readable by you alone; by default the variable EXEAT_TOKEN holds it
    #[arg(long, value_name = "FILE", global = true)]
    token_file: Option<PathBuf>,
    /// Certificate file of the server's authority, where it is a private one
    #[arg(long, value_name = "FILE", global = true)]
    ca: Option<PathBuf>,
}

/// A server that can be asked.
pub struct Server(Way);

enum Way {
    Https(Box<Https>),
    Here(control::Place),
}

struct Https {
    url: Url,
    tls: Option<TlsConnector>,
    token: String,
}

/// What a server said that does not do what it is asked.
#[derive(Debug)]
pub struct Refusal {
    status: StatusCode,
    /// Of the problem document.
    pub code: String,
    detail: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.detail.is_empty() {
            true => write!(
                f,
                "what answers there answered {}, and is no console of Exeat: the console has an address of its own ([console] \
                 address in the server's configuration), another one than git pushes to",
                self.status.as_u16()
            ),
            false => f.write_str(&self.detail),
        }
    }
}

impl std::error::Error for Refusal {}

impl Whereabouts {
    /// # Errors
    /// With what is missing or cannot be used, and where it belongs.
    pub fn server(&self) -> anyhow::Result<Server> {
        let variable = |name: &str| std::env::var(name).ok().filter(|text| !text.is_empty());
        let address = self.server.clone().or_else(|| variable("EXEAT_SERVER"));
        let Some(address) = address else {
            bail!("which server? Name the console's address by --server or EXEAT_SERVER");
        };
        let url = address_of(&address)?;
        let token = match &self.token_file {
            Some(path) => read_token(path)?,
            None => variable("EXEAT_TOKEN").ok_or_else(|| {
                anyhow!(
                    "no token: put one into a file and name it by --token-file, or set EXEAT_TOKEN \
                     (an operator makes one: exeat token create --user NAME --scope read --scope decide)"
                )
            })?,
        };
        let tls = match url.scheme() {
            "https" => Some(tls(self.ca.as_deref())?),
            _ => None,
        };
        let token = token.trim().to_owned();
        if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            bail!("what was given as the token is none");
        }
        Ok(Server(Way::Https(Box::new(Https { url, tls, token }))))
    }
}

/// Scheme, host and port; in plain text to this machine alone, because the token crosses.
fn address_of(text: &str) -> anyhow::Result<Url> {
    let bad = || {
        anyhow!("the server's address is scheme, host and port, such as https://exeat.bank.example")
    };
    let url = Url::parse(text).map_err(|_| bad())?;
    let bare = url.path() == "/" && url.query().is_none() && url.username().is_empty();
    if !bare || url.password().is_some() || url.host().is_none() {
        return Err(bad());
    }
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let is_near = host == "localhost" || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_near => Ok(url),
        "http" => bail!("the token would cross in plain text: use https"),
        _ => Err(bad()),
    }
}

fn read_token(path: &Path) -> anyhow::Result<String> {
    use std::os::unix::fs::PermissionsExt;
    let named = || format!("--token-file {}", path.display());
    let metadata = std::fs::metadata(path).with_context(named)?;
    if metadata.permissions().mode() & 0o077 != 0 {
        bail!(
            "{}: others can read this file; chmod 600 it",
            path.display()
        );
    }
    if metadata.len() > 4096 {
        bail!("{}: this is no token", path.display());
    }
    std::fs::read_to_string(path).with_context(named)
}

fn tls(ca: Option<&Path>) -> anyhow::Result<TlsConnector> {
    let mut roots = RootCertStore::empty();
    match ca {
        Some(path) => {
            let named = || format!("--ca {}", path.display());
            let bytes = std::fs::read(path).with_context(named)?;
            for certificate in CertificateDer::pem_slice_iter(&bytes) {
                roots
                    .add(certificate.with_context(named)?)
                    .with_context(named)?;
            }
            if roots.is_empty() {
                bail!("--ca {}: holds no PEM certificate", path.display());
            }
        }
        None => {
            let found = rustls_native_certs::load_native_certs();
            roots.add_parsable_certificates(found.certs);
        }
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

impl Server {
    /// The one that holds this data folder, where one answers.
    pub async fn of_folder(data: &Path) -> Option<Self> {
        let place = control::Place::of(data).ok()?;
        place.connect().await.ok()?;
        Some(Self(Way::Here(place)))
    }

    /// # Errors
    /// With a `Refusal` where the server says no, and with what failed otherwise.
    pub async fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.ask(Method::GET, path, None, None).await
    }

    /// The first `limit` of a list that are `wanted`, page by page, and whether there may be more. `list` is the last part of
    /// its path and what its pages call it.
    ///
    /// # Errors
    /// As `get`.
    pub async fn list(
        &self,
        list: &str,
        query: &str,
        limit: usize,
        wanted: impl Fn(&Value) -> bool,
    ) -> anyhow::Result<(Vec<Value>, bool)> {
        let mut found: Vec<Value> = Vec::new();
        let mut cursor = String::new();
        loop {
            let most = limit.saturating_sub(found.len()).clamp(1, PAGE);
            let path = format!("/api/v1/{list}?limit={most}&{query}{cursor}");
            let page = self.get(&path).await?;
            let each = page.get(list).and_then(Value::as_array);
            let each = each.into_iter().flatten().filter(|one| wanted(one));
            found.extend(each.cloned());
            match page.get("next").and_then(Value::as_str) {
                Some(next) if found.len() < limit => cursor = format!("&cursor={}", segment(next)),
                next => return Ok((found, next.is_some())),
            }
        }
    }

    /// Has something done. Where the answer is lost it is asked for once more, by a key under which the server does it once.
    ///
    /// # Errors
    /// As `get`.
    pub async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes)?;
        let key = hex::encode(bytes);
        match self.ask(Method::POST, path, Some(body), Some(&key)).await {
            Err(error) if error.is::<Lost>() => {
                self.ask(Method::POST, path, Some(body), Some(&key)).await
            }
            answered => answered,
        }
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        key: Option<&str>,
    ) -> anyhow::Result<Value> {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let body = Full::new(Bytes::from(body.map(Value::to_string).unwrap_or_default()));
        let (status, bytes) = match &self.0 {
            Way::Https(https) => {
                let mut bearer = header::HeaderValue::try_from(format!("Bearer {}", https.token))?;
                bearer.set_sensitive(true);
                let request = request
                    .header(header::HOST, authority(&https.url))
                    .header(header::AUTHORIZATION, bearer)
                    .body(body)?;
                let stream = https.connect().await?;
                match &https.tls {
                    None => exchange(stream, request).await?,
                    Some(tls) => {
                        let name = https.name()?;
                        let secured = timely(tls.connect(name, stream)).await?;
                        let secured = secured.with_context(|| {
                            format!("no TLS with {}; --ca names a private authority", https.url)
                        })?;
                        exchange(secured, request).await?
                    }
                }
            }
            Way::Here(place) => {
                let stream: UnixStream = place.connect().await?;
                let mut request = request.header(header::HOST, "exeat");
                if let Ok(behind) = std::env::var("SUDO_USER") {
                    request = request.header(control::BEHIND, behind);
                }
                exchange(stream, request.body(body)?).await?
            }
        };
        read(status, &bytes)
    }
}

impl Https {
    async fn connect(&self) -> anyhow::Result<TcpStream> {
        let host = self.url.host_str().unwrap_or_default();
        let port = self.url.port_or_known_default().unwrap_or(443);
        let host = host.trim_matches(['[', ']']);
        let connected = timely(TcpStream::connect((host, port))).await?;
        connected.with_context(|| format!("{} cannot be reached", self.url))
    }

    fn name(&self) -> anyhow::Result<ServerName<'static>> {
        let host = self.url.host_str().unwrap_or_default();
        Ok(ServerName::try_from(
            host.trim_matches(['[', ']']).to_owned(),
        )?)
    }
}

fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

/// The connection ended before the answer was there: it may have been done.
#[derive(Debug, thiserror::Error)]
#[error("the connection ended before the answer was there")]
struct Lost;

async fn timely<T>(step: impl Future<Output = T>) -> anyhow::Result<T> {
    let done = tokio::time::timeout(PATIENCE, step).await;
    done.map_err(|_| anyhow!("no answer within {} seconds", PATIENCE.as_secs()))
}

async fn exchange<S>(
    stream: S,
    request: Request<Full<Bytes>>,
) -> anyhow::Result<(StatusCode, Bytes)>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut asking, connection) = timely(http1::handshake(TokioIo::new(stream))).await??;
    let connection = tokio::spawn(connection);
    let answered = timely(async {
        let response = asking.send_request(request).await.map_err(|_| Lost)?;
        let status = response.status();
        let body = Limited::new(response.into_body(), ANSWER).collect().await;
        let body = body.map_err(|_| Lost)?;
        Ok::<_, anyhow::Error>((status, body.to_bytes()))
    })
    .await;
    connection.abort();
    answered?
}

/// An answer's JSON, or why there is none.
fn read(status: StatusCode, bytes: &[u8]) -> anyhow::Result<Value> {
    let value: Option<Value> = serde_json::from_slice(bytes).ok();
    if status.is_success() {
        return value.context("what answers is no console of this kind");
    }
    let text = |key: &str| {
        let text = value.as_ref().and_then(|value| value.get(key)?.as_str());
        text.unwrap_or_default().to_owned()
    };
    Err(Refusal {
        status,
        code: text("code"),
        detail: shown(&text("detail")),
    }
    .into())
}

/// How a command ends that asked a server. What it refuses is told, with what to do next by its code.
///
/// # Errors
/// With what failed, where nobody refused anything.
pub fn ended(
    done: anyhow::Result<ExitCode>,
    advice: impl Fn(&str) -> String,
) -> anyhow::Result<ExitCode> {
    let error = match done {
        Ok(code) => return Ok(code),
        Err(error) => error,
    };
    match error.downcast_ref::<Refusal>() {
        Some(refusal) => {
            remark(&format!("exeat: {refusal}{}", advice(&refusal.code)));
            Ok(ExitCode::from(REFUSED))
        }
        None => Err(error),
    }
}

/// How many entries of a list are asked for.
///
/// # Errors
/// In words, where it is none.
pub fn count(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err("expected a number, 1 at least".to_owned()),
        Ok(count) => Ok(count),
    }
}

/// Text of somebody else, safe to print, on one line.
pub fn shown(text: &str) -> String {
    legible::show(text.as_bytes())
}

/// The same for words that may have several lines.
pub fn shown_lines(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(shown).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_cross_no_network_in_plain_text() {
        for address in [
            "https://exeat.bank.example",
            "https://[::1]:8444/",
            "http://localhost:1",
            "http://127.0.0.1:1",
        ] {
            assert!(address_of(address).is_ok(), "{address}");
        }
        for address in [
            "http://exeat.bank.example",
            "exeat.bank.example",
            "https://a:b@exeat.bank.example",
            "https://exeat.bank.example/api",
            "ftp://localhost",
            "",
        ] {
            assert!(address_of(address).is_err(), "{address}");
        }
    }

    #[test]
    fn words_of_others_move_no_cursor() {
        assert_eq!(
            shown("Grüße \u{1b}[2J\n\u{202e}"),
            "Grüße \\x1b[2J\\x0a\\xe2\\x80\\xae"
        );
        assert_eq!(shown_lines("Grün –\r\n\u{7}gut\n"), "Grün –\n\\x07gut");
    }
}
