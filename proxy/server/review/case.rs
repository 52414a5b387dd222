//! A held push and what may become of it. Pure: the same case, deed and time give the same answer.
//!
//! ```text
//!            approve (enough of them)         use                    arrived
//!   open ---------------------------> approved ----> forwarding ----------------> sent
//!    |  ^                               |   |  ^       |    |
//!    |  +--- judged anew and worse -----+   |  +-------+    +-- nobody knows ---> unknown
//!    |                                      |    nothing was taken
//!    +--> rejected, withdrawn, expired, superseded <------+ (all but rejected from approved, too)
//! ```

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Judged, Millis, Missing, Terms};
use crate::audit;

/// Most characters of a reason or a comment.
pub const WORDS: usize = 500;

/// Where a case stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It waits for a decision.
    Open,
    /// It may go upstream once, by whoever pushed it.
    Approved,
    /// It is on its way.
    Forwarding,
    /// The upstream took it, or a part of it.
    Sent,
    /// It was on its way when something broke; what the upstream has is not known.
    Unknown,
    Rejected,
    /// Its pusher does not want it any more.
    Withdrawn,
    /// Nobody decided, or nobody used the decision, in time.
    Expired,
    /// Another case has taken its place.
    Superseded,
}

impl State {
    pub const ALL: [Self; 9] = [
        Self::Open,
        Self::Approved,
        Self::Forwarding,
        Self::Sent,
        Self::Unknown,
        Self::Rejected,
        Self::Withdrawn,
        Self::Expired,
        Self::Superseded,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Approved => "approved",
            Self::Forwarding => "forwarding",
            Self::Sent => "sent",
            Self::Unknown => "unknown",
            Self::Rejected => "rejected",
            Self::Withdrawn => "withdrawn",
            Self::Expired => "expired",
            Self::Superseded => "superseded",
        }
    }

    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }

    /// Whether nothing can become of it any more: its pack may go.
    pub fn is_final(self) -> bool {
        match self {
            Self::Open | Self::Approved | Self::Forwarding => false,
            Self::Sent | Self::Unknown | Self::Rejected => true,
            Self::Withdrawn | Self::Expired | Self::Superseded => true,
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Who pushed, as far as it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pusher {
    /// Id of the person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    /// The forge's own id of the account, within the case's upstream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Keyed hash of the credential.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<String>,
}

impl Pusher {
    /// The strongest sign alone: a person may come with another account, an account with another credential.
    pub fn strongest(&self) -> Self {
        match (&self.person, &self.account) {
            (Some(_), _) => Self {
                account: None,
                credential: None,
                ..self.clone()
            },
            (None, Some(_)) => Self {
                credential: None,
                ..self.clone()
            },
            (None, None) => self.clone(),
        }
    }

    /// Whether `other` is the same, by the strongest signs that both have.
    pub fn is(&self, other: &Self) -> bool {
        self.strongest() == other.strongest()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    Approve,
    Reject,
}

impl Verdict {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Reject => "reject",
        }
    }
}

/// What one person said of the case as it stood.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// Id of the person.
    pub by: String,
    pub verdict: Verdict,
    /// The reason of a reject, the comment of an approval; may be empty in the latter.
    pub words: String,
    /// Of the person, when it was said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    pub at: Millis,
}

/// A held push.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Case {
    /// The id of the push that was held first.
    pub id: String,
    /// Counts every change, from 1.
    pub revision: u64,
    pub state: State,
    pub pusher: Pusher,
    pub terms: Terms,
    pub decisions: Vec<Decision>,
    /// What was said of single findings.
    pub judged: Vec<Judged>,
    /// People whose waivers it rests on: they cannot approve it.
    pub waived_by: Vec<String>,
    pub created: Millis,
    /// When it ends by itself, decided or not.
    pub expires: Millis,
    /// When the approval ends that it has.
    pub grant_expires: Option<Millis>,
    /// The push that uses its approval, or used it last.
    pub used_by: Option<String>,
    /// The case that has taken its place, or the push that went instead.
    pub superseded_by: Option<String>,
    /// When it was over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed: Option<Millis>,
}

/// What is done to a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Somebody who may decide on it does, having seen `revision` of it.
    Decide { decision: Decision, revision: u64 },
    /// Somebody says what one finding of it is, having seen `revision` of it.
    Judge { judged: Judged, revision: u64 },
    /// Its pusher takes it back.
    Withdraw,
    /// Its time may be over.
    LookAtClock,
    /// What it is about goes upstream now, as the push `by`.
    Use { by: String },
    /// It went, or did not.
    Ended(Ending),
    /// Its pusher says why it should go.
    Explain,
    /// It was judged again and is worse than what was approved: decisions were made on something else.
    Return,
    /// A newer push takes its place.
    Supersede { by: String },
}

/// How a push that went upstream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The upstream took all or some of it.
    Taken,
    /// It is certain that the upstream took nothing of it.
    NotTaken,
    Unknown,
}

impl Ending {
    /// What the outcome of a push means for the approval that it used.
    pub fn of(outcome: audit::Ending) -> Self {
        use audit::Ending as Of;
        match outcome {
            Of::Accepted | Of::Partial | Of::AcceptedConfirmed => Self::Taken,
            Of::Rejected | Of::NotSent | Of::NotTaken => Self::NotTaken,
            Of::Unknown => Self::Unknown,
        }
    }
}

/// Why a deed is not done. Nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("the push is {0} and nothing more can become of it")]
    Closed(State),
    #[error("the push is {0}: there is nothing to decide")]
    NotOpen(State),
    #[error("the push is on its way")]
    OnItsWay,
    #[error("the push is {0}: there is no approval to use")]
    NotApproved(State),
    #[error("it has changed since you looked (revision {now}, not {seen}): look again")]
    Stale { seen: u64, now: u64 },
    #[error("nobody decides on a push of their own")]
    Own,
    #[error("you wrote a waiver that this push rests on: somebody else has to approve it")]
    OwnWaiver,
    #[error("you have approved it: somebody else has to waive a finding of it")]
    Approver,
    #[error("{0} of its findings must be fixed first, in a new push")]
    MustFix(usize),
    #[error("say why, in at most {WORDS} characters")]
    NoWords,
    #[error("you have approved it already; {0}")]
    Again(Missing),
    #[error("a reject needs a reason, for the developer to read")]
    NoReason,
    #[error("at most {WORDS} characters are kept; these are {0}")]
    TooLong(usize),
    #[error("its time is over")]
    Late,
}

impl Case {
    /// The case after `deed`, done at `now`. An approval holds `grant` milliseconds.
    ///
    /// # Errors
    /// When it cannot be done to this case; nothing changes then.
    pub fn after(&self, deed: Deed, now: Millis, grant: Millis) -> Result<Self, Refused> {
        let next = match deed {
            Deed::Decide { decision, revision } => self.decided(decision, revision, now, grant)?,
            Deed::Judge { judged, revision } => self.after_judging(judged, revision, now)?,
            Deed::Withdraw => self.ended(State::Withdrawn)?,
            Deed::LookAtClock => self.looked_at_clock(now)?,
            Deed::Use { by } => Self {
                used_by: Some(by),
                ..self.used(now)?
            },
            Deed::Ended(ending) => self.went(ending, now)?,
            Deed::Explain => self.explained(now)?,
            Deed::Return => self.returned()?,
            Deed::Supersede { by } => Self {
                superseded_by: Some(by),
                ..self.ended(State::Superseded)?
            },
        };
        Ok(Self {
            revision: self.revision + 1,
            closed: next.state.is_final().then_some(now),
            ..next
        })
    }

    /// Approvals that it has.
    pub fn approvals(&self) -> u32 {
        let approved = self.decisions.iter();
        let approved = approved.filter(|decision| decision.verdict == Verdict::Approve);
        u32::try_from(approved.count()).unwrap_or(u32::MAX)
    }

    /// Whether its time, or that of its approval, is over at `now`.
    pub fn is_late(&self, now: Millis) -> bool {
        now >= self.expires || self.grant_expires.is_some_and(|grant| now >= grant)
    }

    fn decided(
        &self,
        decision: Decision,
        seen: u64,
        now: Millis,
        grant: Millis,
    ) -> Result<Self, Refused> {
        self.asked_to_decide(seen, now)?;
        if self.terms.four_eyes && self.pusher.person.as_ref() == Some(&decision.by) {
            return Err(Refused::Own);
        }
        let length = decision.words.chars().count();
        if length > WORDS {
            return Err(Refused::TooLong(length));
        }
        match decision.verdict {
            Verdict::Reject if decision.words.trim().is_empty() => Err(Refused::NoReason),
            Verdict::Reject => Ok(Self {
                state: State::Rejected,
                ..self.with(decision)
            }),
            Verdict::Approve => self.approved(decision, now, grant),
        }
    }

    fn approved(&self, decision: Decision, now: Millis, grant: Millis) -> Result<Self, Refused> {
        if self.waived_by.contains(&decision.by) {
            return Err(Refused::OwnWaiver);
        }
        if self.to_be_fixed() > 0 {
            return Err(Refused::MustFix(self.to_be_fixed()));
        }
        let mut others = self.decisions.iter();
        let next = match others.position(|other| other.by == decision.by) {
            None => self.with(decision),
            Some(at) => self.heard_again(at, decision)?,
        };
        if !self.terms.are_met(&next.decisions) {
            return Ok(next);
        }
        Ok(Self {
            state: State::Approved,
            grant_expires: Some(now.saturating_add(grant)),
            ..next
        })
    }

    /// A second approval of one person is none, but speaks for a group that was missing.
    fn heard_again(&self, at: usize, decision: Decision) -> Result<Self, Refused> {
        let terms = &self.terms;
        if !terms.hears_again(&self.decisions, &decision.by, &decision.groups) {
            return Err(Refused::Again(terms.lacks(&self.decisions)));
        }
        let mut next = self.clone();
        if let Some(before) = next.decisions.get_mut(at) {
            before.at = decision.at;
            if !decision.words.is_empty() {
                before.words = decision.words;
            }
            before.groups.extend(decision.groups);
            before.groups.sort();
            before.groups.dedup();
        }
        Ok(next)
    }

    fn with(&self, decision: Decision) -> Self {
        let mut next = self.clone();
        next.decisions.push(decision);
        next
    }

    fn ended(&self, state: State) -> Result<Self, Refused> {
        match self.state {
            State::Open | State::Approved => Ok(Self {
                state,
                ..self.clone()
            }),
            State::Forwarding => Err(Refused::OnItsWay),
            closed => Err(Refused::Closed(closed)),
        }
    }

    fn looked_at_clock(&self, now: Millis) -> Result<Self, Refused> {
        match self.is_late(now) {
            true => self.ended(State::Expired),
            false => Err(Refused::NotOpen(self.state)),
        }
    }

    fn used(&self, now: Millis) -> Result<Self, Refused> {
        match self.state {
            State::Approved if self.is_late(now) => Err(Refused::Late),
            State::Approved => Ok(Self {
                state: State::Forwarding,
                ..self.clone()
            }),
            State::Forwarding => Err(Refused::OnItsWay),
            state => Err(Refused::NotApproved(state)),
        }
    }

    fn went(&self, ending: Ending, now: Millis) -> Result<Self, Refused> {
        if self.state != State::Forwarding {
            return Err(Refused::NotApproved(self.state));
        }
        let state = match ending {
            Ending::Taken => State::Sent,
            Ending::Unknown => State::Unknown,
            Ending::NotTaken if self.is_late(now) => State::Expired,
            Ending::NotTaken => State::Approved,
        };
        Ok(Self {
            state,
            ..self.clone()
        })
    }

    fn explained(&self, now: Millis) -> Result<Self, Refused> {
        match self.state {
            State::Open if self.is_late(now) => Err(Refused::Late),
            State::Open => Ok(self.clone()),
            state => Err(Refused::NotOpen(state)),
        }
    }

    fn returned(&self) -> Result<Self, Refused> {
        match self.state {
            State::Approved => Ok(Self {
                state: State::Open,
                decisions: Vec::new(),
                grant_expires: None,
                ..self.clone()
            }),
            State::Forwarding => Err(Refused::OnItsWay),
            state => Err(Refused::NotApproved(state)),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    const GRANT: Millis = 100;

    pub(in super::super) fn case(needed: u32) -> Case {
        Case {
            id: "P-1".into(),
            revision: 1,
            state: State::Open,
            pusher: Pusher {
                person: Some("dev".into()),
                ..Pusher::default()
            },
            terms: Terms {
                approvers: needed,
                ..Terms::default()
            },
            decisions: Vec::new(),
            judged: Vec::new(),
            waived_by: vec!["waiver".into()],
            created: 0,
            expires: 1_000,
            grant_expires: None,
            used_by: None,
            superseded_by: None,
            closed: None,
        }
    }

    fn decide(case: &Case, by: &str, verdict: Verdict, words: &str) -> Result<Case, Refused> {
        let decision = Decision {
            by: by.into(),
            verdict,
            words: words.into(),
            groups: Vec::new(),
            at: 10,
        };
        let revision = case.revision;
        case.after(Deed::Decide { decision, revision }, 10, GRANT)
    }

    fn used() -> Deed {
        Deed::Use { by: "P-2".into() }
    }

    fn approve(case: &Case, by: &str) -> Result<Case, Refused> {
        decide(case, by, Verdict::Approve, "")
    }

    #[test]
    fn an_approval_is_used_once_and_comes_back_only_where_nothing_was_taken() {
        let approved = approve(&case(1), "ann").unwrap();
        assert_eq!((approved.state, approved.revision), (State::Approved, 2));
        let going = approved.after(used(), 20, GRANT).unwrap();
        assert_eq!(going.after(used(), 20, GRANT), Err(Refused::OnItsWay));
        let back = going
            .after(Deed::Ended(Ending::NotTaken), 30, GRANT)
            .unwrap();
        assert_eq!(back.state, State::Approved);
        let late = going
            .after(Deed::Ended(Ending::NotTaken), 110, GRANT)
            .unwrap();
        assert_eq!(late.state, State::Expired);
        for (ending, state) in [
            (Ending::Taken, State::Sent),
            (Ending::Unknown, State::Unknown),
        ] {
            let ended = going.after(Deed::Ended(ending), 30, GRANT).unwrap();
            assert_eq!(ended.state, state);
            assert_eq!(
                ended.after(used(), 30, GRANT),
                Err(Refused::NotApproved(state))
            );
        }
        assert_eq!(approved.after(used(), 110, GRANT), Err(Refused::Late));
    }

    #[test]
    fn four_eyes() {
        assert_eq!(approve(&case(1), "dev"), Err(Refused::Own));
        assert_eq!(
            decide(&case(1), "dev", Verdict::Reject, "no"),
            Err(Refused::Own)
        );
        assert_eq!(approve(&case(1), "waiver"), Err(Refused::OwnWaiver));
        let half = approve(&case(2), "ann").unwrap();
        assert_eq!(half.state, State::Open);
        let missing = Missing {
            approvals: 1,
            groups: Vec::new(),
        };
        assert_eq!(approve(&half, "ann"), Err(Refused::Again(missing)));
        assert_eq!(approve(&half, "ben").unwrap().state, State::Approved);
        let rejected = decide(&half, "ann", Verdict::Reject, "thought again").unwrap();
        assert_eq!(rejected.state, State::Rejected);
    }

    #[test]
    fn whoever_joins_a_missing_group_is_heard_again_and_counts_once() {
        let mut case = case(2);
        case.terms.reviewers = vec![vec!["legal".into()]];
        let approve = |case: &Case, by: &str, groups: &[&str]| {
            let decision = Decision {
                by: by.into(),
                verdict: Verdict::Approve,
                words: String::new(),
                groups: groups.iter().map(|group| (*group).to_owned()).collect(),
                at: 10,
            };
            let revision = case.revision;
            case.after(Deed::Decide { decision, revision }, 10, GRANT)
        };
        let one = approve(&case, "ann", &["staff"]).unwrap();
        let both = approve(&one, "ben", &[]).unwrap();
        assert_eq!((both.state, both.approvals()), (State::Open, 2));
        let refused = approve(&both, "ann", &["staff"]).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "you have approved it already; somebody of legal is missing"
        );
        let early = approve(&one, "ann", &["legal"]).unwrap();
        assert_eq!((early.state, early.approvals()), (State::Open, 1));
        let heard = approve(&both, "ann", &["legal"]).unwrap();
        assert_eq!((heard.state, heard.approvals()), (State::Approved, 2));
        let groups: Vec<&str> = heard.decisions[0]
            .groups
            .iter()
            .map(String::as_str)
            .collect();
        assert_eq!(groups, ["legal", "staff"]);
    }

    #[test]
    fn a_reject_needs_words_and_words_have_an_end() {
        assert_eq!(
            decide(&case(1), "ann", Verdict::Reject, " \n"),
            Err(Refused::NoReason)
        );
        let long = "x".repeat(WORDS + 1);
        assert_eq!(
            decide(&case(1), "ann", Verdict::Approve, &long),
            Err(Refused::TooLong(WORDS + 1))
        );
    }

    #[test]
    fn a_stale_or_late_decision_is_none() {
        let case = case(1);
        let decision = Decision {
            by: "ann".into(),
            verdict: Verdict::Approve,
            groups: Vec::new(),
            words: String::new(),
            at: 10,
        };
        let stale = Deed::Decide {
            decision: decision.clone(),
            revision: 7,
        };
        let refused = case.after(stale, 10, GRANT).unwrap_err();
        assert_eq!(refused, Refused::Stale { seen: 7, now: 1 });
        let late = Deed::Decide {
            decision,
            revision: 1,
        };
        assert_eq!(case.after(late, 1_000, GRANT), Err(Refused::Late));
        let expired = case.after(Deed::LookAtClock, 1_000, GRANT).unwrap();
        assert_eq!(expired.state, State::Expired);
    }

    #[test]
    fn what_is_worse_goes_back_without_its_decisions() {
        let approved = approve(&case(1), "ann").unwrap();
        let open = approved.after(Deed::Return, 20, GRANT).unwrap();
        assert_eq!((open.state, open.approvals()), (State::Open, 0));
        assert_eq!(open.grant_expires, None);
        assert_eq!(approve(&open, "ann").unwrap().state, State::Approved);
    }

    /// Every deed at every state: what is final stays, and what is on its way can only end.
    #[test]
    fn the_table_is_whole() {
        let deeds = [
            Deed::Withdraw,
            used(),
            Deed::Explain,
            Deed::Return,
            Deed::Supersede { by: "P-2".into() },
            Deed::Ended(Ending::Taken),
            Deed::Ended(Ending::NotTaken),
            Deed::Ended(Ending::Unknown),
            Deed::LookAtClock,
        ];
        for state in State::ALL {
            assert_eq!(State::from_word(state.as_str()), Some(state));
            let case = Case { state, ..case(1) };
            for deed in &deeds {
                let after = case.after(deed.clone(), 5_000, GRANT);
                match state {
                    state if state.is_final() => assert!(after.is_err(), "{state} {deed:?}"),
                    State::Forwarding => {
                        let ends = matches!(deed, Deed::Ended(_));
                        assert_eq!(after.is_ok(), ends, "{deed:?}");
                    }
                    _ => {}
                }
                if let Ok(after) = after {
                    assert_eq!(after.revision, case.revision + 1);
                    assert_eq!(after.closed.is_some(), after.state.is_final());
                }
            }
            if state != State::Open {
                assert!(approve(&case, "ann").is_err(), "{state}");
            }
        }
    }

    #[test]
    fn a_pusher_is_known_by_the_strongest_sign() {
        let of = |person: &str, account: &str, credential: &str| {
            let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
            Pusher {
                person: some(person),
                account: some(account),
                credential: some(credential),
            }
        };
        assert!(of("p", "1", "x").is(&of("p", "2", "y")));
        assert!(!of("p", "1", "x").is(&of("q", "1", "x")));
        assert!(of("", "1", "x").is(&of("", "1", "y")));
        assert!(!of("", "1", "x").is(&of("p", "1", "x")));
        assert!(of("", "", "x").is(&of("", "", "x")));
        assert!(!of("", "", "x").is(&of("", "", "y")));
        assert!(!of("", "", "").is(&of("", "", "y")));
        assert!(!of("p", "1", "x").is(&of("", "1", "x")));
    }
}
