//! Mail: a message with its parts (RFC 5322, RFC 2045, RFC 2046), or an mbox of many.

use std::ops::Range;

use bstr::ByteSlice;

use super::{
    super::{Opening, Step, Stop, Why, sniff},
    letters,
};

/// Header lines with which mail files begin.
const FIRST: [&str; 18] = [
    "Received:",
    "Return-Path:",
    "Delivered-To:",
    "MIME-Version:",
    "Message-ID:",
    "From:",
    "From ",
    "To:",
    "Cc:",
    "Date:",
    "Subject:",
    "Content-Type:",
    "Reply-To:",
    "Sender:",
    "DKIM-Signature:",
    "Authentication-Results:",
    "X-",
    "Content-Transfer-Encoding:",
];

/// Whether `text` begins like a mail file and says somewhere how a part is written.
pub fn is_mail(text: &[u8]) -> bool {
    if !text.first_chunk().is_some_and(|start| may_be_mail(*start)) {
        return false;
    }
    let head = text.get(..text.len().min(32)).unwrap_or_default();
    (head.contains(&b':') || head.starts_with(b"From "))
        && FIRST
            .iter()
            .any(|first| starts_like(text, first.as_bytes()))
        && (text.find(b"ontent-").is_some() || text.find(b"ONTENT-").is_some())
}

/// Whether mail may begin with these bytes: asked of every text and of many runs.
pub fn may_be_mail(start: [u8; 2]) -> bool {
    let start = lower(start);
    PAIRS
        .iter()
        .fold(false, |same, pair| same | (*pair == start))
}

const PAIRS: [u16; FIRST.len()] = {
    let mut pairs = [0; FIRST.len()];
    let mut at = 0;
    while at < FIRST.len() {
        let first = FIRST[at].as_bytes();
        pairs[at] = lower([first[0], first[1]]);
        at += 1;
    }
    pairs
};

const fn lower([first, second]: [u8; 2]) -> u16 {
    u16::from_le_bytes([first.to_ascii_lowercase(), second.to_ascii_lowercase()])
}

fn starts_like(text: &[u8], start: &[u8]) -> bool {
    let head = text.get(..start.len());
    head.is_some_and(|head| head.eq_ignore_ascii_case(start))
}

/// Bytes of the header of one part that are read.
const MOST_HEADER: usize = 64 << 10;
/// Parts in each other at most.
const DEEPEST: usize = 16;

/// Tells the parts that are encoded, and those that are a known form.
///
/// # Errors
/// When a bound is reached.
pub fn mail(opening: &mut Opening<'_, '_>) -> Result<(), Stop> {
    let text = opening.text;
    let mut parts = messages(text);
    parts.reverse();
    while let Some((range, depth)) = parts.pop() {
        let (header, body) = split(text, range);
        match header.boundary() {
            Some(_) if depth >= DEEPEST => opening.unread(Some(Step::of("mail")), Why::TooDeep),
            Some(boundary) => {
                let inner = between(text, body, &boundary).into_iter().rev();
                parts.extend(inner.map(|part| (part, depth + 1)));
            }
            None if header.is_message() && !header.is_encoded() => match depth >= DEEPEST {
                true => opening.unread(Some(Step::of("mail")), Why::TooDeep),
                false => parts.push((body, depth + 1)),
            },
            None => part(opening, &header, body)?,
        }
    }
    Ok(())
}

/// The messages of an mbox; of a single message all of it.
fn messages(text: &[u8]) -> Vec<(Range<usize>, usize)> {
    if !text.starts_with(b"From ") {
        return vec![(0..text.len(), 0)];
    }
    let mut starts: Vec<usize> = vec![0];
    starts.extend(text.find_iter(b"\nFrom ").map(|at| at + 1));
    let ends = starts.iter().skip(1).copied().chain([text.len()]);
    let first_line = |start: usize| {
        let line = text.get(start..).and_then(|rest| rest.find_byte(b'\n'));
        line.map_or(text.len(), |line| start + line + 1)
    };
    let messages = starts.iter().zip(ends);
    messages
        .map(|(&start, end)| (first_line(start).min(end)..end, 0))
        .collect()
}

/// What the header of a part says of its body.
#[derive(Default)]
struct Header {
    kind: Vec<u8>,
    encoding: Vec<u8>,
    disposition: Vec<u8>,
}

impl Header {
    fn boundary(&self) -> Option<Vec<u8>> {
        let is_multipart = starts_like(&self.kind, b"multipart/");
        let boundary = parameter(&self.kind, b"boundary").filter(|_| is_multipart)?;
        (!boundary.is_empty()).then_some(boundary)
    }

    fn is_message(&self) -> bool {
        starts_like(&self.kind, b"message/")
    }

    fn is_encoded(&self) -> bool {
        self.is_base64() || self.is_quoted()
    }

    fn is_base64(&self) -> bool {
        starts_like(&self.encoding, b"base64")
    }

    fn is_quoted(&self) -> bool {
        starts_like(&self.encoding, b"quoted-printable")
    }

    fn is_utf7(&self) -> bool {
        let charset = parameter(&self.kind, b"charset").unwrap_or_default();
        [&b"utf-7"[..], b"unicode-1-1-utf-7"]
            .iter()
            .any(|name| charset.eq_ignore_ascii_case(name))
    }

    fn name(&self) -> Option<Vec<u8>> {
        parameter(&self.disposition, b"filename").or_else(|| parameter(&self.kind, b"name"))
    }
}

/// Parameter `name` of a header's value.
fn parameter(value: &[u8], name: &[u8]) -> Option<Vec<u8>> {
    let given = value.find_iter(b";").find_map(|at| {
        let (key, given) = value.get(at + 1..)?.split_once_str("=")?;
        key.trim_ascii().eq_ignore_ascii_case(name).then_some(given)
    })?;
    let given = given.trim_ascii_start();
    let (given, end) = match given.strip_prefix(b"\"") {
        Some(quoted) => (quoted, b'"'),
        None => (given, b';'),
    };
    let end = given.find_byte(end).unwrap_or(given.len());
    given.get(..end).map(|given| given.trim_ascii().to_vec())
}

/// The header of the part at `range`, and where its body is.
fn split(text: &[u8], range: Range<usize>) -> (Header, Range<usize>) {
    let part = text.get(range.clone()).unwrap_or_default();
    let mut header = Header::default();
    let mut at = 0;
    let mut field: Vec<u8> = Vec::new();
    for line in part.lines_with_terminator() {
        let is_end = line
            .trim_end_with(|character| matches!(character, '\r' | '\n'))
            .is_empty();
        if is_end || at > MOST_HEADER {
            at += if is_end { line.len() } else { 0 };
            break;
        }
        at += line.len();
        let goes_on = matches!(line.first(), Some(b' ' | b'\t'));
        if !goes_on {
            take(&mut header, &field);
            field.clear();
        }
        field.extend_from_slice(line.trim_ascii_end());
    }
    take(&mut header, &field);
    (header, range.start + at..range.end)
}

fn take(header: &mut Header, field: &[u8]) {
    let Some((name, value)) = field.split_once_str(":") else {
        return;
    };
    let place = match name.trim_ascii().to_ascii_lowercase().as_slice() {
        b"content-type" => &mut header.kind,
        b"content-transfer-encoding" => &mut header.encoding,
        b"content-disposition" => &mut header.disposition,
        _ => return,
    };
    *place = value.trim_ascii().to_vec();
}

/// The parts of `body` between the lines of a boundary.
fn between(text: &[u8], body: Range<usize>, boundary: &[u8]) -> Vec<Range<usize>> {
    let content = text.get(body.clone()).unwrap_or_default();
    let line = [b"--", boundary].concat();
    let mut parts: Vec<Range<usize>> = Vec::new();
    for found in content.find_iter(&line) {
        let starts_line = found == 0 || content.get(found - 1) == Some(&b'\n');
        if !starts_line {
            continue;
        }
        if let Some(before) = parts.last_mut() {
            before.end = body.start + found;
        }
        let rest = content.get(found..).unwrap_or_default();
        let end = rest.find_byte(b'\n').map_or(rest.len(), |end| end + 1);
        parts.push(body.start + found + end..body.end);
    }
    parts
}

/// Tells one part that holds no others.
fn part(opening: &mut Opening<'_, '_>, header: &Header, body: Range<usize>) -> Result<(), Stop> {
    let name = header.name();
    let step = Step {
        kind: "mail",
        name: name.as_deref(),
    };
    let content = opening.text.get(body.clone()).unwrap_or_default();
    let decoded = match () {
        () if header.is_base64() => Some(base64(content)),
        () if header.is_quoted() => Some(quoted_printable(content)),
        () => None,
    };
    if header.is_utf7() {
        let decoded = utf7(decoded.as_deref().unwrap_or(content));
        return opening.contained(step, body, &decoded);
    }
    if let Some(decoded) = decoded {
        return opening.contained(step, body, &decoded);
    }
    // What stands there as it is was searched with the file around it.
    match sniff::format(content) {
        Some(_) if body.start > 0 => opening.contained(step, body, content),
        _ => Ok(()),
    }
}

/// What base64 stands for; characters of no meaning are skipped, as RFC 2045 asks.
fn base64(text: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut count) = (0_u32, 0_u32);
    for &byte in text {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            b'=' => {
                count = 0;
                continue;
            }
            _ => continue,
        };
        bits = bits << 6 | u32::from(value);
        count += 1;
        // A byte is whole with the second, third and fourth character of four.
        if count > 1 {
            let shift = 8 - 2 * count;
            decoded.push((bits >> shift & 0xff) as u8);
        }
        count %= 4;
    }
    decoded
}

/// What UTF-7 (RFC 2152) stands for, in UTF-8: between `+` and `-`, or whatever else ends it, UTF-16 in base64.
fn utf7(text: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once_str("+") {
        decoded.extend_from_slice(before);
        let is_digit = |byte: &&u8| byte.is_ascii_alphanumeric() || b"+/".contains(byte);
        let digits = behind.iter().take_while(is_digit).count();
        let (digits, behind) = behind.split_at_checked(digits).unwrap_or((b"", behind));
        match digits {
            b"" => decoded.push(b'+'),
            _ => decoded.extend(letters::from_utf16(&base64(digits), u16::from_be_bytes)),
        }
        rest = behind.strip_prefix(b"-").unwrap_or(behind);
    }
    decoded.extend_from_slice(rest);
    decoded
}

/// What quoted-printable stands for; what is no escape stays as it is.
fn quoted_printable(text: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find_byte(b'=') {
        decoded.extend_from_slice(rest.get(..at).unwrap_or_default());
        let behind = rest.get(at + 1..).unwrap_or_default();
        let hex = |byte: u8| char::from(byte).to_digit(16);
        rest = match *behind {
            [b'\n', ref more @ ..] | [b'\r', b'\n', ref more @ ..] => more,
            [high, low, ref more @ ..] if hex(high).is_some() && hex(low).is_some() => {
                let value = hex(high).unwrap_or(0) << 4 | hex(low).unwrap_or(0);
                decoded.push(u8::try_from(value).unwrap_or(0));
                more
            }
            _ => {
                decoded.push(b'=');
                behind
            }
        };
    }
    decoded.extend_from_slice(rest);
    decoded
}

#[cfg(test)]
mod tests {
    use super::{
        super::super::{Why, tests::layers},
        base64, quoted_printable, utf7,
    };
    use crate::extract::tests::python;

    #[test]
    fn transfer_encodings_are_undone() {
        assert_eq!(base64(b"bWVsbG9u\r\nIQ==eA="), b"mellon!x");
        assert_eq!(
            quoted_printable(b"mel=\r\nl=6Fn = =\nend="),
            b"mellon = end="
        );
    }

    #[test]
    fn letters_of_utf7_are_read_where_a_part_says_so() {
        let written = "1 +- 1 +AG0AZQBs-lon +AOQ, +2D3eAA-+//8";
        let read = "1 + 1 mellon \u{e4}, \u{1f600}\u{ffff}";
        assert_eq!(utf7(written.as_bytes()), read.as_bytes());
        for part in [
            format!("text/plain; charset=\"UTF-7\"\n\n{written}"),
            format!(
                "text/plain; charset=utf-7\nContent-Transfer-Encoding: quoted-printable\n\n{written}"
            ),
        ] {
            let (layers, _) = layers(format!("MIME-Version: 1.0\nContent-Type: {part}").as_bytes());
            let is_read =
                |(way, text): &(String, Vec<u8>)| way == "mail" && text == read.as_bytes();
            assert!(layers.iter().any(is_read), "{layers:?}");
        }
        let plain = format!("MIME-Version: 1.0\nContent-Type: text/plain\n\n{written}");
        assert_eq!(layers(plain.as_bytes()).0, []);
        for end in 0..written.len() {
            utf7(&written.as_bytes()[..end]);
        }
    }

    #[test]
    fn every_part_of_a_message_is_reached() {
        let script = "\
import sys
from email.message import EmailMessage
from email.policy import SMTP
inner = EmailMessage(); inner['Subject'] = 'inner'; inner.set_content('inner: r\u{e4}d mellon', cte='base64')
m = EmailMessage(policy=SMTP); m['From'] = 'a@b.example'; m['To'] = 'c@d.example'; m['Subject'] = 'x'
m.set_content('the word is mellon ' * 20 + '\u{fc}', cte='quoted-printable')
m.add_alternative('<p>mel<b>lon</b></p>', subtype='html', cte='8bit')
m.add_attachment(b'KEY=mellon\\n', maintype='application', subtype='octet-stream', filename='app; x.env')
m.add_attachment(inner)
sys.stdout.buffer.write(m.as_bytes())";
        let Some(message) = python(script, b"") else {
            return;
        };
        for text in [
            message.clone(),
            [b"From a@b.example Thu\n", &message[..]].concat(),
        ] {
            let (layers, summary) = layers(&text);
            assert_eq!(summary.unread, []);
            let has = |way: &str, start: &str| {
                let holds = |(found, text): &(String, Vec<u8>)| {
                    found == way && text.starts_with(start.as_bytes())
                };
                assert!(layers.iter().any(holds), "{way}: {layers:?}");
            };
            has("mail", "the word is mellon the word");
            has("mail, markup", "mellon");
            has("mail:app; x.env", "KEY=mellon\n");
            has("mail", "inner: r\u{e4}d mellon");
        }
        for end in 0..message.len() {
            layers(&message[..end]);
        }
    }

    #[test]
    fn parts_in_each_other_are_bounded() {
        let mut text = String::from("MIME-Version: 1.0\n");
        for level in 0..2000 {
            text += &format!("Content-Type: multipart/mixed; boundary=b{level}\n\n--b{level}\n");
        }
        let (_, summary) = layers(text.as_bytes());
        assert_eq!(summary.unread[0].why, Why::TooDeep);
    }
}
