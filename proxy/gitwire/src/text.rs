//! Bytes of strangers as text that is safe to print on any terminal, in any log, and to be told apart at a glance.
//!
//! Only printable ASCII passes. Valid UTF-8 beyond ASCII is escaped as well, because it holds bidirectional
//! overrides, C1 controls and look-alikes, and because a line may be cut inside a character. What people are to read
//! comes by [`legible`](crate::legible).

use std::fmt::Write;

/// Printable ASCII as it is, every other byte as `\xNN`. The result is printable ASCII without line ends.
pub fn escape(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    bytes.iter().for_each(|byte| push(&mut text, *byte, b""));
    text
}

/// Like [`escape`], of at most `limit` bytes; what is cut off is marked by `...` within the limit.
pub fn escape_short(bytes: &[u8], limit: usize) -> String {
    let start = bytes.get(..limit.saturating_add(1)).unwrap_or(bytes);
    let mut text = escape(start);
    if text.len() > limit {
        text.truncate(limit.saturating_sub(3));
        text.push_str(&"..."[..limit.min(3)]);
    }
    text
}

/// Like [`escape`], but line feed, carriage return and tab stay: for text of several lines, or progress.
pub fn escape_lines(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    bytes
        .iter()
        .for_each(|byte| push(&mut text, *byte, b"\n\r\t"));
    text
}

fn push(text: &mut String, byte: u8, kept: &[u8]) {
    if matches!(byte, b' '..=b'~') || kept.contains(&byte) {
        text.push(char::from(byte));
    } else {
        write!(text, "\\x{byte:02x}").expect("because writing to a string cannot fail");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_printable_ascii_only() {
        assert_eq!(escape(b"refs/heads/a ~"), "refs/heads/a ~");
        assert_eq!(escape(b"\x1b[31m\n\0\x7f"), "\\x1b[31m\\x0a\\x00\\x7f");
        assert_eq!(
            escape("\u{9b}\u{202e}é".as_bytes()),
            "\\xc2\\x9b\\xe2\\x80\\xae\\xc3\\xa9"
        );
        assert_eq!(escape(b"\xff"), "\\xff");
    }

    #[test]
    fn keeps_line_ends_where_lines_are_meant() {
        assert_eq!(escape_lines(b"a\r\nb\tc\x1b"), "a\r\nb\tc\\x1b");
    }

    #[test]
    fn shortens_to_the_limit() {
        assert_eq!(escape_short(b"abcdef", 6), "abcdef");
        assert_eq!(escape_short(b"abcdefg", 6), "abc...");
        assert_eq!(escape_short(b"\n\n", 6), "\\x0...");
        assert_eq!(escape_short(b"abcdefg", 2), "..");
        assert_eq!(escape_short(&[0; 100_000], 8).len(), 8);
    }
}
