//! JSON Web Tokens. Source: RFC 7519 section 3, RFC 7515 section 4.1.1 (`alg` must be present).

use base64::Engine;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::engine::{DecodePaddingMode, GeneralPurpose as Codec};

/// Some writers leave padding or stray bits in; a token is no less a token for it.
const BASE64URL: Codec = GeneralPurpose::new(
    &base64::alphabet::URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Three parts, of which the first two are JSON objects and the header names an algorithm.
pub(super) fn is_token(secret: &[u8]) -> bool {
    parts(secret).is_some()
}

/// Header and claims, read, and the signature as it is written.
pub fn parts(secret: &[u8]) -> Option<(Object, Object, &[u8])> {
    let mut parts = secret.split(|&byte| byte == b'.');
    let (Some(header), Some(claims), Some(signature), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return None;
    };
    let header = object(header)?;
    let named = header.get("alg").is_some_and(serde_json::Value::is_string);
    Some((header, object(claims)?, signature)).filter(|_| named)
}

type Object = serde_json::Map<String, serde_json::Value>;

fn object(part: &[u8]) -> Option<Object> {
    serde_json::from_slice(&BASE64URL.decode(part).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(header: &str, claims: &str) -> Vec<u8> {
        format!(
            "{}.{}.c2ln",
            BASE64URL.encode(header),
            BASE64URL.encode(claims)
        )
        .into_bytes()
    }

    #[test]
    fn header_and_claims_are_read() {
        assert!(is_token(&token(
            r#"{"alg":"HS256","typ":"JWT"}"#,
            r#"{"sub":"1"}"#
        )));
        assert!(
            !is_token(&token(r#"{"typ":"JWT"}"#, r#"{"sub":"1"}"#)),
            "no alg"
        );
        assert!(!is_token(&token(r#"{"alg":1}"#, "{}")));
        assert!(!is_token(&token(r#"["alg"]"#, "{}")));
        assert!(!is_token(&token(r#"{"alg":"HS256"}"#, "sub")));
        assert!(!is_token(b"eyJh.eyJz"));
        assert!(!is_token(b"..."));
    }
}
