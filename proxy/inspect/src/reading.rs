//! How else a text is read than as it stands: a message in its encoding, what armour holds, values that git unfolds or unquotes.
//!
//! Source: git's gitformat-signature, `commit.c` (headers), `config.c` (values), i18n.commitEncoding in git-commit(1).

use base64::{Engine as _, alphabet, engine};
use bstr::ByteSlice as _;
use encoding_rs::{Encoding, UTF_16BE, UTF_16LE};
use exeat_gitwire::{HashKind, objects, pack::Kind};

use crate::submodules;

/// Bytes of a commit whose encoding is undone. Longer ones are not messages of people.
const MOST_DECODED: usize = 1 << 20;

/// Signatures are padded or not, and end as they like.
const LENIENT: engine::GeneralPurpose = engine::GeneralPurpose::new(
    &alphabet::STANDARD,
    engine::GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(engine::DecodePaddingMode::Indifferent),
);

/// Encodings of which every byte of ASCII is that character, and which have no name in the Encoding Standard.
const LIKE_ASCII: [&str; 20] = [
    "646", "cp437", "cp720", "cp737", "cp775", "cp850", "cp852", "cp855", "cp857", "cp858",
    "cp860", "cp861", "cp862", "cp863", "cp864", "cp865", "cp869", "koi8-t", "koi8-ru", "euc-tw",
];

/// One other way to read a text.
#[derive(Debug, PartialEq, Eq)]
pub struct Reading {
    /// What it is called on the way to a find.
    pub step: &'static str,
    pub text: Vec<u8>,
    /// The line where it all stands; `None` where its lines are those of the text.
    pub line: Option<u64>,
}

/// Why an object is not clean although nothing was found in it.
pub type Unread = &'static str;

/// All other readings of an object, and why there is one that nobody here can read.
pub fn others(hash: HashKind, kind: Kind, data: &[u8]) -> (Vec<Reading>, Option<Unread>) {
    match kind {
        Kind::Tree => (Vec::new(), None),
        Kind::Blob => (unquoted(data).into_iter().collect(), None),
        Kind::Tag => {
            let mut readings = Vec::new();
            readings.extend(unfolded(data));
            readings.extend(without_zeros(data));
            readings.extend(armoured(data));
            (readings, None)
        }
        Kind::Commit => {
            let mut readings = Vec::new();
            readings.extend(unfolded(data));
            readings.extend(without_zeros(data));
            readings.extend(armoured(data));
            let unread = match encoding_of(hash, data) {
                Some(label) => decoded(label, data, &mut readings),
                None => None,
            };
            (readings, unread)
        }
    }
}

/// The value of the header that says how the message is encoded.
fn encoding_of(hash: HashKind, data: &[u8]) -> Option<&[u8]> {
    let commit = objects::commit::Commit::parse(hash, data).ok()?;
    let mut headers = commit.headers();
    let header = headers.find(|header| header.name == b"encoding")?;
    Some(header.value)
}

fn decoded(label: &[u8], data: &[u8], readings: &mut Vec<Reading>) -> Option<Unread> {
    let label = label.trim_ascii().to_ascii_lowercase();
    if label == b"utf-8" || label == b"utf8" {
        return None;
    }
    if data.len() > MOST_DECODED {
        return Some("it is longer than a mebibyte and has an encoding of its own");
    }
    let decode = |encoding: &'static Encoding, from: usize| {
        let (headers, message) = data.split_at_checked(from).unwrap_or((data, b""));
        let (message, _) = encoding.decode_without_bom_handling(message);
        Reading {
            step: encoding.name(),
            text: [headers, message.as_bytes()].concat(),
            line: None,
        }
    };
    let message = data.find(b"\n\n").map_or(data.len(), |at| at + 2);
    if label.starts_with(b"utf-16") || label.starts_with(b"utf16") || label.starts_with(b"ucs-2") {
        readings.extend([decode(UTF_16LE, message), decode(UTF_16BE, message)]);
        return None;
    }
    if LIKE_ASCII.iter().any(|name| name.as_bytes() == label) {
        return None;
    }
    match Encoding::for_label_no_replacement(&label) {
        Some(encoding) if encoding.is_ascii_compatible() && data.is_ascii() => None,
        Some(encoding) => {
            readings.push(decode(encoding, 0));
            None
        }
        None => Some("it says that its message has an encoding that is not known here"),
    }
}

/// Without zero bytes: what is written in two or four bytes for each character, wherever it begins.
fn without_zeros(data: &[u8]) -> Option<Reading> {
    data.contains(&0).then(|| Reading {
        step: "zero bytes",
        text: data.iter().copied().filter(|&byte| byte != 0).collect(),
        line: None,
    })
}

/// Without the space that each further line of a header begins with.
fn unfolded(data: &[u8]) -> Option<Reading> {
    let end = data.find(b"\n\n").unwrap_or(data.len());
    let headers = data.get(..end)?;
    headers.contains_str("\n ").then(|| Reading {
        step: "unfolded",
        text: headers.replace("\n ", "\n"),
        line: None,
    })
}

/// What stands in armour, in headers or messages: the bytes that its lines are base64 of.
fn armoured(data: &[u8]) -> Vec<Reading> {
    let mut readings = Vec::new();
    if !data.contains_str("-----BEGIN ") {
        return readings;
    }
    let mut within: Option<(u64, Vec<u8>)> = None;
    for (number, line) in (1..).zip(data.split(|&byte| byte == b'\n')) {
        // The first line stands behind the name of its header.
        let line = line.trim_start_with(|character| character == ' ');
        let begins = line.find("-----BEGIN ").is_some();
        match &mut within {
            _ if begins => within = Some((number, Vec::new())),
            Some((at, digits)) if line.starts_with(b"-----END") => {
                readings.extend(of_digits(*at, digits));
                within = None;
            }
            // The checksum of OpenPGP, and headers such as `Version: x`, which are read as they stand.
            Some((_, digits)) if !line.starts_with(b"=") && !line.contains(&b':') => {
                let is_digit = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/".contains(byte);
                digits.extend(line.iter().copied().filter(is_digit));
            }
            _ => {}
        }
    }
    // Armour without an end.
    readings.extend(within.and_then(|(at, digits)| of_digits(at, &digits)));
    readings
}

fn of_digits(line: u64, digits: &[u8]) -> Option<Reading> {
    // One digit alone is no byte.
    let digits = match digits.len() % 4 {
        1 => digits.get(..digits.len() - 1)?,
        _ => digits,
    };
    let text = LENIENT.decode(digits).ok()?;
    (!text.is_empty()).then_some(Reading {
        step: "armour",
        text,
        line: Some(line),
    })
}

/// A file of submodules as git reads its values: without quotes, escapes undone, lines that go on put together.
fn unquoted(data: &[u8]) -> Option<Reading> {
    if !submodules::are_in(data) || !data.iter().any(|byte| matches!(byte, b'"' | b'\\')) {
        return None;
    }
    let mut text = Vec::with_capacity(data.len());
    let mut rest = data;
    let mut owed = 0;
    while let Some((&byte, behind)) = rest.split_first() {
        rest = behind;
        match (byte, behind.first()) {
            (b'"', _) => {}
            (b'\\', Some(b'\n')) => {
                owed += 1;
                rest = behind.get(1..).unwrap_or_default();
            }
            (b'\\', Some(b'\r')) if behind.get(1) == Some(&b'\n') => {
                owed += 1;
                rest = behind.get(2..).unwrap_or_default();
            }
            (b'\\', Some(&next @ (b'"' | b'\\'))) => {
                text.push(next);
                rest = behind.get(1..).unwrap_or_default();
            }
            (b'\n', _) => {
                // So that what follows keeps its line.
                text.extend(std::iter::repeat_n(b'\n', owed + 1));
                owed = 0;
            }
            _ => text.push(byte),
        }
    }
    Some(Reading {
        step: "unquoted",
        text,
        line: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORD: &str = "plan-of-the-house";

    fn commit(headers: &str, message: &[u8]) -> Vec<u8> {
        let id = "ce013625030ba8dba906f756967f9e9ca394464a";
        let who = "A <a@example.com> 1 +0000";
        let text = format!("tree {id}\nauthor {who}\ncommitter {who}\n{headers}\n");
        [text.as_bytes(), message].concat()
    }

    fn read(headers: &str, message: &[u8]) -> (Vec<Reading>, Option<Unread>) {
        others(HashKind::Sha1, Kind::Commit, &commit(headers, message))
    }

    #[track_caller]
    fn assert_read(headers: &str, message: &[u8], word: &str) {
        let (readings, unread) = read(headers, message);
        assert_eq!(unread, None);
        assert!(
            readings
                .iter()
                .any(|reading| reading.text.contains_str(word)),
            "{readings:?}"
        );
    }

    #[test]
    fn row_09_messages_are_read_in_their_encoding() {
        let units: Vec<u16> = format!("Größe {WORD}").encode_utf16().collect();
        let little: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
        let big: Vec<u8> = units.iter().flat_map(|unit| unit.to_be_bytes()).collect();
        for label in ["UTF-16", "UTF-16LE", "utf-16be"] {
            for message in [&little, &big] {
                let word = format!("Größe {WORD}");
                assert_read(&format!("encoding {label}\n"), message, &word);
            }
        }
        let odd = [b"x".as_slice(), &little].concat();
        assert_read("", &odd, WORD);
        let wide: Vec<u8> = WORD.bytes().flat_map(|byte| [0, 0, 0, byte]).collect();
        assert_read("", &wide, WORD);
        assert_read("encoding ISO-8859-1\n", b"Gr\xf6\xdfe", "Größe");
        assert_read("encoding koi8-r\n", b"\xf0\xd2\xc9\xd7\xc5\xd4", "Привет");
        assert_read("encoding ISO-2022-JP\n", b"\x1b$B%F\x1b(B plan", "テ plan");
    }

    #[test]
    fn row_09_what_nobody_here_can_decode_is_unread() {
        for label in [
            "UTF-7",
            "cp037",
            "EBCDIC-US",
            "iso-2022-kr",
            "hz-gb-2312",
            "x-y",
            "",
        ] {
            let (_, unread) = read(&format!("encoding {label}\n"), b"Begin\n");
            assert!(unread.is_some(), "{label}");
        }
        for label in [
            "utf-8",
            "UTF8",
            "ISO-8859-15",
            "cp850",
            "US-ASCII",
            "GB18030",
        ] {
            let told = read(&format!("encoding {label}\n"), b"Begin\n");
            assert_eq!(told, (Vec::new(), None), "{label}");
        }
        assert_eq!(read("", "Größe\n".as_bytes()), (Vec::new(), None));
        let long = vec![b'x'; MOST_DECODED];
        assert!(read("encoding latin1\n", &long).1.is_some());
    }

    #[test]
    fn row_08_armour_is_opened() {
        let digits = LENIENT.encode(format!("\x01\x02{WORD}"));
        let (one, two) = digits.split_at(12);
        for armour in [
            format!(
                "gpgsig -----BEGIN PGP SIGNATURE-----\n \n {one}\n {two}\n =abcd\n -----END PGP SIGNATURE-----\n"
            ),
            format!("gpgsig -----BEGIN PGP SIGNATURE-----\n Version: x\n \n {one}\n {two}\n"),
            format!(
                "gpgsig -----BEGIN SSH SIGNATURE-----\n {digits}\n -----END SSH SIGNATURE-----\n"
            ),
        ] {
            let (readings, unread) = read(&armour, b"Begin\n");
            assert_eq!(unread, None);
            let opened = readings
                .iter()
                .find(|reading| reading.text.contains_str(WORD));
            assert_eq!(opened.and_then(|reading| reading.line), Some(4), "{armour}");
        }
        let tag =
            format!("x\n-----BEGIN PGP MESSAGE-----\n\n{digits}\n-----END PGP MESSAGE-----\n");
        let (readings, _) = others(HashKind::Sha1, Kind::Tag, tag.as_bytes());
        assert_eq!(readings[0].line, Some(2));
        assert!(readings[0].text.contains_str(WORD));
    }

    /// Whether a layer that the extraction finds in a commit with this message holds `word`.
    fn is_extracted(headers: &str, message: &[u8], word: &str) -> bool {
        let (layers, _) = crate::extract::tests::layers(&commit(headers, message));
        layers.iter().any(|(_, layer)| layer.contains_str(word))
    }

    /// What the extraction finds as well needs no reading here; each of these is here for what it does not.
    #[test]
    fn row_09_readings_tell_what_no_layer_does() {
        let wide = |text: &str| -> Vec<u8> {
            let units = text.encode_utf16();
            units.flat_map(u16::to_be_bytes).collect()
        };
        // Wide letters of ASCII are a layer; other letters between them end it, unless a mark says what it is.
        assert!(is_extracted("", &wide(WORD), WORD));
        let word = "Pläne-der-Küche";
        assert!(!is_extracted("encoding UTF-16\n", &wide(word), word));
        assert_read("encoding UTF-16\n", &wide(word), word);
        // Zero bytes that no width explains.
        let dotted = WORD.replace('-', "\0-").into_bytes();
        assert!(!is_extracted("", &dotted, WORD));
        assert_read("", &dotted, WORD);
        // Armour whose lines are shorter than programs make them.
        let digits = LENIENT.encode(format!("\x01\x02{WORD}"));
        let lines: Vec<&str> = (0..digits.len())
            .step_by(7)
            .map(|at| &digits[at..digits.len().min(at + 7)])
            .collect();
        let armour = format!(
            "gpgsig -----BEGIN PGP SIGNATURE-----\n \n {}\n -----END PGP SIGNATURE-----\n",
            lines.join("\n ")
        );
        assert!(!is_extracted(&armour, b"Begin\n", WORD));
        assert_read(&armour, b"Begin\n", WORD);
    }

    #[test]
    fn row_14_values_of_submodules_are_unquoted() {
        let text = "[submodule \"a\"]\n\turl = \"https://\"git.\\\n  in\"tern\"al/x\n\tpath = b\n";
        let (readings, _) = others(HashKind::Sha1, Kind::Blob, text.as_bytes());
        let text = String::from_utf8(readings[0].text.clone()).unwrap();
        assert!(text.contains("https://git.  internal/x"), "{text}");
        assert_eq!(text.lines().nth(3), Some("\tpath = b"));
        let (other_case, _) = others(
            HashKind::Sha1,
            Kind::Blob,
            b"[SubModule \"a\"]\nurl = git.in\"\"ternal",
        );
        assert!(
            other_case[0].text.ends_with(b"git.internal"),
            "git reads names in any case"
        );
        let plain = others(HashKind::Sha1, Kind::Blob, b"\"a\" \\\n b");
        assert_eq!(plain, (Vec::new(), None));
    }
}
