//! What stands around a secret in its lines, as a hash: it recognises a finding in another version of the file.

use std::{fmt, ops::Range};

/// Bytes to either side of a secret that its lines count at most.
const BESIDE: usize = 1024;

/// 128 bits of BLAKE3, without a key, over the lines that a secret touches, all secrets in them cut out and blanks at both
/// ends aside. Where the file moves, the hash stays. It tells nothing of a secret that was found; what else stands in the
/// line can be guessed by whoever has the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Surroundings([u8; 16]);

impl Surroundings {
    /// Of the secret at `own` in `text`; `secrets` are all that were found, in the order of their starts.
    pub(crate) fn of(text: &[u8], own: &Range<usize>, secrets: &[Range<usize>]) -> Self {
        let from = own.start.saturating_sub(BESIDE);
        let to = own.end.saturating_add(BESIDE).min(text.len());
        let before = text.get(from..own.start).unwrap_or_default();
        let after = text.get(own.end..to).unwrap_or_default();
        let start = bstr::ByteSlice::rfind_byte(before, b'\n').map_or(from, |at| from + at + 1);
        let end = bstr::ByteSlice::find_byte(after, b'\n').map_or(to, |at| own.end + at);
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"exeat line 1\n");
        let mut kept: Vec<u8> = Vec::new();
        let mut at = start;
        // One that began further before the line, and reaches into it, stays.
        let first = secrets.partition_point(|secret| secret.start < start.saturating_sub(BESIDE));
        let near = secrets.get(first..).unwrap_or_default();
        let near = near.iter().take_while(|secret| secret.start < end);
        let cut = |kept: &mut Vec<u8>, at: &mut usize, secret: &Range<usize>| {
            if secret.end > *at {
                kept.extend_from_slice(text.get(*at..secret.start).unwrap_or_default());
                kept.push(0);
                *at = secret.end;
            }
        };
        let mut is_cut = false;
        for secret in near {
            if !is_cut && secret.start >= own.start {
                is_cut = true;
                cut(&mut kept, &mut at, own);
            }
            cut(&mut kept, &mut at, secret);
        }
        if !is_cut {
            cut(&mut kept, &mut at, own);
        }
        kept.extend_from_slice(text.get(at..end).unwrap_or_default());
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

impl fmt::Display for Surroundings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&hex::encode(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, secrets: &[&str], own: &str) -> Surroundings {
        let place = |secret: &str| {
            let at = text.find(secret).unwrap();
            at..at + secret.len()
        };
        let mut all: Vec<_> = secrets.iter().map(|secret| place(secret)).collect();
        all.sort_by_key(|range| range.start);
        Surroundings::of(text.as_bytes(), &place(own), &all)
    }

    #[test]
    fn lines_move_and_secrets_change() {
        let one = of("a\n  key = \"s3cr3t\";\nb", &["s3cr3t"], "s3cr3t");
        assert_eq!(
            one,
            of("\tkey = \"other-one\"; \r\n", &["other-one"], "other-one")
        );
        assert_ne!(one, of("kez = \"s3cr3t\";", &["s3cr3t"], "s3cr3t"));
        assert_ne!(one, of("key = s3cr3t\"\";", &["s3cr3t"], "s3cr3t"));
    }

    #[test]
    fn other_secrets_in_the_line_do_not_count() {
        let one = of("u=abc p=xyz", &["abc", "xyz"], "xyz");
        assert_eq!(one, of("u=def p=uvw", &["def", "uvw"], "uvw"));
        // Two that overlap are cut out once.
        let overlapping = [2..5, 3..8];
        let text = b"k=abcdef v";
        let first = Surroundings::of(text, &(2..5), &overlapping);
        assert_eq!(
            first,
            Surroundings::of(b"k=ABCDEF v", &(2..5), &overlapping)
        );
    }

    #[test]
    fn secrets_of_several_lines_and_long_lines() {
        let pem = "-- begin\nabc\n-- end tail\n";
        let a = of(pem, &["begin\nabc\n-- end"], "begin\nabc\n-- end");
        assert_eq!(a, of("x\n-- begin tail", &["begin"], "begin"));
        let long = "y".repeat(100_000) + "s3cr3t";
        of(&long, &["s3cr3t"], "s3cr3t");
        assert_eq!(Surroundings::of(b"", &(0..0), &[]).to_string().len(), 32);
    }
}
