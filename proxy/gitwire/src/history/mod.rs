//! From new commits to the places of chosen objects: every path, and the commit that brought it there.
//!
//! Blobs are inspected without their paths; only those with findings need them. So the trees are walked
//! from the few wanted ids: first every tree is read once to learn which lead to a wanted object, then
//! paths are spelled out along those only. git's way, a diff of every commit, would read the trees of a
//! long history many times.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use gix_hash::{Kind as HashKind, ObjectId};

use crate::objects;
use crate::pack::{self, Kind};

mod commits;
mod numbers;
mod paths;
mod trees;
mod ways;

pub use commits::{Facts, Tip, oldest_first};
pub use ways::{Step, Ways};

/// An object: its kind and its content.
pub type Found = (Kind, Arc<Vec<u8>>);

/// Where the objects of the push are found.
pub trait Objects {
    /// The object with this id, or `None` if the push does not bring it.
    fn find(&mut self, id: &ObjectId) -> Result<Option<Found>, pack::Error>;
}

/// What the search may cost. Beyond a limit the answer is incomplete, never wrong.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Places listed per object.
    pub paths_per_object: usize,
    /// Steps while spelling out paths: one for a folder entered, an entry seen, 64 bytes of path written,
    /// sixteen for a path met for the first time. A few dozen trees can be nested so that they have
    /// more paths than anybody can list.
    pub steps: u64,
}

impl Default for Limits {
    /// 1000 places per object, two million steps (below a second, and below 100 MiB).
    fn default() -> Self {
        Self {
            paths_per_object: 1000,
            steps: 2_000_000,
        }
    }
}

/// One entry may be kept in memory for each of so many allowed steps.
const STEPS_PER_ENTRY: u64 = 4;

impl Limits {
    /// Entries of trees that may be kept in memory.
    pub fn entries(&self) -> u64 {
        self.steps / STEPS_PER_ENTRY
    }
}

/// One place of an object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The first commit that has the object at this path: no ancestor of it among the new commits has it
    /// there; of several such commits the one with the oldest commit date, then the lowest id.
    pub commit: ObjectId,
    /// The path from the root of the repository, segments joined by `/`; empty for a root tree.
    pub path: Vec<u8>,
}

/// The places of the wanted objects. The default is to know none of them.
#[derive(Debug, Default)]
pub struct Places {
    /// By object, oldest commit first. Objects without a place are not listed.
    pub by_id: HashMap<ObjectId, Vec<Place>>,
    /// Whether these are all places. If not, an object may stand at paths that are not listed, and
    /// whoever excuses a finding by its path must not.
    pub complete: bool,
}

/// The places cannot be searched.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An object cannot be read.
    #[error(transparent)]
    Pack(#[from] pack::Error),
    /// A commit or tree is malformed.
    #[error("object {id}: {error}")]
    Object {
        /// The commit or tree.
        id: ObjectId,
        /// What is wrong with it.
        error: objects::Error,
    },
    /// An id is used for an object of another kind.
    #[error("object {id} is not a {expected}, though it is referred to as one")]
    WrongKind {
        /// The object.
        id: ObjectId,
        /// The kind it is referred to as.
        expected: Kind,
    },
}

/// Finds every path at which a `wanted` blob or tree stands in one of `commits`, as far as trees of the
/// push lead there, and the first commit that has it there. Trees the push does not bring are not
/// entered. Every commit and tree is read once.
pub fn places(
    objects: &mut dyn Objects,
    hash: HashKind,
    commits: &[ObjectId],
    wanted: &HashSet<ObjectId>,
    limits: &Limits,
) -> Result<Places, Error> {
    match search(objects, hash, commits, wanted, limits) {
        Err(Error::Pack(pack::Error::Rework { .. })) => Ok(Places::default()),
        result => result,
    }
}

fn search(
    objects: &mut dyn Objects,
    hash: HashKind,
    commits: &[ObjectId],
    wanted: &HashSet<ObjectId>,
    limits: &Limits,
) -> Result<Places, Error> {
    let commits = oldest_first(&commits::read(objects, hash, commits)?);
    let mut trees = trees::Trees::new(hash, wanted, limits.entries());
    for commit in &commits {
        if !trees.learn(objects, commit.tree)? {
            return Ok(Places::default());
        }
    }
    Ok(places_along(trees.into_ways(), &commits, wanted, limits))
}

/// As [`places`], where it is known already which trees lead to what is `wanted`. `commits` are in the order of [`oldest_first`].
pub fn places_along(
    mut ways: Ways,
    commits: &[Tip],
    wanted: &HashSet<ObjectId>,
    limits: &Limits,
) -> Places {
    // A root tree that is wanted need not lead anywhere.
    for id in wanted {
        ways.object(id);
    }
    let mut paths = paths::Paths::new(&ways, wanted, limits);
    for commit in commits {
        if !paths.walk(commit) {
            break;
        }
    }
    paths.into_places()
}

/// Reads an object that must be of one kind; `None` if the push does not bring it.
fn find(
    objects: &mut dyn Objects,
    id: &ObjectId,
    expected: Kind,
) -> Result<Option<Arc<Vec<u8>>>, Error> {
    match objects.find(id)? {
        None => Ok(None),
        Some((kind, data)) if kind == expected => Ok(Some(data)),
        Some(_) => Err(Error::WrongKind { id: *id, expected }),
    }
}
