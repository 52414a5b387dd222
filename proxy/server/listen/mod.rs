//! Where git clients come in: TCP, TLS, and the limits of a connection.

mod certificate;
mod tls;

use std::{
    convert::Infallible,
    future::Future,
    io,
    net::SocketAddr,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use http::{Request, Response};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto, graceful::GracefulShutdown},
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

pub use certificate::development_authority;
pub use tls::Error;

use crate::{
    answer::Body,
    config::{self, Limits},
    metrics::Metrics,
};

/// HTTP/2 streams of one connection that may be open at a time.
const STREAMS: u32 = 100;
/// How long accepting pauses when the system has no more file handles.
const BREATHER: Duration = Duration::from_millis(100);

/// A bound listener, not yet serving.
pub struct Listener {
    tcp: TcpListener,
    tls: Option<TlsAcceptor>,
    limits: Arc<Limits>,
    metrics: Metrics,
}

impl Listener {
    /// Binds the address of `section`. Development certificates are made for `hosts` besides the
    /// loopback names and kept in `data`.
    ///
    /// # Errors
    /// When the address is taken or a certificate or key cannot be used.
    pub async fn bind(
        section: &config::Listen,
        data: &std::path::Path,
        hosts: &[String],
        limits: Arc<Limits>,
        metrics: Metrics,
    ) -> Result<Self, Error> {
        let tls = tls::acceptor(section, data, hosts)?;
        let tcp = TcpListener::bind(section.address)
            .await
            .map_err(|source| Error::Bind {
                address: section.address,
                source,
            })?;
        Ok(Self {
            tcp,
            tls,
            limits,
            metrics,
        })
    }

    /// The address in use, with the port that was chosen for port 0.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.tcp.local_addr()
    }

    pub fn is_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// Serves connections until `stop`; then waits for those that are being served.
    pub async fn serve<Serve, Answer>(self, serve: Serve, stop: CancellationToken)
    where
        Serve: Fn(Request<Incoming>, SocketAddr) -> Answer + Clone + Send + 'static,
        Answer: Future<Output = Response<Body>> + Send + 'static,
    {
        let graceful = GracefulShutdown::new();
        let places = Arc::new(Semaphore::new(self.limits.connections));
        loop {
            let place = tokio::select! {
                () = stop.cancelled() => break,
                place = Arc::clone(&places).acquire_owned() => place,
            };
            let accepted = tokio::select! {
                () = stop.cancelled() => break,
                accepted = self.tcp.accept() => accepted,
            };
            let (Ok(place), Ok((stream, peer))) = (place, accepted) else {
                tokio::time::sleep(BREATHER).await;
                continue;
            };
            let connection = Connection {
                tls: self.tls.clone(),
                limits: Arc::clone(&self.limits),
                peer,
            };
            let watcher = graceful.watcher();
            let serve = serve.clone();
            let metrics = self.metrics.clone();
            tokio::spawn(async move {
                metrics.connections.inc();
                connection.serve(stream, serve, watcher).await;
                metrics.connections.dec();
                drop(place);
            });
        }
        drop(self.tcp);
        let _ = tokio::time::timeout(self.limits.drain_seconds, graceful.shutdown()).await;
    }
}

struct Connection {
    tls: Option<TlsAcceptor>,
    limits: Arc<Limits>,
    peer: SocketAddr,
}

impl Connection {
    async fn serve<Serve, Answer>(
        self,
        stream: TcpStream,
        serve: Serve,
        watcher: hyper_util::server::graceful::Watcher,
    ) where
        Serve: Fn(Request<Incoming>, SocketAddr) -> Answer + Clone + Send + 'static,
        Answer: Future<Output = Response<Body>> + Send + 'static,
    {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "no TCP_NODELAY");
        }
        let Some(acceptor) = &self.tls else {
            return self.http(TokioIo::new(stream), serve, watcher).await;
        };
        let patience = self.limits.header_seconds;
        match tokio::time::timeout(patience, acceptor.accept(stream)).await {
            Ok(Ok(secured)) => self.http(TokioIo::new(secured), serve, watcher).await,
            Ok(Err(error)) => tracing::debug!(peer = %self.peer, %error, "TLS handshake failed"),
            Err(_) => tracing::debug!(peer = %self.peer, "TLS handshake took too long"),
        }
    }

    async fn http<Io, Serve, Answer>(
        &self,
        io: Io,
        serve: Serve,
        watcher: hyper_util::server::graceful::Watcher,
    ) where
        Io: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
        Serve: Fn(Request<Incoming>, SocketAddr) -> Answer + Clone + Send + 'static,
        Answer: Future<Output = Response<Body>> + Send + 'static,
    {
        let peer = self.peer;
        let asked = Arc::new(AtomicBool::new(false));
        let asking = Arc::clone(&asked);
        let service = service_fn(move |request| {
            asking.store(true, Ordering::Relaxed);
            let answer = serve(request, peer);
            async move { Ok::<_, Infallible>(answer.await) }
        });
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.header_seconds)
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(STREAMS)
            // A client may send 64 KiB ahead, so that no more of a push is taken in before its credential was accepted;
            // windows grow with what is being read, so that a large push does not wait a round trip for each.
            .adaptive_window(true)
            .keep_alive_interval(self.limits.body_idle_seconds)
            .max_header_list_size(64 * 1024);
        let serving = builder.serve_connection(io, service).into_owned();
        let mut serving = pin!(watcher.watch(serving));
        // The server's own time-out for heads begins when it knows which HTTP is spoken, so not for a mute client.
        let first = tokio::time::timeout(self.limits.header_seconds, &mut serving).await;
        let ended = match first {
            Ok(ended) => ended,
            Err(_) if asked.load(Ordering::Relaxed) => serving.await,
            Err(_) => return tracing::debug!(%peer, "nothing was asked in time"),
        };
        if let Err(error) = ended {
            tracing::debug!(%peer, %error, "connection ended");
        }
    }
}
