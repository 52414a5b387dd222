//! The search for trees that lead to what is wanted, batch by batch.

use std::{
    collections::{HashSet, hash_map::RandomState},
    hash::BuildHasherDefault,
};

use exeat_gitwire::{
    ObjectId,
    history::{Step, Ways},
    pack::Kind,
};

use super::{
    ByHash, Names,
    notes::{Trees, halves},
};
use crate::{
    ids::Ids,
    references::{Identity, References},
};

/// Folders that are remembered as leading nowhere at most.
const MOST_SEEN: usize = 500_000;

#[derive(Clone, Copy, Default)]
struct Sought {
    number: u32,
    is_wanted: bool,
    leads: bool,
}

/// An entry that leads to something, and the number of its name.
#[derive(Clone, Copy)]
struct Steps {
    sought: Sought,
    name: u32,
}

/// What is known of an entry of a batch.
struct Known {
    steps: Option<Steps>,
    /// A tree was looked through that has it.
    is_passed: bool,
}

impl Known {
    fn leads(&self) -> bool {
        self.steps.is_some_and(|steps| steps.sought.leads)
    }
}

impl Steps {
    fn step(self, leads: bool) -> Step {
        Step {
            name: self.name,
            to: self.sought.number,
            leads,
        }
    }
}

pub(super) struct Search<'s> {
    ids: &'s Ids,
    key: &'s RandomState,
    names: &'s Names,
    pub(super) ways: Ways,
    /// Objects that are wanted or lead to some, in the short form.
    sought: ByHash<Sought>,
    /// Those of them that trees are looked through for.
    filter: Filter,
    /// Folders that were taken to lead nowhere, in the short form.
    seen: HashSet<u64, BuildHasherDefault<Identity>>,
    /// Those of them that do lead somewhere.
    pub(super) late: Vec<u64>,
    /// All trees have been looked through once.
    is_again: bool,
    /// The numbers of names.
    numbered: ByHash<u32>,
    /// Entries that may still lead to something.
    left: u64,
}

impl<'s> Search<'s> {
    pub(super) fn new(ids: &'s Ids, key: &'s RandomState, names: &'s Names, most: u64) -> Self {
        Self {
            ids,
            key,
            names,
            ways: Ways::default(),
            sought: ByHash::default(),
            filter: Filter::new(),
            seen: HashSet::default(),
            late: Vec::new(),
            is_again: false,
            numbered: ByHash::default(),
            left: most,
        }
    }

    /// Looks for the object from now on, whatever kind it is.
    pub(super) fn want(&mut self, id: &ObjectId) {
        let number = self.ways.object(id);
        for kind in [Kind::Blob, Kind::Tree] {
            let shortened = References::shorten(self.key, kind, id.as_slice());
            self.filter.add(shortened);
            let sought = self.sought.entry(shortened).or_default();
            (sought.number, sought.is_wanted) = (number, true);
        }
    }

    /// Looks from now on also for the tree, which leads to something.
    fn follow(&mut self, id: &ObjectId, number: u32) -> u64 {
        let shortened = References::shorten(self.key, Kind::Tree, id.as_slice());
        self.filter.add(shortened);
        let sought = self.sought.entry(shortened).or_default();
        (sought.number, sought.leads) = (number, true);
        if self.seen.contains(&shortened) {
            self.late.push(shortened);
        }
        shortened
    }

    /// Goes through the trees once more, for what was found too late alone.
    pub(super) fn again(&mut self) {
        self.filter = Filter::new();
        self.late.drain(..).for_each(|late| self.filter.add(late));
        self.is_again = true;
    }

    /// Looks through the words of a batch. Nothing if the search is to end without result.
    pub(super) fn batch(&mut self, words: &[u64]) -> Option<()> {
        let (&first, words) = words.split_first()?;
        let (entries, numbers) = halves(first);
        let (entries, packed) = words.split_at_checked(entries as usize * 2)?;
        let (entries, _) = entries.as_chunks();
        if self.is_again
            && !entries
                .iter()
                .any(|&[shortened, _]| self.filter.may_have(shortened))
        {
            return Some(());
        }
        let mut known: Vec<Known> = Vec::with_capacity(entries.len());
        for &[shortened, name] in entries {
            known.push(Known {
                steps: self.steps(shortened, name)?,
                is_passed: false,
            });
        }
        let mut unpacked: Vec<u32> = Vec::with_capacity(packed.len() * 2);
        unpacked.extend(packed.iter().flat_map(|&word| {
            let (second, first) = halves(word);
            [first, second]
        }));
        let trees: Vec<_> = Trees(unpacked.get(..numbers as usize)?).collect();
        for (entry, numbers) in trees.into_iter().rev() {
            self.tree(entry, numbers, entries, &mut known)?;
        }
        if !self.is_again {
            let shortened = entries.iter().map(|&[shortened, _]| shortened);
            let passed = shortened.zip(&known).filter(|(_, known)| !known.leads());
            let passed = passed.map(|(shortened, _)| shortened);
            let folders = passed.filter(|&shortened| References::kind(shortened) == Kind::Tree);
            self.seen.extend(folders);
        }
        (self.seen.len() <= MOST_SEEN).then_some(())
    }

    /// What is known of an entry, if it is sought.
    fn steps(&mut self, shortened: u64, name: u64) -> Option<Option<Steps>> {
        if !self.is_again && !self.filter.may_have(shortened) {
            return Some(None);
        }
        let Some(&sought) = self.sought.get(&shortened) else {
            return Some(None);
        };
        let name = self.name(name)?;
        Some(Some(Steps { sought, name }))
    }

    /// Looks through one tree of a batch, of whose entries so much is `known`.
    fn tree(
        &mut self,
        entry: u32,
        numbers: &[u32],
        entries: &[[u64; 2]],
        known: &mut [Known],
    ) -> Option<()> {
        let (mut found, mut folders) = (Vec::new(), Vec::new());
        for &number in numbers {
            let known = known.get_mut(number as usize)?;
            known.is_passed = true;
            let Some(steps) = known.steps else { continue };
            if steps.sought.is_wanted {
                found.push(steps.step(false));
            }
            if steps.sought.leads {
                folders.push(steps.step(true));
            }
        }
        found.append(&mut folders);
        if found.is_empty() {
            return Some(());
        }
        let id = self.ids.get(entry)?;
        let tree = self.ways.object(&id);
        let before = self.ways.steps(tree).len();
        if found.len() > before {
            self.left = self.left.checked_sub((found.len() - before) as u64)?;
            self.ways.lead(tree, found);
        }
        if before > 0 {
            return Some(());
        }
        let shortened = self.follow(&id, tree);
        // Trees of the same batch may have it.
        let start = entries.partition_point(|&[other, _]| other < shortened);
        for (place, &[other, name]) in entries.iter().enumerate().skip(start) {
            if other != shortened {
                break;
            }
            let steps = self.steps(shortened, name)?;
            let known = known.get_mut(place)?;
            known.steps = steps;
            if known.is_passed {
                self.late.push(shortened);
            }
        }
        Some(())
    }

    fn name(&mut self, hash: u64) -> Option<u32> {
        if let Some(&number) = self.numbered.get(&hash) {
            return Some(number);
        }
        let number = self.ways.name(self.names.get(&hash)?);
        self.numbered.insert(hash, number);
        Some(number)
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
