//! Letters that stand in a document under another name: references of markup.

/// Characters of a reference between `&` and `;` at most.
pub const LONGEST: usize = 10;

/// The character that a reference at the start of `text` (`&lt;`, `&#65;`, `&#x41;`) stands for, and the length of the reference.
/// Entities that a document declares itself are none of them: nothing is ever expanded.
pub fn reference(text: &[u8]) -> Option<(char, usize)> {
    let rest = text.strip_prefix(b"&")?;
    let head = rest.get(..rest.len().min(LONGEST + 1))?;
    let length = head.iter().position(|&byte| byte == b';')?;
    let name = std::str::from_utf8(head.get(..length)?).ok()?;
    let character = match name {
        "lt" => '<',
        "gt" => '>',
        "amp" => '&',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => ' ',
        "shy" | "zwnj" | "zwj" => '\u{ad}',
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(digits) => u32::from_str_radix(digits, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)?
        }
    };
    Some((character, length + 2))
}

/// `text` is UTF-16 in the byte order that `order` reads: in UTF-8.
pub fn from_utf16(text: &[u8], order: fn([u8; 2]) -> u16) -> Vec<u8> {
    let units = text.chunks_exact(2).map(|pair| match pair {
        &[first, second] => order([first, second]),
        _ => 0,
    });
    let characters = char::decode_utf16(units);
    let text: String = characters
        .map(|character| character.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect();
    text.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_stand_for_characters() {
        assert_eq!(reference(b"&#x41;b"), Some(('A', 6)));
        assert_eq!(reference(b"&#65;"), Some(('A', 5)));
        assert_eq!(reference(b"&lt;"), Some(('<', 4)));
        for none in ["&own;", "&#xd800;", "&", "& ;", "&#99999999999;", "&#1"] {
            assert_eq!(reference(none.as_bytes()), None, "{none}");
        }
    }

    #[test]
    fn utf16_is_read() {
        let text = from_utf16(b"a\0b\0\0\xd8x", u16::from_le_bytes);
        assert_eq!(text, "ab\u{fffd}".as_bytes());
    }
}
