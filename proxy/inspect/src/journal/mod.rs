//! What commits and trees of a pack name, noted as they pass: behind the last byte none of them has to be read again to say where an
//! object lies.
//!
//! Trees name the same few entries again and again, so those of a batch are noted once: the object in the short form of
//! [`References`] with the hash of its name. Of a tree is noted which of them it has. What is too much to be held goes to disk. What is too
//! much altogether is given up: then the objects are read again.

mod graph;
mod log;
mod notes;
#[cfg(test)]
mod tests;

use std::{
    collections::{HashMap, HashSet, hash_map::RandomState},
    hash::BuildHasherDefault,
    io,
    sync::Arc,
};

use exeat_gitwire::{
    HashKind, ObjectId,
    history::{Facts, Ways},
    pack::Scratch,
};

use crate::{
    ancestry::Parents,
    ids::{Entries, Ids},
    references::Identity,
};
use graph::Graph;
use log::Log;
pub use notes::{CommitNotes, TreeNotes};
use notes::{commit, halves};

/// Words of one batch at most: it has to be held beside a large tree.
const LONGEST: usize = 64 << 10;
/// Bytes of all different names together, and what one takes besides itself.
const NAMES: usize = 1 << 20;
const PER_NAME: usize = 64;

/// By the hash of a name, or the short form of an object, which nobody can prepare.
type ByHash<T> = HashMap<u64, T, BuildHasherDefault<Identity>>;
pub type Names = ByHash<Arc<[u8]>>;

/// What the commits and trees of one push name.
#[derive(Default)]
pub struct Journal {
    commits: Log,
    trees: Log,
    names: Names,
    /// Bytes of the names.
    named: usize,
    /// Something was not noted.
    is_given_up: bool,
    room: Option<Scratch>,
}

impl Journal {
    /// Sets where notes go that are too many to be held. Where there is no room they are given up.
    pub fn spill_to(&mut self, room: io::Result<Scratch>) {
        self.room = room.ok();
    }

    /// Takes the notes of one batch, and the names of its trees by their hashes.
    pub fn add(
        &mut self,
        commits: &CommitNotes,
        trees: &[u64],
        names: impl Iterator<Item = (u64, Arc<[u8]>)>,
    ) {
        if self.is_given_up {
            return;
        }
        for (hash, name) in names {
            let bytes = name.len() + PER_NAME;
            if self.names.insert(hash, name).is_none() {
                self.named += bytes;
            }
        }
        let room = self.room.as_ref();
        let is_noted = commits.0.len() <= LONGEST
            && trees.len() <= LONGEST
            && self.named <= NAMES
            && self.commits.add(&commits.0, room).is_ok()
            && self.trees.add(trees, room).is_ok();
        if !is_noted {
            *self = Self {
                is_given_up: true,
                ..Self::default()
            };
        }
    }

    /// The commits of the pack; nothing where notes were given up.
    ///
    /// # Errors
    /// When the notes cannot be read.
    pub fn commits(
        &self,
        ids: &Ids,
        entries: &Entries<'_>,
        hash: HashKind,
    ) -> io::Result<Option<Commits>> {
        if self.is_given_up {
            return Ok(None);
        }
        let mut noted: Vec<(u32, Facts, Vec<ObjectId>)> = Vec::new();
        let mut each = |words: &[u64]| {
            let mut rest = words;
            while let Some((&first, behind)) = rest.split_first() {
                let (count, entry) = halves(first);
                let (words, behind) = behind.split_at(behind.len().min(count as usize));
                rest = behind;
                noted.extend(commit(hash, ids, entry, words));
            }
            true
        };
        self.commits.each(&mut each)?;
        noted.sort_unstable_by_key(|(entry, ..)| *entry);
        let at: Vec<u32> = noted.iter().map(|(entry, ..)| *entry).collect();
        let place = |id: &ObjectId| {
            let entry = entries.find(id.as_slice())?;
            at.binary_search(&entry).ok()
        };
        let mut commits = Commits::default();
        for (_, mut facts, parents) in noted {
            let here = parents.iter().filter_map(place);
            facts.parents = here.map(|place| place as u32).collect();
            commits.facts.push(facts);
            commits.begins.push(parents.is_empty());
        }
        commits.entries = at;
        Ok(Some(commits))
    }

    /// Which trees lead to what is `wanted`, if at most `most` entries of trees do; nothing where notes were given up, or are more than
    /// can be held together.
    ///
    /// # Errors
    /// When the notes cannot be read.
    pub fn ways(
        &self,
        ids: &Ids,
        key: &RandomState,
        wanted: &HashSet<ObjectId>,
        most: u64,
    ) -> io::Result<Option<Ways>> {
        if self.is_given_up {
            return Ok(None);
        }
        let mut graph = Graph::new(ids, key, &self.names);
        for id in wanted {
            graph.want(id);
        }
        let mut is_held = true;
        self.trees.each(&mut |words| {
            is_held = graph.batch(words).is_some();
            is_held
        })?;
        Ok(is_held.then(|| graph.ways(most)).flatten())
    }
}

/// The commits of a pack, by their entries, ascending.
#[derive(Default)]
pub struct Commits {
    pub entries: Vec<u32>,
    pub facts: Vec<Facts>,
    /// Whether it has no parents at all, here or elsewhere.
    pub begins: Vec<bool>,
}

impl Commits {
    /// The parents of the commit of this entry.
    pub fn parents(&self, entry: u32) -> Parents {
        let Ok(at) = self.entries.binary_search(&entry) else {
            return Parents::default();
        };
        let parents = self.facts.get(at).map_or(&[][..], |facts| &facts.parents);
        let entry = |&place: &u32| self.entries.get(place as usize).copied();
        Parents {
            entries: parents.iter().filter_map(entry).collect(),
            none: self.begins.get(at).is_some_and(|&begins| begins),
        }
    }
}
