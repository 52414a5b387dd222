//! Is a JSON Web Token one that opens something? Source: RFC 7519, RFC 7515 section 3.

use serde_json::{Map, Value};

use super::Subject;
use super::chance::Makeup;
use crate::validators::jwt_parts;

/// A signed token, in percent.
const SIGNED: u8 = 95;
/// One that is meant to be public, or whose signature is a word.
const DOUBTFUL: u8 = 60;

/// Certainty in percent.
pub(super) fn certainty(subject: &Subject<'_>) -> u8 {
    read(subject.secret()).unwrap_or(0)
}

/// The same of a bare value; `None` if it is no token.
pub(super) fn read(value: &[u8]) -> Option<u8> {
    let (header, claims, signature) = jwt_parts(value)?;
    if is_published(&claims) {
        return Some(0);
    }
    let alg = header
        .get("alg")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let made = Makeup::of(signature);
    let is_word = made.length < 20 || made.share_in_words() > 0.5 || made.distinct < 8;
    let is_public = says(&claims, "role", "anon");
    let doubtful = alg.eq_ignore_ascii_case("none") || is_word || is_public;
    Some(if doubtful { DOUBTFUL } else { SIGNED })
}

/// The tokens of jwt.io, of RFC 7519 and of PyJWT, which stand in everyone's documentation and tests.
fn is_published(claims: &Map<String, Value>) -> bool {
    let subject = says(claims, "sub", "1234567890")
        || claims.get("sub").and_then(Value::as_u64) == Some(1_234_567_890);
    let doe = says(claims, "name", "John Doe") || says(claims, "name", "Jane Doe");
    subject && (doe || claims.len() <= 2)
        || doe && claims.len() <= 4
        || claims.len() == 1 && says(claims, "some", "payload")
        || says(claims, "iss", "joe") && claims.contains_key("http://example.com/is_root")
}

fn says(claims: &Map<String, Value>, key: &str, value: &str) -> bool {
    claims.get(key).and_then(Value::as_str) == Some(value)
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;

    fn of(header: &str, claims: &str, signature: &str) -> Option<u8> {
        let [header, claims] = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part));
        read(format!("{header}.{claims}.{signature}").as_bytes())
    }

    #[test]
    fn signed_published_and_broken() {
        let signature = "k3JqZ7xw0PvLr8Tn_2mYd9-QbHsFc1AeGu5KiXoWzR4";
        let hs = r#"{"alg":"HS256"}"#;
        assert_eq!(of(hs, r#"{"sub":"u-81","exp":1}"#, signature), Some(SIGNED));
        let doe = r#"{"sub":"1234567890","name":"John Doe","iat":1516239022}"#;
        assert_eq!(of(hs, doe, signature), Some(0));
        assert_eq!(
            of(hs, r#"{"role":"anon","iss":"s"}"#, signature),
            Some(DOUBTFUL)
        );
        assert_eq!(of(r#"{"alg":"none"}"#, "{}", signature), Some(DOUBTFUL));
        assert_eq!(
            of(hs, r#"{"sub":"u"}"#, "invalid_signature_of_token"),
            Some(DOUBTFUL)
        );
        assert_eq!(of(r#"{"typ":"JWT"}"#, "{}", signature), None);
        assert_eq!(of(hs, "sub", signature), None);
    }
}
