//! What real compressors wrote, whole, cut and followed by something else.

use std::{
    io::Write,
    process::{Command, Stdio},
};

use crate::extract::{
    Why,
    tests::{gzip, layers},
};

const WORD: &[u8] = b"a\nthe word is mellon\n";

/// What a tool writes of `text`; nothing where there is no such tool.
fn packed(tool: &[&str], text: &[u8]) -> Option<Vec<u8>> {
    let mut child = Command::new(tool[0])
        .args(&tool[1..])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .ok()?;
    child.stdin.take().unwrap().write_all(text).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{tool:?}");
    Some(output.stdout)
}

/// A short text in every form for which there is a tool.
fn every_form() -> Vec<(&'static str, Vec<u8>)> {
    let python = |code| ["python3", "-c", code];
    let mut forms = vec![("gzip", gzip(WORD))];
    let zlib = python(
        "import sys,zlib;d=sys.stdin.buffer.read();sys.stdout.buffer.write(zlib.compress(d))",
    );
    for (kind, tool) in [
        ("gzip", &["gzip", "-c"][..]),
        ("bzip2", &["bzip2", "-c"]),
        ("xz", &["xz", "-c"]),
        ("xz", &["xz", "-9", "-c"]),
        ("xz", &["xz", "--check=sha256", "--x86", "--lzma2", "-c"]),
        ("lzma", &["xz", "--format=lzma", "-c"]),
        ("zstd", &["zstd", "-q", "-c"]),
        ("zstd", &["zstd", "-q", "--ultra", "-21", "-c"]),
        ("lz4", &["lz4", "-q", "-c"]),
        ("lz4", &["lz4", "-q", "-l", "-c"]),
        ("zlib", &zlib),
    ] {
        match packed(tool, WORD) {
            Some(bytes) => forms.push((kind, bytes)),
            None => println!("{tool:?} is not there"),
        }
    }
    forms
}

fn ways(text: &[u8]) -> Vec<(String, Vec<u8>)> {
    let (layers, summary) = layers(text);
    assert_eq!(summary.unread, [], "{layers:?}");
    layers
}

#[test]
fn what_every_tool_writes_is_read() {
    let forms = every_form();
    assert!(forms.len() > 3);
    for (kind, bytes) in forms {
        assert_eq!(ways(&bytes), [(kind.to_owned(), WORD.to_vec())], "{kind}");
    }
}

#[test]
fn frames_one_behind_the_other_are_one_text() {
    for (kind, bytes) in every_form() {
        if ["zlib", "lzma"].contains(&kind) || bytes.starts_with(&[2, 0x21]) {
            continue;
        }
        assert_eq!(ways(&bytes.repeat(3)), [(kind.to_owned(), WORD.repeat(3))]);
    }
}

#[test]
fn what_is_packed_is_found_behind_and_before_something_else() {
    let forms = every_form();
    for (kind, bytes) in &forms {
        if ["lzma"].contains(kind) || bytes.starts_with(&[2, 0x21]) {
            continue;
        }
        let found = ways(&[&bytes[..], b"\0\0 something else \0 \xff"].concat());
        assert_eq!(found, [((*kind).to_owned(), WORD.to_vec())]);
        let found = ways(&[&bytes[..], b"\0\0", &gzip(b"other words")].concat());
        assert_eq!(found.last().unwrap().1, b"other words", "{kind}");
        if *kind != "zlib" {
            let found = ways(&[b"\x7fELF\0 \x1f\x8b\x08\x01 ", &bytes[..], b"\0"].concat());
            assert_eq!(found, [((*kind).to_owned(), WORD.to_vec())]);
        }
    }
}

#[test]
fn what_is_cut_is_told_as_damaged_and_nothing_panics() {
    for (kind, bytes) in every_form() {
        for end in 0..bytes.len() {
            let (layers, summary) = layers(&bytes[..end]);
            // LZ4 frames are whole without their last mark.
            let strong = !["lz4", "zlib", "lzma"].contains(&kind) && end > 7;
            let whole = layers.iter().any(|(_, text)| text == WORD);
            assert!(
                !strong || whole || !summary.unread.is_empty(),
                "{kind} {end}"
            );
            assert!(
                summary
                    .unread
                    .iter()
                    .all(|unread| unread.why == Why::Broken)
            );
            // The same behind something else is nothing.
            let (_, summary) = crate::extract::tests::layers(&[b"\0", &bytes[..end]].concat());
            assert_eq!(summary.unread, []);
        }
    }
}

#[test]
fn ordinary_text_is_no_stream() {
    for text in [
        &b"x^2 + y^2 = z^2, x^n and so on"[..],
        b"x\x9c",
        b"x\x01 \0\0\0\0\0\0",
        b"BZh9 is",
    ] {
        assert_eq!(ways(text), []);
    }
}

#[test]
fn what_the_header_of_a_gzip_file_says_is_read() {
    let packed = flate2::GzBuilder::new()
        .filename("app.env")
        .comment("the word")
        .extra("is mellon")
        .write(Vec::new(), flate2::Compression::new(6))
        .finish()
        .unwrap();
    let found = ways(&packed);
    assert_eq!(
        found,
        [("gzip header".to_owned(), b"the word\nis mellon".to_vec())]
    );
}

#[test]
fn a_loose_object_is_called_so() {
    let mut writer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::new(1));
    writer.write_all(b"blob 18\0the word is mellon").unwrap();
    let found = ways(&writer.finish().unwrap());
    assert_eq!(found[0].0, "git object");
}

#[test]
fn a_zstd_dictionary_is_told() {
    let (_, summary) = layers(b"\x28\xb5\x2f\xfd\x23\x07\x10\0\0\0");
    assert_eq!(summary.unread[0].why, Why::Unsupported);
}

/// An lzip file with one member: the stream of LZMA alone without its head, between lzip's own head and end.
fn lzip(text: &[u8]) -> Option<Vec<u8>> {
    let script = "import sys,lzma,zlib,struct;d=sys.stdin.buffer.read()\n\
        f=[{'id':lzma.FILTER_LZMA1,'dict_size':65536,'lc':3,'lp':0,'pb':2}]\n\
        s=lzma.compress(d,lzma.FORMAT_ALONE,filters=f)[13:]\n\
        sys.stdout.buffer.write(b'LZIP\\x01\\x10'+s+struct.pack('<IQQ',zlib.crc32(d),len(d),len(s)+26))";
    packed(&["python3", "-c", script], text)
}

#[test]
fn members_of_lzip_are_read_and_wide_windows_told() {
    let Some(one) = lzip(WORD) else {
        println!("Python is not there");
        return;
    };
    assert_eq!(ways(&one), [("lzip".to_owned(), WORD.to_vec())]);
    assert_eq!(ways(&one.repeat(2)), [("lzip".to_owned(), WORD.repeat(2))]);
    let mut wide = one.repeat(2);
    wide[one.len() + 5] = 29;
    let why = |text: &[u8]| layers(text).1.unread.first().map(|unread| unread.why);
    assert_eq!(why(&wide), Some(Why::Unsupported));
    assert_eq!(why(&one[..one.len() - 3]), Some(Why::Broken));
    assert_eq!(why(b"LZIP is a name"), None);
}
