//! What stands around a secret in its lines, as a hash: it recognises a finding in another version of the file.

use std::{fmt, ops::Range};

/// Bytes to either side of a secret that its lines count at most: windows of a long text hold as much.
const BESIDE: usize = 1024;
/// A word of at least this many bytes and with a digit may be another secret.
const LONG_WORD: usize = 16;

/// 128 bits of BLAKE3, without a key, over the lines that a secret touches: the secret is cut out, and so are long words
/// with digits, which may be secrets as well, and blanks at both ends. Where the file moves, the hash stays. It depends on
/// the text alone and not on the other rules. It tells nothing of the secret; shorter words of the line can be guessed by
/// whoever has the rest of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Surroundings([u8; 16]);

impl Surroundings {
    /// Of the secret at `own` in `text`.
    pub(crate) fn of(text: &[u8], own: &Range<usize>) -> Self {
        let from = own.start.saturating_sub(BESIDE);
        let to = own.end.saturating_add(BESIDE).min(text.len());
        let before = text.get(from..own.start).unwrap_or_default();
        let after = text.get(own.end..to).unwrap_or_default();
        let start = bstr::ByteSlice::rfind_byte(before, b'\n').map_or(0, |at| at + 1);
        let end = bstr::ByteSlice::find_byte(after, b'\n').unwrap_or(after.len());
        let mut kept = Vec::new();
        without_long_words(before.get(start..).unwrap_or_default(), &mut kept);
        kept.push(0);
        without_long_words(after.get(..end).unwrap_or_default(), &mut kept);
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"exeat line 1\n");
        hasher.update(kept.trim_ascii());
        let mut bytes = [0; 16];
        hasher.finalize_xof().fill(&mut bytes);
        Self(bytes)
    }

    /// Of a finding that has no text of its own.
    pub fn none() -> Self {
        Self::default()
    }
}

fn without_long_words(text: &[u8], kept: &mut Vec<u8>) {
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-+/".contains(byte);
    for part in text.chunk_by(|left, right| is_word(left) == is_word(right)) {
        let is_long = part.len() >= LONG_WORD && part.iter().all(is_word);
        match is_long && part.iter().any(u8::is_ascii_digit) {
            true => kept.push(0),
            false => kept.extend_from_slice(part),
        }
    }
}

impl fmt::Display for Surroundings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&hex::encode(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, own: &str) -> Surroundings {
        let at = text.find(own).unwrap();
        Surroundings::of(text.as_bytes(), &(at..at + own.len()))
    }

    #[test]
    fn lines_move_and_secrets_change() {
        let one = of("a\n  key = \"s3cr3t\";\nb", "s3cr3t");
        assert_eq!(one, of("\tkey = \"other-one\"; \r\n", "other-one"));
        assert_ne!(one, of("kez = \"s3cr3t\";", "s3cr3t"));
        assert_ne!(one, of("key = s3cr3t\"\";", "s3cr3t"));
    }

    #[test]
    fn other_secrets_in_the_line_do_not_count() {
        let (first, second) = ("0123456789abcdefghij", "zyxwvutsrqponmlk1098");
        let one = of(&format!("user={first} p=xyz"), "xyz");
        assert_eq!(one, of(&format!("user={second} p=uvw"), "uvw"));
        // Names do, however long.
        let named = of("aws_secret_access_key_of_a=xyz", "xyz");
        assert_ne!(named, of("aws_secret_access_key_of_b=xyz", "xyz"));
    }

    #[test]
    fn secrets_of_several_lines_and_long_lines() {
        let pem = "-- begin\nabc\n-- end tail\n";
        let a = of(pem, "begin\nabc\n-- end");
        assert_eq!(a, of("x\n-- begin tail", "begin"));
        let long = "y".repeat(100_000) + "s3cr3t";
        of(&long, "s3cr3t");
        assert_eq!(Surroundings::of(b"", &(0..0)).to_string().len(), 32);
    }
}
