//! Jupyter notebooks (<https://nbformat.readthedocs.io>): the lines of cells and of what they put out, which stand in JSON as strings
//! of one line each.

use bstr::ByteSlice;

use super::{
    super::{Opening, Stop},
    weave::{Take, Weave},
};

/// Whether `text` is an object that names the keys of a notebook.
pub fn is_notebook(text: &[u8]) -> bool {
    let start = text.trim_ascii_start();
    start.starts_with(b"{")
        && text.find(b"\"nbformat\"").is_some()
        && (text.find(b"\"cells\"").is_some() || text.find(b"\"worksheets\"").is_some())
}

/// Tells all strings that are values, those of one array in one piece, others in lines of their own.
///
/// # Errors
/// When a bound is reached.
pub fn notebook(opening: &mut Opening<'_, '_>) -> Result<(), Stop> {
    let text = opening.text;
    let mut weave = Weave::new(text);
    // Of each object or array around whether it is an array.
    let mut around: Vec<bool> = Vec::new();
    // The last value was a string of the array that goes on.
    let mut goes_on = false;
    let mut at = 0;
    while let Some(found) = text.get(at..).and_then(|rest| rest.find_byteset(b"\"[]{}")) {
        let here = at + found;
        at = here + 1;
        match text.get(here) {
            Some(b'"') => {
                let end = string_end(text, at);
                let behind = text.get(end + 1..).unwrap_or_default();
                let is_key =
                    around.last() != Some(&true) && behind.trim_ascii_start().starts_with(b":");
                if !is_key {
                    if !goes_on {
                        weave.part(b'\n');
                    }
                    string(&mut weave, text, at, end);
                    goes_on = around.last() == Some(&true);
                }
                at = end + 1;
                continue;
            }
            Some(b'[') => around.push(true),
            Some(b'{') => around.push(false),
            _ => drop(around.pop()),
        }
        goes_on = false;
    }
    match weave.finish(true) {
        Some((text, map)) => opening.mapped("ipynb", &text, &map),
        None => Ok(()),
    }
}

/// Where the quote is that ends the string from `at` on, or the text.
pub(super) fn string_end(text: &[u8], mut at: usize) -> usize {
    while let Some(found) = text.get(at..).and_then(|rest| rest.find_byteset(b"\"\\")) {
        at += found;
        match text.get(at) {
            Some(b'"') => return at,
            _ => at += 2,
        }
    }
    text.len()
}

/// Takes the string between its quotes, its escapes undone.
pub(super) fn string(weave: &mut Weave<'_>, text: &[u8], start: usize, end: usize) {
    let mut at = start;
    while let Some(found) = text.get(at..end).and_then(|rest| rest.find_byte(b'\\')) {
        weave.copy(at..at + found);
        at += found;
        let mut buffer = [0; 4];
        let (decoded, length) = escape(text.get(at..end).unwrap_or_default(), &mut buffer);
        weave.put(at..at + length, decoded);
        at += length;
    }
    weave.copy(at..end);
}

/// What the escape at the start of `text` stands for, and its length.
fn escape<'b>(text: &'b [u8], buffer: &'b mut [u8; 4]) -> (&'b [u8], usize) {
    let simple: &[u8] = match text.get(1) {
        Some(b'n') => b"\n",
        Some(b't') => b"\t",
        Some(b'r') => b"\r",
        Some(b'b' | b'f') => b" ",
        Some(b'u') => return unicode(text, buffer),
        Some(_) => text.get(1..2).unwrap_or_default(),
        None => return (text, 1),
    };
    (simple, 2)
}

/// `\u0041`, or two of them for a character beyond U+FFFF.
fn unicode<'b>(text: &'b [u8], buffer: &'b mut [u8; 4]) -> (&'b [u8], usize) {
    let unit = |text: &[u8]| {
        let digits = text.strip_prefix(b"\\u")?.get(..4)?;
        u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    };
    let Some(first) = unit(text) else {
        return (text.get(..2).unwrap_or_default(), 2);
    };
    let second = text.get(6..).and_then(unit);
    let mut both = char::decode_utf16([first].into_iter().chain(second));
    match both.next() {
        Some(Ok(character)) => {
            let length = 6 * character.len_utf16();
            (character.encode_utf8(buffer).as_bytes(), length)
        }
        _ => (b"?", 6),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::{
        Summary,
        tests::{layers, python},
    };

    fn read(text: &str) -> (String, Summary) {
        let (layers, summary) = layers(text.as_bytes());
        let layer = layers.into_iter().find(|(way, _)| way == "ipynb");
        let text = layer.map(|(_, text)| String::from_utf8_lossy(&text).into_owned());
        (text.unwrap_or_default(), summary)
    }

    #[test]
    fn cells_and_outputs_are_read_as_they_are_shown() {
        let text = r#"{"cells": [{"cell_type": "code", "outputs": [{"name": "stdout", "text": ["the word\n", "is mel"]}],
            "source": ["key = \"mel", "lon\"\n", "\u006dore \ud83d\ude00"]}], "nbformat": 4, "nbformat_minor": 5}"#;
        let (read, summary) = read(text);
        assert_eq!(
            read,
            "code\nstdout\nthe word\nis mel\nkey = \"mellon\"\nmore \u{1f600}"
        );
        assert_eq!(summary.unread, []);
    }

    #[test]
    fn strings_are_those_that_python_reads() {
        let text =
            r#"{"cells": ["a\\\"b\/c\n", "\t\u00e4\u20ac", "x[{\"y\": 1}]", ""], "nbformat": 4}"#;
        let script = "import json,sys\nsys.stdout.buffer.write(''.join(json.load(sys.stdin)['cells']).encode())";
        if let Some(expected) = python(script, text.as_bytes()) {
            assert_eq!(read(text).0.as_bytes(), expected);
        }
    }

    #[test]
    fn whatever_is_nested_or_cut_ends() {
        let deep = format!(
            "{{\"nbformat\": 4, \"cells\": {}\"a\\n\", \"b\"",
            "[".repeat(1 << 20)
        );
        assert_eq!(read(&deep).0, "a\nb");
        let long = format!(
            "{{\"nbformat\": 4, \"cells\": [{}",
            "\"a\\n\",".repeat(1 << 17)
        );
        assert_eq!(read(&long).0.len(), 2 << 17);
        let whole = r#"{"nbformat": 4, "cells": ["a\u00e4\ud83d\ude00", {"b": "\n"}]}"#;
        for end in 0..whole.len() {
            read(&whole[..end]);
        }
    }
}
