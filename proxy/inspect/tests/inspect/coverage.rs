//! Every object of a pack is looked at: the counts are those of git.

use std::collections::HashMap;

use exeat_gitwire::HashKind;
use exeat_inspect::Coverage;

use crate::{
    repository::{Random, Repository, Stream},
    scene::{RULE, inspect, inspect_all, rules},
};

/// A repository with merges, renames, the same blob at several paths, nested folders and long files.
pub fn varied(seed: u64, hash: HashKind) -> Repository {
    let repository = Repository::new(hash);
    let mut random = Random::new(seed);
    let mut stream = Stream::default();
    let mut long: Vec<String> = (0..400).map(|_| random.words()).collect();
    stream
        .commit("main", "begin\n")
        .file("long", long.join("\n"));
    for number in 0..30 {
        let branch = match number {
            20 | 25 => "main",
            _ => ["main", "side"][random.below(2)],
        };
        stream.commit(branch, &format!("change {number}\n\nfor no reason\n"));
        if number == 1 || (branch == "side" && random.below(3) == 0) {
            stream.merge("main");
        } else if branch == "main" && number > 9 && random.below(4) == 0 {
            stream.merge("side");
        }
        let at = random.below(long.len());
        long[at] = random.words();
        stream.file("long", long.join("\n"));
        let name = random.below(5);
        let same = format!("same {}\n", random.below(4));
        stream.file(&format!("a/b/c/d/e{name}"), &same);
        stream.file(&format!("a/f{name}"), &same);
        if number == 20 {
            stream.file("empty", "").file("a/moved", "moved\n");
        }
        if number == 25 {
            stream.line("R a/moved z/moved");
        }
    }
    // `side` may not have come up by chance.
    stream.commit("side", "end\n").file("side", "side\n");
    repository.import(&stream.bytes.clone());
    let blob = repository.write("blob", b"only a tag reaches this\n");
    let tree = repository.git(&["rev-parse", "main^{tree}"]);
    for (name, target) in [
        ("commit", "main"),
        ("blob", &blob.to_string()),
        ("tree", tree.trim()),
    ] {
        repository.git(&["tag", "-a", "-m", "a tag", name, target]);
        repository.git(&[
            "tag",
            "-a",
            "-m",
            "a tag of a tag",
            &format!("{name}2"),
            name,
        ]);
    }
    repository
}

/// The counts of git, of all objects in the repository.
fn counted(repository: &Repository) -> Coverage {
    let mut coverage = Coverage::default();
    let mut by_kind: HashMap<String, u64> = HashMap::new();
    for line in repository.lines(&["cat-file", "--batch-all-objects", "--batch-check"]) {
        let fields: Vec<&str> = line.split(' ').collect();
        *by_kind.entry(fields[1].to_owned()).or_default() += 1;
        coverage.bytes += fields[2].parse::<u64>().unwrap();
    }
    let mut count = |kind: &str| by_kind.remove(kind).unwrap_or_default();
    coverage.commits = count("commit");
    coverage.trees = count("tree");
    coverage.blobs = count("blob");
    coverage.tags = count("tag");
    coverage
}

#[test]
fn every_object_is_counted_as_git_counts_it() {
    let rules = rules(RULE);
    for (seed, hash) in [
        (1, HashKind::Sha1),
        (2, HashKind::Sha1),
        (3, HashKind::Sha256),
    ] {
        let repository = varied(seed, hash);
        let expected = counted(&repository);
        assert!(expected.commits > 30 && expected.tags == 6, "{expected:?}");
        for options in [
            &["--delta-base-offset"][..],
            // Deltas that name their base by its id.
            &[],
            &["--depth=0"],
            &["--depth=200", "--window=200", "--delta-base-offset"],
        ] {
            let pack = repository.pack(options);
            let inspected = inspect(&pack, hash, &rules);
            assert_eq!(inspected.coverage, expected, "{hash} {options:?}");
            assert!(inspected.findings.is_empty() && inspected.unscannable.is_empty());
            // What goes on is what came, byte for byte.
            assert!(inspected.pack.into_spool() == pack);
        }
        inspect_all(&repository, &rules);
    }
}

#[test]
fn deltas_of_both_kinds_were_really_there() {
    let repository = varied(1, HashKind::Sha1);
    let with_ids = repository.pack(&["--no-reuse-delta"]);
    let with_offsets = repository.pack(&["--no-reuse-delta", "--delta-base-offset"]);
    assert!(with_ids.len() > with_offsets.len() + 17);
}

#[test]
fn an_empty_pack_is_nothing_to_look_at() {
    for hash in [HashKind::Sha1, HashKind::Sha256] {
        let pack = Repository::new(hash).pack_of(&[]);
        let inspected = inspect(&pack, hash, &rules(RULE));
        assert_eq!(inspected.coverage, Coverage::default());
    }
}
