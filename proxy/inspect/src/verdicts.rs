//! What objects held when they were inspected, kept across pushes: history that is pushed again is hashed and not scanned again.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use exeat_gitwire::{ObjectId, pack::Kind};
use exeat_rules::RuleSet;
use highway::{HighwayHash, HighwayHasher, Key};

use crate::{
    examine::{Examined, Hit},
    extract,
    finding::Part,
    fingerprint::{Fingerprint, FingerprintKey},
    licence::Accepted,
    missed::Reason,
};

/// Workers rarely wait for each other with this many.
const SHARDS: usize = 32;
/// What a verdict takes in a table that has just grown: twice what is in use, with a byte for each place.
const PLACE: usize = (size_of::<(ObjectId, Kept)>() + 1) * 16 / 7;
/// What a hit takes besides itself: masked text, steps, allocations.
const PER_HIT: usize = size_of::<Hit>() + 256;
/// Hits and unread parts of a verdict that is kept. An object that holds more is rare, and is inspected again.
const MOST_HITS: usize = 64;

/// What was found in one object, wherever it lies.
#[derive(Clone, Default)]
pub struct Verdict {
    pub examined: Examined,
    /// The part of the object that each hit lies in.
    pub parts: Vec<Part>,
    /// Why the object itself is not clean.
    pub reasons: Vec<Reason>,
}

impl Verdict {
    /// Of an object all hits of which lie in one part.
    pub fn all_of(part: Part, examined: Examined) -> Self {
        let parts = examined.hits.iter().map(|_| part).collect();
        Self {
            examined,
            parts,
            reasons: Vec::new(),
        }
    }
}

/// What a verdict depends on besides the content: rules, the key of fingerprints, how far texts are looked into, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grounds(Fingerprint);

impl Grounds {
    pub fn of(rules: &RuleSet, key: &FingerprintKey, licences: Option<&Accepted>) -> Self {
        let decoders = env!("CARGO_PKG_VERSION");
        let limits = extract::Limits::default();
        let mut text = format!("{} {decoders} {limits:?}", rules.digest());
        if let Some(licences) = licences {
            text.push_str(&format!(" {licences:?}"));
        }
        Self(key.fingerprint("grounds of verdicts", text.as_bytes()))
    }
}

/// 128 bits of HighwayHash over kind and bytes of an object. Most objects are short, for which it is several times as fast as BLAKE3.
/// It is made to be a pseudo-random function: whoever does not know the key, and is never told a hash, cannot make two contents that
/// share one. It says nothing to whoever knows the key, so neither may ever leave this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Content([u64; 2]);

/// An object has the id of another that was pushed before, and not its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Twin;

struct Kept {
    content: Content,
    grounds: Grounds,
    /// Nothing for the many in which there was nothing.
    verdict: Option<Arc<Verdict>>,
}

/// The verdicts of two generations: what is asked for moves to the young one, and the old one is dropped as a whole when the young
/// one is full. So what is asked for often stays, at no cost for order.
#[derive(Default)]
struct Shard {
    young: HashMap<ObjectId, Kept>,
    old: HashMap<ObjectId, Kept>,
    young_bytes: usize,
}

/// Verdicts on objects, for all pushes. It may be lost at any time; then everything is inspected again.
pub struct Verdicts {
    key: [u64; 4],
    shards: [Mutex<Shard>; SHARDS],
    /// Bytes of one generation of one shard.
    generation: AtomicUsize,
    recalled: AtomicU64,
}

fn generation(bytes: usize) -> usize {
    bytes / SHARDS / 2
}

impl Verdicts {
    /// Takes at most about `bytes` of memory. `key` is to be made by chance, and known to nobody.
    pub fn holding(bytes: usize, key: [u8; 32]) -> Self {
        let (words, _) = key.as_chunks();
        let word = |at: usize| words.get(at).copied().map_or(0, u64::from_le_bytes);
        Self {
            key: std::array::from_fn(word),
            shards: std::array::from_fn(|_| Mutex::default()),
            generation: AtomicUsize::new(generation(bytes)),
            recalled: AtomicU64::new(0),
        }
    }

    /// Takes at most about `bytes` from now on; what is held beyond it goes with what is kept next.
    pub fn set_limit(&self, bytes: usize) {
        self.generation.store(generation(bytes), Ordering::Relaxed);
    }

    fn generation(&self) -> usize {
        self.generation.load(Ordering::Relaxed)
    }

    /// What tells the content of an object from every other.
    pub fn content(&self, kind: Kind, data: &[u8]) -> Content {
        let mut hasher = HighwayHasher::new(Key(self.key));
        hasher.append(kind.name().as_bytes());
        hasher.append(b"\0");
        hasher.append(data);
        Content(hasher.finalize128())
    }

    /// The verdict on the object `id`, if it was inspected on the same grounds.
    ///
    /// # Errors
    /// When an object of this id had other bytes.
    pub fn recall(
        &self,
        id: &ObjectId,
        content: Content,
        grounds: Grounds,
    ) -> Result<Option<Verdict>, Twin> {
        let mut shard = self.shard(id);
        let Some(kept) = shard.find(id, self.generation()) else {
            return Ok(None);
        };
        if kept.content != content {
            return Err(Twin);
        }
        if kept.grounds != grounds {
            return Ok(None);
        }
        let verdict = kept.verdict.clone();
        drop(shard);
        self.recalled.fetch_add(1, Ordering::Relaxed);
        Ok(Some(
            verdict.map(|held| (*held).clone()).unwrap_or_default(),
        ))
    }

    /// Keeps the verdict on an object that was inspected to its end.
    pub fn keep(&self, id: ObjectId, content: Content, grounds: Grounds, verdict: &Verdict) {
        let Verdict {
            examined,
            parts: _,
            reasons,
        } = verdict;
        let told = examined.hits.len() + examined.unread.len() + reasons.len();
        if examined.truncated || examined.cut || told > MOST_HITS {
            return;
        }
        let is_nothing = told == 0 && examined.decoded == crate::Decoded::default();
        let kept = Kept {
            content,
            grounds,
            verdict: (!is_nothing).then(|| Arc::new(verdict.clone())),
        };
        self.shard(&id).put(id, kept, self.generation());
    }

    /// How many verdicts were recalled since this was last asked.
    pub fn take_recalled(&self) -> u64 {
        self.recalled.swap(0, Ordering::Relaxed)
    }

    fn shard(&self, id: &ObjectId) -> MutexGuard<'_, Shard> {
        let number = usize::from(id.first_byte()) % SHARDS;
        // Code that holds it keeps it whole.
        self.shards[number]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shard {
    fn find(&mut self, id: &ObjectId, most: usize) -> Option<&Kept> {
        if let Some(kept) = self.old.remove(id) {
            self.put(*id, kept, most);
        }
        self.young.get(id)
    }

    fn put(&mut self, id: ObjectId, kept: Kept, most: usize) {
        let bytes = kept.bytes();
        if bytes > most {
            return;
        }
        if self.young_bytes + bytes > most {
            self.old = std::mem::take(&mut self.young);
            self.young_bytes = 0;
        }
        self.young_bytes += bytes;
        self.young.insert(id, kept);
    }
}

impl Kept {
    fn bytes(&self) -> usize {
        let held = |verdict: &Arc<Verdict>| {
            let told = verdict.examined.hits.len() + verdict.examined.unread.len();
            size_of::<Verdict>() + (told + verdict.reasons.len()) * PER_HIT
        };
        PLACE + self.verdict.as_ref().map_or(0, held)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u32) -> ObjectId {
        let mut bytes = [0; 20];
        bytes[..4].copy_from_slice(&number.to_be_bytes());
        ObjectId::from_bytes_or_panic(&bytes)
    }

    fn grounds(text: &str) -> Grounds {
        Grounds(FingerprintKey::new([3; 32]).fingerprint("test", text.as_bytes()))
    }

    fn is_known(verdicts: &Verdicts, number: u32, text: &[u8]) -> Result<bool, Twin> {
        let content = verdicts.content(Kind::Blob, text);
        let verdict = verdicts.recall(&id(number), content, grounds(""))?;
        Ok(verdict.is_some())
    }

    #[test]
    fn a_twin_is_refused_whichever_came_first() {
        let verdicts = Verdicts::holding(1 << 20, [5; 32]);
        let content = verdicts.content(Kind::Blob, b"harmless");
        verdicts.keep(id(1), content, grounds(""), &Verdict::default());
        assert_eq!(is_known(&verdicts, 1, b"harmless"), Ok(true));
        assert_eq!(is_known(&verdicts, 1, b"harmful!"), Err(Twin));
        assert_eq!(is_known(&verdicts, 2, b"harmless"), Ok(false));
        // Other rules make it no less a twin.
        let other = verdicts.content(Kind::Blob, b"harmful!");
        assert!(verdicts.recall(&id(1), other, grounds("other")).is_err());
        let as_tree = verdicts.content(Kind::Tree, b"harmless");
        assert_ne!(as_tree, content);
        let of_other_key = Verdicts::holding(1 << 20, [6; 32]).content(Kind::Blob, b"harmless");
        assert_ne!(of_other_key, content);
    }

    #[test]
    fn what_was_not_read_to_its_end_is_not_kept() {
        let verdicts = Verdicts::holding(1 << 20, [5; 32]);
        let content = verdicts.content(Kind::Blob, b"long");
        let examined = Examined {
            truncated: true,
            ..Examined::default()
        };
        let verdict = Verdict::all_of(Part::File, examined);
        verdicts.keep(id(1), content, grounds(""), &verdict);
        assert_eq!(is_known(&verdicts, 1, b"long"), Ok(false));
    }

    #[test]
    fn what_is_asked_for_outlives_what_is_not() {
        let verdicts = Verdicts::holding(SHARDS * 2 * PLACE * 10, [5; 32]);
        let content = verdicts.content(Kind::Blob, b"");
        for number in 0..10_000 {
            verdicts.keep(id(number), content, grounds(""), &Verdict::default());
            assert_eq!(is_known(&verdicts, 7, b""), Ok(number >= 7));
        }
        let held = |shard: &Mutex<Shard>| {
            let shard = shard.lock().unwrap();
            shard.young.len() + shard.old.len()
        };
        assert!(verdicts.shards.iter().map(held).max().unwrap() <= 20);
        assert_eq!(is_known(&verdicts, 9_999, b""), Ok(true));
        assert_eq!(is_known(&verdicts, 8, b""), Ok(false));
    }
}
