//! CRC-32 in the digits in which vendors write it behind a token.
//!
//! The polynomial is that of IEEE 802.3 (zlib, PNG); the bytes it covers and the digits differ from vendor to vendor.

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const LOWER: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";

/// Six digits of `0-9 A-Z a-z`, padded with zeros.
pub fn base62(covered: &[u8]) -> [u8; 6] {
    digits(crc32fast::hash(covered), DIGITS)
}

/// Seven digits of `0-9 a-z`, padded with zeros.
pub(crate) fn base36(covered: &[u8]) -> [u8; 7] {
    digits(crc32fast::hash(covered), LOWER)
}

/// Eight digits of `0-9 a-f`, the greatest first.
pub(crate) fn hex(covered: &[u8]) -> String {
    format!("{:08x}", crc32fast::hash(covered))
}

/// Whether `body` is 30 characters of base62 and their checksum, as GitHub made the form known.
pub(super) fn is_thirty_and_sum(body: &[u8]) -> bool {
    body.split_at_checked(30).is_some_and(|(random, given)| {
        random.iter().all(u8::is_ascii_alphanumeric) && base62(random) == given
    })
}

/// `text` without its last `length` bytes, and those.
pub(super) fn split_end(text: &[u8], length: usize) -> Option<(&[u8], &[u8])> {
    text.split_at_checked(text.len().checked_sub(length)?)
}

fn digits<const LENGTH: usize>(mut number: u32, alphabet: &[u8]) -> [u8; LENGTH] {
    // As many as 256 digits fit the type, and an alphabet is never empty.
    let base = u32::try_from(alphabet.len()).unwrap_or(u32::MAX).max(2);
    let mut out = [b'0'; LENGTH];
    for place in out.iter_mut().rev() {
        *place = alphabet
            .get((number % base) as usize)
            .copied()
            .unwrap_or(b'0');
        number /= base;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_sums() {
        // The check value of CRC-32: that of the nine digits is cbf43926.
        assert_eq!(hex(b"123456789"), "cbf43926");
        assert_eq!(&base36(b"123456789"), b"1kl8mjq");
        assert_eq!(hex(b""), "00000000");
        assert_eq!(&base62(b""), b"000000");
        assert_eq!(&base36(b""), b"0000000");
    }

    #[test]
    fn an_end_is_split_off_where_there_is_one() {
        assert_eq!(split_end(b"abc", 1), Some((&b"ab"[..], &b"c"[..])));
        assert_eq!(split_end(b"abc", 3), Some((&b""[..], &b"abc"[..])));
        assert_eq!(split_end(b"abc", 4), None);
    }
}
