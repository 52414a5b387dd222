//! Where in a text something may be encoded: found in few fast passes, whatever stands there.

use std::{
    iter::Chain,
    ops::{Range, RangeInclusive},
    sync::LazyLock,
};

use exeat_rules::Copied;

use super::{
    super::embedded,
    characters, escapes, folded,
    joined::{self, is_of_word},
    known::{self, Event, Known, Pass},
    markup, numbers, quoted, radix,
    runs::Runs,
    signs::{self, Groups, Places, Signs},
    wide::Wide,
};

/// What may stand at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Mark {
    Ascii85,
    Base32,
    Base64,
    Block,
    Characters,
    Continued,
    Decimals,
    Dump,
    Entity,
    Escape,
    Hex,
    HexBytes,
    Joint,
    /// A packed form may begin there, or somewhere behind.
    Magic,
    Percent,
    Quoted,
    Utf16,
    Utf32,
    Word,
}

/// What a look at a trigger comes to.
#[derive(Debug)]
pub struct Extent {
    /// The bytes there that are worth decoding.
    pub range: Option<Range<usize>>,
    /// From where on it is to be looked on.
    pub next: usize,
    /// No byte from there on was read.
    pub reach: usize,
}

impl Extent {
    /// Of the bytes that are worth decoding, or where it is to be looked on from if there are none.
    pub fn new(found: Result<Range<usize>, usize>, reach: usize) -> Self {
        let (Ok(Range { end, .. }) | Err(end)) = found;
        Self {
            range: found.ok(),
            next: end,
            reach,
        }
    }
}

/// Looks at the place of a trigger.
type Look = fn(&[u8], usize) -> Extent;

/// What a sign says: who looks at it, if the byte beside it is one of some.
#[derive(Clone, Copy, Debug)]
struct Meaning {
    mark: Mark,
    look: Look,
    /// Which byte that is, counted from the first one of the sign, and the classes that it may have.
    beside: (i8, u8),
}

const fn any(mark: Mark, look: Look) -> Meaning {
    beside(mark, look, 0, ANY)
}

/// A sign at which a look finds nothing unless the byte at `place` has one of these classes.
const fn beside(mark: Mark, look: Look, place: i8, classes: u8) -> Meaning {
    Meaning {
        mark,
        look,
        beside: (place, classes),
    }
}

/// Of which classes a byte is.
const CLASSES: [u8; 256] = {
    let mut classes = [ANY; 256];
    let mut at = 0;
    while at < 256 {
        let byte = at as u8;
        let white = byte.is_ascii_whitespace();
        let is = [
            (is_of_word(byte), OF_WORD),
            (byte == b' ', BLANK),
            (byte == b'-', DASH),
            (byte.is_ascii_hexdigit(), DIGIT),
            (byte.is_ascii_graphic(), GRAPHIC),
            (white || byte == b',', GAP),
            (byte == b';', SEMICOLON),
        ];
        let mut class = 0;
        while class < is.len() {
            if is[class].0 {
                classes[at] |= is[class].1;
            }
            class += 1;
        }
        at += 1;
    }
    classes
};
const ANY: u8 = 1;
const OF_WORD: u8 = 2;
const BLANK: u8 = 4;
const DASH: u8 = 8;
const DIGIT: u8 = 16;
const GRAPHIC: u8 = 32;
/// Between numbers of a list.
const GAP: u8 = 64;
const SEMICOLON: u8 = 128;

const ESCAPE: Meaning = any(Mark::Escape, escapes::backslash_extent);
const NUMBERED: Meaning = beside(Mark::Escape, escapes::backslash_extent, 2, DIGIT);
const LINES: Meaning = beside(Mark::Continued, joined::lines_extent, -1, OF_WORD | BLANK);
const PERCENT: Meaning = any(Mark::Percent, escapes::percent_extent);
const ENTITY: Meaning = any(Mark::Entity, markup::entity_extent);
const QUOTED: Meaning = beside(Mark::Quoted, quoted::printable_extent, 2, DIGIT);
const SOFT: Meaning = beside(Mark::Quoted, quoted::printable_extent, -1, GRAPHIC);
const WORD: Meaning = any(Mark::Word, quoted::word_extent);
const ASCII85: Meaning = any(Mark::Ascii85, radix::ascii85_extent);
const JOINT: Meaning = beside(Mark::Joint, joined::literals_extent, -1, OF_WORD);
const BLOCK: Meaning = any(Mark::Block, folded::extent);
const CHARACTERS: Meaning = beside(
    Mark::Characters,
    characters::quoted_extent,
    3,
    GAP | SEMICOLON,
);
const ITEMS: Meaning = beside(Mark::Characters, characters::items_extent, -1, DASH);
const NUMBER: Meaning = beside(Mark::HexBytes, numbers::hex_extent, 5, GAP);
const MAGIC: Meaning = any(Mark::Magic, embedded::magic_extent);

/// A search runs over all text, so it is laid out for the vectors that it uses: eight rows of signs that have most halves of their
/// first bytes in common. Signs that are longer are compared whole before anything is looked at.
type Row = &'static [(Meaning, &'static [u8])];

/// Signs of which two bytes are searched for.
const SHORT: [Row; 8] = [
    &[
        (ESCAPE, br"\x"),
        (ESCAPE, br"\u"),
        (ESCAPE, br"\U"),
        (NUMBERED, br"\0"),
    ],
    &[
        (NUMBERED, br"\1"),
        (NUMBERED, br"\4"),
        (NUMBERED, br"\5"),
        (NUMBERED, br"\6"),
    ],
    &[(NUMBERED, br"\7"), (LINES, b"\\\n"), (LINES, b"\\\r")],
    &[
        (PERCENT, b"%2"),
        (PERCENT, b"%3"),
        (PERCENT, b"%4"),
        (PERCENT, b"%5"),
        (PERCENT, b"%6"),
        (PERCENT, b"%7"),
    ],
    &[
        (ENTITY, b"&amp;"),
        (ENTITY, b"&apos;"),
        (ENTITY, b"&lt;"),
        (ENTITY, b"&gt;"),
        (ENTITY, b"&nbsp;"),
    ],
    &[(ENTITY, b"&quot;"), (ENTITY, b"&#")],
    &[
        (QUOTED, b"=3"),
        (QUOTED, b"=4"),
        (QUOTED, b"=5"),
        (QUOTED, b"=6"),
        (QUOTED, b"=7"),
        (WORD, b"=?"),
    ],
    &[(SOFT, b"=\n"), (SOFT, b"=\r"), (ASCII85, b"<~")],
];

/// Signs of which three bytes are searched for.
const LONG: [Row; 5] = [
    &[
        (JOINT, b"\" +"),
        (JOINT, b"\" ."),
        (JOINT, b"\" &"),
        (JOINT, b"\" \""),
        (JOINT, b"\"+\""),
        (JOINT, b"\"+'"),
        (JOINT, b"\".\""),
        (JOINT, b"\"&\""),
        (JOINT, b"' +"),
        (JOINT, b"' ."),
        (JOINT, b"' '"),
        (JOINT, b"'+'"),
        (JOINT, b"'.'"),
    ],
    &[
        (JOINT, b"\" |"),
        (JOINT, b"\" \\"),
        (JOINT, b"\"||"),
        (JOINT, b"' |"),
        (JOINT, b"'||"),
    ],
    &[
        (JOINT, b"\"\n\t"),
        (JOINT, b"\"\n "),
        (JOINT, b"'\n\t"),
        (JOINT, b"'\n "),
    ],
    &[(BLOCK, b": >"), (BLOCK, b": |")],
    &[
        (NUMBER, b",0x"),
        (NUMBER, b"{0x"),
        (NUMBER, b"[0x"),
        (NUMBER, b"(0x"),
        (NUMBER, b" 0x"),
        (NUMBER, b"\t0x"),
        (JOINT, b"\"\r\n"),
        (JOINT, b"'\r\n"),
    ],
];

/// Signs of three bytes of which the second is any of some, a row each.
struct Open {
    of: Meaning,
    first: u8,
    second: RangeInclusive<u8>,
    third: u8,
}

const OPEN: [&[Open]; 3] = [
    &[
        open(CHARACTERS, b'"', b'!'..=b'~', b'"'),
        open(CHARACTERS, b'\'', b'!'..=b'~', b'\''),
    ],
    &[
        open(ITEMS, b' ', b'0'..=b'o', b'\n'),
        open(ITEMS, b' ', b'0'..=b'o', b'\r'),
    ],
    &[
        open(ITEMS, b' ', b'p'..=b'z', b'\n'),
        open(ITEMS, b' ', b'p'..=b'z', b'\r'),
    ],
];

const fn open(of: Meaning, first: u8, second: RangeInclusive<u8>, third: u8) -> Open {
    Open {
        of,
        first,
        second,
        third,
    }
}

struct Triggers {
    signs: Signs,
    /// By their slots, and in each those first that say more.
    known: Vec<Sign>,
    /// Where in that the signs of a slot begin; those of the next one follow.
    slots: [u8; SLOTS + 1],
}

/// Slots that signs are sorted into by two of their bytes.
const SLOTS: usize = 1024;

/// The slot of the signs that begin as `number` does: by the first byte, and by the third one or, where signs have two, the second.
fn slot(number: u64) -> usize {
    let first = number as u8;
    let is_short = matches!(first, b'\\' | b'%' | b'&' | b'=' | b'<');
    let other = (number >> if is_short { 8 } else { 16 }) as u8;
    (usize::from(first) * 37 + usize::from(other) * 3) % SLOTS
}

#[derive(Clone, Copy, Debug)]
struct Sign {
    /// Its first eight bytes as one number, the first one lowest, and which bits of that are of the sign.
    bytes: u64,
    bits: u64,
    is_long: bool,
    of: Meaning,
}

impl Sign {
    fn of(sign: &[u8], is_long: bool, of: Meaning) -> Self {
        let more = 8_usize.saturating_sub(sign.len());
        Self {
            bytes: signs::number(sign),
            bits: u64::MAX >> (8 * more),
            is_long,
            of,
        }
    }

    /// What may be its second byte, its look asks again.
    fn of_open(open: &Open) -> Self {
        let bits = 0xff_00ff;
        let sign = Self::of(&[open.first, 0, open.third], true, open.of);
        Self { bits, ..sign }
    }

    /// Whether it may mean something where it stands at `at`.
    #[inline]
    fn counts(&self, text: &[u8], at: usize) -> bool {
        let (place, classes) = self.of.beside;
        let beside = text.get(at.wrapping_add_signed(isize::from(place)));
        beside.is_some_and(|&byte| CLASSES[usize::from(byte)] & classes != 0)
    }
}

impl Triggers {
    fn new() -> Self {
        let mut known = Vec::new();
        let mut short = Groups::default();
        for (group, row) in SHORT.iter().enumerate() {
            for (of, sign) in *row {
                short.add(group, sign);
                known.push(Sign::of(sign, false, *of));
            }
        }
        let mut long = Groups::default();
        for (group, row) in LONG.iter().enumerate() {
            for (of, sign) in *row {
                long.add(group, sign);
                known.push(Sign::of(sign, true, *of));
            }
        }
        // Behind those that say more.
        for (group, row) in (LONG.len()..).zip(OPEN) {
            for open in row {
                let seconds = open.second.clone();
                seconds.for_each(|second| long.add(group, &[open.first, second, open.third]));
                known.push(Sign::of_open(open));
            }
        }
        known.extend(embedded::magics().map(|magic| Sign::of(magic, true, MAGIC)));
        known.sort_by_key(|sign| slot(sign.bytes));
        let slots = std::array::from_fn(|at| {
            let before = known.partition_point(|sign| slot(sign.bytes) < at);
            u8::try_from(before).expect("because there are fewer signs")
        });
        let signs = Signs {
            long: Groups::of(embedded::FIRST),
            others: Some((short, long)),
        };
        Self {
            signs,
            known,
            slots,
        }
    }

    /// The sign that stands at `at`, if it may mean something there.
    #[inline]
    fn at(&self, text: &[u8], at: usize) -> Option<&Sign> {
        let number = signs::number(text.get(at..)?);
        let slot = slot(number);
        let range = usize::from(self.slots[slot])..usize::from(self.slots[slot + 1]);
        let mut signs = self.known.get(range)?.iter();
        let sign = signs.find(|sign| (number ^ sign.bytes) & sign.bits == 0);
        sign.filter(|sign| sign.counts(text, at))
    }
}

static TRIGGERS: LazyLock<Triggers> = LazyLock::new(Triggers::new);

/// Places that are remembered; behind the last of them each decoder looks again that has any there.
const MOST: usize = 1 << 15;

pub type Place = (Mark, Range<u32>);

/// The places of one text.
pub struct Hints<'t> {
    found: Vec<Place>,
    runs: Vec<Place>,
    /// What finds those that are not remembered.
    rest: Option<Box<Chain<Marked<'t>, Wide<'t>>>>,
    runs_rest: Option<Box<Runs<'t>>>,
    /// A bit for each mark that there is.
    marks: u32,
    /// The same of the places that are not remembered.
    rest_marks: u32,
}

impl<'t> Hints<'t> {
    /// As [`Self::of`], and gives what is to be known of the text for those that are built from it, if that is little. With what is known
    /// of `other`, only what was not copied from that is looked through.
    pub fn of_built(text: &'t [u8], other: Option<Other<'_>>) -> (Self, Option<Known>) {
        let signs = other.map(|other| (&other.known.signs, other.copied));
        let runs = other.map(|other| (&other.known.runs, other.copied));
        let signs = known::look_through::<Marked<'_>>(text, signs, MOST);
        let runs = known::look_through::<Runs<'_>>(text, runs, MOST);
        let (Some((mut found, signs)), Some((runs, known_runs))) = (signs, runs) else {
            return (Self::of(text), None);
        };
        found.extend(Wide::new(text, true).take(MOST));
        if found.len() >= MOST {
            return (Self::of(text), None);
        }
        let known = signs.zip(known_runs);
        let known = known.map(|(signs, runs)| Known { signs, runs });
        let hints = Self {
            marks: found.iter().chain(&runs).fold(0, with_mark),
            rest_marks: 0,
            found,
            runs,
            rest: None,
            runs_rest: None,
        };
        (hints, known)
    }

    pub fn of(text: &'t [u8]) -> Self {
        let mut runs_rest = Runs::new(text);
        let runs: Vec<Place> = runs_rest.by_ref().take(MOST).collect();
        let has_zeros = runs.len() >= MOST || runs_rest.has_zeros();
        let mut rest = Marked::new(text).chain(Wide::new(text, has_zeros));
        let found: Vec<Place> = rest.by_ref().take(MOST).collect();
        // Large as they are, they are moved only where they are kept.
        let rest = match found.len() {
            MOST => Some(Box::new(rest)),
            _ => None,
        };
        let runs_rest = match runs.len() {
            MOST => Some(Box::new(runs_rest)),
            _ => None,
        };
        let others = rest.iter().flat_map(|rest| (**rest).clone());
        let others = others.chain(runs_rest.iter().flat_map(|rest| (**rest).clone()));
        let rest_marks = others.fold(0, |marks, place| with_mark(marks, &place));
        Self {
            marks: found.iter().chain(&runs).fold(rest_marks, with_mark),
            rest_marks,
            found,
            runs,
            rest,
            runs_rest,
        }
    }

    /// Whether there is a place with this mark.
    pub fn has(&self, mark: Mark) -> bool {
        self.marks & 1 << mark as u8 != 0
    }

    /// Whether the mark of a packed form stands anywhere.
    pub fn has_magic(&self) -> bool {
        self.has(Mark::Magic)
    }

    /// The places with this mark, in their order.
    pub fn places(&self, mark: Mark) -> impl Iterator<Item = Range<usize>> {
        let has_rest = self.rest_marks & 1 << mark as u8 != 0;
        let rest = self.rest.as_deref().filter(|_| has_rest).cloned();
        let runs_rest = self.runs_rest.as_deref().filter(|_| has_rest).cloned();
        let found = self.found.iter().cloned().chain(rest.into_iter().flatten());
        let runs = self.runs.iter().cloned();
        let runs = runs.chain(runs_rest.into_iter().flatten());
        let is_run = matches!(
            mark,
            Mark::Base32 | Mark::Base64 | Mark::Decimals | Mark::Dump | Mark::Hex
        );
        let found = (!is_run).then_some(found).into_iter().flatten();
        let runs = is_run.then_some(runs).into_iter().flatten();
        let places = found.chain(runs).filter(move |place| place.0 == mark);
        places.map(|(_, range)| range.start as usize..range.end as usize)
    }
}

/// The bits of some marks, and that of a place.
fn with_mark(marks: u32, place: &Place) -> u32 {
    marks | 1 << place.0 as u8
}

/// The place, unless the text is longer than any that is held.
pub fn place(mark: Mark, range: Range<usize>) -> Option<Place> {
    Some((
        mark,
        u32::try_from(range.start).ok()?..u32::try_from(range.end).ok()?,
    ))
}

/// A text that another one was built from: what is known of it, and what was copied.
#[derive(Clone, Copy)]
pub struct Other<'k> {
    pub known: &'k Known,
    pub copied: &'k [Copied],
}

/// The places that triggers lead to.
#[derive(Clone)]
pub struct Marked<'t> {
    text: &'t [u8],
    triggers: &'static Triggers,
    places: Places<'t>,
    /// From where on short signs count, and long ones.
    from: [usize; 2],
    /// The trigger that is to be looked at.
    next: Option<(usize, &'static Sign)>,
}

impl<'t> Marked<'t> {
    fn new(text: &'t [u8]) -> Self {
        let triggers = &*TRIGGERS;
        Self {
            text,
            triggers,
            places: Places::new(text, &triggers.signs),
            from: [0; 2],
            next: None,
        }
    }
}

impl<'t> Pass<'t> for Marked<'t> {
    fn begin(text: &'t [u8], at: usize) -> Self {
        let mut pass = Self::new(text);
        pass.places.go_on_at(at);
        pass
    }

    fn may_begin(_: &[u8], _: usize) -> bool {
        true
    }

    fn triggers(text: &'t [u8], range: Range<usize>) -> Vec<usize> {
        let mut places = Self::begin(text, range.start).places;
        let places = std::iter::from_fn(|| places.next());
        let is_sign = |&at: &usize| TRIGGERS.at(text, at).is_some();
        let places = places.take_while(|&at| at < range.end);
        places.filter(is_sign).collect()
    }

    fn peek(&mut self) -> Option<usize> {
        while self.next.is_none() {
            let at = self.places.next()?;
            let sign = self.triggers.at(self.text, at);
            // Of magics it is only asked whether there are any.
            let counts = |sign: &&Sign| {
                let from = self.from[usize::from(sign.is_long)];
                sign.of.mark == Mark::Magic || at >= from
            };
            self.next = sign.filter(counts).map(|sign| (at, sign));
        }
        self.next.as_ref().map(|(at, _)| *at)
    }

    fn look(&mut self) -> Option<Event> {
        let at = self.peek()?;
        let (_, sign) = self.next.take()?;
        let Meaning { mark, look, .. } = sign.of;
        let found = look(self.text, at);
        let until = match mark {
            Mark::Magic => at + 1,
            _ => found.next.max(at + 1),
        };
        if mark != Mark::Magic {
            self.from[usize::from(sign.is_long)] = until;
        }
        Some(Event {
            at,
            place: found.range.and_then(|range| place(mark, range)),
            until,
            reach: found.reach,
        })
    }
}

impl Iterator for Marked<'_> {
    type Item = Place;

    fn next(&mut self) -> Option<Place> {
        known::next(self)
    }
}

/// The looks at all triggers of a text, each by itself.
#[cfg(test)]
pub fn looks(text: &[u8]) -> Vec<(usize, Extent)> {
    let triggers = Marked::triggers(text, 0..text.len()).into_iter();
    let look = |at| Some((at, (TRIGGERS.at(text, at)?.of.look)(text, at)));
    triggers.filter_map(look).collect()
}

#[cfg(test)]
impl std::fmt::Debug for Hints<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let has_rest = self.rest.is_some() || self.runs_rest.is_some();
        let marks = (self.marks, self.rest_marks, has_rest);
        write!(f, "{marks:?} {:?} {:?}", self.found, self.runs)
    }
}
