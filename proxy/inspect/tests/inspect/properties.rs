//! Ids, types, reachability and places are those that git itself tells, for repositories of every shape.
//!
//! 120 generated repositories each time, a thousand with `EXEAT_NIGHTLY=1`; and whole histories in the folders that
//! `EXEAT_HISTORIES` names, separated by colons.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    path::Path,
    sync::Arc,
};

use exeat_gitwire::{
    HashKind, ObjectId,
    history::{Found, Limits, Objects, Place, places},
    pack::{self, Kind, Object, ObjectHasher, Pack, Piece, Reader, Sink, SinkClosed, object_id},
};
use exeat_inspect::Error;
use exeat_rules::RuleSet;

use crate::{
    generated::Generated,
    repository::{Random, Repository},
    scene::{inspect_in, rules, settings},
};

/// Repositories that share a folder, so that git is started less often.
const SHARING: usize = 20;

#[test]
fn of_generated_repositories() {
    let nightly = std::env::var("EXEAT_NIGHTLY").is_ok_and(|value| value == "1");
    let count = if nightly { 1000 } else { 120 };
    let rules = rules("");
    let mut objects = 0;
    std::thread::scope(|scope| {
        let lanes: Vec<_> = (0..2)
            .map(|lane| {
                let rules = &rules;
                let groups = (0..count / SHARING).filter(move |group| group % 2 == lane);
                scope.spawn(move || groups.map(|group| check_group(group, rules)).sum::<usize>())
            })
            .collect();
        for lane in lanes {
            objects += lane.join().unwrap();
        }
    });
    println!("{count} repositories of {objects} objects");
    if !nightly {
        println!("EXEAT_NIGHTLY=1 makes it a thousand");
    }
    assert!(objects > count * 10);
}

/// Makes and checks a folder of repositories; the number of their objects.
fn check_group(group: usize, rules: &Arc<RuleSet>) -> usize {
    let hash = if group % 3 == 1 {
        HashKind::Sha256
    } else {
        HashKind::Sha1
    };
    let folder = Repository::new(hash);
    let (empty, file) = (folder.write("tree", b""), folder.write("blob", b"1\n"));
    let entries = [
        b"40000 e\0",
        empty.as_slice(),
        b"100644 f\0",
        file.as_slice(),
    ];
    let odd = folder.write("tree", &entries.concat()).to_string();
    let name = |number: usize| format!("r{}", group * SHARING + number);
    let stream: Vec<u8> = (0..SHARING)
        .flat_map(|number| {
            let seed = (group * SHARING + number) as u64 + 1;
            Generated::repository(&name(number), seed, number * 10, &odd)
        })
        .collect();
    folder.import(&stream);
    folder.git(&["fsck", "--strict", "--no-dangling", "--no-progress"]);
    let check = |number| {
        let name = name(number);
        let patterns = [format!("refs/heads/{name}/"), format!("refs/tags/{name}/")];
        let tips = tips(&folder, &patterns);
        check(&folder, &name, &tips, number as u64, rules)
    };
    (0..SHARING).map(check).sum()
}

#[test]
fn of_real_histories() {
    let Ok(folders) = std::env::var("EXEAT_HISTORIES") else {
        println!("skipped: EXEAT_HISTORIES names no folders of repositories");
        return;
    };
    let rules = rules("");
    for folder in folders.split(':') {
        let repository = Repository::at(Path::new(folder));
        let tips = tips(&repository, &["refs/".into()]);
        let objects = check(&repository, folder, &tips, 1, &rules);
        println!("{folder}: {objects} objects");
    }
}

/// The ids of the refs below these names.
fn tips(repository: &Repository, patterns: &[String]) -> Vec<String> {
    let mut arguments = vec!["for-each-ref", "--format=%(objectname)"];
    arguments.extend(patterns.iter().map(String::as_str));
    let tips: BTreeSet<String> = repository.lines(&arguments).into_iter().collect();
    tips.into_iter().collect()
}

/// Compares all that is said of what these tips reach with what git says; the number of objects.
fn check(
    repository: &Repository,
    name: &str,
    tips: &[String],
    seed: u64,
    rules: &Arc<RuleSet>,
) -> usize {
    let hash = repository.hash;
    let options = [&["--delta-base-offset"][..], &["--no-reuse-delta"]][(seed % 2) as usize];
    let bytes = repository.pack_revisions(tips, options);
    let mut read = read(hash, &bytes);
    let ours: BTreeMap<String, &str> = read
        .kinds
        .iter()
        .map(|(id, kind)| (id.to_string(), kind.name()))
        .collect();
    assert_eq!(ours, indexed(repository, &bytes), "{name}: ids and types");

    let reached = reached(repository, tips);
    let all: BTreeSet<String> = ours.into_keys().collect();
    assert_eq!(all, reached, "{name}: what is reached");
    check_reached(repository, &bytes, tips, &all, seed, rules);

    let blobs: HashSet<ObjectId> = read
        .kinds
        .iter()
        .filter(|(_, kind)| **kind == Kind::Blob)
        .map(|(id, _)| *id)
        .collect();
    let commits: Vec<ObjectId> = read
        .kinds
        .iter()
        .filter(|(_, kind)| **kind == Kind::Commit)
        .map(|(id, _)| *id)
        .collect();
    let limits = Limits {
        paths_per_object: usize::MAX,
        steps: 2_000_000_000,
    };
    let found = places(&mut read, hash, &commits, &blobs, &limits).unwrap();
    assert!(found.complete, "{name}");
    let mut found = found.by_id;
    found.values_mut().for_each(|places| places.sort());
    let mut expected = introduced(repository, tips);
    expected.retain(|id, _| blobs.contains(id));
    for (id, places) in &expected {
        assert_eq!(found.get(id), Some(places), "{name}: places of {id}");
    }
    assert_eq!(found.len(), expected.len(), "{name}: blobs with a place");
    read.kinds.len()
}

/// What `git index-pack --strict` and `git verify-pack` say of a pack: types by id.
fn indexed(repository: &Repository, bytes: &[u8]) -> BTreeMap<String, &'static str> {
    let folder = tempfile::tempdir().unwrap();
    let pack = folder.path().join("a.pack");
    std::fs::write(&pack, bytes).unwrap();
    let pack = pack.to_string_lossy().into_owned();
    let format = format!("--object-format={}", repository.hash);
    repository.git(&["index-pack", "--strict", &format, &pack]);
    let listed = repository.git(&["verify-pack", "-v", &format, &pack]);
    let kinds = listed.lines().filter_map(|line| {
        let mut words = line.split(' ').filter(|word| !word.is_empty());
        let (id, kind) = (words.next()?, words.next()?);
        let kind = Kind::from_name(kind.as_bytes())?;
        Some((id.to_owned(), kind.name()))
    });
    kinds.collect()
}

/// What `git rev-list --objects` reaches.
fn reached(repository: &Repository, tips: &[String]) -> BTreeSet<String> {
    if tips.is_empty() {
        return BTreeSet::new();
    }
    let mut arguments = vec!["rev-list", "--objects", "--no-object-names"];
    arguments.extend(tips.iter().map(String::as_str));
    repository.lines(&arguments).into_iter().collect()
}

/// With some of the targets only, the pack is whole exactly where git reaches all of it from them.
fn check_reached(
    repository: &Repository,
    bytes: &[u8],
    tips: &[String],
    all: &BTreeSet<String>,
    seed: u64,
    rules: &Arc<RuleSet>,
) {
    let ids = |tips: &[String]| -> Vec<ObjectId> {
        let id = |tip: &String| ObjectId::from_hex(tip.as_bytes()).unwrap();
        tips.iter().map(id).collect()
    };
    let outcome = |tips: &[String]| {
        let targets = ids(tips);
        inspect_in(
            bytes,
            repository.hash,
            settings(rules),
            Some(&targets),
            1 << 16,
        )
    };
    outcome(tips).unwrap_or_else(|error| panic!("{error}"));
    let mut random = Random::new(seed);
    let some: Vec<String> = tips
        .iter()
        .filter(|_| random.below(2) == 0)
        .cloned()
        .collect();
    let reached = reached(repository, &some);
    match outcome(&some) {
        Ok(_) => assert_eq!(&reached, all),
        Err(Error::Unreached { id }) => {
            let id = id.to_string();
            assert!(all.contains(&id) && !reached.contains(&id), "{id}");
        }
        Err(error) => panic!("{error}"),
    }
}

/// For every blob its paths, each with the commit that brought it there, by the differences that `git log` shows.
fn introduced(repository: &Repository, tips: &[String]) -> HashMap<ObjectId, Vec<Place>> {
    let mut arguments = vec![
        "log",
        "-z",
        "--raw",
        "--no-abbrev",
        "--no-renames",
        "--root",
        "-m",
        "--format=%x01%ct %H %P",
    ];
    arguments.extend(tips.iter().map(String::as_str));
    let log = repository.fed(&arguments, b"");
    let mut commits: HashMap<String, (u64, Vec<String>)> = HashMap::new();
    let mut brought: HashMap<(String, ObjectId, Vec<u8>), usize> = HashMap::new();
    let mut current = String::new();
    let mut words = log.split(|byte| *byte == 0);
    while let Some(word) = words.next() {
        let word = word.strip_prefix(b"\n").unwrap_or(word);
        if let Some(header) = word.strip_prefix(b"\x01") {
            let header = String::from_utf8_lossy(header).into_owned();
            let mut fields = header.trim_end().split(' ');
            let date = fields.next().unwrap().parse().unwrap();
            current = fields.next().unwrap().to_owned();
            commits.insert(current.clone(), (date, fields.map(str::to_owned).collect()));
        } else if let Some(entry) = word.strip_prefix(b":") {
            let entry = String::from_utf8_lossy(entry).into_owned();
            let path = words.next().unwrap().to_vec();
            let [_, mode, old, new, status] = entry.split(' ').collect::<Vec<_>>()[..] else {
                panic!("{entry}")
            };
            let only_its_mode = old == new;
            if mode != "160000" && status != "D" && !only_its_mode {
                let id = ObjectId::from_hex(new.as_bytes()).unwrap();
                *brought.entry((current.clone(), id, path)).or_default() += 1;
            }
        }
    }
    // Of a merge the commit brings what no parent has there.
    brought.retain(|(commit, _, _), times| *times == commits[commit].1.len().max(1));
    let order = oldest_first(&commits);
    let mut first: HashMap<(ObjectId, Vec<u8>), String> = HashMap::new();
    for ((commit, id, path), _) in brought {
        let known = first.entry((id, path)).or_insert_with(|| commit.clone());
        if order[&commit] < order[known] {
            *known = commit;
        }
    }
    let mut places: HashMap<ObjectId, Vec<Place>> = HashMap::new();
    for ((id, path), commit) in first {
        let commit = ObjectId::from_hex(commit.as_bytes()).unwrap();
        places.entry(id).or_default().push(Place { commit, path });
    }
    places.values_mut().for_each(|places| places.sort());
    places
}

/// The turn of each commit: of those whose parents had theirs, the one with the lowest date and id.
fn oldest_first(commits: &HashMap<String, (u64, Vec<String>)>) -> HashMap<String, usize> {
    let mut children: HashMap<&str, Vec<&str>> = HashMap::new();
    let mut missing: HashMap<&str, usize> = HashMap::new();
    let mut ready = BTreeSet::new();
    for (id, (date, parents)) in commits {
        let parents: Vec<&String> = parents
            .iter()
            .filter(|id| commits.contains_key(*id))
            .collect();
        for parent in &parents {
            children.entry(parent).or_default().push(id);
        }
        missing.insert(id, parents.len());
        if parents.is_empty() {
            ready.insert((*date, id.as_str()));
        }
    }
    let mut order = HashMap::new();
    while let Some((_, id)) = ready.pop_first() {
        order.insert(id.to_owned(), order.len());
        for child in children.get(id).into_iter().flatten() {
            let left = missing.get_mut(child).unwrap();
            *left -= 1;
            if *left == 0 {
                ready.insert((commits[*child].0, child));
            }
        }
    }
    order
}

/// A pack that was read, with the kinds of its objects by id.
struct Whole {
    pack: Pack<Vec<u8>>,
    entries: HashMap<ObjectId, u32>,
    kinds: HashMap<ObjectId, Kind>,
}

impl Objects for Whole {
    fn find(&mut self, id: &ObjectId) -> Result<Option<Found>, pack::Error> {
        match self.entries.get(id) {
            Some(&entry) => self.pack.read(entry).map(Some),
            None => Ok(None),
        }
    }
}

fn read(hash: HashKind, bytes: &[u8]) -> Whole {
    let limits = pack::Limits {
        rework_bytes: u64::MAX / 32,
        ..pack::Limits::default()
    };
    let mut seen = Seen {
        hash,
        ids: Vec::new(),
        under_way: None,
        by_entry: Vec::new(),
    };
    let mut reader = Reader::new(hash, limits, Vec::new());
    for piece in bytes.chunks(100_000) {
        reader.feed(piece, &mut seen).unwrap();
    }
    let pack = reader.finish(&mut seen).unwrap();
    let kinds = seen.ids.iter().map(|(_, kind, id)| (*id, *kind)).collect();
    let entries = seen
        .ids
        .iter()
        .map(|(entry, _, id)| (*id, *entry))
        .collect();
    Whole {
        pack,
        entries,
        kinds,
    }
}

struct Seen {
    hash: HashKind,
    ids: Vec<(u32, Kind, ObjectId)>,
    under_way: Option<ObjectHasher>,
    by_entry: Vec<Option<ObjectId>>,
}

impl Sink for Seen {
    fn object(&mut self, object: Object) -> Result<(), SinkClosed> {
        let id = object_id(self.hash, object.kind, &object.data).unwrap();
        self.ids.push((object.index, object.kind, id));
        Ok(())
    }

    fn piece(&mut self, piece: Piece<'_>) -> Result<(), SinkClosed> {
        let hash = self.hash;
        let begin = || ObjectHasher::new(hash, Kind::Blob, piece.size);
        let hasher = self.under_way.get_or_insert_with(begin);
        hasher.update(piece.bytes);
        if piece.is_last() {
            let id = self.under_way.take().unwrap().finish().unwrap();
            self.ids.push((piece.index, Kind::Blob, id));
        }
        Ok(())
    }

    fn settle(&mut self) -> Result<(), SinkClosed> {
        let last = self.ids.iter().map(|(entry, _, _)| *entry).max();
        self.by_entry = vec![None; last.map_or(0, |last| last as usize + 1)];
        for (entry, _, id) in &self.ids {
            self.by_entry[*entry as usize] = Some(*id);
        }
        Ok(())
    }

    fn id(&self, index: u32) -> Option<ObjectId> {
        *self.by_entry.get(index as usize)?
    }
}
