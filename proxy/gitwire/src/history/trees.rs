//! Reads trees to learn which of them lead to a wanted object.

use std::collections::HashSet;

use gix_hash::{Kind as HashKind, ObjectId};

use super::ways::{Step, Ways};
use super::{Error, Objects, find};
use crate::objects;
use crate::objects::tree::{Entries, EntryKind};
use crate::pack::Kind;

/// The trees read so far.
pub(super) struct Trees<'a> {
    hash: HashKind,
    wanted: &'a HashSet<ObjectId>,
    ways: Ways,
    /// By number of an object: whether it is a tree that was read, or is not part of the push.
    known: Vec<bool>,
    /// Entries that may still be kept: a hostile tree of a hundred megabytes is all entries.
    room: u64,
}

/// A tree whose folders are being read.
struct Frame {
    tree: u32,
    steps: Vec<Step>,
    folders: Vec<Folder>,
    /// Folders read so far.
    read: usize,
}

struct Folder {
    name: u32,
    id: ObjectId,
    weight: u64,
}

impl<'a> Trees<'a> {
    pub(super) fn new(hash: HashKind, wanted: &'a HashSet<ObjectId>, room: u64) -> Self {
        Self {
            hash,
            wanted,
            ways: Ways::default(),
            known: Vec::new(),
            room,
        }
    }

    pub(super) fn into_ways(self) -> Ways {
        self.ways
    }

    fn is_known(&self, tree: u32) -> bool {
        self.known.get(tree as usize).is_some_and(|&known| known)
    }

    /// Reads `root` and every tree below it that is not known yet, depth first with its own stack: how
    /// deep folders nest is up to whoever pushes. False if there is no room left for what was found.
    pub(super) fn learn(
        &mut self,
        objects: &mut dyn Objects,
        root: ObjectId,
    ) -> Result<bool, Error> {
        let mut stack: Vec<Frame> = Vec::new();
        stack.extend(self.open(objects, root)?);
        while let Some(frame) = stack.last_mut() {
            if self.room == 0 {
                return Ok(false);
            }
            match frame.folders.get(frame.read) {
                Some(&Folder { id, .. }) => {
                    frame.read += 1;
                    stack.extend(self.open(objects, id)?);
                }
                None => {
                    if let Some(frame) = stack.pop() {
                        self.close(frame);
                    }
                }
            }
        }
        Ok(self.room > 0)
    }

    /// Reads one tree, unless it is known or not part of the push. Stops early without room.
    fn open(&mut self, objects: &mut dyn Objects, id: ObjectId) -> Result<Option<Frame>, Error> {
        let tree = self.ways.object(&id);
        if self.is_known(tree) {
            return Ok(None);
        }
        // Known from here on: should the tree turn up below itself, it is not entered again.
        self.known
            .resize(self.known.len().max(tree as usize + 1), false);
        if let Some(known) = self.known.get_mut(tree as usize) {
            *known = true;
        }
        let Some(data) = find(objects, &id, Kind::Tree)? else {
            return Ok(None);
        };
        let malformed = |error: objects::tree::Error| Error::Object {
            id,
            error: error.into(),
        };
        let mut frame = Frame {
            tree,
            steps: Vec::new(),
            folders: Vec::new(),
            read: 0,
        };
        for entry in Entries::new(self.hash, &data) {
            let entry = entry.map_err(malformed)?;
            let kind = entry.kind().map_err(malformed)?;
            if let Ok(id) = ObjectId::try_from(entry.id) {
                self.keep(&mut frame, entry.name, kind, id);
            }
            if self.room == 0 {
                break;
            }
        }
        Ok(Some(frame))
    }

    /// Keeps an entry if it is wanted, leads to something wanted, or may do so.
    fn keep(&mut self, frame: &mut Frame, name: &[u8], kind: EntryKind, id: ObjectId) {
        let wanted = kind != EntryKind::Gitlink && self.wanted.contains(&id);
        let leads_nowhere = |tree| self.is_known(tree) && self.ways.steps(tree).is_empty();
        let folder = kind == EntryKind::Folder && !self.ways.find(&id).is_some_and(leads_nowhere);
        if !wanted && !folder {
            return;
        }
        let weight = weight(name);
        let name = self.ways.name(name);
        if folder {
            self.room = self.room.saturating_sub(weight);
            frame.folders.push(Folder { name, id, weight });
        }
        if wanted {
            self.room = self.room.saturating_sub(weight);
            frame.steps.push(Step {
                name,
                to: self.ways.object(&id),
                leads: false,
            });
        }
    }

    /// All folders of a tree are read: now it is known which of them lead on.
    fn close(&mut self, mut frame: Frame) {
        for Folder { name, id, weight } in frame.folders {
            let to = self.ways.object(&id);
            if self.ways.steps(to).is_empty() {
                self.room += weight;
            } else {
                frame.steps.push(Step {
                    name,
                    to,
                    leads: true,
                });
            }
        }
        self.ways.lead(frame.tree, frame.steps);
    }
}

/// What keeping an entry takes of the room.
fn weight(name: &[u8]) -> u64 {
    1 + name.len() as u64 / 64
}
