//! Packs of very many small objects, entry by entry as told: what each object takes in memory.

use exeat_gitwire::{
    HashKind, ObjectId,
    pack::{Kind, object_id},
};

use crate::memory::peak_of;

/// Bytes of each object's content, and of each base.
const SIZE: usize = 8;

/// A pack of one file, `families` deltas on it, named by its id, and one delta on each of those, named by id
/// and by place in turns. All of them wait for the end, where all families are bases at once.
fn families(hash: HashKind, families: u32) -> Vec<u8> {
    let content = |number: u32| format!("{number:08}").into_bytes();
    let id = |number: u32| object_id(hash, Kind::Blob, &content(number)).unwrap();
    let mut pack = b"PACK\0\0\0\x02".to_vec();
    pack.extend((1 + 2 * families).to_be_bytes());
    pack.push(3 << 4 | SIZE as u8);
    pack.extend(stored(&content(0)));
    let mut places = Vec::new();
    for number in 1..=families {
        places.push(pack.len());
        by_id(&mut pack, id(0), &content(number));
    }
    for (number, place) in (1..=families).zip(places) {
        let child = content(families + number);
        match number % 2 {
            0 => by_id(&mut pack, id(number), &child),
            _ => by_place(&mut pack, place, &child),
        }
    }
    let mut hasher = gix_hash::hasher(hash);
    hasher.update(&pack);
    pack.extend(hasher.try_finalize().unwrap().as_slice());
    pack
}

/// A delta that makes `content` of any base of [`SIZE`] bytes.
fn delta(content: &[u8]) -> Vec<u8> {
    [
        &[SIZE as u8, content.len() as u8, content.len() as u8],
        content,
    ]
    .concat()
}

fn by_id(pack: &mut Vec<u8>, base: ObjectId, content: &[u8]) {
    let delta = delta(content);
    pack.push(7 << 4 | delta.len() as u8);
    pack.extend(base.as_slice());
    pack.extend(stored(&delta));
}

fn by_place(pack: &mut Vec<u8>, base: usize, content: &[u8]) {
    let delta = delta(content);
    let mut distance = pack.len() - base;
    pack.push(6 << 4 | delta.len() as u8);
    let mut bytes = vec![(distance & 0x7f) as u8];
    while distance > 0x7f {
        distance = (distance >> 7) - 1;
        bytes.insert(0, 0x80 | (distance & 0x7f) as u8);
    }
    pack.extend(bytes);
    pack.extend(stored(&delta));
}

/// A zlib stream of one stored block.
fn stored(content: &[u8]) -> Vec<u8> {
    let length = content.len() as u16;
    let (mut a, mut b) = (1u32, 0u32);
    for &byte in content {
        a = (a + u32::from(byte)) % 65521;
        b = (b + a) % 65521;
    }
    let mut stream = vec![0x78, 0x01, 0x01];
    stream.extend(length.to_le_bytes());
    stream.extend((!length).to_le_bytes());
    stream.extend(content);
    stream.extend((b << 16 | a).to_be_bytes());
    stream
}

/// What objects take is what more of them take more: everything else is in both measurements. Both packs
/// are large enough to fill what is bounded otherwise.
#[test]
fn an_object_takes_64_bytes_whatever_names_its_base() {
    let mut measured = vec![(HashKind::Sha256, 64)];
    match std::env::var_os("EXEAT_NIGHTLY") {
        Some(_) => measured.push((HashKind::Sha1, 52)),
        None => println!("only SHA-256, whose ids are longer: EXEAT_NIGHTLY is not set"),
    }
    let (few, many) = (350_000, 700_000);
    for (hash, most) in measured {
        // Of two, the one with less of what only that process took.
        let peak = |count| {
            let pack = families(hash, count);
            peak_of(hash, &pack).min(peak_of(hash, &pack))
        };
        let (less, more) = (peak(few), peak(many));
        let each = more.saturating_sub(less) as f64 / f64::from(2 * (many - few));
        println!("{hash}: {each:.1} bytes an object");
        // Pages and workers differ a little from one process to the next: some 2 bytes.
        assert!(each < f64::from(most) + 3.0, "{hash}: {each:.1}");
    }
}
