//! Where git clients come in: TCP, TLS, and the limits of a connection.

mod certificate;
mod connection;
mod judged;
pub(crate) mod strict;
mod tls;

use std::{future::Future, io, net::SocketAddr, sync::Arc, time::Duration};

use http::{Request, Response};
use hyper::body::Incoming;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::{net::TcpListener, sync::Semaphore};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

pub use certificate::development_authority;
pub use tls::Error;

use connection::Connection;

use crate::{
    answer::Body,
    config::{self, Limits},
    metrics::Metrics,
};

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
                metrics: self.metrics.clone(),
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
