//! The new commits in order: parents before children, older before younger.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use gix_hash::{Kind as HashKind, ObjectId};

use super::{Error, Objects, find};
use crate::objects::commit::Commit;
use crate::pack::Kind;

/// A commit whose places are searched.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tip {
    pub(super) id: ObjectId,
    pub(super) tree: ObjectId,
}

struct Node {
    tip: Tip,
    seconds: i64,
    /// Parents among the commits that are not in order yet.
    parents: usize,
    children: Vec<usize>,
}

/// Sorts `ids`: no commit before one of its parents; of the commits that could be next, the one with the
/// oldest commit date, then with the lowest id. Ids that the push does not bring are left out.
pub(super) fn oldest_first(
    objects: &mut dyn Objects,
    hash: HashKind,
    ids: &[ObjectId],
) -> Result<Vec<Tip>, Error> {
    let mut nodes = graph(objects, hash, ids)?;
    let mut ready: BinaryHeap<_> = (0..nodes.len())
        .filter_map(|at| ready_entry(&nodes, at))
        .collect();
    let mut sorted = Vec::with_capacity(nodes.len());
    while let Some(Reverse((_, _, at))) = ready.pop() {
        let Some(node) = nodes.get_mut(at) else {
            continue;
        };
        sorted.push(node.tip);
        for child in std::mem::take(&mut node.children) {
            if let Some(child) = nodes.get_mut(child) {
                child.parents -= 1;
            }
            ready.extend(ready_entry(&nodes, child));
        }
    }
    Ok(sorted)
}

type Ready = Reverse<(i64, ObjectId, usize)>;

fn ready_entry(nodes: &[Node], at: usize) -> Option<Ready> {
    let node = nodes.get(at).filter(|node| node.parents == 0)?;
    Some(Reverse((node.seconds, node.tip.id, at)))
}

fn graph(objects: &mut dyn Objects, hash: HashKind, ids: &[ObjectId]) -> Result<Vec<Node>, Error> {
    let mut nodes: Vec<Node> = Vec::new();
    let mut positions: HashMap<ObjectId, usize> = HashMap::new();
    let mut parents: Vec<Vec<ObjectId>> = Vec::new();
    for &id in ids {
        if positions.contains_key(&id) {
            continue;
        }
        let Some(data) = find(objects, &id, Kind::Commit)? else {
            continue;
        };
        let commit = Commit::parse(hash, &data).map_err(|error| Error::Object {
            id,
            error: error.into(),
        })?;
        positions.insert(id, nodes.len());
        parents.push(commit.parents().to_vec());
        let tip = Tip {
            id,
            tree: *commit.tree(),
        };
        nodes.push(Node {
            tip,
            seconds: commit.commit_seconds(),
            parents: 0,
            children: Vec::new(),
        });
    }
    for (child, parents) in parents.iter().enumerate() {
        for parent in parents.iter().filter_map(|parent| positions.get(parent)) {
            if let Some(parent) = nodes.get_mut(*parent) {
                parent.children.push(child);
            }
            if let Some(child) = nodes.get_mut(child) {
                child.parents += 1;
            }
        }
    }
    Ok(nodes)
}
