//! Certificates for trying things out: an authority of our own, made once, and what it signs.

use std::{
    fs, io,
    io::Write,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, SanType,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use time::{Duration, OffsetDateTime};

/// Stands as organisation in every certificate that is not for production; `serve` looks for it.
/// The script in `certs-example/` writes the same words.
pub const EXAMPLE: &str = "Exeat example - not for production";

/// The authority is made once and lives long; what it signs is made at every start.
const AUTHORITY_DAYS: i64 = 3650;
/// The longest validity that common TLS clients take for a leaf.
const LEAF_DAYS: i64 = 397;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{path}: {source}")]
    File { path: String, source: io::Error },
    #[error("{0}")]
    Certificate(#[from] rcgen::Error),
}

/// The development authority's certificate file below the data folder.
pub fn development_authority(data: &Path) -> PathBuf {
    data.join("tls").join("ca.pem")
}

/// A certificate for the loopback names, `address` and `hosts`, signed by the data folder's own
/// authority, which is made at the first call.
pub fn development(
    data: &Path,
    address: IpAddr,
    hosts: &[String],
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), Error> {
    let authority = authority(data)?;
    let mut params = CertificateParams::new(Vec::<String>::new())?;
    params.distinguished_name = name("Exeat development server");
    params.subject_alt_names = names(address, hosts)?;
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    valid_for(&mut params, LEAF_DAYS);
    let key = KeyPair::generate()?;
    let leaf = params.signed_by(&key, &authority)?;
    let key = PrivatePkcs8KeyDer::from(key.serialize_der());
    Ok((vec![leaf.der().clone()], key.into()))
}

/// Whether a certificate is one of ours for trying out. The organisation stands in it as plain
/// bytes, so no parser is needed.
pub fn is_example(certificate: &CertificateDer<'_>) -> bool {
    certificate
        .windows(EXAMPLE.len())
        .any(|window| window == EXAMPLE.as_bytes())
}

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority(data: &Path) -> Result<Authority, Error> {
    let folder = data.join("tls");
    let key_file = folder.join("ca.key");
    let certificate_file = development_authority(data);
    fs::create_dir_all(&folder).map_err(|source| failed(&folder, source))?;
    let key = match fs::read_to_string(&key_file) {
        Ok(text) => KeyPair::from_pem(&text)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let key = KeyPair::generate()?;
            write(&key_file, 0o600, &key.serialize_pem())?;
            key
        }
        Err(source) => return Err(failed(&key_file, source)),
    };
    let mut params = CertificateParams::new(Vec::<String>::new())?;
    params.distinguished_name = name("Exeat development authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    valid_for(&mut params, AUTHORITY_DAYS);
    // Signing with the same key and name as before: what trusts the file of the first start
    // trusts what is signed now.
    let authority = CertifiedIssuer::self_signed(params, key)?;
    if !certificate_file.exists() {
        write(&certificate_file, 0o644, &authority.pem())?;
    }
    Ok(authority)
}

fn name(common: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::OrganizationName, EXAMPLE);
    name.push(DnType::CommonName, common);
    name
}

fn names(address: IpAddr, hosts: &[String]) -> Result<Vec<SanType>, Error> {
    let mut names = vec![
        SanType::DnsName("localhost".try_into()?),
        SanType::IpAddress(Ipv4Addr::LOCALHOST.into()),
        SanType::IpAddress(Ipv6Addr::LOCALHOST.into()),
    ];
    if !address.is_unspecified() {
        names.push(SanType::IpAddress(address));
    }
    for host in hosts {
        names.push(match host.parse() {
            Ok(address) => SanType::IpAddress(address),
            Err(_) => SanType::DnsName(host.as_str().try_into()?),
        });
    }
    Ok(names)
}

fn valid_for(params: &mut CertificateParams, days: i64) {
    // Clocks of clients may be a little behind.
    params.not_before = OffsetDateTime::now_utc() - Duration::days(1);
    params.not_after = params.not_before + Duration::days(days);
}

fn write(path: &Path, mode: u32, text: &str) -> Result<(), Error> {
    let written = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
        .and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()
        });
    written.map_err(|source| failed(path, source))
}

fn failed(path: &Path, source: io::Error) -> Error {
    Error::File {
        path: path.display().to_string(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_authority_is_made_once() {
        let data = tempfile::tempdir().unwrap();
        let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let (first, _) = development(data.path(), loopback, &[]).unwrap();
        let made = fs::read(development_authority(data.path())).unwrap();
        let hosts = ["github.exeat.example".to_owned()];
        development(data.path(), loopback, &hosts).unwrap();
        assert_eq!(made, fs::read(development_authority(data.path())).unwrap());
        assert!(is_example(&first[0]));
    }

    #[test]
    fn keys_are_for_the_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let data = tempfile::tempdir().unwrap();
        development(data.path(), IpAddr::V4(Ipv4Addr::LOCALHOST), &[]).unwrap();
        let mode = fs::metadata(data.path().join("tls/ca.key"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
