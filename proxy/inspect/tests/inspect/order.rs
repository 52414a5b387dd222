//! Findings are told in the order in which the history brought them.

use exeat_gitwire::HashKind;

use crate::{
    repository::{Repository, Stream},
    scene::{RULE, inspect_all, inspect_in, rules, secret, settings},
};

#[test]
fn oldest_commit_first_even_where_clocks_went_wrong() {
    let repository = Repository::new(HashKind::Sha1);
    let mut stream = Stream::default();
    // Each commit claims to be older than its parent.
    for number in 0..12_u64 {
        stream.commit_at("main", "m", 1_700_000_000 - number * 1000);
        stream.file(&format!("f{}", number % 4), secret(number));
        stream.line(&format!(
            "reset refs/heads/tip{number}\nfrom refs/heads/main\n"
        ));
    }
    repository.import(&stream.bytes);
    let expected = repository.lines(&["rev-list", "--topo-order", "--reverse", "main"]);
    let findings = inspect_all(&repository, &rules(RULE)).findings;
    let told: Vec<_> = findings
        .iter()
        .map(|finding| finding.place.commit.clone().unwrap())
        .collect();
    assert_eq!(told, expected);
    let roots: Vec<bool> = findings.iter().map(|finding| finding.place.root).collect();
    assert!(roots[0] && !roots[1..].contains(&true), "{roots:?}");
}

#[test]
fn within_a_commit_by_path_and_line() {
    let repository = Repository::new(HashKind::Sha1);
    let mut stream = Stream::default();
    stream.commit("main", &format!("m {}", secret(1)));
    stream.file("b", format!("{}\n{}\n", secret(2), secret(3)));
    stream.file("a", format!("\n{} {}", secret(4), secret(5)));
    repository.import(&stream.bytes);
    let findings = inspect_all(&repository, &rules(RULE)).findings;
    let told: Vec<_> = findings
        .iter()
        .map(|each| {
            (
                each.place.path.as_deref(),
                each.place.line,
                each.place.column,
            )
        })
        .collect();
    let expected = [
        (None, 1, 3),
        (Some("a"), 2, 1),
        (Some("a"), 2, 36),
        (Some("b"), 1, 1),
        (Some("b"), 2, 1),
    ];
    assert_eq!(told, expected);
}

#[test]
fn a_commit_whose_parent_stays_behind_is_no_root() {
    let repository = Repository::new(HashKind::Sha1);
    let mut stream = Stream::default();
    stream.commit("main", "one").file("a", "a");
    stream.commit("main", "two").file("b", secret(1));
    repository.import(&stream.bytes);
    let (old, new) = (repository.id("main~1"), repository.id("main"));
    let pack = repository.pack_revisions(&[new.to_string(), format!("^{old}")], &[]);
    let settings = settings(&rules(RULE));
    let inspected = inspect_in(&pack, HashKind::Sha1, settings, Some(&[new]), 77).unwrap();
    assert!(!inspected.findings[0].place.root);
    assert_eq!(inspected.findings[0].place.commit, Some(new.to_string()));
}
