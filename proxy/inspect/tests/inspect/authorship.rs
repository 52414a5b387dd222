//! What commits say of people, in packs: floods, unknown pushers, and secrets in the place of addresses.

use std::sync::Arc;

use exeat_gitwire::HashKind;
use exeat_inspect::{Demands, Finding, Inspected, Settings};
use exeat_rules::Action;

use crate::{
    repository::Repository,
    scene::{RULE, inspect_in, rules, secret, settings, told},
};

/// A history of one empty commit for each line, the oldest first.
fn history(hash: HashKind, people: impl Iterator<Item = String>) -> Repository {
    let repository = Repository::new(hash);
    let mut stream = String::new();
    for who in people {
        stream += &format!("commit refs/heads/main\ncommitter {who} 1 +0000\ndata 2\nm\n\n");
    }
    repository.import(stream.as_bytes());
    repository
}

fn inspect(repository: &Repository, settings: Settings) -> Inspected<Vec<u8>> {
    let pack = repository.pack(&[]);
    let tips = repository.tips();
    inspect_in(&pack, repository.hash, settings, Some(&tips), 4096).unwrap()
}

fn asking(demands: Demands) -> Settings {
    Settings {
        demands: Arc::new(demands),
        ..settings(&rules(RULE))
    }
}

fn commits(findings: &[Finding], rule: &str) -> Vec<String> {
    let of_rule = findings.iter().filter(|finding| finding.rule == rule);
    let ids = of_rule.map(|finding| finding.place.commit.clone().unwrap());
    ids.collect()
}

#[test]
fn of_a_flood_the_oldest_are_told_and_all_are_counted() {
    for hash in [HashKind::Sha1, HashKind::Sha256] {
        let people = (0..700).map(|number| format!("a <{number}@home.example>"));
        let repository = history(hash, people);
        let demands = Demands {
            sign_off_action: Some(Action::Warn),
            signature_action: Some(Action::Block),
            ..Demands::default()
        };
        for (most_findings, each) in [(1000, 100), (40, 10), (2, 1)] {
            let settings = Settings {
                most_findings,
                ..asking(demands.clone())
            };
            let inspected = inspect(&repository, settings);
            let oldest = repository.lines(&["rev-list", "--reverse", "main"]);
            for rule in ["sign-off-missing", "signature-missing"] {
                assert_eq!(commits(&inspected.findings, rule), oldest[..each]);
            }
            assert!(inspected.findings[0].place.root);
            let counted = inspected.counted.iter();
            let counted: Vec<_> = counted.map(|each| (each.rule, each.all)).collect();
            let expected = [("sign-off-missing", 700), ("signature-missing", 700)];
            assert_eq!(counted, expected);
            assert!(inspected.unscannable.is_empty());
        }
    }
}

#[test]
fn pushers_are_known_by_their_addresses_or_not_at_all() {
    let people = ["A <a@x.example>", "B <b@x.example>", "A <A@x.example>"];
    let repository = history(HashKind::Sha1, people.into_iter().map(str::to_owned));
    let demands = Demands {
        not_pusher_action: Some(Action::Review),
        ..Demands::default()
    };
    let told = |pusher: Option<&[&str]>| {
        let owned = pusher.map(|known| known.iter().map(|&mail| mail.to_owned()).collect());
        let settings = Settings {
            pusher: owned,
            ..asking(demands.clone())
        };
        inspect(&repository, settings).findings
    };
    let others = told(Some(&["a@X.example", "c@x.example"]));
    assert_eq!(others.len(), 2);
    assert!(others[0].description.contains("b@x.example"), "{others:?}");
    assert_eq!(told(Some(&[])).len(), 3);
    let unknown = told(None);
    assert_eq!(unknown.len(), 3);
    assert!(unknown[0].description.contains("not known"), "{unknown:?}");
}

#[test]
fn secrets_in_the_place_of_people_are_masked() {
    let people = [
        format!("{} <a@x.example>", secret(1)),
        format!("a <{}@x.example>", secret(2)),
        format!("a <{}>", secret(3)),
        "\u{1b}[31m\u{202e} <\u{7}>".to_owned(),
    ];
    let repository = history(HashKind::Sha1, people.into_iter());
    let demands = Demands {
        mail_domains: vec![exeat_inspect::MailDomain::parse("bank.example").unwrap()],
        mail_domains_action: Some(Action::Block),
        not_pusher_action: Some(Action::Block),
        sign_off_action: Some(Action::Block),
        ..Demands::default()
    };
    let findings = inspect(&repository, asking(demands)).findings;
    assert_eq!(commits(&findings, "identity-mail-domain").len(), 4);
    assert!(findings.len() > 12, "the secrets are findings as well");
    let text = told(&findings);
    for number in 1..4 {
        assert!(!text.contains(&secret(number)), "{text}");
    }
    let printable = |byte: u8| matches!(byte, b' '..=b'~');
    for finding in &findings {
        assert!(finding.description.bytes().all(printable), "{finding:?}");
    }
}
