//! Which trees have which folders, and from there which lead to what is wanted.
//!
//! All batches are gone through once, in any order: folders get numbers, and of each tree is kept what may matter of its entries. What
//! leads somewhere is told from that, so it does not matter either in which order trees came.

use std::hash::RandomState;

use exeat_gitwire::{
    ObjectId,
    history::{Step, Ways},
    pack::Kind,
};

use super::{
    ByHash, Names,
    notes::{Trees, halves},
};
use crate::{ids::Ids, references::References};

/// Folders at most, as many as a table of 2^19 places takes: with what else is bounded here it is 48 MB.
const MOST_FOLDERS: usize = 458_752;
/// Different entries of batches that may matter at most, and how often trees may have them.
const MOST_LINKS: usize = 1 << 20;
const MOST_EDGES: usize = 4 << 20;
/// In place of a number.
const NONE: u32 = u32::MAX;

/// An entry of trees that may matter.
#[derive(Clone, Copy)]
struct Link {
    name: u32,
    /// The number of the object, if it is wanted.
    wanted: u32,
    /// The number of the folder, if it is one.
    folder: u32,
}

/// A tree with entries that may matter.
struct Tree {
    /// Its entry in the pack.
    entry: u32,
    folder: u32,
    /// Where its edges begin; they end where those of the next one begin.
    start: u32,
}

pub(super) struct Graph<'s> {
    ids: &'s Ids,
    key: &'s RandomState,
    names: &'s Names,
    ways: Ways,
    /// What is wanted, by the short form, and where to look first.
    wanted: ByHash<u32>,
    filter: Filter,
    folders: ByHash<u32>,
    links: Vec<Link>,
    /// Of each tree its links, tree by tree.
    edges: Vec<u32>,
    trees: Vec<Tree>,
    /// The numbers of names.
    numbered: ByHash<u32>,
}

impl<'s> Graph<'s> {
    pub(super) fn new(ids: &'s Ids, key: &'s RandomState, names: &'s Names) -> Self {
        Self {
            ids,
            key,
            names,
            ways: Ways::default(),
            wanted: ByHash::default(),
            filter: Filter::new(),
            folders: ByHash::default(),
            links: Vec::new(),
            edges: Vec::new(),
            trees: Vec::new(),
            numbered: ByHash::default(),
        }
    }

    /// Wants the object, whatever kind it is.
    pub(super) fn want(&mut self, id: &ObjectId) {
        let number = self.ways.object(id);
        for kind in [Kind::Blob, Kind::Tree] {
            let shortened = References::shorten(self.key, kind, id.as_slice());
            self.filter.add(shortened);
            self.wanted.insert(shortened, number);
        }
    }

    /// Takes in the words of a batch. Nothing if there is more than can be held.
    pub(super) fn batch(&mut self, words: &[u64]) -> Option<()> {
        let (&first, words) = words.split_first()?;
        let (entries, numbers) = halves(first);
        let (entries, packed) = words.split_at_checked(entries as usize * 2)?;
        let (entries, _) = entries.as_chunks();
        let mut links: Vec<u32> = Vec::with_capacity(entries.len());
        for &[shortened, name] in entries {
            links.push(self.link(shortened, name)?);
        }
        let mut unpacked: Vec<u32> = Vec::with_capacity(packed.len() * 2);
        unpacked.extend(packed.iter().flat_map(|&word| {
            let (second, first) = halves(word);
            [first, second]
        }));
        for (entry, numbers) in Trees(unpacked.get(..numbers as usize)?) {
            let start = self.edges.len();
            let of_tree = numbers
                .iter()
                .filter_map(|&number| links.get(number as usize));
            self.edges
                .extend(of_tree.copied().filter(|&link| link != NONE));
            if self.edges.len() > start {
                self.tree(entry, start as u32)?;
            }
        }
        let is_held = self.folders.len() <= MOST_FOLDERS
            && self.links.len() <= MOST_LINKS
            && self.edges.len() <= MOST_EDGES;
        is_held.then_some(())
    }

    /// The number of the link that an entry of a batch is, if it may matter.
    fn link(&mut self, shortened: u64, name: u64) -> Option<u32> {
        let mut wanted = NONE;
        if self.filter.may_have(shortened) {
            wanted = self.wanted.get(&shortened).copied().unwrap_or(NONE);
        }
        let folder = match References::kind(shortened) {
            Kind::Tree => self.folder(shortened),
            _ => NONE,
        };
        if wanted == NONE && folder == NONE {
            return Some(NONE);
        }
        let name = self.name(name)?;
        let number = self.links.len() as u32;
        self.links.push(Link {
            name,
            wanted,
            folder,
        });
        Some(number)
    }

    fn folder(&mut self, shortened: u64) -> u32 {
        let next = self.folders.len() as u32;
        *self.folders.entry(shortened).or_insert(next)
    }

    fn name(&mut self, hash: u64) -> Option<u32> {
        if let Some(&number) = self.numbered.get(&hash) {
            return Some(number);
        }
        let number = self.ways.name(self.names.get(&hash)?);
        self.numbered.insert(hash, number);
        Some(number)
    }

    fn tree(&mut self, entry: u32, start: u32) -> Option<()> {
        let id = self.ids.raw(entry)?;
        let folder = self.folder(References::shorten(self.key, Kind::Tree, id));
        self.trees.push(Tree {
            entry,
            folder,
            start,
        });
        Some(())
    }

    /// What the trees lead to, if at most `most` of their entries do.
    pub(super) fn ways(mut self, most: u64) -> Option<Ways> {
        let leading = self.leading();
        // Ways may take as much.
        self.folders = ByHash::default();
        // By folder: the number of the object, if it leads somewhere.
        let mut numbers = vec![NONE; leading.len()];
        for tree in &self.trees {
            let folder = tree.folder as usize;
            if let (Some(true), Some(place)) = (leading.get(folder), numbers.get_mut(folder)) {
                *place = self.ways.object(&self.ids.get(tree.entry)?);
            }
        }
        let mut left = most;
        for at in 0..self.trees.len() {
            let Some(&number) = self
                .trees
                .get(at)
                .and_then(|tree| numbers.get(tree.folder as usize))
                .filter(|&&number| number != NONE)
            else {
                continue;
            };
            let steps = self.steps(self.edges(at), &numbers);
            left = left.checked_sub(steps.len() as u64)?;
            self.ways.lead(number, steps);
        }
        Some(self.ways)
    }

    /// The steps of a tree with these edges; `numbers` are those of the folders that lead somewhere.
    fn steps(&self, edges: &[u32], numbers: &[u32]) -> Vec<Step> {
        let wanted = self.links(edges).map(|link| (link, link.wanted, false));
        let number = |folder: u32| numbers.get(folder as usize).copied().unwrap_or(NONE);
        let folders = self.links(edges);
        let folders = folders.map(|link| (link, number(link.folder), true));
        let all = wanted.chain(folders).filter(|(_, to, _)| *to != NONE);
        all.map(|(link, to, leads)| Step {
            name: link.name,
            to,
            leads,
        })
        .collect()
    }

    /// By folder: whether it is a tree that leads to something wanted.
    fn leading(&self) -> Vec<bool> {
        let mut walk = Walk {
            tree_of: vec![NONE; self.folders.len()],
            leads: vec![false; self.folders.len()],
            is_begun: vec![false; self.trees.len()],
            stack: Vec::new(),
        };
        for (number, tree) in (0..).zip(&self.trees) {
            if let Some(place) = walk.tree_of.get_mut(tree.folder as usize) {
                *place = number;
            }
        }
        for tree in 0..self.trees.len() as u32 {
            walk.begin(tree);
            while let Some((tree, next)) = walk.stack.pop() {
                self.step(&mut walk, tree, next);
            }
        }
        walk.leads
    }

    /// Looks at a tree from its link number `next` on: up to one that leads somewhere, or to a folder that was not looked at.
    fn step(&self, walk: &mut Walk, tree: u32, next: u32) {
        let Some(folder) = self.trees.get(tree as usize).map(|tree| tree.folder) else {
            return;
        };
        let edges = self.edges(tree as usize).get(next as usize..);
        let links = self.links(edges.unwrap_or_default());
        for (number, link) in (next..).zip(links) {
            if link.wanted != NONE || walk.leads(link.folder) {
                if let Some(leads) = walk.leads.get_mut(folder as usize) {
                    *leads = true;
                }
                return;
            }
            let below = walk.tree_of.get(link.folder as usize).copied();
            if below.is_some_and(|below| walk.is_new(below)) {
                // It is looked at once more when that is known.
                walk.stack.push((tree, number));
                walk.begin(below.unwrap_or(NONE));
                return;
            }
        }
    }

    fn edges(&self, tree: usize) -> &[u32] {
        let start = |tree: usize| self.trees.get(tree).map(|tree| tree.start as usize);
        let end = start(tree + 1).unwrap_or(self.edges.len());
        let edges = start(tree).and_then(|start| self.edges.get(start..end));
        edges.unwrap_or_default()
    }

    fn links(&self, edges: &[u32]) -> impl Iterator<Item = &Link> {
        edges
            .iter()
            .filter_map(|&link| self.links.get(link as usize))
    }
}

/// The walk through the graph. Ids are hashes of what they stand for, so no tree is below itself; were one, it would lead nowhere.
struct Walk {
    /// By folder.
    tree_of: Vec<u32>,
    leads: Vec<bool>,
    /// By tree.
    is_begun: Vec<bool>,
    /// Trees, and which of their links comes next. Folders may be deep, so it is no call stack.
    stack: Vec<(u32, u32)>,
}

impl Walk {
    fn leads(&self, folder: u32) -> bool {
        self.leads.get(folder as usize).is_some_and(|&leads| leads)
    }

    fn is_new(&self, tree: u32) -> bool {
        self.is_begun
            .get(tree as usize)
            .is_some_and(|&begun| !begun)
    }

    fn begin(&mut self, tree: u32) {
        if let Some(begun) = self.is_begun.get_mut(tree as usize)
            && !std::mem::replace(begun, true)
        {
            self.stack.push((tree, 0));
        }
    }
}

/// Short forms of objects, some too many: a bit for each of a million.
struct Filter(Vec<u64>);

const FILTER_WORDS: usize = 1 << 14;

impl Filter {
    fn new() -> Self {
        Self(vec![0; FILTER_WORDS])
    }

    fn add(&mut self, shortened: u64) {
        let (word, bit) = Self::place(shortened);
        if let Some(word) = self.0.get_mut(word) {
            *word |= bit;
        }
    }

    fn may_have(&self, shortened: u64) -> bool {
        let (word, bit) = Self::place(shortened);
        self.0.get(word).is_some_and(|word| word & bit != 0)
    }

    fn place(shortened: u64) -> (usize, u64) {
        // The lowest two bits say the kind.
        let bit = (shortened >> 2) as usize % (FILTER_WORDS * 64);
        (bit / 64, 1 << (bit % 64))
    }
}
