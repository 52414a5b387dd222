//! Notes against what they were made of.

use std::{hash::BuildHasher, ops::Range};

use exeat_gitwire::{history::Step, pack::Kind};

use super::{log::CHUNK, *};
use crate::references::References;

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
                let shortened = References::shorten(key, made[entry].0, id_of(entry).as_slice());
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

#[test]
fn deep_folders_are_followed_in_whatever_order_they_come() {
    let made: Vec<Made> = std::iter::once((Kind::Blob, Vec::new()))
        .chain((1..5000).map(|number| (Kind::Tree, vec![number - 1])))
        .collect();
    let mut ids = Ids::new(HashKind::Sha1);
    (0..made.len()).for_each(|number| ids.set(number as u32, &id_of(number)));
    let key = RandomState::new();
    let asked = HashSet::from([id_of(0)]);
    let inner_first: Vec<usize> = (1..made.len()).collect();
    let outer_first: Vec<usize> = inner_first.iter().rev().copied().collect();
    for order in [inner_first, outer_first] {
        let journal = journal(&made, &order, 7, &key);
        let ways = journal.ways(&ids, &key, &asked, 1 << 20).unwrap();
        let mut ways = ways.expect("because there are few of them");
        let leading = 1..made.len();
        let steps = |number| {
            let tree = ways.object(&id_of(number));
            ways.steps(tree).len()
        };
        assert_eq!(leading.map(steps).sum::<usize>(), made.len() - 1);
    }
}

/// A journal of `batches`, in each of which so many trees have the folders that `of` says.
fn folders(batches: u64, trees: u32, of: impl Fn(u64) -> Range<u64>) -> Journal {
    let mut journal = Journal::default();
    journal.spill_to(Ok(Box::new(Vec::new())));
    for batch in 0..batches {
        let mut notes = TreeNotes::default();
        for tree in 0..trees {
            let start = notes.begin();
            for folder in of(batch) {
                // The short form of a tree, whatever its id.
                notes.entry((folder + 1) << 2 | 1, 0);
            }
            notes.end(start, tree);
        }
        let names = std::iter::once((0, b"name"[..].into()));
        journal.add(&CommitNotes::default(), &notes.words(), names);
    }
    journal
}

#[test]
fn more_folders_than_can_be_held_are_given_up() {
    let mut ids = Ids::new(HashKind::Sha1);
    (0..40).for_each(|number| ids.set(number as u32, &id_of(number)));
    let key = RandomState::new();
    let is_told = |journal: Journal| {
        assert!(!journal.is_given_up);
        let asked = HashSet::from([id_of(0)]);
        journal.ways(&ids, &key, &asked, 1 << 20).unwrap().is_some()
    };
    let others = |batch| batch * 25_000..(batch + 1) * 25_000;
    assert!(is_told(folders(18, 1, others)));
    assert!(!is_told(folders(19, 1, others)), "too many of them");
    let same = |_| 0..25_000;
    assert!(is_told(folders(41, 1, same)));
    assert!(!is_told(folders(42, 1, same)), "in too many batches");
    let few = |_| 0..1000;
    assert!(is_told(folders(104, 40, few)));
    assert!(!is_told(folders(105, 40, few)), "in too many trees");
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
                let parents = &parents[..(number % 3 + 1).min(count - 1 - number).min(2) as usize];
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
