//! Which trees lead to a wanted object, and through which of their entries.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use gix_hash::{Kind as HashKind, ObjectId};

use super::{Error, Objects, find};
use crate::objects;
use crate::objects::tree::{Entries, EntryKind};
use crate::pack::Kind;

/// An entry that is wanted, or leads to something wanted.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) name: Arc<[u8]>,
    pub(super) id: ObjectId,
    /// Whether it is a folder that leads on.
    pub(super) leads: bool,
}

/// The trees read so far.
pub(super) struct Trees<'a> {
    hash: HashKind,
    wanted: &'a HashSet<ObjectId>,
    /// For each tree read, its steps; none if it leads nowhere.
    steps: HashMap<ObjectId, Option<Box<[Step]>>>,
    /// Entries that may still be kept: a hostile tree of a hundred megabytes is all entries.
    room: u64,
}

/// A tree whose folders are being read.
struct Frame {
    id: ObjectId,
    steps: Vec<Step>,
    folders: Vec<(Arc<[u8]>, ObjectId)>,
    /// Folders read so far.
    read: usize,
}

impl<'a> Trees<'a> {
    pub(super) fn new(hash: HashKind, wanted: &'a HashSet<ObjectId>, room: u64) -> Self {
        Self {
            hash,
            wanted,
            steps: HashMap::new(),
            room,
        }
    }

    /// The entries of a tree that matter; `None` if it leads nowhere or is not part of the push.
    pub(super) fn steps(&self, tree: &ObjectId) -> Option<&[Step]> {
        self.steps.get(tree)?.as_deref()
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
                Some(&(_, folder)) => {
                    frame.read += 1;
                    stack.extend(self.open(objects, folder)?);
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
        if self.steps.contains_key(&id) {
            return Ok(None);
        }
        // Known from here on: should the tree turn up below itself, it is not entered again.
        self.steps.insert(id, None);
        let Some(data) = find(objects, &id, Kind::Tree)? else {
            return Ok(None);
        };
        let malformed = |error: objects::tree::Error| Error::Object {
            id,
            error: error.into(),
        };
        let mut frame = Frame {
            id,
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
        let leads_nowhere = matches!(self.steps.get(&id), Some(None));
        let folder = kind == EntryKind::Folder && !leads_nowhere;
        if !wanted && !folder {
            return;
        }
        let name: Arc<[u8]> = name.into();
        if folder {
            self.room = self.room.saturating_sub(weight(&name));
            frame.folders.push((Arc::clone(&name), id));
        }
        if wanted {
            self.room = self.room.saturating_sub(weight(&name));
            frame.steps.push(Step {
                name,
                id,
                leads: false,
            });
        }
    }

    /// All folders of a tree are read: now it is known which of them lead on.
    fn close(&mut self, mut frame: Frame) {
        for (name, id) in frame.folders {
            if self.steps(&id).is_some() {
                frame.steps.push(Step {
                    name,
                    id,
                    leads: true,
                });
            } else {
                self.room += weight(&name);
            }
        }
        if !frame.steps.is_empty() {
            self.steps
                .insert(frame.id, Some(frame.steps.into_boxed_slice()));
        }
    }
}

/// What keeping an entry takes of the room.
fn weight(name: &[u8]) -> u64 {
    1 + name.len() as u64 / 64
}
