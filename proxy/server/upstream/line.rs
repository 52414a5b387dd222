//! A connection for a protocol that is no HTTP, in which TLS may begin later.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::Instant,
};

use super::{connect::Connector, error::Error};
use crate::config;

/// Bytes in both directions.
pub trait Duplex: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Duplex for S {}

/// The way to one server.
pub struct Line {
    connector: Connector,
    patience: Duration,
}

impl Line {
    /// # Errors
    /// When certificate authorities cannot be read or the TLS set-up fails.
    pub fn new(reach: &config::Reach, patience: Duration) -> Result<Self, Error> {
        Ok(Self {
            connector: Connector::new(reach, None, patience)?,
            patience,
        })
    }

    /// A new connection, and our own end of it.
    ///
    /// # Errors
    /// By step: name, TCP, time.
    pub async fn open(&self) -> Result<(Box<dyn Duplex>, Option<SocketAddr>), Error> {
        let stream = self.connector.open(Instant::now() + self.patience).await?;
        let own = stream.local_addr().ok();
        Ok((Box::new(stream), own))
    }

    /// The same connection in TLS.
    ///
    /// # Errors
    /// When the other end cannot show who it is.
    pub async fn secure(&self, stream: Box<dyn Duplex>) -> Result<Box<dyn Duplex>, Error> {
        let until = Instant::now() + self.patience;
        Ok(Box::new(self.connector.secure(stream, until).await?))
    }
}
