//! Texts of strangers for people to read: letters of any script as they are, and nothing that a terminal obeys or hides.
//!
//! What is valid UTF-8 and prints stays. Control and format characters (those that turn the direction of a text, those without a
//! width), private and unassigned ones, separators of lines, and bytes that are no UTF-8 are written as `\xNN`, byte by byte,
//! as [`text::escape`](crate::text::escape) writes them. Letters that look like others stay: nothing is decided by them.

use std::fmt::Write;

/// The bytes on one line. To do it twice changes nothing.
pub fn show(bytes: &[u8]) -> String {
    shown(bytes, |_| false)
}

/// Like [`show`], but line feed, carriage return and tab stay.
pub fn show_lines(bytes: &[u8]) -> String {
    shown(bytes, |character| matches!(character, '\n' | '\r' | '\t'))
}

/// Cuts a text to `most` characters; what is cut off is marked by `...` within them.
pub fn cut(text: &mut String, most: usize) {
    let place = |number| text.char_indices().nth(number).map(|(at, _)| at);
    if place(most).is_none() {
        return;
    }
    if let Some(at) = place(most.saturating_sub(3)) {
        text.truncate(at);
    }
    text.push_str(&"..."[..most.min(3)]);
}

/// Whether a character may be shown as it is.
pub fn prints(character: char) -> bool {
    match character {
        ' '..='~' => true,
        // These fill no place, and a text may be hidden in them. What chooses between a sign and its picture stays.
        '\u{34f}'
        | '\u{115f}'
        | '\u{1160}'
        | '\u{17b4}'
        | '\u{17b5}'
        | '\u{180b}'..='\u{180f}'
        | '\u{3164}'
        | '\u{fe00}'..='\u{fe0d}'
        | '\u{ffa0}'
        | '\u{e0100}'..='\u{e01ef}' => false,
        '\u{2028}' | '\u{2029}' => false,
        _ if character.is_whitespace() => !character.is_control(),
        _ => is_in_the_table(character),
    }
}

/// The standard library's own table: all but the categories C and Z of Unicode. Behind another character it leaves marks alone.
fn is_in_the_table(character: char) -> bool {
    let mut bytes = [b'x'; 5];
    let length = character.len_utf8();
    if let Some(room) = bytes.get_mut(1..) {
        character.encode_utf8(room);
    }
    let text = bytes.get(..=length).unwrap_or_default();
    str::from_utf8(text).is_ok_and(|text| text.escape_debug().eq(text.chars()))
}

fn shown(bytes: &[u8], is_kept: impl Fn(char) -> bool) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            if prints(character) || is_kept(character) {
                text.push(character);
            } else {
                escape(&mut text, character.encode_utf8(&mut [0; 4]).as_bytes());
            }
        }
        escape(&mut text, chunk.invalid());
    }
    text
}

fn escape(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        write!(text, "\\x{byte:02x}").expect("because writing to a string cannot fail");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Unicode's format characters (Cf), separators of lines and paragraphs, and what is for nobody else to read.
    const HIDDEN: [std::ops::RangeInclusive<u32>; 40] = [
        0x00..=0x1f,
        0x7f..=0x9f,
        0xad..=0xad,
        0x600..=0x605,
        0x61c..=0x61c,
        0x6dd..=0x6dd,
        0x70f..=0x70f,
        0x890..=0x891,
        0x8e2..=0x8e2,
        0x180e..=0x180e,
        0x200b..=0x200f,
        0x2028..=0x202e,
        0x2060..=0x206f,
        0xe000..=0xf8ff,
        0xfdd0..=0xfdef,
        0xfeff..=0xfeff,
        0xfff9..=0xfffb,
        0xfffe..=0xffff,
        0x110bd..=0x110bd,
        0x110cd..=0x110cd,
        0x13430..=0x1343f,
        0x1bca0..=0x1bca3,
        0x1d173..=0x1d17a,
        0xe0000..=0xe007f,
        0xe0100..=0xe01ef,
        0xf0000..=0x10ffff,
        0x1fffe..=0x1ffff,
        0x2fffe..=0x2ffff,
        0x3fffe..=0x3ffff,
        0x4fffe..=0x4ffff,
        0x5fffe..=0x5ffff,
        0x6fffe..=0x6ffff,
        0x7fffe..=0x7ffff,
        0x8fffe..=0x8ffff,
        0x9fffe..=0x9ffff,
        0xafffe..=0xaffff,
        0xbfffe..=0xbffff,
        0xcfffe..=0xcffff,
        0xdfffe..=0xdffff,
        0xefffe..=0xeffff,
    ];

    #[test]
    fn no_control_or_format_character_of_unicode_is_shown() {
        for number in HIDDEN.into_iter().flatten() {
            let Some(character) = char::from_u32(number) else {
                continue;
            };
            let shown = show(character.to_string().as_bytes());
            assert!(
                shown.starts_with("\\x") && shown.is_ascii(),
                "{number:x}: {shown}"
            );
        }
    }

    #[test]
    fn letters_marks_numbers_and_signs_of_any_script_stay() {
        for text in [
            "F\u{fc}ge Testschl\u{fc}ssel hinzu \u{2013} \u{201e}gut\u{201c}, 5\u{a0}\u{20ac}, \u{bd}",
            "u\u{308}ber a\u{30a}",
            "\u{42d}\u{442}\u{43e} \u{43f}\u{440}\u{43e}\u{431}\u{430}",
            "\u{6f22}\u{5b57}\u{3001}\u{304b}\u{306a}\u{3000}\u{ac00}",
            "\u{645}\u{631}\u{62d}\u{628}\u{627}\u{64b} \u{5e9}\u{5c1}",
            "\u{928}\u{92e}\u{938}\u{94d}\u{924}\u{947}",
            "\u{1f600} \u{26a0}\u{fe0f} \u{2713} \u{1f1e9}\u{1f1ea}",
            "a ~ \\ \" '",
        ] {
            assert_eq!(show(text.as_bytes()), text);
        }
        for character in char::MIN..=char::MAX {
            assert!(
                !character.is_alphanumeric()
                    || "\u{115f}\u{1160}\u{3164}\u{ffa0}".contains(character)
                    || prints(character)
            );
        }
    }

    #[test]
    fn what_is_no_utf8_is_escaped() {
        assert_eq!(show(b"a\xffb\xc3"), "a\\xffb\\xc3");
        // A surrogate on its own, and an overlong slash.
        assert_eq!(show(b"\xed\xa0\x80\xc0\xaf"), "\\xed\\xa0\\x80\\xc0\\xaf");
        assert_eq!(show(b"\n\x1b[31m\r\0"), "\\x0a\\x1b[31m\\x0d\\x00");
        assert_eq!(show_lines(b"a\r\nb\tc\x1b"), "a\r\nb\tc\\x1b");
        assert_eq!(show("\u{202e}\u{e9}".as_bytes()), "\\xe2\\x80\\xae\u{e9}");
    }

    #[test]
    fn texts_are_cut_between_characters() {
        let cut = |text: &str, most| {
            let mut text = text.to_owned();
            super::cut(&mut text, most);
            text
        };
        assert_eq!(
            cut("\u{e4}\u{e4}\u{e4}\u{e4}", 4),
            "\u{e4}\u{e4}\u{e4}\u{e4}"
        );
        assert_eq!(cut("\u{e4}\u{e4}\u{e4}\u{e4}\u{e4}", 4), "\u{e4}...");
        assert_eq!(cut("abc", 2), "..");
        assert_eq!(cut("", 0), "");
    }
}
