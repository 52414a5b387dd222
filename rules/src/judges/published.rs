//! Values that standards and vendors print in their own documents: everybody has read them, and libraries repeat them in tests.

use super::account::unescaped;

/// In the order of the documents; whole values.
const VALUES: &[&[u8]] = &[
    // RFC 5849, OAuth 1.0.
    b"9djdj82h48djs9d2",
    b"bYT5CMsGcbgUdFHObYMEfcx6bsw=",
    b"dh893hdasih9",
    b"djosJKDKJSD8743243/jdk33klY=",
    b"dpf43f3p2l4k3l03",
    b"gKgrFCywp7rO0OXSjdot/IHF7IU=",
    b"hdhd0244k9j7ao03",
    b"hfdp7dh39dks9884",
    b"hh5s93j4hdidpola",
    b"j49sk3j29djd",
    b"kd94hf93k423kf44",
    b"kkk9d7dh3k39sjv7",
    b"MdpQcU8iPSUjWoN/UDMsK2sui9I=",
    b"nnch734d00sl2jdk",
    b"pfkkdhi9sl3r4s00",
    b"wOJIO9A2W5mFwDgiDvZbTSMK/PY=",
    b"74KNZJeDHnMBp0EMJ9ZHt/XKycU=",
    // RFC 6749, OAuth 2.0.
    b"2YotnFZFEjr1zCsicMWpAA",
    b"7Fjfp0ZBr1KtDRbnfVdmIw",
    b"SplxlOBeZQQYbYS6WxSbIA",
    b"czZCaGRSa3F0MzpnWDFmQmF0M2JW",
    b"czZCaGRSa3F0Mzo3RmpmcDBaQnIxS3REUmJuZlZkbUl3",
    b"gX1fBat3bV",
    b"tGzv3JOkF0XG5Qx2TlKWIA",
    // RFC 6750, bearer tokens.
    b"mF_9.B5f-4.1JqM",
    // RFC 7617, Basic authentication.
    b"QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
    b"dGVzdDoxMjPCow==",
    // RFC 7662, 8693 and OpenID Connect Core and Registration.
    b"23410913-abewfq.123483",
    b"SlAV32hkKG",
    b"8xLOxBtZp8",
    b"ZJYCqe3GGRvdrudKyZS0XhGv_Z45DuKZCUk0gBR1vZk",
    // RFC 7636, proof keys for code exchange.
    b"dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
    b"E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
    // RFC 6455, WebSocket.
    b"dGhlIHNhbXBsZSBub25jZQ==",
    b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
    // RFC 6238, one-time passwords: 1234567890 twice, in base32.
    b"GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ",
    b"JBSWY3DPEHPK3PXP",
    // X developer platform, "Creating a signature".
    b"xvz1evFS4wEEPTGEFPHBog",
    b"kAcSOqF21Fu85e7zjz7ZN2U4ZRhfV3WpwPAoE3Z7kBw",
    b"LswwdoUaIvS8ltyTt5jkRh4J50vUPVVHtR2YPi5kE",
    b"370773112-GmHxMAgYyLbNEtIKZeRNFsMKPR9EyMZeS9weJAEb",
];

/// Longest of them where every byte is percent-encoded, and more.
const LONGEST: usize = 192;

/// Whether `value` is one of them, written as it is or for a URL.
pub(super) fn is_published(value: &[u8]) -> bool {
    value.len() <= LONGEST && VALUES.contains(&unescaped(value).as_slice())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_standards_are_known_however_they_are_written() {
        for value in [
            "2YotnFZFEjr1zCsicMWpAA",
            "wOJIO9A2W5mFwDgiDvZbTSMK%2FPY%3D",
            "wOJIO9A2W5mFwDgiDvZbTSMK/PY=",
        ] {
            assert!(is_published(value.as_bytes()), "{value}");
        }
        for value in ["", "2YotnFZFEjr1zCsicMWpA", "2YotnFZFEjr1zCsicMWpAAx", "%"] {
            assert!(!is_published(value.as_bytes()), "{value}");
        }
        assert!(!is_published(&[b'a'; 1 << 16]));
    }
}
