//! Where in a text something may be encoded: found in few fast passes, whatever stands there.

use std::{
    iter::Chain,
    ops::{Range, RangeInclusive},
    sync::LazyLock,
};

use exeat_rules::Copied;

use super::{
    super::embedded,
    characters, escapes, folded, joined,
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

const ESCAPE: (Mark, Look) = (Mark::Escape, escapes::backslash_extent);
const LINES: (Mark, Look) = (Mark::Continued, joined::lines_extent);
const PERCENT: (Mark, Look) = (Mark::Percent, escapes::percent_extent);
const ENTITY: (Mark, Look) = (Mark::Entity, markup::entity_extent);
const QUOTED: (Mark, Look) = (Mark::Quoted, quoted::printable_extent);
const WORD: (Mark, Look) = (Mark::Word, quoted::word_extent);
const ASCII85: (Mark, Look) = (Mark::Ascii85, radix::ascii85_extent);
const JOINT: (Mark, Look) = (Mark::Joint, joined::literals_extent);
const BLOCK: (Mark, Look) = (Mark::Block, folded::extent);
const CHARACTERS: (Mark, Look) = (Mark::Characters, characters::quoted_extent);
const ITEMS: (Mark, Look) = (Mark::Characters, characters::items_extent);
const NUMBER: (Mark, Look) = (Mark::HexBytes, numbers::hex_extent);
const MAGIC: (Mark, Look) = (Mark::Magic, embedded::magic_extent);

/// A search runs over all text, so it is laid out for the vectors that it uses: eight rows of signs that have most halves of their
/// bytes in common, and all of one length.
type Row<const LENGTH: usize> = &'static [((Mark, Look), &'static [u8; LENGTH])];

/// Signs of two bytes.
const SHORT: [Row<2>; 8] = [
    &[
        (ESCAPE, br"\x"),
        (ESCAPE, br"\u"),
        (ESCAPE, br"\U"),
        (ESCAPE, br"\0"),
    ],
    &[
        (ESCAPE, br"\1"),
        (ESCAPE, br"\4"),
        (ESCAPE, br"\5"),
        (ESCAPE, br"\6"),
    ],
    &[(ESCAPE, br"\7"), (LINES, b"\\\n"), (LINES, b"\\\r")],
    &[
        (PERCENT, b"%2"),
        (PERCENT, b"%3"),
        (PERCENT, b"%4"),
        (PERCENT, b"%5"),
        (PERCENT, b"%6"),
        (PERCENT, b"%7"),
    ],
    &[
        (ENTITY, b"&a"),
        (ENTITY, b"&l"),
        (ENTITY, b"&g"),
        (ENTITY, b"&n"),
    ],
    &[(ENTITY, b"&q"), (ENTITY, b"&#")],
    &[
        (QUOTED, b"=3"),
        (QUOTED, b"=4"),
        (QUOTED, b"=5"),
        (QUOTED, b"=6"),
        (QUOTED, b"=7"),
        (WORD, b"=?"),
    ],
    &[(QUOTED, b"=\n"), (QUOTED, b"=\r"), (ASCII85, b"<~")],
];

/// Signs of three bytes.
const LONG: [Row<3>; 5] = [
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
        (JOINT, b"\"\r\n"),
        (JOINT, b"'\n\t"),
        (JOINT, b"'\n "),
        (JOINT, b"'\r\n"),
    ],
    &[(BLOCK, b": >"), (BLOCK, b": |")],
    &[
        (NUMBER, b",0x"),
        (NUMBER, b"{0x"),
        (NUMBER, b"[0x"),
        (NUMBER, b"(0x"),
        (NUMBER, b" 0x"),
        (NUMBER, b"\t0x"),
    ],
];

/// Signs of three bytes of which the second is any of some, a row each.
struct Open {
    of: (Mark, Look),
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

const fn open(of: (Mark, Look), first: u8, second: RangeInclusive<u8>, third: u8) -> Open {
    Open {
        of,
        first,
        second,
        third,
    }
}

struct Triggers {
    signs: Signs,
    /// By first byte, those that begin with it.
    by_first: [Vec<Sign>; 256],
}

#[derive(Clone, Copy, Debug)]
struct Sign {
    /// Its bytes as one number, the first one lowest, and which bits of that are of the sign.
    bytes: u32,
    bits: u32,
    is_long: bool,
    mark: Mark,
    look: Look,
}

impl Sign {
    fn of(sign: &[u8], (mark, look): (Mark, Look)) -> Self {
        let is_long = sign.len() > 2;
        Self {
            bytes: signs::number(sign),
            bits: if is_long { 0xff_ffff } else { 0xffff },
            is_long,
            mark,
            look,
        }
    }

    /// What may be its second byte, its look asks again.
    fn of_open(open: &Open) -> Self {
        let bits = 0xff_00ff;
        let sign = Self::of(&[open.first, 0, open.third], open.of);
        Self { bits, ..sign }
    }
}

impl Triggers {
    fn new() -> Self {
        let mut by_first = [const { Vec::new() }; 256];
        let mut put = |first: u8, sign| {
            if let Some(signs) = by_first.get_mut(usize::from(first)) {
                signs.push(sign);
            }
        };
        let mut short = Groups::default();
        for (group, row) in SHORT.iter().enumerate() {
            for (of, sign) in *row {
                short.add(group, sign);
                put(sign[0], Sign::of(*sign, *of));
            }
        }
        let mut long = Groups::default();
        for (group, row) in LONG.iter().enumerate() {
            for (of, sign) in *row {
                long.add(group, sign);
                put(sign[0], Sign::of(*sign, *of));
            }
        }
        // Behind those that say more.
        for (group, row) in (LONG.len()..).zip(OPEN) {
            for open in row {
                let seconds = open.second.clone();
                seconds.for_each(|second| long.add(group, &[open.first, second, open.third]));
                put(open.first, Sign::of_open(open));
            }
        }
        for first in embedded::FIRST.into_iter().flatten() {
            put(first[0], Sign::of(*first, MAGIC));
        }
        let signs = Signs {
            long: Groups::of(embedded::FIRST),
            others: Some((short, long)),
        };
        Self { signs, by_first }
    }

    /// The sign that stands at `at`.
    fn at(&self, text: &[u8], at: usize) -> Option<&Sign> {
        let rest = text.get(at..)?;
        let first = *rest.first()?;
        let number = signs::number(rest);
        let mut signs = self.by_first[usize::from(first)].iter();
        signs.find(|sign| (number ^ sign.bytes) & sign.bits == 0)
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
        found.extend(Wide::new(text).take(MOST));
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
        let mut rest = Marked::new(text).chain(Wide::new(text));
        let mut runs_rest = Runs::new(text);
        let found: Vec<Place> = rest.by_ref().take(MOST).collect();
        let runs: Vec<Place> = runs_rest.by_ref().take(MOST).collect();
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
    next: Option<(usize, Sign)>,
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
                sign.mark == Mark::Magic || at >= from
            };
            self.next = sign.filter(counts).map(|sign| (at, *sign));
        }
        self.next.as_ref().map(|(at, _)| *at)
    }

    fn look(&mut self) -> Option<Event> {
        let at = self.peek()?;
        let (_, sign) = self.next.take()?;
        let found = (sign.look)(self.text, at);
        let until = match sign.mark {
            Mark::Magic => at + 1,
            _ => found.next.max(at + 1),
        };
        if sign.mark != Mark::Magic {
            self.from[usize::from(sign.is_long)] = until;
        }
        Some(Event {
            at,
            place: found.range.and_then(|range| place(sign.mark, range)),
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
    let look = |at| Some((at, (TRIGGERS.at(text, at)?.look)(text, at)));
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
