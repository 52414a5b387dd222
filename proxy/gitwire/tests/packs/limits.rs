//! What a pack may cost: every limit refuses by name, and before the cost is paid.

use exeat_gitwire::pack::{Error, Fault, Limits, Reader};

use crate::crafted::{Crafted, SHA1, blob_id, copy, deflate, delta, entry, insert, prepend};
use crate::repository::Random;
use crate::sink::{Collected, read_in_pieces};

fn refusal(pack: &[u8], limits: &Limits) -> Error {
    let error = read_in_pieces(SHA1, limits.clone(), pack, 4096)
        .map(|_| ())
        .unwrap_err();
    assert!(error.to_string().contains("limits."), "{error}");
    error
}

fn fault(pack: &[u8], limits: &Limits) -> Fault {
    match refusal(pack, limits) {
        Error::Entry { fault, .. } => fault,
        other => panic!("{other}"),
    }
}

#[test]
fn pack_bytes() {
    let mut pack = Crafted::new();
    pack.blob(b"a blob");
    let pack = pack.finish();
    let limits = |pack_bytes| Limits {
        pack_bytes,
        ..Limits::default()
    };
    assert!(read_in_pieces(SHA1, limits(pack.len() as u64), &pack, 7).is_ok());
    let limit = pack.len() as u64 - 1;
    assert!(
        matches!(refusal(&pack, &limits(limit)), Error::PackBytes { limit: found } if found == limit)
    );
}

#[test]
fn row_26_object_counts_are_refused_at_the_header() {
    let pack = Crafted::new().finish_with_count(1 << 31);
    let error = refusal(&pack[..12], &Limits::default());
    assert!(matches!(
        error,
        Error::Objects {
            declared: 0x8000_0000,
            limit: 2_000_000
        }
    ));
}

#[test]
fn row_23_a_zlib_bomb_ends_at_its_declared_size() {
    let bomb = deflate(&vec![0; 64 << 20]);
    let mut pack = Crafted::new();
    pack.raw(&entry(3, 100, &[], &bomb));
    let error = read_in_pieces(SHA1, Limits::default(), &pack.finish(), 4096)
        .map(|_| ())
        .unwrap_err();
    assert!(matches!(
        error,
        Error::Entry {
            fault: Fault::ZlibTooLong { declared: 100 },
            ..
        }
    ));
    let mut pack = Crafted::new();
    pack.raw(&entry(3, 64 << 20, &[], &bomb));
    let limits = Limits {
        object_bytes: 1 << 20,
        ..Limits::default()
    };
    assert_eq!(
        fault(&pack.finish(), &limits),
        Fault::ObjectBytes {
            size: 64 << 20,
            limit: 1 << 20
        }
    );
}

#[test]
fn row_23_the_sum_of_small_bombs_is_bounded() {
    let mut pack = Crafted::new();
    for _ in 0..20 {
        pack.blob(&vec![0; 1 << 20]);
    }
    let limits = Limits {
        resolved_bytes: 10 << 20,
        ..Limits::default()
    };
    assert!(
        matches!(refusal(&pack.finish(), &limits), Error::ResolvedBytes { limit } if limit == 10 << 20)
    );
}

#[test]
fn row_23_endless_empty_blocks_are_refused() {
    let mut stream = vec![0x78, 0x01];
    for _ in 0..20_000 {
        stream.extend([0x00, 0x00, 0x00, 0xff, 0xff]);
    }
    let mut pack = Crafted::new();
    pack.raw(&entry(3, 1000, &[], &stream));
    let error = read_in_pieces(SHA1, Limits::default(), &pack.finish(), 4096)
        .map(|_| ())
        .unwrap_err();
    assert!(matches!(
        error,
        Error::Entry {
            fault: Fault::ZlibPadding { limit: 66_537 },
            ..
        }
    ));
}

#[test]
fn row_24_delta_bomb_is_refused_before_allocation() {
    let bomb = delta(10, 2_400_000_000_000, &[&copy(0, 10)]);
    let mut pack = Crafted::new();
    let base = pack.blob(b"0123456789");
    pack.ofs_delta(base, &bomb);
    let size = 2_400_000_000_000;
    let limits = Limits::default();
    let expected = Fault::ObjectBytes {
        size,
        limit: limits.object_bytes,
    };
    assert_eq!(fault(&pack.finish(), &limits), expected);
    let mut pack = Crafted::new();
    pack.ref_delta(blob_id(b"not even here"), &bomb);
    assert_eq!(
        fault(&pack.finish(), &limits),
        expected,
        "known on arrival, base or not"
    );
}

#[test]
fn row_24_every_resolved_object_is_charged() {
    let base = vec![b'x'; 1 << 20];
    let many: Vec<u8> = (0..16).flat_map(|_| copy(0, 1 << 20)).collect();
    for by_id in [false, true] {
        let mut pack = Crafted::new();
        let at = pack.blob(&base);
        for number in 0..100u8 {
            let delta = delta(1 << 20, (16 << 20) + 1, &[&many, &insert(&[number])]);
            if by_id {
                pack.ref_delta(blob_id(&base), &delta);
            } else {
                pack.ofs_delta(at, &delta);
            }
        }
        let limits = Limits {
            resolved_bytes: 64 << 20,
            ..Limits::default()
        };
        assert!(matches!(
            refusal(&pack.finish(), &limits),
            Error::ResolvedBytes { .. }
        ));
    }
}

#[test]
fn row_24_a_delta_itself_is_an_object_in_size() {
    let mut pack = Crafted::new();
    let base = pack.blob(b"x");
    pack.ofs_delta(base, &prepend(1, &vec![b'y'; 5000]));
    let limits = Limits {
        object_bytes: 4000,
        ..Limits::default()
    };
    assert!(matches!(
        fault(&pack.finish(), &limits),
        Fault::ObjectBytes { limit: 4000, .. }
    ));
}

/// A chain of `depth` deltas, each one byte longer than the one before.
fn chain(depth: usize, by_id: bool) -> Vec<u8> {
    let mut content = b"the root of a long chain".to_vec();
    let mut pack = Crafted::new();
    let mut base = pack.blob(&content);
    for _ in 0..depth {
        let delta = prepend(content.len(), b"x");
        base = if by_id {
            pack.ref_delta(blob_id(&content), &delta)
        } else {
            pack.ofs_delta(base, &delta)
        };
        content.insert(0, b'x');
    }
    pack.finish()
}

#[test]
fn row_25_deep_chains_are_read_up_to_the_limit() {
    for by_id in [false, true] {
        let limits = Limits::default();
        let (mut read, _) =
            read_in_pieces(SHA1, limits.clone(), &chain(4095, by_id), 4096).unwrap();
        assert_eq!(read.size(4095), Some(24 + 4095));
        assert_eq!(read.read(4095).unwrap().1.len(), 24 + 4095);
        assert_eq!(
            fault(&chain(9000, by_id), &limits),
            Fault::DeltaDepth { limit: 4095 }
        );
    }
}

/// `chains` chains of `depth` deltas on bases of `size` bytes, one link of each after the other.
fn interleaved(chains: usize, depth: usize, size: usize) -> Vec<u8> {
    let mut random = Random::new(9);
    let mut pack = Crafted::new();
    let mut bases: Vec<u64> = Vec::new();
    for _ in 0..chains {
        let word = random.below(1 << 30).to_string();
        bases.push(pack.blob(word.repeat(size / word.len()).as_bytes()));
    }
    let sizes: Vec<usize> = {
        let mut random = Random::new(9);
        (0..chains)
            .map(|_| random.below(1 << 30).to_string().len())
            .map(|word| size / word * word)
            .collect()
    };
    for link in 0..depth {
        for (base, size) in bases.iter_mut().zip(&sizes) {
            *base = pack.ofs_delta(*base, &prepend(size + link, b"x"));
        }
    }
    pack.finish()
}

#[test]
fn row_25_interleaved_chains_are_resolved_one_by_one_instead_of_thrashing() {
    let pack = interleaved(100, 30, 50_000);
    let limits = Limits {
        cache_bytes: 1 << 20,
        rework_bytes: 8 << 20,
        ..Limits::default()
    };
    let roomy = Limits {
        cache_bytes: 256 << 20,
        ..Limits::default()
    };
    let (calm_read, calm) = read_in_pieces(SHA1, roomy, &pack, 4096).unwrap();
    let (mut read, collected) = read_in_pieces(SHA1, limits, &pack, 4096).unwrap();
    assert!(calm.in_order() && !collected.in_order(), "some had to wait");
    assert_eq!(collected.ids(), calm.ids());
    let (built, again) = (calm_read.spent().built, read.spent().built);
    assert!(
        again < built * 5 / 2,
        "{again} bytes built instead of {built}"
    );
    assert!(!collected.asked, "no base was named by id");
    assert_eq!(
        read.read(read.len() - 1).unwrap().1.len(),
        read.size(read.len() - 1).unwrap() as usize
    );
}

#[test]
fn row_25_bases_that_left_the_cache_are_rebuilt_while_the_pack_arrives() {
    let pack = interleaved(100, 60, 10_000);
    let limits = Limits {
        cache_bytes: 200_000,
        ..Limits::default()
    };
    let mut collected = Collected::new(SHA1);
    let mut reader = Reader::new(SHA1, limits, Vec::new());
    reader.feed(&pack, &mut collected).unwrap();
    let arrived = collected.objects.len();
    let read = reader.finish(&mut collected).unwrap();
    assert_eq!(collected.ids().len(), 6_100);
    assert!(arrived > 4_000, "{arrived} objects before the end");
    let again = read.spent().again;
    assert!(again < 16_000, "{again} entries were inflated again");
}

#[test]
fn row_25_many_copies_of_a_base_and_many_deltas_on_it_are_not_multiplied() {
    let mut pack = Crafted::new();
    let delta = prepend(0, b"x");
    for _ in 0..30_000 {
        pack.blob(b"");
        pack.ref_delta(blob_id(b""), &delta);
    }
    for _ in 0..20_000 {
        pack.ref_delta(blob_id(b"x"), &prepend(1, b"y"));
    }
    let (_, collected) = read_in_pieces(SHA1, Limits::default(), &pack.finish(), 65_536).unwrap();
    assert_eq!(collected.objects.len(), 80_000);
}

/// A tree of deltas, two on each object, so that coming back to a base is the rule.
fn bushy(levels: u32) -> Vec<u8> {
    let mut pack = Crafted::new();
    let mut level = vec![(pack.blob(b"root"), 4)];
    for _ in 0..levels {
        let mut next = Vec::new();
        for (base, size) in level {
            next.push((pack.ofs_delta(base, &prepend(size, b"a")), size + 1));
            next.push((pack.ofs_delta(base, &prepend(size, b"bb")), size + 2));
        }
        level = next;
    }
    pack.finish()
}

#[test]
fn row_25_too_much_rebuilding_is_refused() {
    let pack = bushy(10);
    let limits = Limits {
        cache_bytes: 0,
        rework_bytes: 1,
        ..Limits::default()
    };
    assert!(matches!(refusal(&pack, &limits), Error::Rework { .. }));
    let limits = Limits {
        cache_bytes: 0,
        ..Limits::default()
    };
    assert!(read_in_pieces(SHA1, limits, &pack, 4096).is_ok());
}
