//! History that is pushed again: told as at first, without being inspected again.

use std::sync::Arc;

use exeat_gitwire::HashKind;
use exeat_inspect::{Inspected, Settings, Verdicts};

use crate::{
    repository::{Repository, Stream},
    scene::{self, RULE, rules, secret, told},
};

/// Secrets in a file, in a message, in a name and in hex; an LFS pointer; an archive that ends too early.
fn history() -> Stream {
    let mut stream = Stream::default();
    let pointer = format!(
        "version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize 12\n",
        "5a".repeat(32)
    );
    stream
        .commit("main", "one")
        .file("a", format!("x\n{}\n", secret(1)))
        .commit("main", &secret(2))
        .file("b", "nothing")
        .commit("main", "three")
        .file(&secret(3), "named")
        .commit("main", "four")
        .file("c", hex::encode(format!("  {}  ", secret(4))))
        .commit("main", "five")
        .file("d", pointer)
        .commit("main", "six")
        .file("e.gz", b"\x1f\x8b\x08\0\0\0\0\0\0\x03\x4b\x4c\x4a");
    stream
}

fn repository(stream: &Stream) -> Repository {
    let repository = Repository::new(HashKind::Sha1);
    repository.import(&stream.bytes);
    repository
}

fn inspect(repository: &Repository, settings: Settings) -> Inspected<Vec<u8>> {
    let pack = repository.pack(&["--delta-base-offset"]);
    let tips = repository.tips();
    scene::inspect_in(&pack, repository.hash, settings, Some(&tips), 4096).unwrap()
}

fn remembering(text: &str, verdicts: &Arc<Verdicts>) -> Settings {
    Settings {
        verdicts: Some(Arc::clone(verdicts)),
        ..scene::settings(&rules(text))
    }
}

/// All that is told of a push.
fn all(inspected: &Inspected<Vec<u8>>) -> String {
    let unread = &inspected.unscannable;
    let findings = told(&inspected.findings);
    format!("{findings}{unread:?}{:?}", inspected.coverage)
}

#[test]
fn what_is_pushed_again_is_told_as_at_first() {
    let repository = repository(&history());
    let anew = all(&inspect(&repository, scene::settings(&rules(RULE))));
    assert!(anew.contains("LFS"), "{anew}");
    let verdicts = Arc::new(Verdicts::holding(1 << 20, [1; 32]));
    let first = inspect(&repository, remembering(RULE, &verdicts));
    assert_eq!((all(&first), verdicts.take_recalled()), (anew.clone(), 0));
    let again = inspect(&repository, remembering(RULE, &verdicts));
    assert_eq!(all(&again), anew);
    // The tree in which a name is a secret is inspected each time.
    let known = again.coverage.objects() - verdicts.take_recalled();
    assert!((1..=4).contains(&known), "{known} were inspected again");
    // The same objects among others, under other paths.
    let mut stream = history();
    stream
        .commit("main", "moved")
        .line("R a moved")
        .file("new", secret(5));
    let repository = self::repository(&stream);
    let moved = inspect(&repository, remembering(RULE, &verdicts));
    let fresh = inspect(&repository, scene::settings(&rules(RULE)));
    assert_eq!(all(&moved), all(&fresh));
    assert!(verdicts.take_recalled() > 12);
}

#[test]
fn other_rules_judge_for_themselves() {
    let repository = repository(&history());
    let verdicts = Arc::new(Verdicts::holding(1 << 20, [1; 32]));
    let none = inspect(&repository, remembering("", &verdicts));
    assert!(none.findings.is_empty());
    let some = inspect(&repository, remembering(RULE, &verdicts));
    assert_eq!(verdicts.take_recalled(), 0);
    assert!(some.findings.len() >= 4, "{}", told(&some.findings));
    let other_key = Settings {
        key: exeat_inspect::FingerprintKey::new([8; 32]),
        ..remembering(RULE, &verdicts)
    };
    inspect(&repository, other_key);
    assert_eq!(verdicts.take_recalled(), 0);
}

#[test]
fn memory_is_bounded_and_what_is_asked_for_stays() {
    let repository = repository(&history());
    let tiny = Arc::new(Verdicts::holding(1, [1; 32]));
    for _ in 0..2 {
        inspect(&repository, remembering(RULE, &tiny));
        assert_eq!(tiny.take_recalled(), 0);
    }
}
