//! The short id that a developer reads out and everybody finds a push by.

use std::fmt;

/// Crockford's base 32: no letters that read like digits.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Groups of an id, and characters of each: as many as people keep in mind from one look.
const GROUPS: usize = 3;
const GROUP: usize = 5;

/// `P-` and three groups of five characters, such as `P-7F3K9-Q2M4A-8HDWX`: 75 random bits. Nobody meets one again by chance
/// or finds one by trying; whoever keeps something under an id still takes none that is taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushId(String);

impl PushId {
    /// # Errors
    /// When the system has no randomness to give.
    pub fn random() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; GROUPS * GROUP];
        getrandom::fill(&mut bytes)?;
        let mut text = String::from("P");
        for group in bytes.chunks(GROUP) {
            text.push('-');
            text.extend(group.iter().map(|byte| letter(*byte)));
        }
        Ok(Self(text))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Five bits of a byte.
fn letter(byte: u8) -> char {
    char::from(ALPHABET[usize::from(byte % 32)])
}

impl fmt::Display for PushId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeSet, HashSet};

    use super::*;

    #[test]
    fn it_is_three_groups_of_five_and_uses_every_letter_everywhere() {
        let ids: Vec<PushId> = (0..2_000).map(|_| PushId::random().unwrap()).collect();
        let mut seen = vec![BTreeSet::new(); GROUPS * GROUP];
        for id in &ids {
            let groups: Vec<&str> = id.as_str().split('-').collect();
            assert_eq!((groups.len(), groups[0]), (1 + GROUPS, "P"), "{id}");
            assert!(groups[1..].iter().all(|group| group.len() == GROUP), "{id}");
            for (at, letter) in groups[1..].concat().bytes().enumerate() {
                seen[at].insert(letter);
            }
        }
        // With 32 letters and 2,000 ids one is missing somewhere in one run in 10^24.
        let all: BTreeSet<u8> = ALPHABET.iter().copied().collect();
        assert!(seen.iter().all(|letters| *letters == all));
        let different: HashSet<&str> = ids.iter().map(PushId::as_str).collect();
        assert_eq!(different.len(), ids.len());
    }
}
