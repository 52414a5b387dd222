//! Packs no git would write, each refused for its own reason.

use exeat_gitwire::pack::{
    Error, Fault, Kind, Limits, Object, Piece, Reader, Sink, SinkClosed, delta,
};
use exeat_gitwire::{HashKind, ObjectId};

use crate::crafted::delta as make_delta;
use crate::crafted::{
    Crafted, SHA1, blob_id, copy, deflate, distance, entry, insert, prepend, seal,
};
use crate::sink::{Collected, read, read_in_pieces};

fn refusal(pack: &[u8]) -> Error {
    let error = read(pack).map(|_| ()).unwrap_err();
    let in_pieces = read_in_pieces(SHA1, Limits::default(), pack, 3)
        .map(|_| ())
        .unwrap_err();
    assert_eq!(error.to_string(), in_pieces.to_string());
    assert!(
        error
            .to_string()
            .bytes()
            .all(|byte| matches!(byte, b' '..=b'~')),
        "{error}"
    );
    error
}

/// What is wrong with the entry at `index`, the last one a reader looks at.
fn fault(pack: &[u8], index: u32) -> Fault {
    match refusal(pack) {
        Error::Entry {
            index: found,
            fault,
        } if found == index => fault,
        other => panic!("{other}"),
    }
}

fn small() -> Vec<u8> {
    let mut pack = Crafted::new();
    let base = pack.blob(b"hello, world\n");
    pack.ofs_delta(base, &prepend(13, b"oh "));
    pack.ref_delta(blob_id(b"hello, world\n"), &prepend(13, b"ah "));
    pack.finish()
}

#[test]
fn row_20_bytes_behind_the_trailer_are_refused() {
    let pack = small();
    assert!(read(&pack).is_ok());
    for more in [&b"x"[..], b"\0\0\0\0", &pack] {
        assert!(matches!(
            refusal(&[&pack, more].concat()),
            Error::TrailingBytes
        ));
    }
}

#[test]
fn row_20_bytes_in_a_later_chunk_are_refused_and_not_spooled() {
    let pack = small();
    let mut sink = Collected::new(SHA1);
    let mut reader = Reader::new(SHA1, Limits::default(), Vec::new());
    reader.feed(&pack, &mut sink).unwrap();
    assert!(matches!(
        reader.feed(b"x", &mut sink),
        Err(Error::TrailingBytes)
    ));
    assert!(matches!(reader.feed(b"x", &mut sink), Err(Error::Refused)));
    assert!(matches!(reader.finish(&mut sink), Err(Error::Refused)));
}

#[test]
fn row_20_nothing_behind_an_empty_pack() {
    let empty = Crafted::new().finish();
    assert_eq!(empty.len(), 32);
    assert!(matches!(
        refusal(&[&empty[..], b"x"].concat()),
        Error::TrailingBytes
    ));
}

#[test]
fn every_cut_is_noticed() {
    let pack = small();
    for end in 0..pack.len() {
        let error = refusal_of_truncated(&pack[..end]);
        assert!(matches!(error, Error::Truncated { .. }), "{end}: {error}");
    }
    assert!(matches!(
        refusal_of_truncated(&pack[..pack.len() - 1]),
        Error::Truncated {
            complete: 3,
            declared: 3
        }
    ));
}

fn refusal_of_truncated(pack: &[u8]) -> Error {
    let mut sink = Collected::new(SHA1);
    let mut reader = Reader::new(SHA1, Limits::default(), Vec::new());
    reader.feed(pack, &mut sink).unwrap();
    reader.finish(&mut sink).map(|_| ()).unwrap_err()
}

#[test]
fn every_flipped_bit_is_noticed() {
    let pack = small();
    for at in 0..pack.len() {
        for bit in 0..8 {
            let mut flipped = pack.clone();
            flipped[at] ^= 1 << bit;
            refusal(&flipped);
        }
    }
}

#[test]
fn the_checksum_is_of_the_repositorys_hash() {
    let bytes = b"PACK\0\0\0\x02\0\0\0\0".to_vec();
    let sha256 = seal(HashKind::Sha256, bytes.clone());
    assert!(read_in_pieces(HashKind::Sha256, Limits::default(), &sha256, 4).is_ok());
    assert!(matches!(refusal(&sha256), Error::Checksum));
    let sha1 = seal(SHA1, bytes);
    let result = read_in_pieces(HashKind::Sha256, Limits::default(), &sha1, 4).map(|_| ());
    assert!(
        matches!(result, Err(Error::Truncated { .. })),
        "row 29: the pack of another format"
    );
}

#[test]
fn row_33_only_version_2_is_read() {
    for version in [0u32, 1, 3, 0x0200_0000] {
        let mut bytes = b"PACK".to_vec();
        bytes.extend(version.to_be_bytes());
        bytes.extend([0; 4]);
        assert!(
            matches!(refusal(&seal(SHA1, bytes)), Error::Version { version: found } if found == version)
        );
    }
}

#[test]
fn row_33_a_bundle_is_not_a_pack() {
    let bundle = b"# v2 git bundle\nce013625030ba8dba906f756967f9e9ca394464a refs/heads/main\n\n";
    assert!(matches!(refusal(bundle), Error::NotAPack));
}

#[test]
fn row_33_types_0_and_5_are_refused() {
    for kind in [0, 5] {
        let mut pack = Crafted::new();
        pack.blob(b"fine");
        pack.raw(&entry(kind, 4, &[], &deflate(b"text")));
        assert_eq!(fault(&pack.finish(), 1), Fault::Type(kind));
    }
}

#[test]
fn row_26_a_count_beyond_the_objects_is_noticed() {
    let mut pack = Crafted::new();
    pack.blob(b"only one");
    // The trailer is taken for the second object.
    refusal(&pack.finish_with_count(2));
    let mut pack = Crafted::new();
    pack.blob(b"one");
    pack.blob(b"two");
    assert!(matches!(
        refusal(&pack.finish_with_count(1)),
        Error::Checksum
    ));
}

#[test]
fn row_27_headers_that_lie_about_sizes() {
    for (declared, content) in [(4, &b"12345"[..]), (0, b"x"), (1, &[0; 100_000])] {
        let mut pack = Crafted::new();
        pack.raw(&entry(3, declared, &[], &deflate(content)));
        assert_eq!(fault(&pack.finish(), 0), Fault::ZlibTooLong { declared });
    }
    let mut pack = Crafted::new();
    pack.raw(&entry(3, 6, &[], &deflate(b"12345")));
    assert_eq!(
        fault(&pack.finish(), 0),
        Fault::ZlibTooShort {
            declared: 6,
            found: 5
        }
    );
}

#[test]
fn row_27_sizes_beyond_64_bits() {
    let mut pack = Crafted::new();
    pack.raw(&[0xbf; 20]);
    assert_eq!(fault(&pack.finish(), 0), Fault::SizeOverflow);
    let mut pack = Crafted::new();
    pack.raw(&[&[0xb5][..], &[0x80; 20], &deflate(b"12345")].concat());
    assert_eq!(
        fault(&pack.finish(), 0),
        Fault::SizeOverflow,
        "zeros behind the last digit count too"
    );
}

#[test]
fn streams_that_are_not_zlib() {
    let mut stream = deflate(b"a stream whose check value is wrong");
    *stream.last_mut().unwrap() ^= 1;
    for stream in [&stream[..], &[0xff; 50], b"\x78\xbb\0\0\0\0\0\0\0\0"] {
        let mut pack = Crafted::new();
        pack.raw(&entry(3, 35, &[], stream));
        assert_eq!(fault(&pack.finish(), 0), Fault::Zlib);
    }
}

#[test]
fn row_27_deltas_that_lie() {
    let base = b"0123456789";
    let check = |delta: &[u8], expected: delta::Error| {
        let mut pack = Crafted::new();
        let at = pack.blob(base);
        pack.ofs_delta(at, delta);
        assert_eq!(fault(&pack.finish(), 1), Fault::Delta(expected.clone()));
        let mut pack = Crafted::new();
        pack.ref_delta(blob_id(base), delta);
        pack.blob(base);
        assert_eq!(fault(&pack.finish(), 0), Fault::Delta(expected));
    };
    use delta::Error as Wrong;
    check(
        &make_delta(9, 1, &[&insert(b"x")]),
        Wrong::SourceSize {
            declared: 9,
            actual: 10,
        },
    );
    check(
        &make_delta(10, 2, &[&insert(b"x")]),
        Wrong::ResultSize {
            declared: 2,
            built: 1,
        },
    );
    check(
        &make_delta(10, 1, &[&insert(b"xy")]),
        Wrong::ResultSize {
            declared: 1,
            built: 2,
        },
    );
    check(
        &make_delta(10, 8, &[&copy(3, 8)]),
        Wrong::CopyBeyondBase {
            offset: 3,
            len: 8,
            base: 10,
        },
    );
    let far = Wrong::CopyBeyondBase {
        offset: 0xffff_ffff,
        len: 1,
        base: 10,
    };
    check(&make_delta(10, 1, &[&copy(u32::MAX, 1)]), far);
    check(&make_delta(10, 1, &[b"\0"]), Wrong::Reserved);
    check(&make_delta(10, 5, &[b"\x05abc"]), Wrong::CutShort);
    check(b"\x0a", Wrong::Sizes);
    check(&[0xff; 30], Wrong::Sizes);
    check(b"", Wrong::Sizes);
}

#[test]
fn bases_by_offset_must_be_earlier_entries() {
    let with_distance = |distance: &[u8]| {
        let mut pack = Crafted::new();
        pack.blob(b"a base that nobody means");
        pack.raw(&entry(6, 3, distance, &deflate(b"\x01\x01\x00")));
        fault(&pack.finish(), 1)
    };
    let entry_bytes = entry(3, 24, &[], &deflate(b"a base that nobody means")).len() as u64;
    assert_eq!(
        with_distance(&distance(entry_bytes - 1)),
        Fault::BaseNotAnEntry,
        "into its middle"
    );
    assert_eq!(
        with_distance(&distance(0)),
        Fault::BaseNotAnEntry,
        "onto itself"
    );
    assert_eq!(
        with_distance(&distance(entry_bytes + 1)),
        Fault::BaseBeforePack,
        "into the pack's header"
    );
    assert_eq!(with_distance(&distance(1 << 40)), Fault::BaseBeforePack);
    assert_eq!(with_distance(&[0xff; 12]), Fault::DistanceOverflow);
}

#[test]
fn row_03_a_base_outside_the_pack_is_missing() {
    let base = b"known to the upstream only";
    let mut pack = Crafted::new();
    pack.blob(b"something else");
    let waits = pack.ref_delta(blob_id(base), &prepend(base.len(), b"new "));
    pack.ofs_delta(waits, &prepend(base.len() + 4, b"newer "));
    match refusal(&pack.finish()) {
        Error::MissingBase { id, count: 2 } => assert_eq!(id, blob_id(base)),
        other => panic!("{other}"),
    }
}

#[test]
fn row_03_what_a_delta_builds_is_what_is_handed_on() {
    let mut pack = Crafted::new();
    let base = pack.blob(b"word1 word2 word3");
    pack.ofs_delta(
        base,
        &make_delta(17, 15, &[&copy(12, 5), &copy(6, 5), &copy(0, 5)]),
    );
    let (mut read, collected) = read(&pack.finish()).unwrap();
    assert_eq!(*read.read(1).unwrap().1, b"word3word2word1");
    assert_eq!(collected.ids()[1], blob_id(b"word3word2word1"));
}

#[test]
fn a_delta_on_itself_by_id_is_missing_its_base() {
    let id: ObjectId = "0123456789012345678901234567890123456789".parse().unwrap();
    let mut pack = Crafted::new();
    pack.ref_delta(id, &prepend(0, b"x"));
    assert!(matches!(
        refusal(&pack.finish()),
        Error::MissingBase { count: 1, .. }
    ));
}

struct Closed;

impl Sink for Closed {
    fn object(&mut self, _: Object) -> Result<(), SinkClosed> {
        Err(SinkClosed)
    }

    fn piece(&mut self, _: Piece<'_>) -> Result<(), SinkClosed> {
        Err(SinkClosed)
    }

    fn settle(&mut self) -> Result<(), SinkClosed> {
        Err(SinkClosed)
    }

    fn id(&self, _: u32) -> Option<ObjectId> {
        None
    }
}

#[test]
fn reading_stops_when_nobody_listens() {
    let mut reader = Reader::new(SHA1, Limits::default(), Vec::new());
    assert!(matches!(
        reader.feed(&small(), &mut Closed),
        Err(Error::SinkClosed(SinkClosed))
    ));
    let mut pack = Crafted::new();
    pack.whole(Kind::Blob, b"");
    assert!(read(&pack.finish()).is_ok());
}
