//! What no pushed ref reaches is refused; what git itself sends never is.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::Command, sync::Arc};

use exeat_gitwire::{
    HashKind, ObjectId,
    push_request::{Asked, Limits, Progress, Reader},
};
use exeat_inspect::Error;
use exeat_rules::RuleSet;

use crate::{
    coverage::varied,
    repository::{Random, Repository, Stream},
    scene::{Outcome, RULE, inspect_in, rules, settings},
};

fn reach(pack: &[u8], hash: HashKind, targets: &[ObjectId], rules: &Arc<RuleSet>) -> Outcome {
    inspect_in(pack, hash, settings(rules), Some(targets), 10_000)
}

fn all_objects(repository: &Repository) -> Vec<ObjectId> {
    repository
        .lines(&[
            "cat-file",
            "--batch-all-objects",
            "--batch-check=%(objectname)",
        ])
        .iter()
        .map(|id| ObjectId::from_hex(id.as_bytes()).unwrap())
        .collect()
}

#[test]
fn hidden_cargo_of_every_kind_is_refused() {
    let rules = rules(RULE);
    for hash in [HashKind::Sha1, HashKind::Sha256] {
        let honest = varied(5, hash);
        let tips = honest.tips();
        let base = all_objects(&honest);
        reach(&honest.pack_of(&base), hash, &tips, &rules).unwrap();

        let main = honest.id("main");
        let tree = honest.id("main^{tree}");
        let blob = honest.write("blob", b"nobody asked for this");
        let other_tree = {
            let mut entry = b"100644 hidden\0".to_vec();
            entry.extend(blob.as_slice());
            honest.write("tree", &entry)
        };
        let commit = format!(
            "tree {tree}\nparent {main}\nauthor a <b> 1 +0000\ncommitter a <b> 1 +0000\n\nm\n"
        );
        let commit = honest.write("commit", commit.as_bytes());
        let tag = format!("object {main}\ntype commit\ntag v\ntagger a <b> 1 +0000\n\nm\n");
        let tag = honest.write("tag", tag.as_bytes());
        for hidden in [&[blob][..], &[commit], &[tag], &[other_tree, blob]] {
            let objects = [&base, hidden].concat();
            let pack = honest.pack_of(&objects);
            let Err(Error::Unreached { id }) = reach(&pack, hash, &tips, &rules) else {
                panic!("{hidden:?} got through")
            };
            assert_eq!(id, hidden[0]);
            // As the target of a command it is reached.
            let targets = [tips.as_slice(), &hidden[..1]].concat();
            reach(&pack, hash, &targets, &rules).unwrap();
        }
        // What only other commands would reach is not reached.
        let pack = honest.pack_of(&base);
        assert!(matches!(
            reach(&pack, hash, &[], &rules),
            Err(Error::Unreached { .. })
        ));
        assert!(matches!(
            reach(&pack, hash, &[hash.null()], &rules),
            Err(Error::Unreached { .. })
        ));
    }
}

#[test]
fn an_object_that_stands_twice_is_refused() {
    let repository = Repository::new(HashKind::Sha1);
    let blob = repository.write("blob", b"once is enough");
    let pack = repository.pack_of(&[blob]);
    let entry = &pack[12..pack.len() - 20];
    let mut doubled = b"PACK\0\0\0\x02\0\0\0\x02".to_vec();
    doubled.extend([entry, entry].concat());
    let mut trailer = checksum(&doubled);
    doubled.append(&mut trailer);
    let outcome = reach(&doubled, HashKind::Sha1, &[blob], &rules(RULE));
    assert!(matches!(outcome, Err(Error::Duplicate { id }) if id == blob));
}

/// The checksum of a pack; git works it out.
fn checksum(bytes: &[u8]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bytes");
    fs::write(&file, bytes).unwrap();
    let output = Command::new("sha1sum").arg(&file).output().unwrap();
    let hex = String::from_utf8(output.stdout).unwrap();
    ObjectId::from_hex(&hex.as_bytes()[..40])
        .unwrap()
        .as_slice()
        .to_vec()
}

/// A history of many branches and merges in which trees and blobs come back.
fn woven(seed: u64) -> Repository {
    let repository = Repository::new(HashKind::Sha1);
    let mut random = Random::new(seed);
    let mut stream = Stream::default();
    stream
        .commit("b0", "begin")
        .file("a/x", "0")
        .file("b/x", "0");
    for branch in 1..4 {
        stream.line(&format!("reset refs/heads/b{branch}\nfrom refs/heads/b0\n"));
    }
    for number in 0..60 {
        let branch = random.below(4);
        stream.commit(&format!("b{branch}"), &format!("change {number}"));
        let other = random.below(4);
        if other != branch && random.below(3) == 0 {
            stream.merge(&format!("b{other}"));
        }
        for _ in 0..=random.below(2) {
            let folder = ["", "a/", "b/", "a/c/", "b/c/"][random.below(5)];
            let content = format!("{}", random.below(4));
            stream.file(&format!("{folder}x{}", random.below(3)), content);
        }
        if random.below(9) == 0 {
            let folder = ["a", "b"][random.below(2)];
            stream.file(&format!("{folder}/still"), "there");
            stream.line(&format!("R {folder} moved{}", random.below(3)));
        }
    }
    repository.import(&stream.bytes);
    for (number, commit) in repository.lines(&["rev-list", "--all"]).iter().enumerate() {
        if number % 9 == 0 {
            repository.git(&["tag", "-a", "-m", "m", &format!("t{number}"), commit]);
            repository.git(&[
                "tag",
                "-a",
                "-m",
                "m",
                &format!("tt{number}"),
                &format!("t{number}"),
            ]);
        }
    }
    repository
}

/// Some of `all`.
fn some(random: &mut Random, all: &[String], most: usize) -> Vec<String> {
    let count = random.below(most + 1);
    (0..count)
        .map(|_| all[random.below(all.len())].clone())
        .collect()
}

#[test]
fn what_git_packs_is_reached_whatever_the_other_side_has() {
    let rules = rules(RULE);
    let mut packs = 0;
    for seed in 0..6 {
        let repository = woven(seed);
        if seed % 2 == 1 {
            repository.git(&["repack", "-adbq"]);
        }
        let mut random = Random::new(seed);
        let commits = repository.lines(&["rev-list", "--all"]);
        let tips: Vec<String> = repository.tips().iter().map(ToString::to_string).collect();
        let all = [commits, tips].concat();
        for round in 0..15 {
            let mut wants = some(&mut random, &all, 3);
            wants.push(all[random.below(all.len())].clone());
            let haves = some(&mut random, &all, 3);
            let not: Vec<String> = haves.iter().map(|id| format!("^{id}")).collect();
            let revisions = [wants.clone(), not].concat();
            let options: &[&str] = [
                &["--delta-base-offset"][..],
                &["--sparse"],
                &["--no-sparse", "--no-use-bitmap-index"],
                &["--use-bitmap-index", "--delta-base-offset"],
                &["--shallow"],
            ][round % 5];
            let pack = repository.pack_revisions(&revisions, options);
            let targets: Vec<ObjectId> = wants
                .iter()
                .map(|id| ObjectId::from_hex(id.as_bytes()).unwrap())
                .collect();
            let outcome = reach(&pack, HashKind::Sha1, &targets, &rules);
            let inspected = outcome
                .unwrap_or_else(|error| panic!("seed {seed}, {revisions:?}, {options:?}: {error}"));
            packs += u32::from(inspected.coverage.objects() > 0);
        }
    }
    assert!(packs > 40, "nearly all packs were empty");
}

/// Runs `git push` and returns what it sent: the targets of its commands, and the pack.
fn pushed(
    from: &Repository,
    options: &[&str],
    to: &Path,
    refs: &[&str],
) -> (Vec<ObjectId>, Vec<u8>) {
    let (sent, script) = (from.beside("sent"), from.beside("receive-pack"));
    let tee = format!(
        "#!/bin/sh\ntee '{}' | git receive-pack \"$@\"\n",
        sent.display()
    );
    fs::write(&script, tee).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let receive = format!("--receive-pack={}", script.display());
    let url = format!("file://{}", to.display());
    let mut arguments = options.to_vec();
    arguments.extend(["push", "-q", "--no-thin", &receive, &url]);
    arguments.extend(refs);
    from.git(&arguments);
    let bytes = fs::read(&sent).unwrap();
    let mut reader = Reader::new(Limits::default());
    let Progress::Complete { consumed } = reader.feed(&bytes).unwrap() else {
        panic!("the head does not end")
    };
    let Asked::Push(request) = reader.into_request().unwrap() else {
        panic!("no push")
    };
    let targets = request.commands.iter().map(|command| command.new).collect();
    (targets, bytes[consumed..].to_vec())
}

/// More commits on `main`, some of which touch what is there already.
fn go_on(repository: &Repository, from: &str, why: &str) {
    let mut stream = Stream::default();
    for number in 0..4 {
        stream.commit_at(
            "more",
            &format!("more {number} {why}"),
            1_800_000_000 + number,
        );
        if number == 0 {
            stream.line(&format!("from {}", repository.id(from)));
        }
        stream.file(&format!("a/new{number}"), format!("new {number}"));
        stream.line("R a moved-on");
        stream.file("a/again", "again");
    }
    repository.import(&stream.bytes);
}

#[test]
fn what_git_pushes_is_reached() {
    let rules = rules(RULE);
    let check = |from: &Repository, options: &[&str], to: &Repository, refs: &[&str]| {
        let (targets, pack) = pushed(from, options, to.path(), refs);
        let inspected = reach(&pack, HashKind::Sha1, &targets, &rules)
            .unwrap_or_else(|error| panic!("{options:?} {refs:?}: {error}"));
        assert!(inspected.coverage.commits > 0, "{options:?} {refs:?}");
    };
    let all = ["refs/heads/*:refs/heads/*", "refs/tags/*:refs/tags/*"];

    let whole = woven(20);
    let empty = Repository::new(HashKind::Sha1);
    check(&whole, &[], &empty, &["b0"]);
    check(
        &whole,
        &["-c", "pack.useSparse=true"],
        &empty,
        &["b1", "t9"],
    );
    whole.git(&["repack", "-adbq"]);
    check(
        &whole,
        &["-c", "pack.useSparse=false"],
        &empty,
        &["b2", ":refs/heads/b0"],
    );
    check(&whole, &["-c", "pack.useBitmaps=true"], &empty, &all);

    let origin = woven(21);
    for options in [
        &["--depth=2"][..],
        &["--depth=1", "--no-single-branch"],
        &["--filter=blob:none"],
        &["--filter=tree:0"],
        &["--filter=blob:none", "--depth=3"],
    ] {
        let options = [options, &["-b", "b0"]].concat();
        let clone = Repository::clone_of(&origin, &options);
        let name = options.join("-").replace(['=', ':'], "-");
        go_on(&clone, "b0", &name);
        check(
            &clone,
            &[],
            &origin,
            &[&format!("more:refs/heads/{}", &name[2..])],
        );
    }
}

/// A tree with one entry.
fn tree(repository: &Repository, mode: &str, id: ObjectId) -> ObjectId {
    let mut entry = format!("{mode} a\0").into_bytes();
    entry.extend(id.as_slice());
    repository.write("tree", &entry)
}

#[test]
fn what_is_referred_to_as_something_else_is_refused() {
    let rules = rules(RULE);
    for hash in [HashKind::Sha1, HashKind::Sha256] {
        let repository = Repository::new(hash);
        let blob = repository.write("blob", b"text");
        let plain = tree(&repository, "100644", blob);
        let who = "a <b> 1 +0000";
        let commit = |tree: ObjectId, parent: Option<ObjectId>| {
            let parent = parent.map_or(String::new(), |id| format!("parent {id}\n"));
            let text = format!("tree {tree}\n{parent}author {who}\ncommitter {who}\n\nm\n");
            repository.write("commit", text.as_bytes())
        };
        let tag = |id: ObjectId, kind: &str| {
            let text = format!("object {id}\ntype {kind}\ntag v\ntagger {who}\n\nm\n");
            repository.write("tag", text.as_bytes())
        };
        let begin = commit(plain, None);
        let folder = tree(&repository, "40000", blob);
        let file = tree(&repository, "100755", plain);
        let of_folder = commit(folder, None);
        let of_file = commit(file, None);
        let of_blob = commit(blob, None);
        let on_tree = commit(plain, Some(plain));
        let as_blob = tag(begin, "blob");
        let as_commit = tag(blob, "commit");
        let as_tag = tag(begin, "tag");
        let cases = [
            (of_folder, vec![folder, blob], blob, "tree"),
            (of_file, vec![file, plain, blob], plain, "blob"),
            (of_blob, vec![blob], blob, "tree"),
            (on_tree, vec![plain, blob], plain, "commit"),
            (as_blob, vec![begin, plain, blob], begin, "blob"),
            (as_commit, vec![blob], blob, "commit"),
            (as_tag, vec![begin, plain, blob], begin, "tag"),
        ];
        for (target, others, lie, kind) in cases {
            let pack = repository.pack_of(&[&[target][..], &others].concat());
            // Naming it as a target as well makes it no better.
            for targets in [&[target][..], &[target, lie]] {
                let Err(Error::WrongKind { id, expected }) = reach(&pack, hash, targets, &rules)
                else {
                    panic!("{lie} got through as a {kind}")
                };
                assert_eq!((id, expected.name()), (lie, kind));
            }
        }
    }
}
