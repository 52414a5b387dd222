//! The new commits in order: parents before children, older before younger.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use gix_hash::{Kind as HashKind, ObjectId};

use super::{Error, Objects, find};
use crate::objects::commit::Commit;
use crate::pack::Kind;

/// A commit as far as the search for places asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Its id.
    pub id: ObjectId,
    /// Its root tree.
    pub tree: ObjectId,
    /// When it was committed, in seconds since 1970.
    pub seconds: i64,
    /// Those of its parents that are among the commits at hand, by their places there.
    pub parents: Vec<u32>,
}

/// A commit whose places are searched.
#[derive(Debug, Clone, Copy)]
pub struct Tip {
    pub(super) id: ObjectId,
    pub(super) tree: ObjectId,
}

struct Node<'f> {
    facts: &'f Facts,
    /// Parents that are not in order yet.
    parents: usize,
    children: Vec<u32>,
}

/// Sorts commits: none before one of its parents; of those that could be next, the one with the oldest commit date, then with the
/// lowest id.
pub fn oldest_first(commits: &[Facts]) -> Vec<Tip> {
    let mut nodes = graph(commits);
    let mut ready: BinaryHeap<_> = (0..nodes.len() as u32)
        .filter_map(|at| ready_entry(&nodes, at))
        .collect();
    let mut sorted = Vec::with_capacity(nodes.len());
    while let Some(Reverse((_, _, at))) = ready.pop() {
        let Some(node) = nodes.get_mut(at as usize) else {
            continue;
        };
        sorted.push(Tip {
            id: node.facts.id,
            tree: node.facts.tree,
        });
        for child in std::mem::take(&mut node.children) {
            if let Some(child) = nodes.get_mut(child as usize) {
                child.parents -= 1;
            }
            ready.extend(ready_entry(&nodes, child));
        }
    }
    sorted
}

type Ready = Reverse<(i64, ObjectId, u32)>;

fn ready_entry(nodes: &[Node<'_>], at: u32) -> Option<Ready> {
    let node = nodes.get(at as usize).filter(|node| node.parents == 0)?;
    Some(Reverse((node.facts.seconds, node.facts.id, at)))
}

fn graph(commits: &[Facts]) -> Vec<Node<'_>> {
    let node = |facts| Node {
        facts,
        parents: 0,
        children: Vec::new(),
    };
    let mut nodes: Vec<Node<'_>> = commits.iter().map(node).collect();
    for (child, facts) in (0..).zip(commits) {
        for &parent in &facts.parents {
            let Some(parent) = nodes.get_mut(parent as usize) else {
                continue;
            };
            parent.children.push(child);
            if let Some(child) = nodes.get_mut(child as usize) {
                child.parents += 1;
            }
        }
    }
    nodes
}

/// Reads the commits `ids`, each once. Those that the push does not bring are left out.
pub(super) fn read(
    objects: &mut dyn Objects,
    hash: HashKind,
    ids: &[ObjectId],
) -> Result<Vec<Facts>, Error> {
    let mut commits: Vec<Facts> = Vec::new();
    let mut places: HashMap<ObjectId, u32> = HashMap::new();
    let mut parents: Vec<Vec<ObjectId>> = Vec::new();
    for &id in ids {
        if places.contains_key(&id) {
            continue;
        }
        let Some(data) = find(objects, &id, Kind::Commit)? else {
            continue;
        };
        let commit = Commit::parse(hash, &data).map_err(|error| Error::Object {
            id,
            error: error.into(),
        })?;
        places.insert(id, commits.len() as u32);
        parents.push(commit.parents().to_vec());
        commits.push(Facts {
            id,
            tree: *commit.tree(),
            seconds: commit.commit_seconds(),
            parents: Vec::new(),
        });
    }
    for (commit, parents) in commits.iter_mut().zip(&parents) {
        let here = parents.iter().filter_map(|parent| places.get(parent));
        commit.parents = here.copied().collect();
    }
    Ok(commits)
}
