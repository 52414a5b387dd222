//! Go's regex dialect, read into the syntax tree that our engine compiles.
//!
//! Rule files are written for Go's `regexp` (RE2). Its classes, `\b` and case folding are ASCII where Rust's are Unicode by
//! default, so everything is compiled with Unicode off, on bytes. What is left of the difference is spelling: text that Go
//! reads as literal and Rust as an operator. [`translate`] escapes exactly that.
//! Source: the syntax page of Go's package `regexp/syntax`.

use regex_syntax::hir::Hir;

use crate::printable::printable;

/// Deepest nesting of a pattern. It bounds the recursion over syntax trees, here and in the regex compiler.
const NESTING: u32 = 100;
/// Longest pattern read, in bytes.
const LENGTH: usize = 64 * 1024;

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum Error {
    #[error("the pattern is longer than {LENGTH} bytes")]
    TooLong,
    #[error("{reason} at column {column} of the pattern")]
    Syntax { reason: String, column: usize },
}

/// The syntax tree of a pattern in Go's dialect, for bytes and without Unicode.
pub(crate) fn parse(pattern: &str) -> Result<Hir, Error> {
    if pattern.len() > LENGTH {
        return Err(Error::TooLong);
    }
    let syntax = |reason: String, offset: usize| Error::Syntax {
        reason: printable(&reason),
        column: offset + 1,
    };
    regex_syntax::ParserBuilder::new()
        .unicode(false)
        .utf8(false)
        .nest_limit(NESTING)
        .build()
        .parse(&translate(pattern))
        .map_err(|error| match error {
            regex_syntax::Error::Parse(error) => {
                syntax(error.kind().to_string(), error.span().start.offset)
            }
            regex_syntax::Error::Translate(error) => {
                syntax(error.kind().to_string(), error.span().start.offset)
            }
            error => syntax(error.to_string(), 0),
        })
}

/// The same pattern spelled for Rust: a `{` that starts no repetition, `\<`, `\>`, `\Q...\E`, and the characters that mean
/// something only in Rust's classes are escaped.
pub(crate) fn translate(pattern: &str) -> String {
    let mut rest = pattern;
    let mut out = String::with_capacity(pattern.len() + 8);
    while let Some(first) = rest.chars().next() {
        rest = match first {
            '\\' if rest.starts_with("\\Q") => quoted(rest, &mut out),
            '\\' => escape(rest, &mut out),
            '[' => class(rest, &mut out),
            '{' => {
                let length = repetition_length(rest);
                if length == 0 {
                    out.push('\\');
                }
                take(rest, length.max(1), &mut out)
            }
            _ => take(rest, first.len_utf8(), &mut out),
        };
    }
    out
}

/// Copies `length` bytes of `text` and returns what follows them.
fn take<'t>(text: &'t str, length: usize, out: &mut String) -> &'t str {
    let (head, rest) = text.split_at_checked(length).unwrap_or((text, ""));
    out.push_str(head);
    rest
}

/// `\Q...\E`: everything between is literal; without `\E`, to the end.
fn quoted<'t>(text: &'t str, out: &mut String) -> &'t str {
    let body = text.get(2..).unwrap_or("");
    let (literal, rest) = body.split_once("\\E").unwrap_or((body, ""));
    out.push_str(&regex_syntax::escape(literal));
    rest
}

/// One backslash sequence. `\<` and `\>` are word boundaries in Rust and plain characters in Go; `\b{` is a word boundary
/// before a brace in Go and one token in Rust, which the brace's own escaping settles.
fn escape<'t>(text: &'t str, out: &mut String) -> &'t str {
    match text.chars().nth(1) {
        Some(character @ ('<' | '>')) => {
            out.push(character);
            text.get(2..).unwrap_or("")
        }
        // The braces of \x{10FFFF}, \p{Greek} and \P{Greek} belong to the escape.
        Some('x' | 'p' | 'P') if text.get(2..).is_some_and(|rest| rest.starts_with('{')) => {
            let length = text.find('}').map_or(text.len(), |end| end + 1);
            take(text, length, out)
        }
        Some(character) => take(text, 1 + character.len_utf8(), out),
        None => take(text, 1, out),
    }
}

/// Length of the repetition at the start of `text`: `{n}`, `{n,}` or `{n,m}`, as Go reads it; 0 if there is none.
fn repetition_length(text: &str) -> usize {
    let Some(end) = text.find('}') else { return 0 };
    let Some(inside) = text.get(1..end) else {
        return 0;
    };
    let number = |text: &str| {
        !text.is_empty() && text.len() < 10 && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    let valid = match inside.split_once(',') {
        None => number(inside),
        Some((low, high)) => number(low) && (high.is_empty() || number(high)),
    };
    if valid { end + 1 } else { 0 }
}

/// A bracketed class. Rust nests classes and knows `&&`, `--` and `~~` in them; in Go those are plain characters.
fn class<'t>(text: &'t str, out: &mut String) -> &'t str {
    let mut rest = take(text, 1, out);
    if rest.starts_with('^') {
        rest = take(rest, 1, out);
    }
    let mut first = true;
    loop {
        match rest.chars().next() {
            None => return rest,
            Some(']') if !first => return take(rest, 1, out),
            Some(_) => {}
        }
        first = false;
        let is_set = is_set(rest);
        rest = class_atom(rest, out);
        // A hyphen between two characters makes a range; after a set such as \w it is a character itself.
        let is_range = rest.starts_with('-') && !rest.starts_with("-]") && rest.len() > 1;
        if is_range && !is_set {
            rest = take(rest, 1, out);
            rest = class_atom(rest, out);
        }
    }
}

/// Whether a class goes on with `[:name:]` or an escape that stands for several characters.
fn is_set(text: &str) -> bool {
    let mut characters = text.chars();
    match characters.next() {
        Some('[') => text.starts_with("[:") && text.contains(":]"),
        Some('\\') => matches!(
            characters.next(),
            Some('w' | 'W' | 'd' | 'D' | 's' | 'S' | 'p' | 'P')
        ),
        _ => false,
    }
}

/// One character, escape or `[:name:]` of a class.
fn class_atom<'t>(text: &'t str, out: &mut String) -> &'t str {
    if text.starts_with("[:")
        && let Some(end) = text.find(":]")
    {
        return take(text, end + 2, out);
    }
    match text.chars().next() {
        Some('\\') => escape(text, out),
        Some(character @ ('[' | ']' | '&' | '~' | '-' | '^')) => {
            out.push('\\');
            out.push(character);
            text.get(1..).unwrap_or("")
        }
        Some(character) => take(text, character.len_utf8(), out),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use regex_automata::meta::Regex;

    use super::*;

    fn check(go: &str, rust: &str) {
        assert_eq!(translate(go), rust, "{go}");
        parse(go).unwrap_or_else(|error| panic!("{go}: {error}"));
    }

    fn matches(pattern: &str, text: &[u8]) -> bool {
        Regex::builder()
            .build_from_hir(&parse(pattern).unwrap())
            .unwrap()
            .is_match(text)
    }

    #[test]
    fn a_brace_that_repeats_nothing_is_literal() {
        check(r"^\$(?:\d+|{\d+})$", r"^\$(?:\d+|\{\d+})$");
        check(r"{{[^}]+}}", r"\{\{[^}]+}}");
        check(r"import[ \t]+{", r"import[ \t]+\{");
        check(r"\${(?:[A-Z]+)}", r"\$\{(?:[A-Z]+)}");
        check(r"a{,3}", r"a\{,3}");
        check(r"a{ 3}", r"a\{ 3}");
        check(r"a{3}b{3,}c{3,4}", r"a{3}b{3,}c{3,4}");
        check(r"\b{start}", r"\b\{start}");
    }

    #[test]
    fn classes_have_no_operators() {
        check(r"[[a]", r"[\[a]");
        check(r"[a&&b~~]", r"[a\&\&b\~\~]");
        check(r"[+--]", r"[+-\-]");
        check(r"[a-]", r"[a\-]");
        check(r"[]a]", r"[\]a]");
        check(r"[^]a]", r"[^\]a]");
        check(r"[[:alpha:]_]", r"[[:alpha:]_]");
        check(r"[\w.=-]{10,150}", r"[\w.=\-]{10,150}");
        check(r"[\w-.]", r"[\w\-.]");
        check(r"[\d--/]", r"[\d\--/]");
        check(r"[\x60'\]{]", r"[\x60'\]{]");
    }

    #[test]
    fn escapes_that_differ() {
        check(r"\<a\>", r"<a>");
        check(r"\Qa.b{\E+", r"a\.b\{+");
        check(r"\x{41}\_", r"\x{41}\_");
    }

    #[test]
    fn classes_and_case_are_ascii() {
        assert!(!matches(r"\w", "é".as_bytes()));
        assert!(!matches(r"(?i)k", "\u{212a}".as_bytes()));
        assert!(matches(r"^.{2}$", "é".as_bytes()));
        assert!(matches("é", "é".as_bytes()));
    }

    #[test]
    fn errors_name_reason_and_place() {
        assert_eq!(
            parse("a(b").unwrap_err().to_string(),
            "unclosed group at column 2 of the pattern"
        );
        assert!(parse(&"(".repeat(200)).is_err());
        assert!(parse(&"a".repeat(LENGTH + 1)).is_err());
        assert!(parse("(?=a)").is_err());
    }
}
