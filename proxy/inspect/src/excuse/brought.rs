//! The ignore files and baselines that a push brings itself.
//!
//! They are those at the root of the tree that a pushed ref points to, and only where they are in the pack: what is in the
//! repository already counts for nothing, so that nobody has to ask for it. They are read when everything has been
//! inspected, and count for the whole push, whatever its refs.

use std::collections::HashSet;

use exeat_gitwire::{
    ObjectId,
    objects::tree::{self, EntryKind},
    pack::{Kind, Spool},
};

use super::{Baseline, Excuse, Excuses, IgnoreFile, Limits, baseline, ignore};
use crate::{finding::Finding, overlap::Strength, pack::Error, stored::Stored};

/// Trees that are looked into for one push, and files that are read.
const MOST_TREES: usize = 64;
const MOST_FILES: usize = 16;

/// What excuses findings of one push.
#[derive(Debug, Default)]
pub(crate) struct Brought {
    strength: Strength,
    ignore_files: Vec<IgnoreFile>,
    baselines: Vec<Baseline>,
}

impl Brought {
    /// What the pack itself brings, of what `strength` heeds. A file that is too long beside those before it, or that cannot be read again
    /// within bounds, counts for nothing.
    ///
    /// # Errors
    /// When the spool cannot be read.
    pub(crate) fn of<S: Spool>(
        stored: &mut Stored<'_, S>,
        targets: &[ObjectId],
        strength: Strength,
    ) -> Result<Self, Error> {
        let mut brought = Self {
            strength,
            ..Self::default()
        };
        let excuses = strength.excuses();
        if !excuses.heeds(Excuse::IgnoreFile) && !excuses.heeds(Excuse::Baseline) {
            return Ok(brought);
        }
        let mut left = Limits::USUAL;
        for (excuse, blob) in files(stored, targets, excuses)? {
            let Some(text) = stored.find_within(&blob, Kind::Blob, left.bytes as u64)? else {
                continue;
            };
            let entries = brought.take(excuse, &text, left);
            left.bytes -= text.len();
            left.entries -= entries;
        }
        Ok(brought)
    }

    /// Reads one file, and says how many entries it has.
    fn take(&mut self, excuse: Excuse, text: &[u8], limits: Limits) -> usize {
        match excuse {
            Excuse::Comment => 0,
            Excuse::IgnoreFile => IgnoreFile::read(text, limits).map_or(0, |file| {
                let length = file.length();
                self.ignore_files.push(file);
                length
            }),
            Excuse::Baseline => Baseline::read(text, limits).map_or(0, |baseline| {
                let length = baseline.entries().len();
                self.baselines.push(baseline);
                length
            }),
        }
    }

    /// What excuses the finding at its place, where that makes a difference to it.
    pub(crate) fn excuse(&mut self, finding: &Finding) -> Option<Excuse> {
        let is_excused = |brought: &mut Self, excuse| match excuse {
            Excuse::Comment => finding.commented,
            Excuse::IgnoreFile => brought.ignore_files.iter().any(|file| file.names(finding)),
            // Each counts what it knows.
            Excuse::Baseline => {
                let known = brought.baselines.iter_mut().map(|one| one.knows(finding));
                known.fold(false, |any, known| any | known)
            }
        };
        Excuse::ALL
            .into_iter()
            .find(|&excuse| self.strength.takes(excuse, finding.action) && is_excused(self, excuse))
    }
}

/// The files of the tips, each once, in the order of the commands.
fn files<S: Spool>(
    stored: &mut Stored<'_, S>,
    targets: &[ObjectId],
    excuses: Excuses,
) -> Result<Vec<(Excuse, ObjectId)>, Error> {
    let mut files = Vec::new();
    let mut trees = 0;
    // Nothing is read twice, however many refs and tags lead to it.
    let mut passed = HashSet::new();
    let mut seen = HashSet::new();
    for target in targets {
        let Some(root) = stored.root(*target, &mut passed)? else {
            continue;
        };
        trees += 1;
        if trees > MOST_TREES {
            break;
        }
        let Some(data) = stored.find_within(&root, Kind::Tree, u64::MAX)? else {
            continue;
        };
        for entry in tree::Entries::new(stored.hash, &data).map_while(Result::ok) {
            let excuse = match entry.name {
                name if ignore::NAMES.iter().any(|known| known.as_bytes() == name) => {
                    Excuse::IgnoreFile
                }
                name if name == baseline::NAME.as_bytes() => Excuse::Baseline,
                _ => continue,
            };
            let Ok(id) = ObjectId::try_from(entry.id) else {
                continue;
            };
            let is_new =
                excuses.heeds(excuse) && entry.kind() == Ok(EntryKind::File) && seen.insert(id);
            if is_new && files.len() < MOST_FILES {
                files.push((excuse, id));
            }
        }
    }
    Ok(files)
}
