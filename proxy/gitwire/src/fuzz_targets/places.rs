//! Entry points for fuzzers of what is worked out from objects: their places in a history, and text made safe to show.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::pack::sealed;
use crate::history::{Found, Limits, Objects, places};
use crate::pack::{self, Error, Kind, Object, Piece, Reader, Sink, SinkClosed, object_id};
use crate::{HashKind, ObjectId, legible, text};

/// The places of every object of a pack, whose trailer is made right: found or refused, and the same each time.
pub fn history(data: &[u8]) {
    let Some(mut objects) = sealed(data).as_deref().and_then(read) else {
        return;
    };
    let wanted: HashSet<ObjectId> = objects.0.keys().copied().collect();
    let mut commits: Vec<ObjectId> = wanted.iter().copied().collect();
    commits.retain(|id| matches!(objects.0.get(id), Some((Kind::Commit, _))));
    let limits = Limits {
        paths_per_object: 50,
        steps: 20_000,
    };
    let hash = HashKind::Sha1;
    let found = places(&mut objects, hash, &commits, &wanted, &limits);
    commits.reverse();
    let again = places(&mut objects, hash, &commits, &wanted, &limits);
    let (Ok(found), Ok(again)) = (found, again) else {
        return;
    };
    if found.complete && again.complete {
        assert_eq!(found.by_id, again.by_id);
    }
    for places in found.by_id.values() {
        assert!(places.len() <= limits.paths_per_object);
        assert!(places.iter().all(|place| wanted.contains(&place.commit)));
    }
}

/// Whatever the bytes: printable, of bounded length, and no two different bytes look alike.
pub fn text(data: &[u8]) {
    let is_printable = |byte: u8| matches!(byte, b' '..=b'~');
    let escaped = text::escape(data);
    assert!(escaped.bytes().all(is_printable));
    let limit = data.first().copied().unwrap_or_default().into();
    let short = text::escape_short(data, limit);
    assert!(short.len() <= limit && short.bytes().all(is_printable));
    let lines = text::escape_lines(data);
    let kept = |byte| is_printable(byte) || matches!(byte, b'\n' | b'\r' | b'\t');
    assert!(lines.bytes().all(kept));
    assert_eq!(text::escape(escaped.as_bytes()), escaped);
    let mut shown = legible::show(data);
    assert!(shown.chars().all(legible::prints));
    assert_eq!(legible::show(shown.as_bytes()), shown);
    legible::cut(&mut shown, limit);
    assert!(shown.chars().count() <= limit);
    let lines = legible::show_lines(data);
    let kept = |character| legible::prints(character) || matches!(character, '\n' | '\r' | '\t');
    assert!(lines.chars().all(kept));
}

fn read(pack: &[u8]) -> Option<ByHand> {
    let limits = pack::Limits {
        pack_bytes: 1 << 20,
        objects: 1000,
        object_bytes: 1 << 16,
        resolved_bytes: 1 << 20,
        ..pack::Limits::default()
    };
    let mut objects = ByHand(HashMap::new());
    let mut reader = Reader::new(HashKind::Sha1, limits, Vec::new());
    reader.feed(pack, &mut objects).ok()?;
    reader.finish(&mut objects).ok()?;
    Some(objects)
}

struct ByHand(HashMap<ObjectId, Found>);

impl Objects for ByHand {
    fn find(&mut self, id: &ObjectId) -> Result<Option<Found>, Error> {
        Ok(self.0.get(id).cloned())
    }
}

impl Sink for ByHand {
    fn object(&mut self, object: Object) -> Result<(), SinkClosed> {
        let id = object_id(HashKind::Sha1, object.kind, &object.data).map_err(|_| SinkClosed)?;
        self.0.insert(id, (object.kind, Arc::clone(&object.data)));
        Ok(())
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
