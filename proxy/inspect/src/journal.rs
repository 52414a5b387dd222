//! What commits and trees of a pack name, noted as they pass: behind the last byte none of them has to be read again to say where an
//! object lies.
//!
//! Of each entry of a tree two words are noted: the object in the short form of [`References`], and the hash of its name. A search goes
//! through them from the last to the first, because git writes a tree in front of those below it: so what a tree leads to is mostly
//! known when the tree is reached, and a second time finds nothing more. What is too much to be held goes to disk. What is too much
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
/// Words of one object at most: a tree of 32,768 entries.
const LONGEST: usize = 64 << 10;
/// Bytes of all different names together, and what one takes besides itself.
const NAMES: usize = 1 << 20;
const PER_NAME: usize = 64;
/// Times that trees are gone through at most: those in the worst order need one for each folder in another.
const ROUNDS: usize = 16;

/// By the hash of a name, or the short form of an object, which nobody can prepare.
type ByHash<T> = HashMap<u64, T, BuildHasherDefault<Identity>>;
pub type Names = ByHash<Arc<[u8]>>;

/// Objects in words, one behind the other: each a word with its entry and the number of words that follow.
#[derive(Default)]
pub struct Notes {
    words: Vec<u64>,
    is_too_long: bool,
}

impl Notes {
    /// Notes a commit, which was read before.
    pub fn commit(&mut self, hash: HashKind, entry: u32, data: &[u8]) {
        let Ok(commit) = Commit::parse(hash, data) else {
            return;
        };
        let start = self.begin();
        self.words.push(commit.commit_seconds().cast_unsigned());
        self.push_id(commit.tree());
        for parent in commit.parents() {
            self.push_id(parent);
        }
        self.end(start, entry);
    }

    /// Begins a tree; says where.
    pub fn begin(&mut self) -> usize {
        self.words.push(0);
        self.words.len() - 1
    }

    /// Notes an entry of the tree.
    pub fn entry(&mut self, shortened: u64, name: u64) {
        self.words.extend([shortened, name]);
    }

    /// Ends what began at `start`.
    pub fn end(&mut self, start: usize, entry: u32) {
        let count = self.words.len() - start - 1;
        if count > LONGEST {
            self.words.truncate(start);
            self.is_too_long = true;
        } else if let Some(first) = self.words.get_mut(start) {
            *first = (count as u64) << 32 | u64::from(entry);
        }
    }

    fn push_id(&mut self, id: &ObjectId) {
        for part in id.as_slice().chunks(size_of::<u64>()) {
            let mut word = [0; size_of::<u64>()];
            word.iter_mut().zip(part).for_each(|(to, from)| *to = *from);
            self.words.push(u64::from_le_bytes(word));
        }
    }
}

/// The id that was noted in these words.
fn id(hash: HashKind, words: &[u64]) -> Option<ObjectId> {
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    ObjectId::try_from(bytes.get(..hash.len_in_bytes())?).ok()
}

/// Words of an id.
fn width(hash: HashKind) -> usize {
    hash.len_in_bytes().div_ceil(size_of::<u64>())
}

/// Notes of all batches.
#[derive(Default)]
struct Log {
    held: Vec<Vec<u64>>,
    /// The chunks on disk: where they begin, and their words.
    spilled: Vec<(u64, usize)>,
    file: Option<Scratch>,
    open: Vec<u64>,
}

impl Log {
    fn add(&mut self, words: &[u64], room: Option<&Scratch>) -> io::Result<()> {
        self.open.extend_from_slice(words);
        if self.open.len() < CHUNK {
            return Ok(());
        }
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

    /// Hands over each object, entry and words, from the last to the first, as long as `each` wants more.
    fn each_back(&self, each: &mut dyn FnMut(u32, &[u64]) -> bool) -> io::Result<()> {
        if !objects_back(&self.open, each) {
            return Ok(());
        }
        let (mut bytes, mut words) = (Vec::new(), Vec::new());
        for &(start, count) in self.spilled.iter().rev() {
            let Some(file) = &self.file else { break };
            bytes.resize(count * size_of::<u64>(), 0);
            file.read_at(&mut bytes, start)?;
            words.clear();
            let (whole, _) = bytes.as_chunks();
            words.extend(whole.iter().map(|word| u64::from_le_bytes(*word)));
            if !objects_back(&words, each) {
                return Ok(());
            }
        }
        for held in self.held.iter().rev() {
            if !objects_back(held, each) {
                break;
            }
        }
        Ok(())
    }
}

fn objects_back(words: &[u64], each: &mut dyn FnMut(u32, &[u64]) -> bool) -> bool {
    let count = |first: u64| (first >> 32) as usize;
    let mut starts = Vec::new();
    let mut at = 0;
    while let Some(&first) = words.get(at) {
        starts.push(at);
        at += 1 + count(first);
    }
    starts.into_iter().rev().all(|start| {
        let first = words.get(start).copied().unwrap_or_default();
        let object = words.get(start + 1..start + 1 + count(first));
        each(first as u32, object.unwrap_or_default())
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
        commits: &Notes,
        trees: &Notes,
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
        let added = self
            .commits
            .add(&commits.words, room)
            .and_then(|()| self.trees.add(&trees.words, room));
        if added.is_err() || commits.is_too_long || trees.is_too_long || self.named > NAMES {
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
        let mut each = |entry: u32, words: &[u64]| {
            let (seconds, named) = words.split_first().unwrap_or((&0, &[]));
            let mut named = named
                .chunks(width(hash))
                .filter_map(|words| id(hash, words));
            if let (Some(id), Some(tree)) = (ids.get(entry), named.next()) {
                let facts = Facts {
                    id,
                    tree,
                    seconds: seconds.cast_signed(),
                    parents: Vec::new(),
                };
                noted.push((entry, facts, named.collect()));
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
        let mut search = Search {
            ids,
            key,
            names: &self.names,
            ways: Ways::default(),
            sought: ByHash::default(),
            filter: vec![0; FILTER_WORDS],
            numbered: ByHash::default(),
            left: most,
            has_found: false,
        };
        for id in wanted {
            let number = search.ways.object(id);
            for kind in [Kind::Blob, Kind::Tree] {
                search.seek(kind, id, number, |sought| sought.is_wanted = true);
            }
        }
        for _ in 0..ROUNDS {
            search.has_found = false;
            let mut goes_on = true;
            self.trees.each_back(&mut |entry, words| {
                goes_on = search.tree(entry, words).is_some();
                goes_on
            })?;
            match (goes_on, search.has_found) {
                (false, _) => return Ok(None),
                (true, false) => return Ok(Some(search.ways)),
                (true, true) => {}
            }
        }
        Ok(None)
    }
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

/// Words of the filter: a bit for each of a million hashes.
const FILTER_WORDS: usize = 1 << 14;

#[derive(Clone, Copy, Default)]
struct Sought {
    number: u32,
    is_wanted: bool,
    leads: bool,
}

struct Search<'s> {
    ids: &'s Ids,
    key: &'s RandomState,
    names: &'s Names,
    ways: Ways,
    /// Objects that are wanted or lead to some, in the short form.
    sought: ByHash<Sought>,
    /// Their hashes have bits here: most entries are none of them.
    filter: Vec<u64>,
    /// The numbers of names.
    numbered: ByHash<u32>,
    /// Entries that may still lead to something.
    left: u64,
    /// A tree was found that leads to something.
    has_found: bool,
}

impl Search<'_> {
    fn seek(&mut self, kind: Kind, id: &ObjectId, number: u32, how: impl FnOnce(&mut Sought)) {
        let shortened = References::shorten(self.key, kind, id.as_slice());
        let (word, bit) = place(shortened);
        if let Some(word) = self.filter.get_mut(word) {
            *word |= bit;
        }
        let sought = self.sought.entry(shortened).or_default();
        sought.number = number;
        how(sought);
    }

    /// Looks through the words of a tree. Nothing if this search is to end without result.
    fn tree(&mut self, entry: u32, words: &[u64]) -> Option<()> {
        let (pairs, _) = words.as_chunks();
        let (mut steps, mut folders) = (Vec::new(), Vec::new());
        for &[shortened, name] in pairs {
            let (word, bit) = place(shortened);
            if self.filter.get(word)? & bit == 0 {
                continue;
            }
            let Some(&sought) = self.sought.get(&shortened) else {
                continue;
            };
            let step = Step {
                name: self.name(name)?,
                to: sought.number,
                leads: false,
            };
            if sought.is_wanted {
                steps.push(step);
            }
            if sought.leads {
                folders.push(Step {
                    leads: true,
                    ..step
                });
            }
        }
        steps.append(&mut folders);
        if steps.is_empty() {
            return Some(());
        }
        let id = self.ids.get(entry)?;
        let tree = self.ways.object(&id);
        let known = self.ways.steps(tree).len();
        if steps.len() > known {
            self.left = self.left.checked_sub((steps.len() - known) as u64)?;
            self.ways.lead(tree, steps);
        }
        if known == 0 {
            self.has_found = true;
            self.seek(Kind::Tree, &id, tree, |sought| sought.leads = true);
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

/// Where the bit of a hash is.
fn place(shortened: u64) -> (usize, u64) {
    // The lowest two bits are no hash.
    let bit = (shortened >> 2) as usize % (FILTER_WORDS * 64);
    (bit / 64, 1 << (bit % 64))
}
