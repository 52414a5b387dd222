//! Where terms may stand: the rarest four letters of each, in one look at every place of a text.

use std::{collections::HashMap, ops::Range, sync::LazyLock};

use super::term::Term;
use crate::{DictionaryKind, judges};

/// Letters that are looked up at once.
const GRAM: usize = 4;
/// Bits of the table of those that are any term's: 64 KiB, which the processor keeps at hand.
const BITS: u32 = 19;
const WORDS: usize = 1 << (BITS - 6);

/// What a gram is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) dictionary: u32,
    pub(super) term: u32,
    /// Which letter of the term the gram begins with.
    pub(super) offset: u16,
}

/// The grams of all terms.
#[derive(Debug)]
pub(super) struct Grams {
    table: Box<[u64; WORDS]>,
    entries: HashMap<u32, Vec<Entry>>,
    /// Of terms that have no four letters in a row: three.
    short: HashMap<u32, Vec<Entry>>,
}

impl Default for Grams {
    fn default() -> Self {
        Self {
            table: Box::new([0; WORDS]),
            entries: HashMap::new(),
            short: HashMap::new(),
        }
    }
}

impl Grams {
    pub(super) fn add(
        &mut self,
        kind: DictionaryKind,
        dictionary: usize,
        number: usize,
        term: &Term,
    ) {
        let entry = |offset: usize| Entry {
            dictionary: u32::try_from(dictionary).unwrap_or(u32::MAX),
            term: u32::try_from(number).unwrap_or(u32::MAX),
            offset: u16::try_from(offset).unwrap_or(u16::MAX),
        };
        if kind == DictionaryKind::Tickets {
            // A digit follows the prefix.
            let Some((offset, last)) = term.rows(GRAM - 1).last() else {
                return;
            };
            for digit in b'0'..=b'9' {
                self.put(gram(&[last, &[digit]].concat()), entry(offset));
            }
            return;
        }
        let rarest = term.rows(GRAM).min_by_key(|(_, row)| frequency(row));
        if let Some((offset, row)) = rarest {
            self.put(gram(row), entry(offset));
            return;
        }
        let Some((offset, row)) = term.rows(GRAM - 1).next() else {
            return;
        };
        for behind in 0..=u8::MAX {
            self.mark(gram(&[row, &[behind]].concat()));
        }
        self.short.entry(gram(row)).or_default().push(entry(offset));
    }

    fn put(&mut self, gram: u32, entry: Entry) {
        self.mark(gram);
        self.entries.entry(gram).or_default().push(entry);
    }

    fn mark(&mut self, gram: u32) {
        let (word, bit) = slot(gram);
        if let Some(word) = self.table.get_mut(word) {
            *word |= bit;
        }
    }

    /// Calls `each` with every place in `bytes` of `text` at which a gram stands, and what it is of.
    pub(super) fn hits(
        &self,
        text: &[u8],
        bytes: Range<usize>,
        each: &mut dyn FnMut(usize, &Entry),
    ) {
        let bytes = bytes.start..text.len().min(bytes.end);
        let part = text.get(bytes.clone()).unwrap_or_default();
        for (at, row) in part.windows(GRAM).enumerate() {
            let gram = gram(row);
            if self.has(gram) {
                self.tell(gram, bytes.start + at, each);
            }
        }
        // At the end three letters stand without a fourth.
        if let Some(at) = part.len().checked_sub(GRAM - 1) {
            let gram = gram(part.get(at..).unwrap_or_default());
            self.tell(gram, bytes.start + at, each);
        }
    }

    #[inline]
    fn has(&self, gram: u32) -> bool {
        let (word, bit) = slot(gram);
        self.table.get(word).is_some_and(|word| word & bit != 0)
    }

    #[cold]
    fn tell(&self, gram: u32, at: usize, each: &mut dyn FnMut(usize, &Entry)) {
        let long = self.entries.get(&gram).into_iter().flatten();
        let short = match self.short.is_empty() {
            true => None,
            false => self.short.get(&(gram & 0xff_ffff)),
        };
        long.chain(short.into_iter().flatten())
            .for_each(|entry| each(at, entry));
    }
}

/// Up to four bytes as one number; letters of any case give the same.
#[inline]
fn gram(row: &[u8]) -> u32 {
    match row.first_chunk() {
        Some(four) => u32::from_le_bytes(*four) | 0x2020_2020,
        None => row
            .iter()
            .rev()
            .fold(0, |gram, &byte| gram << 8 | u32::from(byte | 0x20)),
    }
}

#[inline]
fn slot(gram: u32) -> (usize, u64) {
    let hash = gram.wrapping_mul(0x9e37_79b1) >> (u32::BITS - BITS);
    ((hash >> 6) as usize, 1 << (hash & 63))
}

/// How often four letters stand in the words of programs, and in words that are in every file.
fn frequency(row: &[u8]) -> u32 {
    static COUNTS: LazyLock<HashMap<u32, u32>> = LazyLock::new(|| {
        let mut counts = HashMap::new();
        for word in judges::words() {
            for row in word.as_bytes().windows(GRAM) {
                *counts.entry(gram(row)).or_insert(0) += 1;
            }
        }
        for row in [
            "http", "ttps", "tps:", "www.", ".com", ".org", ".net", "2024", "2025", "2026", "1234",
            "0000",
        ] {
            counts.insert(gram(row.as_bytes()), u32::MAX);
        }
        counts
    });
    COUNTS.get(&gram(row)).copied().unwrap_or(0)
}
