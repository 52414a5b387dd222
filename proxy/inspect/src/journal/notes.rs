//! What one batch of objects notes, in words.

use exeat_gitwire::{HashKind, ObjectId, history::Facts, objects::commit::Commit};

use super::ByHash;
use crate::ids::Ids;

/// Bytes of the longest id.
const LONGEST_ID: usize = 32;

/// The commits of one batch: of each a word with its entry and the number of words that follow.
#[derive(Default)]
pub struct CommitNotes(pub(super) Vec<u64>);

impl CommitNotes {
    /// Notes a commit, which was read before.
    pub fn commit(&mut self, hash: HashKind, entry: u32, data: &[u8]) {
        let Ok(commit) = Commit::parse(hash, data) else {
            return;
        };
        let start = self.0.len();
        self.0.extend([0, commit.commit_seconds().cast_unsigned()]);
        self.push_id(commit.tree());
        for parent in commit.parents() {
            self.push_id(parent);
        }
        let count = self.0.len() - start - 1;
        if let Some(first) = self.0.get_mut(start) {
            *first = two(count as u32, entry);
        }
    }

    fn push_id(&mut self, id: &ObjectId) {
        for part in id.as_slice().chunks(size_of::<u64>()) {
            let mut word = [0; size_of::<u64>()];
            word.iter_mut().zip(part).for_each(|(to, from)| *to = *from);
            self.0.push(u64::from_le_bytes(word));
        }
    }
}

/// The trees of one batch.
#[derive(Default)]
pub struct TreeNotes {
    /// Different entries: the object in the short form, and the hash of the name.
    entries: Vec<[u64; 2]>,
    numbers: ByHash<u32>,
    /// Of each tree its entry in the pack, how many entries it has, and their numbers.
    trees: Vec<u32>,
}

impl TreeNotes {
    /// Begins a tree; says where.
    pub fn begin(&mut self) -> usize {
        self.trees.extend([0, 0]);
        self.trees.len()
    }

    /// Notes an entry of the tree; whether it is a new one.
    pub fn entry(&mut self, shortened: u64, name: u64) -> bool {
        let next = self.entries.len() as u32;
        // Both are hashes under a key that nobody knows.
        let both = shortened ^ name.rotate_left(1);
        let number = *self.numbers.entry(both).or_insert(next);
        if number == next {
            self.entries.push([shortened, name]);
        }
        self.trees.push(number);
        number == next
    }

    /// Ends the tree that began at `start`.
    pub fn end(&mut self, start: usize, entry: u32) {
        let count = (self.trees.len() - start) as u32;
        if let Some([first, second]) = self
            .trees
            .get_mut(start - 2..start)
            .and_then(|head| head.as_mut_array())
        {
            (*first, *second) = (entry, count);
        }
    }

    /// All of it in words: how many entries and how many numbers follow, the entries sorted, the numbers two by two.
    pub fn words(&self) -> Vec<u64> {
        if self.trees.is_empty() {
            return Vec::new();
        }
        let key = |number: u32| {
            self.entries
                .get(number as usize)
                .copied()
                .unwrap_or_default()
        };
        let mut order: Vec<u32> = (0..self.entries.len() as u32).collect();
        order.sort_unstable_by_key(|&number| key(number));
        let mut places = vec![0; order.len()];
        for (place, &number) in (0..).zip(&order) {
            if let Some(slot) = places.get_mut(number as usize) {
                *slot = place;
            }
        }
        let mut numbers = Vec::with_capacity(self.trees.len());
        for (entry, of_tree) in Trees(&self.trees) {
            numbers.extend([entry, of_tree.len() as u32]);
            let place = |&number: &u32| places.get(number as usize).copied();
            numbers.extend(of_tree.iter().filter_map(place));
        }
        let mut words = vec![two(order.len() as u32, numbers.len() as u32)];
        words.extend(order.iter().flat_map(|&number| key(number)));
        words.extend(numbers.chunks(2).map(|pair| {
            let half = |at: usize| pair.get(at).copied().unwrap_or_default();
            two(half(1), half(0))
        }));
        words
    }
}

/// Goes through numbers tree by tree: the entry of each in the pack, and the numbers of what it has.
pub(super) struct Trees<'n>(pub(super) &'n [u32]);

impl<'n> Iterator for Trees<'n> {
    type Item = (u32, &'n [u32]);

    fn next(&mut self) -> Option<Self::Item> {
        let (&[entry, count], behind) = self.0.split_first_chunk()?;
        let (numbers, behind) = behind.split_at_checked(count as usize)?;
        self.0 = behind;
        Some((entry, numbers))
    }
}

/// Two halves of a word, the high one first.
fn two(high: u32, low: u32) -> u64 {
    u64::from(high) << 32 | u64::from(low)
}

pub(super) fn halves(word: u64) -> (u32, u32) {
    ((word >> 32) as u32, word as u32)
}

/// A commit that was noted, and its parents.
pub(super) fn commit(
    hash: HashKind,
    ids: &Ids,
    entry: u32,
    words: &[u64],
) -> Option<(u32, Facts, Vec<ObjectId>)> {
    let (seconds, named) = words.split_first()?;
    let mut named = named
        .chunks(width(hash))
        .filter_map(|words| id(hash, words));
    let facts = Facts {
        id: ids.get(entry)?,
        tree: named.next()?,
        seconds: seconds.cast_signed(),
        parents: Vec::new(),
    };
    Some((entry, facts, named.collect()))
}

/// The id that was noted in these words.
fn id(hash: HashKind, words: &[u64]) -> Option<ObjectId> {
    let mut bytes = [[0; size_of::<u64>()]; LONGEST_ID / size_of::<u64>()];
    for (to, word) in bytes.iter_mut().zip(words) {
        *to = word.to_le_bytes();
    }
    ObjectId::try_from(bytes.as_flattened().get(..hash.len_in_bytes())?).ok()
}

/// Words of an id.
fn width(hash: HashKind) -> usize {
    hash.len_in_bytes().div_ceil(size_of::<u64>())
}
