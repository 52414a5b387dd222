//! Baselines: findings that are known and not told again.

use std::{
    collections::{BTreeMap, HashMap},
    fs::File,
    io::{Read, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context, anyhow};
use exeat_inspect::{
    Finding,
    excuse::{
        self, Limits,
        baseline::{Entry, Key, Known},
    },
};

/// Largest baseline that is read, in bytes.
const MOST: usize = 64 << 20;

/// The findings of a file, each by its key.
#[derive(Debug)]
pub struct Baseline {
    name: PathBuf,
    known: excuse::Baseline,
}

impl Baseline {
    /// Reads a baseline: one JSON object a line; lines that begin with `#` and empty ones count for nothing.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let shown = path.display();
        let mut text = Vec::new();
        // It may be a pipe, which has no length.
        File::open(path)
            .and_then(|file| file.take(MOST as u64 + 1).read_to_end(&mut text))
            .with_context(|| format!("{shown} cannot be read"))?;
        let limits = Limits {
            bytes: MOST,
            entries: usize::MAX,
        };
        let known = excuse::Baseline::read(&text, limits).map_err(|error| match error.at() {
            Some(at) => anyhow!("{shown}:{at}: {error}"),
            None => anyhow!("{shown}: {error}"),
        })?;
        Ok(Self {
            name: path.to_owned(),
            known,
        })
    }

    /// Whether the finding is known. Where a version of a file holds more of the kind than are known, the rest is new.
    pub fn hides(&mut self, finding: &Finding) -> bool {
        self.known.knows(finding)
    }

    /// Entries that hid nothing, of those whose path `covered` says was scanned.
    pub fn unused(&self, covered: impl Fn(&str) -> bool) -> Vec<String> {
        let entries = self.known.entries();
        let unused = entries
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
        self.known
            .entries()
            .get(key)
            .map(|known| known.reason.as_str())
    }
}

/// Findings on their way into a baseline.
#[derive(Debug, Default)]
pub struct Notes {
    counts: BTreeMap<Key, HashMap<String, u64>>,
}

impl Notes {
    pub fn note(&mut self, finding: &Finding) {
        let versions = self.counts.entry(Key::of(finding)).or_default();
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

/// Which of several versions of a file: a history holds each.
fn version(finding: &Finding) -> String {
    finding.place.object.clone().unwrap_or_default()
}
