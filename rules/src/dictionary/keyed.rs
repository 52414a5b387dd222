//! Exact values of which only keyed hashes are known: names and numbers of people and customers.
//!
//! A value is what is left of it in lower case and folded without all but its letters and digits: `Erika Mustermann` and
//! `mustermann`'s other spellings differ, `erika.mustermann` does not. Of a text, each word and each few words in a row are hashed that
//! have the shape of a value. The hash is BLAKE3 with a key, cut to 16 bytes: who has no key can test no guess.

use std::{fmt, ops::Range};

use super::fold::Folded;

/// First line of a file of keyed values.
const HEADER: &str = "exeat-keyed-1";
/// Words of a value at most.
const WORDS: usize = 8;
/// Letters and digits of a value at least: fewer are anybody's.
const LEAST: usize = 6;
/// And at most.
const MOST: usize = 127;
/// Bytes between two words at most.
const BETWEEN: usize = 3;

type Hash = [u8; 16];

/// A key of 32 bytes. Silent in `Debug`.
#[derive(Clone)]
pub struct Key([u8; 32]);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key")
    }
}

impl Key {
    /// Reads a key: 64 digits of hex, with blanks around them.
    ///
    /// # Errors
    /// If it is anything else.
    pub fn read(text: &str) -> Result<Self, &'static str> {
        let mut key = [0; 32];
        hex::decode_to_slice(text.trim(), &mut key)
            .map_err(|_| "a key is 64 hexadecimal digits (openssl rand -hex 32 makes one)")?;
        Ok(Self(key))
    }

    fn hash(&self, value: &[u8]) -> Hash {
        let mut hash = Hash::default();
        blake3::Hasher::new_keyed(&self.0)
            .update(value)
            .finalize_xof()
            .fill(&mut hash);
        hash
    }
}

/// Which values of how many words and letters there are: a bit for each length, by words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Shapes([u128; WORDS]);

impl Shapes {
    fn add(&mut self, words: usize, letters: usize) {
        if let Some(lengths) = words.checked_sub(1).and_then(|at| self.0.get_mut(at)) {
            *lengths |= 1 << letters.min(MOST);
        }
    }

    fn has(&self, words: usize, letters: usize) -> bool {
        let lengths = words.checked_sub(1).and_then(|at| self.0.get(at));
        letters <= MOST && lengths.is_some_and(|lengths| lengths >> letters & 1 != 0)
    }

    fn most_words(&self) -> usize {
        WORDS
            - self
                .0
                .iter()
                .rev()
                .take_while(|&&lengths| lengths == 0)
                .count()
    }

    fn most_letters(&self) -> usize {
        let longest = self
            .0
            .iter()
            .map(|lengths| u128::BITS - lengths.leading_zeros());
        longest.max().unwrap_or(0) as usize
    }
}

impl fmt::Display for Shapes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (words, lengths) in (1..).zip(self.0) {
            for letters in (0..=MOST).filter(|letters| lengths >> letters & 1 != 0) {
                write!(f, " {words}:{letters}")?;
            }
        }
        Ok(())
    }
}

/// A dictionary of hashes.
#[derive(Debug)]
pub(crate) struct Keyed {
    key: Key,
    shapes: Shapes,
    /// In their order.
    hashes: Vec<Hash>,
}

/// What is wrong with a file of keyed values: its line, counted from 1, and why.
type Wrong = (usize, String);

impl Keyed {
    /// Reads what [`lock`] wrote.
    ///
    /// # Errors
    /// At the first line that is none of such a file, or where the key is another.
    pub(crate) fn read(text: &str, key: Key) -> Result<Self, Wrong> {
        let mut lines = (1..).zip(text.lines());
        if lines.next().map(|(_, line)| line.trim_end()) != Some(HEADER) {
            let reason = format!(
                "the file of a keyed dictionary begins with {HEADER}: exeat rules key makes it of a list of values"
            );
            return Err((1, reason));
        }
        let mut keyed = Self {
            key,
            shapes: Shapes::default(),
            hashes: Vec::new(),
        };
        let mut is_checked = false;
        for (number, line) in lines {
            let wrong = |reason: &str| (number, reason.to_owned());
            let line = line.trim();
            if let Some(shapes) = line.strip_prefix("shapes ") {
                keyed
                    .read_shapes(shapes)
                    .ok_or_else(|| wrong("shapes are WORDS:LETTERS, with blanks between them"))?;
            } else if let Some(check) = line.strip_prefix("check ") {
                is_checked = true;
                if hash_of(check) != Some(keyed.key.hash(HEADER.as_bytes())) {
                    return Err(wrong("it was made with another key"));
                }
            } else if !line.is_empty() && !line.starts_with('#') {
                let hash =
                    hash_of(line).ok_or_else(|| wrong("a value is 32 hexadecimal digits"))?;
                keyed.hashes.push(hash);
            }
        }
        if !is_checked {
            return Err((1, "the line \"check\" is missing".to_owned()));
        }
        keyed.hashes.sort_unstable();
        keyed.hashes.dedup();
        Ok(keyed)
    }

    fn read_shapes(&mut self, shapes: &str) -> Option<()> {
        for shape in shapes.split_ascii_whitespace() {
            let (words, letters) = shape.split_once(':')?;
            let (words, letters) = (words.parse().ok()?, letters.parse().ok()?);
            let is_shape = (1..=WORDS).contains(&words) && (LEAST..=MOST).contains(&letters);
            is_shape.then(|| self.shapes.add(words, letters))?;
        }
        Some(())
    }

    /// Bytes of a text that a value takes at most.
    pub(super) fn longest(&self) -> usize {
        (self.shapes.most_letters() + BETWEEN * self.shapes.most_words()) * 4
    }

    /// How many values there are.
    pub(crate) fn count(&self) -> usize {
        self.hashes.len()
    }

    /// What of the values decides what is found.
    pub(crate) fn hashes(&self) -> impl Iterator<Item = &[u8]> {
        self.hashes.iter().map(<[u8; 16]>::as_slice)
    }

    /// Calls `each` with every value that stands in `bytes` of `text`, by its place among them.
    pub(super) fn search(
        &self,
        text: &[u8],
        bytes: Range<usize>,
        each: &mut dyn FnMut(usize, Range<usize>),
    ) {
        let most = self.shapes.most_words();
        let mut row: Vec<Range<usize>> = Vec::new();
        let mut words = words(text, bytes);
        let mut value = Vec::with_capacity(MOST);
        loop {
            while row.len() < most
                && let Some(word) = words.next()
            {
                row.push(word);
            }
            let Some(first) = row.first().cloned() else {
                return;
            };
            value.clear();
            let mut end = first.start;
            for (count, word) in (1..).zip(&row) {
                if count > 1 && !is_between(text, end..word.start)
                    || value.len() + word.len() > MOST
                {
                    break;
                }
                value.extend(
                    text.get(word.clone())
                        .unwrap_or_default()
                        .iter()
                        .map(u8::to_ascii_lowercase),
                );
                end = word.end;
                if self.shapes.has(count, value.len())
                    && let Ok(at) = self.hashes.binary_search(&self.key.hash(&value))
                {
                    each(at, first.start..end);
                }
            }
            row.remove(0);
        }
    }
}

/// The words that begin in `bytes` of `text`, whole.
fn words(text: &[u8], bytes: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    let run = |at: usize, of_word: bool| {
        let rest = text.get(at..).unwrap_or_default().iter();
        at + rest
            .take_while(|&&byte| LETTERS[usize::from(byte)] == of_word)
            .count()
    };
    let is_inside = bytes.start.checked_sub(1).and_then(|at| text.get(at));
    let is_inside = is_inside.is_some_and(|&byte| LETTERS[usize::from(byte)]);
    let mut at = if is_inside {
        run(bytes.start, true)
    } else {
        bytes.start
    };
    std::iter::from_fn(move || {
        let start = run(at, false);
        at = run(start, true);
        (start < bytes.end && start < at).then_some(start..at)
    })
}

/// The bytes that words are made of.
const LETTERS: [bool; 256] = {
    let mut letters = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        letters[byte] = byte > 0x7f || (byte as u8).is_ascii_alphanumeric();
        byte += 1;
    }
    letters
};

/// Whether words of one value may have this between them.
fn is_between(text: &[u8], gap: Range<usize>) -> bool {
    gap.len() <= BETWEEN && text.get(gap).is_some_and(|gap| !gap.contains(&b'\n'))
}

fn hash_of(text: &str) -> Option<Hash> {
    let mut hash = Hash::default();
    hex::decode_to_slice(text, &mut hash).ok()?;
    Some(hash)
}

/// Makes the file of a keyed dictionary of a list of values, one a line; blank lines and those that begin with `#` are none.
///
/// # Errors
/// At the first line that is too short, too long, or of too many words.
pub fn lock(values: &str, key: &Key) -> Result<String, (usize, String)> {
    let mut hashes = Vec::new();
    let mut shapes = Shapes::default();
    for (number, line) in (1..).zip(values.lines()) {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let folded = Folded::of(line.as_bytes(), 0..line.len());
        let text = folded.text();
        let words: Vec<_> = words(text, 0..text.len()).collect();
        let value: Vec<u8> = words
            .iter()
            .filter_map(|word| text.get(word.clone()))
            .flatten()
            .map(u8::to_ascii_lowercase)
            .collect();
        if !(LEAST..=MOST).contains(&value.len()) || words.len() > WORDS {
            let reason = format!(
                "a value has {LEAST} to {MOST} letters and digits in at most {WORDS} words"
            );
            return Err((number, reason));
        }
        shapes.add(words.len(), value.len());
        hashes.push(key.hash(&value));
    }
    hashes.sort_unstable();
    hashes.dedup();
    let check = hex::encode(key.hash(HEADER.as_bytes()));
    let mut file = format!("{HEADER}\ncheck {check}\nshapes{shapes}\n");
    for hash in hashes {
        file.push_str(&hex::encode(hash));
        file.push('\n');
    }
    Ok(file)
}
