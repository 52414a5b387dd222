//! Armoured private keys. Source: RFC 7468 (textual encodings), RFC 1421 (headers), RFC 9580 section 6 (OpenPGP armour).

use crate::entropy::shannon;

/// Shortest piece of a line that counts as base64 rather than a word, in characters.
const PIECE: usize = 16;
/// Shortest body: a PKCS #8 Ed25519 key has 64 characters.
const BODY: usize = 60;
/// Random base64 of 64 characters has about 5 bits per character; a pattern such as `AAAA` or `MIIEexample` has few.
const ENTROPY: f64 = 4.0;

/// A block (or only its body) with enough base64 in it. Line ends may be written as `\n`, and lines may be quoted, as keys
/// stand in JSON, YAML and source code.
pub(super) fn is_private_key(secret: &[u8]) -> bool {
    let pieces = body(secret);
    pieces.len() >= BODY && shannon(&pieces) > ENTROPY
}

/// The base64 of a block, without what stands between its lines; the last line only if it is not shorter than a word.
pub fn body(secret: &[u8]) -> Vec<u8> {
    let mut body = secret;
    if let Some(begin) = find(body, b"-----BEGIN ") {
        body = body.get(begin + 11..).unwrap_or_default();
        let Some(label) = find(body, b"-----") else {
            return Vec::new();
        };
        body = body.get(label + 5..).unwrap_or_default();
    }
    if let Some(end) = find(body, b"-----END ") {
        body = body.get(..end).unwrap_or_default();
    }
    without_escapes(body)
        .split(|&byte| !is_base64(byte))
        .filter(|piece| piece.len() >= PIECE)
        .flatten()
        .copied()
        .collect()
}

/// `\n`, `\r` and `\t` as two characters are line ends too; their letter must not stick to the text that follows.
fn without_escapes(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len());
    let mut bytes = body.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        if byte == b'\\' {
            out.push(b'\n');
            bytes.next_if(|next| matches!(next, b'n' | b'r' | b't' | b'/'));
        } else {
            out.push(byte);
        }
    }
    out
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')
}

fn find(text: &[u8], word: &[u8]) -> Option<usize> {
    text.windows(word.len()).position(|window| window == word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::expand;

    #[test]
    fn real_looking_blocks_pass_in_every_dress() {
        for kind in ["RSA", "EC", "DSA", "OPENSSH", "PKCS8", "ENCRYPTED", "PGP"] {
            let block = expand(&format!("{{{{pem {kind} k}}}}")).unwrap();
            assert!(is_private_key(block.as_bytes()), "{block}");
            assert!(
                is_private_key(block.replace('\n', "\\n").as_bytes()),
                "escaped"
            );
            assert!(
                is_private_key(block.replace('\n', "\\r\\n").as_bytes()),
                "escaped"
            );
            assert!(
                is_private_key(block.replace('\n', "\" +\n  \"").as_bytes()),
                "quoted"
            );
        }
    }

    #[test]
    fn placeholders_do_not() {
        let begin = ["-----BEGIN RSA ", "PRIVATE KEY-----"].concat();
        for body in [
            "...",
            "your private key here",
            &"A".repeat(500),
            "MIIEpAIBAAKCAQEA...",
        ] {
            assert!(
                !is_private_key(
                    format!("{begin}\n{body}\n-----END RSA PRIVATE KEY-----").as_bytes()
                ),
                "{body}"
            );
        }
        assert!(!is_private_key(begin.as_bytes()));
        assert!(!is_private_key(b"-----BEGIN RSA"));
    }
}
