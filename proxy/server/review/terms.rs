//! What a held push asks of those who decide, and what it was judged on.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::Decision;
use super::case::Verdict;

/// Who may let a held push go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Terms {
    /// Approvals of different people that it takes, at least 1.
    pub approvers: u32,
    /// Of each list of groups somebody must be among those who approve.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reviewers: Vec<Vec<String>>,
    /// How many of each list: two where the pusher could be one of them.
    #[serde(default = "one")]
    pub voices: u32,
    /// Whether nobody approves a push of their own.
    pub four_eyes: bool,
}

fn one() -> u32 {
    1
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            approvers: 1,
            reviewers: Vec::new(),
            voices: 1,
            four_eyes: true,
        }
    }
}

impl Terms {
    /// Approvals that are still missing. None where a list of groups is not heard yet but the number is reached.
    pub fn missing(&self, decisions: &[Decision]) -> u32 {
        let approved = u32::try_from(approvals(decisions).count()).unwrap_or(u32::MAX);
        self.approvers.max(1).saturating_sub(approved)
    }

    /// The lists of groups of which too few have approved.
    pub fn unheard<'a>(&'a self, decisions: &'a [Decision]) -> impl Iterator<Item = &'a [String]> {
        let heard = |list: &&[String]| {
            let is_of =
                |decision: &&Decision| decision.groups.iter().any(|group| list.contains(group));
            let voices = approvals(decisions).filter(is_of).count();
            u32::try_from(voices).unwrap_or(u32::MAX) >= self.voices.max(1)
        };
        let lists = self.reviewers.iter().map(Vec::as_slice);
        lists.filter(move |list| !heard(list))
    }

    /// All that is missing still, for people to read.
    pub fn lacks(&self, decisions: &[Decision]) -> Missing {
        Missing {
            approvals: self.missing(decisions),
            groups: self.unheard(decisions).map(<[String]>::to_vec).collect(),
        }
    }

    /// Whether somebody who has approved already would be heard for a list that is missing, by groups joined since.
    pub fn hears_again(&self, decisions: &[Decision], by: &str, groups: &[String]) -> bool {
        let mut approved = approvals(decisions).filter(|decision| decision.by == by);
        let Some(before) = approved.next() else {
            return false;
        };
        self.unheard(decisions).any(|list| {
            let is_of = |groups: &[String]| groups.iter().any(|group| list.contains(group));
            is_of(groups) && !is_of(&before.groups)
        })
    }

    pub fn are_met(&self, decisions: &[Decision]) -> bool {
        self.missing(decisions) == 0 && self.unheard(decisions).next().is_none()
    }
}

/// What a held push lacks before it may go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    pub approvals: u32,
    /// Lists of groups, of each of which somebody has to approve still.
    pub groups: Vec<Vec<String>>,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let groups: Vec<String> = self
            .groups
            .iter()
            .map(|list| format!("somebody of {} is missing", list.join(" or ")))
            .collect();
        match (self.approvals, groups.is_empty()) {
            (0, false) => f.write_str(&groups.join(", ")),
            (number, true) => write!(f, "it needs {number} more"),
            (number, false) => write!(f, "it needs {number} more, and {}", groups.join(", ")),
        }
    }
}

fn approvals(decisions: &[Decision]) -> impl Iterator<Item = &Decision> {
    let mut decisions = decisions.iter();
    std::iter::from_fn(move || decisions.find(|decision| decision.verdict == Verdict::Approve))
}

/// What stands against a push, as hashes: what was approved, when it is judged again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Basis(BTreeSet<String>);

impl Basis {
    pub fn new(grounds: impl IntoIterator<Item = String>) -> Self {
        Self(grounds.into_iter().collect())
    }

    /// Whether nothing stands against it that is not in `approved` as well.
    pub fn is_within(&self, approved: &Self) -> bool {
        self.0.is_subset(&approved.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(by: &str, verdict: Verdict, groups: &[&str]) -> Decision {
        Decision {
            by: by.into(),
            verdict,
            words: String::new(),
            groups: groups.iter().map(|group| (*group).to_owned()).collect(),
            at: 0,
        }
    }

    #[test]
    fn every_list_of_groups_is_heard_and_the_number_reached() {
        let terms = Terms {
            approvers: 2,
            reviewers: vec![vec!["leads".into()], vec!["legal".into(), "ospo".into()]],
            ..Terms::default()
        };
        let yes = |by, groups| said(by, Verdict::Approve, groups);
        let both = yes("ann", &["leads", "ospo"]);
        assert!(!terms.are_met(std::slice::from_ref(&both)), "one person");
        assert!(terms.are_met(&[both, yes("ben", &[])]));
        let deaf = [yes("ann", &["leads"]), yes("ben", &["leads"])];
        assert_eq!(terms.missing(&deaf), 0);
        let unheard: Vec<_> = terms.unheard(&deaf).collect();
        assert_eq!(unheard, [["legal".to_owned(), "ospo".to_owned()]]);
        assert!(!terms.are_met(&deaf));
        let against = [
            yes("ann", &["leads"]),
            said("ben", Verdict::Reject, &["ospo"]),
        ];
        assert!(!terms.are_met(&against), "a no is no yes");
    }

    #[test]
    fn where_the_pusher_could_be_of_a_list_two_of_it_are_heard() {
        let terms = Terms {
            approvers: 2,
            reviewers: vec![vec!["leads".into()]],
            voices: 2,
            ..Terms::default()
        };
        let lead = |by| said(by, Verdict::Approve, &["leads"]);
        assert!(!terms.are_met(&[lead("ann"), said("ben", Verdict::Approve, &[])]));
        assert!(terms.are_met(&[lead("ann"), lead("ben")]));
    }

    #[test]
    fn nobody_is_still_one() {
        let terms = Terms {
            approvers: 0,
            ..Terms::default()
        };
        assert!(!terms.are_met(&[]));
    }

    #[test]
    fn milder_stands_and_anything_new_does_not() {
        let basis = |grounds: &[&str]| Basis::new(grounds.iter().map(|one| (*one).to_owned()));
        let approved = basis(&["a", "b"]);
        assert!(basis(&["a"]).is_within(&approved));
        assert!(approved.is_within(&approved));
        assert!(basis(&[]).is_within(&approved));
        assert!(!basis(&["a", "c"]).is_within(&approved));
    }
}
