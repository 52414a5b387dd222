//! Built-in checks of a secret: pure, offline, by name.
//!
//! A validator turns a likely match into a sure one, or drops it. It must never reject a real secret: a vendor's checksum is
//! here only where a description or the vendor's source says how it is made and a published token agrees.

mod atlassian;
mod azure;
mod base58;
mod bech32;
mod cloudflare;
mod crc;
mod exeat;
mod github;
mod gitlab;
mod grafana;
mod jwt;
mod marvin;
mod npm;
mod pem;
mod people;
mod placeholder;
mod stellar;
mod zuplo;

pub(crate) mod sums;

pub use crc::base62 as base62_checksum;
pub(crate) use jwt::parts as jwt_parts;
pub(crate) use pem::body as pem_body;
pub(crate) use placeholder::is_real;

/// A check that a rule can ask for with `validator = "<name>"`.
#[derive(Clone, Copy, Debug)]
pub struct Validator {
    pub name: &'static str,
    /// What it asks of the secret, in one line.
    pub about: &'static str,
    pub check: fn(&[u8]) -> bool,
    /// It reckons a checksum that the vendor puts into the token, and nothing else of it: what it says no to looks like a token.
    pub is_checksum: bool,
}

/// Every validator.
pub fn all() -> impl Iterator<Item = &'static Validator> {
    SECRETS.iter().chain(people::ALL)
}

/// Those of secrets.
const SECRETS: &[Validator] = &[
    Validator {
        name: "github",
        about: "a ghp_ gho_ ghu_ ghs_ ghr_ token with a right checksum",
        check: github::is_token,
        is_checksum: true,
    },
    Validator {
        name: "exeat-token",
        about: "an exeat_ token with a right checksum",
        check: exeat::is_token,
        is_checksum: true,
    },
    Validator {
        name: "npm",
        about: "an npm_ token with a right checksum",
        check: npm::is_token,
        is_checksum: true,
    },
    Validator {
        name: "gitlab",
        about: "a GitLab token that has a right checksum if it is of the routable form",
        check: gitlab::is_token,
        is_checksum: true,
    },
    Validator {
        name: "grafana",
        about: "a glsa_ token with a right checksum",
        check: grafana::is_token,
        is_checksum: true,
    },
    Validator {
        name: "atlassian",
        about: "an ATATT, ATCTT or ATBB token that ends with a right checksum",
        check: atlassian::is_token,
        is_checksum: true,
    },
    Validator {
        name: "cloudflare",
        about: "a cfk_ cfut_ cfat_ token with a right checksum",
        check: cloudflare::is_token,
        is_checksum: true,
    },
    Validator {
        name: "zuplo",
        about: "a zpka_ key with a right checksum",
        check: zuplo::is_key,
        is_checksum: true,
    },
    Validator {
        name: "azure-key",
        about: "an identifiable key of Azure with a right checksum",
        check: azure::is_key,
        is_checksum: true,
    },
    Validator {
        name: "entra-secret",
        about: "a client secret of Microsoft Entra with a right checksum",
        check: azure::is_client_secret,
        is_checksum: true,
    },
    Validator {
        name: "base58check",
        about: "a private key of Bitcoin or its kin with a right checksum",
        check: base58::is_private_key,
        is_checksum: true,
    },
    Validator {
        name: "bech32",
        about: "a key in Bech32 with a right checksum",
        check: bech32::is_key,
        is_checksum: true,
    },
    Validator {
        name: "stellar-seed",
        about: "a secret seed of Stellar with a right checksum",
        check: stellar::is_seed,
        is_checksum: true,
    },
    Validator {
        name: "jwt",
        about: "a JSON Web Token whose header is JSON with an alg",
        check: jwt::is_token,
        is_checksum: false,
    },
    Validator {
        name: "pem",
        about: "an armoured private-key block with a plausible body",
        check: pem::is_private_key,
        is_checksum: false,
    },
    Validator {
        name: "luhn",
        about: "12 to 19 digits with a right Luhn check digit",
        check: is_luhn,
        is_checksum: false,
    },
    Validator {
        name: "aws-key-id",
        about: "AKIA, ASIA, ABIA, ACCA or A3T. and 16 characters of base32",
        check: is_aws_key_id,
        // The alphabet, which is what tells an id from chance letters behind the prefix.
        is_checksum: true,
    },
    Validator {
        name: "not-placeholder",
        about: "not a stand-in such as changeme, xxxx, <token> or ${TOKEN}",
        check: placeholder::is_real,
        is_checksum: false,
    },
];

/// The validator of that name.
pub fn find(name: &str) -> Option<&'static Validator> {
    all().find(|validator| validator.name == name)
}

/// Digits, with spaces and hyphens between them as people write card numbers. Source: ISO/IEC 7812-1, annex B.
fn is_luhn(secret: &[u8]) -> bool {
    let mut digits = Vec::with_capacity(20);
    for &byte in secret {
        match byte {
            b'0'..=b'9' => digits.push(u32::from(byte - b'0')),
            b' ' | b'-' => {}
            _ => return false,
        }
        if digits.len() > 19 {
            return false;
        }
    }
    digits.len() >= 12 && people::is_luhn(&digits)
}

/// Source of the prefixes: AWS IAM user guide, "IAM identifiers", unique identifiers. The 16 characters after one are base32.
fn is_aws_key_id(secret: &[u8]) -> bool {
    let Some((prefix, id)) = secret.split_at_checked(4) else {
        return false;
    };
    let known = matches!(prefix, b"AKIA" | b"ASIA" | b"ABIA" | b"ACCA")
        || (prefix.starts_with(b"A3T")
            && prefix
                .iter()
                .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()));
    known
        && id.len() == 16
        && id
            .iter()
            .all(|byte| matches!(byte, b'A'..=b'Z' | b'2'..=b'7'))
}

/// That `token` passes, and neither with another letter from `from` on nor without its last one.
#[cfg(test)]
fn assert_every_letter_counts(is_token: fn(&[u8]) -> bool, token: &[u8], from: usize) {
    assert!(is_token(token), "{}", String::from_utf8_lossy(token));
    for place in from..token.len() {
        let mut other = token.to_vec();
        other[place] ^= 1;
        assert!(!is_token(&other), "{place}");
    }
    assert!(!is_token(&token[..token.len() - 1]));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn luhn() {
        assert!(is_luhn(b"4242 4242 4242 4242"));
        assert!(!is_luhn(b"79927398713"), "right, but too short for a card");
        assert!(!is_luhn(b"4242 4242 4242 4243"));
        assert!(!is_luhn(b"42"));
        assert!(!is_luhn(b"4242x42424242424"));
    }

    #[test]
    fn aws_key_ids_are_base32() {
        assert!(is_aws_key_id(b"AKIAIOSFODNN7EXAMPLE"));
        assert!(!is_aws_key_id(b"AKIAIOSFODNN1EXAMPLE"), "1 is not base32");
        assert!(!is_aws_key_id(b"AKIAIOSFODNN7EXAMPL"));
        assert!(!is_aws_key_id(b"BKIAIOSFODNN7EXAMPLE"));
        assert!(!is_aws_key_id(b"AK"));
    }

    #[test]
    fn every_validator_survives_any_bytes() {
        let mut random = crate::random::Random::from_word("validators");
        for length in 0..300 {
            let bytes = random.bytes(length);
            for validator in all() {
                let _ = (validator.check)(&bytes);
            }
        }
    }
}
