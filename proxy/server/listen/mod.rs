//! Where clients come in: TCP, TLS, and the limits of a connection.

mod certificate;
mod certificates;
mod connection;
mod course;
mod crowd;
mod descriptors;
mod judged;
pub(crate) mod strict;
mod tls;
mod x509;

use std::{future::Future, io, net::SocketAddr, sync::Arc, time::Duration};

use http::{Request, Response};
use hyper::body::Incoming;
use prometheus::IntGauge;
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use certificate::development_authority;
pub use certificates::{Certificates, Reload};
pub use connection::certificate_of;
pub use tls::Error;

use connection::Connection;
use crowd::{Crowd, Idle};

use crate::{
    answer::Body,
    config::{self, Limits},
    metrics::Metrics,
};

/// How long accepting pauses when the system has no more file handles.
const BREATHER: Duration = Duration::from_millis(100);

/// Who comes in by a listener: there is one for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// `[listen]`
    Git,
    /// `[console]`
    Console,
}

impl Door {
    /// The section of the configuration.
    pub fn section(self) -> &'static str {
        match self {
            Self::Git => "listen",
            Self::Console => "console",
        }
    }

    /// As a label of metrics.
    pub fn label(self) -> &'static str {
        match self {
            Self::Git => "git",
            Self::Console => "console",
        }
    }
}

/// A bound listener, not yet serving.
pub struct Listener {
    door: Door,
    tcp: TcpListener,
    certificates: Option<Certificates>,
    /// Connections at once: as configured, or as many as the system allows.
    places: usize,
    limits: Arc<Limits>,
    metrics: Metrics,
}

impl Listener {
    /// Binds the address of `section`, which is that of `door`. Development certificates are made for `hosts` besides the
    /// loopback names and kept in `data`.
    ///
    /// # Errors
    /// When the address is taken or a certificate or key cannot be used.
    pub async fn bind(
        door: Door,
        section: &config::Listen,
        data: &std::path::Path,
        hosts: &[String],
        limits: Arc<Limits>,
        metrics: Metrics,
    ) -> Result<Self, Error> {
        let certificates = Certificates::open(door, section, data, hosts, metrics.clone())?;
        let tcp = TcpListener::bind(section.address)
            .await
            .map_err(|source| Error::Bind {
                section: door.section(),
                address: section.address,
                source,
            })?;
        Ok(Self {
            door,
            tcp,
            certificates,
            places: match door {
                Door::Git => places(&limits),
                Door::Console => limits.connections,
            },
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
        self.certificates.is_some()
    }

    /// What renews the certificates at once, besides the look every few seconds; `None` where TLS is off.
    pub fn certificates(&self) -> Option<Certificates> {
        self.certificates.clone()
    }

    /// Serves connections until `stop`; then waits for those that are being served.
    pub async fn serve<Serve, Answer>(self, serve: Serve, stop: CancellationToken)
    where
        Serve: Fn(Request<Incoming>, SocketAddr) -> Answer + Clone + Send + 'static,
        Answer: Future<Output = Response<Body>> + Send + 'static,
    {
        let open = TaskTracker::new();
        let accepting = self.accept(&serve, &stop, &open);
        match &self.certificates {
            Some(certificates) => tokio::select! {
                () = accepting => {}
                () = certificates.watch() => {}
            },
            None => accepting.await,
        }
        let patience = self.limits.drain_seconds;
        drop(self);
        open.close();
        let _ = tokio::time::timeout(patience, open.wait()).await;
    }

    async fn accept<Serve, Answer>(
        &self,
        serve: &Serve,
        stop: &CancellationToken,
        open: &TaskTracker,
    ) where
        Serve: Fn(Request<Incoming>, SocketAddr) -> Answer + Clone + Send + 'static,
        Answer: Future<Output = Response<Body>> + Send + 'static,
    {
        let crowd = Arc::new(Crowd::new(self.places));
        loop {
            let accepted = tokio::select! {
                () = stop.cancelled() => return,
                accepted = self.tcp.accept() => accepted,
            };
            let Ok((stream, peer)) = accepted else {
                tokio::time::sleep(BREATHER).await;
                continue;
            };
            let Some(place) = crowd.place().await else {
                // A refusal now is better than a wait without end: the client is told by the connection's end.
                self.metrics
                    .connections_ended_total
                    .with_label_values(&["full"])
                    .inc();
                continue;
            };
            let connection = Connection {
                tls: self.certificates.as_ref().map(Certificates::acceptor),
                limits: Arc::clone(&self.limits),
                metrics: self.metrics.clone(),
                door: self.door,
                peer,
                stop: stop.clone(),
            };
            let idle = Idle::new(Arc::clone(&crowd), Arc::default());
            let serving = connection.serve(stream, idle, serve.clone());
            let present = Present::new(self.door, &self.metrics);
            open.spawn(async move {
                serving.await;
                drop((present, place));
            });
        }
    }
}

/// The configured number of connections, or what fits where the system allows fewer open files.
fn places(limits: &Limits) -> usize {
    let allowed = descriptors::raise();
    let places = descriptors::fitting(limits.connections, limits.pushes, allowed);
    if places < limits.connections {
        tracing::warn!(
            files = allowed,
            connections = places,
            "limits.connections = {} does not fit into the open files that the system allows; \
             raise that limit (LimitNOFILE) or lower limits.connections",
            limits.connections
        );
    }
    places
}

/// A connection, as the metric counts it.
struct Present(IntGauge);

impl Present {
    fn new(door: Door, metrics: &Metrics) -> Self {
        let gauge = match door {
            Door::Git => &metrics.connections,
            Door::Console => &metrics.console_connections,
        };
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Present {
    fn drop(&mut self) {
        self.0.dec();
    }
}
