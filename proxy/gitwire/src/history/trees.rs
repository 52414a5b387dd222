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
    pub(super) fn new(hash: HashKind, wanted: &'a HashSet<ObjectId>) -> Self {
        Self {
            hash,
            wanted,
            steps: HashMap::new(),
        }
    }

    /// The entries of a tree that matter; `None` if it leads nowhere or is not part of the push.
    pub(super) fn steps(&self, tree: &ObjectId) -> Option<&[Step]> {
        self.steps.get(tree)?.as_deref()
    }

    /// Reads `root` and every tree below it that is not known yet, depth first with its own stack: how
    /// deep folders nest is up to whoever pushes.
    pub(super) fn learn(&mut self, objects: &mut dyn Objects, root: ObjectId) -> Result<(), Error> {
        let mut stack: Vec<Frame> = Vec::new();
        stack.extend(self.open(objects, root)?);
        while let Some(frame) = stack.last_mut() {
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
        Ok(())
    }

    /// Reads one tree, unless it is known or not part of the push.
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
            if kind == EntryKind::Gitlink {
                continue;
            }
            let Ok(entry_id) = ObjectId::try_from(entry.id) else {
                continue;
            };
            let wanted = self.wanted.contains(&entry_id);
            if !wanted && kind != EntryKind::Folder {
                continue;
            }
            let name: Arc<[u8]> = entry.name.into();
            if kind == EntryKind::Folder {
                frame.folders.push((Arc::clone(&name), entry_id));
            }
            if wanted {
                frame.steps.push(Step {
                    name,
                    id: entry_id,
                    leads: false,
                });
            }
        }
        Ok(Some(frame))
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
            }
        }
        if !frame.steps.is_empty() {
            self.steps
                .insert(frame.id, Some(frame.steps.into_boxed_slice()));
        }
    }
}
