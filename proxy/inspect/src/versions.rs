//! What is known of blobs that were examined, for the versions of them that git stores as changes.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use exeat_gitwire::pack::{self, Built};
use exeat_rules::{Copied, Marks};

use crate::extract::{Known, Other};

/// Bytes that one push keeps of places at which rules may match, and of those at which something may be encoded. Versions stand close
/// to each other in a pack; what was forgotten is read whole.
const MOST_MARKED: usize = 4 << 20;
const MOST_ENCODED: usize = 6 << 20;
/// What one takes besides its places.
const OVERHEAD: usize = 128;

/// What is known of the blobs of one push.
pub struct Versions(Mutex<Kept>);

struct Kept {
    marks: Recent<Marks>,
    encoded: Recent<Known>,
}

impl Default for Versions {
    fn default() -> Self {
        Self(Mutex::new(Kept {
            marks: Recent::new(MOST_MARKED),
            encoded: Recent::new(MOST_ENCODED),
        }))
    }
}

/// What is kept of each blob by its entry: the last ones, and all in which there is nothing of interest, as in most.
struct Recent<T> {
    by_entry: HashMap<u32, (Arc<T>, usize)>,
    /// The oldest first.
    order: VecDeque<u32>,
    bytes: usize,
    most: usize,
    /// A bit for each entry that has nothing.
    without: Vec<u64>,
    /// What all of those have.
    nothing: Arc<T>,
}

impl<T: Default> Recent<T> {
    fn new(most: usize) -> Self {
        Self {
            by_entry: HashMap::new(),
            order: VecDeque::new(),
            bytes: 0,
            most,
            without: Vec::new(),
            nothing: Arc::default(),
        }
    }

    fn get(&self, entry: u32) -> Option<&Arc<T>> {
        let (word, bit) = bit_of(entry);
        match self.without.get(word).is_some_and(|word| word & bit != 0) {
            true => Some(&self.nothing),
            false => self.by_entry.get(&entry).map(|(kept, _)| kept),
        }
    }

    /// Keeps that there is nothing.
    fn keep_nothing(&mut self, entry: u32) {
        let (word, bit) = bit_of(entry);
        if self.without.len() <= word {
            self.without.resize(word + 1, 0);
        }
        if let Some(word) = self.without.get_mut(word) {
            *word |= bit;
        }
    }

    /// Keeps `what`, which takes so many `bytes`.
    fn keep(&mut self, entry: u32, what: T, bytes: usize) {
        let bytes = bytes + OVERHEAD;
        self.bytes += bytes;
        self.order.push_back(entry);
        self.by_entry.insert(entry, (Arc::new(what), bytes));
        while self.bytes > self.most
            && let Some(oldest) = self.order.pop_front()
        {
            let gone = self.by_entry.remove(&oldest);
            self.bytes -= gone.map_or(0, |(_, bytes)| bytes);
        }
    }
}

/// Which word the bit of an entry is in, and that bit.
fn bit_of(entry: u32) -> (usize, u64) {
    ((entry / u64::BITS) as usize, 1 << (entry % u64::BITS))
}

/// What is known of the blob that another was built from.
pub struct Before {
    marks: Option<Arc<Marks>>,
    encoded: Option<Arc<Known>>,
    copied: Vec<Copied>,
}

impl Before {
    /// For the rules.
    pub fn marked(&self) -> Option<(&Marks, &[Copied])> {
        Some((self.marks.as_deref()?, &self.copied))
    }

    /// For the extraction.
    pub fn encoded(&self) -> Option<Other<'_>> {
        Some(Other {
            known: self.encoded.as_deref()?,
            copied: &self.copied,
        })
    }
}

/// What is to be known of a blob for those that are built from it, where that is little.
pub struct After {
    pub marks: Option<Marks>,
    pub known: Option<Known>,
}

impl Versions {
    /// What is known of the base, as far as that was examined and is not forgotten.
    pub fn before(&self, built: &Built) -> Before {
        let (marks, encoded) = {
            let kept = self.kept();
            let encoded = kept.encoded.get(built.base).cloned();
            (kept.marks.get(built.base).cloned(), encoded)
        };
        let part = |part: &pack::Copied| Copied {
            from: part.from,
            to: part.to,
            length: part.length,
        };
        Before {
            marks,
            encoded,
            copied: built.copied.iter().map(part).collect(),
        }
    }

    /// Whether a blob was examined, and places are known at which rules may match.
    pub fn know(&self, entry: u32) -> bool {
        self.kept().marks.get(entry).is_some()
    }

    pub fn keep(&self, entry: u32, after: After) {
        let mut kept = self.kept();
        match after.marks {
            Some(marks) if marks.is_empty() => kept.marks.keep_nothing(entry),
            Some(marks) => {
                let bytes = marks.bytes();
                kept.marks.keep(entry, marks, bytes);
            }
            None => {}
        }
        match after.known {
            Some(known) if known.is_empty() => kept.encoded.keep_nothing(entry),
            Some(known) => {
                let bytes = known.bytes();
                kept.encoded.keep(entry, known, bytes);
            }
            None => {}
        }
    }

    /// Code that holds it keeps it whole.
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use exeat_rules::{RuleSet, Scratch, Source};

    use super::*;
    use crate::extract;

    #[test]
    fn blobs_without_places_are_never_forgotten_and_others_are_at_last() {
        let source = Source {
            name: "t.toml".into(),
            text: "[[rules]]\nid='key'\nregex=\"key_[0-9]{6}\"\nkeywords=['key_']\n".into(),
        };
        let rules = RuleSet::compile(&[source]).unwrap().rules;
        let mut scratch = Scratch::new(&rules);
        let mut after = |text: &str| {
            let mut matches = Vec::new();
            let (_, marks) = rules.scan_built(text.as_bytes(), None, &mut scratch, &mut matches);
            let mut see = Unseen;
            let limits = extract::Limits::default();
            let (_, known) = extract::look_into_built(text.as_bytes(), None, &limits, &mut see);
            After { marks, known }
        };
        let versions = Versions::default();
        let is_known = |base| {
            let copied = Vec::new();
            let before = versions.before(&Built { base, copied });
            (before.marked().is_some(), before.encoded().is_some())
        };
        assert_eq!(is_known(0), (false, false));
        assert_eq!(is_known(70), (false, false));
        versions.keep(70, after("nothing is here"));
        assert_eq!(is_known(70), (true, true));
        let most = (MOST_ENCODED / OVERHEAD) as u32;
        for entry in 100..100 + most {
            versions.keep(entry, after(r"a key_123456 and \x41\x42\x43 are here"));
        }
        assert_eq!(is_known(70), (true, true));
        assert_eq!(is_known(99 + most), (true, true));
        for unknown in [0, 6, 71, 100] {
            assert_eq!(is_known(unknown), (false, false));
        }
        let kept = versions.kept();
        assert!(kept.marks.bytes <= MOST_MARKED && kept.encoded.bytes <= MOST_ENCODED);
    }

    /// Layers are of no interest.
    struct Unseen;

    impl extract::See for Unseen {
        fn text(&mut self, _: &[u8], _: &extract::Trail<'_>) {}

        fn long(
            &mut self,
            _: &mut dyn std::io::Read,
            _: &extract::Trail<'_>,
        ) -> std::io::Result<()> {
            Ok(())
        }
    }
}
