//! Deltas that could not be resolved in arrival order, resolved at the end: depth first, along their bases.
//!
//! Two kinds wait here: deltas that name their base by id (the ids are known only once everything else
//! has been hashed, and the base may come later in the pack), and deltas whose base would have had to be
//! rebuilt at too high a price. Both form trees that hang from resolved objects. Walking them depth first,
//! with all children of a base built while it is at hand, mostly needs each base once; memory stays at one
//! base, one child and the cache.

use std::ops::Range;

use gix_hash::{Kind as HashKind, ObjectId};

use super::bases::Bases;
use super::large::{Content, Pieces};
use super::resolve::Resolver;
use super::{Error, Object, Sink, Spool, thin};

/// The deltas that wait.
#[derive(Debug)]
pub(super) struct Deferred {
    hash: HashKind,
    /// (base, delta) by entry index.
    by_index: Vec<(u32, u32)>,
    by_id: Waiting,
}

/// An object under whose id deltas may wait; the id is `None` where nobody needs it any more.
type Base = (u32, Option<ObjectId>);

impl Deferred {
    pub(super) fn new(hash: HashKind) -> Self {
        Self {
            hash,
            by_index: Vec::new(),
            by_id: Waiting::new(hash),
        }
    }

    /// Puts off a delta whose base is entry `base`.
    pub(super) fn push_ofs(&mut self, delta: u32, base: u32) {
        self.by_index.push((base, delta));
    }

    /// Puts off a delta on the object with id `base`.
    pub(super) fn push_ref(&mut self, delta: u32, base: &ObjectId) {
        self.by_id.push(delta, base);
    }

    /// Notes how many bytes the base of the delta put off last has, by what the delta says.
    pub(super) fn note_base_size(&mut self, size: u64) {
        if let Some(last) = self.by_id.sizes.last_mut() {
            *last = size;
        }
    }

    /// Resolves everything that has its base in the pack, or outside where `bases` has it, and hands it to
    /// `sink`; then no delta is left, or a base is missing.
    pub(super) fn resolve<S: Spool>(
        &mut self,
        resolver: &mut Resolver<S>,
        sink: &mut dyn Sink,
        bases: Option<&mut dyn Bases<S>>,
    ) -> Result<(), Error> {
        if self.by_index.is_empty() && self.by_id.is_empty() {
            return Ok(());
        }
        let has_ids = !self.by_id.is_empty();
        if has_ids {
            sink.settle()?;
        }
        self.by_index.sort_unstable();
        self.by_id.sort();
        resolver.rework = 0;
        let by_id = self.by_id.deltas.len();
        let mut walk = Walk {
            deferred: self,
            resolver,
            sink,
            ids_needed: by_id,
            taken: vec![false; by_id],
        };
        for root in 0..walk.resolver.table.len() {
            if walk.resolver.entry(root)?.kind.is_some() {
                let id = if has_ids { walk.sink.id(root) } else { None };
                walk.resolve_on((root, id))?;
            }
        }
        if let Some(bases) = bases {
            thin::resolve(&mut walk, bases)?;
        }
        self.refuse_unresolved(resolver)
    }

    fn refuse_unresolved<S>(&self, resolver: &Resolver<S>) -> Result<(), Error> {
        let waits = |delta: &u32| {
            resolver
                .table
                .get(*delta)
                .is_none_or(|entry| entry.kind.is_none())
        };
        let by_index = self
            .by_index
            .iter()
            .filter(|(_, delta)| waits(delta))
            .count();
        let by_id = self
            .by_id
            .deltas
            .iter()
            .filter(|delta| waits(delta))
            .count();
        if by_index + by_id == 0 {
            return Ok(());
        }
        let first = self.by_id.pairs().find(|(delta, _)| waits(delta));
        let id = first.map_or(self.hash.null(), |(_, id)| id);
        Err(Error::MissingBase {
            id,
            count: u32::try_from(by_index + by_id).unwrap_or(u32::MAX),
        })
    }

    /// Where the deltas on entry `base` stand in `by_index`.
    fn on_index(&self, base: u32) -> Range<usize> {
        let first = self
            .by_index
            .partition_point(|(candidate, _)| *candidate < base);
        let end = self
            .by_index
            .partition_point(|(candidate, _)| *candidate <= base);
        first..end
    }
}

/// The deltas on one object, resolved ones included: positions in the two sorted lists.
struct Deltas {
    by_index: Range<usize>,
    by_id: Range<usize>,
}

impl Deltas {
    fn is_empty(&self) -> bool {
        self.by_index.is_empty() && self.by_id.is_empty()
    }
}

/// A base that is not known so far.
pub(super) struct Missing {
    pub(super) id: ObjectId,
    /// Bytes it has, by the first delta that names it.
    pub(super) size: u64,
    /// The first delta that names it.
    pub(super) delta: u32,
}

/// The walk along the trees of deferred deltas.
pub(super) struct Walk<'a, S> {
    deferred: &'a Deferred,
    pub(super) resolver: &'a mut Resolver<S>,
    sink: &'a mut dyn Sink,
    /// Deltas by id that still wait: while there are any, every new object's id is needed.
    ids_needed: usize,
    /// By position in the deltas sorted by id: whether the deltas that start there found their base.
    taken: Vec<bool>,
}

impl<S: Spool> Walk<'_, S> {
    /// The bases named by id that nothing resolved so far is, each once, in the order of their first deltas;
    /// little more than [`thin::MOST_MISSING`] of them.
    pub(super) fn missing(&self) -> Vec<Missing> {
        let by_id = &self.deferred.by_id;
        let mut missing = Vec::new();
        let mut at = 0;
        while missing.len() <= thin::MOST_MISSING
            && let Some(id) = by_id.sorted_id(at)
        {
            let group = by_id.on(&id);
            if !self.taken.get(group.start).copied().unwrap_or_default() {
                missing.extend(by_id.missing(group.start, id));
            }
            at = group.end.max(at + 1);
        }
        missing.sort_unstable_by_key(|missing| missing.delta);
        missing
    }

    /// The deltas that wait, and how many bytes each says it builds.
    pub(super) fn waiting_sizes(&self) -> impl Iterator<Item = (u32, u64)> {
        let table = &self.resolver.table;
        (0..table.len()).filter_map(|index| {
            let entry = table.get(index)?;
            entry.kind.is_none().then_some((index, entry.resolved()))
        })
    }

    /// Takes the fetched object `id` as a base and resolves everything on it.
    pub(super) fn resolve_on_external(&mut self, id: &ObjectId) -> Result<(), Error> {
        match self.resolver.add_external(id)? {
            Some(base) => self.resolve_on((base, Some(*id))),
            None => Err(Error::BaseUnavailable {
                id: *id,
                why: "the upstream did not send it".into(),
            }),
        }
    }

    /// Resolves all deltas on `root`, the deltas on those, and so on.
    fn resolve_on(&mut self, root: Base) -> Result<(), Error> {
        if self.deltas_on(&root).is_empty() {
            return Ok(());
        }
        let mut stack = vec![root];
        while let Some(base) = stack.pop() {
            self.resolve_children(base, &mut stack)?;
        }
        Ok(())
    }

    /// The deltas that wait for `base`. Those that name it by id are answered for once only: the same
    /// object may be in the pack a million times.
    fn deltas_on(&self, base: &Base) -> Deltas {
        let (index, id) = base;
        let by_id = id.map_or(0..0, |id| self.deferred.by_id.on(&id));
        let taken = self.taken.get(by_id.start).copied().unwrap_or_default();
        let by_id = if taken { 0..0 } else { by_id };
        Deltas {
            by_index: self.deferred.on_index(*index),
            by_id,
        }
    }

    /// Resolves the deltas on `base`; those that are bases themselves go on the stack.
    fn resolve_children(&mut self, base: Base, stack: &mut Vec<Base>) -> Result<(), Error> {
        let deltas = self.deltas_on(&base);
        if let Some(taken) = self.taken.get_mut(deltas.by_id.start)
            && !deltas.by_id.is_empty()
        {
            *taken = true;
        }
        let deferred = self.deferred;
        let mut data = None;
        for &(_, delta) in deferred.by_index.get(deltas.by_index).unwrap_or_default() {
            stack.extend(self.resolve_child(delta, base.0, &mut data)?);
        }
        for delta in deferred.by_id.deltas_at(deltas.by_id) {
            self.ids_needed -= 1;
            stack.extend(self.resolve_child(delta, base.0, &mut data)?);
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
        if self.resolver.entry(delta)?.kind.is_some() {
            return Ok(None);
        }
        let base_data = match data.take() {
            Some(data) => data,
            None => self.load(base)?,
        };
        let child = self.resolve_delta(delta, base, &base_data)?;
        *data = Some(base_data);
        Ok(child)
    }

    fn load(&mut self, index: u32) -> Result<Content, Error> {
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
        let content = self
            .resolver
            .rebuild(index, kind, content, Some(&mut out))?;
        self.resolver.set_resolved(index, base, kind, depth);
        let id = match self.ids_needed {
            0 => None,
            _ => Some(content.id(self.deferred.hash, kind)?),
        };
        let object = (index, id);
        let is_base = !self.deltas_on(&object).is_empty();
        if is_base {
            self.resolver.keep(index, &content);
        }
        if let Content::Whole(data) = content {
            self.sink.object(Object {
                index,
                kind,
                data,
                id,
            })?;
        }
        Ok(is_base.then_some(object))
    }
}

/// Deltas by the id of their base. The ids stand one behind the other: 36 bytes per delta with SHA-1.
#[derive(Debug)]
struct Waiting {
    id_len: usize,
    ids: Vec<u8>,
    deltas: Vec<u32>,
    /// Bytes each delta says its base has.
    sizes: Vec<u64>,
    /// Positions in `deltas`, sorted by id once [`Waiting::sort`] was called.
    sorted: Vec<u32>,
}

impl Waiting {
    fn new(hash: HashKind) -> Self {
        Self {
            id_len: hash.len_in_bytes(),
            ids: Vec::new(),
            deltas: Vec::new(),
            sizes: Vec::new(),
            sorted: Vec::new(),
        }
    }

    fn is_empty(&self) -> bool {
        self.deltas.is_empty()
    }

    fn push(&mut self, delta: u32, base: &ObjectId) {
        self.ids.extend_from_slice(base.as_slice());
        self.deltas.push(delta);
        self.sizes.push(0);
    }

    fn id(&self, position: u32) -> &[u8] {
        let start = position as usize * self.id_len;
        self.ids.get(start..start + self.id_len).unwrap_or_default()
    }

    fn sort(&mut self) {
        let mut sorted: Vec<u32> = (0..self.deltas.len() as u32).collect();
        sorted.sort_unstable_by_key(|&position| (self.id(position), position));
        self.sorted = sorted;
    }

    /// Where the deltas on `base` stand among the sorted.
    fn on(&self, base: &ObjectId) -> Range<usize> {
        let base = base.as_slice();
        let first = self
            .sorted
            .partition_point(|&position| self.id(position) < base);
        let end = self
            .sorted
            .partition_point(|&position| self.id(position) <= base);
        first..end
    }

    /// The id at this place among the sorted.
    fn sorted_id(&self, place: usize) -> Option<ObjectId> {
        let position = *self.sorted.get(place)?;
        ObjectId::try_from(self.id(position)).ok()
    }

    /// The base `id`, whose first delta stands at this place among the sorted.
    fn missing(&self, place: usize, id: ObjectId) -> Option<Missing> {
        let position = *self.sorted.get(place)? as usize;
        Some(Missing {
            id,
            size: *self.sizes.get(position)?,
            delta: *self.deltas.get(position)?,
        })
    }

    /// The deltas at these places among the sorted; of one base they are in pack order.
    fn deltas_at(&self, places: Range<usize>) -> impl Iterator<Item = u32> {
        let positions = self.sorted.get(places).unwrap_or_default().iter();
        positions.filter_map(|&position| self.deltas.get(position as usize).copied())
    }

    /// Every delta with the base it names, in pack order.
    fn pairs(&self) -> impl Iterator<Item = (u32, ObjectId)> {
        let ids = self
            .ids
            .chunks_exact(self.id_len)
            .filter_map(|id| ObjectId::try_from(id).ok());
        self.deltas.iter().copied().zip(ids)
    }
}
