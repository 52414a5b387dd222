//! Rebuilding objects of the entries read so far: from the cache, or along the delta chain from the spool.

use std::mem;
use std::sync::Arc;

use gix_hash::{Kind as HashKind, ObjectId};

use super::bases::External;
use super::cache::BaseCache;
use super::delta::{self, Delta};
use super::header::{EntryHeader, Form, LONGEST_ENTRY_HEADER};
use super::inflate::Inflater;
use super::large::{Content, Spilled, Spills, Stored};
use super::patch::{self, Out};
use super::table::{Entry, LARGEST_OBJECT, Table};
use super::{Built, Clock, Error, Fault, Kind, LEAST_COPIED, Limits, Spent, Spool};

/// Bytes read from the spool at once.
const PIECE: u64 = 64 << 10;
/// Buffers up to this size are kept for the next delta.
const RECYCLED: usize = 1 << 20;
/// What rebuilding one link costs beside its bytes, in bytes that could be produced instead.
const LINK: u64 = 4 << 10;
/// Links that are followed to the first base of an entry; git writes no longer chains by default.
const FAMILY_LINKS: usize = 50;

/// Everything needed to turn entry indices into objects.
pub(super) struct Resolver<S> {
    pub(super) spool: S,
    pub(super) hash: HashKind,
    pub(super) limits: Limits,
    pub(super) table: Table,
    pub(super) cache: BaseCache,
    /// Large objects, in scratch files.
    pub(super) spills: Spills,
    /// Bases that are not in the pack; they are numbered on behind its entries, once all of those are there.
    pub(super) external: External<S>,
    /// Where the last complete entry ends in the pack.
    pub(super) end: u64,
    /// Bytes of all objects, resolved; those of unresolved deltas as declared.
    pub(super) resolved_bytes: u64,
    /// Bytes produced by rebuilding, in this phase of reading.
    pub(super) rework: u64,
    pub(super) clock: Clock,
    pub(super) spent: Spent,
    inflater: Inflater,
    input: Vec<u8>,
    delta: Vec<u8>,
}

/// What is to be done to have one object again.
pub(super) struct Chain {
    /// The nearest cached object, if any is.
    start: Option<Content>,
    /// The entries to rebuild, the wanted one first.
    links: Vec<u32>,
    cost: u64,
}

impl<S: Spool> Resolver<S> {
    pub(super) fn new(hash: HashKind, limits: Limits, spool: S) -> Self {
        Self {
            spool,
            hash,
            table: Table::default(),
            cache: BaseCache::new(limits.cache_bytes),
            spills: Spills::new(limits.scratch_bytes),
            limits,
            external: External::default(),
            end: 0,
            resolved_bytes: 0,
            rework: 0,
            clock: || 0,
            spent: Spent::default(),
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
        let limit = self.limits.object_bytes.min(LARGEST_OBJECT);
        if size > limit {
            return Err(Fault::ObjectBytes { size, limit });
        }
        Ok(())
    }

    /// Whether an object of this kind may have `size` bytes.
    pub(super) fn check_kind(&self, kind: Kind, size: u64) -> Result<(), Fault> {
        let limit = self.limits.tree_bytes;
        if kind != Kind::Blob && size > limit {
            return Err(Fault::TreeBytes { kind, size, limit });
        }
        Ok(())
    }

    /// Whether the object is never held whole.
    pub(super) fn is_large(&self, kind: Kind, size: u64) -> bool {
        kind == Kind::Blob && size > self.limits.whole_bytes
    }

    /// Kind and depth of a delta on `base`; `None` while `base` is not resolved itself.
    pub(super) fn depth_on(&self, index: u32, base: u32) -> Result<Option<(Kind, u16)>, Error> {
        let base = self.entry(base)?;
        let Some(kind) = base.kind() else {
            return Ok(None);
        };
        let limit = self.limits.delta_depth;
        if base.depth() >= limit {
            return Err(Fault::DeltaDepth { limit }.at(index));
        }
        Ok(Some((kind, base.depth() + 1)))
    }

    /// Notes what a delta says its object will have.
    pub(super) fn set_resolved_size(&mut self, index: u32, size: u64) {
        if let Some(entry) = self.table.get_mut(index) {
            entry.set_resolved_size(size);
        }
    }

    /// Notes that a delta has been resolved on `base`.
    pub(super) fn set_resolved(&mut self, index: u32, base: u32, kind: Kind, depth: u16) {
        if let Some(entry) = self.table.get_mut(index) {
            entry.resolve(base, kind, depth);
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
            chain.start = self.cached(link);
            if chain.start.is_some() {
                break;
            }
            let entry = self.entry(link)?;
            next = entry.base();
            chain.cost = [entry.stored(), entry.resolved(), LINK]
                .into_iter()
                .fold(chain.cost, u64::saturating_add);
            chain.links.push(link);
            if self.rework.saturating_add(chain.cost) > budget {
                return Ok(None);
            }
        }
        Ok(Some(chain))
    }

    /// The first base of a resolved entry, or one on the way to it where that is long: what has the same is best rebuilt together.
    pub(super) fn family(&self, index: u32) -> Result<u32, Error> {
        let mut first = index;
        for _ in 0..FAMILY_LINKS {
            match self.entry(first)?.base() {
                Some(base) => first = base,
                None => break,
            }
        }
        Ok(first)
    }

    /// Rebuilds what [`Self::plan`] found, and remembers every object on the way.
    pub(super) fn build(&mut self, chain: Chain) -> Result<Content, Error> {
        self.rework += chain.cost;
        let mut links = chain.links;
        let mut content = match (chain.start, links.last()) {
            (Some(content), _) => content,
            (None, Some(&root)) => {
                links.pop();
                self.whole(root)?
            }
            (None, None) => return Err(Error::NoSuchObject { index: u32::MAX }),
        };
        while let Some(link) = links.pop() {
            let kind = self.entry(link)?.kind();
            let kind = kind.ok_or(Error::NoSuchObject { index: link })?;
            content = self.rebuild(link, kind, &content, None)?;
            self.keep(link, &content);
        }
        Ok(content)
    }

    /// Starts again with an empty cache of so many bytes, and no scratch files.
    pub(super) fn hold(&mut self, cache_bytes: usize) {
        self.cache = BaseCache::new(cache_bytes);
        self.spills = Spills::new(self.limits.scratch_bytes);
    }

    /// The content of entry `index`, if it is at hand.
    pub(super) fn cached(&mut self, index: u32) -> Option<Content> {
        let held = self.cache.get(index).map(Content::Whole);
        held.or_else(|| self.spills.get(index))
    }

    /// Remembers the content of entry `index` as a base.
    pub(super) fn keep(&mut self, index: u32, content: &Content) {
        match content {
            Content::Whole(data) => self.cache.insert(index, data),
            Content::Spilled(spilled) => self.spills.insert(index, spilled),
        }
    }

    fn whole(&mut self, root: u32) -> Result<Content, Error> {
        let entry = *self.entry(root)?;
        let size = entry.resolved();
        let content = if let Some(number) = root.checked_sub(self.table.len()) {
            // It may be built from a large one itself, in the answer that it is from.
            self.cache.give_up_large();
            let read = self.external.read(number)?;
            read.ok_or(Error::NoSuchObject { index: root })?
        } else if entry.kind().is_some_and(|kind| self.is_large(kind, size)) {
            Content::Spilled(Arc::new(self.spill(root, size)?))
        } else {
            self.cache
                .make_room(usize::try_from(size).unwrap_or(usize::MAX));
            Content::Whole(Arc::new(self.inflate(root, Vec::new(), None)?))
        };
        self.keep(root, &content);
        Ok(content)
    }

    /// What entry `index` stores, object or delta, inflated into a scratch file.
    fn spill(&mut self, index: u32, size: u64) -> Result<Spilled, Error> {
        let mut spilled = self.scratch(size)?;
        let mut out = |bytes: &[u8]| spilled.append(bytes);
        self.inflate(index, Vec::new(), Some(&mut out))?;
        Ok(spilled)
    }

    /// A scratch file with room for `size` bytes.
    pub(super) fn scratch(&mut self, size: u64) -> Result<Spilled, Error> {
        self.spills.make_room(size)?;
        Ok(Spilled::new(self.spool.scratch()?))
    }

    /// The delta of entry `index`, inflated again.
    pub(super) fn stored(&mut self, index: u32) -> Result<Stored, Error> {
        let size = self.entry(index)?.stored();
        if size > self.limits.whole_bytes {
            return Ok(Stored::Spilled(self.spill(index, size)?));
        }
        let buffer = mem::take(&mut self.delta);
        Ok(Stored::Whole(self.inflate(index, buffer, None)?))
    }

    /// A delta that is at hand, in the buffer for deltas.
    pub(super) fn held(&mut self, bytes: &[u8]) -> Stored {
        let mut buffer = mem::take(&mut self.delta);
        buffer.clear();
        buffer.extend_from_slice(bytes);
        Stored::Whole(buffer)
    }

    /// Bytes that the base of the delta of entry `index` has, by what the delta says. Counts as rework.
    pub(super) fn base_size(&mut self, index: u32) -> Result<u64, Error> {
        let cost = self.entry(index)?.stored().saturating_add(LINK);
        let limit = self.limits.rework_deferred(self.resolved_bytes);
        self.rework = self.rework.saturating_add(cost);
        if self.rework > limit {
            return Err(Error::Rework { limit });
        }
        Ok(self.stored(index)?.sizes(index)?.source)
    }

    /// The id of the base that entry `index` names, read from the spool again.
    pub(super) fn base_id(&self, index: u32) -> Result<ObjectId, Error> {
        let offset = self.entry(index)?.offset();
        let length = (self.end.saturating_sub(offset)).min(LONGEST_ENTRY_HEADER as u64);
        let mut header = [0; LONGEST_ENTRY_HEADER];
        let header = header.get_mut(..length as usize).unwrap_or_default();
        self.spool.read_at(header, offset)?;
        let decoded = EntryHeader::decode(header, self.hash).map_err(|fault| fault.at(index))?;
        match decoded {
            Some((
                EntryHeader {
                    form: Form::RefDelta { base },
                    ..
                },
                _,
            )) => Ok(base),
            // It was read as one before: the spool does not give back what it was given.
            _ => Err(Fault::Zlib.at(index)),
        }
    }

    /// Inflates the delta of entry `index` again and applies it; see [`Self::resolve`].
    pub(super) fn rebuild(
        &mut self,
        index: u32,
        kind: Kind,
        base: &Content,
        out: Option<&mut Out<'_>>,
    ) -> Result<Content, Error> {
        let delta = self.stored(index)?;
        let content = self.resolve(index, kind, base, &delta, out);
        self.give_back(delta);
        content
    }

    /// Keeps the buffer of a delta for the next one.
    pub(super) fn give_back(&mut self, delta: Stored) {
        if let Stored::Whole(delta) = delta {
            self.delta = recycled(delta);
        }
    }

    /// What a delta that was applied took from entry `base`, for a blob.
    pub(super) fn built(&self, kind: Kind, base: u32, delta: &Stored) -> Option<Built> {
        let Stored::Whole(delta) = delta else {
            return None;
        };
        // What was fetched from outside is not handed on.
        if kind != Kind::Blob || base >= self.table.len() {
            return None;
        }
        let copied = Delta::parse(delta).ok()?.copied(LEAST_COPIED);
        (!copied.is_empty()).then_some(Built { base, copied })
    }

    /// Applies the delta of entry `index`, an object of this kind, to its base. A result too large to be held
    /// passes through `out`, and is in a scratch file afterwards.
    pub(super) fn resolve(
        &mut self,
        index: u32,
        kind: Kind,
        base: &Content,
        delta: &Stored,
        mut out: Option<&mut Out<'_>>,
    ) -> Result<Content, Error> {
        let size = delta.sizes(index)?.result;
        self.check_kind(kind, size)
            .map_err(|fault| fault.at(index))?;
        self.spent.built = self.spent.built.saturating_add(size);
        let is_large = self.is_large(kind, size);
        if let (Content::Whole(base), Stored::Whole(delta), false) = (base, delta, is_large) {
            let began = (self.clock)();
            let applied = self.apply(index, base, delta).map(Content::Whole);
            self.spent.resolve += (self.clock)().saturating_sub(began);
            return applied;
        }
        let budget = self.limits.rework_deferred(self.resolved_bytes);
        let most_read = budget.saturating_sub(self.rework);
        let (content, read) = if is_large {
            let mut spilled = self.scratch(size)?;
            let mut twice = |bytes: &[u8]| {
                spilled.append(bytes)?;
                out.as_mut().map_or(Ok(()), |out| out(bytes))
            };
            let read = patch::apply(index, base, delta, most_read, &mut twice)?;
            (Content::Spilled(Arc::new(spilled)), read)
        } else {
            let size = usize::try_from(size).map_err(|_| Fault::SizeOverflow.at(index))?;
            self.cache.make_room(size);
            let mut data = Vec::with_capacity(size);
            let mut gather = |bytes: &[u8]| {
                data.extend_from_slice(bytes);
                Ok(())
            };
            let read = patch::apply(index, base, delta, most_read, &mut gather)?;
            (Content::Whole(Arc::new(data)), read)
        };
        // Reading a base once or twice is what a delta costs; jumping about in it is extra work.
        self.rework += read.saturating_sub(size.saturating_mul(2));
        if is_large {
            self.keep(index, &content);
        }
        Ok(content)
    }

    /// Applies the inflated delta of entry `index` to its base.
    fn apply(&mut self, index: u32, base: &[u8], delta: &[u8]) -> Result<Arc<Vec<u8>>, Error> {
        let build = |this: &mut Self| -> Result<Vec<u8>, Fault> {
            let delta = Delta::parse(delta)?;
            this.check_size(delta.result_size)?;
            let size = usize::try_from(delta.result_size).map_err(|_| delta::Error::Sizes)?;
            this.cache.make_room(size);
            Ok(delta.apply(base)?)
        };
        build(self).map(Arc::new).map_err(|fault| fault.at(index))
    }

    /// Inflates what entry `index` stores, object or delta, from the spool: into `buffer`, or through `out`.
    fn inflate(
        &mut self,
        index: u32,
        buffer: Vec<u8>,
        out: Option<&mut Out<'_>>,
    ) -> Result<Vec<u8>, Error> {
        let began = (self.clock)();
        let inflated = self.inflate_again(index, buffer, out);
        self.spent.inflate += (self.clock)().saturating_sub(began);
        inflated
    }

    fn inflate_again(
        &mut self,
        index: u32,
        buffer: Vec<u8>,
        mut out: Option<&mut Out<'_>>,
    ) -> Result<Vec<u8>, Error> {
        let entry = *self.entry(index)?;
        let end = self
            .table
            .get(index.saturating_add(1))
            .map_or(self.end, Entry::offset);
        self.inflater.begin(entry.stored(), buffer);
        let mut at = entry.offset();
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
            let fed = match out.as_mut() {
                Some(out) => self.inflater.feed_through(index, content, out)?,
                None => self
                    .inflater
                    .feed(content)
                    .map_err(|fault| fault.at(index))?,
            };
            if fed.done {
                self.spent.again += 1;
                self.spent.inflated += self.inflater.produced();
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
