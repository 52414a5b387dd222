//! The listener for metrics and health: `GET /metrics`, `/health/live`, `/health/ready`.
//!
//! Plain HTTP/1.1 and unauthenticated by design: it says nothing about users, repositories or content. It is bound to
//! loopback by default; who opens it wider decides who may read counters.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::metrics::Metrics;
use crate::store::Store;

/// Connections at once; the rest wait in the listener's queue. A scraper and a few probes need a handful.
const CONNECTIONS: usize = 64;

/// How long a client may take to send a request's head.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// A bound telemetry listener.
#[derive(Debug)]
pub struct Telemetry {
    listener: TcpListener,
    address: SocketAddr,
}

impl Telemetry {
    /// Binds `address`; port 0 takes any free port, see `address`.
    pub async fn bind(address: SocketAddr) -> Result<Self, Error> {
        let bound = async {
            let listener = TcpListener::bind(address).await?;
            let address = listener.local_addr()?;
            Ok(Self { listener, address })
        };
        bound
            .await
            .map_err(|source| Error::Bind { address, source })
    }

    /// The address in use, with the real port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until `shutdown`; then open connections are dropped: none of them carries anything that must end well.
    pub async fn serve(self, metrics: Metrics, readiness: Readiness, shutdown: CancellationToken) {
        let slots = Arc::new(Semaphore::new(CONNECTIONS));
        loop {
            let accepted = tokio::select! {
                () = shutdown.cancelled() => return,
                accepted = next(&self.listener, &slots) => accepted,
            };
            let Some((stream, slot)) = accepted else {
                continue;
            };
            let (metrics, readiness, shutdown) =
                (metrics.clone(), readiness.clone(), shutdown.clone());
            tokio::spawn(async move {
                let service = service_fn(|request| answer(request, &metrics, &readiness));
                let connection = http1::Builder::new()
                    .timer(TokioTimer::new())
                    .header_read_timeout(HEADER_TIMEOUT)
                    .serve_connection(TokioIo::new(stream), service);
                tokio::select! {
                    () = shutdown.cancelled() => {}
                    ended = connection => if let Err(error) = ended {
                        tracing::debug!(%error, "telemetry connection ended early");
                    },
                }
                drop(slot);
            });
        }
    }
}

/// What may change while the proxy runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    Configuration,
    Rules,
}

impl Change {
    /// As a label of a metric.
    pub fn name(self) -> &'static str {
        match self {
            Self::Configuration => "configuration",
            Self::Rules => "rules",
        }
    }
}

/// Whether this process should be sent work: boot says so, draining takes it back, and the store must answer.
#[derive(Debug, Clone)]
pub struct Readiness {
    flag: Arc<AtomicBool>,
    configuration_refused: Arc<AtomicBool>,
    rules_refused: Arc<AtomicBool>,
    store: Store,
}

impl Readiness {
    /// Not ready until `set(true)`.
    pub fn new(store: Store) -> Self {
        Self {
            flag: Arc::new(AtomicBool::new(false)),
            configuration_refused: Arc::new(AtomicBool::new(false)),
            rules_refused: Arc::new(AtomicBool::new(false)),
            store,
        }
    }

    pub fn set(&self, ready: bool) {
        self.flag.store(ready, Ordering::Release);
    }

    /// Whether a change was refused and what was before it is in force. That is no reason to send work elsewhere, and is
    /// told.
    pub fn set_refused(&self, change: Change, refused: bool) {
        let flag = match change {
            Change::Configuration => &self.configuration_refused,
            Change::Rules => &self.rules_refused,
        };
        flag.store(refused, Ordering::Release);
    }

    /// What is told besides that it is ready, or a sentence saying what is not.
    pub async fn check(&self) -> Result<&'static str, &'static str> {
        if !self.flag.load(Ordering::Acquire) {
            return Err("starting or draining\n");
        }
        let answered = tokio::time::timeout(Duration::from_secs(2), self.store.ping()).await;
        match answered {
            Ok(Ok(())) => Ok(self.refused()),
            Ok(Err(_)) | Err(_) => Err("the store does not answer\n"),
        }
    }
}

impl Readiness {
    fn refused(&self) -> &'static str {
        let is_set = |flag: &AtomicBool| flag.load(Ordering::Acquire);
        match (
            is_set(&self.configuration_refused),
            is_set(&self.rules_refused),
        ) {
            (false, false) => "ready\n",
            (true, false) => "ready; the last reload failed and changed nothing, see the log\n",
            (false, true) => {
                "ready; the rule files cannot be used, the rules before stay in force, see the log\n"
            }
            (true, true) => {
                "ready; the last reload failed and changed nothing, and the rule files cannot be used, see the log\n"
            }
        }
    }
}

/// Why the listener could not be bound.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot listen on {address} for telemetry: {source}")]
    Bind {
        address: SocketAddr,
        source: std::io::Error,
    },
}

async fn next(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> Option<(tokio::net::TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let slot = slots.clone().acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => Some((stream, slot)),
        Err(error) => {
            // Out of file descriptors, or a client that left again: a pause keeps this loop from spinning.
            tracing::warn!(%error, "telemetry listener cannot accept");
            tokio::time::sleep(Duration::from_millis(100)).await;
            None
        }
    }
}

async fn answer<B>(
    request: Request<B>,
    metrics: &Metrics,
    readiness: &Readiness,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let path = request.uri().path();
    if !matches!(path, "/metrics" | "/health/live" | "/health/ready") {
        return Ok(text(StatusCode::NOT_FOUND, "not found\n"));
    }
    if request.method() != Method::GET && request.method() != Method::HEAD {
        let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "only GET\n");
        let allow = HeaderValue::from_static("GET, HEAD");
        response.headers_mut().insert(header::ALLOW, allow);
        return Ok(response);
    }
    Ok(match path {
        "/health/live" => text(StatusCode::OK, "alive\n"),
        "/health/ready" => match readiness.check().await {
            Ok(sentence) => text(StatusCode::OK, sentence),
            Err(sentence) => text(StatusCode::SERVICE_UNAVAILABLE, sentence),
        },
        _ => match metrics.render() {
            Ok(body) => {
                let mut response = text(StatusCode::OK, "");
                *response.body_mut() = Full::new(Bytes::from(body));
                let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
                response.headers_mut().insert(header::CONTENT_TYPE, kind);
                response
            }
            Err(error) => {
                tracing::error!(%error, "metrics cannot be written");
                text(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "metrics cannot be written\n",
                )
            }
        },
    })
}

fn text(status: StatusCode, body: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from_static(body.as_bytes())));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    /// The status line's code and the body of one request.
    async fn ask(address: SocketAddr, request_line: &str) -> (u16, String) {
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let head = format!("{request_line} HTTP/1.1\r\nhost: exeat\r\nconnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head[9..12].parse().unwrap(), body.to_owned())
    }

    #[tokio::test]
    async fn answers_metrics_and_health_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).await.unwrap();
        let telemetry = Telemetry::bind("127.0.0.1:0".parse().unwrap())
            .await
            .unwrap();
        let address = telemetry.address();
        assert_ne!(address.port(), 0);
        let metrics = Metrics::new();
        metrics.connections.set(3);
        let readiness = Readiness::new(store.clone());
        let shutdown = CancellationToken::new();
        let serving = tokio::spawn(telemetry.serve(metrics, readiness.clone(), shutdown.clone()));

        assert_eq!(
            ask(address, "GET /health/live").await,
            (200, "alive\n".into())
        );
        assert_eq!(ask(address, "GET /health/ready").await.0, 503);
        readiness.set(true);
        assert_eq!(
            ask(address, "GET /health/ready").await,
            (200, "ready\n".into())
        );
        let (status, body) = ask(address, "GET /metrics").await;
        assert_eq!(status, 200);
        assert!(body.contains("exeat_connections 3"), "{body}");
        assert_eq!(ask(address, "GET /").await.0, 404);
        assert_eq!(ask(address, "GET /metrics/").await.0, 404);
        assert_eq!(
            ask(address, "POST /metrics").await,
            (405, "only GET\n".into())
        );
        assert_eq!(
            ask(address, "HEAD /health/live").await,
            (200, String::new())
        );

        store.close().await;
        let (status, body) = ask(address, "GET /health/ready").await;
        assert_eq!(
            (status, body.as_str()),
            (503, "the store does not answer\n")
        );
        readiness.set(false);
        let (status, body) = ask(address, "GET /health/ready").await;
        assert_eq!((status, body.as_str()), (503, "starting or draining\n"));
        shutdown.cancel();
        serving.await.unwrap();
    }

    #[tokio::test]
    async fn an_address_in_use_is_named() {
        let first = Telemetry::bind("127.0.0.1:0".parse().unwrap())
            .await
            .unwrap();
        let error = Telemetry::bind(first.address()).await.unwrap_err();
        let expected = format!("cannot listen on {} for telemetry: ", first.address());
        assert!(error.to_string().starts_with(&expected), "{error}");
    }
}
