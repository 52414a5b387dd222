//! Places of interest in blobs that were scanned, for the versions of them that git stores as changes.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use exeat_gitwire::pack::Built;
use exeat_rules::{Copied, Marks};

/// Bytes that one push keeps of them. Versions stand close to each other in a pack; what was forgotten is scanned whole.
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
        let marks = Arc::clone(self.kept().marks.get(&built.base)?);
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
