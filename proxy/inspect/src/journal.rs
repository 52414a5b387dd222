//! What commits and trees of a pack name, noted as they pass: behind the last byte none of them has to be read again to say where an
//! object lies.
//!
//! Trees name the same few entries again and again, so those of a batch are noted once: the object in the short form of
//! [`References`] with the hash of its name. Of a tree is noted which of them it has. A search goes through the batches from the last to
//! the first, because git writes a tree in front of those below it: so what a tree leads to is mostly known when the tree is reached.
//! Folders that were passed by too early are looked for once more. What is too much to be held goes to disk. What is too much
//! altogether, or made to be searched slowly, is given up: then the objects are read again.

use std::{
    collections::{HashMap, HashSet, hash_map::RandomState},
    hash::BuildHasherDefault,
    io,
    sync::Arc,
};

use exeat_gitwire::{
    HashKind, ObjectId,
    history::{Facts, Step, Ways},
    objects::commit::Commit,
    pack::{Kind, Scratch},
};

use crate::{
    ancestry::Parents,
    ids::{Entries, Ids},
    references::{Identity, References},
};

/// Words of notes that are put together, held or on disk.
const CHUNK: usize = 64 << 10;
/// Chunks of each kind of notes that are held: 1 MiB.
const HELD: usize = 2;
/// Words of one batch at most: it has to be held beside a large tree.
const LONGEST: usize = 64 << 10;
/// Bytes of all different names together, and what one takes besides itself.
const NAMES: usize = 1 << 20;
const PER_NAME: usize = 64;
/// Times that trees are gone through at most: those in the worst order need one for each folder in another.
const ROUNDS: usize = 16;

/// Bytes of the longest id.
const LONGEST_ID: usize = 32;
/// Folders that are remembered as leading nowhere at most.
const MOST_SEEN: usize = 500_000;

/// By the hash of a name, or the short form of an object, which nobody can prepare.
type ByHash<T> = HashMap<u64, T, BuildHasherDefault<Identity>>;
pub type Names = ByHash<Arc<[u8]>>;

/// The commits of one batch: of each a word with its entry and the number of words that follow.
#[derive(Default)]
pub struct CommitNotes(Vec<u64>);

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
struct Trees<'n>(&'n [u32]);

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

fn halves(word: u64) -> (u32, u32) {
    ((word >> 32) as u32, word as u32)
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

/// Words of all batches.
#[derive(Default)]
struct Log {
    held: Vec<Vec<u64>>,
    /// The chunks on disk: where they begin, and their words.
    spilled: Vec<(u64, usize)>,
    file: Option<Scratch>,
    open: Vec<u64>,
    /// Where in `open` batches begin, and of the other chunks in their order.
    starts: Vec<u32>,
    earlier: Vec<Vec<u32>>,
}

impl Log {
    fn add(&mut self, words: &[u64], room: Option<&Scratch>) -> io::Result<()> {
        if words.is_empty() {
            return Ok(());
        }
        self.starts.push(self.open.len() as u32);
        self.open.extend_from_slice(words);
        if self.open.len() < CHUNK {
            return Ok(());
        }
        self.earlier.push(std::mem::take(&mut self.starts));
        if self.held.len() < HELD {
            self.held.push(std::mem::take(&mut self.open));
            return Ok(());
        }
        let file = match &mut self.file {
            Some(file) => file,
            file => file.insert(room.ok_or(io::ErrorKind::StorageFull)?.scratch()?),
        };
        let bytes: Vec<u8> = self
            .open
            .iter()
            .flat_map(|word| word.to_le_bytes())
            .collect();
        file.append(&bytes)?;
        let (start, words) = self.spilled.last().copied().unwrap_or_default();
        let start = start + (words * size_of::<u64>()) as u64;
        self.spilled.push((start, self.open.len()));
        self.open.clear();
        Ok(())
    }

    /// Hands over the words of each batch, from the last to the first, as long as `each` wants more.
    fn each_back(&self, each: &mut dyn FnMut(&[u64]) -> bool) -> io::Result<()> {
        if !batches_back(&self.open, &self.starts, each) {
            return Ok(());
        }
        let mut starts = self.earlier.iter().rev();
        let mut starts = || starts.next().map_or(&[][..], Vec::as_slice);
        let (mut bytes, mut words) = (Vec::new(), Vec::new());
        for &(start, count) in self.spilled.iter().rev() {
            let Some(file) = &self.file else { break };
            bytes.resize(count * size_of::<u64>(), 0);
            file.read_at(&mut bytes, start)?;
            words.clear();
            let (whole, _) = bytes.as_chunks();
            words.extend(whole.iter().map(|word| u64::from_le_bytes(*word)));
            if !batches_back(&words, starts(), each) {
                return Ok(());
            }
        }
        for held in self.held.iter().rev() {
            if !batches_back(held, starts(), each) {
                break;
            }
        }
        Ok(())
    }
}

fn batches_back(words: &[u64], starts: &[u32], each: &mut dyn FnMut(&[u64]) -> bool) -> bool {
    let mut end = words.len();
    starts.iter().rev().all(|&start| {
        let start = start as usize;
        let batch = words.get(start..end).unwrap_or_default();
        end = start;
        each(batch)
    })
}

/// What the commits and trees of one push name.
#[derive(Default)]
pub struct Journal {
    commits: Log,
    trees: Log,
    names: Names,
    /// Bytes of the names.
    named: usize,
    /// Something was not noted.
    is_given_up: bool,
    room: Option<Scratch>,
}

impl Journal {
    /// Sets where notes go that are too many to be held. Where there is no room they are given up.
    pub fn spill_to(&mut self, room: io::Result<Scratch>) {
        self.room = room.ok();
    }

    /// Takes the notes of one batch, and the names of its trees by their hashes.
    pub fn add(
        &mut self,
        commits: &CommitNotes,
        trees: &[u64],
        names: impl Iterator<Item = (u64, Arc<[u8]>)>,
    ) {
        if self.is_given_up {
            return;
        }
        for (hash, name) in names {
            let bytes = name.len() + PER_NAME;
            if self.names.insert(hash, name).is_none() {
                self.named += bytes;
            }
        }
        let room = self.room.as_ref();
        let is_noted = commits.0.len() <= LONGEST
            && trees.len() <= LONGEST
            && self.named <= NAMES
            && self.commits.add(&commits.0, room).is_ok()
            && self.trees.add(trees, room).is_ok();
        if !is_noted {
            *self = Self {
                is_given_up: true,
                ..Self::default()
            };
        }
    }

    /// The commits of the pack; nothing where notes were given up.
    ///
    /// # Errors
    /// When the notes cannot be read.
    pub fn commits(
        &self,
        ids: &Ids,
        entries: &Entries<'_>,
        hash: HashKind,
    ) -> io::Result<Option<Commits>> {
        if self.is_given_up {
            return Ok(None);
        }
        let mut noted: Vec<(u32, Facts, Vec<ObjectId>)> = Vec::new();
        let mut each = |words: &[u64]| {
            let mut rest = words;
            while let Some((&first, behind)) = rest.split_first() {
                let (count, entry) = halves(first);
                let (words, behind) = behind.split_at(behind.len().min(count as usize));
                rest = behind;
                noted.extend(commit(hash, ids, entry, words));
            }
            true
        };
        self.commits.each_back(&mut each)?;
        noted.sort_unstable_by_key(|(entry, ..)| *entry);
        let at: Vec<u32> = noted.iter().map(|(entry, ..)| *entry).collect();
        let place = |id: &ObjectId| {
            let entry = entries.find(id.as_slice())?;
            at.binary_search(&entry).ok()
        };
        let mut commits = Commits::default();
        for (_, mut facts, parents) in noted {
            let here = parents.iter().filter_map(place);
            facts.parents = here.map(|place| place as u32).collect();
            commits.facts.push(facts);
            commits.begins.push(parents.is_empty());
        }
        commits.entries = at;
        Ok(Some(commits))
    }

    /// Which trees lead to what is `wanted`, if at most `most` entries of trees do; nothing where notes were given up, or that cannot be
    /// told quickly.
    ///
    /// # Errors
    /// When the notes cannot be read.
    pub fn ways(
        &self,
        ids: &Ids,
        key: &RandomState,
        wanted: &HashSet<ObjectId>,
        most: u64,
    ) -> io::Result<Option<Ways>> {
        if self.is_given_up {
            return Ok(None);
        }
        let mut search = Search::new(ids, key, &self.names, most);
        for id in wanted {
            search.want(id);
        }
        for _ in 0..ROUNDS {
            let mut goes_on = true;
            self.trees.each_back(&mut |words| {
                goes_on = search.batch(words).is_some();
                goes_on
            })?;
            if !goes_on {
                return Ok(None);
            }
            if search.late.is_empty() {
                return Ok(Some(search.ways));
            }
            search.again();
        }
        Ok(None)
    }
}

/// A commit that was noted, and its parents.
fn commit(
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

/// The commits of a pack, by their entries, ascending.
#[derive(Default)]
pub struct Commits {
    pub entries: Vec<u32>,
    pub facts: Vec<Facts>,
    /// Whether it has no parents at all, here or elsewhere.
    pub begins: Vec<bool>,
}

impl Commits {
    /// The parents of the commit of this entry.
    pub fn parents(&self, entry: u32) -> Parents {
        let Ok(at) = self.entries.binary_search(&entry) else {
            return Parents::default();
        };
        let parents = self.facts.get(at).map_or(&[][..], |facts| &facts.parents);
        let entry = |&place: &u32| self.entries.get(place as usize).copied();
        Parents {
            entries: parents.iter().filter_map(entry).collect(),
            none: self.begins.get(at).is_some_and(|&begins| begins),
        }
    }
}

#[derive(Clone, Copy, Default)]
struct Sought {
    number: u32,
    is_wanted: bool,
    leads: bool,
}

/// What an entry leads to.
#[derive(Clone, Copy)]
struct Steps {
    to: u32,
    name: u32,
    is_wanted: bool,
    leads: bool,
}

/// What is known of an entry of a batch.
struct Known {
    steps: Option<Steps>,
    /// A tree was looked through that has it.
    is_passed: bool,
}

impl Known {
    fn leads(&self) -> bool {
        self.steps.is_some_and(|steps| steps.leads)
    }
}

impl Steps {
    fn step(self, leads: bool) -> Step {
        Step {
            name: self.name,
            to: self.to,
            leads,
        }
    }
}

struct Search<'s> {
    ids: &'s Ids,
    key: &'s RandomState,
    names: &'s Names,
    ways: Ways,
    /// Objects that are wanted or lead to some, in the short form.
    sought: ByHash<Sought>,
    /// Those of them that trees are looked through for.
    filter: Filter,
    /// Folders that were taken to lead nowhere, in the short form.
    seen: HashSet<u64, BuildHasherDefault<Identity>>,
    /// Those of them that do lead somewhere.
    late: Vec<u64>,
    /// All trees have been looked through once.
    is_again: bool,
    /// The numbers of names.
    numbered: ByHash<u32>,
    /// Entries that may still lead to something.
    left: u64,
}

impl<'s> Search<'s> {
    fn new(ids: &'s Ids, key: &'s RandomState, names: &'s Names, most: u64) -> Self {
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
    fn want(&mut self, id: &ObjectId) {
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
    fn again(&mut self) {
        self.filter = Filter::new();
        self.late.drain(..).for_each(|late| self.filter.add(late));
        self.is_again = true;
    }

    /// Looks through the words of a batch. Nothing if the search is to end without result.
    fn batch(&mut self, words: &[u64]) -> Option<()> {
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
        Some(Some(Steps {
            to: sought.number,
            name: self.name(name)?,
            is_wanted: sought.is_wanted,
            leads: sought.leads,
        }))
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
            if steps.is_wanted {
                found.push(steps.step(false));
            }
            if steps.leads {
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

#[cfg(test)]
mod tests {
    use std::hash::BuildHasher;

    use super::*;

    /// Numbers that look like chance and are the same each time.
    struct Chance(u64);

    impl Chance {
        fn below(&mut self, end: usize) -> usize {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            (self.0 >> 11) as usize % end
        }
    }

    /// An object of a pack: what it is, and what it has if it is a tree, by numbers of objects.
    type Made = (Kind, Vec<usize>);

    const BLOBS: usize = 60;
    const TREES: usize = 150;

    /// Blobs, and trees of blobs and of trees with lower numbers.
    fn objects(chance: &mut Chance) -> Vec<Made> {
        let mut made: Vec<Made> = vec![(Kind::Blob, Vec::new()); BLOBS];
        for number in BLOBS..BLOBS + TREES {
            let near = number.saturating_sub(40);
            let entry = |chance: &mut Chance| match chance.below(3) {
                0 => near + chance.below(number - near),
                _ => chance.below(BLOBS),
            };
            let count = chance.below(6);
            made.push((Kind::Tree, (0..count).map(|_| entry(chance)).collect()));
        }
        made
    }

    fn id_of(number: usize) -> ObjectId {
        let mut bytes = [7; 20];
        bytes[..8].copy_from_slice(
            &(number as u64 + 1)
                .wrapping_mul(0x9e37_79b9_7f4a_7c15)
                .to_be_bytes(),
        );
        ObjectId::from_bytes_or_panic(&bytes)
    }

    fn name_of(place: usize) -> String {
        format!("name-{place}")
    }

    /// A journal of trees that come in this order, in batches of this size.
    fn journal(made: &[Made], order: &[usize], batch: usize, key: &RandomState) -> Journal {
        let mut journal = Journal::default();
        journal.spill_to(Ok(Box::new(Vec::new())));
        for trees in order.chunks(batch) {
            let mut notes = TreeNotes::default();
            let mut names = Names::default();
            for &tree in trees {
                let start = notes.begin();
                for (place, &entry) in made[tree].1.iter().enumerate() {
                    let name = name_of(place);
                    let hash = key.hash_one(name.as_bytes());
                    names.insert(hash, name.as_bytes().into());
                    let shortened =
                        References::shorten(key, made[entry].0, id_of(entry).as_slice());
                    notes.entry(shortened, hash);
                }
                notes.end(start, tree as u32);
            }
            journal.add(&CommitNotes::default(), &notes.words(), names.into_iter());
        }
        journal
    }

    /// For each tree what its steps should be: name, object, whether it leads on.
    fn steps(made: &[Made], wanted: &[usize]) -> Vec<Vec<(String, ObjectId, bool)>> {
        let mut all: Vec<Vec<(String, ObjectId, bool)>> = vec![Vec::new(); made.len()];
        for number in 0..made.len() {
            let of = |leads: bool, is_step: &dyn Fn(usize) -> bool| {
                let entries = made[number].1.iter().enumerate();
                let steps = entries.filter(|(_, entry)| is_step(**entry));
                steps
                    .map(|(place, &entry)| (name_of(place), id_of(entry), leads))
                    .collect::<Vec<_>>()
            };
            let mut found = of(false, &|entry| wanted.contains(&entry));
            found.extend(of(true, &|entry| !all[entry].is_empty()));
            all[number] = found;
        }
        all
    }

    #[test]
    fn ways_are_those_of_all_trees_in_whatever_order_they_come() {
        let mut chance = Chance(88);
        for round in 0..60 {
            let made = objects(&mut chance);
            let mut order: Vec<usize> = (BLOBS..made.len()).collect();
            match round % 3 {
                0 => order.reverse(),
                1 => {}
                _ => (1..order.len()).for_each(|at| order.swap(at, chance.below(at + 1))),
            }
            let wanted: Vec<usize> = (0..4).map(|_| chance.below(made.len())).collect();
            let mut ids = Ids::new(HashKind::Sha1);
            (0..made.len()).for_each(|number| ids.set(number as u32, &id_of(number)));
            let key = RandomState::new();
            let batch = 1 + chance.below(80);
            let journal = journal(&made, &order, batch, &key);
            let asked = wanted.iter().map(|&number| id_of(number)).collect();
            let ways = journal.ways(&ids, &key, &asked, 1 << 20).unwrap();
            let mut ways = ways.expect("because there are fewer rounds in it than are gone");
            for (number, expected) in steps(&made, &wanted).into_iter().enumerate() {
                let tree = ways.object(&id_of(number));
                let expected: Vec<Step> = expected
                    .into_iter()
                    .map(|(name, id, leads)| Step {
                        name: ways.name(name.as_bytes()),
                        to: ways.object(&id),
                        leads,
                    })
                    .collect();
                assert_eq!(ways.steps(tree), expected, "round {round}, object {number}");
            }
            let all: u64 = steps(&made, &wanted)
                .iter()
                .map(|steps| steps.len() as u64)
                .sum();
            let is_told = |most| journal.ways(&ids, &key, &asked, most).unwrap().is_some();
            assert!(
                is_told(all) && (all == 0 || !is_told(all - 1)),
                "{all} entries lead there"
            );
        }
    }

    /// A chain of folders of which each comes before the one around it.
    #[test]
    fn what_would_be_searched_slowly_is_given_up() {
        let made: Vec<Made> = std::iter::once((Kind::Blob, Vec::new()))
            .chain((1..100).map(|number| (Kind::Tree, vec![number - 1])))
            .collect();
        let mut ids = Ids::new(HashKind::Sha1);
        (0..made.len()).for_each(|number| ids.set(number as u32, &id_of(number)));
        let key = RandomState::new();
        let asked = HashSet::from([id_of(0)]);
        let found = |order: &[usize], batch| {
            let journal = journal(&made, order, batch, &key);
            journal.ways(&ids, &key, &asked, 1 << 20).unwrap().is_some()
        };
        let inner_first: Vec<usize> = (1..made.len()).collect();
        let outer_first: Vec<usize> = inner_first.iter().rev().copied().collect();
        for batch in [1, 7] {
            assert!(found(&outer_first, batch));
            assert!(!found(&inner_first, batch));
            assert!(found(&inner_first[..ROUNDS - 1], batch));
        }
    }

    #[test]
    fn commits_are_what_was_noted_on_disk_as_well() {
        for hash in [HashKind::Sha1, HashKind::Sha256] {
            let id = |number: u32| {
                let mut bytes = vec![3; hash.len_in_bytes()];
                bytes[..4].copy_from_slice(&number.to_be_bytes());
                ObjectId::try_from(&bytes[..]).unwrap()
            };
            let count = 40_000;
            let mut ids = Ids::new(hash);
            (0..count).for_each(|number| ids.set(number, &id(number)));
            let mut journal = Journal::default();
            journal.spill_to(Ok(Box::new(Vec::new())));
            for first in (0..count).step_by(500) {
                let mut notes = CommitNotes::default();
                for number in first..first + 500 {
                    // Every third has a parent that is not here, the last none.
                    let parents = [number + 1, count + 7];
                    let parents =
                        &parents[..(number % 3 + 1).min(count - 1 - number).min(2) as usize];
                    let parents: String = parents
                        .iter()
                        .map(|&parent| format!("parent {}\n", id(parent)))
                        .collect();
                    let person = format!("A <a@b> {number} +0000");
                    let text = format!(
                        "tree {}\n{parents}author {person}\ncommitter {person}\n\nx\n",
                        id(5)
                    );
                    notes.commit(hash, number, text.as_bytes());
                }
                journal.add(&notes, &[], std::iter::empty());
            }
            assert!(journal.commits.spilled.len() > 1, "some of it is on disk");
            let entries = ids.entries(count).unwrap();
            let commits = journal.commits(&ids, &entries, hash).unwrap().unwrap();
            assert_eq!(commits.entries, (0..count).collect::<Vec<_>>());
            for number in 0..count {
                let facts = &commits.facts[number as usize];
                assert_eq!(
                    (facts.id, facts.tree, facts.seconds),
                    (id(number), id(5), number.into())
                );
                let parents = commits.parents(number);
                let is_last = number + 1 == count;
                assert_eq!(parents.none, is_last);
                assert_eq!(
                    parents.entries,
                    if is_last { vec![] } else { vec![number + 1] }
                );
            }
        }
    }

    #[test]
    fn what_cannot_be_kept_is_given_up() {
        let given_up = |room: io::Result<Scratch>, names: usize, words: usize| {
            let mut journal = Journal::default();
            journal.spill_to(room);
            for number in 0..names as u64 {
                let name: Arc<[u8]> = vec![b'n'; 1000].into();
                journal.add(
                    &CommitNotes::default(),
                    &[],
                    std::iter::once((number, name)),
                );
            }
            for _ in 0..5 {
                journal.add(&CommitNotes::default(), &vec![0; words], std::iter::empty());
            }
            journal.is_given_up
        };
        let room = || Ok(Box::new(Vec::new()) as Scratch);
        assert!(!given_up(room(), 900, CHUNK));
        assert!(given_up(room(), 1000, 1), "too many names");
        assert!(given_up(room(), 1, LONGEST + 1), "too long a batch");
        assert!(
            given_up(Err(io::ErrorKind::StorageFull.into()), 1, CHUNK),
            "no room"
        );
    }
}
