//! TLS towards clients: which certificate is shown, and which are refused.

use std::{
    fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{
    InconsistentKeys, RootCertStore, ServerConfig,
    pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer},
    server::{WebPkiClientVerifier, danger::ClientCertVerifier},
};
use rustls_pki_types::pem::PemObject;
use sha2::{Digest, Sha256};
use time::OffsetDateTime;

use super::{
    Door, certificate,
    connection::HTTP_2,
    x509::{self, Validity},
};
use crate::config::Files;

/// Why the proxy does not listen. The texts are for whoever starts it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(
        "cannot listen on {address}: {source}; another program may use the port: set {section}.address"
    )]
    Bind {
        section: &'static str,
        address: SocketAddr,
        source: io::Error,
    },
    #[error("{path}: {reason}")]
    File { path: String, reason: String },
    #[error(
        "{path} is an example certificate whose key anybody can make, so it is served on loopback \
         addresses only, not on {address}; set {section}.tls to a certificate of your own"
    )]
    Example {
        section: &'static str,
        path: String,
        address: SocketAddr,
    },
    #[error(
        "{section}.tls = \"development\" serves loopback addresses only, not {address}; set {section}.tls \
         = {{ certificate = \"...\", key = \"...\" }}"
    )]
    Development {
        section: &'static str,
        address: SocketAddr,
    },
    #[error(
        "{key} is not the key of {certificate}; set {section}.tls.key to the key it was made for"
    )]
    OtherKey {
        section: &'static str,
        certificate: String,
        key: String,
    },
    #[error("{path} expired on {date}; install its successor, or check this machine's clock")]
    Expired { path: String, date: time::Date },
    #[error("certificate and key cannot be used: {0}")]
    Tls(#[from] rustls::Error),
    #[error("tls.client_ca or client_crl cannot be used: {0}")]
    ClientAuthority(#[from] rustls::server::VerifierBuilderError),
    #[error("the development certificate cannot be made: {0}")]
    Certificate(#[from] certificate::Error),
}

/// A TLS side that can be used now.
pub struct Loaded {
    pub config: Arc<ServerConfig>,
    /// When the first certificate of the chain begins to fail.
    pub expires: Option<OffsetDateTime>,
}

/// A certificate of our own authority.
///
/// # Errors
/// When the address is not a loopback one or the authority cannot be kept.
pub fn development(
    door: Door,
    address: SocketAddr,
    data: &Path,
    hosts: &[String],
) -> Result<Loaded, Error> {
    if !address.ip().is_loopback() {
        return Err(Error::Development {
            section: door.section(),
            address,
        });
    }
    let (chain, key) = certificate::development(data, address.ip(), hosts)?;
    let expires = validity(&chain).map(|validity| validity.until);
    let config = builder()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    Ok(Loaded {
        config: finished(config),
        expires,
    })
}

/// What the files of a listener hold at one moment. Has no `Debug`: a private key is in it.
pub struct Contents {
    certificate: Named,
    key: Named,
    client_ca: Option<Named>,
    client_crl: Option<Named>,
}

struct Named {
    path: PathBuf,
    bytes: Vec<u8>,
}

impl Named {
    fn read(path: &Path) -> Result<Self, Error> {
        match fs::read(path) {
            Ok(bytes) => Ok(Self {
                path: path.to_owned(),
                bytes,
            }),
            Err(error) => Err(Error::File {
                path: path.display().to_string(),
                reason: error.to_string(),
            }),
        }
    }

    fn is_unusable(&self, reason: impl ToString) -> Error {
        Error::File {
            path: self.name(),
            reason: reason.to_string(),
        }
    }

    fn name(&self) -> String {
        self.path.display().to_string()
    }
}

impl Contents {
    /// Reads every file once.
    ///
    /// # Errors
    /// With the first file that cannot be read.
    pub fn read(files: &Files) -> Result<Self, Error> {
        let optional = |path: &Option<PathBuf>| path.as_deref().map(Named::read).transpose();
        Ok(Self {
            certificate: Named::read(&files.certificate)?,
            key: Named::read(&files.key)?,
            client_ca: optional(&files.client_ca)?,
            client_crl: optional(&files.client_crl)?,
        })
    }

    /// Tells contents apart without keeping them.
    pub fn digest(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        let files = [
            Some(&self.certificate),
            Some(&self.key),
            self.client_ca.as_ref(),
            self.client_crl.as_ref(),
        ];
        for file in files {
            let bytes = file.map_or(&[][..], |file| &file.bytes);
            hash.update((bytes.len() as u64).to_be_bytes());
            hash.update(bytes);
        }
        hash.finalize().into()
    }

    /// Makes a TLS side of them for `address`.
    ///
    /// # Errors
    /// With what cannot be used: no PEM, another certificate's key, an expired certificate, an example one off loopback.
    pub fn load(&self, door: Door, address: SocketAddr) -> Result<Loaded, Error> {
        let chain = certificates(&self.certificate)?;
        refuse_example(door, &chain, &self.certificate, address)?;
        let validity = validity(&chain)
            .ok_or_else(|| self.certificate.is_unusable("is not an X.509 certificate"))?;
        if validity.until <= OffsetDateTime::now_utc() {
            return Err(Error::Expired {
                path: self.certificate.name(),
                date: validity.until.date(),
            });
        }
        let builder = builder()?;
        let builder = match self.client_verifier()? {
            Some(verifier) => builder.with_client_cert_verifier(verifier),
            None => builder.with_no_client_auth(),
        };
        let config = builder
            .with_single_cert(chain, private_key(&self.key)?)
            .map_err(|error| self.mismatch(door, error))?;
        Ok(Loaded {
            config: finished(config),
            expires: Some(validity.until),
        })
    }

    fn client_verifier(&self) -> Result<Option<Arc<dyn ClientCertVerifier>>, Error> {
        let Some(authorities) = &self.client_ca else {
            return Ok(None);
        };
        let mut roots = RootCertStore::empty();
        for authority in certificates(authorities)? {
            roots.add(authority)?;
        }
        let mut builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider());
        if let Some(revoked) = &self.client_crl {
            // A list that is out of date may lack the newest revocation, so it proves nothing.
            builder = builder
                .with_crls(revocations(revoked)?)
                .only_check_end_entity_revocation()
                .enforce_revocation_expiration();
        }
        Ok(Some(builder.build()?))
    }

    fn mismatch(&self, door: Door, error: rustls::Error) -> Error {
        match error {
            rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => Error::OtherKey {
                section: door.section(),
                certificate: self.certificate.name(),
                key: self.key.name(),
            },
            error => error.into(),
        }
    }
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

fn builder() -> Result<rustls::ConfigBuilder<ServerConfig, rustls::WantsVerifier>, Error> {
    Ok(ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions()?)
}

fn finished(mut config: ServerConfig) -> Arc<ServerConfig> {
    // Ours is the choice (RFC 7301, section 3.2). A push is one request after the other, so HTTP/2 gains git nothing,
    // and git with curl 7.88 may wait for ever when a long body meets an exhausted HTTP/2 window.
    config.alpn_protocols = vec![b"http/1.1".to_vec(), HTTP_2.to_vec()];
    Arc::new(config)
}

/// The span in which every certificate of the chain is valid.
fn validity(chain: &[CertificateDer<'_>]) -> Option<Validity> {
    let all: Option<Vec<Validity>> = chain.iter().map(x509::validity).collect();
    all?.into_iter().reduce(|one, other| Validity {
        from: one.from.max(other.from),
        until: one.until.min(other.until),
    })
}

fn certificates(file: &Named) -> Result<Vec<CertificateDer<'static>>, Error> {
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&file.bytes)
        .collect::<Result<_, _>>()
        .map_err(|error| file.is_unusable(error))?;
    if chain.is_empty() {
        return Err(file.is_unusable("holds no PEM certificate"));
    }
    Ok(chain)
}

fn revocations(file: &Named) -> Result<Vec<CertificateRevocationListDer<'static>>, Error> {
    let lists: Vec<_> = CertificateRevocationListDer::pem_slice_iter(&file.bytes)
        .collect::<Result<_, _>>()
        .map_err(|error| file.is_unusable(error))?;
    if lists.is_empty() {
        return Err(file.is_unusable("holds no PEM revocation list"));
    }
    Ok(lists)
}

fn private_key(file: &Named) -> Result<PrivateKeyDer<'static>, Error> {
    // The reader's own error could quote the file, so it is not passed on.
    PrivateKeyDer::from_pem_slice(&file.bytes)
        .map_err(|_| file.is_unusable("holds no private key in PEM form"))
}

fn refuse_example(
    door: Door,
    chain: &[CertificateDer<'_>],
    file: &Named,
    address: SocketAddr,
) -> Result<(), Error> {
    let marked = chain
        .iter()
        .any(|certificate| certificate::is_example(certificate));
    if marked && !address.ip().is_loopback() {
        return Err(Error::Example {
            section: door.section(),
            path: file.name(),
            address,
        });
    }
    Ok(())
}
