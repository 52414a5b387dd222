//! Content that nobody reads and that may go all the same: by target, path, kind and size.

use std::sync::Arc;

use exeat_inspect::{Opaque, OpaqueKind, Report, Unscannable};
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use super::condition::Conditions;
use super::{Facts, Push, Rulebook};

/// One `[[opaque]]` of a policy file. All that it says must hold.
#[derive(Debug, Clone)]
pub struct Allowance {
    /// Unique in all files, among the names of rules too.
    pub name: Arc<str>,
    pub file: Arc<str>,
    /// Of its `[[opaque]]`, counted from 1.
    pub line: usize,
    /// Where the push goes to.
    pub target: Conditions,
    /// Each path of the file is one of these.
    pub paths: PathGlobs,
    /// What it is; none: any kind.
    pub kinds: Option<Vec<OpaqueKind>>,
    /// Bytes that the file has at most; none: any number.
    pub up_to: Option<u64>,
}

impl Allowance {
    fn holds(&self, opaque: &Opaque) -> bool {
        let kinds = self.kinds.as_ref();
        let paths = &opaque.paths;
        kinds.is_none_or(|kinds| kinds.contains(&opaque.kind))
            && self.up_to.is_none_or(|most| opaque.bytes <= most)
            && !paths.is_empty()
            && paths.iter().all(|path| self.paths.contain(path))
    }
}

/// What of a push could not be read.
pub(super) struct Unread<'r> {
    /// A limit was the reason, or nothing is known of it.
    pub limited: usize,
    /// Nobody reads it, and nothing allows it.
    pub opaque: usize,
    /// What allows the others, each with their number.
    pub allowed: Vec<(&'r Allowance, usize)>,
}

impl Rulebook {
    /// Sorts out what of the push could not be read.
    pub(super) fn unread(&self, push: Push<'_>, facts: &Facts<'_>, report: &Report) -> Unread<'_> {
        let general = self.general(push, facts, None);
        let here = self.allowances.iter();
        // Of a wiki it is not known whether the name of its project means it.
        let here: Vec<&Allowance> = here
            .filter(|allowance| allowance.target.of_push(&general) == Some(true))
            .collect();
        let mut unread = Unread {
            limited: 0,
            opaque: 0,
            allowed: Vec::new(),
        };
        for Unscannable { opaque, .. } in &report.unscannable {
            let Some(opaque) = opaque else {
                unread.limited += 1;
                continue;
            };
            let Some(by) = here.iter().find(|allowance| allowance.holds(opaque)) else {
                unread.opaque += 1;
                continue;
            };
            let known = unread.allowed.iter_mut();
            match known
                .into_iter()
                .find(|(allowance, _)| allowance.line == by.line && allowance.file == by.file)
            {
                Some((_, count)) => *count += 1,
                None => unread.allowed.push((by, 1)),
            }
        }
        unread
    }
}

/// Paths of files: `*` stays within a folder, `**` as a whole segment crosses.
#[derive(Debug, Clone)]
pub struct PathGlobs(GlobSet);

impl PathGlobs {
    /// # Errors
    /// With the pattern that is none, and what was expected in its place.
    pub fn new(patterns: Vec<String>) -> Result<Self, (String, &'static str)> {
        const EXPECTED: &str =
            "a path as in tests/data/**, with / between folders and none at its ends";
        let mut set = GlobSetBuilder::new();
        for pattern in &patterns {
            let bad = || (pattern.clone(), EXPECTED);
            if pattern.split('/').any(str::is_empty) {
                return Err(bad());
            }
            let glob = GlobBuilder::new(pattern).literal_separator(true).build();
            set.add(glob.map_err(|_| bad())?);
        }
        let set = set
            .build()
            .map_err(|_| (patterns.join(", "), "patterns that fit into one automaton"))?;
        Ok(Self(set))
    }

    fn contain(&self, path: &str) -> bool {
        self.0.is_match(path)
    }
}
