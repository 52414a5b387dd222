//! Blobs and deltas that are not held in memory: the same objects, and limits of their own.

use exeat_gitwire::pack::{Error, Fault, Kind, Limits};

use crate::crafted::{Crafted, SHA1, blob_id, copy, deflate, delta, entry, insert, prepend};
use crate::repository::Random;
use crate::sink::read_in_pieces;

fn refusal(pack: &[u8], limits: &Limits) -> Error {
    let error = read_in_pieces(SHA1, limits.clone(), pack, 4096).map(|_| ());
    error.unwrap_err()
}

fn noise(seed: u64, size: usize) -> Vec<u8> {
    let mut random = Random::new(seed);
    (0..size).map(|_| random.below(256) as u8).collect()
}

/// A delta of many small copies and inserts on a base of `base` bytes, and what it builds.
fn patchwork(random: &mut Random, base: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let (mut instructions, mut result) = (Vec::new(), Vec::new());
    for _ in 0..2000 {
        let from = random.below(base.len() - 1);
        let most = [10, 300, 200_000][random.below(3)];
        let len = (1 + random.below(most)).min(base.len() - from);
        instructions.push(copy(from as u32, len as u32));
        result.extend(&base[from..from + len]);
        let new = noise(random.below(1000) as u64, random.below(300));
        instructions.push(insert(&new));
        result.extend(new);
    }
    let parts: Vec<&[u8]> = instructions.iter().map(Vec::as_slice).collect();
    (
        delta(base.len() as u64, result.len() as u64, &parts),
        result,
    )
}

#[test]
fn every_way_of_holding_base_delta_and_result() {
    let mut random = Random::new(5);
    let base = noise(1, 300_000);
    let (first, middle) = patchwork(&mut random, &base);
    let (second, last) = patchwork(&mut random, &middle);
    let back = delta(last.len() as u64, 5, &[&copy(last.len() as u32 - 5, 5)]);
    let mut ids = vec![blob_id(&base), blob_id(&middle), blob_id(&last)];
    ids.push(blob_id(&last[last.len() - 5..]));
    for by_id in [false, true] {
        let mut pack = Crafted::new();
        let mut at = pack.blob(&base);
        for (base, delta) in [(0, &first), (1, &second), (2, &back)] {
            at = match by_id {
                true => pack.ref_delta(ids[base], delta),
                false => pack.ofs_delta(at, delta),
            };
        }
        let pack = pack.finish();
        for whole_bytes in [1, 200_000, 400_000, 100 << 20] {
            let limits = Limits {
                whole_bytes,
                ..Limits::default()
            };
            let (_, read) = read_in_pieces(SHA1, limits, &pack, 3000).unwrap();
            assert_eq!(read.ids(), ids, "above {whole_bytes}");
        }
    }
}

#[test]
fn large_chains_wait_for_the_end_like_others() {
    let mut pack = Crafted::new();
    let mut bases = Vec::new();
    for number in 0..20 {
        bases.push((pack.blob(&noise(number, 50_000)), 50_000));
    }
    for _ in 0..12 {
        for (base, size) in &mut bases {
            *base = pack.ofs_delta(*base, &prepend(*size, b"x"));
            *size += 1;
        }
    }
    let pack = pack.finish();
    let (_, calm) = read_in_pieces(SHA1, Limits::default(), &pack, 4096).unwrap();
    // Room for two at a time, so that every base has been given up when its delta comes.
    let limits = Limits {
        whole_bytes: 1000,
        scratch_bytes: 110_000,
        rework_bytes: 3 << 20,
        ..Limits::default()
    };
    let (_, collected) = read_in_pieces(SHA1, limits, &pack, 4096).unwrap();
    assert!(!collected.in_order(), "some had to wait");
    assert_eq!(collected.ids(), calm.ids());
}

#[test]
fn every_lie_of_a_large_delta_has_its_name() {
    let base = noise(1, 5000);
    let lies = [
        (
            delta(4999, 5000, &[&copy(0, 5000)]),
            "made for a base of 4999 bytes",
        ),
        (
            delta(5000, 4999, &[&copy(0, 5000)]),
            "declares a result of 4999",
        ),
        (delta(5000, 5001, &[&copy(0, 5000)]), "but builds 5000"),
        (
            delta(5000, 5000, &[&copy(1, 5000)]),
            "copies 5000 bytes from offset 1",
        ),
        (
            delta(5000, 5000, &[&copy(0, 4000), &[0]]),
            "reserved instruction",
        ),
        (
            delta(5000, 5000, &[&copy(0, 4000), &[5, 1]]),
            "middle of an instruction",
        ),
        (
            delta(5000, 5000, &[&copy(0, 4000), &[0xff, 1]]),
            "middle of an instruction",
        ),
    ];
    for whole_bytes in [2, 1000] {
        let limits = Limits {
            whole_bytes,
            ..Limits::default()
        };
        for (lie, word) in &lies {
            let mut pack = Crafted::new();
            let at = pack.blob(&base);
            pack.ofs_delta(at, lie);
            let error = refusal(&pack.finish(), &limits).to_string();
            assert!(error.contains(word), "{error}");
        }
    }
    let mut pack = Crafted::new();
    pack.raw(&entry(3, 4999, &[], &deflate(&base)));
    let limits = Limits {
        whole_bytes: 100,
        ..Limits::default()
    };
    assert!(matches!(
        refusal(&pack.finish(), &limits),
        Error::Entry {
            fault: Fault::ZlibTooLong { declared: 4999 },
            ..
        }
    ));
}

#[test]
fn trees_commits_and_tags_have_a_limit_of_their_own() {
    let limits = Limits {
        tree_bytes: 1000,
        ..Limits::default()
    };
    for kind in [Kind::Tree, Kind::Commit, Kind::Tag] {
        let mut pack = Crafted::new();
        pack.whole(kind, &[b'x'; 1001]);
        let error = refusal(&pack.finish(), &limits).to_string();
        let words = format!("a {kind} and declares 1001 bytes, limits.tree_bytes allows 1000");
        assert!(error.contains(&words), "{error}");
        for by_id in [false, true] {
            let mut pack = Crafted::new();
            let at = pack.whole(kind, &[b'x'; 1000]);
            let delta = prepend(1000, b"y");
            let id = exeat_gitwire::pack::object_id(SHA1, kind, &[b'x'; 1000]).unwrap();
            match by_id {
                true => pack.ref_delta(id, &delta),
                false => pack.ofs_delta(at, &delta),
            };
            let error = refusal(&pack.finish(), &limits).to_string();
            assert!(error.contains(&words), "{error}");
        }
    }
    let mut pack = Crafted::new();
    pack.blob(&[b'x'; 1001]);
    assert!(read_in_pieces(SHA1, limits, &pack.finish(), 4096).is_ok());
}

#[test]
fn room_for_large_bases_is_limited_by_name() {
    let mut pack = Crafted::new();
    let base = pack.blob(&noise(1, 5000));
    pack.ofs_delta(base, &prepend(5000, b"x"));
    let pack = pack.finish();
    let limits = |scratch_bytes| Limits {
        whole_bytes: 100,
        scratch_bytes,
        ..Limits::default()
    };
    let error = refusal(&pack, &limits(10_000));
    assert!(
        error
            .to_string()
            .contains("limits.scratch_bytes allows (10000 bytes)")
    );
    assert!(read_in_pieces(SHA1, limits(10_001), &pack, 4096).is_ok());
}

/// Copies of one byte each, back and forth, from a base that lies on disk.
#[test]
fn row_25_jumping_about_in_a_large_base_is_refused() {
    let base = noise(1, 1 << 20);
    let jump = [copy(0, 1), copy(1 << 19, 1)].concat();
    let jumps = vec![jump.as_slice(); 20_000];
    let mut pack = Crafted::new();
    let at = pack.blob(&base);
    pack.ofs_delta(at, &delta(1 << 20, 40_000, &jumps));
    let limits = Limits {
        whole_bytes: 100_000,
        rework_bytes: 1 << 20,
        ..Limits::default()
    };
    assert!(matches!(
        refusal(&pack.finish(), &limits),
        Error::Rework { .. }
    ));
}

#[test]
fn row_23_a_gigabyte_of_zeros_ends_at_the_ratio() {
    const SIZE: u64 = 36 << 20;
    let zeros = deflate(&vec![0; SIZE as usize]);
    let refused_for = |kind: u8, limits: &Limits| {
        let mut pack = Crafted::new();
        pack.blob(b"a base");
        for _ in 0..30 {
            let base = blob_id(b"a base");
            let between = if kind == 7 { base.as_slice() } else { &[] };
            pack.raw(&entry(kind, SIZE, between, &zeros));
        }
        let pack = pack.finish();
        assert!(pack.len() < 2 << 20);
        refusal(&pack, limits).to_string()
    };
    let ratio = "inflates to more than 200 bytes for each of its own";
    for kind in [3, 7] {
        assert!(refused_for(kind, &Limits::default()).contains(ratio));
    }
    let trees = refused_for(2, &Limits::default());
    assert!(trees.contains("limits.tree_bytes"), "{trees}");
    // Below 64 MiB nothing is judged.
    let mut pack = Crafted::new();
    pack.raw(&entry(3, SIZE, &[], &zeros));
    assert!(read_in_pieces(SHA1, Limits::default(), &pack.finish(), 65_536).is_ok());
}
