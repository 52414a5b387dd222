//! The header lines commits and tags begin with.

/// One header: its name, and its value without the line end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header<'a> {
    /// What stands before the first space; the whole line if there is none.
    pub name: &'a [u8],
    /// Everything behind that space. Lines that continue the value begin with a space, which is left in.
    pub value: &'a [u8],
}

/// Iterates over headers, up to the empty line that ends them or the end of the text.
#[derive(Debug, Clone)]
pub struct Headers<'a> {
    rest: &'a [u8],
}

impl<'a> Headers<'a> {
    pub(super) fn new(text: &'a [u8]) -> Self {
        Self { rest: text }
    }

    /// What follows the headers read so far. Behind the last one: the empty line and the message.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }
}

impl<'a> Iterator for Headers<'a> {
    type Item = Header<'a>;

    fn next(&mut self) -> Option<Header<'a>> {
        if self.rest.is_empty() || self.rest.starts_with(b"\n") {
            return None;
        }
        let (line, rest) = header_line(self.rest);
        self.rest = rest;
        Some(match split_once(line, b' ') {
            Some((name, value)) => Header { name, value },
            None => Header {
                name: line,
                value: b"",
            },
        })
    }
}

/// A line with the lines that continue it, without its last line end; and what follows.
fn header_line(text: &[u8]) -> (&[u8], &[u8]) {
    let mut end = 0;
    loop {
        let rest = text.get(end..).unwrap_or_default();
        let Some(length) = rest.iter().position(|&byte| byte == b'\n') else {
            return (text, &[]);
        };
        let next = end + length + 1;
        if text.get(next) != Some(&b' ') {
            let line = text.get(..next - 1).unwrap_or_default();
            return (line, text.get(next..).unwrap_or_default());
        }
        end = next;
    }
}

/// The message behind the headers: everything after the empty line; empty if there is none.
pub(super) fn message(rest: &[u8]) -> &[u8] {
    rest.strip_prefix(b"\n").unwrap_or_default()
}

/// The value of the header `name`, if that is the next line; moves behind it.
pub(super) fn expect<'a>(headers: &mut Headers<'a>, name: &[u8]) -> Option<&'a [u8]> {
    let mut ahead = headers.clone();
    let header = ahead.next().filter(|header| header.name == name)?;
    *headers = ahead;
    Some(header.value)
}

fn split_once(text: &[u8], byte: u8) -> Option<(&[u8], &[u8])> {
    let at = text.iter().position(|&candidate| candidate == byte)?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

/// Who and when, as an `author`, `committer` or `tagger` line says: `Name <mail> 1700000000 +0100`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signature<'a> {
    /// The name, without the space before the `<`.
    pub name: &'a [u8],
    /// What stands between `<` and `>`.
    pub email: &'a [u8],
    /// Seconds since 1970 in UTC; zero where no number stands.
    pub seconds: i64,
}

impl<'a> Signature<'a> {
    /// Reads the value of such a line. Never fails: what is not there is empty.
    pub fn parse(line: &'a [u8]) -> Self {
        let (name, rest) = split_once(line, b'<').unwrap_or((line, b""));
        // git looks for the last `>`: a mail address may hold others.
        let close = rest
            .iter()
            .rposition(|&byte| byte == b'>')
            .unwrap_or(rest.len());
        let email = rest.get(..close).unwrap_or_default();
        let when = rest.get(close + 1..).unwrap_or_default();
        Self {
            name: name.trim_ascii(),
            email,
            seconds: leading_number(when.trim_ascii_start()),
        }
    }
}

fn leading_number(text: &[u8]) -> i64 {
    let (negative, digits) = match text.strip_prefix(b"-") {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let digits = digits.iter().take_while(|byte| byte.is_ascii_digit());
    let number = digits.fold(0i64, |sum, &digit| {
        sum.saturating_mul(10)
            .saturating_add(i64::from(digit - b'0'))
    });
    if negative { -number } else { number }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn continued_lines_belong_to_their_header() {
        let mut headers =
            Headers::new(b"gpgsig -----BEGIN\n \n abc\n -----END\nencoding latin1\n\nmessage\n");
        let first = headers.next().unwrap();
        assert_eq!(first.name, b"gpgsig");
        assert_eq!(first.value, b"-----BEGIN\n \n abc\n -----END");
        assert_eq!(
            headers.next().unwrap(),
            Header {
                name: b"encoding",
                value: b"latin1"
            }
        );
        assert_eq!(headers.next(), None);
        assert_eq!(message(headers.rest()), b"message\n");
    }

    #[test]
    fn headers_may_end_with_the_text() {
        let mut headers = Headers::new(b"tree abc");
        assert_eq!(headers.next().unwrap().value, b"abc");
        assert_eq!(headers.next(), None);
        assert_eq!(message(headers.rest()), b"");
    }

    #[test]
    fn signatures_are_read_as_far_as_they_go() {
        let check = |line: &str, name: &str, email: &str, seconds| {
            let expected = Signature {
                name: name.as_bytes(),
                email: email.as_bytes(),
                seconds,
            };
            assert_eq!(Signature::parse(line.as_bytes()), expected, "{line}");
        };
        check(
            "A U Thor <a@example.com> 1700000000 +0100",
            "A U Thor",
            "a@example.com",
            1_700_000_000,
        );
        check("<> 5 +0000", "", "", 5);
        check("nobody", "nobody", "", 0);
        check("a <b", "a", "b", 0);
        check("a <b> -7 +0000", "a", "b", -7);
        check("a <b> 99999999999999999999 +0000", "a", "b", i64::MAX);
    }
}
