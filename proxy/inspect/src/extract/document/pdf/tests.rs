//! PDF files as programs write them, and as nobody should.

use std::io::Write;

use super::super::super::{
    Limits, Summary, Why, look_into,
    tests::{Seen, layers},
};

fn deflated(text: &[u8]) -> Vec<u8> {
    let mut writer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::new(6));
    writer.write_all(text).unwrap();
    writer.finish().unwrap()
}

/// A file of these objects, each with the entries of its dictionary and a stream.
fn file(objects: &[(u32, &str, Option<&[u8]>)]) -> Vec<u8> {
    let mut file = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n".to_vec();
    for (number, entries, stream) in objects {
        write!(file, "{number} 0 obj\n<<{entries}").unwrap();
        match stream {
            None => file.extend_from_slice(b">>\nendobj\n"),
            Some(stream) => {
                write!(file, " /Length {}>>\nstream\r\n", stream.len()).unwrap();
                file.extend_from_slice(stream);
                file.extend_from_slice(b"\nendstream\nendobj\n");
            }
        }
    }
    file.extend_from_slice(b"trailer <</Root 1 0 R>>\nstartxref\n0\n%%EOF\n");
    file
}

fn of(layers: &[(String, Vec<u8>)], way: &str) -> Vec<String> {
    let found = layers.iter().filter(|(found, _)| found == way);
    found
        .map(|(_, text)| String::from_utf8_lossy(text).into_owned())
        .collect()
}

const PAGE: &[u8] = b"BT /F1 12 Tf 72 700 Td (the word is mel) Tj [(l) 30 (on)] TJ 0 -14 Td /F2 9 Tf <00010002> Tj ET";
const MAP: &[u8] = b"1 begincodespacerange <0000> <ffff> endcodespacerange 1 beginbfrange <0001> <0002> <0078> endbfrange";

#[test]
fn pages_objects_and_files_are_read() {
    let page = deflated(PAGE);
    let map = deflated(MAP);
    let inner = deflated(b"6 0 9 23 <</F1 7 0 R/F2 8 0 R>> <</Contents (note \\(mel\\154on\\)) /T <FEFF006D0065006C>>>");
    let attached = deflated(b"<p>mel<b>lon</b></p>");
    let file = file(&[
        (1, "/Type/Catalog/Pages 2 0 R", None),
        (2, "/Type/Pages/Kids[3 0 R]/Resources 4 0 R", None),
        (3, "/Type/Page/Parent 2 0 R/Contents [5 0 R]", None),
        (4, "/Font 6 0 R", None),
        (5, "/Filter /FlateDecode", Some(&page)),
        (7, "/Type/Font/Subtype/Type1", None),
        (8, "/Type/Font/Subtype/Type0/ToUnicode 10 0 R", None),
        (10, "/Filter[/FlateDecode]", Some(&map)),
        (
            11,
            "/Type/ObjStm/N 2/First 9/Filter/FlateDecode",
            Some(&inner),
        ),
        (12, "/Type/EmbeddedFile/Filter/FlateDecode", Some(&attached)),
        (
            13,
            "/Type/Metadata/Subtype/XML",
            Some(b"<?xpacket?><a>mel<!-- -->lon</a>"),
        ),
        (14, "/Title (t\\(1\\)) /Subject ()", None),
        (15, "/Subtype/Image/Filter/DCTDecode", Some(b"\x01\x02")),
    ]);
    let (layers, summary) = layers(&file);
    assert_eq!(summary.unread, []);
    assert_eq!(summary.media.get("pixels of PDF"), Some(&1));
    assert_eq!(of(&layers, "pdf text"), ["the word is mellon\nxy\n"]);
    let strings = of(&layers, "pdf strings").concat();
    assert!(
        strings.contains("Title: t(1)\n") && strings.contains("Contents: note (mellon)\nT: mel\n"),
        "{strings}"
    );
    assert_eq!(of(&layers, "pdf stream, markup"), ["mellon\n"]);
}

#[test]
fn an_encrypted_file_is_told() {
    let mut file = file(&[(1, "/A (x)", None)]);
    let at = file.len() - 30;
    file.splice(at..at, *b"trailer <</Encrypt 5 0 R>> ");
    let (layers, summary) = layers(&file);
    assert_eq!(layers, []);
    assert_eq!(summary.unread[0].why, Why::Encrypted);
}

#[test]
fn what_is_cut_is_read_until_there() {
    let page = deflated(PAGE);
    let file = file(&[(1, "/A (x)", None), (2, "/Filter/FlateDecode", Some(&page))]);
    for end in 0..file.len() {
        layers(&file[..end]);
    }
    let (layers, summary) = layers(&file[..file.len() - 80]);
    assert!(
        of(&layers, "pdf text")[0].starts_with("the word"),
        "{layers:?}"
    );
    assert_eq!(summary.unread[0].why, Why::Broken);
}

fn bounded(file: &[u8]) -> Summary {
    let limits = Limits {
        bytes: 4 << 20,
        held: 1 << 20,
        ..Limits::default()
    };
    look_into(file, None, &limits, &mut Seen::default())
}

#[test]
fn bombs_are_bounded() {
    let bomb = deflated(&vec![b' '; 2 << 20]);
    let twice = deflated(&deflated(&vec![b' '; 2 << 20]));
    let streams: Vec<_> = (1..200)
        .map(|number| (number, "/Filter/FlateDecode", Some(&bomb[..])))
        .collect();
    let summary = bounded(&file(&streams));
    assert!(summary.bytes <= 6 << 20);
    assert!(
        summary
            .unread
            .iter()
            .any(|unread| unread.why == Why::TooMuch)
    );
    let summary = bounded(&file(&[(
        1,
        "/Filter[/FlateDecode/FlateDecode]",
        Some(&twice),
    )]));
    assert_eq!(summary.unread[0].why, Why::TooMuch);
    // An object stream whose objects all begin at the same place, and hold all that follows.
    let objects = format!("{}{}", "1 0 ".repeat(100_000), "[(a)".repeat(100_000));
    let stream = deflated(objects.as_bytes());
    let summary = bounded(&file(&[(
        1,
        "/Type/ObjStm/N 100000/First 400000/Filter/FlateDecode",
        Some(&stream),
    )]));
    assert!(summary.bytes < 2 << 20, "{summary:?}");
    for piece in [
        "1 0 obj(",
        "1 0 obj<<",
        "1 0 obj <</A 1 0 R ",
        "obj ",
        "trailer",
        "1 0 obj<<>>stream\n",
        "[",
        "(",
        "/A 1 0 R ",
    ] {
        bounded(format!("%PDF-1.4\n{}", piece.repeat((1 << 19) / piece.len())).as_bytes());
    }
}
