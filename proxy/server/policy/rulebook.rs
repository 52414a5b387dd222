//! The whole policy: the rules of the policy files in order, then the words of `[policy]`; and what it says of one push.
//!
//! Each ref update is judged by itself. Of the rules that hold, the first that says `do` decides what is done, and for
//! every other key the first that sets it decides, else the table. Over all refs the strongest wins. An event that is not
//! known is judged both ways, and the stronger counts.
//!
//! Drafts, which are kept in the database, stand before the files and make nothing milder: everything is asked twice, of all
//! rules and of those of the files alone, and the stronger counts.

use std::sync::Arc;

use exeat_rules::Action;
use serde::Serialize;

use super::allowance::Allowance;
use super::condition::{Conditions, Event, Situation};
use super::licences::Licences;
use super::{Change, Facts, Push};
use crate::config::{Disposition, Policy};

/// All that decides.
#[derive(Debug, Clone)]
pub struct Rulebook {
    pub(super) table: Policy,
    pub(super) rules: Vec<Rule>,
    /// What nobody reads and may go.
    pub(super) allowances: Vec<Allowance>,
    /// Which licences targets accept.
    pub(super) licences: Vec<Licences>,
    /// So many of them, at the beginning, are of drafts.
    pub(super) drafts: usize,
    /// Upstreams that take names without regard to case.
    pub(super) folding: Vec<String>,
    pub(super) digest: String,
}

/// One `[[rule]]`.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Unique in all files.
    pub name: Arc<str>,
    pub file: Arc<str>,
    /// Of its `[[rule]]`, counted from 1.
    pub line: usize,
    pub when: Conditions,
    pub then: Effects,
}

/// What a rule says, each with its line.
#[derive(Debug, Clone, Default)]
pub struct Effects {
    pub deed: Option<Line<Deed>>,
    /// By [`Tier`].
    pub tiers: [Option<Line<Disposition>>; Tier::ALL.len()],
    pub approvers: Option<Line<u32>>,
    pub reviewers: Option<Line<Vec<String>>>,
    pub four_eyes: Option<Line<bool>>,
    pub message: Option<Line<String>>,
}

/// A value and the line it stands in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line<T> {
    pub value: T,
    pub line: usize,
}

/// What is done with a push (`do`). Ordered from the weakest to the strongest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Deed {
    /// It is inspected and recorded, and findings do not stop it.
    Allow,
    /// It is inspected, and findings decide.
    Scan,
    /// It is inspected and waits for a person, also where nothing is found.
    Review,
    /// It is refused.
    Deny,
}

impl Deed {
    /// Every deed with its word in policy files.
    pub const WORDS: [(&str, Self); 4] = [
        ("deny", Self::Deny),
        ("review", Self::Review),
        ("scan", Self::Scan),
        ("allow", Self::Allow),
    ];

    /// The word in policy files.
    pub fn word(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Scan => "scan",
            Self::Review => "review",
            Self::Deny => "deny",
        }
    }
}

/// What a disposition is set for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    Block,
    Review,
    Warn,
    Note,
    Unscannable,
    Opaque,
    Existing,
}

impl Tier {
    pub const ALL: [Self; 7] = [
        Self::Block,
        Self::Review,
        Self::Warn,
        Self::Note,
        Self::Unscannable,
        Self::Opaque,
        Self::Existing,
    ];

    pub fn of(action: Action) -> Self {
        match action {
            Action::Block => Self::Block,
            Action::Review => Self::Review,
            Action::Warn => Self::Warn,
            Action::Note => Self::Note,
        }
    }

    /// The key in policy files and in `[policy]`.
    pub fn key(self) -> &'static str {
        match self {
            Self::Block => "block",
            Self::Review => "review",
            Self::Warn => "warn",
            Self::Note => "note",
            Self::Unscannable => "unscannable",
            Self::Opaque => "opaque",
            Self::Existing => "existing",
        }
    }

    pub(super) fn in_table(self, table: &Policy) -> Disposition {
        match self {
            Self::Block => table.block,
            Self::Review => table.review,
            Self::Warn => table.warn,
            Self::Note => table.note,
            Self::Unscannable => table.unscannable,
            Self::Opaque => table.opaque,
            Self::Existing => table.existing,
        }
    }

    /// What could not be read is no finding: `allow` does not excuse it.
    pub(super) fn is_finding(self) -> bool {
        !matches!(self, Self::Unscannable | Self::Opaque)
    }
}

/// Where a value was set: the rule's place in the book and the line. Ordered as the rules are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Source {
    pub rule: usize,
    pub line: usize,
}

/// A value, and who set it: `None` is the table, or a default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided<T> {
    pub value: T,
    pub by: Option<Source>,
}

/// What the book says of a push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ruling {
    pub deed: Decided<Deed>,
    /// By [`Tier`], with what `allow` makes of them.
    pub tiers: [Decided<Disposition>; Tier::ALL.len()],
    pub approvers: Decided<u32>,
    pub four_eyes: Decided<bool>,
    /// Of each list somebody has to approve. None: whoever may.
    pub reviewers: Vec<Decided<Vec<String>>>,
    /// What developers are told, in the order of the rules.
    pub messages: Vec<Decided<String>>,
}

/// How far `allow` lets findings speak: the developer is told.
pub(super) const ALLOWED: Disposition = Disposition::Warn;

impl Rulebook {
    /// The table alone.
    pub fn of_table(table: Policy) -> Self {
        Self {
            table,
            rules: Vec::new(),
            allowances: Vec::new(),
            licences: Vec::new(),
            drafts: 0,
            folding: Vec::new(),
            digest: table.digest(),
        }
    }

    /// Hex SHA-256 over the table and the texts of the policy files; without files, that of the table.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The drafts that have rules in it, as messages name them.
    pub fn drafts(&self) -> impl Iterator<Item = &str> {
        let rules = self.rules.iter().take(self.drafts);
        rules.map(|rule| &*rule.file)
    }

    /// Whether any rule asks for this event.
    pub fn asks(&self, event: Event) -> bool {
        let mut asked = self
            .rules
            .iter()
            .filter_map(|rule| rule.when.event.as_ref());
        asked.any(|events| events.contains(&event))
    }

    /// The rule that a value comes from.
    pub fn rule_of(&self, source: Source) -> Option<&Rule> {
        self.rules.get(source.rule)
    }

    /// What is said of a push that was inspected to its end.
    pub fn ruling(&self, push: Push<'_>, facts: &Facts<'_>, unscannable: bool) -> Ruling {
        let general = self.general(push, facts, Some(unscannable));
        let rules = self.standing(&general);
        let updates = push.updates.iter().map(Some).chain(match push.updates {
            [] => Some(None),
            _ => None,
        });
        let each = updates.flat_map(|update| {
            let one = match update {
                Some(update) => update.situation(general),
                None => general,
            };
            // Names are compared once, not in every world.
            let rules = rules.iter().copied();
            let rules: Vec<Candidate<'_>> = rules
                .filter(|candidate| candidate.holds(&one) != Some(false))
                .collect();
            worlds(&rules, one).map(move |world| self.on_one(&rules, &world))
        });
        let together = each.reduce(Ruling::together);
        together.unwrap_or_else(|| self.on_one(&rules, &general))
    }

    /// The rule that denies the push whatever is not known yet, if one does. Without updates: whatever is pushed.
    pub fn denial(&self, push: Push<'_>, facts: &Facts<'_>) -> Option<Source> {
        let general = self.general(push, facts, None);
        let rules = self.standing(&general);
        let of_files = self.of_files(&rules);
        let denied = |one: &Situation<'_>| {
            let without = || certain_denial(of_files, one);
            certain_denial(&rules, one).or_else(without)
        };
        let updates = push.updates.iter();
        let all = updates.map(|update| update.situation(general));
        match push.updates {
            [] => denied(&general),
            _ => all.filter_map(|one| denied(&one)).min(),
        }
    }

    /// Of rules in their order those that are not of drafts.
    pub(super) fn of_files<'c, 'r>(&self, rules: &'c [Candidate<'r>]) -> &'c [Candidate<'r>] {
        let first = rules.partition_point(|candidate| candidate.at < self.drafts);
        rules.get(first..).unwrap_or_default()
    }

    /// All that is the same for every ref.
    pub(super) fn general<'a>(
        &self,
        push: Push<'a>,
        facts: &Facts<'a>,
        unscannable: Option<bool>,
    ) -> Situation<'a> {
        let mut events = [None; Event::WORDS.len()];
        events[Event::FirstPush as usize] = facts.first_push;
        events[Event::NewProject as usize] = facts.new_project;
        events[Event::Unscannable as usize] = unscannable;
        Situation {
            upstream: push.upstream,
            repository: push.repository,
            folds_case: self.folding.iter().any(|name| name == push.upstream),
            wiki: None,
            reference: None,
            pusher: facts.pusher,
            pack_bytes: facts.pack_bytes,
            events,
        }
    }

    /// The rules that may hold for some ref of this push, with their places.
    pub(super) fn standing(&self, general: &Situation<'_>) -> Vec<Candidate<'_>> {
        let rules = self.rules.iter().enumerate();
        rules
            .map(|(at, rule)| Candidate {
                at,
                rule,
                of_push: rule.when.of_push(general),
            })
            .filter(|candidate| candidate.of_push != Some(false))
            .collect()
    }

    /// One ref in one world, in which nothing is unknown; what were unknown would not hold.
    fn on_one(&self, rules: &[Candidate<'_>], world: &Situation<'_>) -> Ruling {
        let of_files = self.of_files(rules);
        let ruling = self.first_come(of_files, world);
        match of_files.len() == rules.len() {
            true => ruling,
            false => ruling.together(self.first_come(rules, world)),
        }
    }

    fn first_come(&self, rules: &[Candidate<'_>], world: &Situation<'_>) -> Ruling {
        let mut said = Said::default();
        for candidate in rules {
            if said.is_complete() {
                break;
            }
            if candidate.holds(world) == Some(true) {
                said.hear(candidate.at, &candidate.rule.then);
            }
        }
        said.ruling(&self.table)
    }
}

/// A rule that may hold for some ref of a push.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate<'r> {
    /// Its place in the book.
    pub at: usize,
    pub rule: &'r Rule,
    /// Whether the conditions hold that are alike for every ref.
    of_push: Option<bool>,
}

impl Candidate<'_> {
    pub(super) fn holds(&self, situation: &Situation<'_>) -> Option<bool> {
        match self.of_push {
            Some(true) => self.rule.when.of_ref(situation),
            Some(false) => Some(false),
            // A world may know what was not known.
            None => self.rule.when.hold(situation),
        }
    }
}

impl super::Update<'_> {
    /// The situation of this ref.
    pub(super) fn situation<'a>(&'a self, general: Situation<'a>) -> Situation<'a> {
        let mut situation = Situation {
            reference: Some(self.name),
            ..general
        };
        let made = self.change == Change::Create;
        let below = |folder: &[u8]| Some(made && self.name.starts_with(folder));
        let events = &mut situation.events;
        events[Event::NewBranch as usize] = below(b"refs/heads/");
        events[Event::NewTag as usize] = below(b"refs/tags/");
        events[Event::Delete as usize] = Some(self.change == Change::Delete);
        events[Event::ForcedUpdate as usize] = match self.change {
            Change::Create | Change::Delete | Change::Forward => Some(false),
            Change::Forced => Some(true),
            Change::Unknown => None,
        };
        situation
    }
}

/// The situations in which each thing that is not known, and that some rule asks for, is taken for true and for false. At
/// most sixteen: size and readability are known when a ruling is asked for, and so is most of what a ref's ids say.
fn worlds<'a>(
    rules: &[Candidate<'_>],
    situation: Situation<'a>,
) -> impl Iterator<Item = Situation<'a>> + use<'a> {
    let asked = |event: &Event| {
        let mut events = rules
            .iter()
            .filter_map(|candidate| candidate.rule.when.event.as_ref());
        events.any(|events| events.contains(event))
    };
    let open = [Event::FirstPush, Event::NewProject, Event::ForcedUpdate].map(|event| {
        (
            event,
            situation.events[event as usize].is_none() && asked(&event),
        )
    });
    let wiki = situation.repository.to_ascii_lowercase().ends_with(".wiki");
    (0..1_u8 << (open.len() + 1))
        .filter(move |bits| {
            let unasked = open
                .iter()
                .enumerate()
                .any(|(at, (_, open))| bits & (1 << at) != 0 && !open);
            !unasked && (wiki || bits & (1 << open.len()) == 0)
        })
        .map(move |bits| {
            let mut world = situation;
            for (at, (event, _)) in open.iter().enumerate() {
                let known = &mut world.events[*event as usize];
                *known = known.or(Some(bits & (1 << at) != 0));
            }
            world.wiki = Some(bits & (1 << open.len()) != 0);
            world.pack_bytes = world.pack_bytes.or(Some(0));
            world
        })
}

/// Walks the rules as long as every way leads to `deny`, down to the one that holds for certain.
fn certain_denial(rules: &[Candidate<'_>], situation: &Situation<'_>) -> Option<Source> {
    for candidate in rules {
        let Some(deed) = &candidate.rule.then.deed else {
            continue;
        };
        match candidate.holds(situation) {
            Some(false) => {}
            _ if deed.value != Deed::Deny => return None,
            None => {}
            Some(true) => {
                return Some(Source {
                    rule: candidate.at,
                    line: deed.line,
                });
            }
        }
    }
    None
}

/// What was said of one ref, first come.
#[derive(Default)]
struct Said<'r> {
    deed: Option<(usize, &'r Line<Deed>)>,
    tiers: [Option<(usize, &'r Line<Disposition>)>; Tier::ALL.len()],
    approvers: Option<(usize, &'r Line<u32>)>,
    reviewers: Option<(usize, &'r Line<Vec<String>>)>,
    four_eyes: Option<(usize, &'r Line<bool>)>,
    message: Option<(usize, &'r Line<String>)>,
}

impl<'r> Said<'r> {
    fn hear(&mut self, at: usize, effects: &'r Effects) {
        fn first<'r, T>(
            said: &mut Option<(usize, &'r Line<T>)>,
            at: usize,
            set: &'r Option<Line<T>>,
        ) {
            if said.is_none() {
                *said = set.as_ref().map(|line| (at, line));
            }
        }
        first(&mut self.deed, at, &effects.deed);
        for (said, set) in self.tiers.iter_mut().zip(&effects.tiers) {
            first(said, at, set);
        }
        first(&mut self.approvers, at, &effects.approvers);
        first(&mut self.reviewers, at, &effects.reviewers);
        first(&mut self.four_eyes, at, &effects.four_eyes);
        first(&mut self.message, at, &effects.message);
    }

    fn is_complete(&self) -> bool {
        self.deed.is_some()
            && self.tiers.iter().all(Option::is_some)
            && self.approvers.is_some()
            && self.reviewers.is_some()
            && self.four_eyes.is_some()
            && self.message.is_some()
    }

    fn ruling(self, table: &Policy) -> Ruling {
        let deed = decided(self.deed).unwrap_or(Decided {
            value: Deed::Scan,
            by: None,
        });
        let tiers = Tier::ALL.map(|tier| {
            let said = decided(self.tiers[tier as usize]);
            let said = said.unwrap_or(Decided {
                value: tier.in_table(table),
                by: None,
            });
            match deed.value == Deed::Allow && tier.is_finding() && said.value > ALLOWED {
                true => Decided {
                    value: ALLOWED,
                    by: deed.by,
                },
                false => said,
            }
        });
        Ruling {
            deed,
            tiers,
            approvers: decided(self.approvers).unwrap_or(Decided { value: 1, by: None }),
            four_eyes: decided(self.four_eyes).unwrap_or(Decided {
                value: true,
                by: None,
            }),
            reviewers: decided(self.reviewers).into_iter().collect(),
            messages: decided(self.message).into_iter().collect(),
        }
    }
}

fn decided<T: Clone>(said: Option<(usize, &Line<T>)>) -> Option<Decided<T>> {
    said.map(|(rule, line)| Decided {
        value: line.value.clone(),
        by: Some(Source {
            rule,
            line: line.line,
        }),
    })
}

impl Ruling {
    pub fn tier(&self, tier: Tier) -> &Decided<Disposition> {
        &self.tiers[tier as usize]
    }

    /// The stronger of two in everything.
    fn together(self, other: Self) -> Self {
        let mut tiers = self.tiers.into_iter().zip(other.tiers);
        Self {
            deed: stronger(self.deed, other.deed),
            tiers: std::array::from_fn(|_| {
                let pair = tiers.next();
                let (left, right) = pair.expect("because there are as many of both");
                stronger(left, right)
            }),
            approvers: stronger(self.approvers, other.approvers),
            four_eyes: stronger(self.four_eyes, other.four_eyes),
            reviewers: both(self.reviewers, other.reviewers),
            messages: both(self.messages, other.messages),
        }
    }
}

/// Of equal ones that of the earlier rule, and any rule before the table: the order of the refs does not matter.
fn stronger<T: Ord>(left: Decided<T>, right: Decided<T>) -> Decided<T> {
    let place = |by: &Option<Source>| by.map_or((true, None), |source| (false, Some(source)));
    match left.value.cmp(&right.value) {
        std::cmp::Ordering::Greater => left,
        std::cmp::Ordering::Less => right,
        std::cmp::Ordering::Equal if place(&left.by) <= place(&right.by) => left,
        std::cmp::Ordering::Equal => right,
    }
}

/// Each rule's value once, in the order of the rules.
fn both<T>(mut left: Vec<Decided<T>>, right: Vec<Decided<T>>) -> Vec<Decided<T>> {
    left.extend(right);
    left.sort_by_key(|decided| decided.by);
    left.dedup_by_key(|decided| decided.by);
    left
}
