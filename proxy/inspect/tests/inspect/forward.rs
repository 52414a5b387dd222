//! Whether a ref is moved forward is said where git says so and the pack shows it, and never else.

use exeat_gitwire::{HashKind, ObjectId};
use exeat_inspect::{Move, PackInspection};

use crate::{
    repository::{Random, Repository, Stream},
    scene::{RULE, pool, rules, settings},
};

/// The moves that the pack of `revisions` shows to go forward.
fn shown(repository: &Repository, revisions: &[String], moves: &[Move]) -> Vec<Move> {
    let pack = repository.pack_revisions(revisions, &["--delta-base-offset"]);
    let settings = settings(&rules(RULE));
    let mut inspection = PackInspection::start(pool(), repository.hash, settings, Vec::new())
        .asked_about(moves.to_vec());
    inspection.feed(&pack).unwrap();
    let targets: Vec<ObjectId> = moves.iter().map(|each| each.new).collect();
    inspection.finish(Some(&targets)).unwrap().forward
}

fn moved(repository: &Repository, old: &str, new: &str) -> Move {
    Move {
        old: repository.id(old),
        new: repository.id(new),
    }
}

#[test]
fn what_git_would_send_shows_it_exactly_where_git_says_so() {
    for hash in [HashKind::Sha1, HashKind::Sha256] {
        let repository = Repository::new(hash);
        let mut random = Random::new(41);
        let mut stream = Stream::default();
        const BRANCHES: usize = 4;
        for number in 0..24 {
            let branch = match number {
                0..BRANCHES => number,
                _ => random.below(BRANCHES),
            };
            stream.commit(&format!("b{branch}"), &format!("m {number}"));
            let other = random.below(BRANCHES);
            if number >= 12 && other != branch && random.below(2) == 0 {
                stream.merge(&format!("b{other}"));
            }
            stream.file(&format!("f{branch}"), format!("{number}\n"));
            stream.line(&format!(
                "reset refs/tips/{number}\nfrom refs/heads/b{branch}\n"
            ));
        }
        repository.import(&stream.bytes);
        let ancestors = repository.lines(&["rev-list", "--parents", "--all"]);
        assert!(
            ancestors.iter().any(|line| line.split(' ').count() > 2),
            "no merges"
        );
        let (mut forward, mut not) = (0, 0);
        for _ in 0..40 {
            let old = repository.id(&format!("refs/tips/{}", random.below(24)));
            let new = repository.id(&format!("refs/tips/{}", random.below(24)));
            if old == new {
                continue;
            }
            let one = Move { old, new };
            let told = shown(&repository, &[new.to_string(), format!("^{old}")], &[one]);
            let missing = repository.lines(&["rev-list", &format!("{new}..{old}")]);
            assert_eq!(!told.is_empty(), missing.is_empty(), "{old} {new}");
            forward += usize::from(!told.is_empty());
            not += usize::from(told.is_empty());
        }
        assert!(forward > 5 && not > 5, "{forward} {not}");
    }
}

#[test]
fn what_another_ref_brings_shows_nothing() {
    let repository = Repository::new(HashKind::Sha1);
    let mut stream = Stream::default();
    stream.commit("base", "Begin").file("a", "a");
    stream.line("reset refs/heads/on\nfrom refs/heads/base\n");
    stream.commit("on", "Go on").file("b", "b");
    stream.commit("apart", "Apart").file("c", "c");
    repository.import(&stream.bytes);
    let (on, apart) = (repository.id("on"), repository.id("apart"));
    let forged = moved(&repository, "base", "apart");
    let other = moved(&repository, "base", "on");
    let base = format!("^{}", repository.id("base"));
    let revisions = [on.to_string(), apart.to_string(), base];
    assert_eq!(shown(&repository, &revisions, &[forged, other]), [other]);
    assert_eq!(shown(&repository, &revisions, &[other, forged]), [other]);
}

#[test]
fn a_tree_that_names_a_commit_leads_nowhere() {
    let repository = Repository::new(HashKind::Sha1);
    let mut stream = Stream::default();
    stream.commit("base", "Begin").file("a", "a");
    stream.line("reset refs/heads/on\nfrom refs/heads/base\n");
    stream.commit("on", "Go on").file("b", "b");
    repository.import(&stream.bytes);
    let on = repository.id("on");
    let mut stream = Stream::default();
    stream.commit("apart", "Apart");
    stream.line(&format!("M 160000 {on} module\n"));
    repository.import(&stream.bytes);
    let forged = moved(&repository, "base", "apart");
    let also = moved(&repository, "base", "on");
    let base = format!("^{}", repository.id("base"));
    let revisions = [on.to_string(), forged.new.to_string(), base];
    assert_eq!(shown(&repository, &revisions, &[forged, also]), [also]);
}
