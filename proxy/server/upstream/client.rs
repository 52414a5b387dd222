//! The outgoing HTTP client: verified TLS, pooled connections, time-outs by phase.

use std::{
    error::Error as StdError,
    future::Future,
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use http::{Request, Response, Uri};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{self, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use rustls::{ClientConfig, RootCertStore};
use tower_service::Service;

use crate::{answer::Body, config};

/// Idle connections are given up before common servers (nginx: 75 s, Apache: 5 s, forges: longer)
/// would close them under a request that is just being sent.
const IDLE: Duration = Duration::from_secs(4);

/// What became of a request to an upstream. The texts are for developers; they name the upstream
/// nowhere, because whoever shows them does.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("its address is not usable: {0}")]
    Address(String),
    #[error("TLS cannot be set up: {0}")]
    Setup(#[from] rustls::Error),
    #[error("its name cannot be resolved")]
    Name,
    #[error("it refuses connections")]
    Refused,
    #[error("its TLS certificate is not trusted or TLS failed: {0}")]
    Tls(String),
    #[error("no connection to it came about in time")]
    ConnectTime,
    #[error("no connection to it came about: {0}")]
    Connect(String),
    #[error("it did not answer in time")]
    Time,
    #[error("the connection to it was lost")]
    Lost,
    /// TLS failed on a connection that had come about.
    #[error("the connection to it was lost: {0}")]
    Broken(String),
}

impl Error {
    /// Whether the request may have reached the upstream.
    pub fn may_have_arrived(&self) -> bool {
        matches!(self, Self::Time | Self::Lost | Self::Broken(_))
    }

    /// One word for the metric.
    pub fn class(&self) -> &'static str {
        match self {
            Self::Address(_) | Self::Setup(_) => "setup",
            Self::Name => "name",
            Self::Refused => "refused",
            Self::ConnectTime | Self::Connect(_) => "connect",
            Self::Tls(_) => "tls",
            Self::Time => "time",
            Self::Lost | Self::Broken(_) => "lost",
        }
    }
}

/// A pool of connections to one upstream.
pub struct Client {
    pooled: legacy::Client<Connector, Body>,
}

impl Client {
    pub fn new(section: &config::Upstream, limits: &config::Limits) -> Result<Self, Error> {
        let mut connector = HttpConnector::new();
        connector.enforce_http(false);
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(limits.upstream_connect_seconds));
        let tls = HttpsConnectorBuilder::new().with_tls_config(tls(section)?);
        let https = if section.plaintext {
            tls.https_or_http()
        } else {
            tls.https_only()
        };
        let pooled = legacy::Client::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE)
            .pool_timer(TokioTimer::new())
            .build(Connector {
                https: https.enable_http1().wrap_connector(connector),
                patience: limits.upstream_connect_seconds,
            });
        Ok(Self { pooled })
    }

    pub async fn send(
        &self,
        request: Request<Body>,
        patience: Duration,
    ) -> Result<Response<Incoming>, Error> {
        match tokio::time::timeout(patience, self.pooled.request(request)).await {
            Err(_) => Err(Error::Time),
            Ok(answer) => answer.map_err(|error| classify(&error)),
        }
    }
}

type Https = HttpsConnector<HttpConnector>;
type Failure = Box<dyn StdError + Send + Sync>;

/// Bounds the whole way to a connection. TCP alone has its bound further in, where it is shared among a name's addresses;
/// an upstream that takes connections and then says nothing is only noticed here.
#[derive(Clone)]
struct Connector {
    https: Https,
    patience: Duration,
}

impl Service<Uri> for Connector {
    type Response = <Https as Service<Uri>>::Response;
    type Error = Failure;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Failure>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        self.https.poll_ready(context)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connecting = tokio::time::timeout(self.patience, self.https.call(uri));
        Box::pin(async move {
            connecting
                .await
                .unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut).into()))
        })
    }
}

fn tls(section: &config::Upstream) -> Result<ClientConfig, Error> {
    let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots(section)?)
        .with_no_client_auth();
    tls.enable_sni = true;
    Ok(tls)
}

/// The system's certificate authorities and the configured ones.
fn roots(section: &config::Upstream) -> Result<RootCertStore, Error> {
    let mut roots = RootCertStore::empty();
    let system = rustls_native_certs::load_native_certs();
    for error in &system.errors {
        tracing::warn!(%error, "a system certificate authority cannot be read");
    }
    roots.add_parsable_certificates(system.certs);
    for authority in section.ca.iter().flat_map(|ca| &ca.certificates) {
        roots.add(authority.clone())?;
    }
    Ok(roots)
}

/// Finds out what went wrong from the chain of causes. Once there was a connection, the upstream may have
/// read the request whatever failed afterwards, be it TLS.
fn classify(error: &legacy::Error) -> Error {
    let outermost: &(dyn StdError + 'static) = error;
    let causes = || std::iter::successors(Some(outermost), |&cause| behind(cause));
    let tls = causes().find_map(|cause| cause.downcast_ref::<rustls::Error>());
    match (error.is_connect(), tls) {
        (true, Some(tls)) => return Error::Tls(tls.to_string()),
        (false, Some(tls)) => return Error::Broken(tls.to_string()),
        (false, None) => return Error::Lost,
        (true, None) => {}
    }
    let mut last = String::from("it was cut off");
    for io in causes().filter_map(|cause| cause.downcast_ref::<io::Error>()) {
        match io.kind() {
            io::ErrorKind::ConnectionRefused => return Error::Refused,
            io::ErrorKind::TimedOut => return Error::ConnectTime,
            kind => last = kind.to_string(),
        }
    }
    if causes().any(|cause| cause.to_string().contains("dns error")) {
        return Error::Name;
    }
    Error::Connect(last)
}

/// The next cause. An I/O error gives as its source what stands behind the error it wraps, so that one is looked at
/// first; TLS errors arrive wrapped twice.
fn behind<'a>(cause: &'a (dyn StdError + 'static)) -> Option<&'a (dyn StdError + 'static)> {
    match cause
        .downcast_ref::<io::Error>()
        .and_then(io::Error::get_ref)
    {
        Some(wrapped) => Some(wrapped),
        None => cause.source(),
    }
}
