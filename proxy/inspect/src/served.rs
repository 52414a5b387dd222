//! What a repository serves at this moment: what stands at a path in the trees of refs that the upstream tells.

use std::{collections::HashSet, sync::Arc};

use exeat_gitwire::{
    HashKind, ObjectId,
    objects::{commit::Commit, tree},
    pack::{Bases, Fetched, Kind, MOST_BASES, Spool, Unavailable},
};
use exeat_rules::Action;

use crate::batch::Shared;

/// Trees that are fetched on the way to all paths.
const MOST_TREES: usize = 2_048;
/// Folders on the way to one path: each level is a question, and its answer is kept.
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
    /// The root trees of its tips, once they were asked for.
    roots: Option<Result<Vec<ObjectId>, Unavailable>>,
    objects: Vec<Fetched<S>>,
    /// Which of them was read last: it alone holds something in memory.
    read: usize,
}

/// How far a path leads down from the root tree of one tip.
pub struct Way<'p> {
    pub path: &'p [u8],
    /// The trees that it leads through, from the root on.
    pub trees: Vec<ObjectId>,
    pub end: End,
}

/// What a path comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// A file, or a link.
    Blob(ObjectId),
    /// There is none.
    Nothing,
    /// It was not looked up to its end.
    Unknown,
}

/// A path on its way down.
struct Track<'p> {
    path: &'p [u8],
    rest: &'p [u8],
    trees: Vec<ObjectId>,
    tree: ObjectId,
}

impl<'p> Track<'p> {
    fn new(path: &'p [u8], root: ObjectId) -> Self {
        Self {
            path,
            rest: path,
            trees: Vec::new(),
            tree: root,
        }
    }

    fn ends(self, end: End) -> Way<'p> {
        Way {
            path: self.path,
            trees: self.trees,
            end,
        }
    }
}

/// One segment of a way.
enum Step<'p> {
    /// The tree below, and what is left of the path.
    Down(ObjectId, &'p [u8]),
    End(End),
}

impl<'a, S: Spool> Versions<'a, S> {
    pub fn new(shared: &'a Shared, served: &'a mut dyn Served<S>) -> Self {
        Self {
            hash: shared.hash,
            shared,
            served,
            roots: None,
            objects: Vec::new(),
            read: 0,
        }
    }

    /// Whether a finding of this action is judged milder if it is in the repository already.
    pub fn spares(&self, action: Action) -> bool {
        self.served.spares(action)
    }

    /// What stands at `paths` in any of the tips; each file is then at hand.
    pub fn blobs_at<'p>(
        &mut self,
        paths: &[&'p [u8]],
    ) -> Result<HashSet<(&'p [u8], ObjectId)>, Unavailable> {
        let ways = self.ways(paths)?;
        let blobs = ways.into_iter().filter_map(|way| match way.end {
            End::Blob(id) => Some((way.path, id)),
            End::Nothing | End::Unknown => None,
        });
        let blobs: HashSet<_> = blobs.collect();
        self.bring(blobs.iter().map(|(_, id)| *id))?;
        Ok(blobs)
    }

    /// How far each of `paths` leads from each of the tips, which come in their order. Trees that did not come with the tips are asked
    /// for level by level, all paths at once.
    pub fn ways<'p>(&mut self, paths: &[&'p [u8]]) -> Result<Vec<Way<'p>>, Unavailable> {
        let roots = self.roots()?;
        let of_root = |root: ObjectId| paths.iter().map(move |&path| Track::new(path, root));
        let mut tracks: Vec<Track<'p>> = roots.into_iter().flat_map(of_root).collect();
        let mut ways = Vec::new();
        let mut trees = 0;
        for _ in 0..=MOST_LEVELS {
            if tracks.is_empty() || trees > MOST_TREES {
                break;
            }
            trees += self.bring(tracks.iter().map(|track| track.tree))?;
            let mut below = Vec::new();
            for mut track in tracks {
                self.go_on()?;
                match self.step(&mut track) {
                    Step::Down(tree, rest) => below.push(Track {
                        rest,
                        tree,
                        ..track
                    }),
                    Step::End(end) => ways.push(track.ends(end)),
                }
            }
            tracks = below;
        }
        ways.extend(tracks.into_iter().map(|track| track.ends(End::Unknown)));
        Ok(ways)
    }

    /// The root trees of the tips, asked for once. A tip that is no commit has none.
    fn roots(&mut self) -> Result<Vec<ObjectId>, Unavailable> {
        if self.roots.is_none() {
            self.roots = Some(self.ask_for_roots());
        }
        self.roots.clone().unwrap_or(Ok(Vec::new()))
    }

    fn ask_for_roots(&mut self) -> Result<Vec<ObjectId>, Unavailable> {
        let tips = self.served.tips()?;
        self.objects.extend(tips.objects);
        let mut roots = Vec::new();
        for tip in tips.ids {
            let Some(commit) = self.content(&tip, Kind::Commit) else {
                continue;
            };
            if let Ok(commit) = Commit::parse(self.hash, &commit) {
                roots.push(*commit.tree());
            }
        }
        Ok(roots)
    }

    fn go_on(&self) -> Result<(), Unavailable> {
        self.shared.go_on().map_err(|error| Unavailable {
            id: None,
            why: error.to_string(),
        })
    }

    fn step<'p>(&mut self, track: &mut Track<'p>) -> Step<'p> {
        let Some(content) = self.tree(&track.tree) else {
            return Step::End(End::Unknown);
        };
        track.trees.push(track.tree);
        let mut segments = track.rest.splitn(2, |&byte| byte == b'/');
        let name = segments.next().unwrap_or_default();
        let rest = segments.next().unwrap_or_default();
        for entry in tree::Entries::new(self.hash, &content) {
            let Ok(entry) = entry else {
                return Step::End(End::Unknown);
            };
            if entry.name == name {
                return Self::take(&entry, rest);
            }
        }
        Step::End(End::Nothing)
    }

    fn take<'p>(entry: &tree::Entry<'_>, rest: &'p [u8]) -> Step<'p> {
        let (Ok(kind), Ok(id)) = (entry.kind(), ObjectId::try_from(entry.id)) else {
            return Step::End(End::Unknown);
        };
        match (kind.object(), rest) {
            (Some(Kind::Blob), []) => Step::End(End::Blob(id)),
            (Some(Kind::Tree), [_, ..]) => Step::Down(id, rest),
            _ => Step::End(End::Nothing),
        }
    }

    /// Fetches what is not at hand; returns how many objects that was.
    pub fn bring(&mut self, ids: impl Iterator<Item = ObjectId>) -> Result<usize, Unavailable> {
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

    /// The tree, if it is at hand.
    pub fn tree(&mut self, id: &ObjectId) -> Option<Arc<Vec<u8>>> {
        self.content(id, Kind::Tree)
    }

    /// The object, if it is at hand and of this kind.
    pub fn content(&mut self, id: &ObjectId, kind: Kind) -> Option<Arc<Vec<u8>>> {
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
