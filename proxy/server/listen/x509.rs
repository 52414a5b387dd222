//! The two things we read in a certificate ourselves: until when it is valid, and whose it is (RFC 5280, section 4.1).

use rustls::pki_types::CertificateDer;
use time::OffsetDateTime;
use yasna::{ASN1Result, BERReader, BERReaderSeq, Tag, models::ObjectIdentifier};

/// When a certificate begins and ceases to be valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    pub from: OffsetDateTime,
    pub until: OffsetDateTime,
}

/// Reads the validity; `None` where the certificate is malformed.
pub fn validity(certificate: &CertificateDer<'_>) -> Option<Validity> {
    read(certificate, |fields| {
        let validity = fields.next().read_sequence(|times| {
            Ok(Validity {
                from: point_in_time(times.next())?,
                until: point_in_time(times.next())?,
            })
        })?;
        fields.next().read_der()?;
        Ok(validity)
    })
}

/// Bytes of a subject that are told.
const SUBJECT: usize = 1000;

/// Reads the subject as one line of printable ASCII, such as `O=Example, CN=ada`; `None` where the certificate is
/// malformed. What separates attributes is escaped in their values (RFC 4514, section 2.4): one subject cannot read like
/// another. It is data: who verified it must be known from elsewhere.
pub fn subject(certificate: &CertificateDer<'_>) -> Option<String> {
    let parts = read(certificate, |fields| {
        fields.next().read_der()?;
        fields.next().collect_sequence_of(|relative| {
            let mut parts = Vec::new();
            relative.read_set_of(|attribute| {
                parts.push(attribute.read_sequence(|pair| {
                    let name = attribute_name(&pair.next().read_oid()?);
                    let value = pair.next().read_tagged_der()?;
                    Ok(format!("{name}={}", escaped(value.value())))
                })?);
                Ok(())
            })?;
            Ok(parts)
        })
    })?;
    let mut subject = parts.concat().join(", ");
    if subject.len() > SUBJECT {
        subject.truncate(SUBJECT);
        subject.push_str("...");
    }
    Some(subject)
}

fn escaped(value: &[u8]) -> String {
    let mut text = String::new();
    for byte in value {
        if b",+=\"\\<>;#".contains(byte) {
            text.push('\\');
        }
        text.push_str(&exeat_gitwire::text::escape(&[*byte]));
    }
    text
}

/// Hands the fields from the validity on to `reader`: it must take validity and subject.
fn read<T>(
    certificate: &CertificateDer<'_>,
    reader: impl Fn(&mut BERReaderSeq<'_, '_>) -> ASN1Result<T>,
) -> Option<T> {
    let read = yasna::parse_der(certificate, |whole| {
        whole.read_sequence(|parts| {
            let read = parts.next().read_sequence(|fields| {
                fields.read_optional(|version| {
                    version.read_tagged(Tag::context(0), |v| v.read_der())
                })?;
                // Serial number, signature algorithm, issuer.
                for _ in 0..3 {
                    fields.next().read_der()?;
                }
                let read = reader(fields)?;
                // Public key, unique names, extensions.
                while fields.read_optional(|field| field.read_der())?.is_some() {}
                Ok(read)
            })?;
            // Signature algorithm, signature.
            for _ in 0..2 {
                parts.next().read_der()?;
            }
            Ok(read)
        })
    });
    read.ok()
}

/// UTCTime to 2049, GeneralizedTime from 2050 on.
fn point_in_time(reader: BERReader<'_, '_>) -> ASN1Result<OffsetDateTime> {
    if reader.lookahead_tag()? == yasna::tags::TAG_UTCTIME {
        return Ok(*reader.read_utctime()?.datetime());
    }
    Ok(*reader.read_generalized_time()?.datetime())
}

/// The short names of RFC 4514 and a few more; else the number.
fn attribute_name(id: &ObjectIdentifier) -> String {
    let name = match id.components().as_slice() {
        [2, 5, 4, 3] => "CN",
        [2, 5, 4, 5] => "serialNumber",
        [2, 5, 4, 6] => "C",
        [2, 5, 4, 7] => "L",
        [2, 5, 4, 8] => "ST",
        [2, 5, 4, 10] => "O",
        [2, 5, 4, 11] => "OU",
        [0, 9, 2342, 19200300, 100, 1, 1] => "UID",
        [1, 2, 840, 113549, 1, 9, 1] => "emailAddress",
        _ => return id.to_string(),
    };
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, KeyPair, date_time_ymd};

    use super::*;

    fn certificate(year: i32, name: &str) -> CertificateDer<'static> {
        let mut params = CertificateParams::new(vec!["a.example".to_owned()]).unwrap();
        params.not_before = date_time_ymd(2020, 1, 2);
        params.not_after = date_time_ymd(year, 3, 4);
        params.distinguished_name = rcgen::DistinguishedName::new();
        params
            .distinguished_name
            .push(DnType::OrganizationName, "Example");
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        params.self_signed(&key).unwrap().der().clone()
    }

    #[test]
    fn validity_is_read_in_both_forms_of_time() {
        for year in [2030, 2060] {
            let read = validity(&certificate(year, "a")).unwrap();
            assert_eq!(read.from, date_time_ymd(2020, 1, 2));
            assert_eq!(read.until, date_time_ymd(year, 3, 4));
        }
    }

    #[test]
    fn a_subject_is_one_printable_line() {
        let read = subject(&certificate(2030, "ada\n\u{e9}")).unwrap();
        assert!(read.starts_with("O=Example, CN=ada"), "{read}");
        assert!(
            read.bytes().all(|byte| (b' '..=b'~').contains(&byte)),
            "{read}"
        );
    }

    #[test]
    fn a_subject_cannot_read_like_another() {
        let read = subject(&certificate(2030, "eve, CN=ada")).unwrap();
        assert_eq!(read, "O=Example, CN=eve\\, CN\\=ada");
        let long = subject(&certificate(2030, &"e".repeat(2000))).unwrap();
        assert!(long.len() < 1100 && long.ends_with("..."));
    }

    #[test]
    fn what_is_no_certificate_is_none() {
        let whole = certificate(2030, "a");
        for length in 0..whole.len() {
            let part = CertificateDer::from(whole[..length].to_vec());
            assert_eq!(validity(&part), None);
            assert_eq!(subject(&part), None);
        }
    }
}
