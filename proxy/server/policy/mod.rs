//! What becomes of an inspected push. Pure: the same push, report and facts give the same verdict.

mod allowance;
mod condition;
pub mod explain;
pub mod file;
mod licences;
mod meaning;
mod outlook;
mod rulebook;

use std::sync::Arc;

use exeat_inspect::{Excuses, Finding, Report, Strength};
use exeat_rules::Action;
use serde::Serialize;

use crate::config::Policy;
use crate::review::Grant;

pub use crate::config::Disposition;
use allowance::Unread;
pub use condition::{Event, Pusher};
pub use outlook::Outlook;
pub use rulebook::{Decided, Deed, Rule, Rulebook, Ruling, Source, Tier};

/// What the policy is asked about.
#[derive(Clone, Copy, Debug)]
pub struct Push<'a> {
    pub upstream: &'a str,
    /// In the form allow-lists compare.
    pub repository: &'a str,
    /// The ref updates. Empty only where they are not known yet: whatever is pushed there.
    pub updates: &'a [Update<'a>],
}

/// One ref update.
#[derive(Clone, Copy, Debug)]
pub struct Update<'a> {
    /// The full name.
    pub name: &'a [u8],
    pub change: Change,
}

/// What is done to a ref.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    Create,
    Delete,
    /// It stays where it is, or is moved to a descendant of where it was.
    Forward,
    /// It is moved elsewhere, or is a tag.
    Forced,
    /// Whether it was a step forward cannot be told.
    Unknown,
}

/// What is known besides the push itself and comes in as values: nothing here is looked up. What is `None` is judged both
/// ways, but for the pusher: `None` is somebody whom nobody knows.
#[derive(Clone, Copy, Debug, Default)]
pub struct Facts<'a> {
    pub pusher: Option<Pusher<'a>>,
    /// Whether this person has pushed through this proxy before.
    pub first_push: Option<bool>,
    /// Whether this repository has been pushed to through this proxy before.
    pub new_project: Option<bool>,
    /// Bytes of the pack; none before it has come. A push that only deletes has 0.
    pub pack_bytes: Option<u64>,
}

/// The decision on a push. There is no other way to forward one than a `Cleared`.
#[must_use]
#[derive(Debug)]
pub enum Verdict {
    Forward(Cleared),
    Hold(Stopped),
    Refuse(Stopped),
}

/// Leave to go: made by `judge` alone and consumed by forwarding.
#[derive(Debug)]
pub struct Cleared {
    reasons: Vec<Reason>,
    /// Keeps others from making one.
    _sealed: (),
}

/// Why a push stays here.
#[derive(Debug, PartialEq, Eq)]
pub struct Stopped {
    pub reasons: Vec<Reason>,
    pub terms: Terms,
    /// What the policy rules say to the developer, printable ASCII.
    pub messages: Vec<String>,
}

/// Who may let a held push go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// How many persons must approve, at least 1.
    pub approvers: u32,
    /// Of each list of groups somebody must approve. None: whoever may.
    pub reviewers: Vec<Vec<String>>,
    /// Whether nobody may approve a push of his own.
    pub four_eyes: bool,
}

/// One ground of a verdict: how many findings of which action, and what the policy says of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    pub ground: Ground,
    pub count: u64,
    pub disposition: Disposition,
    /// The policy rule that says so; none is the table `[policy]`.
    pub by: Option<Decider>,
}

/// A policy rule, as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Decider {
    #[serde(rename = "rule", serialize_with = "text")]
    pub name: Arc<str>,
    #[serde(serialize_with = "text")]
    pub file: Arc<str>,
    /// Of the key that decided, counted from 1.
    pub line: usize,
    /// Of [`Rule::meaning`].
    #[serde(skip)]
    pub meaning: String,
}

/// What a reason rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ground {
    Findings(Action),
    NotScannable,
    /// Content that nobody reads: encrypted, damaged, of no known form.
    Opaque,
    /// The same where a policy file allows it.
    OpaqueAllowed,
    /// Findings that the repository serves already, of whatever action.
    Existing,
    /// Findings that ask to be blocked, and that the pusher excuses in a way the upstream heeds.
    Excused,
    /// Findings that would stop the push, were they not waived by people.
    Waived,
    /// A rule denies the push, whatever is in it.
    Denied,
    /// A rule asks for a review, whatever is in it.
    ReviewAsked,
}

impl Cleared {
    /// Whether the pusher is to be told of findings that did not stop the push.
    pub fn warns(&self) -> bool {
        self.reasons
            .iter()
            .any(|reason| reason.disposition == Disposition::Warn)
    }
}

impl Verdict {
    pub fn reasons(&self) -> &[Reason] {
        match self {
            Self::Forward(cleared) => &cleared.reasons,
            Self::Hold(stopped) | Self::Refuse(stopped) => &stopped.reasons,
        }
    }
}

/// Judges a push that was inspected to its last byte. The strongest disposition decides.
pub fn judge(push: Push<'_>, report: &Report, facts: &Facts<'_>, book: &Rulebook) -> Verdict {
    let unread = book.unread(push, facts, report);
    let is_unread = unread.limited + unread.opaque > 0;
    let ruling = book.ruling(push, facts, is_unread);
    let reasons = reasons(report, &unread, &ruling, book);
    let strongest = reasons.iter().map(|reason| reason.disposition).max();
    match strongest {
        Some(Disposition::Refuse) => Verdict::Refuse(stopped(reasons, ruling)),
        Some(Disposition::Hold) => Verdict::Hold(stopped(reasons, ruling)),
        Some(Disposition::Warn | Disposition::Forward) | None => Verdict::Forward(Cleared {
            reasons,
            _sealed: (),
        }),
    }
}

/// How much the table makes of each action, without any rule of a policy file; see [`Outlook::strength`].
pub fn strength(table: &Policy, excuses: Excuses) -> Strength {
    let anything = Push {
        upstream: "",
        repository: "",
        updates: &[],
    };
    Outlook::of(anything, &Facts::default(), &Rulebook::of_table(*table)).strength(excuses)
}

/// The refusal of a push that is denied whatever is in it, so that its pack need not be read. Without updates: of every
/// push there. `judge` denies it as well.
pub fn denied(push: Push<'_>, facts: &Facts<'_>, book: &Rulebook) -> Option<Stopped> {
    let by = book.denial(push, facts)?;
    let denial = Reason {
        ground: Ground::Denied,
        count: 1,
        disposition: Disposition::Refuse,
        by: decider(book, Some(by)),
    };
    // Everything that is not known may have a message; the one of the rule that denies is certain.
    let message = book.rule_of(by).and_then(|rule| rule.then.message.as_ref());
    Some(Stopped {
        reasons: vec![denial],
        terms: Terms::default(),
        messages: message.map(|line| line.value.clone()).into_iter().collect(),
    })
}

/// What may go all the same: people have approved it, and this is the only use of their approval.
pub fn released(stopped: Stopped, _grant: &Grant) -> Cleared {
    Cleared {
        reasons: stopped.reasons,
        _sealed: (),
    }
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            approvers: 1,
            reviewers: Vec::new(),
            four_eyes: true,
        }
    }
}

fn stopped(reasons: Vec<Reason>, ruling: Ruling) -> Stopped {
    let values = |decided: Vec<Decided<Vec<String>>>| {
        decided.into_iter().map(|decided| decided.value).collect()
    };
    Stopped {
        reasons,
        terms: Terms {
            approvers: ruling.approvers.value,
            reviewers: values(ruling.reviewers),
            four_eyes: ruling.four_eyes.value,
        },
        messages: ruling
            .messages
            .into_iter()
            .map(|message| message.value)
            .collect(),
    }
}

fn decider(book: &Rulebook, by: Option<Source>) -> Option<Decider> {
    let source = by?;
    let rule = book.rule_of(source)?;
    Some(Decider {
        name: Arc::clone(&rule.name),
        file: Arc::clone(&rule.file),
        line: source.line,
        meaning: rule.meaning(),
    })
}

fn text<S: serde::Serializer>(text: &Arc<str>, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(text)
}

fn reasons(report: &Report, unread: &Unread<'_>, ruling: &Ruling, book: &Rulebook) -> Vec<Reason> {
    let of_action = |action| {
        let count = report
            .findings
            .iter()
            .filter(|finding| {
                let is_its_own = finding.action == action
                    && finding.excused.is_none()
                    && !is_mere_help(ruling, finding);
                is_its_own && !spared(ruling, finding) && !is_let_go(ruling, finding)
            })
            .count();
        (
            Ground::Findings(action),
            count,
            ruling.tier(Tier::of(action)),
        )
    };
    let (existing, others): (Vec<_>, Vec<_>) = report
        .findings
        .iter()
        .partition(|finding| spared(ruling, finding));
    let lowered = lowered(ruling);
    let (waived, others): (Vec<_>, Vec<_>) = others
        .into_iter()
        .partition(|finding| is_let_go(ruling, finding));
    let excused = others.iter().filter(|finding| finding.excused.is_some());
    let helping = |action| {
        let helping = others.iter().filter(|finding| finding.action == action);
        let helping = helping.filter(|finding| is_mere_help(ruling, finding));
        (Ground::Findings(action), helping.count())
    };
    let told = Decided {
        value: Disposition::Warn,
        by: None,
    };
    let [(warn, warnings), (note, notes)] = [Action::Warn, Action::Note].map(helping);
    let found = [
        of_action(Action::Block),
        of_action(Action::Review),
        of_action(Action::Warn),
        of_action(Action::Note),
        (
            Ground::NotScannable,
            unread.limited,
            ruling.tier(Tier::Unscannable),
        ),
        (Ground::Opaque, unread.opaque, ruling.tier(Tier::Opaque)),
        (
            Ground::Existing,
            existing.len(),
            ruling.tier(Tier::Existing),
        ),
        (Ground::Excused, excused.count(), &lowered),
        (Ground::Waived, waived.len(), &told),
        (warn, warnings, &told),
        (note, notes, &told),
    ]
    .into_iter()
    .filter(|(_, count, _)| *count > 0)
    .map(|(ground, count, decided)| Reason {
        ground,
        count: count as u64,
        disposition: decided.value,
        by: decider(book, decided.by),
    });
    let asked = match ruling.deed.value {
        Deed::Deny => Some((Ground::Denied, Disposition::Refuse)),
        Deed::Review => Some((Ground::ReviewAsked, Disposition::Hold)),
        Deed::Scan | Deed::Allow => None,
    };
    let asked = asked.map(|(ground, disposition)| Reason {
        ground,
        count: 1,
        disposition,
        by: decider(book, ruling.deed.by),
    });
    let allowed = unread.allowed.iter().map(|(allowance, count)| Reason {
        ground: Ground::OpaqueAllowed,
        count: *count as u64,
        disposition: Disposition::Forward,
        by: Some(Decider {
            name: Arc::clone(&allowance.name),
            file: Arc::clone(&allowance.file),
            line: allowance.line,
            meaning: String::new(),
        }),
    });
    asked.into_iter().chain(found).chain(allowed).collect()
}

/// Being old never makes a finding count for more.
fn spared(ruling: &Ruling, finding: &Finding) -> bool {
    let own = match is_let_go(ruling, finding) {
        true => Disposition::Warn,
        false => unwaived(ruling, finding),
    };
    finding.existing && ruling.tier(Tier::Existing).value < own
}

/// Whether a waiver makes a difference to it: it is told and stops nothing. Being waived never makes it count for more.
fn is_let_go(ruling: &Ruling, finding: &Finding) -> bool {
    finding.is_waived() && unwaived(ruling, finding) > Disposition::Warn
}

/// Whether it would stop the push or keep it waiting, and only helps: it is told.
fn is_mere_help(ruling: &Ruling, finding: &Finding) -> bool {
    finding.is_help && unwaived(ruling, finding) > Disposition::Warn
}

/// What becomes of it, waived or not and old or new.
fn unwaived(ruling: &Ruling, finding: &Finding) -> Disposition {
    match finding.excused {
        Some(_) => lowered(ruling).value,
        None => ruling.tier(Tier::of(finding.action)).value,
    }
}

/// What becomes of a finding to be blocked that its pusher excuses: what becomes of one to be reviewed. Never nothing, so
/// that it is seen; and being excused never makes it count for more.
fn lowered(ruling: &Ruling) -> Decided<Disposition> {
    let (block, review) = (ruling.tier(Tier::Block), ruling.tier(Tier::Review));
    let value = review.value.max(Disposition::Warn);
    match value < block.value {
        true => Decided {
            value,
            by: review.by,
        },
        false => block.clone(),
    }
}

#[cfg(test)]
mod generated;
#[cfg(test)]
mod tests;
