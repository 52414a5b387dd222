//! A text as it reads: characters beyond ASCII as the letters that they show.
//!
//! Compatible forms are taken apart (Unicode Standard Annex 15, NFKD), marks and what shows nothing (soft hyphens, joiners, marks of
//! direction) are left out, and what is easily taken for a letter or digit of ASCII counts as that one (Unicode Technical Standard 39,
//! skeletons). Case is kept, because it parts words.

use std::{collections::HashMap, ops::Range, sync::LazyLock};

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};
use unicode_security::skeleton;

/// Bytes that are asked at once whether they are ASCII.
const BLOCK: usize = 64;
/// Bytes of ASCII that part those that are none.
const CLUSTER: usize = 256;
/// Bytes of the shortest term.
const SHORTEST: usize = 3;

/// The place of the first byte in `bytes` that is no ASCII.
pub(super) fn next_beyond_ascii(text: &[u8], bytes: Range<usize>) -> Option<usize> {
    let part = text.get(bytes.clone())?;
    let clean = part.chunks(BLOCK).take_while(|block| block.is_ascii());
    let clean = clean.count() * BLOCK;
    let rest = part.get(clean..)?;
    let found = rest.iter().position(|byte| !byte.is_ascii())?;
    Some(bytes.start + clean + found)
}

/// Behind which no byte but ASCII stands for a while, from the one at `first` on; at most about `most` bytes away.
pub(super) fn cluster_end(text: &[u8], first: usize, most: usize) -> usize {
    let rest = text.get(first..).unwrap_or_default();
    let rest = rest.get(..most).unwrap_or(rest).chunks(CLUSTER);
    let blocks = rest.take_while(|block| !block.is_ascii()).count();
    text.len().min(first + blocks * CLUSTER)
}

/// The stretches of characters in `bytes` that are not all ASCII. Between them stands what is no UTF-8, and so no letter.
pub(super) fn characters(text: &[u8], bytes: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    let mut at = bytes.start;
    std::iter::from_fn(move || {
        while at < bytes.end {
            let start = at;
            let mut is_ascii = true;
            while let Some(length) = character(text, at).filter(|length| at + length <= bytes.end) {
                is_ascii &= length == 1;
                at += length;
            }
            let stretch = start..at;
            at += 1;
            if !is_ascii && stretch.len() >= SHORTEST {
                return Some(stretch);
            }
        }
        None
    })
}

/// Bytes of the character at `at`; none if it is no UTF-8 (RFC 3629 section 4).
#[inline]
fn character(text: &[u8], at: usize) -> Option<usize> {
    let first = *text.get(at)?;
    if first.is_ascii() {
        return Some(1);
    }
    let second = text.get(at + 1)?;
    let (length, seconds) = match first {
        0xc2..=0xdf => (2, 0x80..=0xbf),
        0xe0 => (3, 0xa0..=0xbf),
        0xed => (3, 0x80..=0x9f),
        0xe1..=0xef => (3, 0x80..=0xbf),
        0xf0 => (4, 0x90..=0xbf),
        0xf4 => (4, 0x80..=0x8f),
        0xf1..=0xf3 => (4, 0x80..=0xbf),
        _ => return None,
    };
    let others = text.get(at + 2..at + length)?;
    let is_valid = seconds.contains(second) && others.iter().all(|byte| byte & 0xc0 == 0x80);
    is_valid.then_some(length)
}

/// Whether a byte that is no ASCII stands in `span`, or beside it.
pub(super) fn is_beside(text: &[u8], span: &Range<usize>) -> bool {
    let around = span.start.saturating_sub(1)..text.len().min(span.end + 1);
    text.get(around).is_some_and(|bytes| !bytes.is_ascii())
}

/// A part of a text as it reads.
#[derive(Debug, Default)]
pub(super) struct Folded {
    text: Vec<u8>,
    /// What its bytes stand for, in their order.
    pieces: Vec<Piece>,
    /// Where the part begins.
    start: usize,
}

/// Bytes that stand for others.
#[derive(Clone, Copy, Debug)]
struct Piece {
    /// Where they begin in the folded text, and in the part.
    at: usize,
    from: usize,
    /// Of a character, its bytes in the part; none of a run that stands for itself.
    character: Option<usize>,
}

impl Folded {
    /// The characters of `text` that begin in `part`. What is no UTF-8 stays as it is.
    pub(super) fn of(text: &[u8], part: Range<usize>) -> Self {
        let start = next_start(text, part.start);
        let bytes = text.get(start..part.end).unwrap_or_default();
        let mut folded = Self {
            text: Vec::with_capacity(bytes.len()),
            pieces: Vec::new(),
            start,
        };
        let mut at = 0;
        for chunk in bytes.utf8_chunks() {
            folded.read(at, chunk.valid());
            at += chunk.valid().len();
            folded.keep(at, chunk.invalid());
            at += chunk.invalid().len();
        }
        folded
    }

    fn read(&mut self, at: usize, valid: &str) {
        let mut rest = valid;
        while !rest.is_empty() {
            let here = at + valid.len() - rest.len();
            let run = next_beyond_ascii(rest.as_bytes(), 0..rest.len()).unwrap_or(rest.len());
            let (run, behind) = rest.split_at(run);
            self.keep(here, run.as_bytes());
            rest = behind;
            if let Some(character) = rest.chars().next() {
                let length = character.len_utf8();
                self.show(here + run.len(), character, length);
                rest = rest.get(length..).unwrap_or_default();
            }
        }
    }

    /// Bytes that stand for themselves.
    fn keep(&mut self, from: usize, run: &[u8]) {
        if !run.is_empty() {
            let at = self.text.len();
            self.pieces.push(Piece {
                at,
                from,
                character: None,
            });
            self.text.extend_from_slice(run);
        }
    }

    fn show(&mut self, from: usize, character: char, length: usize) {
        let at = self.text.len();
        FOLDS.with(character, &mut |shown| self.text.extend_from_slice(shown));
        if self.text.len() > at {
            self.pieces.push(Piece {
                at,
                from,
                character: Some(length),
            });
        }
    }

    pub(super) fn text(&self) -> &[u8] {
        &self.text
    }

    /// The bytes of the text that those at `span` stand for.
    pub(super) fn source(&self, span: &Range<usize>) -> Range<usize> {
        let start = self.of_byte(span.start).start;
        let end = span
            .end
            .checked_sub(1)
            .map_or(start, |last| self.of_byte(last).end);
        self.start + start..self.start + end.max(start)
    }

    /// The bytes of the part that the one at `at` stands for.
    fn of_byte(&self, at: usize) -> Range<usize> {
        let behind = self.pieces.partition_point(|piece| piece.at <= at);
        let piece = behind.checked_sub(1).and_then(|last| self.pieces.get(last));
        match piece {
            Some(Piece {
                from,
                character: Some(length),
                ..
            }) => *from..from + length,
            Some(Piece {
                at: first, from, ..
            }) => from + at - first..from + at - first + 1,
            None => 0..0,
        }
    }
}

/// The first place from `at` on at which a character may begin.
fn next_start(text: &[u8], at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default().iter().take(3);
    at + rest.take_while(|&&byte| byte & 0xc0 == 0x80).count()
}

/// What characters show, by character: those of the first plane are worked out once.
struct Folds {
    /// A character, or a place in `rows`, or nothing.
    first_plane: Vec<u32>,
    rows: Vec<Box<[u8]>>,
}

/// Not a character but a place among rows of them.
const ROW: u32 = 1 << 31;
const NOTHING: u32 = u32::MAX;

static FOLDS: LazyLock<Folds> = LazyLock::new(Folds::new);

/// The letters and digits of ASCII by what is easily taken for them.
static LETTERS: LazyLock<HashMap<String, char>> = LazyLock::new(|| {
    // The first that has a form has it: letters before digits, small ones before capitals.
    let mut letters = HashMap::new();
    for letter in ('a'..='z').chain('A'..='Z').chain('0'..='9') {
        letters
            .entry(skeleton(letter.encode_utf8(&mut [0; 4])).collect())
            .or_insert(letter);
    }
    letters
});

impl Folds {
    fn new() -> Self {
        let mut folds = Self {
            first_plane: Vec::with_capacity(0x1_0000),
            rows: Vec::new(),
        };
        for code in 0..0x1_0000 {
            let shown = char::from_u32(code).map(show).unwrap_or_default();
            let mut characters = shown.chars();
            let entry = match (characters.next(), characters.next()) {
                (None, _) => NOTHING,
                (Some(one), None) => one.into(),
                (Some(_), Some(_)) => {
                    folds.rows.push(shown.into_bytes().into());
                    u32::try_from(folds.rows.len() - 1).unwrap_or_default() | ROW
                }
            };
            folds.first_plane.push(entry);
        }
        folds
    }

    /// Tells `take` what `character` shows.
    fn with(&self, character: char, take: &mut dyn FnMut(&[u8])) {
        match self.first_plane.get(character as usize) {
            Some(&NOTHING) => {}
            Some(&entry) if entry & ROW != 0 => {
                let row = self.rows.get((entry & !ROW) as usize);
                take(row.map_or(&[], |row| row));
            }
            Some(&entry) => {
                let one = char::from_u32(entry).unwrap_or(character);
                take(one.encode_utf8(&mut [0; 4]).as_bytes());
            }
            None => take(show(character).as_bytes()),
        }
    }
}

/// What a character shows: none, one, or several.
fn show(character: char) -> String {
    if shows_nothing(character) {
        return String::new();
    }
    let parts = std::iter::once(character).nfkd();
    let parts = parts.filter(|&part| !is_combining_mark(part) && !shows_nothing(part));
    parts.flat_map(letter).collect()
}

/// The letter or digit of ASCII that `character` is easily taken for, else itself in lower case.
fn letter(character: char) -> Vec<char> {
    if character.is_ascii() {
        return vec![character];
    }
    let known = |character: char| -> Option<char> {
        let form: String = skeleton(character.encode_utf8(&mut [0; 4])).collect();
        LETTERS.get(&form).copied()
    };
    let mut lower = character.to_lowercase();
    let small = lower.next().filter(|&small| small != character);
    // A capital is what its small letter is, if that is any: a capital I shows what a small l does.
    let as_small = small.and_then(known).filter(char::is_ascii_lowercase);
    // And a small letter without a twin is what its capital is.
    let mut upper = character.to_uppercase();
    let capital = upper.next().filter(|&capital| capital != character);
    let as_capital = || capital.and_then(known).filter(char::is_ascii_uppercase);
    let letter = as_small.or_else(|| known(character));
    let letter = letter.or_else(|| as_capital().map(|letter| letter.to_ascii_lowercase()));
    match letter {
        Some(letter) if character.is_uppercase() => vec![letter.to_ascii_uppercase()],
        Some(letter) => vec![letter],
        None => character.to_lowercase().collect(),
    }
}

/// Characters that show nothing by themselves (`Default_Ignorable_Code_Point` of the Unicode Character Database).
fn shows_nothing(character: char) -> bool {
    matches!(
        u32::from(character),
        0xad | 0x34f | 0x61c | 0x115f..=0x1160 | 0x17b4..=0x17b5 | 0x180b..=0x180f | 0x200b..=0x200f
            | 0x202a..=0x202e | 0x2060..=0x206f | 0x3164 | 0xfe00..=0xfe0f | 0xfeff | 0xffa0
            | 0xfff0..=0xfff8 | 0x1bca0..=0x1bca3 | 0x1d173..=0x1d17a | 0xe0000..=0xe0fff
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        let folded = Folded::of(text.as_bytes(), 0..text.len());
        String::from_utf8(folded.text().to_vec()).unwrap()
    }

    #[test]
    fn characters_are_read_as_they_show() {
        for (text, read) in [
            ("kestrel", "kestrel"),
            ("k\u{200b}est\u{ad}rel", "kestrel"),
            ("\u{43a}\u{435}strel", "kestrel"),
            ("\u{212a}estrel", "Kestrel"),
            (
                "\u{ff2b}\u{ff25}\u{ff33}\u{ff34}\u{ff32}\u{ff25}\u{ff2c}",
                "KESTREL",
            ),
            ("\u{1d424}\u{1d41e}strel", "kestrel"),
            ("M\u{fc}ller", "Muller"),
            ("Mu\u{308}ller", "Muller"),
            ("f\u{131}nch", "finch"),
            ("\u{fb01}nch", "finch"),
            ("\u{406}\u{412}\u{41c}", "IBM"),
            ("\u{202e}kestrel\u{202c}", "kestrel"),
            ("\u{98ce}\u{66b4}", "\u{98ce}\u{66b4}"),
        ] {
            assert_eq!(shown(text), read, "{}", text.escape_unicode());
        }
    }

    #[test]
    fn places_lead_back_to_the_text() {
        let text = "a \u{fb01}nch b";
        let folded = Folded::of(text.as_bytes(), 0..text.len());
        let at = shown(text).find("finch").unwrap();
        let span = folded.source(&(at..at + 5));
        assert_eq!(text.get(span), Some("\u{fb01}nch"));
        // From the midst of a character on, and where none is.
        let bytes = b"\xfc\xe4\xb8\x80 kestrel \xff\xff";
        for start in 0..5 {
            let folded = Folded::of(bytes, start..bytes.len());
            let at = folded
                .text()
                .windows(7)
                .position(|word| word == b"kestrel")
                .unwrap();
            let span = folded.source(&(at..at + 7));
            assert_eq!(bytes.get(span), Some(&b"kestrel"[..]));
        }
    }

    #[test]
    fn stretches_are_those_of_the_standard_library() {
        let mut random = crate::random::Random::from_word("characters");
        let parts: [&[u8]; 9] = [
            b"a",
            b"bcd",
            "\u{fc}".as_bytes(),
            "\u{98ce}".as_bytes(),
            "\u{1d424}".as_bytes(),
            b"\xff",
            b"\xe0\x80\x80",
            b"\xed\xa0\x80",
            b"\xf4\x90",
        ];
        for _ in 0..5000 {
            let text: Vec<u8> = (0..random.below(12))
                .flat_map(|_| parts[random.below(parts.len())].to_vec())
                .collect();
            let mut at = 0;
            let mut expected = Vec::new();
            for chunk in text.utf8_chunks() {
                let valid = at..at + chunk.valid().len();
                at = valid.end + chunk.invalid().len();
                if valid.len() >= SHORTEST && !chunk.valid().is_ascii() {
                    expected.push(valid);
                }
            }
            let found: Vec<_> = characters(&text, 0..text.len()).collect();
            assert_eq!(found, expected, "{text:x?}");
        }
    }

    #[test]
    fn what_is_beyond_ascii_is_found() {
        for at in [0, 1, 63, 64, 65, 200] {
            let mut text = vec![b'.'; 300];
            text[at] = 0xc3;
            assert_eq!(next_beyond_ascii(&text, 0..300), Some(at));
            assert_eq!(next_beyond_ascii(&text, at + 1..300), None);
            assert_eq!(next_beyond_ascii(&text, 0..at), None);
        }
    }
}
