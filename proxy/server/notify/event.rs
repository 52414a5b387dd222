//! What is told of a held push: that something happened to it, and where it stands. No code, no names of files, no findings
//! and nobody's words.

use serde::{Deserialize, Serialize};

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A push was held: it waits for a decision.
    Opened,
    /// It has an approval more and needs others.
    Decided,
    /// It may go upstream.
    Approved,
    Rejected,
    /// It was approved, is not as it was judged then, and waits again.
    Returned,
    Withdrawn,
    Expired,
    /// Another push has taken its place.
    Superseded,
    /// The upstream took it.
    Sent,
    /// The upstream did not take it; its approval holds.
    NotTaken,
    /// It was on its way when something broke.
    Unknown,
}

impl Kind {
    pub const ALL: [Self; 11] = [
        Self::Opened,
        Self::Decided,
        Self::Approved,
        Self::Rejected,
        Self::Returned,
        Self::Withdrawn,
        Self::Expired,
        Self::Superseded,
        Self::Sent,
        Self::NotTaken,
        Self::Unknown,
    ];

    /// What configurations and receivers call it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Decided => "decided",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Returned => "returned",
            Self::Withdrawn => "withdrawn",
            Self::Expired => "expired",
            Self::Superseded => "superseded",
            Self::Sent => "sent",
            Self::NotTaken => "not-taken",
            Self::Unknown => "unknown",
        }
    }

    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

/// Where the push stood then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    pub state: String,
    pub upstream: String,
    pub repository: String,
    pub approvals: u32,
    pub needed: u32,
    /// Unix milliseconds.
    pub opened: i64,
    /// When it ends by itself: the case, or the approval that it has.
    pub expires: i64,
    /// Who pushed: id of the person, and the forge's id of the account. Never sent; by these it is known whom to tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
}
