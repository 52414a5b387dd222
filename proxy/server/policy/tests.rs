//! The table of verdicts: every action under every policy word.

use exeat_inspect::{
    Coverage, Excuse, Finding, FingerprintKey, Masked, Opaque, OpaqueKind, Unscannable,
    finding::Place,
};

use super::*;

const ACTIONS: [Action; 4] = [Action::Block, Action::Review, Action::Warn, Action::Note];
const WORDS: [Disposition; 4] = [
    Disposition::Refuse,
    Disposition::Hold,
    Disposition::Warn,
    Disposition::Forward,
];

fn policy(disposition: Disposition) -> Policy {
    Policy {
        block: disposition,
        review: disposition,
        warn: disposition,
        note: disposition,
        unscannable: disposition,
        opaque: disposition,
        existing: disposition,
    }
}

pub(super) fn report(actions: &[Action], unread: usize) -> Report {
    let key = FingerprintKey::new([0; 32]);
    let finding = |action| Finding {
        description: "a rule".into(),
        masked: Masked::new(b""),
        first_line: 1,
        ..Finding::new(
            "rule",
            action,
            Place::default(),
            key.fingerprint("rule", b""),
        )
    };
    let missed = Unscannable {
        what: "x".into(),
        why: "y".into(),
        object: None,
        opaque: None,
    };
    Report {
        findings: actions.iter().copied().map(finding).collect(),
        coverage: Coverage::default(),
        unscannable: vec![missed; unread],
        ..Report::default()
    }
}

/// A push of one new branch.
const PUSH: Push<'static> = Push {
    upstream: "forge",
    repository: "org/repo",
    updates: &[Update {
        name: b"refs/heads/main",
        change: Change::Create,
    }],
};

fn judged(report: &Report, policy: &Policy) -> Verdict {
    let book = Rulebook::of_table(*policy);
    judge(PUSH, report, &Facts::default(), &book)
}

fn word(report: &Report, policy: &Policy) -> &'static str {
    match judged(report, policy) {
        Verdict::Forward(cleared) if cleared.warns() => "forward, warned",
        Verdict::Forward(_) => "forward",
        Verdict::Hold(_) => "hold",
        Verdict::Refuse(_) => "refuse",
    }
}

#[test]
fn every_action_follows_its_word() {
    let verdicts = ["refuse", "hold", "forward, warned", "forward"];
    for (disposition, verdict) in WORDS.into_iter().zip(verdicts) {
        for action in ACTIONS {
            let told = word(&report(&[action], 0), &policy(disposition));
            assert_eq!(told, verdict, "{action}");
        }
        assert_eq!(word(&report(&[], 1), &policy(disposition)), verdict);
    }
}

#[test]
fn a_waived_finding_is_told_and_stops_nothing() {
    let verdicts = [
        "forward, warned",
        "forward, warned",
        "forward, warned",
        "forward",
    ];
    for (disposition, verdict) in WORDS.into_iter().zip(verdicts) {
        for action in ACTIONS {
            let mut waived = report(&[action], 0);
            waived.findings[0].waived = vec!["w-1".into()];
            assert_eq!(word(&waived, &policy(disposition)), verdict, "{action}");
            // What the pusher excuses is waived all the same.
            waived.findings[0].excused = Some(Excuse::Comment);
            let told = word(&waived, &policy(disposition));
            assert!(told.starts_with("forward"), "{action} {told}");
            // Another one beside it counts as ever.
            let other = report(&[action], 0).findings;
            waived.findings.extend(other);
            let alone = word(&report(&[action], 0), &policy(disposition));
            if disposition > Disposition::Warn {
                assert_eq!(word(&waived, &policy(disposition)), alone);
            }
        }
    }
    let mut waived = report(&[Action::Block], 1);
    waived.findings[0].waived = vec!["w-1".into()];
    let strict = policy(Disposition::Refuse);
    assert_eq!(word(&waived, &strict), "refuse");
    let verdict = judged(&waived, &strict);
    let grounds: Vec<Ground> = verdict
        .reasons()
        .iter()
        .map(|reason| reason.ground)
        .collect();
    assert_eq!(grounds, [Ground::NotScannable, Ground::Waived]);
}

#[test]
fn what_is_old_and_waived_counts_as_old_where_that_is_milder() {
    let mut report = report(&[Action::Block], 0);
    report.findings[0].waived = vec!["w-1".into()];
    report.findings[0].existing = true;
    let ground = |existing| {
        let policy = Policy {
            existing,
            ..policy(Disposition::Refuse)
        };
        judged(&report, &policy).reasons()[0].ground
    };
    assert_eq!(ground(Disposition::Forward), Ground::Existing);
    assert_eq!(ground(Disposition::Hold), Ground::Waived);
}

#[test]
fn a_clean_report_goes_under_any_policy() {
    for disposition in WORDS {
        assert_eq!(word(&report(&[], 0), &policy(disposition)), "forward");
    }
}

#[test]
fn the_strongest_disposition_decides() {
    let mixed = Policy {
        block: Disposition::Refuse,
        review: Disposition::Hold,
        warn: Disposition::Warn,
        note: Disposition::Forward,
        unscannable: Disposition::Hold,
        opaque: Disposition::Hold,
        existing: Disposition::Forward,
    };
    let all = report(&ACTIONS, 1);
    assert_eq!(word(&all, &mixed), "refuse");
    assert_eq!(
        word(&report(&[Action::Note, Action::Review], 0), &mixed),
        "hold"
    );
    assert_eq!(word(&report(&[Action::Note], 1), &mixed), "hold");
    assert_eq!(
        word(&report(&[Action::Note, Action::Warn], 0), &mixed),
        "forward, warned"
    );
}

#[test]
fn what_helps_is_told_at_most() {
    for disposition in WORDS {
        for action in [Action::Warn, Action::Note] {
            let mut helps = report(&[action], 0);
            helps.findings[0].is_help = true;
            let expected = match disposition {
                Disposition::Forward => "forward",
                _ => "forward, warned",
            };
            assert_eq!(word(&helps, &policy(disposition)), expected);
            // It takes nothing from what stands beside it.
            let mut both = report(&[action, action], 0);
            both.findings[0].is_help = true;
            let alone = report(&[action], 0);
            let policy = policy(disposition);
            assert_eq!(word(&both, &policy), word(&alone, &policy));
            let counted = judged(&both, &policy);
            let counted = counted.reasons().iter().map(|reason| reason.count);
            assert_eq!(counted.sum::<u64>(), 2);
        }
    }
}

#[test]
fn reasons_count_what_was_found() {
    let found = report(&[Action::Block, Action::Block, Action::Note], 2);
    let verdict = judged(&found, &policy(Disposition::Hold));
    let counted: Vec<(Ground, u64)> = verdict
        .reasons()
        .iter()
        .map(|reason| (reason.ground, reason.count))
        .collect();
    assert_eq!(
        counted,
        [
            (Ground::Findings(Action::Block), 2),
            (Ground::Findings(Action::Note), 1),
            (Ground::NotScannable, 2),
        ]
    );
}

#[test]
fn what_is_in_the_repository_already_counts_by_its_own_word_and_never_for_more() {
    for existing in WORDS {
        for own in WORDS {
            let mut found = report(&[Action::Block], 0);
            found.findings[0].existing = true;
            let policy = Policy {
                existing,
                ..policy(own)
            };
            let verdict = judged(&found, &policy);
            let reasons = verdict.reasons().iter();
            let strongest = reasons.map(|reason| reason.disposition).max();
            assert_eq!(strongest, Some(existing.min(own)), "{existing:?} {own:?}");
        }
    }
    let policy = Policy {
        existing: Disposition::Forward,
        ..policy(Disposition::Refuse)
    };
    let mut mixed = report(&[Action::Block, Action::Block], 0);
    mixed.findings[0].existing = true;
    assert_eq!(word(&mixed, &policy), "refuse");
    mixed.findings[1].existing = true;
    assert_eq!(word(&mixed, &policy), "forward");
}

#[test]
fn what_the_pusher_excuses_is_lowered_to_review_and_seen() {
    for block in WORDS {
        for review in WORDS {
            let policy = Policy {
                block,
                review,
                ..policy(Disposition::Forward)
            };
            let mut found = report(&[Action::Block], 0);
            found.findings[0].excused = Some(Excuse::Comment);
            let verdict = judged(&found, &policy);
            let [reason] = verdict.reasons() else {
                panic!("{:?}", verdict.reasons());
            };
            assert_eq!((reason.ground, reason.count), (Ground::Excused, 1));
            let expected = block.min(review.max(Disposition::Warn));
            assert_eq!(reason.disposition, expected, "{block:?} {review:?}");
            // Old besides: never more for it.
            for existing in WORDS {
                let policy = Policy { existing, ..policy };
                found.findings[0].existing = true;
                let verdict = judged(&found, &policy);
                let strongest = verdict.reasons()[0].disposition;
                assert_eq!(strongest, expected.min(existing), "{policy:?}");
            }
        }
    }
}

#[test]
fn an_excuse_of_one_finding_helps_no_other() {
    let policy = Policy {
        review: Disposition::Warn,
        ..policy(Disposition::Refuse)
    };
    let mut found = report(&[Action::Block, Action::Block], 0);
    found.findings[0].excused = Some(Excuse::Baseline);
    assert_eq!(word(&found, &policy), "refuse");
    found.findings[1].excused = Some(Excuse::IgnoreFile);
    assert_eq!(word(&found, &policy), "forward, warned");
    let mut unread = report(&[Action::Block], 1);
    unread.findings[0].excused = Some(Excuse::Comment);
    assert_eq!(word(&unread, &policy), "refuse");
}

fn sealed(paths: &[&str], bytes: u64) -> Unscannable {
    Unscannable {
        what: "a".into(),
        why: "it is encrypted".into(),
        object: None,
        opaque: Some(Opaque {
            kind: OpaqueKind::Encrypted,
            bytes,
            paths: paths.iter().map(ToString::to_string).collect(),
        }),
    }
}

#[test]
fn what_nobody_reads_goes_where_all_that_allows_it_holds() {
    let allowed = |target: &str, missed: Unscannable| {
        let text = format!("[[opaque]]\nname=\"a\"\npath=\"tests/**\"\nup_to=100\n{target}");
        let text = file::Text {
            name: "policy.toml".into(),
            text,
        };
        let config = crate::config::Config::defaults().unwrap();
        let (book, _) = file::read(&[text], &config).unwrap();
        let mut found = report(&[], 0);
        found.unscannable.push(missed);
        let verdict = judge(PUSH, &found, &Facts::default(), &book);
        let grounds: Vec<_> = verdict
            .reasons()
            .iter()
            .map(|reason| reason.ground)
            .collect();
        match (verdict, grounds.as_slice()) {
            (Verdict::Forward(_), [Ground::OpaqueAllowed]) => true,
            (Verdict::Hold(_), [Ground::Opaque]) => false,
            (other, _) => panic!("{other:?}"),
        }
    };
    let ours = "upstream=\"forge\"\nrepository=\"org/*\"\nkind=\"encrypted\"";
    assert!(allowed(ours, sealed(&["tests/a/b"], 100)));
    assert!(!allowed(ours, sealed(&["tests/a/b"], 101)));
    assert!(!allowed(ours, sealed(&["tests/a", "src/a"], 1)));
    assert!(!allowed(ours, sealed(&[], 1)));
    assert!(!allowed("kind=\"unknown\"", sealed(&["tests/a"], 1)));
    assert!(!allowed("repository=\"other/*\"", sealed(&["tests/a"], 1)));
    assert!(!allowed("upstream=\"elsewhere\"", sealed(&["tests/a"], 1)));
}
