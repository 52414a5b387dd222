//! Where words begin and end in programs: at changes of case, at digits, at underscores.

use std::ops::Range;

/// Whether a word of its own stands at `span`: `blueFinchEnabled` and `KESTREL7` hold theirs, `bluefinching` does not.
pub(super) fn is_word(text: &[u8], span: &Range<usize>) -> bool {
    begins(text, span.start) && ends(text, span.end)
}

fn begins(text: &[u8], start: usize) -> bool {
    let Some(&first) = text.get(start) else {
        return false;
    };
    let byte = |back: usize| start.checked_sub(back).and_then(|at| text.get(at)).copied();
    let Some(before) = byte(1) else {
        return true;
    };
    // The `n` of an escaped line end is of no word.
    let is_escaped = byte(2) == Some(b'\\') && matches!(before, b'n' | b'r' | b't');
    is_escaped || parts(before, first) || {
        // `HTTPKestrel`
        let second = text.get(start + 1);
        before.is_ascii_uppercase()
            && first.is_ascii_uppercase()
            && second.is_some_and(u8::is_ascii_lowercase)
    }
}

fn ends(text: &[u8], end: usize) -> bool {
    let last = end.checked_sub(1).and_then(|at| text.get(at));
    let Some(&last) = last else {
        return false;
    };
    let Some(&next) = text.get(end) else {
        return true;
    };
    parts(last, next) || {
        // `KESTRELService`
        let second = text.get(end + 1);
        last.is_ascii_uppercase()
            && next.is_ascii_uppercase()
            && second.is_some_and(u8::is_ascii_lowercase)
    }
}

/// Whether a word ends between two characters. Scripts that have no ASCII and no case part from those that do; within one of them words
/// are not told apart.
fn parts(before: u8, behind: u8) -> bool {
    let is_of_word = |byte: u8| byte.is_ascii_alphanumeric();
    if !is_of_word(before) || !is_of_word(behind) {
        return true;
    }
    before.is_ascii_digit() != behind.is_ascii_digit()
        || before.is_ascii_lowercase() && behind.is_ascii_uppercase()
}

/// Whether the end of a host's name stands at `span`, from the beginning of one of its labels on.
pub(super) fn is_host(text: &[u8], span: &Range<usize>) -> bool {
    let before = span.start.checked_sub(1).and_then(|at| text.get(at));
    let behind = text.get(span.end..).unwrap_or_default();
    let goes_on = match behind {
        [b'.', next, ..] => is_of_host(*next),
        [next, ..] => is_of_host(*next),
        [] => false,
    };
    let is_label = before.is_none_or(|&byte| !is_of_host(byte)) || {
        // The `n` of an escaped line end is of no name.
        let escape = span.start.checked_sub(2).and_then(|at| text.get(at));
        escape == Some(&b'\\') && before.is_some_and(|byte| b"nrt".contains(byte))
    };
    is_label && !goes_on
}

/// Whether a label of a host's name may hold `byte`.
pub(super) fn is_of_host(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(check: fn(&[u8], &Range<usize>) -> bool, text: &str, word: &str) -> bool {
        let at = text.find(word).unwrap();
        check(text.as_bytes(), &(at..at + word.len()))
    }

    #[test]
    fn words_end_where_programs_end_them() {
        for (text, word) in [
            ("kestrel", "kestrel"),
            ("a kestrel.", "kestrel"),
            ("blueFinchEnabled", "blueFinch"),
            ("enableBlueFinch", "BlueFinch"),
            ("BLUEFINCH_ROLLOUT", "BLUEFINCH"),
            ("KESTREL7", "KESTREL"),
            ("7kestrel", "kestrel"),
            ("HTTPKestrel", "Kestrel"),
            ("KESTRELService", "KESTREL"),
            ("my_kestrel_name", "kestrel"),
            ("\"one\\nkestrel\"", "kestrel"),
            ("cve-2026-12345", "2026"),
        ] {
            assert!(of(is_word, text, word), "{text}");
        }
        for (text, word) in [
            ("bluefinching", "bluefinch"),
            ("unkestrel", "kestrel"),
            ("KESTRELS", "KESTREL"),
            ("cve-2026-123456", "12345"),
            ("Kestrelled", "Kestrel"),
        ] {
            assert!(!of(is_word, text, word), "{text}");
        }
    }

    #[test]
    fn hosts_end_where_their_names_do() {
        let host = "corp.example";
        for text in [
            "corp.example",
            "db.corp.example:5432",
            "https://corp.example/x",
            "a@corp.example.",
            "\"\\ncorp.example\"",
        ] {
            assert!(of(is_host, text, host), "{text}");
        }
        for text in [
            "acorp.example",
            "my-corp.example",
            "corp.example.org",
            "corp.examples",
            "corp.example-x",
        ] {
            assert!(!of(is_host, text, host), "{text}");
        }
    }
}
