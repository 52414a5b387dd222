//! The part of a text that a licence or a notice of one takes: the comment around a phrase, or what follows it.

use std::ops::Range;

use bstr::ByteSlice;

/// Bytes before and behind a phrase that are looked at.
const BEFORE: usize = 4096;
const BEHIND: usize = 48 << 10;
/// Lines before a phrase outside of comments.
const LINES: usize = 6;
/// What begins a line of a comment.
const LEADERS: [&[u8]; 14] = [
    b"/*", b"*", b"//", b"#", b";", b"--", b"%", b"!", b"|", b"dnl ", b"rem ", b"REM ", b"..", b"'",
];
/// What ends a comment whose lines begin with nothing.
const ENDS: [&[u8]; 5] = [b"*/", b"-->", b"\"\"\"", b"'''", b"*)"];

/// Bytes of the part of `text` around the phrase at `at`.
pub fn around(text: &[u8], at: usize) -> Range<usize> {
    let line = line_start(text, at);
    match leader(rest(text, line)) {
        Some(leader) => comment(text, line, leader),
        None => plain(text, line),
    }
}

fn rest(text: &[u8], at: usize) -> &[u8] {
    text.get(at..).unwrap_or_default()
}

fn line_start(text: &[u8], at: usize) -> usize {
    let before = text.get(..at).unwrap_or_default();
    before.rfind_byte(b'\n').map_or(0, |feed| feed + 1)
}

/// How the line that `text` begins with begins, if as one of a comment.
fn leader(text: &[u8]) -> Option<u8> {
    let blank = text.iter().take_while(|byte| matches!(byte, b' ' | b'\t'));
    let text = text.get(blank.count()..).unwrap_or_default();
    let found = LEADERS.iter().find(|leader| text.starts_with(leader));
    // The first line of a comment is like the others of it.
    found.and_then(|leader| {
        if *leader == b"/*" {
            Some(b'*')
        } else {
            leader.first().copied()
        }
    })
}

/// Lines of the same comment.
fn comment(text: &[u8], line: usize, leads: u8) -> Range<usize> {
    let mut start = line;
    while start > 0 && line - start < BEFORE {
        let before = line_start(text, start - 1);
        if leader(rest(text, before)) != Some(leads) {
            break;
        }
        start = before;
    }
    let mut end = line;
    while end < text.len() && end - line < BEHIND {
        if leader(rest(text, end)) != Some(leads) {
            break;
        }
        let length = rest(text, end).find_byte(b'\n');
        end = length.map_or(text.len(), |length| end + length + 1);
    }
    start.max(line.saturating_sub(BEFORE))..end.min(line + BEHIND)
}

/// From the beginning of the paragraph to the end of the comment, or of the text.
fn plain(text: &[u8], line: usize) -> Range<usize> {
    let mut start = line;
    for _ in 0..LINES {
        if start == 0 {
            break;
        }
        let before = line_start(text, start - 1);
        let above = text.get(before..start).unwrap_or_default();
        if above.trim_ascii().is_empty() || line - before > BEFORE {
            break;
        }
        start = before;
    }
    let behind = text
        .get(line..text.len().min(line + BEHIND))
        .unwrap_or_default();
    let ends = ENDS.iter().filter_map(|end| behind.find(end));
    start..line + ends.min().unwrap_or(behind.len())
}

/// The words of a part, line by line, without what makes them a comment and without who holds the copyright.
pub fn words(part: &[u8]) -> Vec<String> {
    let lines = part.lines().map(|line| {
        let line = line.trim_with(|mark| {
            mark.is_ascii_whitespace() || matches!(mark, '/' | '*' | '#' | ';' | '%' | '!' | '|')
        });
        let line = line.to_str_lossy();
        let line = line
            .strip_prefix("dnl ")
            .unwrap_or(&line)
            .trim_start_matches("--");
        line.trim().to_owned()
    });
    lines.filter(|line| !is_copyright(line)).collect()
}

fn is_copyright(line: &str) -> bool {
    let starts = |with: &str| {
        let start = line.get(..with.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(with))
    };
    // `Copyright` as a word of a sentence is none: who holds it has a year, or a sign.
    let is_claim = starts("copyright")
        && line
            .bytes()
            .any(|byte| byte.is_ascii_digit() || byte == b'@');
    is_claim
        || starts("copyright (c)")
        || starts("(c) ")
        || starts("©")
        || starts("all rights reserved")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn part(text: &str, phrase: &str) -> Vec<String> {
        let at = text.find(phrase).unwrap();
        words(&text.as_bytes()[around(text.as_bytes(), at)])
    }

    #[test]
    fn a_comment_is_taken_whole_and_nothing_else() {
        let text =
            "#!/bin/sh\n\n# Copyright 2024 A\n# One line\n#\n# and another.\nset -e\n# not this\n";
        assert_eq!(part(text, "another"), ["One line", "", "and another."]);
        let text = "int a;\n/* One line\n * and another.\n */\nint b;\n";
        assert_eq!(part(text, "One"), ["One line", "and another.", ""]);
        let text = "/*\nOne line\nand another.\n*/\nint b;\n";
        assert_eq!(part(text, "another"), ["", "One line", "and another."]);
        assert_eq!(part("a\n\nb\nc", "c"), ["b", "c"]);
    }

    #[test]
    fn parts_have_a_bound() {
        let text = format!(
            "{}the phrase\n{}",
            "# a\n".repeat(40_000),
            "# b\n".repeat(40_000)
        );
        let text = text.replace("the phrase", "# the phrase");
        let at = text.find("the phrase").unwrap();
        let part = around(text.as_bytes(), at);
        assert!(
            part.contains(&at) && part.len() <= BEFORE + BEHIND + 8,
            "{part:?}"
        );
        let long = "x ".repeat(200_000);
        assert!(around(long.as_bytes(), 300_000).contains(&0));
        assert!(around(long.as_bytes(), 300_000).len() <= BEFORE + BEHIND + 8);
    }
}
