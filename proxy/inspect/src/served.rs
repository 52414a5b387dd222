//! What a repository serves at this moment: what stands at a path in the trees of refs that the upstream tells.

use std::collections::HashSet;

use exeat_gitwire::{
    HashKind, ObjectId,
    objects::{commit::Commit, tree},
    pack::{Bases, Fetched, Kind, MOST_BASES, Spool, Unavailable},
};
use exeat_rules::Action;

use crate::batch::Shared;

/// Trees that are read on the way to them.
const MOST_TREES: usize = 2_048;
/// Folders on the way to one of them: each level is a question, and its answer is kept.
const MOST_LEVELS: usize = 64;

/// What a repository serves at this moment.
pub trait Served<S>: Bases<S> {
    /// Whether a finding of this action is judged milder if it is in the repository already.
    fn spares(&self, action: Action) -> bool;
    /// The commits that refs point to, as the upstream tells them now, those that fit the push best first.
    fn tips(&mut self) -> Result<Tips<S>, Unavailable>;
}

/// Commits that refs point to, and the objects themselves, with as many of their trees as were at hand.
pub struct Tips<S> {
    pub ids: Vec<ObjectId>,
    pub objects: Vec<Fetched<S>>,
}

/// The files of a repository as some of its refs serve them.
pub struct Versions<'a, S> {
    hash: HashKind,
    shared: &'a Shared,
    served: &'a mut dyn Served<S>,
    objects: Vec<Fetched<S>>,
    /// Which of them was read last: it alone holds something in memory.
    read: usize,
}

/// A path on its way down from a root tree.
struct Track<'a> {
    path: &'a [u8],
    rest: &'a [u8],
    tree: ObjectId,
}

impl<'a, S: Spool> Versions<'a, S> {
    pub fn new(shared: &'a Shared, served: &'a mut dyn Served<S>) -> Self {
        Self {
            hash: shared.hash,
            shared,
            served,
            objects: Vec::new(),
            read: 0,
        }
    }

    /// What stands at `paths` in any of the tips. Trees that did not come with the tips are asked for level by
    /// level, all paths at once.
    pub fn blobs_at<'p>(
        &mut self,
        paths: &[&'p [u8]],
    ) -> Result<HashSet<(&'p [u8], ObjectId)>, Unavailable> {
        let tips = self.served.tips()?;
        self.objects.extend(tips.objects);
        let mut tracks = Vec::new();
        for tip in tips.ids {
            let Some(commit) = self.content(&tip, Kind::Commit) else {
                continue;
            };
            if let Ok(commit) = Commit::parse(self.hash, &commit) {
                let tree = *commit.tree();
                tracks.extend(paths.iter().map(|&path| Track {
                    path,
                    rest: path,
                    tree,
                }));
            }
        }
        let mut blobs = HashSet::new();
        let mut trees = 0;
        for _ in 0..=MOST_LEVELS {
            if tracks.is_empty() || trees > MOST_TREES {
                break;
            }
            trees += self.bring(tracks.iter().map(|track| track.tree))?;
            let mut below = Vec::new();
            for track in tracks {
                self.go_on()?;
                match self.step(&track) {
                    Some((id, [])) => drop(blobs.insert((track.path, id))),
                    Some((tree, rest)) => below.push(Track {
                        path: track.path,
                        rest,
                        tree,
                    }),
                    None => {}
                }
            }
            tracks = below;
        }
        self.bring(blobs.iter().map(|(_, id)| *id))?;
        Ok(blobs)
    }

    fn go_on(&self) -> Result<(), Unavailable> {
        self.shared.go_on().map_err(|error| Unavailable {
            id: None,
            why: error.to_string(),
        })
    }

    /// One segment further down: the tree below and what is left of the path, or the file and nothing.
    fn step<'p>(&mut self, track: &Track<'p>) -> Option<(ObjectId, &'p [u8])> {
        let content = self.content(&track.tree, Kind::Tree)?;
        let mut segments = track.rest.splitn(2, |&byte| byte == b'/');
        let name = segments.next()?;
        let rest = segments.next().unwrap_or_default();
        let kind = match rest {
            [] => Kind::Blob,
            _ => Kind::Tree,
        };
        let mut entries = tree::Entries::new(self.hash, &content).map_while(Result::ok);
        let entry = entries.find(|entry| entry.name == name)?;
        if entry.kind().ok()?.object() != Some(kind) {
            return None;
        }
        Some((ObjectId::try_from(entry.id).ok()?, rest))
    }

    /// Fetches what is not at hand; returns how many objects that was.
    fn bring(&mut self, ids: impl Iterator<Item = ObjectId>) -> Result<usize, Unavailable> {
        let mut needed: Vec<ObjectId> = ids.filter(|id| !self.has(id)).collect();
        needed.sort_unstable();
        needed.dedup();
        for some in needed.chunks(MOST_BASES) {
            let fetched = self.served.fetch(some)?;
            self.objects.extend(fetched);
        }
        Ok(needed.len())
    }

    fn has(&self, id: &ObjectId) -> bool {
        self.objects.iter().any(|fetched| fetched.contains(id))
    }

    pub fn content(&mut self, id: &ObjectId, kind: Kind) -> Option<std::sync::Arc<Vec<u8>>> {
        let at = self.objects.iter().position(|each| each.contains(id))?;
        if at != self.read
            && let Some(before) = self.objects.get_mut(self.read)
        {
            before.rest();
        }
        self.read = at;
        let fetched = self.objects.get_mut(at)?;
        let (found, data) = fetched.read(id).ok()??;
        (found == kind).then_some(data)
    }
}
