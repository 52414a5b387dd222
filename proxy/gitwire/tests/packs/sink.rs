//! Reads packs in tests and keeps what they held.

use std::collections::HashMap;

use exeat_gitwire::pack::{
    Error, Kind, Limits, Object, ObjectHasher, Pack, Piece, Reader, Sink, SinkClosed, object_id,
};
use exeat_gitwire::{HashKind, ObjectId};

/// Hashes every object and remembers the order they came in.
pub struct Collected {
    hash: HashKind,
    /// Index, kind, size and id, in order of arrival.
    pub objects: Vec<(u32, Kind, u64, ObjectId)>,
    /// Whether ids were asked for.
    pub asked: bool,
    under_way: Option<(u64, ObjectHasher)>,
    /// What was there when ids were asked for.
    settled: HashMap<u32, ObjectId>,
}

impl Collected {
    pub fn new(hash: HashKind) -> Self {
        Self {
            hash,
            objects: Vec::new(),
            asked: false,
            under_way: None,
            settled: HashMap::new(),
        }
    }

    /// The ids by index; every index must be there once.
    pub fn ids(&self) -> Vec<ObjectId> {
        let mut sorted: Vec<_> = self
            .objects
            .iter()
            .map(|object| (object.0, object.3))
            .collect();
        sorted.sort_unstable();
        for (expected, (index, _)) in sorted.iter().enumerate() {
            assert_eq!(*index as usize, expected, "each object comes once");
        }
        sorted.into_iter().map(|(_, id)| id).collect()
    }

    pub fn in_order(&self) -> bool {
        self.objects.is_sorted_by_key(|object| object.0)
    }
}

impl Sink for Collected {
    fn object(&mut self, object: Object) -> Result<(), SinkClosed> {
        assert!(self.under_way.is_none(), "a blob's pieces stand together");
        let id = object_id(self.hash, object.kind, &object.data).unwrap();
        if let Some(computed) = object.id {
            assert_eq!(computed, id);
        }
        self.objects
            .push((object.index, object.kind, object.data.len() as u64, id));
        Ok(())
    }

    fn piece(&mut self, piece: Piece<'_>) -> Result<(), SinkClosed> {
        let begin = || (0, ObjectHasher::new(self.hash, Kind::Blob, piece.size));
        let (taken, hasher) = self.under_way.get_or_insert_with(begin);
        assert_eq!(piece.offset, *taken, "pieces come in order");
        *taken += piece.bytes.len() as u64;
        hasher.update(piece.bytes);
        if piece.is_last() {
            let (_, hasher) = self.under_way.take().unwrap();
            let id = hasher.finish().unwrap();
            self.objects.push((piece.index, Kind::Blob, piece.size, id));
        }
        Ok(())
    }

    fn settle(&mut self) -> Result<(), SinkClosed> {
        assert!(!self.asked, "ids are asked for once");
        self.asked = true;
        let objects = self.objects.iter();
        self.settled = objects.map(|object| (object.0, object.3)).collect();
        Ok(())
    }

    fn id(&self, index: u32) -> Option<ObjectId> {
        self.settled.get(&index).copied()
    }
}

/// Reads a pack in pieces of `piece` bytes.
pub fn read_in_pieces(
    hash: HashKind,
    limits: Limits,
    pack: &[u8],
    piece: usize,
) -> Result<(Pack<Vec<u8>>, Collected), Error> {
    let mut collected = Collected::new(hash);
    let mut reader = Reader::new(hash, limits, Vec::new());
    for piece in pack.chunks(piece) {
        reader.feed(piece, &mut collected)?;
    }
    let pack = reader.finish(&mut collected)?;
    assert_eq!(
        pack.len() as usize,
        collected.objects.len(),
        "every object is handed over"
    );
    Ok((pack, collected))
}

/// Reads a SHA-1 pack in one piece with the default limits.
pub fn read(pack: &[u8]) -> Result<(Pack<Vec<u8>>, Collected), Error> {
    read_in_pieces(HashKind::Sha1, Limits::default(), pack, pack.len().max(1))
}
