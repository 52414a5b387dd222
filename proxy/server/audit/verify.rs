//! Recomputes the whole chain and names the first position that does not fit.
//!
//! For each record: that it is there; that its leaf has the stored hash, says its own position and is written canonically;
//! that the tree over all leaves so far has the stored root; that the payload matches the leaf's commitments, or was erased
//! by a record that says so. At the end: that nothing stands outside the chain, and that the chain has the root that was
//! noted elsewhere, where one is given.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::record::{Kind, Leaf, Payload, Seq};
use super::seal::{Salt, canonical, commitments};
use super::tree::{self, Frontier};
use super::{Error, Head};
use crate::store::{Row, Snapshot};

/// Records read at once.
const PAGE: u32 = 500;

/// What verification found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Where the chain ends, as far as it was recomputed.
    pub head: Head,
    /// Records whose personal half was erased.
    pub erased: u64,
    /// The first position that does not fit.
    pub problem: Option<Problem>,
    /// The digest that the last record about it gives each person, group, token and draft that is there.
    pub people: BTreeMap<String, String>,
}

/// A position that does not fit, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Problem {
    pub seq: Seq,
    pub fault: Fault,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "record {}: {}", self.seq, self.fault)
    }
}

/// What does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    Missing,
    Leaf,
    Form,
    Position,
    Push,
    NoHead,
    Head,
    Payload,
    PayloadForm,
    PayloadMissing,
    PayloadKept,
    Stray,
    Checkpoint,
    CheckpointBeyond,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "the record is missing",
            Self::Leaf => "the leaf does not have the hash stored for it",
            Self::Form => "the leaf is not a record in canonical form",
            Self::Position => "the leaf belongs to another position",
            Self::Push => "the record is filed under another push than its leaf says",
            Self::NoHead => "the tree head is missing",
            Self::Head => "the tree head does not match the leaves up to here",
            Self::Payload => "the payload does not match the leaf's commitments",
            Self::PayloadForm => "the payload is not in canonical form",
            Self::PayloadMissing => "the payload is missing and no record says that it was erased",
            Self::PayloadKept => "a later record says that the payload was erased, but it is there",
            Self::Stray => "something is stored for this position, but the chain does not reach it",
            Self::Checkpoint => "the root up to here is not the one that was noted",
            Self::CheckpointBeyond => "the chain ends before the size that was noted",
        })
    }
}

/// A tree head that was noted outside the data folder, as `SIZE:ROOT`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checkpoint(pub Head);

impl FromStr for Checkpoint {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once(':').and_then(|(size, root)| {
            let mut bytes = tree::Hash::default();
            hex::decode_to_slice(root, &mut bytes).ok()?;
            Some((size.parse().ok()?, bytes))
        });
        match parts {
            Some((size, root)) => Ok(Self(Head { size, root })),
            None => Err("expected SIZE:ROOT, a number and 64 hex digits".to_owned()),
        }
    }
}

/// Recomputes everything that `snapshot` shows. An error means that it could not be read, not that it is wrong.
pub async fn verify(
    snapshot: &mut Snapshot,
    checkpoint: Option<Checkpoint>,
) -> Result<Report, Error> {
    let mut walk = Walk {
        checkpoint,
        ..Walk::default()
    };
    let mut problem = walk.check_checkpoint().err();
    while problem.is_none() {
        let page = snapshot
            .after(walk.frontier.size(), PAGE)
            .await
            .map_err(read)?;
        if page.is_empty() {
            problem = walk.end(snapshot).await?.err();
            break;
        }
        problem = page.iter().find_map(|row| walk.step(row).err());
    }
    Ok(Report {
        head: walk.head(),
        erased: u64::try_from(walk.erased.len()).unwrap_or(u64::MAX),
        problem,
        people: walk.people,
    })
}

#[derive(Default)]
struct Walk {
    frontier: Frontier,
    checkpoint: Option<Checkpoint>,
    /// Records whose leaf commits to a payload that is not there.
    without_payload: BTreeSet<Seq>,
    /// Records that a leaf says were erased.
    erased: BTreeSet<Seq>,
    people: BTreeMap<String, String>,
}

impl Walk {
    fn head(&self) -> Head {
        Head {
            size: self.frontier.size(),
            root: self.frontier.root(),
        }
    }

    fn step(&mut self, row: &Row) -> Result<(), Problem> {
        let seq = self.frontier.size() + 1;
        let wrong = |fault| Problem { seq, fault };
        if row.seq != Some(seq) {
            return Err(wrong(Fault::Missing));
        }
        let text = row.leaf.as_deref().ok_or(wrong(Fault::Leaf))?;
        let hash = tree::leaf_hash(text.as_bytes());
        if row.hash.as_deref() != Some(hex::encode(hash).as_str()) {
            return Err(wrong(Fault::Leaf));
        }
        let leaf: Leaf = serde_json::from_str(text).map_err(|_| wrong(Fault::Form))?;
        if canonical(&leaf) != text {
            return Err(wrong(Fault::Form));
        }
        if leaf.seq != seq {
            return Err(wrong(Fault::Position));
        }
        if leaf.push != row.push {
            return Err(wrong(Fault::Push));
        }
        let mut frontier = self.frontier.clone();
        frontier.push(hash);
        let root = row.root.as_deref().ok_or(wrong(Fault::NoHead))?;
        if root != hex::encode(frontier.root()) {
            return Err(wrong(Fault::Head));
        }
        self.payload(seq, row, &leaf).map_err(wrong)?;
        self.erased.extend(&leaf.erased);
        self.note(leaf);
        self.frontier = frontier;
        self.check_checkpoint()
    }

    fn note(&mut self, leaf: Leaf) {
        if !matches!(
            leaf.kind,
            Kind::Person | Kind::Group | Kind::Token | Kind::Policy
        ) {
            return;
        }
        let Some(subject) = leaf.subject else { return };
        match (leaf.before, leaf.after) {
            (_, Some(after)) => drop(self.people.insert(subject, after)),
            (Some(_), None) => drop(self.people.remove(&subject)),
            // Something happened to it that left it as it was.
            (None, None) => {}
        }
    }

    fn payload(&mut self, seq: Seq, row: &Row, leaf: &Leaf) -> Result<(), Fault> {
        let (Some(salt), Some(text)) = (&row.salt, &row.payload) else {
            if leaf.commitments != Default::default() {
                self.without_payload.insert(seq);
            }
            return Ok(());
        };
        let mut bytes = Salt::default();
        hex::decode_to_slice(salt, &mut bytes).map_err(|_| Fault::Payload)?;
        let payload: Payload = serde_json::from_str(text).map_err(|_| Fault::PayloadForm)?;
        if canonical(&payload) != *text {
            return Err(Fault::PayloadForm);
        }
        match commitments(&bytes, &payload) == leaf.commitments {
            true => Ok(()),
            false => Err(Fault::Payload),
        }
    }

    fn check_checkpoint(&self) -> Result<(), Problem> {
        match self.checkpoint {
            Some(Checkpoint(noted)) if noted.size == self.frontier.size() => {
                match noted.root == self.frontier.root() {
                    true => Ok(()),
                    false => Err(Problem {
                        seq: noted.size,
                        fault: Fault::Checkpoint,
                    }),
                }
            }
            Some(_) | None => Ok(()),
        }
    }

    /// What can be told only once the last record is known.
    async fn end(&self, snapshot: &mut Snapshot) -> Result<Result<(), Problem>, Error> {
        let size = self.frontier.size();
        let mut problems = Vec::new();
        let missing = self.without_payload.difference(&self.erased).next();
        problems.extend(missing.map(|seq| Problem {
            seq: *seq,
            fault: Fault::PayloadMissing,
        }));
        let kept = self.kept(snapshot).await?;
        problems.extend(kept.map(|seq| Problem {
            seq,
            fault: Fault::PayloadKept,
        }));
        let stray = snapshot.stray(size).await.map_err(read)?;
        problems.extend(stray.map(|seq| Problem {
            seq: u64::try_from(seq).unwrap_or(0),
            fault: match u64::try_from(seq) == Ok(size + 1) {
                // A head or payload right behind the end: what is gone is the record itself.
                true => Fault::Missing,
                false => Fault::Stray,
            },
        }));
        if let Some(Checkpoint(noted)) = self.checkpoint
            && noted.size > size
        {
            problems.push(Problem {
                seq: size + 1,
                fault: Fault::CheckpointBeyond,
            });
        }
        problems.sort_by_key(|problem| problem.seq);
        Ok(problems.into_iter().next().map_or(Ok(()), Err))
    }

    /// A record whose payload is there although a leaf says that it was erased.
    async fn kept(&self, snapshot: &mut Snapshot) -> Result<Option<Seq>, Error> {
        for seq in self.erased.difference(&self.without_payload) {
            let before = seq.saturating_sub(1);
            let page = snapshot.after(before, 1).await.map_err(read)?;
            if page.first().is_some_and(|row| row.payload.is_some()) {
                return Ok(Some(*seq));
            }
        }
        Ok(None)
    }
}

fn read(error: crate::store::Error) -> Error {
    Error::Read(Arc::new(error))
}

#[cfg(test)]
mod tests;
