//! Generated policies and pushes: the book against a plain reading of its sentence, and what must hold for any of them.

use exeat_inspect::{Opaque, OpaqueKind, Report, Unscannable};

use super::condition::{Conditions, RefGlobs, RepositoryGlobs};
use super::explain::{Found, explain};
use super::rulebook::{Effects, Line};
use super::*;
use crate::config::DISPOSITIONS;

const ACTIONS: [Action; 4] = [Action::Block, Action::Review, Action::Warn, Action::Note];
const REPOSITORIES: [&str; 4] = ["org/one", "org/two", "lab/one", "org/one.wiki"];
const REPOSITORY_GLOBS: [&str; 6] = ["org/*", "org/one", "*/one", "**", "org/*.wiki", "none/x"];
const REFS: [&str; 4] = [
    "refs/heads/main",
    "refs/heads/a/b",
    "refs/tags/v1",
    "refs/notes/x",
];
const REF_GLOBS: [&str; 5] = [
    "refs/heads/*",
    "refs/**",
    "refs/tags/*",
    "refs/heads/main",
    "refs/*/a/b",
];
const CHANGES: [Change; 5] = [
    Change::Create,
    Change::Delete,
    Change::Forward,
    Change::Forced,
    Change::Unknown,
];

struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % bound
    }

    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    /// With one chance in `of`.
    fn maybe<T>(&mut self, of: usize, make: impl FnOnce(&mut Self) -> T) -> Option<T> {
        (self.below(of) == 0).then(|| make(self))
    }

    fn known(&mut self) -> Option<bool> {
        self.one(&[None, Some(false), Some(true)])
    }
}

/// A rule with the words of its patterns, for the plain reading.
struct Written {
    repository: Option<&'static str>,
    reference: Option<&'static str>,
}

fn policy(random: &mut Random) -> (Rulebook, Vec<Written>) {
    let config = crate::config::Config::defaults().unwrap();
    let mut book = Rulebook::of_table(config.policy);
    let mut written = Vec::new();
    for at in 0..random.below(6) {
        let words = Written {
            repository: random.maybe(2, |random| random.one(&REPOSITORY_GLOBS)),
            reference: random.maybe(2, |random| random.one(&REF_GLOBS)),
        };
        let repository = words
            .repository
            .map(|glob| RepositoryGlobs::new(vec![glob.into()]).unwrap());
        let reference = words
            .reference
            .map(|glob| RefGlobs::new(vec![glob.into()]).unwrap());
        book.rules.push(rule(random, at, repository, reference));
        written.push(words);
    }
    book.drafts = random
        .maybe(2, |random| random.below(book.rules.len() + 1))
        .unwrap_or(0);
    (book, written)
}

fn rule(
    random: &mut Random,
    at: usize,
    repository: Option<RepositoryGlobs>,
    reference: Option<RefGlobs>,
) -> Rule {
    fn line<T>(value: T) -> Line<T> {
        Line { value, line: 1 }
    }
    Rule {
        name: format!("r{at}").into(),
        file: "policy.toml".into(),
        line: at + 1,
        when: Conditions {
            upstream: random.maybe(6, |random| vec![random.one(&["forge", "other"]).to_owned()]),
            repository,
            reference,
            group: random.maybe(8, |random| {
                vec![random.one(&["staff", "guests"]).to_owned()]
            }),
            person: random.maybe(8, |_| vec!["ada".to_owned()]),
            larger_than: random.maybe(6, |random| random.one(&[0, 100])),
            event: random.maybe(2, |random| {
                (0..1 + random.below(2))
                    .map(|_| random.one(&Event::WORDS).1)
                    .collect()
            }),
        },
        then: Effects {
            deed: random.maybe(2, |random| line(random.one(&Deed::WORDS).1)),
            tiers: [(); Tier::ALL.len()]
                .map(|()| random.maybe(3, |random| line(random.one(&DISPOSITIONS).1))),
            approvers: random.maybe(3, |random| line(random.one(&[1, 2, 3]))),
            reviewers: random.maybe(4, |random| line(vec![random.one(&["a", "b"]).to_owned()])),
            four_eyes: random.maybe(4, |random| line(random.below(2) == 0)),
            message: random.maybe(4, |_| line(format!("message {at}"))),
        },
    }
}

/// A push and all that is known of it.
struct Case {
    repository: &'static str,
    updates: Vec<Update<'static>>,
    groups: Vec<String>,
    known: bool,
    first_push: Option<bool>,
    new_project: Option<bool>,
    pack_bytes: u64,
    report: Report,
    actions: Vec<Action>,
}

impl Case {
    fn new(random: &mut Random) -> Self {
        let updates = (0..1 + random.below(3)).map(|_| Update {
            name: random.one(&REFS).as_bytes(),
            change: random.one(&CHANGES),
        });
        let updates = updates.collect();
        let actions: Vec<Action> = (0..random.below(3)).map(|_| random.one(&ACTIONS)).collect();
        Self {
            repository: random.one(&REPOSITORIES),
            updates,
            groups: vec![random.one(&["staff", "guests", "others"]).to_owned()],
            known: random.below(3) > 0,
            first_push: random.known(),
            new_project: random.known(),
            pack_bytes: random.one(&[0, 50, 500]),
            report: report(random, &actions),
            actions,
        }
    }

    fn push(&self) -> Push<'_> {
        Push {
            upstream: "forge",
            repository: self.repository,
            updates: &self.updates,
        }
    }

    fn facts(&self) -> Facts<'_> {
        Facts {
            pusher: self.known.then_some(Pusher {
                person: "ada",
                groups: &self.groups,
            }),
            first_push: self.first_push,
            new_project: self.new_project,
            pack_bytes: Some(self.pack_bytes),
        }
    }

    fn strongest(&self, book: &Rulebook) -> Disposition {
        let verdict = judge(self.push(), &self.report, &self.facts(), book);
        let strongest = verdict.reasons().iter().map(|reason| reason.disposition);
        let strongest = strongest.max().unwrap_or(Disposition::Forward);
        let told = match verdict {
            Verdict::Refuse(_) => Disposition::Refuse,
            Verdict::Hold(_) => Disposition::Hold,
            Verdict::Forward(_) => strongest.min(Disposition::Warn),
        };
        assert_eq!(told, strongest);
        strongest
    }
}

fn each(rounds: u64, mut check: impl FnMut(&Rulebook, &[Written], &Case, &mut Random)) {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for _ in 0..rounds {
        let (book, written) = policy(&mut random);
        for _ in 0..12 {
            let case = Case::new(&mut random);
            check(&book, &written, &case, &mut random);
        }
    }
}

/// The sentence of the handbook, read as plainly as can be: for each ref, in each world, the first rule for each key.
fn plainly(book: &Rulebook, written: &[Written], case: &Case) -> Disposition {
    let mut strongest = Disposition::Forward;
    for update in &case.updates {
        for bits in 0..16_u8 {
            let bit = |at: u8| bits & (1 << at) != 0;
            let agrees = |known: Option<bool>, at: u8| known.is_none_or(|known| known == bit(at));
            let forced = match update.change {
                Change::Unknown => None,
                change => Some(change == Change::Forced),
            };
            let wiki = case.repository.ends_with(".wiki");
            let here = agrees(case.first_push, 0)
                && agrees(case.new_project, 1)
                && agrees(forced, 2)
                && (wiki || !bit(3));
            if !here {
                continue;
            }
            let holds = |at: usize| {
                let Conditions {
                    upstream,
                    group,
                    person,
                    larger_than,
                    event,
                    ..
                } = &book.rules[at].when;
                let name = std::str::from_utf8(update.name).unwrap();
                let made = update.change == Change::Create;
                let happened = |event: &Event| match event {
                    Event::FirstPush => bit(0),
                    Event::NewProject => bit(1),
                    Event::ForcedUpdate => bit(2),
                    Event::NewTag => made && name.starts_with("refs/tags/"),
                    Event::NewBranch => made && name.starts_with("refs/heads/"),
                    Event::Delete => update.change == Change::Delete,
                    Event::Unscannable => !case.report.unscannable.is_empty(),
                };
                let in_glob = |glob: &str| {
                    glob_holds(glob, case.repository)
                        && (!wiki || glob.ends_with(".wiki") || bit(3))
                };
                upstream
                    .as_ref()
                    .is_none_or(|names| names.contains(&"forge".to_owned()))
                    && written[at].repository.is_none_or(in_glob)
                    && written[at]
                        .reference
                        .is_none_or(|glob| glob_holds(glob, name))
                    && group
                        .as_ref()
                        .is_none_or(|names| case.known && names.contains(&case.groups[0]))
                    && person.as_ref().is_none_or(|_| case.known)
                    && larger_than.is_none_or(|most| case.pack_bytes > most)
                    && event
                        .as_ref()
                        .is_none_or(|events| events.iter().any(happened))
            };
            // With the drafts before the files, and without them.
            for first in [0, book.drafts] {
                let rules = || {
                    (first..book.rules.len())
                        .filter(|at| holds(*at))
                        .map(|at| &book.rules[at].then)
                };
                let deed = rules().find_map(|then| then.deed.as_ref());
                let deed = deed.map_or(Deed::Scan, |line| line.value);
                strongest = strongest.max(match deed {
                    Deed::Deny => Disposition::Refuse,
                    Deed::Review => Disposition::Hold,
                    _ => Disposition::Forward,
                });
                let word = |tier: Tier| {
                    let said = rules().find_map(|then| then.tiers[tier as usize].as_ref());
                    said.map_or(tier.in_table(&book.table), |line| line.value)
                };
                for action in &case.actions {
                    let word = word(Tier::of(*action));
                    strongest = strongest.max(match deed {
                        Deed::Allow => word.min(Disposition::Warn),
                        _ => word,
                    });
                }
                for missed in &case.report.unscannable {
                    strongest = strongest.max(word(tier_of(missed)));
                }
            }
        }
    }
    strongest
}

/// Now and then with something that could not be read, of either kind.
fn report(random: &mut Random, actions: &[Action]) -> Report {
    let mut report = tests::report(actions, usize::from(random.below(4) == 0));
    let opaque = Opaque {
        kind: OpaqueKind::Unknown,
        bytes: 1,
        paths: Vec::new(),
    };
    for missed in &mut report.unscannable {
        missed.opaque = random.maybe(2, |_| opaque.clone());
    }
    report
}

fn tier_of(missed: &Unscannable) -> Tier {
    match missed.opaque {
        Some(_) => Tier::Opaque,
        None => Tier::Unscannable,
    }
}

fn holds(report: &Report, tier: Tier) -> bool {
    report
        .unscannable
        .iter()
        .any(|missed| tier_of(missed) == tier)
}

/// By segments, `*` within one and `**` for any number; these few patterns need no more.
fn glob_holds(glob: &str, name: &str) -> bool {
    fn segments(glob: &[&str], name: &[&str]) -> bool {
        match (glob, name) {
            ([], []) => true,
            (["**"], [_, ..]) => true,
            ([first, glob @ ..], [here, name @ ..]) => {
                let fits = match first.strip_prefix('*') {
                    Some(end) => here.ends_with(end),
                    None => first == here,
                };
                fits && segments(glob, name)
            }
            _ => false,
        }
    }
    let split = |text| str::split(text, '/').collect::<Vec<_>>();
    segments(&split(glob), &split(name))
}

#[test]
fn the_book_is_read_as_its_sentence_says() {
    let mut seen = [0_u32; 4];
    each(400, |book, written, case, _| {
        let strongest = case.strongest(book);
        seen[strongest as usize] += 1;
        assert_eq!(
            strongest,
            plainly(book, written, case),
            "{book:?} {:?}",
            case.push()
        );
        let found = Found {
            findings: &case.actions,
            unscannable: holds(&case.report, Tier::Unscannable),
            opaque: holds(&case.report, Tier::Opaque),
        };
        let told = explain(case.push(), &case.facts(), found, book);
        assert_eq!(told.verdict, strongest);
        assert!(!told.before_the_pack || strongest == Disposition::Refuse);
    });
    assert!(seen.iter().all(|count| *count > 200), "{seen:?}");
}

#[test]
fn the_order_of_the_refs_does_not_matter() {
    each(200, |book, _, case, random| {
        let ruling = |updates: &[Update<'_>]| {
            let push = Push {
                updates,
                ..case.push()
            };
            book.ruling(push, &case.facts(), false)
        };
        let mut updates = case.updates.clone();
        let before = ruling(&updates);
        let by = random.below(updates.len());
        updates.rotate_left(by);
        assert_eq!(ruling(&updates), before);
        updates.reverse();
        updates.extend_from_within(..1);
        assert_eq!(ruling(&updates), before);
    });
}

#[test]
fn no_rule_that_asks_for_more_makes_the_verdict_milder() {
    let mut stronger = 0;
    each(400, |book, _, case, random| {
        if book.rules.is_empty() {
            return;
        }
        let before = case.strongest(book);
        let mut raised = book.clone();
        let at = random.below(raised.rules.len());
        let then = &mut raised.rules[at].then;
        if random.below(2) == 0 {
            let Some(deed) = &mut then.deed else { return };
            deed.value = match deed.value {
                Deed::Allow => Deed::Scan,
                Deed::Scan => Deed::Review,
                Deed::Review | Deed::Deny => Deed::Deny,
            };
        } else {
            let tier = random.below(then.tiers.len());
            let Some(line) = &mut then.tiers[tier] else {
                return;
            };
            line.value = line.value.max(random.one(&DISPOSITIONS).1);
        }
        let after = case.strongest(&raised);
        assert!(after >= before, "{book:?} {raised:?}");
        stronger += u32::from(after > before);
    });
    assert!(stronger > 20, "{stronger}");
}

#[test]
fn drafts_make_nothing_milder() {
    let mut stricter = 0;
    each(600, |book, _, case, _| {
        let mut files = book.clone();
        files.rules.drain(..files.drafts);
        files.drafts = 0;
        for unscannable in [false, true] {
            let with = book.ruling(case.push(), &case.facts(), unscannable);
            let without = files.ruling(case.push(), &case.facts(), unscannable);
            assert!(with.deed.value >= without.deed.value, "{book:?}");
            for tier in Tier::ALL {
                let (with, without) = (with.tier(tier).value, without.tier(tier).value);
                assert!(with >= without, "{tier:?} {book:?}");
            }
            assert!(with.approvers.value >= without.approvers.value);
            assert!(with.four_eyes.value >= without.four_eyes.value);
            for wanted in &without.reviewers {
                let kept = |list: &Decided<Vec<String>>| list.value == wanted.value;
                assert!(with.reviewers.iter().any(kept), "{book:?}");
            }
        }
        let (with, without) = (case.strongest(book), case.strongest(&files));
        assert!(with >= without, "{book:?}");
        stricter += u32::from(with > without);
    });
    assert!(stricter > 20, "{stricter}");
}

#[test]
fn what_is_denied_early_is_denied_in_the_end_and_the_outlook_holds() {
    let mut denials = 0;
    each(400, |book, _, case, _| {
        let early = Facts {
            pack_bytes: None,
            first_push: None,
            new_project: None,
            ..case.facts()
        };
        let anything = Push {
            updates: &[],
            ..case.push()
        };
        let moved: Vec<Update<'_>> = case
            .updates
            .iter()
            .map(|update| Update {
                change: match update.change {
                    Change::Forward | Change::Forced => Change::Unknown,
                    change => change,
                },
                ..*update
            })
            .collect();
        let head = Push {
            updates: &moved,
            ..case.push()
        };
        for push in [anything, head] {
            if let Some(stopped) = denied(push, &early, book) {
                denials += 1;
                assert_eq!(stopped.reasons[0].ground, Ground::Denied);
                assert_eq!(case.strongest(book), Disposition::Refuse, "{book:?}");
            }
        }
        let outlook = Outlook::of(head, &early, book);
        for unscannable in [false, true] {
            let ruling = book.ruling(case.push(), &case.facts(), unscannable);
            for tier in Tier::ALL {
                assert!(
                    outlook.holds(tier, ruling.tier(tier).value),
                    "{tier:?} {book:?}"
                );
            }
        }
    });
    assert!(denials > 100, "{denials}");
}

#[test]
fn without_files_only_the_table_counts() {
    let mut random = Random(77);
    let config = crate::config::Config::defaults().unwrap();
    let (book, warnings) = file::read(&[], &config).unwrap();
    assert!(warnings.is_empty() && book.rules().is_empty());
    assert_eq!(book.digest(), config.policy.digest());
    for _ in 0..500 {
        let case = Case::new(&mut random);
        let words = case.actions.iter().map(|action| Tier::of(*action));
        let unread = case.report.unscannable.iter().map(tier_of);
        let words = words
            .chain(unread)
            .map(|tier| tier.in_table(&config.policy));
        let expected = words.max().unwrap_or(Disposition::Forward);
        assert_eq!(case.strongest(&book), expected);
        let verdict = judge(case.push(), &case.report, &case.facts(), &book);
        assert!(verdict.reasons().iter().all(|reason| reason.by.is_none()));
        assert_eq!(denied(case.push(), &Facts::default(), &book), None);
    }
}
