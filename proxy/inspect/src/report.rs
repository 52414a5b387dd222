//! What the inspection of one push or scan found, complete: findings, coverage, what was not
//! read.

use exeat_rules::Action;
use serde::Serialize;

use crate::{
    authorship::Counted, coverage::Coverage, finding::Finding, forward::Move, shown::Shown,
    stages::Stages,
};

/// The outcome of an inspection. It holds no secret and no byte that was not made printable.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// In the order of commits, oldest first.
    pub findings: Vec<Finding>,
    /// How often a demand was not met, where not every time is among the findings.
    pub counted: Vec<Counted>,
    pub coverage: Coverage,
    /// What the stages of the inspection took.
    pub stages: Stages,
    /// Content that could not be read whole; a verdict treats it by a policy key of its own.
    pub unscannable: Vec<Unscannable>,
    /// Digest of the rule set that was applied, as hex.
    pub rules_digest: String,
    /// The pushed refs as they may be shown, in the order of the commands.
    pub refs: Vec<String>,
    /// Moves of refs that are shown to go forward, where that was asked.
    pub forward: Vec<Move>,
    /// Hex BLAKE3 over the ids of the pack's objects in their order: what was inspected, whatever way it was packed. None
    /// where there is no pack.
    pub objects: Option<String>,
    /// Who wrote the waivers that cover findings, sorted: ids of people.
    pub waived_by: Vec<String>,
    /// What reviewers may see, where it was gathered.
    pub shown: Option<Shown>,
}

impl Report {
    /// The strongest action any finding asks for.
    pub fn strongest(&self) -> Option<Action> {
        self.findings.iter().map(|finding| finding.asks()).max()
    }

    pub fn is_clean(&self) -> bool {
        self.findings.is_empty() && self.unscannable.is_empty()
    }
}

/// Why a text counts as not read that was not scanned to its end.
pub(crate) const TRUNCATED: &str = "it holds more matches than are counted in one text, or takes a rule more steps than it is granted";

/// Why a large text counts as not read in which something may be longer than is looked for.
pub(crate) const CUT: &str =
    "it may hold a match of more than 256 KiB, which a file above 8 MiB is not read for";

/// Content that is not clean because it was not read whole.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Unscannable {
    /// What it was, as it may be shown: an object id, a path.
    pub what: String,
    /// Why it was not read, naming the limit.
    pub why: String,
    /// The id of the object that it is, or is in, as hex; none outside history.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    /// Of content that is not for anyone to read, what kind it is: the policy has a word of its own for it. Nothing where a
    /// limit was the reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opaque: Option<Opaque>,
}

/// Content that no inspection reads.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Opaque {
    pub kind: Kind,
    /// Length of the file that it is, or is a part of.
    pub bytes: u64,
    /// Every path of that file in the push, as it may be shown; empty where not all of them are known.
    #[serde(skip)]
    pub paths: Vec<String>,
}

/// Why nobody reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A key is needed.
    Encrypted,
    /// Bytes of no known form that cannot be told from chance.
    Unknown,
    /// A known form that is not read here.
    Unsupported,
    /// A known form that ends too early or contradicts itself.
    Damaged,
}

impl Kind {
    /// Every kind with its word in policy files.
    pub const WORDS: [(&'static str, Self); 4] = [
        ("encrypted", Self::Encrypted),
        ("unknown", Self::Unknown),
        ("unsupported", Self::Unsupported),
        ("damaged", Self::Damaged),
    ];
}
