//! Entry points for fuzzers of the pack and object readers.

use crate::objects::{custom::oddity, references, tree::Entries};
use crate::pack::delta::Delta;
use crate::pack::{
    Error, Kind, Limits, Object, ObjectHasher, Piece, Reader, Sink, SinkClosed, object_id,
};
use crate::{HashKind, ObjectId};

/// A pack, as it is and with its trailer made right, whole and in pieces: the answers must agree.
pub fn pack(data: &[u8]) {
    agree(data);
    if let Some(sealed) = sealed(data) {
        agree(&sealed);
    }
}

/// These bytes with the last twenty of them replaced by the right trailer.
pub fn sealed(data: &[u8]) -> Option<Vec<u8>> {
    let hash = HashKind::Sha1;
    let end = data.len().checked_sub(hash.len_in_bytes())?;
    let content = data.get(..end)?;
    let mut hasher = gix_hash::hasher(hash);
    hasher.update(content);
    let trailer = hasher.try_finalize().ok()?;
    Some([content, trailer.as_slice()].concat())
}

/// A zlib stream in a pack of one blob; the first two bytes say which size its header declares. What is taken is what
/// the zlib library makes of it.
pub fn zlib(data: &[u8]) {
    let Some((&[low, high], stream)) = data.split_first_chunk::<2>() else {
        return;
    };
    let size = u16::from_le_bytes([low, high]);
    let mut pack = b"PACK\0\0\0\x02\0\0\0\x01".to_vec();
    // Type and size (gitformat-pack): four bits, then groups of seven.
    pack.extend([
        0xb0 | (low & 15),
        0x80 | (size >> 4) as u8 & 0x7f,
        (size >> 11) as u8,
    ]);
    pack.extend_from_slice(stream);
    pack.extend([0; 20]);
    let Some(pack) = sealed(&pack) else { return };
    agree(&pack);
    let Ok(ids) = read(&pack, pack.len(), u64::MAX) else {
        return;
    };
    let mut inflated = vec![0; usize::from(size) + 1];
    let mut state = flate2::Decompress::new(true);
    let ended = state.decompress(stream, &mut inflated, flate2::FlushDecompress::Finish);
    assert_eq!(ended.ok(), Some(flate2::Status::StreamEnd));
    assert_eq!(state.total_out(), u64::from(size));
    assert_eq!(state.total_in(), stream.len() as u64);
    inflated.truncate(usize::from(size));
    let id = object_id(HashKind::Sha1, Kind::Blob, &inflated).ok();
    assert_eq!(ids.first().map(|(_, id)| *id), id);
}

/// A delta behind its base; the first byte says how long the base is.
pub fn delta(data: &[u8]) {
    let Some((&length, rest)) = data.split_first() else {
        return;
    };
    let Some((base, delta)) = rest.split_at_checked(usize::from(length)) else {
        return;
    };
    let Ok(delta) = Delta::parse(delta) else {
        return;
    };
    if let Ok(result) = delta.apply(base) {
        assert_eq!(result.len() as u64, delta.result_size);
        let built = delta.instructions().filter_map(Result::ok).count();
        assert!(built <= result.len());
    }
}

/// A commit.
pub fn commit(data: &[u8]) {
    for hash in [HashKind::Sha1, HashKind::Sha256] {
        let Ok(commit) = crate::objects::commit::Commit::parse(hash, data) else {
            continue;
        };
        assert!(commit.message().len() <= data.len());
        let _ = (
            commit.commit_seconds(),
            commit.author(),
            commit.headers().count(),
        );
    }
    each_reference(Kind::Commit, data);
}

/// A tree.
pub fn tree(data: &[u8]) {
    for entry in Entries::new(HashKind::Sha1, data).filter_map(Result::ok) {
        let _ = entry.kind();
    }
    each_reference(Kind::Tree, data);
}

/// The trailers of a message.
pub fn trailers(data: &[u8]) {
    use crate::objects::trailers::Trailers;
    for trailers in [Trailers::of_commit(data), Trailers::of_patch(data)] {
        let mut bytes = 0;
        for trailer in trailers {
            let value = trailer.value();
            assert!(!trailer.key.is_empty() && !value.contains(&b'\n'));
            bytes += trailer.key.len() + value.len();
        }
        assert!(bytes <= data.len());
    }
}

/// A tag.
pub fn tag(data: &[u8]) {
    for hash in [HashKind::Sha1, HashKind::Sha256] {
        let Ok(tag) = crate::objects::tag::Tag::parse(hash, data) else {
            continue;
        };
        assert!(tag.message().len() <= data.len());
        let _ = (tag.tagger(), tag.name());
    }
    each_reference(Kind::Tag, data);
}

fn each_reference(kind: Kind, data: &[u8]) {
    for hash in [HashKind::Sha1, HashKind::Sha256] {
        let length = hash.len_in_bytes();
        let _ = oddity(hash, kind, data);
        let _ = references(hash, kind, data, &mut |_, id| assert_eq!(id.len(), length));
    }
}

fn agree(pack: &[u8]) {
    let whole = read(pack, pack.len(), u64::MAX);
    let pieces = read(pack, 1 + pack.len() % 7, u64::MAX);
    assert_eq!(whole, pieces, "cutting the pack must not matter");
    let spilled = read(pack, pack.len(), 1 + pack.len() as u64 % 50);
    if whole != Err(REWORK) && spilled != Err(REWORK) {
        assert_eq!(whole.ok(), spilled.ok(), "nor what is held in memory");
    }
}

/// A pack that takes too much rebuilding: how much there is depends on what is held.
const REWORK: bool = true;

/// The ids of all objects; or, if the pack is refused, whether for [`REWORK`].
fn read(pack: &[u8], piece: usize, whole_bytes: u64) -> Result<Vec<(u32, ObjectId)>, bool> {
    let limits = Limits {
        pack_bytes: 1 << 20,
        objects: 1000,
        object_bytes: 1 << 16,
        tree_bytes: 1 << 15,
        whole_bytes,
        scratch_bytes: 1 << 20,
        inflation_ratio: 200,
        resolved_bytes: 1 << 20,
        delta_depth: 20,
        cache_bytes: 1 << 10,
        rework_bytes: 1 << 14,
    };
    let mut sink = Ids::default();
    let mut reader = Reader::new(HashKind::Sha1, limits, Vec::new());
    let finished = pack
        .chunks(piece.max(1))
        .try_for_each(|piece| reader.feed(piece, &mut sink))
        .and_then(|()| reader.finish(&mut sink));
    let mut finished = match finished {
        Ok(finished) => finished,
        Err(error) => {
            let text = error.to_string();
            assert!(text.bytes().all(|byte| matches!(byte, b' '..=b'~')));
            return Err(matches!(error, Error::Rework { .. }));
        }
    };
    assert_eq!(finished.bytes(), pack.len() as u64);
    for &(index, id) in &sink.ids {
        match finished.read(index) {
            Ok((kind, data)) => assert_eq!(object_id(HashKind::Sha1, kind, &data).ok(), Some(id)),
            Err(Error::Rework { .. } | Error::NotWhole { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }
    sink.ids.sort_unstable();
    Ok(sink.ids)
}

#[derive(Default)]
struct Ids {
    ids: Vec<(u32, ObjectId)>,
    under_way: Option<ObjectHasher>,
}

impl Sink for Ids {
    fn object(&mut self, object: Object) -> Result<(), SinkClosed> {
        let id = object_id(HashKind::Sha1, object.kind, &object.data).map_err(|_| SinkClosed)?;
        self.ids.push((object.index, id));
        Ok(())
    }

    fn piece(&mut self, piece: Piece<'_>) -> Result<(), SinkClosed> {
        let begin = || ObjectHasher::new(HashKind::Sha1, Kind::Blob, piece.size);
        let hasher = self.under_way.get_or_insert_with(begin);
        hasher.update(piece.bytes);
        if piece.is_last()
            && let Some(hasher) = self.under_way.take()
        {
            let id = hasher.finish().map_err(|_| SinkClosed)?;
            self.ids.push((piece.index, id));
        }
        Ok(())
    }

    fn settle(&mut self) -> Result<(), SinkClosed> {
        Ok(())
    }

    fn id(&self, index: u32) -> Option<ObjectId> {
        let found = self.ids.iter().find(|(place, _)| *place == index);
        found.map(|(_, id)| *id)
    }
}
