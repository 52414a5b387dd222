//! The certificates in use, renewed without a restart: changed files are taken for new connections as a whole or not at
//! all, and connections that exist go on with what they began with.

use std::{
    net::SocketAddr,
    path::Path,
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::Duration,
};

use rustls::ServerConfig;
use time::OffsetDateTime;
use tokio_rustls::TlsAcceptor;

use super::{
    Door,
    tls::{self, Contents, Error, Loaded},
};
use crate::{
    config::{Files, Listen, Tls},
    metrics::Metrics,
    poll::{Looks, POLL},
};

/// Stands for contents that cannot be read.
const UNREADABLE: [u8; 32] = [0xff; 32];
/// How long before its end a certificate is warned about, and how often.
const SOON: time::Duration = time::Duration::days(14);
const REMINDER: Duration = Duration::from_secs(24 * 60 * 60);

/// Cheap to clone; all clones renew the same listener.
#[derive(Clone)]
pub struct Certificates(Arc<Shared>);

struct Shared {
    door: Door,
    /// The files, where there are some that can change.
    files: Option<Files>,
    address: SocketAddr,
    current: RwLock<Arc<ServerConfig>>,
    known: Mutex<Known>,
    metrics: Metrics,
}

struct Known {
    expires: Option<OffsetDateTime>,
    /// The contents that were tried last, good or not: what failed once is not tried and told every time.
    tried: [u8; 32],
    /// Whether they were no good. A look by itself does not try them again; whoever asks is told again.
    is_refused: bool,
}

/// What became of a look at the files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reload {
    /// They are as they were.
    Unchanged,
    /// New connections get the new ones.
    Renewed,
}

impl Certificates {
    /// Reads or makes what `section` asks for; `None` where TLS is off.
    ///
    /// # Errors
    /// When it cannot be used; an expired certificate cannot.
    pub fn open(
        door: Door,
        section: &Listen,
        data: &Path,
        hosts: &[String],
        metrics: Metrics,
    ) -> Result<Option<Self>, Error> {
        let (files, loaded, tried) = match &section.tls {
            Tls::Off => return Ok(None),
            Tls::Development => {
                let loaded = tls::development(door, section.address, data, hosts)?;
                (None, loaded, [0; 32])
            }
            Tls::Files(files) => {
                let contents = Contents::read(files)?;
                let loaded = contents.load(door, section.address)?;
                (Some(files.clone()), loaded, contents.digest())
            }
        };
        let shared = Shared {
            door,
            files,
            address: section.address,
            current: RwLock::new(Arc::clone(&loaded.config)),
            known: Mutex::new(Known {
                expires: loaded.expires,
                tried,
                is_refused: false,
            }),
            metrics,
        };
        let certificates = Self(Arc::new(shared));
        certificates.tell_expiry();
        Ok(Some(certificates))
    }

    /// Reads the files now and takes them for new connections if they changed.
    ///
    /// # Errors
    /// When they cannot be used, even where that was found before; what was in use stays. Said in the log and counted, too.
    pub fn reload(&self) -> Result<Reload, Error> {
        let Some(files) = &self.0.files else {
            return Ok(Reload::Unchanged);
        };
        let mut known = self.0.known.lock().unwrap_or_else(PoisonError::into_inner);
        let reloaded = match Contents::read(files) {
            Ok(contents) if contents.digest() == known.tried && !known.is_refused => Ok(None),
            Ok(contents) => {
                known.tried = contents.digest();
                contents.load(self.0.door, self.0.address).map(Some)
            }
            Err(error) => {
                known.tried = UNREADABLE;
                Err(error)
            }
        };
        known.is_refused = reloaded.is_err();
        match reloaded {
            Ok(None) => Ok(Reload::Unchanged),
            Ok(Some(loaded)) => {
                self.take(loaded, &mut known);
                drop(known);
                tracing::info!("certificates renewed");
                self.count("renewed");
                self.tell_expiry();
                Ok(Reload::Renewed)
            }
            Err(error) => {
                tracing::error!(%error, "the changed certificate files cannot be used; those in use are kept");
                self.count("kept");
                Err(error)
            }
        }
    }

    /// What a new connection is accepted with.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        let current = self
            .0
            .current
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        TlsAcceptor::from(Arc::clone(&current))
    }

    /// Looks at the files every few seconds, for as long as it is polled.
    pub(super) async fn watch(&self) {
        let mut looks = Looks::new(self.tried());
        let mut reminded = tokio::time::Instant::now();
        loop {
            tokio::time::sleep(POLL).await;
            if reminded.elapsed() >= REMINDER {
                reminded = tokio::time::Instant::now();
                self.tell_expiry();
            }
            let certificates = self.clone();
            let looked = tokio::task::spawn_blocking(move || {
                certificates.look(&mut looks);
                looks
            });
            looks = looked.await.unwrap_or(Looks::new(UNREADABLE));
        }
    }

    /// Certificate and key are two files: they are taken once they are the same twice, so seldom between the two.
    fn look(&self, looks: &mut Looks<[u8; 32]>) {
        let Some(files) = &self.0.files else {
            return;
        };
        let now = Contents::read(files).map_or(UNREADABLE, |contents| contents.digest());
        if looks.are_settled(now, &self.tried()) {
            // Told and counted there.
            let _ = self.reload();
        }
    }

    fn tried(&self) -> [u8; 32] {
        let known = self.0.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.tried
    }

    fn take(&self, loaded: Loaded, known: &mut Known) {
        known.expires = loaded.expires;
        let mut current = self
            .0
            .current
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        *current = loaded.config;
    }

    fn count(&self, result: &str) {
        let family = &self.0.metrics.certificate_reloads_total;
        family
            .with_label_values(&[self.0.door.label(), result])
            .inc();
    }

    /// Sets the metric, and warns where the end is near.
    fn tell_expiry(&self) {
        let known = self.0.known.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(expires) = known.expires else {
            return;
        };
        let family = &self.0.metrics.certificate_expiry_timestamp_seconds;
        let metric = family.with_label_values(&[self.0.door.label()]);
        metric.set(expires.unix_timestamp());
        let door = self.0.door.label();
        let left = expires - OffsetDateTime::now_utc();
        if left < time::Duration::ZERO {
            tracing::error!(door, date = %expires.date(), "the listener's certificate has expired: clients refuse it");
        } else if left < SOON {
            tracing::warn!(door, date = %expires.date(), days = left.whole_days(), "the listener's certificate expires soon");
        }
    }
}
