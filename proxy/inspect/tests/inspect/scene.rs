//! Inspections as the tests run them: small rules, a fixed key, packs kept in memory.

use std::{
    collections::HashSet,
    sync::{Arc, LazyLock, atomic::AtomicBool},
};

use exeat_gitwire::{HashKind, ObjectId, pack};
use exeat_inspect::{Error, Finding, FingerprintKey, Inspected, PackInspection, Pool, Settings};
use exeat_rules::{RuleSet, Source};

use crate::repository::{Random, Repository};

/// One rule: `key_` and thirty letters or digits.
pub const RULE: &str = r#"
[[rules]]
id = "test-key"
description = "A key of these tests"
regex = '''\bkey_[a-z0-9]{30}\b'''
keywords = ["key_"]
"#;

/// A secret of the rule above; another for each seed.
pub fn secret(seed: u64) -> String {
    const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    let mut random = Random::new(seed);
    let letters = (0..30).map(|_| char::from(LETTERS[random.below(LETTERS.len())]));
    format!("key{}{}", '_', letters.collect::<String>())
}

pub fn rules(text: &str) -> Arc<RuleSet> {
    let source = Source {
        name: "test.toml".into(),
        text: text.into(),
    };
    Arc::new(RuleSet::compile(&[source]).unwrap().rules)
}

pub fn settings(rules: &Arc<RuleSet>) -> Settings {
    Settings {
        rules: Arc::clone(rules),
        key: FingerprintKey::new([7; 32]),
        limits: pack::Limits::default(),
        most_findings: 1000,
        strength: exeat_inspect::Strength::default(),
        most_paths: 1000,
        demands: Arc::default(),
        licences: None,
        pusher: None,
        shown: None,
        verdicts: None,
        whole: false,
        clock: None,
        cancelled: Arc::new(AtomicBool::new(false)),
        on_batch: || (),
    }
}

/// The workers that all tests share.
pub fn pool() -> Arc<Pool> {
    static POOL: LazyLock<Arc<Pool>> = LazyLock::new(|| Pool::start(3).unwrap());
    Arc::clone(&POOL)
}

pub type Outcome = Result<Inspected<Vec<u8>>, Error>;

/// Inspects `pack`, fed in pieces of `piece` bytes.
pub fn inspect_in(
    pack: &[u8],
    hash: HashKind,
    settings: Settings,
    targets: Option<&[ObjectId]>,
    piece: usize,
) -> Outcome {
    let mut inspection = PackInspection::start(pool(), hash, settings, Vec::new());
    for chunk in pack.chunks(piece) {
        inspection.feed(chunk)?;
    }
    inspection.finish(targets)
}

/// Inspects `pack` with `rules`, without asking what reaches its objects.
pub fn inspect(pack: &[u8], hash: HashKind, rules: &Arc<RuleSet>) -> Inspected<Vec<u8>> {
    inspect_in(pack, hash, settings(rules), None, 64 * 1024).unwrap()
}

/// Inspects what a push of every ref to an empty repository sends.
pub fn inspect_all(repository: &Repository, rules: &Arc<RuleSet>) -> Inspected<Vec<u8>> {
    let pack = repository.pack(&["--delta-base-offset"]);
    let tips = repository.tips();
    inspect_in(&pack, repository.hash, settings(rules), Some(&tips), 4096).unwrap()
}

/// Everything about the findings that can be shown or stored.
pub fn told(findings: &[Finding]) -> String {
    let mut text = String::new();
    for finding in findings {
        text += &serde_json::to_string(finding).unwrap();
        text += &format!("{finding:?}\n");
    }
    text
}

/// Where each finding lies: commit, path, line and column.
pub fn places(findings: &[Finding]) -> HashSet<(String, String, u64, u64)> {
    let place = |finding: &Finding| {
        let place = &finding.place;
        (
            place.commit.clone().unwrap_or_default(),
            place.path.clone().unwrap_or_default(),
            place.line,
            place.column,
        )
    };
    findings.iter().map(place).collect()
}
