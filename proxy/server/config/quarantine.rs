//! `[quarantine]`: where packs of held pushes wait, and the keys that they are sealed with.

use std::time::Duration;

use super::secret::{self, KeySource, SOURCES};
use super::section::Section;
use crate::quarantine::{Keys, MasterKey};

/// Seconds.
const DAY: u64 = 24 * 60 * 60;

const A_KEY: &str = "32 bytes as 64 hexadecimal digits or as base64";

/// Where packs of held pushes wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quarantine {
    /// What packs are sealed with. Without a key nothing is held: pushes that need review are refused.
    pub keys: Keys,
    /// Where the key comes from, for people.
    pub key: Option<KeySource>,
    /// Earlier keys, with which packs that wait may still be sealed.
    pub old_keys: Vec<KeySource>,
    /// Bytes of all packs that wait, on disk.
    pub bytes: u64,
    /// How long a push waits for a decision.
    pub days: u64,
    /// How long it is kept what reviewers saw of a push that is over.
    pub contents_days: u64,
}

impl Quarantine {
    pub(super) fn read(mut section: Section<'_>) -> Self {
        let key = section.parsed("key", SOURCES, |text| Some(text.to_owned()));
        let (key, current) = key
            .and_then(|text| read_key(&mut section, "key", &text))
            .unzip();
        let old = section.list("old_keys").unwrap_or_default();
        let old = old
            .iter()
            .filter_map(|text| read_key(&mut section, "old_keys", text));
        let (old_keys, old) = old.collect::<Vec<_>>().into_iter().unzip();
        let bytes = section.number("bytes", 1..=u64::MAX / 4);
        let days = section.number("days", 1..=366);
        let contents_days = section.number("contents_days", 1..=3_660);
        section.finish();
        Self {
            keys: Keys::new(current, old),
            key,
            old_keys,
            bytes: bytes.unwrap_or(50 << 30),
            days: days.unwrap_or(14),
            contents_days: contents_days.unwrap_or(90),
        }
    }

    /// How long a push waits for a decision.
    pub fn patience(&self) -> Duration {
        Duration::from_secs(self.days * DAY)
    }

    /// How long it is kept what reviewers saw of a push that is over.
    pub fn memory(&self) -> Duration {
        Duration::from_secs(self.contents_days * DAY)
    }
}

fn read_key(
    section: &mut Section<'_>,
    key: &'static str,
    text: &str,
) -> Option<(KeySource, MasterKey)> {
    let (source, text) = secret::read(section, key, text, A_KEY)?;
    match MasterKey::read(&text) {
        Some(master) => Some((source, master)),
        None => {
            section.refuse(key, format!("expected {A_KEY} there"));
            None
        }
    }
}
