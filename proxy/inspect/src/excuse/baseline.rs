//! Baselines: findings that are known, by path, rule and the lines around the secret.

use std::collections::{BTreeMap, HashMap};

use exeat_gitwire::text::escape;
use serde::{Deserialize, Serialize};

use super::Limits;
use crate::finding::Finding;

/// The name that is looked for at the root of a repository.
pub const NAME: &str = ".exeat-baseline.jsonl";

/// One line of a baseline.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    pub rule: String,
    /// The file; or in words where it stands, such as "commit message".
    pub path: String,
    /// Hash of the lines without the secrets in them.
    pub line: String,
    /// How many such lines one version of the file may hold.
    #[serde(default = "one")]
    pub count: u64,
    /// Why it is known, for people.
    #[serde(default)]
    pub reason: String,
}

fn one() -> u64 {
    1
}

/// What makes a finding the same in another version of the repository: neither line number nor commit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    pub path: String,
    pub rule: String,
    pub line: String,
}

impl Key {
    pub fn of(finding: &Finding) -> Self {
        let place = &finding.place;
        let words = || place.part.describe().to_owned();
        Self {
            path: place.path.clone().unwrap_or_else(words),
            rule: finding.rule.clone(),
            line: finding.surroundings.to_string(),
        }
    }
}

/// Why a baseline counts for nothing.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("the baseline is longer than {0} bytes")]
    TooLong(usize),
    #[error("the baseline has more than {0} entries")]
    TooManyEntries(usize),
    /// `at` counts lines from 1; `why` is printable.
    #[error("not an entry of a baseline: {why}")]
    NoEntry { at: usize, why: String },
    #[error("the same entry stands above already")]
    Twice { at: usize },
}

impl Error {
    /// The line it is about, counted from 1.
    pub fn at(&self) -> Option<usize> {
        match self {
            Self::NoEntry { at, .. } | Self::Twice { at } => Some(*at),
            Self::TooLong(_) | Self::TooManyEntries(_) => None,
        }
    }
}

/// An entry, and whether it has hidden anything.
#[derive(Debug)]
pub struct Known {
    /// Its line in the baseline, counted from 1.
    pub at: usize,
    pub count: u64,
    pub reason: String,
    pub is_used: bool,
}

/// The findings of a file, each by its key.
#[derive(Debug, Default)]
pub struct Baseline {
    entries: BTreeMap<Key, Known>,
    /// By the line of the entry and the version of the file: how many were known.
    seen: HashMap<(usize, String), u64>,
}

impl Baseline {
    /// Reads a baseline: one JSON object a line; lines that begin with `#` and empty ones count for nothing.
    ///
    /// # Errors
    /// When a line is no entry, stands twice, or there is more than `limits` allow.
    pub fn read(text: &[u8], limits: Limits) -> Result<Self, Error> {
        if text.len() > limits.bytes {
            return Err(Error::TooLong(limits.bytes));
        }
        let mut entries = BTreeMap::new();
        for (at, line) in (1..).zip(text.split(|&byte| byte == b'\n')) {
            let line = line.trim_ascii();
            if line.is_empty() || line.starts_with(b"#") {
                continue;
            }
            let entry: Entry = serde_json::from_slice(line).map_err(|error| Error::NoEntry {
                at,
                why: escape(error.to_string().as_bytes()),
            })?;
            if entries.len() >= limits.entries {
                return Err(Error::TooManyEntries(limits.entries));
            }
            let key = Key {
                path: entry.path,
                rule: entry.rule,
                line: entry.line,
            };
            let known = Known {
                at,
                count: entry.count,
                reason: entry.reason,
                is_used: false,
            };
            if entries.insert(key, known).is_some() {
                return Err(Error::Twice { at });
            }
        }
        Ok(Self {
            entries,
            seen: HashMap::new(),
        })
    }

    /// Whether the finding is known. Where a version of a file holds more of the kind than are known, the rest is new; so it
    /// is asked once for each finding, in their order.
    pub fn knows(&mut self, finding: &Finding) -> bool {
        let Some(known) = self.entries.get_mut(&Key::of(finding)) else {
            return false;
        };
        // A history holds several versions of a file.
        let version = finding.place.object.clone().unwrap_or_default();
        let seen = self.seen.entry((known.at, version)).or_default();
        *seen += 1;
        known.is_used = true;
        *seen <= known.count
    }

    /// In the order of their keys.
    pub fn entries(&self) -> &BTreeMap<Key, Known> {
        &self.entries
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_bounded_and_exact() {
        let entry =
            |line: usize| format!("{{\"rule\":\"r\",\"path\":\"p\",\"line\":\"{line}\"}}\n");
        let read = |text: &str| {
            Baseline::read(
                text.as_bytes(),
                Limits {
                    bytes: 200,
                    entries: 2,
                },
            )
        };
        let two = entry(1) + "# known\n\n" + &entry(2);
        assert_eq!(read(&two).unwrap().entries().len(), 2);
        let more = two.clone() + &entry(3);
        assert_eq!(read(&more).unwrap_err(), Error::TooManyEntries(2));
        assert_eq!(read(&"#".repeat(201)).unwrap_err(), Error::TooLong(200));
        assert_eq!(
            read(&(entry(1) + &entry(1))).unwrap_err(),
            Error::Twice { at: 2 }
        );
        for bad in [
            "{}",
            "[]",
            "{\"r\u{e9}le\":1}",
            "\u{0}",
            "{\"rule\":\"r\"} x",
        ] {
            let error = read(bad).unwrap_err();
            assert_eq!(error.at(), Some(1), "{bad}");
            assert!(
                error
                    .to_string()
                    .bytes()
                    .all(|byte| matches!(byte, b' '..=b'~')),
                "{error}"
            );
        }
        let deep = "[".repeat(100_000);
        let limits = Limits {
            bytes: 1 << 20,
            entries: 2,
        };
        assert!(Baseline::read(deep.as_bytes(), limits).is_err());
    }
}
