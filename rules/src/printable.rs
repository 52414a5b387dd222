//! Text from rule files made fit to be shown: one line of it, or of printable ASCII.

/// Longest text that an error repeats, in characters.
const LIMIT: usize = 80;

/// `text` with everything but printable ASCII escaped, cut after 80 characters.
pub(crate) fn printable(text: &str) -> String {
    let mut out = String::new();
    for character in text.chars().take(LIMIT) {
        if character.is_ascii_graphic() || character == ' ' {
            out.push(character);
        } else {
            out.extend(character.escape_default());
        }
    }
    if text.chars().nth(LIMIT).is_some() {
        out.push_str("...");
    }
    out
}

/// `text` in one line that moves no cursor and no other text, and that XML can hold: what is not fit for it becomes a blank.
pub(crate) fn one_line(text: &str) -> String {
    let blank = |character: char| match is_shown(character) {
        true => character,
        false => ' ',
    };
    text.chars().map(blank).collect()
}

fn is_shown(character: char) -> bool {
    let is_moving = matches!(
        character,
        '\u{61c}' | '\u{200b}' | '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
    );
    let is_none =
        matches!(character, '\u{fdd0}'..='\u{fdef}') || character as u32 & 0xfffe == 0xfffe;
    !character.is_control() && !is_moving && !is_none
}

#[cfg(test)]
mod tests {
    use super::{one_line, printable};

    #[test]
    fn words_are_shown_and_nothing_that_moves_them() {
        assert_eq!(
            one_line("a key, caf\u{e9} \u{1f511} <&>"),
            "a key, caf\u{e9} \u{1f511} <&>"
        );
        let hostile = "\n\r\t\u{0}\u{1b}\u{7f}\u{85}\u{2028}\u{202e}\u{2066}\u{feff}\u{fffe}\u{1ffff}\u{fdd0}\u{e0041}";
        assert_eq!(one_line(hostile), " ".repeat(15));
    }

    #[test]
    fn nothing_but_printable_ascii_comes_out() {
        assert_eq!(printable("a\nb\u{1b}[31m\u{e9}"), "a\\nb\\u{1b}[31m\\u{e9}");
        assert_eq!(printable(&"x".repeat(200)).len(), 83);
    }
}
