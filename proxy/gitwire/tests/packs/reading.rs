//! Packs that git writes: every object as git tells it, however the pack is made and cut.

use exeat_gitwire::pack::{Error, Kind, Limits, Pack, Reader};
use exeat_gitwire::{HashKind, ObjectId};

use crate::crafted::{Crafted, SHA1, blob_id, prepend, seal};
use crate::repository::{Random, Repository};
use crate::sink::{read, read_in_pieces};

const BOTH: [HashKind; 2] = [HashKind::Sha1, HashKind::Sha256];

/// A cache that holds next to nothing, so that bases are rebuilt all the time.
fn no_cache() -> Limits {
    Limits {
        cache_bytes: 0,
        ..Limits::default()
    }
}

/// Ids, kinds, sizes, contents and the spool must all be git's, with blobs held whole and with next to none.
fn check(repository: &Repository, pack: &[u8], limits: &Limits, piece: usize) {
    check_held(repository, pack, limits, piece);
    let limits = Limits {
        whole_bytes: 60,
        ..limits.clone()
    };
    check_held(repository, pack, &limits, piece);
}

fn check_held(repository: &Repository, pack: &[u8], limits: &Limits, piece: usize) {
    let index = repository.index(pack);
    let (mut read, collected) =
        read_in_pieces(repository.hash, limits.clone(), pack, piece).unwrap();
    let ids: Vec<ObjectId> = index.into_iter().map(|(_, id)| id).collect();
    assert_eq!(collected.ids(), ids);
    let contents = repository.contents(&ids);
    for &(index, kind, size, id) in &collected.objects {
        let (git_kind, git_content) = &contents[&id];
        assert_eq!(
            (kind.name(), size),
            (git_kind.as_str(), git_content.len() as u64)
        );
        assert_eq!(
            (read.kind(index), read.size(index)),
            (Some(kind), Some(size))
        );
    }
    let mut order: Vec<u32> = (0..read.len()).collect();
    let mut random = Random::new(7);
    for at in (1..order.len()).rev() {
        order.swap(at, random.below(at + 1));
    }
    for index in order {
        let is_large = read.size(index).unwrap() > limits.whole_bytes;
        if read.kind(index) == Some(Kind::Blob) && is_large {
            assert!(matches!(read.read(index), Err(Error::NotWhole { .. })));
            continue;
        }
        let (_, data) = read.read(index).unwrap();
        assert_eq!(*data, contents[&ids[index as usize]].1);
    }
    assert_eq!(read.bytes(), pack.len() as u64);
    assert!(pack.ends_with(read.checksum().as_slice()));
    assert_eq!(
        read.into_spool(),
        pack,
        "the spool holds the pack, byte for byte"
    );
}

#[test]
fn every_object_is_gits() {
    for hash in BOTH {
        let repository = Repository::new(hash);
        repository.grow(1, 150);
        for depth in ["--depth=0", "--depth=1", "--depth=50", "--depth=4095"] {
            for base in ["--delta-base-offset", "-q"] {
                let pack = repository.pack(&[depth, base, "--window=20"]);
                check(&repository, &pack, &Limits::default(), 8192);
                check(&repository, &pack, &no_cache(), 8192);
            }
        }
    }
}

#[test]
fn cutting_does_not_matter() {
    for hash in BOTH {
        let repository = Repository::new(hash);
        repository.grow(2, 40);
        for base in ["--delta-base-offset", "-q"] {
            let pack = repository.pack(&[base]);
            let limits = Limits::default();
            let (_, whole) = read_in_pieces(hash, limits.clone(), &pack, pack.len()).unwrap();
            let spilling = Limits {
                whole_bytes: 60,
                ..limits.clone()
            };
            for piece in [1, 5, 64, 1000] {
                let read = read_in_pieces(hash, spilling.clone(), &pack, piece);
                assert_eq!(read.unwrap().1.ids(), whole.ids(), "pieces of {piece}");
            }
            for piece in [1, 2, 3, 5, 13, 64, 1000] {
                let (read, pieces) = read_in_pieces(hash, limits.clone(), &pack, piece).unwrap();
                assert_eq!(pieces.objects, whole.objects, "pieces of {piece}");
                assert_eq!(read.into_spool(), pack);
            }
        }
    }
}

#[test]
fn deltas_by_offset_come_in_order_and_need_no_ids() {
    let repository = Repository::new(SHA1);
    repository.grow(3, 60);
    let (_, collected) = read(&repository.pack(&["--delta-base-offset"])).unwrap();
    assert!(collected.in_order() && !collected.asked);
    let (_, collected) = read(&repository.pack(&[])).unwrap();
    assert!(collected.asked);
}

#[test]
fn a_pack_of_nothing_has_32_bytes() {
    for hash in BOTH {
        let repository = Repository::new(hash);
        let pack = repository.pack_of(b"", &[]);
        assert_eq!(pack.len(), 12 + hash.len_in_bytes());
        let (read, collected) = read_in_pieces(hash, Limits::default(), &pack, 5).unwrap();
        assert!(read.is_empty() && collected.objects.is_empty());
        assert_eq!(read.into_spool(), pack);
    }
}

#[test]
fn bases_named_by_id_may_stand_anywhere() {
    let repository = Repository::new(SHA1);
    repository.grow(4, 120);
    let pack = repository.pack(&["--window=30", "--depth=40"]);
    for seed in 0..4 {
        let shuffled = shuffle(&repository, &pack, seed);
        check(&repository, &shuffled, &Limits::default(), 4096);
        check(&repository, &shuffled, &no_cache(), 4096);
    }
}

/// The same entries in another order, which only deltas by id allow.
fn shuffle(repository: &Repository, pack: &[u8], seed: u64) -> Vec<u8> {
    let end = pack.len() - repository.hash.len_in_bytes();
    let starts: Vec<usize> = repository
        .index(pack)
        .iter()
        .map(|(offset, _)| *offset as usize)
        .collect();
    let ends = starts.iter().skip(1).copied().chain([end]);
    let mut entries: Vec<&[u8]> = starts
        .iter()
        .zip(ends)
        .map(|(&start, end)| &pack[start..end])
        .collect();
    let mut random = Random::new(seed + 1);
    for at in (1..entries.len()).rev() {
        entries.swap(at, random.below(at + 1));
    }
    seal(repository.hash, [&pack[..12], &entries.concat()].concat())
}

#[test]
fn deltas_by_offset_wait_for_bases_by_id() {
    let content = b"the last base of all".to_vec();
    let one = [b"1 ".as_slice(), &content].concat();
    let two = [b"2 ".as_slice(), &one].concat();
    let three = [b"3 ".as_slice(), &two].concat();
    let mut pack = Crafted::new();
    let waits_for_two = pack.ref_delta(blob_id(&two), &prepend(two.len(), b"3 "));
    pack.ofs_delta(waits_for_two, &prepend(three.len(), b"4 "));
    pack.ref_delta(blob_id(&one), &prepend(one.len(), b"2 "));
    pack.ref_delta(blob_id(&content), &prepend(content.len(), b"1 "));
    pack.blob(&content);
    let (mut read, collected) = read(&pack.finish()).unwrap();
    let four = [b"4 ".as_slice(), &three].concat();
    let expected = [&three, &four, &two, &one, &content].map(|content| blob_id(content));
    assert_eq!(collected.ids(), expected);
    let order: Vec<u32> = collected.objects.iter().map(|object| object.0).collect();
    assert_eq!(order, [4, 3, 2, 0, 1]);
    assert_eq!(*read.read(1).unwrap().1, four);
}

#[test]
fn the_same_object_may_come_twice() {
    let mut pack = Crafted::new();
    pack.blob(b"twice");
    pack.blob(b"twice");
    pack.ref_delta(blob_id(b"twice"), &prepend(5, b"once "));
    pack.ref_delta(blob_id(b"twice"), &prepend(5, b"once "));
    let (_, collected) = read(&pack.finish()).unwrap();
    let (twice, once) = (blob_id(b"twice"), blob_id(b"once twice"));
    assert_eq!(collected.ids(), [twice, twice, once, once]);
}

#[test]
fn readers_and_packs_may_move_to_another_thread() {
    fn check<T: Send + 'static>() {}
    check::<Reader<Vec<u8>>>();
    check::<Pack<Vec<u8>>>();
}

#[test]
fn a_delta_has_the_kind_of_its_base() {
    let mut pack = Crafted::new();
    let tag = pack.whole(Kind::Tag, b"not much of a tag");
    let delta = pack.ofs_delta(tag, &prepend(17, b"x"));
    pack.ofs_delta(delta, &prepend(18, b"x"));
    let (read, _) = read(&pack.finish()).unwrap();
    assert_eq!(read.kind(2), Some(Kind::Tag));
}

#[test]
fn large_objects_keep_their_last_links() {
    let repository = Repository::new(SHA1);
    let mut random = Random::new(5);
    let mut content: Vec<u8> = (0..60_000)
        .flat_map(|_| format!("{:x}\n", random.below(1 << 28)).into_bytes())
        .collect();
    let mut stream = Vec::new();
    for version in 0..30 {
        let at = random.below(content.len());
        content.splice(at..at, format!("version {version}").into_bytes());
        stream.extend(format!("blob\ndata {}\n", content.len()).bytes());
        stream.extend(&content);
        stream.push(b'\n');
    }
    repository.git(&["fast-import", "--quiet"], &stream);
    let all = repository.lines(&[
        "cat-file",
        "--batch-all-objects",
        "--batch-check=%(objectname)",
    ]);
    for options in [&["--delta-base-offset", "--window=5"][..], &["--window=5"]] {
        let pack = repository.pack_of(all.join("\n").as_bytes(), options);
        let limits = Limits {
            cache_bytes: 1 << 20,
            ..Limits::default()
        };
        check(&repository, &pack, &limits, 65_536);
    }
}
