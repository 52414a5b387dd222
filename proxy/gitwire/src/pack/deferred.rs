//! Deltas that could not be resolved in arrival order, resolved at the end: depth first, along their bases.
//!
//! Two kinds wait here: deltas that name their base by id (the ids are known only once everything else
//! has been hashed, and the base may come later in the pack), and deltas whose base would have had to be
//! rebuilt at too high a price. Both form trees that hang from resolved objects. Walking them depth first,
//! with all children of a base built while it is at hand, mostly needs each base once; memory stays at one
//! base, one child and the cache.
//!
//! The ids that deltas name stay in the spool: 32 bits of a hash of each, keyed anew for every pack, lead to
//! the deltas that may name it, and their headers are read again. So a delta that waits takes eight bytes, and
//! a base on its way to be walked eight more.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::ops::Range;

use gix_hash::{Kind as HashKind, ObjectId};

use super::bases::Bases;
use super::large::{Content, Pieces};
use super::put_off::PutOff;
use super::resolve::Resolver;
use super::table::Table;
use super::{Error, Object, Sink, Spool, thin};

/// What will be done with the deltas that wait.
pub(super) struct Deferred {
    key: RandomState,
}

impl Deferred {
    pub(super) fn new() -> Self {
        Self {
            key: RandomState::new(),
        }
    }

    /// What leads to the deltas on the object `id`; other ids may have the same.
    pub(super) fn tag(&self, id: &ObjectId) -> u32 {
        self.key.hash_one(id.as_slice()) as u32
    }

    /// Resolves what was put off while the pack still arrives, as far as that is not too much rework: the rest waits for the end, and so
    /// does what hangs from a base that is named by its id.
    pub(super) fn resolve_put_off<S: Spool>(
        &self,
        put_off: PutOff,
        resolver: &mut Resolver<S>,
        sink: &mut dyn Sink,
    ) -> Result<(), Error> {
        if put_off.is_empty() {
            return Ok(());
        }
        let waiting = Waiting::put_off(put_off);
        let mut walk = Walk::new(self, &waiting, resolver, sink);
        walk.is_arriving = true;
        walk.resolve_on_entries()
    }

    /// Resolves everything that has its base in the pack, or outside where `bases` has it, and hands it to
    /// `sink`; then no delta is left, or a base is missing.
    pub(super) fn resolve<S: Spool>(
        &self,
        resolver: &mut Resolver<S>,
        sink: &mut dyn Sink,
        bases: Option<&mut dyn Bases<S>>,
    ) -> Result<(), Error> {
        let waiting = Waiting::of(&resolver.table);
        if waiting.on_entries.is_empty() && waiting.on_ids.is_empty() {
            return Ok(());
        }
        let has_ids = !waiting.on_ids.is_empty();
        if has_ids {
            sink.settle()?;
        }
        resolver.rework = 0;
        let mut walk = Walk::new(self, &waiting, resolver, sink);
        walk.resolve_on_entries()?;
        if has_ids {
            walk.resolve_on_ids()?;
        }
        if let Some(bases) = bases {
            thin::resolve(&mut walk, bases)?;
        }
        refuse_unresolved(resolver)
    }
}

fn refuse_unresolved<S: Spool>(resolver: &Resolver<S>) -> Result<(), Error> {
    let count = resolver.table.waiting().count();
    if count == 0 {
        return Ok(());
    }
    let mut waiting = resolver.table.waiting();
    let id = match waiting.find(|(_, entry)| entry.tag().is_some()) {
        Some((delta, _)) => resolver.base_id(delta)?,
        None => resolver.hash.null(),
    };
    Err(Error::MissingBase {
        id,
        count: u32::try_from(count).unwrap_or(u32::MAX),
    })
}

/// The deltas that wait when the pack is complete. They stay in these lists once they are resolved.
struct Waiting {
    /// (base, delta) by entry index, sorted.
    on_entries: Vec<(u32, u32)>,
    /// (tag of the base's id, delta), sorted: of one base they are in pack order.
    on_ids: Vec<(u32, u32)>,
    /// What is held of them.
    put_off: PutOff,
}

impl Waiting {
    fn of(table: &Table) -> Self {
        // Counted first: a list that grows would peak at twice its size.
        let on_ids = table.waiting().filter(|(_, entry)| entry.tag().is_some());
        let on_ids = on_ids.count();
        let on_entries = table.waiting().count() - on_ids;
        let mut waiting = Self {
            on_entries: Vec::with_capacity(on_entries),
            on_ids: Vec::with_capacity(on_ids),
            put_off: PutOff::default(),
        };
        for (delta, entry) in table.waiting() {
            match (entry.tag(), entry.base()) {
                (Some(tag), _) => waiting.on_ids.push((tag, delta)),
                (None, Some(base)) => waiting.on_entries.push((base, delta)),
                (None, None) => {}
            }
        }
        waiting.on_entries.sort_unstable();
        waiting.on_ids.sort_unstable();
        waiting
    }

    /// Those that were put off.
    fn put_off(put_off: PutOff) -> Self {
        let mut on_entries: Vec<(u32, u32)> = put_off.pairs().collect();
        on_entries.sort_unstable();
        Self {
            on_entries,
            on_ids: Vec::new(),
            put_off,
        }
    }

    /// Where the deltas on entry `base` stand.
    fn on_entry(&self, base: u32) -> Range<usize> {
        let list = &self.on_entries;
        let first = list.partition_point(|(candidate, _)| *candidate < base);
        let behind = list.get(first..).unwrap_or_default().iter();
        first
            ..first
                + behind
                    .take_while(|(candidate, _)| *candidate == base)
                    .count()
    }

    /// The deltas that may name an id with this tag, from `place` on, and where each stands.
    fn tagged(&self, tag: u32, place: usize) -> impl Iterator<Item = (usize, u32)> {
        let behind = self.on_ids.get(place..).unwrap_or_default().iter();
        let same = behind.take_while(move |(candidate, _)| *candidate == tag);
        (place..).zip(same.map(|(_, delta)| *delta))
    }
}

/// An object on which deltas wait: eight bytes, as a million of them may.
#[derive(Clone, Copy)]
struct Base {
    index: u32,
    /// Where the first delta stands that names it by its id, or [`NONE`].
    first_on_id: u32,
}

const NONE: u32 = u32::MAX;

/// Bases that are put in order at once: eight bytes each.
const ROOTS: usize = 1 << 16;

/// Bases that are still to be walked, the last found on top. Chunks never move: a growing `Vec` would peak
/// at twice its size.
#[derive(Default)]
struct Stack {
    chunks: Vec<Vec<Base>>,
}

impl Stack {
    const CHUNK: usize = 4096;

    fn push(&mut self, base: Base) {
        match self.chunks.last_mut() {
            Some(chunk) if chunk.len() < Self::CHUNK => chunk.push(base),
            None => self.chunks.push(vec![base]),
            Some(_) => {
                let mut chunk = Vec::with_capacity(Self::CHUNK);
                chunk.push(base);
                self.chunks.push(chunk);
            }
        }
    }

    fn pop(&mut self) -> Option<Base> {
        let chunk = self.chunks.last_mut()?;
        let base = chunk.pop();
        if chunk.is_empty() {
            self.chunks.pop();
        }
        base
    }
}

/// A base that is not known so far.
pub(super) struct Missing {
    pub(super) id: ObjectId,
    /// The first delta that names it.
    pub(super) delta: u32,
}

/// The walk along the trees of deferred deltas.
pub(super) struct Walk<'a, S> {
    deferred: &'a Deferred,
    waiting: &'a Waiting,
    hash: HashKind,
    pub(super) resolver: &'a mut Resolver<S>,
    sink: &'a mut dyn Sink,
    /// Deltas by id that still wait: while there are any, every new object's id is needed.
    ids_needed: usize,
    /// More of the pack is to come: what would be too much rework now is left for the end.
    is_arriving: bool,
}

impl<'a, S: Spool> Walk<'a, S> {
    fn new(
        deferred: &'a Deferred,
        waiting: &'a Waiting,
        resolver: &'a mut Resolver<S>,
        sink: &'a mut dyn Sink,
    ) -> Self {
        Self {
            deferred,
            waiting,
            hash: resolver.hash,
            resolver,
            sink,
            ids_needed: waiting.on_ids.len(),
            is_arriving: false,
        }
    }

    /// Resolves what waits for entries that are resolved, family by family: a base is mostly rebuilt from what was rebuilt for the one
    /// before it.
    fn resolve_on_entries(&mut self) -> Result<(), Error> {
        let mut left = self.waiting.on_entries.as_slice();
        while let Some(&(first, _)) = left.first() {
            let mut roots = Vec::with_capacity(left.len().min(ROOTS));
            let mut base = Some(first);
            while let Some(root) = base
                && roots.len() < ROOTS
            {
                if self.resolver.entry(root)?.kind().is_some() {
                    roots.push((self.resolver.family(root)?, root));
                }
                let same = left.partition_point(|(base, _)| *base == root);
                left = left.get(same..).unwrap_or_default();
                base = left.first().map(|(base, _)| *base);
            }
            roots.sort_unstable();
            for (_, root) in roots {
                self.resolve_on(root, None)?;
            }
        }
        Ok(())
    }

    /// Resolves what waits for ids of the pack's objects.
    fn resolve_on_ids(&mut self) -> Result<(), Error> {
        for root in 0..self.resolver.table.len() {
            if self.resolver.entry(root)?.kind().is_some() {
                let id = self.sink.id(root);
                self.resolve_on(root, id)?;
            }
        }
        Ok(())
    }

    /// The bases named by id that nothing resolved so far is, each once, in the order of their first deltas;
    /// little more than [`thin::MOST_MISSING`] of them.
    pub(super) fn missing(&self) -> Result<Vec<Missing>, Error> {
        let mut first = HashMap::new();
        for &(_, delta) in &self.waiting.on_ids {
            if first.len() > thin::MOST_MISSING {
                break;
            }
            if self.resolver.entry(delta)?.kind().is_none() {
                first.entry(self.resolver.base_id(delta)?).or_insert(delta);
            }
        }
        let missing = first.into_iter().map(|(id, delta)| Missing { id, delta });
        let mut missing: Vec<Missing> = missing.collect();
        missing.sort_unstable_by_key(|missing| missing.delta);
        Ok(missing)
    }

    /// Takes the fetched object `id` as a base and resolves everything on it.
    pub(super) fn resolve_on_external(&mut self, id: &ObjectId) -> Result<(), Error> {
        match self.resolver.add_external(id)? {
            Some(base) => self.resolve_on(base, Some(*id)),
            None => Err(Error::BaseUnavailable {
                id: *id,
                why: "the upstream did not send it".into(),
            }),
        }
    }

    /// Resolves all deltas on entry `root`, the deltas on those, and so on.
    fn resolve_on(&mut self, root: u32, id: Option<ObjectId>) -> Result<(), Error> {
        let mut stack = Stack::default();
        let mut next = self.as_base(root, id)?;
        while let Some(base) = next {
            self.resolve_children(base, &mut stack)?;
            next = stack.pop();
        }
        Ok(())
    }

    /// Entry `index` with this id, if deltas wait for it.
    fn as_base(&self, index: u32, id: Option<ObjectId>) -> Result<Option<Base>, Error> {
        let first_on_id = match id {
            Some(id) => self.first_on_id(&id)?,
            None => NONE,
        };
        let has_deltas = first_on_id != NONE || !self.waiting.on_entry(index).is_empty();
        Ok(has_deltas.then_some(Base { index, first_on_id }))
    }

    /// Where the first delta stands that names `id`; [`NONE`] if it is resolved, for then all of them are: the
    /// same object may be in the pack a million times.
    fn first_on_id(&self, id: &ObjectId) -> Result<u32, Error> {
        if self.ids_needed == 0 {
            return Ok(NONE);
        }
        let tag = self.deferred.tag(id);
        let list = &self.waiting.on_ids;
        let place = list.partition_point(|(candidate, _)| *candidate < tag);
        for (place, delta) in self.waiting.tagged(tag, place) {
            if self.resolver.base_id(delta)? == *id {
                let waits = self.resolver.entry(delta)?.kind().is_none();
                let place = u32::try_from(place).unwrap_or(NONE);
                return Ok(if waits { place } else { NONE });
            }
        }
        Ok(NONE)
    }

    /// Resolves the deltas on `base`; those that are bases themselves go on the stack.
    fn resolve_children(&mut self, base: Base, stack: &mut Stack) -> Result<(), Error> {
        let waiting = self.waiting;
        let mut data = None;
        let on_entry = waiting.on_entry(base.index);
        for &(_, delta) in waiting.on_entries.get(on_entry).unwrap_or_default() {
            if let Some(child) = self.resolve_child(delta, base.index, &mut data)? {
                stack.push(child);
            }
        }
        let place = base.first_on_id as usize;
        let Some(&(tag, first)) = waiting.on_ids.get(place) else {
            return Ok(());
        };
        if self.resolver.entry(first)?.kind().is_some() {
            return Ok(());
        }
        let id = self.resolver.base_id(first)?;
        for (_, delta) in waiting.tagged(tag, place) {
            if self.resolver.entry(delta)?.kind().is_some() || self.resolver.base_id(delta)? != id {
                continue;
            }
            self.ids_needed -= 1;
            if let Some(child) = self.resolve_child(delta, base.index, &mut data)? {
                stack.push(child);
            }
        }
        Ok(())
    }

    /// Resolves one delta, unless it is; `data` holds the base once it was needed.
    fn resolve_child(
        &mut self,
        delta: u32,
        base: u32,
        data: &mut Option<Content>,
    ) -> Result<Option<Base>, Error> {
        if self.resolver.entry(delta)?.kind().is_some() {
            return Ok(None);
        }
        let base_data = match data.take() {
            Some(data) => Some(data),
            None => self.load(base)?,
        };
        let Some(base_data) = base_data else {
            return Ok(None);
        };
        let child = self.resolve_delta(delta, base, &base_data)?;
        *data = Some(base_data);
        Ok(child)
    }

    /// The content of entry `index`; nothing while that has to wait for the end of the pack.
    fn load(&mut self, index: u32) -> Result<Option<Content>, Error> {
        let (limits, resolved) = (&self.resolver.limits, self.resolver.resolved_bytes);
        let limit = if self.is_arriving {
            limits.rework_in_order(resolved)
        } else {
            limits.rework_deferred(resolved)
        };
        match self.resolver.plan(index, limit)? {
            Some(chain) => self.resolver.build(chain).map(Some),
            None if self.is_arriving => Ok(None),
            None => Err(Error::Rework { limit }),
        }
    }

    /// Resolves one delta and hands it on; returns it if it is a base itself.
    fn resolve_delta(
        &mut self,
        index: u32,
        base: u32,
        content: &Content,
    ) -> Result<Option<Base>, Error> {
        let Some((kind, depth)) = self.resolver.depth_on(index, base)? else {
            return Err(Error::NoSuchObject { index: base });
        };
        self.resolver.cache.touch(base);
        let size = self.resolver.entry(index)?.resolved();
        let mut pieces = Pieces::new(self.sink, index, size, 0);
        let mut out = |bytes: &[u8]| pieces.take(bytes);
        let delta = match self.waiting.put_off.held(index) {
            Some(bytes) => self.resolver.held(bytes),
            None => self.resolver.stored(index)?,
        };
        let content = self
            .resolver
            .resolve(index, kind, content, &delta, Some(&mut out))?;
        let built = self.resolver.built(kind, base, &delta);
        self.resolver.give_back(delta);
        self.resolver.set_resolved(index, base, kind, depth);
        let id = match self.ids_needed {
            0 => None,
            _ => Some(content.id(self.hash, kind)?),
        };
        let child = self.as_base(index, id)?;
        if child.is_some() {
            self.resolver.keep(index, &content);
        }
        if let Content::Whole(data) = content {
            self.sink.object(Object {
                index,
                kind,
                data,
                id,
                built,
            })?;
        }
        Ok(child)
    }
}
