//! What each template stands for.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use super::{Error, id, token, unknown};
use crate::random::Random;
use crate::validators::base62_checksum;

pub(super) const BASE62: &str = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
pub(super) const BASE64URL: &str =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Templates of the form `{{name N SEED}}` and the characters they draw from.
pub(super) const ALPHABETS: [(&str, &str); 12] = [
    ("base62", BASE62),
    ("alnum", BASE62),
    ("lower", "0123456789abcdefghijklmnopqrstuvwxyz"),
    ("upper", "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
    (
        "alpha",
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
    ),
    ("digits", "0123456789"),
    ("hex", "0123456789abcdef"),
    ("HEX", "0123456789ABCDEF"),
    ("base32", "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"),
    (
        "base64",
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
    ),
    ("base64url", BASE64URL),
    (
        "base58",
        "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz",
    ),
];

pub(super) const NAMES: [&str; 19] = [
    "join",
    "base62",
    "alnum",
    "lower",
    "upper",
    "alpha",
    "digits",
    "hex",
    "HEX",
    "base32",
    "base64",
    "base64url",
    "base58",
    "uuid",
    "github",
    "jwt",
    "pem",
    "token",
    "id",
];

/// Longest generated text, in characters.
const LONGEST: usize = 4096;

/// Appends what the words between the braces stand for.
pub(super) fn generate(body: &str, out: &mut String) -> Result<(), Error> {
    let words: Vec<&str> = body.split_whitespace().collect();
    let usage = |name: &str, usage| Error::Usage {
        name: name.to_owned(),
        usage,
    };
    match words.as_slice() {
        [] => {}
        ["join", parts @ ..] => parts.iter().for_each(|part| out.push_str(part)),
        ["uuid", seed] => out.push_str(&uuid(seed)),
        ["uuid", ..] => return Err(usage("uuid", "uuid SEED")),
        ["github", prefix, seed] => out.push_str(&github(prefix, seed)),
        ["github", ..] => return Err(usage("github", "github PREFIX SEED")),
        ["jwt", seed] => out.push_str(&jwt(seed)),
        ["jwt", ..] => return Err(usage("jwt", "jwt SEED")),
        ["pem", kind, seed] => {
            let block = pem(kind, seed);
            out.push_str(
                &block.ok_or_else(|| {
                    usage("pem", "pem RSA|EC|DSA|OPENSSH|PKCS8|ENCRYPTED|PGP SEED")
                })?,
            );
        }
        ["pem", ..] => return Err(usage("pem", "pem KIND SEED")),
        ["token", kind, seed] => {
            let made = token::token(kind, seed);
            out.push_str(&made.ok_or_else(|| usage("token", token::USAGE))?);
        }
        ["token", ..] => return Err(usage("token", token::USAGE)),
        ["id", kind, seed] => {
            let made = id::id(kind, seed);
            out.push_str(&made.ok_or_else(|| usage("id", id::USAGE))?);
        }
        ["id", ..] => return Err(usage("id", id::USAGE)),
        [name, arguments @ ..] => {
            let alphabet = ALPHABETS.iter().find(|(known, _)| known == name);
            let (name, alphabet) = alphabet.ok_or_else(|| unknown(name))?;
            let text = drawn(name, alphabet, arguments);
            out.push_str(&text.ok_or_else(|| Error::Drawn {
                name: (*name).to_owned(),
            })?);
        }
    }
    Ok(())
}

fn drawn(name: &str, alphabet: &str, arguments: &[&str]) -> Option<String> {
    let [length, seed] = arguments else {
        return None;
    };
    let length = length
        .parse()
        .ok()
        .filter(|length| (1..=LONGEST).contains(length))?;
    Some(random(name, seed).text(length, alphabet))
}

/// Different templates with one seed give unrelated text.
fn random(name: &str, seed: &str) -> Random {
    Random::from_word(&format!("{name} {seed}"))
}

fn uuid(seed: &str) -> String {
    let mut bytes = random("uuid", seed).bytes(16);
    // RFC 9562, version 4: four bits of version, two of variant.
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex = hex::encode(bytes);
    [
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..],
    ]
    .join("-")
}

fn github(prefix: &str, seed: &str) -> String {
    let text = random(prefix, seed).text(30, BASE62);
    let checksum = base62_checksum(text.as_bytes());
    let checksum: String = checksum.iter().map(|&byte| char::from(byte)).collect();
    format!("{prefix}{text}{checksum}")
}

fn jwt(seed: &str) -> String {
    let mut random = random("jwt", seed);
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","typ":"JWT"}"#);
    let subject = random.text(10, "0123456789");
    let issued = 1_600_000_000 + random.below(100_000_000);
    let claims = URL_SAFE_NO_PAD.encode(format!(
        r#"{{"sub":"{subject}","iat":{issued},"name":"{seed}"}}"#
    ));
    let signature = URL_SAFE_NO_PAD.encode(random.bytes(32));
    format!("{header}.{claims}.{signature}")
}

/// A block as tools write it: RFC 7468 for most, openssh's PROTOCOL.key, RFC 9580 for PGP.
fn pem(kind: &str, seed: &str) -> Option<String> {
    let (label, start, length): (_, &[u8], _) = match kind {
        "RSA" => ("RSA PRIVATE KEY", &[0x30, 0x82, 0x04, 0xa4], 1192),
        "EC" => (
            "EC PRIVATE KEY",
            &[0x30, 0x77, 0x02, 0x01, 0x01, 0x04, 0x20],
            121,
        ),
        "DSA" => ("DSA PRIVATE KEY", &[0x30, 0x82, 0x01, 0xbb], 447),
        "OPENSSH" => ("OPENSSH PRIVATE KEY", b"openssh-key-v1\0", 290),
        "PKCS8" => ("PRIVATE KEY", &[0x30, 0x82, 0x04, 0xbd], 1217),
        "ENCRYPTED" => ("ENCRYPTED PRIVATE KEY", &[0x30, 0x82, 0x05, 0x0e], 1298),
        "PGP" => ("PGP PRIVATE KEY BLOCK", &[0x95, 0x03, 0xbe], 961),
        _ => return None,
    };
    let mut random = random(kind, seed);
    let body = STANDARD.encode([start, random.bytes(length).as_slice()].concat());
    let lines: Vec<&str> = (0..body.len())
        .step_by(64)
        .filter_map(|at| body.get(at..body.len().min(at + 64)))
        .collect();
    let mut block = format!("-----BEGIN {label}-----\n");
    if kind == "PGP" {
        block.push('\n');
    }
    block.push_str(&lines.join("\n"));
    if kind == "PGP" {
        block.push_str(&format!("\n={}", random.text(4, BASE62)));
    }
    block.push_str(&format!("\n-----END {label}-----\n"));
    Some(block)
}
