//! TLS towards git clients: which certificate is shown, and which are refused.

use std::{fs, io, net::SocketAddr, path::Path, sync::Arc};

use rustls::{
    InconsistentKeys, RootCertStore, ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer},
    server::WebPkiClientVerifier,
};
use rustls_pki_types::pem::PemObject;
use tokio_rustls::TlsAcceptor;

use super::{certificate, connection::HTTP_2};
use crate::config::{Listen, Tls};

/// Why the proxy does not listen. The texts are for whoever starts it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(
        "cannot listen on {address}: {source}; another program may use the port: set listen.address"
    )]
    Bind {
        address: SocketAddr,
        source: io::Error,
    },
    #[error("{path}: {reason}")]
    File { path: String, reason: String },
    #[error(
        "{path} is an example certificate whose key anybody can make, so it is served on loopback \
         addresses only, not on {address}; set listen.tls to a certificate of your own"
    )]
    Example { path: String, address: SocketAddr },
    #[error(
        "listen.tls = \"development\" serves loopback addresses only, not {address}; set listen.tls \
         = {{ certificate = \"...\", key = \"...\" }}"
    )]
    Development { address: SocketAddr },
    #[error("{key} is not the key of {certificate}; set listen.tls.key to the key it was made for")]
    OtherKey { certificate: String, key: String },
    #[error("certificate and key cannot be used: {0}")]
    Tls(#[from] rustls::Error),
    #[error("listen.tls.client_ca cannot be used: {0}")]
    ClientAuthority(#[from] rustls::server::VerifierBuilderError),
    #[error("the development certificate cannot be made: {0}")]
    Certificate(#[from] certificate::Error),
}

/// What turns a TCP connection into a TLS one; `None` where TLS is off.
pub fn acceptor(
    section: &Listen,
    data: &Path,
    hosts: &[String],
) -> Result<Option<TlsAcceptor>, Error> {
    let address = section.address;
    let mut config = match &section.tls {
        Tls::Off => return Ok(None),
        Tls::Development if !address.ip().is_loopback() => {
            return Err(Error::Development { address });
        }
        Tls::Development => {
            let (chain, key) = certificate::development(data, address.ip(), hosts)?;
            builder(None)?.with_single_cert(chain, key)?
        }
        Tls::Files {
            certificate,
            key,
            client_ca,
        } => {
            let chain = certificates(certificate)?;
            refuse_example(&chain, certificate, address)?;
            builder(client_ca.as_deref())?
                .with_single_cert(chain, private_key(key)?)
                .map_err(|error| unusable(error, certificate, key))?
        }
    };
    config.alpn_protocols = vec![HTTP_2.to_vec(), b"http/1.1".to_vec()];
    Ok(Some(TlsAcceptor::from(Arc::new(config))))
}

type Builder = rustls::ConfigBuilder<ServerConfig, rustls::server::WantsServerCert>;

fn builder(client_ca: Option<&Path>) -> Result<Builder, Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()?;
    let Some(path) = client_ca else {
        return Ok(builder.with_no_client_auth());
    };
    let mut roots = RootCertStore::empty();
    for authority in certificates(path)? {
        roots.add(authority)?;
    }
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build()?;
    Ok(builder.with_client_cert_verifier(verifier))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let failed = |reason: String| Error::File {
        path: path.display().to_string(),
        reason,
    };
    let text = fs::read(path).map_err(|error| failed(error.to_string()))?;
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&text)
        .collect::<Result<_, _>>()
        .map_err(|error| failed(error.to_string()))?;
    if chain.is_empty() {
        return Err(failed("holds no PEM certificate".into()));
    }
    Ok(chain)
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, Error> {
    let failed = |reason: String| Error::File {
        path: path.display().to_string(),
        reason,
    };
    let text = fs::read(path).map_err(|error| failed(error.to_string()))?;
    // The reader's own error could quote the file, so it is not passed on.
    PrivateKeyDer::from_pem_slice(&text)
        .map_err(|_| failed("holds no private key in PEM form".into()))
}

fn unusable(error: rustls::Error, certificate: &Path, key: &Path) -> Error {
    match error {
        rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => Error::OtherKey {
            certificate: certificate.display().to_string(),
            key: key.display().to_string(),
        },
        error => error.into(),
    }
}

fn refuse_example(
    chain: &[CertificateDer<'_>],
    path: &Path,
    address: SocketAddr,
) -> Result<(), Error> {
    let marked = chain
        .iter()
        .any(|certificate| certificate::is_example(certificate));
    if marked && !address.ip().is_loopback() {
        return Err(Error::Example {
            path: path.display().to_string(),
            address,
        });
    }
    Ok(())
}
