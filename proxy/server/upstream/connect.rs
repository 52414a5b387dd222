//! The way out: to a server's own address or through the configured proxy, then TLS.
//!
//! Where it leads is fixed when the configuration is read. Nothing that a request says changes it.

use std::{future::Future, sync::Arc, time::Duration};

use http::{Method, Request, Uri, header::HOST, header::PROXY_AUTHORIZATION, uri::Authority};
use http_body_util::Empty;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::{client::legacy::connect::HttpConnector, rt::TokioIo};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::Instant,
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tower_service::Service;

use super::{address::Resolver, error::Error};
use crate::{answer::Body, config};

/// An idle connection is asked for a sign of life this often, and given up after three questions without an answer: a
/// firewall that has forgotten it says nothing.
const PROBE: Duration = Duration::from_secs(15);
const PROBES: u32 = 3;

/// Makes connections to one server.
pub(super) struct Connector {
    /// Host and port of the server.
    authority: Authority,
    tcp: HttpConnector<Resolver>,
    via: Option<config::Via>,
    /// None for a server in plain text.
    tls: Option<(TlsConnector, ServerName<'static>)>,
    /// How long all steps together may take.
    patience: Duration,
}

impl Connector {
    /// For a server that speaks `protocol` (a name of ALPN), or one that is not asked.
    pub(super) fn new(
        reach: &config::Reach,
        protocol: Option<&str>,
        patience: Duration,
    ) -> Result<Self, Error> {
        // The proxy is contacted wherever its name leads: it usually stands inside.
        let mut tcp = HttpConnector::new_with_resolver(Resolver::system(
            reach.private || reach.via.is_some(),
        ));
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(patience));
        tcp.set_keepalive(Some(PROBE));
        tcp.set_keepalive_interval(Some(PROBE));
        tcp.set_keepalive_retries(Some(PROBES));
        let tls = match reach.tls {
            false => None,
            true => {
                let tls = TlsConnector::from(tls(reach, protocol)?);
                Some((tls, name(&reach.authority)?))
            }
        };
        Ok(Self {
            authority: reach.authority.clone(),
            tcp,
            via: reach.via.clone(),
            tls,
            patience,
        })
    }

    /// A new connection, ready for a request.
    ///
    /// # Errors
    /// By step: name, TCP, the proxy, TLS, time.
    pub(super) async fn connect(&self) -> Result<SendRequest<Body>, Error> {
        let until = Instant::now() + self.patience;
        let stream = self.open(until).await?;
        match self.tls {
            None => handshake(stream, until).await,
            Some(_) => handshake(self.secure(stream, until).await?, until).await,
        }
    }

    /// A stream to the server, not encrypted yet.
    pub(super) async fn open(&self, until: Instant) -> Result<TcpStream, Error> {
        match &self.via {
            None => self.tcp(&self.authority, until).await,
            Some(via) => self.tunnel(via, until).await,
        }
    }

    /// TLS over a stream to the server.
    pub(super) async fn secure<S>(&self, stream: S, until: Instant) -> Result<TlsStream<S>, Error>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let (tls, name) = self
            .tls
            .as_ref()
            .ok_or_else(|| Error::Address("it is not to be spoken to in TLS".into()))?;
        let secured = within(until, tls.connect(name.clone(), stream)).await?;
        secured.map_err(|error| Error::of_handshake(&error))
    }

    async fn tcp(&self, authority: &Authority, until: Instant) -> Result<TcpStream, Error> {
        let target = Uri::builder()
            .scheme("http")
            .authority(authority.clone())
            .path_and_query("/")
            .build()
            .map_err(|error| Error::Address(error.to_string()))?;
        let connected = within(until, self.tcp.clone().call(target)).await?;
        connected
            .map(TokioIo::into_inner)
            .map_err(|error| Error::of_connect(&error))
    }

    /// Asks the proxy for a way to the upstream (RFC 9110 section 9.3.6). The proxy resolves the name.
    async fn tunnel(&self, via: &config::Via, until: Instant) -> Result<TcpStream, Error> {
        let failed = |what: String| Error::Via {
            proxy: via.authority().to_string(),
            what,
        };
        let stream = self.tcp(via.authority(), until).await;
        let stream = stream.map_err(|error| match error {
            Error::Refused => failed("refuses connections".into()),
            Error::ConnectTime => failed("did not answer in time".into()),
            Error::Name => failed("has a name that cannot be resolved".into()),
            other => failed(format!("cannot be reached: {other}")),
        })?;
        let asked = within(until, ask(stream, via, &self.authority)).await;
        let asked = asked.map_err(|_| failed("did not answer in time".into()))?;
        asked.map_err(failed)
    }
}

/// CONNECT, and what is left when the proxy has agreed: a stream to the upstream.
async fn ask(
    stream: TcpStream,
    via: &config::Via,
    authority: &Authority,
) -> Result<TcpStream, String> {
    let cut_off = |_: hyper::Error| String::from("cut the connection off");
    let target = Uri::builder().authority(authority.clone()).build();
    let target = target.map_err(|error| format!("cannot be asked: {error}"))?;
    let (mut asking, connection) = http1::handshake::<_, Empty<bytes::Bytes>>(TokioIo::new(stream))
        .await
        .map_err(cut_off)?;
    tokio::spawn(connection.with_upgrades());
    let mut request = Request::builder()
        .method(Method::CONNECT)
        .uri(target)
        .header(HOST, authority.as_str());
    if let Some(credential) = via.credential() {
        request = request.header(PROXY_AUTHORIZATION, credential.clone());
    }
    let request = request
        .body(Empty::new())
        .map_err(|error| format!("cannot be asked: {error}"))?;
    let answer = asking.send_request(request).await.map_err(cut_off)?;
    match answer.status().as_u16() {
        200..=299 => {}
        407 => return Err("wants other credentials (407)".into()),
        status => return Err(format!("answered {status}")),
    }
    let upgraded = hyper::upgrade::on(answer).await.map_err(cut_off)?;
    let parts = upgraded.downcast::<TokioIo<TcpStream>>();
    match parts {
        Ok(parts) if parts.read_buf.is_empty() => Ok(parts.io.into_inner()),
        _ => Err("spoke before it was spoken to".into()),
    }
}

async fn handshake<S>(stream: S, until: Instant) -> Result<SendRequest<Body>, Error>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let shaken = within(until, http1::handshake(TokioIo::new(stream))).await?;
    let (requests, connection) = shaken.map_err(|error| Error::of_exchange(&error))?;
    tokio::spawn(connection);
    Ok(requests)
}

async fn within<T>(until: Instant, step: impl Future<Output = T>) -> Result<T, Error> {
    let done = tokio::time::timeout_at(until, step).await;
    done.map_err(|_| Error::ConnectTime)
}

/// The name that the upstream's certificate must have.
fn name(authority: &Authority) -> Result<ServerName<'static>, Error> {
    let host = authority.host().trim_matches(['[', ']']);
    ServerName::try_from(host.to_owned()).map_err(|_| Error::Address(host.to_owned()))
}

fn tls(reach: &config::Reach, protocol: Option<&str>) -> Result<Arc<ClientConfig>, Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots(reach)?)
        .with_no_client_auth();
    tls.enable_sni = true;
    tls.alpn_protocols = protocol
        .iter()
        .map(|name| name.as_bytes().to_vec())
        .collect();
    Ok(Arc::new(tls))
}

/// The system's certificate authorities and the configured ones.
fn roots(reach: &config::Reach) -> Result<RootCertStore, Error> {
    let mut roots = RootCertStore::empty();
    let system = rustls_native_certs::load_native_certs();
    for error in &system.errors {
        tracing::warn!(%error, "a system certificate authority cannot be read");
    }
    roots.add_parsable_certificates(system.certs);
    for authority in reach.ca.iter().flat_map(|ca| &ca.certificates) {
        roots.add(authority.clone())?;
    }
    Ok(roots)
}
