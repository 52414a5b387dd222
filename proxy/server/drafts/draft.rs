//! What may become of a draft, and by whom: a pure state machine.
//!
//! ```text
//! open -> in-force -> retiring -> retired        approve, retire, approve
//! open -> declined | withdrawn                   decline, withdraw
//! retiring -> in-force                           decline, withdraw
//! ```
//!
//! What is in force got there by two people, and ends by two people.

use serde::{Deserialize, Serialize};

use crate::review::{Millis, WORDS};

/// Steps of one draft after which its end is not called off any more.
const STEPS: usize = 50;

/// What a draft is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A policy file.
    Policy,
    /// A rule file.
    Rules,
}

impl Kind {
    pub const ALL: [Self; 2] = [Self::Policy, Self::Rules];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Policy => "policy",
            Self::Rules => "rules",
        }
    }

    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// How a draft stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// It waits for a second person.
    Open,
    InForce,
    /// In force; somebody asks for its end.
    Retiring,
    Declined,
    Withdrawn,
    /// It was in force.
    Retired,
}

impl State {
    pub const ALL: [Self; 6] = [
        Self::Open,
        Self::InForce,
        Self::Retiring,
        Self::Declined,
        Self::Withdrawn,
        Self::Retired,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::InForce => "in-force",
            Self::Retiring => "retiring",
            Self::Declined => "declined",
            Self::Withdrawn => "withdrawn",
            Self::Retired => "retired",
        }
    }

    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }

    /// Whether it decides about pushes.
    pub fn is_in_force(self) -> bool {
        matches!(self, Self::InForce | Self::Retiring)
    }
}

/// What somebody does to a draft.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Deed {
    /// Says yes: to the draft, or to its end.
    Approve,
    /// Says no to either.
    Decline,
    /// Takes back what he asked for himself.
    Withdraw,
    /// Asks for the end of what is in force.
    Retire,
}

impl Deed {
    pub const ALL: [Self; 4] = [Self::Approve, Self::Decline, Self::Withdraw, Self::Retire];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Decline => "decline",
            Self::Withdraw => "withdraw",
            Self::Retire => "retire",
        }
    }
}

/// One thing that somebody did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    pub deed: Deed,
    /// Id of the person.
    pub by: String,
    pub words: String,
    pub at: Millis,
}

/// A draft, but for its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// `d-` and ten characters.
    pub id: String,
    pub kind: Kind,
    pub title: String,
    /// Hex SHA-256 of the text.
    pub digest: String,
    /// Digest of the policy or the rules in force when it was proposed.
    pub base: String,
    /// Id of the person.
    pub author: String,
    pub state: State,
    pub revision: u64,
    pub steps: Vec<Step>,
    pub created: Millis,
}

/// Why nothing becomes of a deed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("it has changed since you looked: you saw revision {seen}, it is at {now}")]
    Stale { seen: u64, now: u64 },
    #[error("it takes a second person: nobody decides on what they asked for themselves")]
    Own,
    #[error("only whoever asked for it takes it back")]
    NotYours,
    #[error("the draft is {}", .0.as_str())]
    State(State),
    #[error("say why")]
    NoReason,
    #[error("at most {WORDS} characters are kept; these are {0}")]
    TooLong(usize),
    #[error("its end was asked for and called off too often: approve it, or leave it")]
    TooOften,
}

impl Draft {
    /// Who asks for what a second person has to decide; none where there is nothing to decide.
    pub fn asker(&self) -> Option<&str> {
        match self.state {
            State::Open => Some(&self.author),
            State::Retiring => {
                let mut steps = self.steps.iter().rev();
                let asked = steps.find(|step| step.deed == Deed::Retire);
                asked.map(|step| step.by.as_str())
            }
            State::InForce | State::Declined | State::Withdrawn | State::Retired => None,
        }
    }

    /// How it stands after a deed on it as it was seen at `revision`.
    ///
    /// # Errors
    /// When it may not be done, or not by this person.
    pub fn after(
        &self,
        deed: Deed,
        revision: u64,
        by: &str,
        words: &str,
        now: Millis,
    ) -> Result<Self, Refused> {
        let length = words.chars().count();
        if length > WORDS {
            return Err(Refused::TooLong(length));
        }
        if revision != self.revision {
            return Err(Refused::Stale {
                seen: revision,
                now: self.revision,
            });
        }
        let state = self.next(deed, by)?;
        if matches!(deed, Deed::Decline | Deed::Retire) && words.is_empty() {
            return Err(Refused::NoReason);
        }
        // What is in force can always be brought to its end: only asking and not doing it has one.
        if self.steps.len() >= STEPS && self.state == State::Retiring && state == State::InForce {
            return Err(Refused::TooOften);
        }
        let mut after = Self {
            state,
            revision: self.revision.saturating_add(1),
            ..self.clone()
        };
        after.steps.push(Step {
            deed,
            by: by.to_owned(),
            words: words.to_owned(),
            at: now,
        });
        Ok(after)
    }

    fn next(&self, deed: Deed, by: &str) -> Result<State, Refused> {
        let second = |state| match self.asker() {
            Some(asker) if asker != by => Ok(state),
            Some(_) | None => Err(Refused::Own),
        };
        let asker = |state| match self.asker() {
            Some(asker) if asker == by => Ok(state),
            Some(_) | None => Err(Refused::NotYours),
        };
        match (self.state, deed) {
            (State::Open, Deed::Approve) => second(State::InForce),
            (State::Open, Deed::Decline) => second(State::Declined),
            (State::Open, Deed::Withdraw) => asker(State::Withdrawn),
            (State::InForce, Deed::Retire) => Ok(State::Retiring),
            (State::Retiring, Deed::Approve) => second(State::Retired),
            (State::Retiring, Deed::Decline) => second(State::InForce),
            (State::Retiring, Deed::Withdraw) => asker(State::InForce),
            (state, _) => Err(Refused::State(state)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft() -> Draft {
        Draft {
            id: "d-0000000000".into(),
            kind: Kind::Policy,
            title: "t".into(),
            digest: "d".into(),
            base: "b".into(),
            author: "ann".into(),
            state: State::Open,
            revision: 1,
            steps: Vec::new(),
            created: 0,
        }
    }

    /// Every deed on every state, by who asked for it and by somebody else.
    #[test]
    fn the_whole_table() {
        let mut table = String::new();
        for state in State::ALL {
            for deed in Deed::ALL {
                for by in ["ann", "ben"] {
                    let mut draft = draft();
                    if state == State::Retiring {
                        draft.state = State::InForce;
                        draft = draft.after(Deed::Retire, 1, "ann", "old", 1).unwrap();
                    }
                    draft.state = state;
                    let after = draft.after(deed, draft.revision, by, "so", 2);
                    if let Ok(after) = after {
                        let words = (state.as_str(), deed.as_str(), after.state.as_str());
                        table.push_str(&format!("{by}: {} {} {}\n", words.0, words.1, words.2));
                    }
                }
            }
        }
        assert_eq!(
            table,
            "ben: open approve in-force\n\
             ben: open decline declined\n\
             ann: open withdraw withdrawn\n\
             ann: in-force retire retiring\n\
             ben: in-force retire retiring\n\
             ben: retiring approve retired\n\
             ben: retiring decline in-force\n\
             ann: retiring withdraw in-force\n"
        );
    }

    #[test]
    fn what_was_not_seen_is_not_decided_and_a_no_has_a_reason() {
        let draft = draft();
        let stale = draft.after(Deed::Approve, 2, "ben", "", 1);
        assert_eq!(stale, Err(Refused::Stale { seen: 2, now: 1 }));
        let silent = draft.after(Deed::Decline, 1, "ben", "", 1);
        assert_eq!(silent, Err(Refused::NoReason));
        let long = draft.after(Deed::Decline, 1, "ben", &"x".repeat(501), 1);
        assert_eq!(long, Err(Refused::TooLong(501)));
        assert!(draft.after(Deed::Approve, 1, "ben", "", 1).is_ok());
    }

    /// A walk that is the same for the same seed.
    fn below(state: &mut u64, bound: usize) -> usize {
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        usize::try_from(*state % bound as u64).unwrap()
    }

    /// Whatever three people do: what is in force was asked for by one and approved by another, and so was its end.
    #[test]
    fn nobody_alone_puts_anything_into_force_or_ends_it() {
        let (mut into, mut out) = (0, 0);
        for seed in 1..=2_000_u64 {
            let mut random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let mut draft = draft();
            for step in 0..STEPS as i64 + 20 {
                let deed = Deed::ALL[below(&mut random, Deed::ALL.len())];
                let by = ["ann", "ben", "eve"][below(&mut random, 3)];
                let revision = draft.revision - u64::from(below(&mut random, 8) == 0);
                let asked = draft.asker().map(str::to_owned);
                let Ok(after) = draft.after(deed, revision, by, "why", step) else {
                    continue;
                };
                assert_eq!(after.revision, draft.revision + 1);
                assert_eq!(revision, draft.revision);
                let (was, is) = (draft.state.is_in_force(), after.state.is_in_force());
                if was != is {
                    assert_eq!(deed, Deed::Approve);
                    assert_ne!(asked.as_deref(), Some(by));
                    assert!(asked.is_some());
                    *if is { &mut into } else { &mut out } += 1;
                }
                draft = after;
            }
            // By one person alone nothing moves but what he takes back.
            let alone = draft.steps.iter().all(|step| step.by == draft.author);
            assert!(!alone || !draft.state.is_in_force(), "{draft:?}");
        }
        assert!(into > 500 && out > 200, "{into} {out}");
    }
}
