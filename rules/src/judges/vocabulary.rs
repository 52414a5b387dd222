//! The words that people write: which letters of a text belong to one.

use std::collections::HashSet;
use std::sync::LazyLock;

/// Words that stand in the sources of many public packages, in lower case, of 3 to 16 letters, in order.
const LIST: &str = include_str!("words.txt");

/// Longest word of the list, in letters.
const LONGEST: usize = 16;

static WORDS: LazyLock<HashSet<&'static [u8]>> =
    LazyLock::new(|| LIST.lines().map(str::as_bytes).collect());

/// Every word, in lower case.
pub(crate) fn words() -> impl Iterator<Item = &'static str> {
    LIST.lines()
}

/// Whether `lower` is a word; in lower case.
pub(super) fn is_word(lower: &[u8]) -> bool {
    WORDS.contains(lower)
}

/// How many letters of `text` belong to words, where words do not overlap and stand side by side as well as may be. Words of three
/// letters count only where they are all that stands between two things that are no letters of one case, as in `my_key3`: in
/// chance letters there are too many of them.
pub(super) fn letters_in_words(text: &[u8]) -> usize {
    pieces(text)
        .map(|piece| covered(&piece.to_ascii_lowercase()))
        .sum()
}

/// The runs of letters that may be a word or several written together: `dbPassword_2` is `db`, `Password`.
pub(super) fn pieces(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let start = rest.iter().position(u8::is_ascii_alphabetic)?;
        rest = rest.get(start..)?;
        let mut end = 1;
        while let Some(next) = rest.get(end).filter(|next| next.is_ascii_alphabetic()) {
            let before = rest.get(end - 1).is_some_and(u8::is_ascii_uppercase);
            let turns = next.is_ascii_uppercase() && !before
                // The last capital of several begins the next word: `XMLParser`.
                || before
                    && next.is_ascii_uppercase()
                    && rest.get(end + 1).is_some_and(u8::is_ascii_lowercase);
            if turns {
                break;
            }
            end += 1;
        }
        let (piece, behind) = rest.split_at_checked(end)?;
        rest = behind;
        Some(piece)
    })
}

/// The most letters of one piece, in lower case, that words cover.
fn covered(piece: &[u8]) -> usize {
    if piece.len() == 3 && is_word(piece) {
        return 3;
    }
    // best[at] is for the letters up to `at`.
    let mut best = vec![0; piece.len() + 1];
    for at in 1..=piece.len() {
        let mut most = best.get(at - 1).copied().unwrap_or(0);
        for length in 4..=LONGEST.min(at) {
            let start = at - length;
            if piece.get(start..at).is_some_and(is_word) {
                most = most.max(best.get(start).copied().unwrap_or(0) + length);
            }
        }
        if let Some(entry) = best.get_mut(at) {
            *entry = most;
        }
    }
    best.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_in_order_and_of_letters() {
        assert!(words().is_sorted());
        let fits = |word: &str| {
            (3..=LONGEST).contains(&word.len())
                && word.bytes().all(|byte| byte.is_ascii_lowercase())
        };
        assert!(words().all(fits) && words().count() > 5000);
    }

    #[test]
    fn names_fall_into_their_words() {
        let pieces = |text: &'static str| {
            let texts =
                pieces(text.as_bytes()).map(|piece| String::from_utf8_lossy(piece).into_owned());
            texts.collect::<Vec<_>>().join(" ")
        };
        assert_eq!(pieces("dbPassword_2"), "db Password");
        assert_eq!(pieces("XMLParser"), "XML Parser");
        assert_eq!(pieces("42"), "");
        assert_eq!(pieces("API_KEY"), "API KEY");
    }

    #[test]
    fn words_are_told_from_chance() {
        assert_eq!(letters_in_words(b"userPassword"), 12);
        assert_eq!(letters_in_words(b"connectionrefused"), 17);
        assert!(letters_in_words(b"qzkvwpxjhtrg") < 4);
        assert_eq!(letters_in_words(b"Kj8sLq0Zx"), 0);
    }
}
