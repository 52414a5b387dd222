//! Thin packs: bases that are not in the pack come from outside, verified, and stay outside.

use exeat_gitwire::ObjectId;
use exeat_gitwire::pack::{
    Bases, Error, Fetched, Fetching, Kind, Limits, MOST_BASES, Pack, Reader, Unavailable,
};

use crate::crafted::{Crafted, SHA1, blob_id, copy, delta, insert, prepend};
use crate::sink::Collected;

/// An upstream with these blobs. As git's, it declines a question that names one object it lacks.
#[derive(Default)]
struct Upstream {
    blobs: Vec<Vec<u8>>,
    /// Sends this in place of what was asked for.
    lie: Option<Vec<u8>>,
    asked: Vec<Vec<ObjectId>>,
    /// From which size on its objects are never whole.
    whole_bytes: Option<u64>,
}

impl Upstream {
    fn with(blobs: &[&[u8]]) -> Self {
        Self {
            blobs: blobs.iter().map(|blob| blob.to_vec()).collect(),
            ..Self::default()
        }
    }
}

impl Bases<Vec<u8>> for Upstream {
    fn fetch(&mut self, ids: &[ObjectId]) -> Result<Vec<Fetched<Vec<u8>>>, Unavailable> {
        self.asked.push(ids.to_vec());
        let mut pack = Crafted::new();
        for id in ids {
            let blob = self.blobs.iter().find(|blob| blob_id(blob) == *id);
            let blob = self.lie.as_ref().or(blob).ok_or_else(|| Unavailable {
                id: Some(*id),
                why: "the upstream has no such object".into(),
            })?;
            pack.blob(blob);
        }
        let mut limits = Limits::default();
        limits.whole_bytes = self.whole_bytes.unwrap_or(limits.whole_bytes);
        let mut fetching = Fetching::new(SHA1, limits, Vec::new());
        fetching.feed(&pack.finish()).unwrap();
        Ok(vec![fetching.finish().unwrap()])
    }
}

fn read(
    pack: &[u8],
    limits: Limits,
    upstream: &mut Upstream,
) -> Result<(Pack<Vec<u8>>, Collected), Error> {
    let mut collected = Collected::new(SHA1);
    let mut reader = Reader::new(SHA1, limits, Vec::new());
    reader.feed(pack, &mut collected)?;
    let read = reader.finish_thin(&mut collected, Some(upstream))?;
    assert_eq!(read.len() as usize, collected.objects.len());
    Ok((read, collected))
}

fn content(pack: &mut Pack<Vec<u8>>, index: u32) -> Vec<u8> {
    let (kind, data) = pack.read(index).unwrap();
    assert_eq!(kind, Kind::Blob);
    data.to_vec()
}

const OLD: &[u8] = b"an old file that the upstream has";
const OTHER: &[u8] = b"another old file, which the upstream has as well";

#[test]
fn row_03_deltas_on_outside_objects_are_resolved_in_one_question() {
    let mut pack = Crafted::new();
    let first = pack.ref_delta(blob_id(OLD), &prepend(OLD.len(), b"1 "));
    pack.ofs_delta(first, &prepend(OLD.len() + 2, b"2 "));
    pack.ref_delta(blob_id(OTHER), &prepend(OTHER.len(), b"3 "));
    pack.ref_delta(blob_id(OLD), &prepend(OLD.len(), b"4 "));
    let inside = pack.blob(b"inside");
    pack.ofs_delta(inside, &prepend(6, b"5 "));
    let bytes = pack.finish();
    let mut upstream = Upstream::with(&[OLD, OTHER]);
    let (mut pack, collected) = read(&bytes, Limits::default(), &mut upstream).unwrap();
    assert_eq!(upstream.asked, [vec![blob_id(OLD), blob_id(OTHER)]]);
    assert_eq!(pack.bases(), 2);
    let expected = [
        [&b"1 "[..], OLD].concat(),
        [&b"2 1 "[..], OLD].concat(),
        [&b"3 "[..], OTHER].concat(),
        [&b"4 "[..], OLD].concat(),
        b"inside".to_vec(),
        b"5 inside".to_vec(),
    ];
    for (index, expected) in (0..).zip(&expected) {
        assert_eq!(content(&mut pack, index), *expected);
    }
    let ids: Vec<_> = expected.iter().map(|blob| blob_id(blob)).collect();
    assert_eq!(collected.ids(), ids);
    assert_eq!(pack.into_spool(), bytes, "the pack stays as it came");
}

#[test]
fn a_base_that_fell_out_of_the_cache_is_read_again() {
    let limits = Limits {
        cache_bytes: 1,
        ..Limits::default()
    };
    let mut pack = Crafted::new();
    for number in 0..20u8 {
        let base = if number % 2 == 0 { OLD } else { OTHER };
        pack.ref_delta(blob_id(base), &prepend(base.len(), &[number]));
    }
    let mut upstream = Upstream::with(&[OLD, OTHER]);
    let (mut pack, _) = read(&pack.finish(), limits, &mut upstream).unwrap();
    for number in 0..20u8 {
        let base = if number % 2 == 0 { OLD } else { OTHER };
        let found = content(&mut pack, number.into());
        assert_eq!(found, [&[number], base].concat());
    }
}

/// A base too large for memory, and one of a result that is as well.
#[test]
fn a_large_base_comes_in_pieces_and_is_built_upon() {
    let limits = Limits {
        whole_bytes: 1000,
        cache_bytes: 1,
        ..Limits::default()
    };
    let large: Vec<u8> = (0..100_000u32).map(|at| (at % 251) as u8).collect();
    let mut upstream = Upstream::with(&[&large]);
    upstream.whole_bytes = Some(limits.whole_bytes);
    let expected = [
        [b"1 ", &large[..]].concat(),
        [b"2 1 ", &large[..]].concat(),
        large[3..8].to_vec(),
    ];
    for lies in [false, true] {
        let mut pack = Crafted::new();
        let first = pack.ref_delta(blob_id(&large), &prepend(large.len(), b"1 "));
        pack.ofs_delta(first, &prepend(large.len() + 2, b"2 "));
        let head = delta(large.len() as u64, 5, &[&copy(3, 5)]);
        pack.ref_delta(blob_id(&large), &head);
        if lies {
            // Made for a base of another size.
            pack.ref_delta(blob_id(&large), &delta(5, 5, &[&insert(b"12345")]));
        }
        let result = read(&pack.finish(), limits.clone(), &mut upstream);
        if lies {
            let refused = result.map(drop);
            assert!(matches!(refused, Err(Error::Entry { index: 3, .. })));
            continue;
        }
        let (mut pack, collected) = result.unwrap();
        let ids: Vec<_> = expected.iter().map(|blob| blob_id(blob)).collect();
        assert_eq!(collected.ids(), ids);
        assert_eq!(content(&mut pack, 2), expected[2]);
    }
}

/// The id of an object of the pack is not known while its own base is missing.
#[test]
fn a_base_that_waits_itself_is_told_from_one_outside() {
    let middle = [b"middle ", OLD].concat();
    let deltas = [
        (blob_id(OLD), prepend(OLD.len(), b"middle ")),
        (blob_id(&middle), prepend(middle.len(), b"last ")),
    ];
    for order in [[0, 1], [1, 0]] {
        let mut pack = Crafted::new();
        for place in order {
            pack.ref_delta(deltas[place].0, &deltas[place].1);
        }
        let mut upstream = Upstream::with(&[OLD]);
        let (mut pack, _) = read(&pack.finish(), Limits::default(), &mut upstream).unwrap();
        assert_eq!(pack.bases(), 1);
        assert_eq!(upstream.asked.len(), 2, "all at once, then the one outside");
        let last = content(&mut pack, order[1] as u32);
        assert_eq!(last, [&b"last middle "[..], OLD].concat());
    }
}

/// Of equal sizes, as versions of a folder have them, the order of the pack decides.
#[test]
fn bases_of_equal_sizes_are_told_apart_by_their_order() {
    let replaced = |by: u8| -> Vec<u8> {
        let size = OLD.len() as u64;
        delta(size, size, &[&insert(&vec![by; OLD.len()])])
    };
    let mut pack = Crafted::new();
    let (one, two) = (vec![b'1'; OLD.len()], vec![b'2'; OLD.len()]);
    pack.ref_delta(blob_id(OLD), &replaced(b'1'));
    pack.ref_delta(blob_id(&one), &replaced(b'2'));
    pack.ref_delta(blob_id(&two), &replaced(b'3'));
    let mut upstream = Upstream::with(&[OLD]);
    let (mut pack, _) = read(&pack.finish(), Limits::default(), &mut upstream).unwrap();
    assert_eq!(upstream.asked[1..], [vec![blob_id(OLD)]]);
    assert_eq!(content(&mut pack, 2), vec![b'3'; OLD.len()]);
}

#[test]
fn a_base_that_stands_later_in_the_pack_is_not_asked_for() {
    let mut pack = Crafted::new();
    pack.ref_delta(blob_id(OLD), &prepend(OLD.len(), b"new "));
    pack.blob(OLD);
    let mut upstream = Upstream::default();
    let (pack, _) = read(&pack.finish(), Limits::default(), &mut upstream).unwrap();
    assert_eq!(pack.bases(), 0);
    assert!(upstream.asked.is_empty());
}

#[test]
fn a_base_nobody_has_is_named() {
    let mut pack = Crafted::new();
    pack.ref_delta(blob_id(OLD), &prepend(OLD.len(), b"1 "));
    pack.ref_delta(blob_id(OTHER), &prepend(OTHER.len(), b"2 "));
    let mut upstream = Upstream::with(&[OLD]);
    match read(&pack.finish(), Limits::default(), &mut upstream) {
        Err(error @ Error::BaseUnavailable { id, .. }) => {
            assert_eq!(id, blob_id(OTHER));
            let text = error.to_string();
            assert!(text.contains("the upstream has no such object"), "{text}");
            assert!(text.ends_with("'git push --no-thin'"), "{text}");
        }
        other => panic!("{:?}", other.map(drop)),
    }
}

#[test]
fn content_with_another_id_is_no_base() {
    let mut pack = Crafted::new();
    pack.ref_delta(blob_id(OLD), &prepend(OLD.len(), b"1 "));
    let mut upstream = Upstream::with(&[OLD]);
    upstream.lie = Some(OLD.to_ascii_uppercase());
    match read(&pack.finish(), Limits::default(), &mut upstream) {
        Err(Error::BaseUnavailable { id, .. }) => assert_eq!(id, blob_id(OLD)),
        other => panic!("{:?}", other.map(drop)),
    }
}

#[test]
fn a_delta_made_for_another_base_is_refused() {
    let mut pack = Crafted::new();
    pack.ref_delta(blob_id(OLD), &prepend(OLD.len() + 1, b"1 "));
    let refused = read(
        &pack.finish(),
        Limits::default(),
        &mut Upstream::with(&[OLD]),
    );
    assert!(matches!(refused, Err(Error::Entry { index: 0, .. })));
}

#[test]
fn as_many_bases_as_are_allowed_and_not_one_more() {
    let blobs: Vec<Vec<u8>> = (0..=MOST_BASES)
        .map(|number| format!("{number:0width$}", width = number + 10).into_bytes())
        .collect();
    for count in [MOST_BASES, MOST_BASES + 1] {
        let mut pack = Crafted::new();
        for blob in &blobs[..count] {
            let delta = prepend(blob.len(), &[b'x'; 300]);
            pack.ref_delta(blob_id(blob), &delta);
        }
        let mut upstream = Upstream {
            blobs: blobs.clone(),
            ..Upstream::default()
        };
        let result = read(&pack.finish(), Limits::default(), &mut upstream);
        if count == MOST_BASES {
            assert_eq!(result.unwrap().0.bases(), MOST_BASES);
            continue;
        }
        match result {
            Err(Error::TooManyBases { id, limit }) => {
                assert_eq!((id, limit), (blob_id(&blobs[0]), MOST_BASES));
            }
            other => panic!("{:?}", other.map(drop)),
        }
        assert!(upstream.asked.is_empty(), "refused before anybody is asked");
    }
}

/// The pack ends in good order however many bases it leaves out, and nobody is asked.
#[test]
fn a_flood_of_missing_bases_is_refused_unasked() {
    let mut pack = Crafted::new();
    for number in 0..10_000u32 {
        let id = blob_id(&number.to_le_bytes());
        pack.ref_delta(id, &prepend(4, b"same size"));
    }
    let mut upstream = Upstream::default();
    let refused = read(&pack.finish(), Limits::default(), &mut upstream);
    assert!(matches!(refused, Err(Error::TooManyBases { .. })));
    assert!(upstream.asked.is_empty());
}

#[test]
fn bases_count_towards_the_limits_of_the_pack() {
    let mut pack = Crafted::new();
    pack.ref_delta(blob_id(OLD), &prepend(OLD.len(), b"1 "));
    let bytes = pack.finish();
    let with = |resolved_bytes| {
        let limits = Limits {
            resolved_bytes,
            ..Limits::default()
        };
        read(&bytes, limits, &mut Upstream::with(&[OLD])).map(drop)
    };
    let needed = (2 * OLD.len() + 2) as u64;
    assert!(with(needed).is_ok());
    assert!(matches!(with(needed - 1), Err(Error::ResolvedBytes { .. })));
    let limits = Limits {
        delta_depth: 0,
        ..Limits::default()
    };
    let deep = read(&bytes, limits, &mut Upstream::with(&[OLD]));
    assert!(matches!(deep, Err(Error::Entry { index: 0, .. })));
}
