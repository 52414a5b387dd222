//! Rebuilding objects of the entries read so far: from the cache, or along the delta chain from the spool.

use std::mem;
use std::sync::Arc;

use gix_hash::{Kind as HashKind, ObjectId};

use super::bases::External;
use super::cache::BaseCache;
use super::delta::{self, Delta};
use super::header::EntryHeader;
use super::inflate::Inflater;
use super::table::{Entry, Table};
use super::{Error, Fault, Kind, Limits, Spool};

/// Bytes read from the spool at once.
const PIECE: u64 = 64 << 10;
/// Buffers up to this size are kept for the next delta.
const RECYCLED: usize = 1 << 20;
/// What rebuilding one link costs beside its bytes, in bytes that could be produced instead.
const LINK: u64 = 4 << 10;

/// Everything needed to turn entry indices into objects.
pub(super) struct Resolver<S> {
    pub(super) spool: S,
    pub(super) hash: HashKind,
    pub(super) limits: Limits,
    pub(super) table: Table,
    pub(super) cache: BaseCache,
    /// Bases that are not in the pack; they are numbered on behind its entries, once all of those are there.
    pub(super) external: External<S>,
    /// Where the last complete entry ends in the pack.
    pub(super) end: u64,
    /// Bytes of all objects, resolved; those of unresolved deltas as declared.
    pub(super) resolved_bytes: u64,
    /// Bytes produced by rebuilding, in this phase of reading.
    pub(super) rework: u64,
    inflater: Inflater,
    input: Vec<u8>,
    delta: Vec<u8>,
}

/// What is to be done to have one object again.
#[derive(Debug)]
pub(super) struct Chain {
    /// The nearest cached object, if any is.
    start: Option<Arc<Vec<u8>>>,
    /// The entries to rebuild, the wanted one first.
    links: Vec<u32>,
    cost: u64,
}

impl Chain {
    /// Whether the object is at hand without reading the spool.
    pub(super) fn is_cached(&self) -> bool {
        self.links.is_empty()
    }
}

impl<S: Spool> Resolver<S> {
    pub(super) fn new(hash: HashKind, limits: Limits, spool: S) -> Self {
        Self {
            spool,
            hash,
            table: Table::default(),
            cache: BaseCache::new(limits.cache_bytes),
            limits,
            external: External::default(),
            end: 0,
            resolved_bytes: 0,
            rework: 0,
            inflater: Inflater::new(),
            input: Vec::new(),
            delta: Vec::new(),
        }
    }

    pub(super) fn entry(&self, index: u32) -> Result<&Entry, Error> {
        let outside = || self.external.entry(index.checked_sub(self.table.len())?);
        let entry = self.table.get(index).or_else(outside);
        entry.ok_or(Error::NoSuchObject { index })
    }

    /// Makes the fetched object `id` a base; `None` if it did not come. Its size counts like that of an
    /// object of the pack, for it has to be held as well.
    pub(super) fn add_external(&mut self, id: &ObjectId) -> Result<Option<u32>, Error> {
        let Some((number, size)) = self.external.add(id) else {
            return Ok(None);
        };
        let index = self.table.len().checked_add(number);
        let index = index.ok_or(Error::NoSuchObject { index: u32::MAX })?;
        self.charge(index, size)?;
        Ok(Some(index))
    }

    /// Counts `size` bytes of an object before its first byte is built.
    pub(super) fn charge(&mut self, index: u32, size: u64) -> Result<(), Error> {
        self.check_size(size).map_err(|fault| fault.at(index))?;
        let limit = self.limits.resolved_bytes;
        let sum = self.resolved_bytes.saturating_add(size);
        if sum > limit {
            return Err(Error::ResolvedBytes { limit });
        }
        self.resolved_bytes = sum;
        Ok(())
    }

    /// Whether one object or one delta may have `size` bytes.
    pub(super) fn check_size(&self, size: u64) -> Result<(), Fault> {
        let limit = self.limits.object_bytes;
        if size > limit {
            return Err(Fault::ObjectBytes { size, limit });
        }
        Ok(())
    }

    /// Kind and depth of a delta on `base`; `None` while `base` is not resolved itself.
    pub(super) fn depth_on(&self, index: u32, base: u32) -> Result<Option<(Kind, u16)>, Error> {
        let base = self.entry(base)?;
        let Some(kind) = base.kind else {
            return Ok(None);
        };
        let limit = self.limits.delta_depth;
        if base.depth >= limit {
            return Err(Fault::DeltaDepth { limit }.at(index));
        }
        Ok(Some((kind, base.depth + 1)))
    }

    /// Notes what a delta says its object will have.
    pub(super) fn set_resolved_size(&mut self, index: u32, size: u64) {
        if let Some(entry) = self.table.get_mut(index) {
            entry.resolved = size;
        }
    }

    /// Notes that a delta has been resolved on `base`.
    pub(super) fn set_resolved(&mut self, index: u32, base: u32, kind: Kind, depth: u16) {
        if let Some(entry) = self.table.get_mut(index) {
            entry.set_base(base);
            entry.kind = Some(kind);
            entry.depth = depth;
        }
    }

    /// Finds the way to a resolved entry; `None` if walking it would bring the rework above `budget`.
    pub(super) fn plan(&mut self, index: u32, budget: u64) -> Result<Option<Chain>, Error> {
        let mut chain = Chain {
            start: None,
            links: Vec::new(),
            cost: 0,
        };
        let mut next = Some(index);
        while let Some(link) = next {
            if let Some(data) = self.cache.get(link) {
                chain.start = Some(data);
                break;
            }
            let entry = self.entry(link)?;
            next = entry.base();
            chain.cost = [entry.stored, entry.resolved, LINK]
                .into_iter()
                .fold(chain.cost, u64::saturating_add);
            chain.links.push(link);
            if self.rework.saturating_add(chain.cost) > budget {
                return Ok(None);
            }
        }
        Ok(Some(chain))
    }

    /// Rebuilds what [`Self::plan`] found, and remembers every object on the way.
    pub(super) fn build(&mut self, chain: Chain) -> Result<Arc<Vec<u8>>, Error> {
        self.rework += chain.cost;
        let mut links = chain.links;
        let mut data = match (chain.start, links.last()) {
            (Some(data), _) => data,
            (None, Some(&root)) => {
                links.pop();
                self.whole(root)?
            }
            (None, None) => return Err(Error::NoSuchObject { index: u32::MAX }),
        };
        while let Some(link) = links.pop() {
            data = self.rebuild(link, &data)?;
            self.cache.insert(link, &data);
        }
        Ok(data)
    }

    fn whole(&mut self, root: u32) -> Result<Arc<Vec<u8>>, Error> {
        let size = self.entry(root)?.resolved;
        self.cache
            .make_room(usize::try_from(size).unwrap_or(usize::MAX));
        let data = match root.checked_sub(self.table.len()) {
            Some(number) => {
                let read = self.external.read(number)?;
                read.ok_or(Error::NoSuchObject { index: root })?
            }
            None => Arc::new(self.inflate(root, Vec::new())?),
        };
        self.cache.insert(root, &data);
        Ok(data)
    }

    /// Inflates the delta of entry `index` again and applies it.
    pub(super) fn rebuild(&mut self, index: u32, base: &[u8]) -> Result<Arc<Vec<u8>>, Error> {
        let buffer = mem::take(&mut self.delta);
        let delta = self.inflate(index, buffer)?;
        let object = self.apply(index, base, &delta);
        self.delta = recycled(delta);
        object
    }

    /// Applies the inflated delta of entry `index` to its base.
    pub(super) fn apply(
        &mut self,
        index: u32,
        base: &[u8],
        delta: &[u8],
    ) -> Result<Arc<Vec<u8>>, Error> {
        let build = |this: &mut Self| -> Result<Vec<u8>, Fault> {
            let delta = Delta::parse(delta)?;
            this.check_size(delta.result_size)?;
            let size = usize::try_from(delta.result_size).map_err(|_| delta::Error::Sizes)?;
            this.cache.make_room(size);
            Ok(delta.apply(base)?)
        };
        build(self).map(Arc::new).map_err(|fault| fault.at(index))
    }

    /// Inflates what entry `index` stores, object or delta, from the spool.
    fn inflate(&mut self, index: u32, buffer: Vec<u8>) -> Result<Vec<u8>, Error> {
        let entry = *self.entry(index)?;
        let end = self
            .table
            .get(index.saturating_add(1))
            .map_or(self.end, |next| next.offset);
        let declared = usize::try_from(entry.stored).map_err(|_| Fault::SizeOverflow.at(index))?;
        self.inflater.begin(declared, buffer);
        let mut at = entry.offset;
        let mut header = true;
        while at < end {
            let piece = (end - at).min(PIECE);
            self.input.resize(piece as usize, 0);
            self.spool.read_at(&mut self.input, at)?;
            at += piece;
            let mut content = self.input.as_slice();
            if mem::take(&mut header) {
                let decoded =
                    EntryHeader::decode(content, self.hash).map_err(|fault| fault.at(index))?;
                let (_, consumed) = decoded.ok_or_else(|| Fault::Zlib.at(index))?;
                content = content.get(consumed..).unwrap_or_default();
            }
            if self
                .inflater
                .feed(content)
                .map_err(|fault| fault.at(index))?
                .done
            {
                return Ok(self.inflater.take());
            }
        }
        // The entry was read to its end before: the spool does not give back what it was given.
        Err(Fault::Zlib.at(index))
    }
}

/// `buffer` for the next delta, unless it is too large to be kept.
pub(super) fn recycled(buffer: Vec<u8>) -> Vec<u8> {
    if buffer.capacity() > RECYCLED {
        Vec::new()
    } else {
        buffer
    }
}
