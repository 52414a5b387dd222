//! Inline comments: `exeat:allow`, and those of gitleaks and Betterleaks.

use std::ops::Range;

use bstr::ByteSlice;

/// Ours, which may name rules.
const OURS: &[u8] = b"exeat:allow";
/// Those of [gitleaks] and of [Betterleaks], which hold for every rule wherever in the lines they stand.
///
/// [gitleaks]: https://github.com/gitleaks/gitleaks#gitleaksallow
/// [Betterleaks]: https://github.com/betterleaks/betterleaks
const OTHERS: [&[u8]; 2] = [b"betterleaks:allow", b"gitleaks:allow"];

/// The lines that a match at `span` of `text` touches, blanks at its ends aside, cut 1024 bytes from it.
pub fn lines<'t>(text: &'t [u8], span: &Range<usize>) -> &'t [u8] {
    let found = text.get(span.clone()).unwrap_or_default();
    let blanks = found.len() - found.trim_ascii_start().len();
    let start = span.start + blanks;
    let visible = start..start + found.trim_ascii().len();
    let lines = exeat_rules::line(text, &visible);
    text.get(lines).unwrap_or_default()
}

/// Whether a comment in `lines` allows what `rule` finds there. Behind `exeat:allow` may follow ids of rules, between commas,
/// and a reason behind `--`; without ids it holds for every rule. Linear in the lines.
pub fn allows(lines: &[u8], rule: &str) -> bool {
    let is_there = |marker: &[u8]| lines.find(marker).is_some();
    OTHERS.into_iter().any(is_there)
        || lines
            .find_iter(OURS)
            .any(|at| is_apart(lines, at) && names(lines, at + OURS.len(), rule))
}

/// Whether the marker at `at` is a word of its own.
fn is_apart(lines: &[u8], at: usize) -> bool {
    let is_part = |byte: Option<&u8>| byte.is_some_and(|&byte| is_of_id(byte));
    let before = at.checked_sub(1).and_then(|before| lines.get(before));
    !is_part(before) && !is_part(lines.get(at + OURS.len()))
}

/// Whether the ids from `at` on hold `rule`, or there are none.
fn names(lines: &[u8], at: usize, rule: &str) -> bool {
    let mut rest = lines.get(at..).unwrap_or_default();
    let mut any = false;
    loop {
        rest = without_blanks(rest);
        let length = rest
            .iter()
            .position(|&byte| !is_of_id(byte))
            .unwrap_or(rest.len());
        let (word, behind) = rest.split_at(length);
        // `--` begins the reason, or ends a comment of HTML.
        if word.is_empty() || word.starts_with(b"-") {
            return !any;
        }
        any = true;
        let id = word.split_str("--").next().unwrap_or_default();
        if id == rule.as_bytes() || word == rule.as_bytes() {
            return true;
        }
        rest = without_blanks(behind);
        match rest.strip_prefix(b",") {
            Some(more) => rest = more,
            None => return false,
        }
    }
}

fn without_blanks(text: &[u8]) -> &[u8] {
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let blanks = text.iter().take_while(|byte| is_blank(byte)).count();
    text.get(blanks..).unwrap_or_default()
}

fn is_of_id(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn holds(line: &str, rule: &str) -> bool {
        allows(line.as_bytes(), rule)
    }

    #[test]
    fn markers_of_others_hold_for_every_rule() {
        for line in [
            "x # gitleaks:allow",
            "x //betterleaks:allow",
            "gitleaks:allowed",
        ] {
            assert!(holds(line, "any"), "{line}");
        }
        for line in ["x", "gitleaks: allow", "GitLeaks:allow", "leaks:allow", ""] {
            assert!(!holds(line, "any"), "{line}");
        }
    }

    #[test]
    fn ours_may_name_rules_and_a_reason() {
        for line in [
            "x # exeat:allow",
            "x # exeat:allow -- a sample",
            "x # exeat:allow aws-key",
            "x # exeat:allow other, aws-key",
            "x # exeat:allow other ,aws-key -- a sample",
            "x # exeat:allow aws-key-- a sample",
            "<!-- exeat:allow -->",
            "<!-- exeat:allow aws-key-->",
            "/* exeat:allow */",
            "/* exeat:allow aws-key */",
            "x # exeat:allow other; exeat:allow aws-key",
        ] {
            assert!(holds(line, "aws-key"), "{line}");
        }
        for line in [
            "x # exeat:allow other",
            "x # exeat:allow other -- aws-key",
            "x # exeat:allow aws-key-2",
            "x # exeat:allow aws",
            "x # exeat:allow this is a sample",
            "x # exeat:allow other aws-key",
            "x # exeat:allowed",
            "x # exeat:allow-not",
            "x # noexeat:allow",
            "x # exeat:allow other,",
        ] {
            assert!(!holds(line, "aws-key"), "{line}");
        }
    }

    #[test]
    fn the_lines_are_those_of_what_can_be_seen() {
        let text = b"first\n\n secret \nlast\n";
        assert_eq!(lines(text, &(5..16)), b" secret ");
        assert_eq!(lines(text, &(3..16)), b"first\n\n secret ");
        let far = [OURS, &[b'x'; 1014], b"secret"].concat();
        assert_eq!(lines(&far, &(1025..1031)).len(), 1024 + 6);
        assert!(!allows(lines(&far, &(1025..1031)), "r"));
        let near = [OURS, b";", &[b'x'; 1012], b"secret"].concat();
        assert!(allows(lines(&near, &(1024..1030)), "r"));
    }
}
