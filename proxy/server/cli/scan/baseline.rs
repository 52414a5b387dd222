//! Baselines: findings that are known and not told again.

use std::{
    collections::{BTreeMap, HashMap},
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use exeat_inspect::Finding;
use serde::{Deserialize, Serialize};

/// Largest baseline that is read, in bytes.
const MOST: u64 = 64 << 20;

/// What makes a finding the same in another version of the repository: neither line number nor commit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Key {
    path: String,
    rule: String,
    line: String,
}

/// One line of a baseline.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    rule: String,
    /// The file; or in words where it stands, such as "commit message".
    path: String,
    /// Hash of the lines without the secrets in them.
    line: String,
    /// How many such lines one version of the file may hold.
    #[serde(default = "one")]
    count: u64,
    /// Why it is known, for people.
    #[serde(default)]
    reason: String,
}

fn one() -> u64 {
    1
}

/// The findings of a file, each by its key.
#[derive(Debug)]
pub struct Baseline {
    name: PathBuf,
    entries: BTreeMap<Key, Known>,
    /// By key and version of the file: how many were hidden.
    hidden: HashMap<(Key, String), u64>,
}

#[derive(Debug)]
struct Known {
    /// Its line in the baseline, counted from 1.
    at: usize,
    count: u64,
    reason: String,
    is_used: bool,
}

impl Baseline {
    /// Reads a baseline: one JSON object a line; lines that begin with `#` and empty ones count for nothing.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let shown = path.display();
        let length = std::fs::metadata(path).map_or(0, |metadata| metadata.len());
        if length > MOST {
            bail!("{shown}: the baseline is longer than {MOST} bytes");
        }
        let text =
            std::fs::read_to_string(path).with_context(|| format!("{shown} cannot be read"))?;
        let mut entries = BTreeMap::new();
        for (at, line) in text.lines().enumerate() {
            let at = at + 1;
            if line.trim().is_empty() || line.trim_start().starts_with('#') {
                continue;
            }
            let entry: Entry = serde_json::from_str(line).map_err(|error| {
                anyhow::anyhow!("{shown}:{at}: not an entry of a baseline: {error}")
            })?;
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
                bail!("{shown}:{at}: the same entry stands above already");
            }
        }
        Ok(Self {
            name: path.to_owned(),
            entries,
            hidden: HashMap::new(),
        })
    }

    /// Whether the finding is known. Where a version of a file holds more of the kind than are known, the rest is new.
    pub fn hides(&mut self, finding: &Finding) -> bool {
        let key = key(finding);
        let Some(known) = self.entries.get_mut(&key) else {
            return false;
        };
        let hidden = self.hidden.entry((key, version(finding))).or_default();
        *hidden += 1;
        known.is_used = true;
        *hidden <= known.count
    }

    /// Entries that hid nothing, of those whose path `covered` says was scanned.
    pub fn unused(&self, covered: impl Fn(&str) -> bool) -> Vec<String> {
        let unused = self
            .entries
            .iter()
            .filter(|(key, known)| !known.is_used && covered(&key.path));
        let mut unused: Vec<(usize, String)> = unused
            .map(|(key, known)| {
                let name = self.name.display();
                let Known { at, .. } = known;
                (
                    *at,
                    format!(
                        "{name}:{at}: hides nothing any more: {} in {}",
                        key.rule, key.path
                    ),
                )
            })
            .collect();
        unused.sort();
        unused.into_iter().map(|(_, line)| line).collect()
    }

    fn reason(&self, key: &Key) -> Option<&str> {
        self.entries.get(key).map(|known| known.reason.as_str())
    }
}

/// Findings on their way into a baseline.
#[derive(Debug, Default)]
pub struct Notes {
    counts: BTreeMap<Key, HashMap<String, u64>>,
}

impl Notes {
    pub fn note(&mut self, finding: &Finding) {
        let versions = self.counts.entry(key(finding)).or_default();
        *versions.entry(version(finding)).or_default() += 1;
    }

    /// Writes the whole baseline in the order of paths, with the reasons that `old` has; says how many entries.
    pub fn write(&self, path: &Path, old: Option<&Baseline>) -> anyhow::Result<usize> {
        let named = || format!("{} cannot be written", path.display());
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        let mut file = tempfile::Builder::new()
            .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))
            .tempfile_in(folder.unwrap_or(Path::new(".")))
            .with_context(named)?;
        for (key, versions) in &self.counts {
            let entry = Entry {
                rule: key.rule.clone(),
                path: key.path.clone(),
                line: key.line.clone(),
                count: versions.values().copied().max().unwrap_or(1),
                reason: old
                    .and_then(|old| old.reason(key))
                    .unwrap_or_default()
                    .to_owned(),
            };
            serde_json::to_writer(&mut file, &entry)?;
            file.write_all(b"\n").with_context(named)?;
        }
        file.persist(path).with_context(named)?;
        Ok(self.counts.len())
    }
}

fn key(finding: &Finding) -> Key {
    let place = &finding.place;
    Key {
        path: place
            .path
            .clone()
            .unwrap_or_else(|| place.part.describe().to_owned()),
        rule: finding.rule.clone(),
        line: finding.surroundings.to_string(),
    }
}

/// Which of several versions of a file: a history holds each.
fn version(finding: &Finding) -> String {
    finding.place.object.clone().unwrap_or_default()
}
