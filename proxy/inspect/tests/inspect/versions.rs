//! Versions of files, read for what is new in them: told as if each were read whole.

use exeat_gitwire::HashKind;
use exeat_inspect::{Inspected, Settings};
use exeat_rules::{RuleSet, builtin};
use std::sync::Arc;

use crate::{
    repository::{Random, Repository, Stream},
    scene::{self, RULE, rules, secret, told},
};

/// Files that change a little from commit to commit: lines come, go, move and are cut, and some hold secrets, whole or in parts.
fn history(seed: u64, commits: usize) -> Repository {
    let mut random = Random::new(seed);
    let mut files: Vec<Vec<String>> = (0..5)
        .map(|_| (0..250).map(|_| line(&mut random)).collect())
        .collect();
    let mut stream = Stream::default();
    for number in 0..commits {
        stream.commit("main", &format!("Change {number}"));
        let changed = if number == 0 { 0..files.len() } else { 0..2 };
        for at in changed {
            let at = if number == 0 {
                at
            } else {
                random.below(files.len())
            };
            change(&mut random, &mut files[at]);
            stream.file(&format!("src/{at}.rs"), files[at].join("\n"));
        }
    }
    let repository = Repository::new(HashKind::Sha1);
    repository.import(&stream.bytes);
    repository.git(&["repack", "-adfq", "--depth=40", "--window=20"]);
    repository
}

fn line(random: &mut Random) -> String {
    let words: Vec<String> = (0..6).map(|_| random.words()).collect();
    let mut text = words.join(" ");
    text.truncate(70);
    text
}

fn change(random: &mut Random, file: &mut Vec<String>) {
    for _ in 0..3 {
        let at = random.below(file.len());
        match random.below(6) {
            0 => file.insert(at, line(random)),
            1 => drop(file.remove(at)),
            2 => {
                let moved: Vec<String> = file.drain(..at / 2).collect();
                file.extend(moved);
            }
            3 => file.insert(
                at,
                format!("{} = {}", random.below(9), secret(random.below(40) as u64)),
            ),
            4 => {
                // Part of a secret here, the rest some commit later.
                let text = secret(random.below(40) as u64);
                file[at] = text[..random.below(text.len())].to_owned();
            }
            _ => file[at] += &secret(random.below(40) as u64)[random.below(20)..],
        }
    }
}

fn both(repository: &Repository, settings: Settings) -> usize {
    let pack = repository.pack(&["--delta-base-offset"]);
    let tips = repository.tips();
    let inspect = |whole| {
        let settings = Settings {
            whole,
            ..settings.clone()
        };
        scene::inspect_in(&pack, repository.hash, settings, Some(&tips), 4096).unwrap()
    };
    let all = |inspected: &Inspected<Vec<u8>>| {
        let unread = &inspected.unscannable;
        let findings = told(&inspected.findings);
        format!("{findings}{unread:?}{:?}", inspected.coverage)
    };
    let (whole, changes) = (inspect(true), inspect(false));
    assert_eq!(all(&changes), all(&whole));
    whole.findings.len()
}

#[test]
fn what_changed_tells_what_the_whole_tells() {
    let rules = rules(RULE);
    let mut found = 0;
    for seed in 1..6 {
        found += both(&history(seed, 150), scene::settings(&rules));
    }
    assert!(found > 500, "{found}");
}

#[test]
fn the_built_in_rules_tell_the_same_of_changes() {
    let rules = Arc::new(RuleSet::compile(&builtin()).unwrap().rules);
    let settings = Settings {
        most_findings: 100_000,
        ..scene::settings(&rules)
    };
    both(&history(77, 250), settings);
}
