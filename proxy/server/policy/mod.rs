//! What becomes of an inspected push. Pure: the same push, report and facts give the same verdict.

use exeat_inspect::{Excuses, Finding, Report, Strength};
use exeat_rules::Action;

use crate::config::{Disposition, Policy};

/// What the policy is asked about.
#[derive(Clone, Copy, Debug)]
pub struct Push<'a> {
    pub upstream: &'a str,
    /// In the form allow-lists compare.
    pub repository: &'a str,
}

/// What is known besides the push itself and comes in as values: nothing here is looked up.
#[derive(Clone, Copy, Debug, Default)]
pub struct Facts {}

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
}

/// One ground of a verdict: how many findings of which action, and what the policy says of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    pub ground: Ground,
    pub count: u64,
    pub disposition: Disposition,
}

/// What a reason rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ground {
    Findings(Action),
    NotScannable,
    /// Findings that the repository serves already, of whatever action.
    Existing,
    /// Findings that ask to be blocked, and that the pusher excuses in a way the upstream heeds.
    Excused,
}

impl Cleared {
    /// What was found and let go.
    pub fn reasons(&self) -> &[Reason] {
        &self.reasons
    }

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
pub fn judge(_push: Push<'_>, report: &Report, _facts: &Facts, policy: &Policy) -> Verdict {
    let reasons = reasons(report, policy);
    let strongest = reasons.iter().map(|reason| reason.disposition).max();
    match strongest {
        Some(Disposition::Refuse) => Verdict::Refuse(Stopped { reasons }),
        Some(Disposition::Hold) => Verdict::Hold(Stopped { reasons }),
        Some(Disposition::Warn | Disposition::Forward) | None => Verdict::Forward(Cleared {
            reasons,
            _sealed: (),
        }),
    }
}

/// How much the policy makes of each action: which of several findings on one secret has to speak,
/// so that the verdict is never milder than the strictest of them asks for. What imported allowlists hide is
/// told, so that a path or a word that anyone may choose lets nothing pass unnoticed; and what a pusher may excuse himself is
/// lowered, not hidden.
pub fn strength(policy: &Policy, excuses: Excuses) -> Strength {
    Strength::of(|action| disposition(policy, action) as u8)
        .telling_hidden()
        .heeding(excuses)
}

/// Whether a finding of this action is judged milder where the repository serves it already.
pub fn spares(policy: &Policy, action: Action) -> bool {
    policy.existing < disposition(policy, action)
}

fn reasons(report: &Report, policy: &Policy) -> Vec<Reason> {
    let of_action = |action| {
        let count = report
            .findings
            .iter()
            .filter(|finding| {
                let is_its_own = finding.action == action && finding.excused.is_none();
                is_its_own && !spared(policy, finding)
            })
            .count();
        (Ground::Findings(action), count, disposition(policy, action))
    };
    let (existing, others): (Vec<_>, Vec<_>) = report
        .findings
        .iter()
        .partition(|finding| spared(policy, finding));
    let excused = others.iter().filter(|finding| finding.excused.is_some());
    [
        of_action(Action::Block),
        of_action(Action::Review),
        of_action(Action::Warn),
        of_action(Action::Note),
        (
            Ground::NotScannable,
            report.unscannable.len(),
            policy.unscannable,
        ),
        (Ground::Existing, existing.len(), policy.existing),
        (Ground::Excused, excused.count(), lowered(policy)),
    ]
    .into_iter()
    .filter(|(_, count, _)| *count > 0)
    .map(|(ground, count, disposition)| Reason {
        ground,
        count: count as u64,
        disposition,
    })
    .collect()
}

/// Being old never makes a finding count for more.
fn spared(policy: &Policy, finding: &Finding) -> bool {
    let own = match finding.excused {
        Some(_) => lowered(policy),
        None => disposition(policy, finding.action),
    };
    finding.existing && policy.existing < own
}

/// What becomes of a finding to be blocked that its pusher excuses: what becomes of one to be reviewed. Never nothing, so
/// that it is seen; and being excused never makes it count for more.
fn lowered(policy: &Policy) -> Disposition {
    policy.review.max(Disposition::Warn).min(policy.block)
}

fn disposition(policy: &Policy, action: Action) -> Disposition {
    match action {
        Action::Block => policy.block,
        Action::Review => policy.review,
        Action::Warn => policy.warn,
        Action::Note => policy.note,
    }
}

#[cfg(test)]
mod tests;
