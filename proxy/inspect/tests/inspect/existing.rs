//! Findings compared with what a repository serves: here one that real git keeps and a test asks.

use exeat_gitwire::{
    HashKind, ObjectId,
    pack::{Bases, Fetched, Fetching, Limits, Unavailable},
};
use exeat_inspect::{Finding, PackInspection, Served, Settings, Tips};
use exeat_rules::Action;

use crate::{
    repository::{Repository, Stream},
    scene::{RULE, pool, rules, secret, settings},
};

/// What `main` of a repository serves, object by object.
struct Forge<'a> {
    repository: &'a Repository,
    tips: Vec<ObjectId>,
    /// All their trees come with them.
    whole: bool,
    spared: &'a [Action],
    /// How many objects each question named.
    asked: Vec<usize>,
}

impl Forge<'_> {
    fn objects(&self, ids: &[ObjectId]) -> Fetched<Vec<u8>> {
        let pack = self.repository.pack_of(ids);
        let hash = self.repository.hash;
        let mut fetching = Fetching::new(hash, Limits::default(), Vec::new());
        fetching.feed(&pack).unwrap();
        fetching.finish().unwrap()
    }
}

impl Bases<Vec<u8>> for Forge<'_> {
    fn fetch(&mut self, ids: &[ObjectId]) -> Result<Vec<Fetched<Vec<u8>>>, Unavailable> {
        self.asked.push(ids.len());
        Ok(vec![self.objects(ids)])
    }
}

impl Served<Vec<u8>> for Forge<'_> {
    fn spares(&self, action: Action) -> bool {
        self.spared.contains(&action)
    }

    fn tips(&mut self) -> Result<Tips<Vec<u8>>, Unavailable> {
        let mut ids = self.tips.clone();
        if self.whole {
            let tips = self.tips.iter().map(ToString::to_string);
            let list = ["rev-list", "--objects", "--no-object-names"].map(String::from);
            let list: Vec<String> = list
                .into_iter()
                .chain(["--filter=blob:none".into()])
                .chain(tips)
                .collect();
            let list: Vec<&str> = list.iter().map(String::as_str).collect();
            let listed = self.repository.lines(&list).into_iter();
            ids.extend(listed.map(|id| ObjectId::from_hex(id.as_bytes()).unwrap()));
        }
        let objects = vec![self.objects(&ids)];
        Ok(Tips {
            ids: self.tips.clone(),
            objects,
        })
    }
}

/// Pushes `new` where `old` is served, both as files by path; gives the findings and what was asked.
fn push(
    text: &str,
    old: &[(&str, &str)],
    new: &[(&str, &str)],
    spared: &[Action],
) -> (Vec<Finding>, Vec<usize>) {
    let mut stream = Stream::default();
    for (message, files) in [("old", old), ("new", new)] {
        stream.commit("main", message);
        for (path, content) in files {
            stream.file(path, content);
        }
    }
    push_last(&stream, 1, settings(&rules(text)), spared, false)
}

/// Pushes the `last` commits of `main`, where those before are served, `whole` with all trees at once.
pub fn push_last(
    stream: &Stream,
    last: usize,
    settings: Settings,
    spared: &[Action],
    whole: bool,
) -> (Vec<Finding>, Vec<usize>) {
    let repository = Repository::new(HashKind::Sha1);
    repository.import(&stream.bytes);
    let (new, old) = (
        repository.id("main"),
        repository.id(&format!("main~{last}")),
    );
    let revisions = [new.to_string(), format!("^{old}")];
    let pack = repository.pack_revisions(&revisions, &["--delta-base-offset"]);
    let mut forge = Forge {
        repository: &repository,
        tips: vec![old],
        whole,
        spared,
        asked: Vec::new(),
    };
    let mut inspection = PackInspection::start(pool(), HashKind::Sha1, settings, Vec::new());
    inspection.feed(&pack).unwrap();
    let inspected = inspection.finish_asking(Some(&[new]), Some(&mut forge));
    (inspected.unwrap().findings, forge.asked)
}

/// For each finding, in their order, whether it is in the repository already.
fn existing(text: &str, old: &[(&str, &str)], new: &[(&str, &str)]) -> Vec<bool> {
    let all = [Action::Block, Action::Review, Action::Warn, Action::Note];
    let (findings, _) = push(text, old, new, &all);
    findings.iter().map(|finding| finding.existing).collect()
}

fn line(seed: u64) -> String {
    format!("token = \"{}\"\n", secret(seed))
}

#[test]
fn trees_that_did_not_come_along_are_asked_for_level_by_level() {
    let old = [("a/b/c/one", &*line(1)), ("a/x/two", &line(2))];
    let (one, two) = (line(1) + "more\n", line(2) + "more\n");
    let new = [("a/b/c/one", &*one), ("a/x/two", &two)];
    let (findings, asked) = push(RULE, &old, &new, &[Action::Block, Action::Review]);
    assert_eq!(findings.len(), 2);
    assert!(findings.iter().all(|finding| finding.existing));
    // The root, `a`, `a/b` with `a/x`, `a/b/c`, and both files.
    assert_eq!(asked, [1, 1, 2, 1, 2]);
}

/// Each level of folders is a question, whose answer is kept.
#[test]
fn a_file_below_very_many_folders_is_not_looked_up_to_its_end() {
    let (old, new) = (line(1), line(1) + "more\n");
    for (levels, is_found) in [(64, true), (65, false), (1000, false)] {
        let path = "d/".repeat(levels) + "f";
        let (findings, asked) = push(RULE, &[(&path, &old)], &[(&path, &new)], &[Action::Block]);
        assert_eq!((findings.len(), findings[0].existing), (1, is_found));
        assert!(asked.len() <= 66, "{}", asked.len());
    }
}

#[test]
fn nobody_is_asked_where_nothing_would_be_spared() {
    let (old, new) = (line(1), line(1) + "more\n");
    let (findings, asked) = push(RULE, &[("f", &old)], &[("f", &new)], &[]);
    assert_eq!((findings.len(), findings[0].existing), (1, false));
    assert!(asked.is_empty());
}

#[test]
fn each_match_counts_once() {
    let same = line(1);
    let (two, three) = (same.repeat(2), same.repeat(3) + &line(2));
    let marked = existing(RULE, &[("f", &two)], &[("f", &three)]);
    assert_eq!(marked, [true, true, false, false]);
    // Fewer than before are all known.
    let marked = existing(RULE, &[("f", &three)], &[("f", &two)]);
    assert_eq!(marked, [true, true]);
}

#[test]
fn a_folder_where_a_file_was_and_the_reverse_are_other_paths() {
    let (old, new) = (line(1), line(1) + "more\n");
    assert_eq!(existing(RULE, &[("f/f", &old)], &[("f", &new)]), [false]);
    assert_eq!(existing(RULE, &[("f", &old)], &[("f/f", &new)]), [false]);
    assert_eq!(existing(RULE, &[("F", &old)], &[("f", &new)]), [false]);
}

/// The stronger finding speaks for both, but the weaker one has new bytes.
#[test]
fn what_a_finding_speaks_for_must_be_in_the_repository_as_well() {
    let both = format!(
        "{RULE}action = \"block\"\n
[[rules]]
id = \"password\"
description = \"A password\"
regex = '''pass = ([^\\n]+)'''
keywords = [\"pass\"]
action = \"review\"
"
    );
    let old = format!("pass = {}\n", secret(1));
    let kept = format!("first line\n{old}");
    let longer = format!("pass = {} correct horse\n", secret(1));
    assert_eq!(existing(&both, &[("f", &old)], &[("f", &kept)]), [true]);
    assert_eq!(existing(&both, &[("f", &old)], &[("f", &longer)]), [false]);
}

#[test]
fn a_file_at_a_path_that_a_rule_lets_alone_is_judged_at_the_others() {
    let text = format!(
        "{RULE}
[[rules.allowlists]]
paths = ['''^tests/''']
"
    );
    let (old, new) = (line(1), line(1) + "more\n");
    // The copy below tests/ needs not be there already; the one elsewhere needs.
    let marked = existing(&text, &[("f", &old)], &[("f", &new), ("tests/f", &new)]);
    assert_eq!(marked, [true]);
    let marked = existing(
        &text,
        &[("tests/f", &old)],
        &[("f", &new), ("tests/f", &new)],
    );
    assert_eq!(marked, [false]);
}

#[test]
fn names_and_messages_are_never_existing() {
    let named = format!("{}.txt", secret(1));
    let marked = existing(RULE, &[(&named, "a\n")], &[(&named, "b\n")]);
    assert!(!marked.is_empty());
    assert!(marked.iter().all(|existing| !existing));
}

/// What a rule calls the secret may be less than what it matches, where its first group is a word.
#[test]
fn another_match_with_the_same_group_is_new() {
    let grouped = RULE.replace("key_[a-z0-9]{30}", "(key)_[a-z0-9]{30}");
    assert_ne!(grouped, RULE);
    let (old, more, new) = (line(1), line(1) + "more\n", line(2));
    assert_eq!(existing(&grouped, &[("f", &old)], &[("f", &more)]), [true]);
    assert_eq!(existing(&grouped, &[("f", &old)], &[("f", &new)]), [false]);
}

/// The name may stay while the secret beside it, which a rule of its own matches, is another.
#[test]
fn a_rule_that_requires_others_finds_nothing_that_exists() {
    let text = format!(
        "{RULE}skipReport = true\n
[[rules]]
id = \"name-and-key\"
description = \"A name with its key\"
regex = '''name = [a-z]+'''
keywords = [\"name\"]
[[rules.required]]
id = \"test-key\"
withinLines = 2
"
    );
    let old = format!("name = somebody\n{}", line(1));
    let new = format!("name = somebody\n{}", line(2));
    assert_eq!(existing(&text, &[("f", &old)], &[("f", &new)]), [false]);
}

/// The first may stay while others join it.
#[test]
fn a_rule_that_counts_finds_nothing_that_exists() {
    let text = format!("{RULE}atLeast = 2\n");
    let old = [line(1), line(2)].concat();
    let new = [line(1), line(2), line(3)].concat();
    assert_eq!(existing(&text, &[("f", &old)], &[("f", &new)]), [false]);
}

/// What stands around a match may change.
#[test]
fn blanks_beside_a_match_are_no_part_of_it() {
    let text = RULE.replace(r"\bkey_[a-z0-9]{30}\b", r"\s(key_[a-z0-9]{30})(?:\s|$)");
    let old = format!("token: {}", secret(1));
    for new in [
        format!("{old}\nmore\n"),
        format!("token:\n\t{} ", secret(1)),
    ] {
        assert_eq!(existing(&text, &[("f", &old)], &[("f", &new)]), [true]);
    }
}
