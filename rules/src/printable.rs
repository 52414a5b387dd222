//! Text from rule files made fit for one line of printable ASCII.

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

#[cfg(test)]
mod tests {
    use super::printable;

    #[test]
    fn nothing_but_printable_ascii_comes_out() {
        assert_eq!(printable("a\nb\u{1b}[31m\u{e9}"), "a\\nb\\u{1b}[31m\\u{e9}");
        assert_eq!(printable(&"x".repeat(200)).len(), 83);
    }
}
