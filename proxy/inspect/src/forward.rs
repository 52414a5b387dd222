//! Which refs are moved forward: their new commit has the old one among its ancestors, as far as the pack shows it.
//!
//! Ids are hashes of content, so a commit that names another as its parent descends from it, whoever says so. A pack holds
//! what is new, so the walk from the new commit ends where the old one is named as a parent, or at commits that the
//! repository has already: of those nothing is known, and nothing is said.

use std::collections::{HashMap, HashSet, hash_map::Entry};

use exeat_gitwire::{
    ObjectId,
    pack::{self, Kind, Spool},
};

use crate::{pack::Error, stored::Stored};

/// Commits and parents that are looked at for all refs of a push together: 50,000 commits in a row, 6 MB. Beyond it
/// nothing more is said.
const MOST_STEPS: usize = 100_000;

/// A ref that is moved from one object to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Move {
    pub old: ObjectId,
    pub new: ObjectId,
}

/// Those of `moves` that are shown to go forward, in their order.
///
/// # Errors
/// When an object of the pack cannot be read, or `go_on` says so.
pub fn forward<S: Spool>(
    stored: &mut Stored<'_, S>,
    moves: &[Move],
    go_on: &dyn Fn() -> Result<(), Error>,
) -> Result<Vec<Move>, Error> {
    let mut walk = Walk {
        stored,
        parents: HashMap::new(),
        steps: MOST_STEPS,
    };
    let mut shown = Vec::new();
    for each in moves {
        go_on()?;
        match walk.leads_to(each) {
            Ok(true) => shown.push(*each),
            Ok(false) => {}
            // A pack made to be read slowly shows nothing.
            Err(Error::Pack(pack::Error::Rework { .. })) => break,
            Err(error) => return Err(error),
        }
        if walk.steps == 0 {
            break;
        }
    }
    Ok(shown)
}

struct Walk<'s, 'p, S: Spool> {
    stored: &'s mut Stored<'p, S>,
    /// Of commits that were read.
    parents: HashMap<u32, Vec<ObjectId>>,
    steps: usize,
}

impl<S: Spool> Walk<'_, '_, S> {
    fn leads_to(&mut self, each: &Move) -> Result<bool, Error> {
        let mut waiting = vec![each.new];
        let mut seen: HashSet<u32> = HashSet::new();
        while let Some(id) = waiting.pop() {
            let Some(entry) = self.stored.entries.find(id.as_slice()) else {
                continue;
            };
            if self.stored.pack.kind(entry) != Some(Kind::Commit) || !seen.insert(entry) {
                continue;
            }
            let parents = match self.parents.entry(entry) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(new) => {
                    let references = self.stored.references(entry)?.into_iter();
                    let parents = references.filter(|(kind, _)| *kind == Kind::Commit);
                    new.insert(parents.map(|(_, id)| id).collect())
                }
            };
            if parents.contains(&each.old) {
                return Ok(true);
            }
            // A commit may name very many parents.
            let Some(left) = self.steps.checked_sub(1 + parents.len()) else {
                self.steps = 0;
                return Ok(false);
            };
            self.steps = left;
            waiting.extend_from_slice(parents);
        }
        Ok(false)
    }
}
