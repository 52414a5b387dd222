//! A pack that has been read whole: any of its objects again, by its position.

use std::fmt;
use std::sync::Arc;

use gix_hash::ObjectId;

use super::large::Content;
use super::resolve::Resolver;
use super::{Error, Kind, Spent, Spool};

/// Bytes that a pack holds of which single objects are read now and then.
const RESTING: usize = 1 << 20;

/// A complete, checked pack over its spool.
pub struct Pack<S> {
    resolver: Resolver<S>,
    checksum: ObjectId,
    bytes: u64,
}

impl<S: Spool> Pack<S> {
    pub(super) fn new(mut resolver: Resolver<S>, checksum: ObjectId, bytes: u64) -> Self {
        resolver.rework = 0;
        Self {
            resolver,
            checksum,
            bytes,
        }
    }

    /// What reading it took, objects that were read again included.
    pub fn spent(&self) -> Spent {
        self.resolver.spent
    }

    /// The object at position `index`, rebuilt from the spool if it is not in the cache any more.
    ///
    /// Rebuilding is limited over all calls together, see [`Limits::rework_bytes`](super::Limits::rework_bytes);
    /// [`Error::Rework`] says that the limit is reached, [`Error::NotWhole`] that it is a blob above
    /// [`Limits::whole_bytes`](super::Limits::whole_bytes).
    pub fn read(&mut self, index: u32) -> Result<(Kind, Arc<Vec<u8>>), Error> {
        let entry = *self.resolver.entry(index)?;
        let kind = entry.kind().ok_or(Error::NoSuchObject { index })?;
        if self.resolver.is_large(kind, entry.resolved()) {
            return Err(Error::NotWhole { index });
        }
        match self.content(index)? {
            Content::Whole(data) => Ok((kind, data)),
            Content::Spilled(_) => Err(Error::NotWhole { index }),
        }
    }

    /// The content of the object at position `index` in one piece, also of a blob that is otherwise never held; nothing where it
    /// has more than `most` bytes.
    ///
    /// # Errors
    /// As [`Pack::read`].
    pub fn read_large(&mut self, index: u32, most: usize) -> Result<Option<Vec<u8>>, Error> {
        let content = self.content(index)?;
        if content.len() > most as u64 {
            return Ok(None);
        }
        let mut held = Vec::with_capacity(content.len() as usize);
        match content {
            Content::Whole(data) => held.extend_from_slice(&data),
            Content::Spilled(spilled) => spilled.each(&mut |bytes| {
                held.extend_from_slice(bytes);
                Ok(())
            })?,
        }
        Ok(Some(held))
    }

    /// The content of the object at position `index`, however large.
    pub(super) fn content(&mut self, index: u32) -> Result<Content, Error> {
        self.resolver.spent.asked += 1;
        let limit = self
            .resolver
            .limits
            .rework_deferred(self.resolver.resolved_bytes);
        let chain = self
            .resolver
            .plan(index, limit)?
            .ok_or(Error::Rework { limit })?;
        self.resolver.build(chain)
    }

    /// Gives up the objects that are held, and from now on holds next to none.
    pub fn rest(&mut self) {
        self.resolver.hold(RESTING);
    }
}

impl<S> Pack<S> {
    /// Objects in the pack.
    pub fn len(&self) -> u32 {
        self.resolver.table.len()
    }

    /// Whether the pack has no objects: 12 bytes of header and a trailer.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of the pack, trailer included: exactly what the spool holds.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The trailer: the hash of everything before it.
    pub fn checksum(&self) -> ObjectId {
        self.checksum
    }

    /// Bytes of all objects together, resolved.
    pub fn resolved_bytes(&self) -> u64 {
        self.resolver.resolved_bytes
    }

    /// Delta bases that were fetched, because the pack left them out.
    pub fn bases(&self) -> usize {
        self.resolver.external.len()
    }

    /// The kind of the object at position `index`.
    pub fn kind(&self, index: u32) -> Option<Kind> {
        self.resolver.table.get(index)?.kind()
    }

    /// Bytes of the object at position `index`.
    pub fn size(&self, index: u32) -> Option<u64> {
        Some(self.resolver.table.get(index)?.resolved())
    }

    /// The spool, for forwarding.
    pub fn into_spool(self) -> S {
        self.resolver.spool
    }
}

impl<S> fmt::Debug for Pack<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut pack = f.debug_struct("Pack");
        pack.field("objects", &self.len())
            .field("bytes", &self.bytes)
            .field("checksum", &self.checksum);
        pack.finish_non_exhaustive()
    }
}
