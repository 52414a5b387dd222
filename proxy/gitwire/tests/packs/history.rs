//! Places of objects, against the plain answer: list every tree of every commit.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use exeat_gitwire::history::{Found, Limits, Objects, Place, Places, places};
use exeat_gitwire::pack::{self, Error, Kind, Pack, object_id};
use exeat_gitwire::{HashKind, ObjectId};

use crate::crafted::SHA1;
use crate::repository::{Random, Repository};
use crate::sink::read_in_pieces;

/// The objects of a pack by id.
struct FromPack {
    pack: Pack<Vec<u8>>,
    positions: HashMap<ObjectId, u32>,
    reads: HashMap<ObjectId, usize>,
}

impl Objects for FromPack {
    fn find(&mut self, id: &ObjectId) -> Result<Option<Found>, Error> {
        let Some(&position) = self.positions.get(id) else {
            return Ok(None);
        };
        *self.reads.entry(*id).or_default() += 1;
        self.pack.read(position).map(Some)
    }
}

fn from_pack(hash: HashKind, pack: &[u8]) -> FromPack {
    let (pack, collected) =
        read_in_pieces(hash, pack::Limits::default(), pack, pack.len()).unwrap();
    let positions = collected
        .objects
        .iter()
        .map(|object| (object.3, object.0))
        .collect();
    FromPack {
        pack,
        positions,
        reads: HashMap::new(),
    }
}

/// What `git ls-tree` says: object and path, for every blob and tree of a commit, its root included.
fn listing(repository: &Repository, commit: &str) -> Vec<(ObjectId, Vec<u8>)> {
    let mut entries: Vec<_> = repository
        .lines(&[
            "ls-tree",
            "-r",
            "-t",
            "--full-tree",
            "--format=%(objectname) %(path)",
            commit,
        ])
        .iter()
        .map(|line| line.split_once(' ').unwrap())
        .map(|(id, path)| (id.parse().unwrap(), path.as_bytes().to_vec()))
        .collect();
    let root = repository.lines(&["rev-parse", &format!("{commit}^{{tree}}")]);
    entries.push((root[0].parse().unwrap(), Vec::new()));
    entries
}

/// The commits one by one: of those whose parents are all listed, the one with the lowest date and id.
fn oldest_first(repository: &Repository, range: &[&str]) -> Vec<String> {
    let arguments = [&["log", "--format=%ct %H %P"], range].concat();
    let mut waiting: BTreeMap<(u64, String), Vec<String>> = BTreeMap::new();
    for line in repository.lines(&arguments) {
        let mut fields = line
            .split(' ')
            .map(str::to_owned)
            .filter(|field| !field.is_empty());
        let date = fields.next().unwrap().parse().unwrap();
        waiting.insert((date, fields.next().unwrap()), fields.collect());
    }
    let mut sorted = Vec::new();
    while !waiting.is_empty() {
        let left: HashSet<&String> = waiting.keys().map(|(_, id)| id).collect();
        let ready = waiting
            .iter()
            .find(|(_, parents)| !parents.iter().any(|parent| left.contains(parent)));
        let next = ready.unwrap().0.clone();
        waiting.remove(&next);
        sorted.push(next.1);
    }
    sorted
}

fn expected(
    repository: &Repository,
    commits: &[String],
    wanted: &HashSet<ObjectId>,
) -> HashMap<ObjectId, Vec<Place>> {
    let mut seen = HashSet::new();
    let mut places: HashMap<ObjectId, Vec<Place>> = HashMap::new();
    for commit in commits {
        for (id, path) in listing(repository, commit) {
            if wanted.contains(&id) && seen.insert((id, path.clone())) {
                places.entry(id).or_default().push(Place {
                    commit: commit.parse().unwrap(),
                    path,
                });
            }
        }
    }
    places.values_mut().for_each(|places| places.sort());
    places
}

fn sorted(places: Places) -> HashMap<ObjectId, Vec<Place>> {
    assert!(places.complete);
    let mut by_id = places.by_id;
    by_id.values_mut().for_each(|places| places.sort());
    by_id
}

fn ids(lines: &[String]) -> Vec<ObjectId> {
    lines.iter().map(|line| line.parse().unwrap()).collect()
}

#[test]
fn places_are_those_of_all_trees_of_all_commits() {
    for (hash, seed) in [
        (HashKind::Sha1, 11),
        (HashKind::Sha1, 12),
        (HashKind::Sha256, 13),
    ] {
        let repository = Repository::new(hash);
        repository.grow(seed, 80);
        let mut objects = from_pack(hash, &repository.pack(&["--delta-base-offset"]));
        let commits = oldest_first(&repository, &["--all"]);
        let mut all: Vec<ObjectId> = objects.positions.keys().copied().collect();
        all.sort_unstable();
        let mut random = Random::new(seed);
        let few = (0..15).map(|_| all[random.below(all.len())]).collect();
        for wanted in [all.iter().copied().collect::<HashSet<_>>(), few] {
            let mut shuffled = ids(&commits);
            shuffled.rotate_left(random.below(commits.len()));
            objects.reads.clear();
            let found = places(&mut objects, hash, &shuffled, &wanted, &Limits::default()).unwrap();
            assert_eq!(sorted(found), expected(&repository, &commits, &wanted));
            assert!(
                objects.reads.values().all(|reads| *reads == 1),
                "everything is read once"
            );
        }
    }
}

#[test]
fn a_push_on_top_has_the_places_of_its_own_trees() {
    let repository = Repository::new(SHA1);
    repository.grow(14, 60);
    let tips = repository.lines(&["rev-parse", "b0", "b0~3"]);
    let range = ["b0", "^b0~3"];
    let new = repository.lines(&["rev-list", "--objects", "--no-object-names", "b0", "^b0~3"]);
    let mut objects = from_pack(SHA1, &repository.pack_of(new.join("\n").as_bytes(), &[]));
    let commits = oldest_first(&repository, &range);
    let wanted: HashSet<ObjectId> = ids(&new).into_iter().collect();
    let found = places(
        &mut objects,
        SHA1,
        &ids(&commits),
        &wanted,
        &Limits::default(),
    )
    .unwrap();
    assert_ne!(tips[0], tips[1]);
    assert_eq!(sorted(found), expected(&repository, &commits, &wanted));
}

/// Objects made by hand.
#[derive(Default)]
struct ByHand(HashMap<ObjectId, Found>);

impl ByHand {
    fn add(&mut self, kind: Kind, content: Vec<u8>) -> ObjectId {
        let id = object_id(SHA1, kind, &content).unwrap();
        self.0.insert(id, (kind, Arc::new(content)));
        id
    }

    fn tree(&mut self, entries: &[(&str, &str, ObjectId)]) -> ObjectId {
        let mut content = Vec::new();
        for (mode, name, id) in entries {
            content.extend(format!("{mode} {name}\0").bytes());
            content.extend(id.as_slice());
        }
        self.add(Kind::Tree, content)
    }

    fn commit(&mut self, tree: ObjectId) -> ObjectId {
        self.add(
            Kind::Commit,
            format!("tree {tree}\nauthor a <b> 1 +0000\ncommitter a <b> 1 +0000\n\n").into(),
        )
    }

    /// A blob below `levels` folders, each of which holds the next one `times` times.
    fn nested(&mut self, levels: usize, times: usize) -> (ObjectId, ObjectId) {
        let blob = self.add(Kind::Blob, b"deep".to_vec());
        let names: Vec<String> = (0..times).map(|name| format!("{name:02}")).collect();
        let mut tree = self.tree(&[("100644", "f", blob)]);
        for _ in 0..levels {
            let entries: Vec<_> = names
                .iter()
                .map(|name| ("40000", name.as_str(), tree))
                .collect();
            tree = self.tree(&entries);
        }
        (self.commit(tree), blob)
    }
}

impl Objects for ByHand {
    fn find(&mut self, id: &ObjectId) -> Result<Option<Found>, Error> {
        Ok(self.0.get(id).cloned())
    }
}

#[test]
fn row_26_trees_that_multiply_end_at_a_limit() {
    let mut objects = ByHand::default();
    let (commit, blob) = objects.nested(30, 10);
    let limits = Limits {
        paths_per_object: 5,
        ..Limits::default()
    };
    let found = places(
        &mut objects,
        SHA1,
        &[commit],
        &HashSet::from([blob]),
        &limits,
    )
    .unwrap();
    assert!(!found.complete);
    assert_eq!(found.by_id[&blob].len(), 5);
    let limits = Limits {
        paths_per_object: 1 << 30,
        steps: 50_000,
    };
    let found = places(
        &mut objects,
        SHA1,
        &[commit],
        &HashSet::from([blob]),
        &limits,
    )
    .unwrap();
    assert!(!found.complete);
}

#[test]
fn row_26_trees_that_are_all_entries_end_at_a_limit() {
    let mut objects = ByHand::default();
    let blob = objects.add(Kind::Blob, b"text".to_vec());
    let names: Vec<String> = (0..5000).map(|name| name.to_string()).collect();
    let entries = |id| {
        names
            .iter()
            .map(|name| ("100644", name.as_str(), id))
            .collect::<Vec<_>>()
    };
    let tree = objects.tree(&entries(blob));
    let commit = objects.commit(tree);
    let search = |objects: &mut ByHand, steps| {
        let limits = Limits {
            paths_per_object: 10_000,
            steps,
        };
        places(objects, SHA1, &[commit], &HashSet::from([blob]), &limits).unwrap()
    };
    assert!(!search(&mut objects, 19_000).complete);
    let all = search(&mut objects, 200_000);
    assert!(all.complete);
    assert_eq!(all.by_id[&blob].len(), 5000);
}

#[test]
fn row_26_deep_trees_do_not_need_a_deep_stack() {
    let mut objects = ByHand::default();
    let (commit, blob) = objects.nested(50_000, 1);
    let found = places(
        &mut objects,
        SHA1,
        &[commit],
        &HashSet::from([blob]),
        &Limits::default(),
    )
    .unwrap();
    assert!(found.complete);
    assert_eq!(found.by_id[&blob][0].path.len(), 50_000 * 3 + 1);
}

#[test]
fn gitlinks_are_never_places() {
    let mut objects = ByHand::default();
    let blob = objects.add(Kind::Blob, b"text".to_vec());
    let tree = objects.tree(&[("160000", "sub", blob), ("120000", "link", blob)]);
    let commit = objects.commit(tree);
    let wanted = HashSet::from([blob, tree]);
    let found = places(&mut objects, SHA1, &[commit], &wanted, &Limits::default()).unwrap();
    let place = |path: &str| {
        vec![Place {
            commit,
            path: path.into(),
        }]
    };
    assert_eq!(
        found.by_id,
        HashMap::from([(blob, place("link")), (tree, place(""))])
    );
}

#[test]
fn malformed_trees_and_wrong_kinds_are_errors() {
    let mut objects = ByHand::default();
    let blob = objects.add(Kind::Blob, b"text".to_vec());
    let broken = objects.add(Kind::Tree, b"100644 cut".to_vec());
    let wanted = HashSet::from([blob]);
    for tree in [broken, blob] {
        let commit = objects.commit(tree);
        let error = places(&mut objects, SHA1, &[commit], &wanted, &Limits::default()).unwrap_err();
        assert!(error.to_string().contains(&tree.to_string()), "{error}");
    }
    let outside = objects.commit(SHA1.empty_tree());
    let found = places(&mut objects, SHA1, &[outside], &wanted, &Limits::default()).unwrap();
    assert!(found.complete && found.by_id.is_empty());
}
