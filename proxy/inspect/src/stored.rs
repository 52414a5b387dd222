//! The objects of a pack that was read whole, again and by id.

use std::{collections::HashSet, sync::Arc};

use exeat_gitwire::{
    HashKind, ObjectId,
    history::{Found, Objects},
    objects,
    pack::{self, Kind, Pack, Spool},
};

use crate::{
    ancestry::Parents,
    ids::{Entries, Ids},
    pack::Error,
};

/// Tags that point to tags, one after the other.
const MOST_TAGS: usize = 8;

/// A pack over its spool, with the ids of its objects.
pub struct Stored<'a, S: Spool> {
    pub pack: &'a mut Pack<S>,
    pub ids: &'a Arc<Ids>,
    pub entries: &'a Entries<'a>,
    pub hash: HashKind,
}

impl<S: Spool> Objects for Stored<'_, S> {
    fn find(&mut self, id: &ObjectId) -> Result<Option<Found>, pack::Error> {
        match self.entries.find(id.as_slice()) {
            Some(entry) => self.pack.read(entry).map(Some),
            None => Ok(None),
        }
    }
}

impl<S: Spool> Stored<'_, S> {
    /// The entries of one kind, ascending.
    pub fn of_kind(&self, kind: Kind) -> Vec<u32> {
        (0..self.pack.len())
            .filter(|&entry| self.pack.kind(entry) == Some(kind))
            .collect()
    }

    /// The ids of `entries`.
    pub fn ids(&self, entries: &[u32]) -> Vec<ObjectId> {
        entries
            .iter()
            .filter_map(|&entry| self.ids.get(entry))
            .collect()
    }

    pub fn kind(&self, id: &ObjectId) -> Option<Kind> {
        self.pack.kind(self.entries.find(id.as_slice())?)
    }

    /// What the object refers to, with the kind it must have.
    pub fn references(&mut self, entry: u32) -> Result<Vec<(Kind, ObjectId)>, Error> {
        let (kind, data) = self.pack.read(entry)?;
        let mut found = Vec::new();
        let read = objects::references(self.hash, kind, &data, &mut |kind, raw| {
            found.extend(ObjectId::try_from(raw).map(|id| (kind, id)));
        });
        // The same object has been read before; nothing else can come out now.
        read.map_err(|_| Error::WorkerFailed)?;
        Ok(found)
    }

    /// The parents of a commit. A pack made to be read slowly gives none: their order is a courtesy.
    pub fn parents(&mut self, commit: u32) -> Result<Parents, Error> {
        let references = match self.references(commit) {
            Err(Error::Pack(pack::Error::Rework { .. })) => return Ok(Parents::default()),
            references => references?,
        };
        let parents = references.iter().filter(|(kind, _)| *kind == Kind::Commit);
        Ok(Parents {
            none: parents.clone().next().is_none(),
            entries: parents
                .filter_map(|(_, id)| self.entries.find(id.as_slice()))
                .collect(),
        })
    }

    /// The tree that a ref to `target` shows, unless it or what leads to it was `passed` before.
    pub fn root(
        &mut self,
        mut target: ObjectId,
        passed: &mut HashSet<ObjectId>,
    ) -> Result<Option<ObjectId>, Error> {
        // Behind the tags come a commit and its tree.
        for _ in 0..MOST_TAGS + 2 {
            if !passed.insert(target) {
                return Ok(None);
            }
            let kind = match self.kind(&target) {
                Some(Kind::Tree) => return Ok(Some(target)),
                Some(Kind::Blob) | None => return Ok(None),
                Some(kind) => kind,
            };
            let Some(entry) = self.entries.find(target.as_slice()) else {
                return Ok(None);
            };
            let references = match self.references(entry) {
                Err(Error::Pack(pack::Error::Rework { .. })) => return Ok(None),
                references => references?,
            };
            let leads_on = |to: &Kind| kind == Kind::Tag || *to == Kind::Tree;
            match references.into_iter().find(|(to, _)| leads_on(to)) {
                Some((_, id)) => target = id,
                None => return Ok(None),
            }
        }
        Ok(None)
    }

    /// The object, if the pack has it, it is what it is taken for, and of at most `most` bytes.
    pub fn find_within(
        &mut self,
        id: &ObjectId,
        kind: Kind,
        most: u64,
    ) -> Result<Option<Arc<Vec<u8>>>, Error> {
        let Some(entry) = self.entries.find(id.as_slice()) else {
            return Ok(None);
        };
        let fits = self.pack.size(entry).is_some_and(|size| size <= most);
        if self.pack.kind(entry) != Some(kind) || !fits {
            return Ok(None);
        }
        match self.pack.read(entry) {
            Ok((_, data)) => Ok(Some(data)),
            Err(pack::Error::Rework { .. } | pack::Error::NotWhole { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}
