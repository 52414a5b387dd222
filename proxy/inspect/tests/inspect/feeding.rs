//! However a pack arrives, and beside whatever others, the report is the same.

use std::sync::{Arc, atomic::Ordering};

use exeat_gitwire::HashKind;
use exeat_inspect::{Error, PackInspection};
use exeat_rules::RuleSet;

use crate::{
    coverage::varied,
    repository::{Random, Repository, Stream},
    scene::{RULE, inspect_in, pool, rules, secret, settings, told},
};

/// A varied repository with some secrets in it.
fn planted(seed: u64) -> Repository {
    let repository = varied(seed, HashKind::Sha1);
    let mut stream = Stream::default();
    for number in 0..8 {
        stream.commit("planted", &format!("add {}", secret(seed * 50 + number)));
        let content = format!(
            "{}\n{}\n",
            secret(seed * 50 + 20),
            secret(seed * 50 + number)
        );
        stream.file(&format!("d{}/f", number % 3), content);
    }
    repository.import(&stream.bytes);
    repository
}

/// All that an inspection tells.
fn report(pack: &[u8], repository: &Repository, rules: &Arc<RuleSet>, piece: usize) -> String {
    let tips = repository.tips();
    let inspected = inspect_in(pack, repository.hash, settings(rules), Some(&tips), piece).unwrap();
    let told = told(&inspected.findings);
    format!("{told}{:?}{:?}", inspected.coverage, inspected.unscannable)
}

#[test]
fn in_pieces_of_any_size() {
    let rules = rules(RULE);
    let repository = planted(1);
    for options in [&["--delta-base-offset"][..], &[]] {
        let pack = repository.pack(options);
        let whole = report(&pack, &repository, &rules, pack.len());
        assert!(whole.contains("test-key"));
        for piece in [1, 7, 61, 4099] {
            assert_eq!(
                report(&pack, &repository, &rules, piece),
                whole,
                "by {piece}"
            );
        }
    }
}

#[test]
fn with_blobs_that_are_never_held_whole() {
    let rules = rules(RULE);
    let repository = planted(3);
    let tips = repository.tips();
    for options in [&["--delta-base-offset"][..], &[]] {
        let pack = repository.pack(options);
        let whole = report(&pack, &repository, &rules, 4099);
        assert!(whole.contains("test-key"));
        for whole_bytes in [1, 40, 300] {
            let mut settings = settings(&rules);
            settings.limits.whole_bytes = whole_bytes;
            let inspected =
                inspect_in(&pack, repository.hash, settings, Some(&tips), 4099).unwrap();
            let told = told(&inspected.findings);
            let told = format!("{told}{:?}{:?}", inspected.coverage, inspected.unscannable);
            assert_eq!(told, whole, "above {whole_bytes}");
        }
    }
}

#[test]
fn beside_many_others() {
    let rules = rules(RULE);
    let repositories: Vec<Repository> = (1..=4).map(planted).collect();
    let packs: Vec<Vec<u8>> = repositories.iter().map(|each| each.pack(&[])).collect();
    let alone: Vec<String> = (0..4)
        .map(|at| report(&packs[at], &repositories[at], &rules, 4096))
        .collect();
    std::thread::scope(|scope| {
        for round in 0..24 {
            let (packs, repositories, rules, alone) = (&packs, &repositories, &rules, &alone);
            scope.spawn(move || {
                let at = round % 4;
                let piece = 100 + 37 * round;
                let beside = report(&packs[at], &repositories[at], rules, piece);
                assert_eq!(beside, alone[at]);
            });
        }
    });
}

#[test]
fn with_another_key_on_the_same_workers() {
    let rules = rules(RULE);
    let repository = planted(1);
    let pack = repository.pack(&[]);
    let fingerprints = |key: u8| -> Vec<_> {
        let mut settings = settings(&rules);
        settings.key = exeat_inspect::FingerprintKey::new([key; 32]);
        let inspected = inspect_in(&pack, repository.hash, settings, None, 4096).unwrap();
        let findings = inspected.findings.iter();
        findings.map(|finding| finding.fingerprint).collect()
    };
    let (one, two) = (fingerprints(1), fingerprints(2));
    assert!(one.iter().all(|fingerprint| !two.contains(fingerprint)));
    assert_eq!(one, fingerprints(1));
}

#[test]
fn a_stopped_inspection_stops() {
    let rules = rules(RULE);
    let repository = planted(1);
    let pack = repository.pack(&[]);
    let settings = settings(&rules);
    settings.cancelled.store(true, Ordering::Relaxed);
    let stopped = inspect_in(&pack, repository.hash, settings.clone(), None, 4096);
    assert!(matches!(stopped, Err(Error::Cancelled)));

    settings.cancelled.store(false, Ordering::Relaxed);
    let mut inspection =
        PackInspection::start(pool(), repository.hash, settings.clone(), Vec::new());
    inspection.feed(&pack).unwrap();
    settings.cancelled.store(true, Ordering::Relaxed);
    assert!(matches!(inspection.finish(None), Err(Error::Cancelled)));
}

#[test]
fn a_pack_cut_short_or_changed_is_refused() {
    let rules = rules(RULE);
    let repository = planted(2);
    let pack = repository.pack(&[]);
    let run = |pack: &[u8]| inspect_in(pack, repository.hash, settings(&rules), None, 1000);
    let mut random = Random::new(1);
    for _ in 0..40 {
        let cut = random.below(pack.len());
        assert!(
            matches!(run(&pack[..cut]), Err(Error::Pack(_))),
            "cut at {cut}"
        );
        let mut changed = pack.clone();
        let at = random.below(pack.len());
        changed[at] ^= 1 << random.below(8);
        assert!(run(&changed).is_err(), "changed at {at}");
    }
    let longer = [pack.as_slice(), b"x"].concat();
    assert!(matches!(run(&longer), Err(Error::Pack(_))));
    run(&pack).unwrap();
}
