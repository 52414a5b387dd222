//! The life of one connection: TLS, then HTTP/1 under judgement or HTTP/2, then its requests one by one.

use std::{
    convert::Infallible,
    future::Future,
    net::SocketAddr,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use http::{HeaderValue, Request, Response, header::CONNECTION};
use hyper::{
    body::Incoming,
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::graceful::Watcher,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::TlsAcceptor;

use super::{
    judged::{Judged, Refused},
    strict,
};
use crate::{
    answer::{self, Body},
    config::Limits,
    metrics::Metrics,
};

/// HTTP/2 streams of one connection that may be open at a time.
const STREAMS: u32 = 100;
/// What a client offers during the handshake when it wants HTTP/2 (RFC 9113, section 3.2).
pub const HTTP_2: &[u8] = b"h2";

/// A connection that was accepted.
pub struct Connection {
    pub tls: Option<TlsAcceptor>,
    pub limits: Arc<Limits>,
    pub metrics: Metrics,
    pub peer: SocketAddr,
}

type Ended = Result<(), hyper::Error>;

impl Connection {
    /// Serves it to its end.
    pub async fn serve<Serve, Answer>(self, stream: TcpStream, serve: Serve, watcher: Watcher)
    where
        Serve: Fn(Request<Incoming>, SocketAddr) -> Answer + Clone + Send + 'static,
        Answer: Future<Output = Response<Body>> + Send + 'static,
    {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "no TCP_NODELAY");
        }
        let Some(acceptor) = &self.tls else {
            return self.http1(stream, serve, watcher).await;
        };
        let patience = self.limits.header_seconds;
        match tokio::time::timeout(patience, acceptor.accept(stream)).await {
            Ok(Ok(secured)) if secured.get_ref().1.alpn_protocol() == Some(HTTP_2) => {
                self.http2(secured, serve, watcher).await;
            }
            Ok(Ok(secured)) => self.http1(secured, serve, watcher).await,
            Ok(Err(error)) => tracing::debug!(peer = %self.peer, %error, "TLS handshake failed"),
            Err(_) => tracing::debug!(peer = %self.peer, "TLS handshake took too long"),
        }
    }

    async fn http1<Io, Serve, Answer>(&self, io: Io, serve: Serve, watcher: Watcher)
    where
        Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        Serve: Fn(Request<Incoming>, SocketAddr) -> Answer + Clone + Send + 'static,
        Answer: Future<Output = Response<Body>> + Send + 'static,
    {
        let judged = Judged::new(io);
        let refused = judged.refused();
        let asked = Arc::new(AtomicU64::new(0));
        let counting = Arc::clone(&asked);
        let (peer, metrics) = (self.peer, self.metrics.clone());
        let service = service_fn(move |request| {
            let number = counting.fetch_add(1, Ordering::Relaxed) + 1;
            let answer = match refused.why(number) {
                Some(_) => None,
                None => Some(serve(request, peer)),
            };
            let (refused, metrics) = (refused.clone(), metrics.clone());
            async move { Ok::<_, Infallible>(judged_answer(number, answer, &refused, &metrics).await) }
        });
        let serving = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.header_seconds)
            .serve_connection(TokioIo::new(judged), service);
        self.watch(pin!(watcher.watch(serving)), &asked).await;
    }

    async fn http2<Io, Serve, Answer>(&self, io: Io, serve: Serve, watcher: Watcher)
    where
        Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        Serve: Fn(Request<Incoming>, SocketAddr) -> Answer + Clone + Send + 'static,
        Answer: Future<Output = Response<Body>> + Send + 'static,
    {
        let asked = Arc::new(AtomicU64::new(0));
        let counting = Arc::clone(&asked);
        let peer = self.peer;
        let service = service_fn(move |request| {
            counting.fetch_add(1, Ordering::Relaxed);
            let answer = serve(request, peer);
            async move { Ok::<_, Infallible>(answer.await) }
        });
        let serving = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .max_concurrent_streams(STREAMS)
            // A client may send 64 KiB ahead, so that no more of a push is taken in before its credential was accepted;
            // windows grow with what is being read, so that a large push does not wait a round trip for each.
            .adaptive_window(true)
            .keep_alive_interval(self.limits.body_idle_seconds)
            .max_header_list_size(64 * 1024)
            .serve_connection(TokioIo::new(io), service);
        self.watch(pin!(watcher.watch(serving)), &asked).await;
    }

    /// Waits for the connection's end; a client that never asks anything is let go.
    async fn watch(&self, mut serving: Pin<&mut impl Future<Output = Ended>>, asked: &AtomicU64) {
        let peer = self.peer;
        let first = tokio::time::timeout(self.limits.header_seconds, &mut serving).await;
        let ended = match first {
            Ok(ended) => ended,
            Err(_) if asked.load(Ordering::Relaxed) > 0 => serving.await,
            Err(_) => return tracing::debug!(%peer, "nothing was asked in time"),
        };
        if let Err(error) = ended {
            tracing::debug!(%peer, %error, "connection ended");
        }
    }
}

/// The answer to a request, or the refusal of it: its head may have been refused before, or its body meanwhile.
async fn judged_answer(
    number: u64,
    answer: Option<impl Future<Output = Response<Body>>>,
    refused: &Refused,
    metrics: &Metrics,
) -> Response<Body> {
    let answered = match answer {
        Some(answer) => Some(answer.await),
        None => None,
    };
    match (refused.why(number), answered) {
        (None, Some(answered)) => answered,
        (Some(error), _) => refusal(error, metrics),
        (None, None) => refusal(strict::Error::RequestLine, metrics),
    }
}

fn refusal(error: strict::Error, metrics: &Metrics) -> Response<Body> {
    metrics.refusals_total.with_label_values(&["http"]).inc();
    tracing::info!(%error, "request refused: not plain HTTP/1.1");
    let text = format!(
        "Nothing was sent on: {error}. git does not send such requests; something between git and \
         this proxy may have changed it."
    );
    let mut response = answer::plain(error.status(), &text);
    response
        .headers_mut()
        .insert(CONNECTION, HeaderValue::from_static("close"));
    response
}
