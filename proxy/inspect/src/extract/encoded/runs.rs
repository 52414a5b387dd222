//! Long runs of the characters that bytes are written in, at the places that one pass over all text found.

use std::ops::Range;

use fearless_simd::Level;

use super::{
    base64, hex,
    hints::{Mark, Place, place},
    kinds::{BLOCK, BLOCKS, Bits, Kinds},
    known::{self, Event, Pass},
    numbers, radix,
};

/// Characters from which on a run counts.
pub const LEAST: usize = 16;

/// What kinds of digits a character is.
pub const CLASSES: [u8; 256] = classes();
pub const UPPER: u8 = 1;
pub const LOWER: u8 = 2;
pub const DECIMAL: u8 = 4;
/// Of the alphabets of base64, beside letters and digits.
pub const TIE: u8 = 8;
pub const HEX: u8 = 16;
pub const BASE32: u8 = 32;
/// Of base64, of one alphabet or the other.
pub const BASE64: u8 = UPPER | LOWER | DECIMAL | TIE;
/// What stands between the bytes of a dump.
pub const BETWEEN: u8 = 64;

const fn classes() -> [u8; 256] {
    let mut classes = [0; 256];
    let mut at = 0;
    while at < 256 {
        let byte = at as u8;
        classes[at] |= match byte {
            b'A'..=b'Z' => UPPER | BASE32,
            b'a'..=b'z' => LOWER,
            b'2'..=b'7' => DECIMAL | BASE32,
            b'0'..=b'9' => DECIMAL,
            b'+' | b'/' | b'_' => TIE,
            b'-' => TIE | BETWEEN,
            b' ' | b':' => BETWEEN,
            _ => 0,
        };
        if byte.is_ascii_hexdigit() {
            classes[at] |= HEX;
        }
        at += 1;
    }
    classes
}

/// The class of the character at `at`; none behind the end.
pub fn class(text: &[u8], at: usize) -> u8 {
    text.get(at).map_or(0, |&byte| CLASSES[byte as usize])
}

/// Characters that are passed where a dump looked possible and is none.
const DUMP: usize = 16;

/// Bytes behind what was found, or what is no list, that lists and dumps are not followed back over.
const BEHIND: usize = 256;
/// Bytes before a place that are told of as well, where not all of a text is: what the blocks tell of a character depends on fewer.
const LEAD: usize = 2 * BLOCK;

/// What ends at a trigger.
#[derive(Clone, Copy)]
enum Ends {
    Run,
    List,
    Dump,
}

/// The runs of a text that are worth decoding.
#[derive(Clone)]
pub struct Runs<'t> {
    text: &'t [u8],
    level: Level,
    /// What is told of the characters from `base` on, and which of the blocks this is in.
    kinds: Kinds,
    base: usize,
    index: usize,
    /// A bit for each block behind it in which something ends.
    left: u32,
    /// Where the characters begin that no block tells of yet.
    next: usize,
    /// Where the last run ended that was found worth decoding.
    found: usize,
    /// From where on runs, lists and dumps are looked at.
    run_at: usize,
    list_at: usize,
    dump_at: usize,
    /// The sixteenth character of a run that goes on behind what was found: it is looked at whatever the blocks tell.
    rest_at: usize,
    /// Of the run that this is in: where it ends, and what classes its characters have.
    run: (usize, u8),
    /// From where on anything is looked at.
    begin: usize,
}

impl<'t> Runs<'t> {
    pub fn new(text: &'t [u8]) -> Self {
        Self {
            text,
            level: Level::new(),
            kinds: Kinds::default(),
            base: 0,
            index: 0,
            left: 0,
            next: 0,
            found: 0,
            run_at: 0,
            list_at: 0,
            dump_at: 0,
            rest_at: usize::MAX,
            run: (0, 0),
            begin: 0,
        }
    }

    /// Whether a zero stands in what was passed.
    pub fn has_zeros(&self) -> bool {
        self.kinds.has_zeros
    }

    /// Goes on to the next block in which something ends; none behind the last one.
    fn advance(&mut self) -> Option<()> {
        while self.left == 0 {
            let rest = self.text.get(self.next..).filter(|rest| !rest.is_empty())?;
            self.left = self.kinds.tell(self.level, rest);
            self.base = self.next;
            self.next += BLOCKS * BLOCK;
            self.left |= self.rest_block();
        }
        self.index = self.left.trailing_zeros() as usize;
        self.left &= self.left - 1;
        Some(())
    }

    /// The bit of the block that [`Self::rest_at`] is in, if this is one of those that are told of.
    fn rest_block(&self) -> u32 {
        match self.rest_at.checked_sub(self.base) {
            Some(ahead) if self.rest_at < self.next => 1 << (ahead / BLOCK),
            _ => 0,
        }
    }

    /// Where the block begins.
    fn start(&self) -> usize {
        self.base + self.index * BLOCK
    }

    /// What ends at the next trigger, and where that is; nothing behind the last one.
    fn trigger(&mut self) -> Option<(Ends, usize)> {
        loop {
            let start = self.start();
            let bits = [
                (
                    Ends::Run,
                    bits_of(&self.kinds.runs, self.index) | only(self.rest_at, start),
                    self.run_at,
                ),
                (
                    Ends::List,
                    bits_of(&self.kinds.lists, self.index),
                    self.list_at,
                ),
                (
                    Ends::Dump,
                    bits_of(&self.kinds.dumps, self.index),
                    self.dump_at,
                ),
            ];
            let bits = bits.map(|(ends, bits, at)| (ends, bits & from(at.max(self.begin), start)));
            let first = bits.iter().min_by_key(|(_, bits)| bits.trailing_zeros());
            match first {
                Some(&(ends, bits)) if bits != 0 => {
                    return Some((ends, start + bits.trailing_zeros() as usize));
                }
                _ => self.advance()?,
            }
        }
    }

    /// What the run of base64's characters may be that has the one at `at` behind its first fifteen.
    fn run(&mut self, at: usize) -> Event {
        let told = self.kinds.run(at - self.base);
        let start = match &told {
            Some(run) => (at - run.before).max(self.found),
            None => {
                let before = self.text.get(self.found..at).unwrap_or_default().iter();
                let is_part = |&&byte: &&u8| CLASSES[byte as usize] & BASE64 != 0;
                at - before.rev().take_while(is_part).count()
            }
        };
        if at >= self.run.0 {
            let whole = told.filter(|run| at - run.before == start);
            self.run = match whole {
                Some(run) => (at + run.behind, run.seen),
                None => measure(self.text, start),
            };
        }
        let (end, seen) = self.run;
        self.run_at = end;
        // It may be one of lines as long as each other.
        let reach = end + base64::GAP + (end - start);
        let mut event = Event {
            at,
            place: None,
            // No pass begins within a run.
            until: at + 1,
            reach,
        };
        if let Some((mark, range)) = judge(self.text, start..end, seen) {
            // What stands behind digits of hex may be something else.
            let end = range.end.max(start + LEAST / 2);
            self.pass(end);
            event.until = end + BEHIND;
            event.place = place(mark, range);
        }
        event
    }

    /// What the list of numbers may be that has the comma at `comma`.
    fn list(&mut self, comma: usize) -> Event {
        // Numbers that were looked at before are of no list that goes on here.
        let found = numbers::decimal_extent(self.text, self.found.max(self.list_at), comma);
        let (Ok(Range { end, .. }) | Err(end)) = found;
        let found = found.ok().filter(|range| range.len() >= LEAST);
        match &found {
            Some(range) => self.pass(range.end),
            None => self.list_at = end.max(comma + 1),
        }
        let end = end.max(comma + 1);
        Event {
            at: comma,
            place: found.and_then(|range| place(Mark::Decimals, range)),
            until: end + BEHIND,
            reach: end + numbers::AHEAD,
        }
    }

    /// What the dump may be around the blank at `at`.
    fn dump(&mut self, at: usize) -> Event {
        self.dump_at = at + DUMP;
        let (found, reach) = hex::dump_extent(self.text, self.found, at);
        let mut event = Event {
            at,
            place: None,
            until: self.dump_at,
            reach,
        };
        if let Some(range) = found {
            self.pass(range.end);
            event.until = range.end + BEHIND;
            event.place = place(Mark::Dump, range);
        }
        event
    }

    /// Passes what was found, which ends at `end`.
    fn pass(&mut self, end: usize) {
        self.found = end;
        self.run_at = end + LEAST - 1;
        self.list_at = end;
        self.dump_at = end;
        let rest = self.text.get(end..end + LEAST).unwrap_or_default();
        let is_part = |&byte: &u8| CLASSES[byte as usize] & BASE64 != 0;
        if !rest.is_empty() && rest.iter().all(is_part) {
            self.rest_at = end + LEAST - 1;
            self.left |= self.rest_block();
        }
    }
}

impl<'t> Pass<'t> for Runs<'t> {
    fn begin(text: &'t [u8], at: usize) -> Self {
        let mut runs = Self::new(text);
        runs.next = at.saturating_sub(LEAD);
        runs.base = runs.next;
        runs.found = at.saturating_sub(BEHIND);
        runs.begin = at;
        runs
    }

    /// Runs do not go on there.
    fn may_begin(text: &[u8], at: usize) -> bool {
        let before = at.checked_sub(1).map(|before| class(text, before));
        before.is_none_or(|class| class & BASE64 == 0)
    }

    fn triggers(text: &'t [u8], range: Range<usize>) -> Vec<usize> {
        let mut runs = Self::begin(text, range.start);
        let mut triggers = Vec::new();
        while let Some((_, at)) = runs.trigger()
            && at < range.end
        {
            triggers.push(at);
            runs.begin = at + 1;
        }
        triggers
    }

    fn peek(&mut self) -> Option<usize> {
        self.trigger().map(|(_, at)| at)
    }

    fn look(&mut self) -> Option<Event> {
        let (ends, at) = self.trigger()?;
        Some(match ends {
            Ends::Run => self.run(at),
            Ends::List => self.list(at),
            Ends::Dump => self.dump(at),
        })
    }
}

impl Iterator for Runs<'_> {
    type Item = Place;

    fn next(&mut self) -> Option<Place> {
        known::next(self)
    }
}

fn bits_of(bits: &Bits, index: usize) -> u64 {
    bits.get(index).copied().unwrap_or_default()
}

/// The bits of a block that begins at `start` for the characters from `at` on.
fn from(at: usize, start: usize) -> u64 {
    let passed = u32::try_from(at.saturating_sub(start)).unwrap_or(u32::MAX);
    u64::MAX.checked_shl(passed).unwrap_or(0)
}

/// The bit of a block that begins at `start` for the character at `at`; none if it is in another.
fn only(at: usize, start: usize) -> u64 {
    let place = at.checked_sub(start).and_then(|at| u32::try_from(at).ok());
    place.and_then(|at| 1_u64.checked_shl(at)).unwrap_or(0)
}

/// The end of the run that begins at `start`, and the classes of its characters.
fn measure(text: &[u8], start: usize) -> (usize, u8) {
    let mut seen = 0;
    let classes = text.get(start..).unwrap_or_default().iter();
    let classes = classes.map(|&byte| CLASSES[byte as usize] & BASE64);
    let run = classes.take_while(|&class| class != 0);
    let length = run.inspect(|class| seen |= class).count();
    (start + length, seen)
}

/// What the run may be, which has characters of the classes `seen`: digits of hex that stand for text, or of base32, or of base64.
fn judge(text: &[u8], range: Range<usize>, seen: u8) -> Option<(Mark, Range<usize>)> {
    if seen & (DECIMAL | UPPER) == 0 {
        return None;
    }
    if seen & DECIMAL != 0
        && let Some(hex) = hex::promising(text, range.clone())
    {
        return Some((Mark::Hex, hex));
    }
    let is_all = |kind: u8| {
        let run = text.get(range.clone()).unwrap_or_default();
        run.iter().all(|&byte| CLASSES[byte as usize] & kind != 0)
    };
    if seen & (LOWER | TIE) == 0
        && is_all(BASE32)
        && let Some(range) = radix::promising(text, range.clone())
    {
        return Some((Mark::Base32, range));
    }
    let is_mixed = seen & UPPER != 0 && seen & LOWER != 0 && !is_all(HEX);
    let has_ties = seen & TIE != 0;
    let start = is_mixed.then(|| base64::promising(text, range.clone(), has_ties))??;
    Some((Mark::Base64, start..range.end))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The runs of `text` that are worth decoding, each looked at by itself.
    fn worth(text: &[u8]) -> Vec<Range<usize>> {
        let mut found = Vec::new();
        let mut start = 0;
        while start < text.len() {
            let (end, seen) = measure(text, start);
            if end - start >= LEAST && judge(text, start..end, seen).is_some() {
                found.push(start..end);
            }
            start = end + 1;
        }
        found
    }

    #[test]
    fn every_run_that_is_worth_decoding_is_looked_at() {
        use ::base64::Engine as _;
        let engine = ::base64::engine::general_purpose::STANDARD_NO_PAD;
        let mut state = 1_u32;
        let mut next = |below: usize| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 12) as usize % below
        };
        let texts: [&[u8]; 7] = [
            b"the quick brown fox jumps over the lazy dog, and again and again",
            b"Gr\xfc\xdfe: \xc3\xa4\xc3\xb6\xc3\xbc an alle, die da sind",
            b"a\0b\0c\0d\0e\0f\0g\0h\0i\0",
            b"\0a\0b\0c\0d\0e\0f\0g\0h\0i",
            b"\x1f\x8b\x08\0\0\0\0\0\0\x03\x4b\xcc\x2b\x49\x2d\x2e\xd1\x51\x28\x4a\x2d\xce\x2c\x49\x2d\x4a",
            b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x10\0\0\0\x10\x08\x06",
            b"\x81\x92\xa3\xb4\xc5\xd6\xe7\xf8\x09\x1a\x2b\x3c\x4d\x5e\x6f\x70\x81\x92\xa3\xb4\xc5",
        ];
        let words: [&[u8]; 8] = [b" ", b"\\n", b"-", b"/", b"aNameOf", b"_", b"\n", b"7"];
        let mut count = 0;
        for _ in 0..20_000 {
            let mut text = Vec::new();
            for _ in 0..next(4) {
                text.extend_from_slice(words[next(words.len())]);
            }
            let source = texts[next(texts.len())];
            let from = next(source.len() / 2);
            let source = source[from..from + next(source.len() - from)].repeat(1 + next(8));
            match next(4) {
                0 => source
                    .iter()
                    .for_each(|byte| text.extend(format!("{byte:02x}").bytes())),
                _ => text.extend(engine.encode(source).bytes()),
            }
            text.extend_from_slice(words[next(words.len())]);
            for run in worth(&text) {
                count += 1;
                let mut kinds = Kinds::default();
                kinds.tell(Level::new(), &text);
                let places = run.start + LEAST - 1..run.end;
                let is_told = |at: usize| kinds.runs[at / BLOCK] >> (at % BLOCK) & 1 != 0;
                assert!(
                    places.into_iter().any(is_told),
                    "{:?}",
                    bstr::BStr::new(&text)
                );
            }
        }
        assert!(count > 5_000, "{count}");
    }
}
