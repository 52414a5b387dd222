//! What is said of single findings of a held push. Pure, as the case that it belongs to.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Millis;
use super::case::{Case, Refused, State, Verdict, WORDS};

/// What a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Judgement {
    /// The rule is wrong here.
    FalsePositive,
    /// It was made up for tests.
    TestData,
    /// It is what the rule says, and somebody answers for it.
    AcceptedRisk,
    /// The push cannot be approved as long as it says so.
    MustFix,
}

impl Judgement {
    pub const ALL: [Self; 4] = [
        Self::FalsePositive,
        Self::TestData,
        Self::AcceptedRisk,
        Self::MustFix,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::FalsePositive => "false-positive",
            Self::TestData => "test-data",
            Self::AcceptedRisk => "accepted-risk",
            Self::MustFix => "must-fix",
        }
    }

    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == word)
    }
}

impl fmt::Display for Judgement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What one person said of one finding; of each finding the last counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Judged {
    /// The id of the finding, or of what could not be read.
    pub finding: String,
    pub judgement: Judgement,
    pub words: String,
    /// Id of the person.
    pub by: String,
    pub at: Millis,
    /// The id of the waiver that was made of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiver: Option<String>,
}

impl Case {
    /// The case after `judged`, by somebody who saw `seen` of it.
    pub(super) fn after_judging(
        &self,
        judged: Judged,
        seen: u64,
        now: Millis,
    ) -> Result<Self, Refused> {
        self.asked_to_decide(seen, now)?;
        // Also where a push of one's own may be approved.
        if self.pusher.person.as_ref() == Some(&judged.by) {
            return Err(Refused::Own);
        }
        let length = judged.words.chars().count();
        if length > WORDS {
            return Err(Refused::TooLong(length));
        }
        let needs_words = judged.waiver.is_some() || judged.judgement == Judgement::MustFix;
        if needs_words && judged.words.trim().is_empty() {
            return Err(Refused::NoWords);
        }
        let mut next = self.clone();
        if judged.waiver.is_some() {
            let mut decisions = self.decisions.iter();
            if decisions.any(|one| one.verdict == Verdict::Approve && one.by == judged.by) {
                return Err(Refused::Approver);
            }
            if !next.waived_by.contains(&judged.by) {
                next.waived_by.push(judged.by.clone());
            }
        }
        next.judged.retain(|other| other.finding != judged.finding);
        next.judged.push(judged);
        Ok(next)
    }

    /// Findings that stand in the way of an approval.
    pub fn to_be_fixed(&self) -> usize {
        let judged = self.judged.iter();
        judged
            .filter(|one| one.judgement == Judgement::MustFix)
            .count()
    }

    /// Whether it waits, is as it was seen, and is not over.
    pub(super) fn asked_to_decide(&self, seen: u64, now: Millis) -> Result<(), Refused> {
        match self.state {
            State::Open => {}
            state if state.is_final() => return Err(Refused::Closed(state)),
            state => return Err(Refused::NotOpen(state)),
        }
        if seen != self.revision {
            return Err(Refused::Stale {
                seen,
                now: self.revision,
            });
        }
        match self.is_late(now) {
            true => Err(Refused::Late),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::case::{Decision, Deed, tests::case};
    use super::*;

    fn judge(case: &Case, by: &str, judgement: Judgement, waiver: bool) -> Result<Case, Refused> {
        let judged = Judged {
            finding: "f-1".into(),
            judgement,
            words: "because".into(),
            by: by.into(),
            at: 10,
            waiver: waiver.then(|| "w-1".into()),
        };
        let revision = case.revision;
        case.after(Deed::Judge { judged, revision }, 10, 100)
    }

    fn approve(case: &Case, by: &str) -> Result<Case, Refused> {
        let decision = Decision {
            by: by.into(),
            verdict: Verdict::Approve,
            words: String::new(),
            groups: Vec::new(),
            at: 10,
        };
        let revision = case.revision;
        case.after(Deed::Decide { decision, revision }, 10, 100)
    }

    #[test]
    fn what_must_be_fixed_stops_approvals_until_somebody_thinks_again() {
        let one = judge(&case(1), "sec", Judgement::MustFix, false).unwrap();
        assert_eq!((one.revision, one.to_be_fixed()), (2, 1));
        assert_eq!(approve(&one, "ann"), Err(Refused::MustFix(1)));
        let again = judge(&one, "sue", Judgement::TestData, false).unwrap();
        assert_eq!((again.judged.len(), again.to_be_fixed()), (1, 0));
        assert_eq!(approve(&again, "ann").unwrap().state, State::Approved);
        // It can be rejected all the same.
        let reject = Decision {
            by: "ann".into(),
            verdict: Verdict::Reject,
            words: "no".into(),
            groups: Vec::new(),
            at: 10,
        };
        let deed = Deed::Decide {
            decision: reject,
            revision: 2,
        };
        assert_eq!(one.after(deed, 10, 100).unwrap().state, State::Rejected);
    }

    #[test]
    fn who_waives_does_not_approve_and_the_other_way_round() {
        let waived = judge(&case(1), "sec", Judgement::FalsePositive, true).unwrap();
        assert_eq!(approve(&waived, "sec"), Err(Refused::OwnWaiver));
        assert!(approve(&waived, "ann").is_ok());
        let half = approve(&case(2), "ann").unwrap();
        let late = judge(&half, "ann", Judgement::FalsePositive, true);
        assert_eq!(late, Err(Refused::Approver));
        assert!(judge(&half, "ann", Judgement::FalsePositive, false).is_ok());
    }

    #[test]
    fn findings_are_judged_as_pushes_are() {
        for judgement in Judgement::ALL {
            assert_eq!(Judgement::from_word(judgement.as_str()), Some(judgement));
            assert_eq!(judge(&case(1), "dev", judgement, false), Err(Refused::Own));
            let approved = approve(&case(1), "ann").unwrap();
            let late = judge(&approved, "sec", judgement, false);
            assert_eq!(late, Err(Refused::NotOpen(State::Approved)));
        }
        let judged = |words: &str, judgement| Deed::Judge {
            judged: Judged {
                finding: "f-1".into(),
                judgement,
                words: words.into(),
                by: "sec".into(),
                at: 10,
                waiver: None,
            },
            revision: 1,
        };
        let case = case(1);
        let silent = case.after(judged(" ", Judgement::MustFix), 10, 100);
        assert_eq!(silent, Err(Refused::NoWords));
        let long = "x".repeat(WORDS + 1);
        let long = case.after(judged(&long, Judgement::TestData), 10, 100);
        assert_eq!(long, Err(Refused::TooLong(WORDS + 1)));
        let late = case.after(judged("x", Judgement::TestData), 1_000, 100);
        assert_eq!(late, Err(Refused::Late));
        let moved = Case {
            revision: 2,
            ..case
        };
        let stale = moved.after(judged("x", Judgement::TestData), 10, 100);
        assert_eq!(stale, Err(Refused::Stale { seen: 1, now: 2 }));
    }
}
