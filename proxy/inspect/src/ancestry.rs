//! The new commits in the order in which they are told, and which of them begin a history.

use std::collections::HashSet;

/// A pack's commits, oldest first: none stands before one of its parents. Commits are named by
/// their entry in the pack.
#[derive(Default)]
pub struct Ancestry {
    pub oldest_first: Vec<u32>,
    /// By entry: the place in `oldest_first`.
    ranks: Vec<u32>,
    roots: HashSet<u32>,
}

/// What a commit builds on.
#[derive(Default)]
pub struct Parents {
    /// Those that are in the pack.
    pub entries: Vec<u32>,
    /// Whether it has none at all, here or elsewhere.
    pub none: bool,
}

impl Ancestry {
    /// Orders `commits`, which are ascending entries of a pack of `length`. git lists newer commits
    /// first, so what the parents leave open is told in the reverse of that order.
    ///
    /// # Errors
    /// That of `read`, which tells the parents of an entry and is asked once for each.
    pub fn order<E>(
        length: u32,
        commits: &[u32],
        mut read: impl FnMut(u32) -> Result<Parents, E>,
    ) -> Result<Self, E> {
        let mut ancestry = Self {
            ranks: vec![0; length as usize],
            ..Self::default()
        };
        let mut edges: Vec<u32> = Vec::new();
        // Where the parents of each commit end in `edges`.
        let mut ends = Vec::with_capacity(commits.len());
        for &commit in commits {
            let parents = read(commit)?;
            if parents.none {
                ancestry.roots.insert(commit);
            }
            edges.extend(parents.entries);
            ends.push(edges.len());
        }
        let parents = |commit: u32| {
            let at = commits.binary_search(&commit).ok()?;
            let start = at
                .checked_sub(1)
                .map_or(Some(0), |at| ends.get(at).copied())?;
            edges.get(start..*ends.get(at)?)
        };
        let mut seen = vec![false; length as usize];
        // Histories are long, so this has a stack of its own.
        let mut stack: Vec<(u32, bool)> = Vec::new();
        for &tip in commits.iter().rev() {
            stack.push((tip, false));
            while let Some((commit, parents_told)) = stack.pop() {
                if parents_told {
                    ancestry.append(commit);
                } else if let Some(seen) = seen.get_mut(commit as usize)
                    && !std::mem::replace(seen, true)
                {
                    stack.push((commit, true));
                    let parents = parents(commit).unwrap_or_default();
                    stack.extend(parents.iter().map(|&parent| (parent, false)));
                }
            }
        }
        Ok(ancestry)
    }

    fn append(&mut self, commit: u32) {
        if let Some(rank) = self.ranks.get_mut(commit as usize) {
            *rank = self.oldest_first.len() as u32;
        }
        self.oldest_first.push(commit);
    }

    /// The place of `commit` in the order.
    pub fn rank(&self, commit: u32) -> u32 {
        self.ranks.get(commit as usize).copied().unwrap_or(u32::MAX)
    }

    /// Whether the commit has no parent, so that a history begins with it.
    pub fn is_root(&self, commit: u32) -> bool {
        self.roots.contains(&commit)
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::HashMap, convert::Infallible};

    use super::*;

    fn order(history: &[(u32, &[u32])]) -> Ancestry {
        let parents: HashMap<u32, &[u32]> = history.iter().copied().collect();
        let mut commits: Vec<u32> = parents.keys().copied().collect();
        commits.sort_unstable();
        let read = |commit: u32| {
            let entries: Vec<u32> = parents[&commit].to_vec();
            let none = entries.is_empty();
            Ok::<_, Infallible>(Parents { entries, none })
        };
        let Ok(ancestry) = Ancestry::order(1000, &commits, read);
        ancestry
    }

    #[test]
    fn what_parents_leave_open_is_told_against_the_pack() {
        assert_eq!(
            order(&[(5, &[]), (6, &[]), (9, &[])]).oldest_first,
            [9, 6, 5]
        );
    }

    #[test]
    fn parents_come_first_wherever_the_pack_has_them() {
        assert_eq!(
            order(&[(0, &[1]), (1, &[2]), (2, &[])]).oldest_first,
            [2, 1, 0]
        );
        assert_eq!(
            order(&[(0, &[]), (1, &[0]), (2, &[1])]).oldest_first,
            [0, 1, 2]
        );
        let merge = order(&[(0, &[2, 7]), (2, &[4]), (4, &[]), (7, &[4])]);
        assert_eq!(merge.oldest_first, [4, 7, 2, 0]);
        assert!(merge.rank(2) < merge.rank(0));
        assert!(merge.is_root(4) && !merge.is_root(7));
    }

    #[test]
    fn a_long_history_needs_no_deep_stack() {
        let commits: Vec<u32> = (0..300_000).collect();
        let read = |commit: u32| {
            let entries = commit.checked_sub(1).into_iter().collect();
            Ok::<_, Infallible>(Parents {
                entries,
                none: commit == 0,
            })
        };
        let Ok(ancestry) = Ancestry::order(300_000, &commits, read);
        assert_eq!(ancestry.oldest_first, commits);
    }
}
