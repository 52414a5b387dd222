//! What a real writer of 7z files wrote.

use crate::extract::{Unread, Why, tests::layers};

const A: &[u8] = b"a\nthe word is mellon\n";

/// The seeds of the fuzzer, written by py7zr: two files, and an empty one between them.
const FILES: [(&str, &[u8]); 8] = [
    (
        "bcj",
        include_bytes!("../../../../fuzz/corpus/extract/7z-bcj"),
    ),
    (
        "bzip2",
        include_bytes!("../../../../fuzz/corpus/extract/7z-bzip2"),
    ),
    (
        "copy",
        include_bytes!("../../../../fuzz/corpus/extract/7z-copy"),
    ),
    (
        "deflate",
        include_bytes!("../../../../fuzz/corpus/extract/7z-deflate"),
    ),
    (
        "delta",
        include_bytes!("../../../../fuzz/corpus/extract/7z-delta"),
    ),
    (
        "lzma",
        include_bytes!("../../../../fuzz/corpus/extract/7z-lzma"),
    ),
    (
        "lzma2",
        include_bytes!("../../../../fuzz/corpus/extract/7z-lzma2"),
    ),
    (
        "zstd",
        include_bytes!("../../../../fuzz/corpus/extract/7z-zstd"),
    ),
];

#[test]
fn every_usual_coder_is_read() {
    for (file, bytes) in FILES {
        let (told, summary) = layers(bytes);
        assert_eq!(summary.unread, [], "{file}");
        let expected = [
            (
                "7z names".to_owned(),
                b"conf/app.env\nempty\nmore.txt\n".to_vec(),
            ),
            ("7z:conf/app.env".to_owned(), A.to_vec()),
            ("7z:more.txt".to_owned(), b"more words ".repeat(40)),
        ];
        assert_eq!(told, expected, "{file}");
        let behind = [b"MZ\0 a program", bytes].concat();
        assert_eq!(layers(&behind).0, expected, "{file}");
    }
}

#[test]
fn what_is_encrypted_is_told() {
    let unread = |bytes: &[u8]| layers(bytes).1.unread;
    let [Unread { steps, why }] =
        &unread(include_bytes!("../../../../fuzz/corpus/extract/7z-aes"))[..]
    else {
        panic!();
    };
    assert_eq!(
        (steps.as_slice(), *why),
        (
            &[("7z", Some(b"conf/app.env".to_vec()))][..],
            Why::Encrypted
        )
    );
    let names = unread(include_bytes!(
        "../../../../fuzz/corpus/extract/7z-aes-names"
    ));
    assert_eq!(names[0].why, Why::Encrypted);
}

#[test]
fn what_is_cut_is_told_as_damaged_and_nothing_panics() {
    for (file, bytes) in FILES {
        for end in 6..bytes.len() {
            let (_, summary) = layers(&bytes[..end]);
            assert!(!summary.unread.is_empty(), "{file} {end}");
        }
    }
}

/// A bit of the header turned: it ends, whatever it says now.
#[test]
fn what_is_turned_ends() {
    for (_, bytes) in FILES {
        for at in 12..bytes.len() {
            for bit in [0x01, 0x10, 0x80] {
                let mut turned = bytes.to_vec();
                turned[at] ^= bit;
                let _ = layers(&turned);
            }
        }
    }
}
