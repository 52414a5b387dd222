//! Spells out paths along the trees that lead to wanted objects, each tree at each path once.

use std::collections::{HashMap, HashSet};

use gix_hash::ObjectId;

use super::commits::Tip;
use super::numbers::{PairMap, PairSet, pair};
use super::ways::Ways;
use super::{Limits, Place, Places};

/// Bytes of path written per step.
const BYTES_PER_STEP: usize = 64;
/// Steps for a path nobody met before: it stays in memory.
const NEW_PATH: u64 = 16;

/// The search for places, commit by commit.
pub(super) struct Paths<'a> {
    ways: &'a Ways,
    /// By number of an object.
    wanted: Vec<bool>,
    limits: &'a Limits,
    steps_left: u64,
    folders: Folders,
    /// Trees by the path at which they were walked: whatever is below was found then, by an older commit.
    walked: PairSet,
    /// Objects by the path at which they were placed already.
    placed: PairSet,
    places: Places,
    /// Trees that are to be walked, each at its path.
    stack: Vec<(u32, u32)>,
}

impl<'a> Paths<'a> {
    pub(super) fn new(ways: &'a Ways, wanted: &HashSet<ObjectId>, limits: &'a Limits) -> Self {
        let mut is_wanted = vec![false; ways.count()];
        for number in wanted.iter().filter_map(|id| ways.find(id)) {
            if let Some(place) = is_wanted.get_mut(number as usize) {
                *place = true;
            }
        }
        Self {
            ways,
            wanted: is_wanted,
            limits,
            steps_left: limits.steps,
            folders: Folders::new(),
            walked: PairSet::default(),
            placed: PairSet::default(),
            places: Places {
                by_id: HashMap::new(),
                complete: true,
            },
            stack: Vec::new(),
        }
    }

    /// Lists what is new in `commit`; false if there are no steps left.
    pub(super) fn walk(&mut self, commit: &Tip) -> bool {
        let Some(root) = self.ways.find(&commit.tree) else {
            return true;
        };
        let is_wanted = self.wanted.get(root as usize).is_some_and(|&wanted| wanted);
        if is_wanted && !self.place(commit, root, ROOT) {
            return false;
        }
        self.stack.push((root, ROOT));
        while let Some((tree, path)) = self.stack.pop() {
            if !self.spend(1) {
                return false;
            }
            let steps = self.ways.steps(tree);
            if steps.is_empty() || !self.walked.insert(pair(tree, path)) {
                continue;
            }
            for step in steps {
                if !self.spend(1) {
                    return false;
                }
                let known = self.folders.nodes.len();
                let length = self.ways.named(step.name).len();
                let below = self.folders.below(path, step.name, length);
                if self.folders.nodes.len() > known && !self.spend(NEW_PATH) {
                    return false;
                }
                if step.leads {
                    self.stack.push((step.to, below));
                } else if !self.place(commit, step.to, below) {
                    return false;
                }
            }
        }
        true
    }

    pub(super) fn into_places(self) -> Places {
        self.places
    }

    /// Lists an object at a path, if it is not there already.
    fn place(&mut self, commit: &Tip, object: u32, path: u32) -> bool {
        if !self.placed.insert(pair(object, path)) {
            return true;
        }
        let Some(id) = self.ways.id(object) else {
            return true;
        };
        let listed = self.places.by_id.get(&id).map_or(0, Vec::len);
        if listed >= self.limits.paths_per_object {
            self.places.complete = false;
            return true;
        }
        let length = self.folders.length(path);
        if !self.spend((length / BYTES_PER_STEP) as u64) {
            return false;
        }
        let place = Place {
            commit: commit.id,
            path: self.folders.spell(path, self.ways),
        };
        self.places.by_id.entry(id).or_default().push(place);
        true
    }

    fn spend(&mut self, steps: u64) -> bool {
        match self.steps_left.checked_sub(steps) {
            Some(left) => {
                self.steps_left = left;
                true
            }
            None => {
                self.places.complete = false;
                false
            }
        }
    }
}

/// The empty path.
const ROOT: u32 = 0;

/// Paths as a tree of names, so that a folder ten thousand levels deep does not cost its whole path.
struct Folders {
    nodes: Vec<Node>,
    below: PairMap<u32>,
}

struct Node {
    parent: u32,
    name: u32,
    /// Bytes of the whole path.
    length: usize,
}

impl Folders {
    fn new() -> Self {
        let root = Node {
            parent: ROOT,
            name: 0,
            length: 0,
        };
        Self {
            nodes: vec![root],
            below: PairMap::default(),
        }
    }

    /// The path of the entry `name`, of so many bytes, below `folder`.
    fn below(&mut self, folder: u32, name: u32, bytes: usize) -> u32 {
        let next = self.nodes.len() as u32;
        let path = *self.below.entry(pair(folder, name)).or_insert(next);
        if path == next {
            let slash = usize::from(folder != ROOT);
            self.nodes.push(Node {
                parent: folder,
                name,
                length: self.length(folder) + slash + bytes,
            });
        }
        path
    }

    fn length(&self, path: u32) -> usize {
        self.nodes.get(path as usize).map_or(0, |node| node.length)
    }

    fn spell(&self, path: u32, ways: &Ways) -> Vec<u8> {
        let mut names = Vec::new();
        let mut at = path;
        while at != ROOT
            && let Some(node) = self.nodes.get(at as usize)
        {
            names.push(ways.named(node.name));
            at = node.parent;
        }
        names.reverse();
        names.join(&b'/')
    }
}
