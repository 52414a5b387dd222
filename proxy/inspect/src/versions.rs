//! Places of interest in blobs that were scanned, for the versions of them that git stores as changes.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use exeat_gitwire::pack::Built;
use exeat_rules::{Copied, Marks};

/// Bytes that one push keeps of them, beside a bit an object. Versions stand close to each other in a pack; what was forgotten is scanned whole.
const MOST_BYTES: usize = 2 << 20;
/// What one takes besides its places.
const OVERHEAD: usize = 128;

/// Those of one push, by entry.
#[derive(Default)]
pub struct Versions(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    marks: HashMap<u32, Arc<Marks>>,
    /// The oldest first.
    order: VecDeque<u32>,
    bytes: usize,
    /// A bit for each entry that was scanned and has no place of interest at all, as most have none: those are never forgotten.
    without: Vec<u64>,
    /// What all of those have.
    none: Arc<Marks>,
}

impl Kept {
    fn get(&self, entry: u32) -> Option<&Arc<Marks>> {
        let (word, bit) = bit_of(entry);
        let is_without = self.without.get(word).is_some_and(|word| word & bit != 0);
        match is_without {
            true => Some(&self.none),
            false => self.marks.get(&entry),
        }
    }

    fn set_without(&mut self, entry: u32) {
        let (word, bit) = bit_of(entry);
        if self.without.len() <= word {
            self.without.resize(word + 1, 0);
        }
        if let Some(word) = self.without.get_mut(word) {
            *word |= bit;
        }
    }
}

/// Which word the bit of an entry is in, and that bit.
fn bit_of(entry: u32) -> (usize, u64) {
    ((entry / u64::BITS) as usize, 1 << (entry % u64::BITS))
}

/// What is known of the blob that another was built from.
pub struct Before {
    marks: Arc<Marks>,
    copied: Vec<Copied>,
}

impl Before {
    pub fn parts(&self) -> (&Marks, &[Copied]) {
        (&self.marks, &self.copied)
    }
}

impl Versions {
    /// What is known of the base, if it was scanned and not forgotten.
    pub fn before(&self, built: &Built) -> Option<Before> {
        let marks = Arc::clone(self.kept().get(built.base)?);
        let part = |part: &exeat_gitwire::pack::Copied| Copied {
            from: part.from,
            to: part.to,
            length: part.length,
        };
        let copied = built.copied.iter().map(part).collect();
        Some(Before { marks, copied })
    }

    pub fn keep(&self, entry: u32, marks: Marks) {
        let mut kept = self.kept();
        if marks.is_empty() {
            return kept.set_without(entry);
        }
        kept.bytes += OVERHEAD + marks.bytes();
        kept.order.push_back(entry);
        kept.marks.insert(entry, Arc::new(marks));
        while kept.bytes > MOST_BYTES
            && let Some(oldest) = kept.order.pop_front()
        {
            let gone = kept.marks.remove(&oldest);
            kept.bytes -= OVERHEAD + gone.map_or(0, |marks| marks.bytes());
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

    #[test]
    fn a_base_without_places_is_never_forgotten_and_one_with_some_is_at_last() {
        let source = Source {
            name: "t.toml".into(),
            text: "[[rules]]\nid='key'\nregex='''key_[0-9]{6}'''\nkeywords=['key_']\n".into(),
        };
        let rules = RuleSet::compile(&[source]).unwrap().rules;
        let mut scratch = Scratch::new(&rules);
        let mut marks = |text: &str| {
            let mut matches = Vec::new();
            let (_, marks) = rules.scan_built(text.as_bytes(), None, &mut scratch, &mut matches);
            marks.unwrap()
        };
        let (none, some) = (marks("nothing is here"), marks("a key_123456 is here"));
        assert!(none.is_empty() && !some.is_empty());
        let versions = Versions::default();
        let is_known = |base| {
            let copied = Vec::new();
            versions.before(&Built { base, copied }).is_some()
        };
        assert!(!is_known(0) && !is_known(70));
        versions.keep(70, none);
        let most = (MOST_BYTES / OVERHEAD) as u32;
        for entry in 100..100 + most {
            versions.keep(entry, some.clone());
        }
        assert!(is_known(70) && is_known(99 + most));
        assert!(!is_known(100) && !is_known(0) && !is_known(6) && !is_known(71));
        assert!(versions.kept().bytes <= MOST_BYTES);
    }
}
