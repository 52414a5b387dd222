//! `[policy]`: what becomes of a finding, and how much is told of it.

use std::{path::PathBuf, time::Duration};

use serde::Serialize;

use super::rules::opened;
use super::section::{Section, quoted};

/// What becomes of a finding, by the action its rule asks for. The strongest disposition of all findings decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Policy {
    /// Findings of rules with action `block`. Default `refuse`: these are secrets beyond reasonable doubt.
    pub block: Disposition,
    /// Findings of rules with action `review`. Default `hold`: a person should look.
    pub review: Disposition,
    /// Findings of rules with action `warn`. Default `warn`: the push goes on and says so.
    pub warn: Disposition,
    /// Findings of rules with action `note`. Default `forward`: recorded, nothing is said.
    pub note: Disposition,
    /// Content that could not be read. Default `hold`: what cannot be read is not clean.
    pub unscannable: Disposition,
    /// Content that nobody reads: encrypted, damaged, of a form that is not read or that is not known. Default `hold`.
    pub opaque: Disposition,
    /// Findings in files that the target repository serves already: the same rule, path and matched bytes. Never more
    /// than their action asks for. Default `forward`: whole files arrive with every change, old content with them.
    pub existing: Disposition,
}

/// After how many stops of one pusher the answers have no details: who is told what stops a push, again and again, learns
/// the rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quiet {
    /// `quiet_after`: stops that are told with all details. Default 10; 0: all of them.
    pub after: usize,
    /// `quiet_minutes`: how long a stop counts. Default 60.
    pub within: Duration,
}

impl Quiet {
    fn read(section: &mut Section<'_>) -> Self {
        let after = section.number("quiet_after", 0..=1000).unwrap_or(10);
        let minutes = section.number("quiet_minutes", 1..=10_080).unwrap_or(60);
        Self {
            after: usize::try_from(after).unwrap_or(usize::MAX),
            within: Duration::from_secs(60 * minutes),
        }
    }
}

/// What becomes of a finding. Ordered from the weakest to the strongest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Disposition {
    /// The push goes on and nothing is said; the record has it.
    Forward,
    /// The push goes on and the developer is told.
    Warn,
    /// The push waits for a reviewer; without a review queue it is refused with the words "needs review".
    Hold,
    /// The push is refused.
    Refuse,
}

/// Every disposition with its word.
pub const DISPOSITIONS: [(&str, Disposition); 4] = [
    ("refuse", Disposition::Refuse),
    ("hold", Disposition::Hold),
    ("warn", Disposition::Warn),
    ("forward", Disposition::Forward),
];

impl Disposition {
    /// The word in the configuration.
    pub fn word(self) -> &'static str {
        match self {
            Self::Forward => "forward",
            Self::Warn => "warn",
            Self::Hold => "hold",
            Self::Refuse => "refuse",
        }
    }
}

impl Policy {
    /// The words of the table, what it says of answers, the policy files it names in reading order (default: none), and
    /// whether drafts of policies count beside them (default: no).
    pub(super) fn read(mut section: Section<'_>) -> (Self, Quiet, Vec<PathBuf>, bool) {
        let files = files(&mut section);
        let drafts = section.flag("drafts").unwrap_or(false);
        let quiet = Quiet::read(&mut section);
        let policy = Self {
            block: section
                .word("block", &DISPOSITIONS)
                .unwrap_or(Disposition::Refuse),
            review: section
                .word("review", &DISPOSITIONS)
                .unwrap_or(Disposition::Hold),
            warn: section
                .word("warn", &DISPOSITIONS)
                .unwrap_or(Disposition::Warn),
            note: section
                .word("note", &DISPOSITIONS)
                .unwrap_or(Disposition::Forward),
            unscannable: section
                .word("unscannable", &DISPOSITIONS)
                .unwrap_or(Disposition::Hold),
            opaque: section
                .word("opaque", &DISPOSITIONS)
                .unwrap_or(Disposition::Hold),
            existing: section
                .word("existing", &DISPOSITIONS)
                .unwrap_or(Disposition::Forward),
        };
        if policy.block < Disposition::Hold {
            section.warn(
                "block",
                "pushes that carry secrets beyond doubt are let through".to_owned(),
            );
        }
        if policy.unscannable < Disposition::Hold {
            section.warn(
                "unscannable",
                "content that could not be read is let through unseen".to_owned(),
            );
        }
        if policy.opaque < Disposition::Hold {
            section.warn(
                "opaque",
                "content that nobody can read, such as encrypted archives, is let through"
                    .to_owned(),
            );
        }
        section.finish();
        (policy, quiet, files, drafts)
    }

    /// Hex SHA-256 over the canonical JSON of these fields.
    pub fn digest(&self) -> String {
        use sha2::Digest;
        let text = serde_json::to_vec(self).expect("because seven words always serialise");
        hex::encode(sha2::Sha256::digest(text))
    }
}

fn files(section: &mut Section<'_>) -> Vec<PathBuf> {
    let names = section.list("files").unwrap_or_default();
    let mut files = Vec::new();
    for name in &names {
        if name.is_empty() {
            section.refuse("files", "expected a path, found \"\"".to_owned());
            continue;
        }
        let path = section.based(name);
        if let Err(error) = opened(&path) {
            section.refuse("files", format!("cannot read {}: {error}", quoted(name)));
        }
        if files.contains(&path) {
            section.refuse("files", format!("{} is named twice", quoted(name)));
        }
        files.push(path);
    }
    files
}
