//! Deltas that could not be resolved in arrival order, resolved at the end: depth first, along their bases.
//!
//! Two kinds wait here: deltas that name their base by id (the ids are known only once everything else
//! has been hashed, and the base may come later in the pack), and deltas whose base would have had to be
//! rebuilt at too high a price. Both form trees that hang from resolved objects. Walking them depth first,
//! with all children of a base built while it is at hand, mostly needs each base once; memory stays at one
//! base, one child and the cache.

use std::sync::Arc;

use gix_hash::{Kind as HashKind, ObjectId};

use super::resolve::Resolver;
use super::{Error, Object, Sink, Spool, object_id};

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

    /// Resolves everything that has its base in the pack and hands it to `sink`; then no delta is left,
    /// or a base is missing.
    pub(super) fn resolve<S: Spool>(
        &mut self,
        resolver: &mut Resolver<S>,
        sink: &mut dyn Sink,
    ) -> Result<(), Error> {
        if self.by_index.is_empty() && self.by_id.is_empty() {
            return Ok(());
        }
        let ids = if self.by_id.is_empty() {
            Vec::new()
        } else {
            sink.ids()?
        };
        self.by_index.sort_unstable();
        self.by_id.sort();
        resolver.rework = 0;
        let mut walk = Walk {
            deferred: self,
            resolver,
            sink,
            ids_needed: self.by_id.deltas.len(),
        };
        for root in 0..walk.resolver.table.len() {
            if walk.resolver.entry(root)?.kind.is_some() {
                let id = ids.get(root as usize).copied().flatten();
                walk.resolve_on((root, id))?;
            }
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

    fn has_deltas_on(&self, base: &Base) -> bool {
        self.deltas_on(base).next().is_some()
    }

    /// The deltas that wait for `base`, resolved ones included.
    fn deltas_on(&self, base: &Base) -> impl Iterator<Item = Delta> {
        let (index, id) = *base;
        let first = self.by_index.partition_point(|(base, _)| *base < index);
        let by_index = self
            .by_index
            .iter()
            .skip(first)
            .take_while(move |(base, _)| *base == index);
        let by_index = by_index.map(|(_, delta)| Delta {
            index: *delta,
            by_id: false,
        });
        let by_id = id.into_iter().flat_map(|id| self.by_id.on(id));
        by_index.chain(by_id.map(|index| Delta { index, by_id: true }))
    }
}

/// A deferred delta, and how it names its base.
struct Delta {
    index: u32,
    by_id: bool,
}

/// The walk along the trees of deferred deltas.
struct Walk<'a, S> {
    deferred: &'a Deferred,
    resolver: &'a mut Resolver<S>,
    sink: &'a mut dyn Sink,
    /// Deltas by id that still wait: while there are any, every new object's id is needed.
    ids_needed: usize,
}

impl<S: Spool> Walk<'_, S> {
    /// Resolves all deltas on `root`, the deltas on those, and so on.
    fn resolve_on(&mut self, root: Base) -> Result<(), Error> {
        if !self.deferred.has_deltas_on(&root) {
            return Ok(());
        }
        let mut stack = vec![root];
        while let Some(base) = stack.pop() {
            self.resolve_children(base, &mut stack)?;
        }
        Ok(())
    }

    /// Resolves the deltas on `base`; those that are bases themselves go on the stack.
    fn resolve_children(&mut self, base: Base, stack: &mut Vec<Base>) -> Result<(), Error> {
        let deferred = self.deferred;
        let mut data = None;
        for delta in deferred.deltas_on(&base) {
            if self.resolver.entry(delta.index)?.kind.is_some() {
                continue;
            }
            let base_data = match data.take() {
                Some(data) => data,
                None => self.load(base.0)?,
            };
            if delta.by_id {
                self.ids_needed -= 1;
            }
            let child = self.resolve_delta(delta.index, base.0, &base_data)?;
            if let Some(child) = child {
                stack.push(child);
            }
            data = Some(base_data);
        }
        Ok(())
    }

    fn load(&mut self, index: u32) -> Result<Arc<Vec<u8>>, Error> {
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
    fn resolve_delta(&mut self, index: u32, base: u32, data: &[u8]) -> Result<Option<Base>, Error> {
        let Some((kind, depth)) = self.resolver.depth_on(index, base)? else {
            return Err(Error::NoSuchObject { index: base });
        };
        self.resolver.cache.touch(base);
        let data = self.resolver.rebuild(index, data)?;
        self.resolver.set_resolved(index, base, kind, depth);
        let id = match self.ids_needed {
            0 => None,
            _ => Some(object_id(self.deferred.hash, kind, &data)?),
        };
        let object = (index, id);
        let is_base = self.deferred.has_deltas_on(&object);
        if is_base {
            self.resolver.cache.insert(index, &data);
        }
        self.sink.object(Object {
            index,
            kind,
            data,
            id,
        })?;
        Ok(is_base.then_some(object))
    }
}

/// Deltas by the id of their base. The ids stand one behind the other: 24 bytes per delta with SHA-1.
#[derive(Debug)]
struct Waiting {
    id_len: usize,
    ids: Vec<u8>,
    deltas: Vec<u32>,
    /// Positions in `deltas`, sorted by id once [`Waiting::sort`] was called.
    sorted: Vec<u32>,
}

impl Waiting {
    fn new(hash: HashKind) -> Self {
        Self {
            id_len: hash.len_in_bytes(),
            ids: Vec::new(),
            deltas: Vec::new(),
            sorted: Vec::new(),
        }
    }

    fn is_empty(&self) -> bool {
        self.deltas.is_empty()
    }

    fn push(&mut self, delta: u32, base: &ObjectId) {
        self.ids.extend_from_slice(base.as_slice());
        self.deltas.push(delta);
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

    /// The deltas on `base`, in pack order.
    fn on(&self, base: ObjectId) -> impl Iterator<Item = u32> {
        let first = self
            .sorted
            .partition_point(|&position| self.id(position) < base.as_slice());
        let positions = self.sorted.iter().skip(first);
        let positions =
            positions.take_while(move |&&position| self.id(position) == base.as_slice());
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
