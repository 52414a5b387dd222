//! Where in a text something may be encoded: found in few fast passes, whatever stands there.

use std::{iter::Chain, ops::Range, sync::LazyLock};

use aho_corasick::{
    Span,
    packed::{Config, MatchKind, Searcher},
};

use super::{escapes, joined, markup, numbers, quoted, radix, runs::Runs, wide::Wide};

/// What may stand at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Mark {
    Ascii85,
    Base32,
    Base64,
    Block,
    Continued,
    Decimals,
    Dump,
    Entity,
    Escape,
    Hex,
    HexBytes,
    Joint,
    Percent,
    Quoted,
    Utf16,
    Utf32,
    Word,
}

/// The bytes at a trigger that are worth decoding, or where it is to be looked on from if there are none.
pub type Extent = Result<Range<usize>, usize>;

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
const BLOCK: (Mark, Look) = (Mark::Block, joined::block_extent);
const NUMBER: (Mark, Look) = (Mark::HexBytes, numbers::hex_extent);

/// A search runs over all text, so it is laid out for the vectors that it uses: 32 patterns in rows of four that have their first
/// byte in common, and all of one length.
type Rows = [[((Mark, Look), &'static [u8]); 4]; 8];

/// Signs of two bytes.
const SHORT: Rows = [
    [
        (ESCAPE, br"\x"),
        (ESCAPE, br"\u"),
        (ESCAPE, br"\U"),
        (ESCAPE, br"\0"),
    ],
    [
        (ESCAPE, br"\1"),
        (ESCAPE, br"\4"),
        (ESCAPE, br"\5"),
        (ESCAPE, br"\6"),
    ],
    [
        (ESCAPE, br"\7"),
        (LINES, b"\\\n"),
        (LINES, b"\\\r"),
        (ASCII85, b"<~"),
    ],
    [
        (PERCENT, b"%2"),
        (PERCENT, b"%3"),
        (PERCENT, b"%4"),
        (PERCENT, b"%5"),
    ],
    [
        (PERCENT, b"%6"),
        (PERCENT, b"%7"),
        (ENTITY, b"&n"),
        (ENTITY, b"&q"),
    ],
    [
        (ENTITY, b"&#"),
        (ENTITY, b"&a"),
        (ENTITY, b"&l"),
        (ENTITY, b"&g"),
    ],
    [
        (QUOTED, b"=3"),
        (QUOTED, b"=4"),
        (QUOTED, b"=5"),
        (QUOTED, b"=6"),
    ],
    [
        (QUOTED, b"=7"),
        (QUOTED, b"=\n"),
        (QUOTED, b"=\r"),
        (WORD, b"=?"),
    ],
];

/// Signs of three bytes.
const LONG: Rows = [
    [
        (JOINT, b"\" +"),
        (JOINT, b"\" ."),
        (JOINT, b"\" &"),
        (JOINT, b"\" |"),
    ],
    [
        (JOINT, b"\" \""),
        (JOINT, b"\" \\"),
        (JOINT, b"\"\n\t"),
        (JOINT, b"\"\n "),
    ],
    [
        (JOINT, b"\"\r\n"),
        (JOINT, b"\"+\""),
        (JOINT, b"\"+'"),
        (JOINT, b"\".\""),
    ],
    [
        (JOINT, b"' +"),
        (JOINT, b"' ."),
        (JOINT, b"' |"),
        (JOINT, b"' '"),
    ],
    [
        (JOINT, b"'\n\t"),
        (JOINT, b"'\n "),
        (JOINT, b"'\r\n"),
        (JOINT, b"'+'"),
    ],
    [
        (JOINT, b"'.'"),
        (JOINT, b"'||"),
        (JOINT, b"\"||"),
        (JOINT, b"\"&\""),
    ],
    [
        (BLOCK, b": >"),
        (BLOCK, b": |"),
        (NUMBER, b" 0x"),
        (NUMBER, b"\t0x"),
    ],
    [
        (NUMBER, b",0x"),
        (NUMBER, b"{0x"),
        (NUMBER, b"[0x"),
        (NUMBER, b"(0x"),
    ],
];

struct Triggers {
    searcher: Option<Searcher>,
    /// Of each pattern.
    marks: Vec<(Mark, Look)>,
}

impl Triggers {
    fn new(rows: &Rows) -> Self {
        let mut builder = Config::new().match_kind(MatchKind::LeftmostFirst).builder();
        let mut marks = Vec::new();
        // The search puts every eighth pattern into one of its rows.
        for column in 0..4 {
            for (mark, pattern) in rows.iter().filter_map(|row| row.get(column)) {
                builder.add(pattern);
                marks.push(*mark);
            }
        }
        Self {
            searcher: builder.build(),
            marks,
        }
    }
}

static SHORT_TRIGGERS: LazyLock<Triggers> = LazyLock::new(|| Triggers::new(&SHORT));
static LONG_TRIGGERS: LazyLock<Triggers> = LazyLock::new(|| Triggers::new(&LONG));

/// Places that are remembered; behind the last of them each decoder looks again.
const MOST: usize = 1 << 15;

type Place = (Mark, Range<u32>);

/// The places of one text.
pub struct Hints<'t> {
    found: Vec<Place>,
    runs: Vec<Place>,
    rest: Chain<Chain<Marked<'t>, Marked<'t>>, Wide<'t>>,
    runs_rest: Runs<'t>,
    /// A bit for each mark that there is.
    marks: u32,
    /// Not all are remembered.
    is_more: bool,
}

impl<'t> Hints<'t> {
    pub fn of(text: &'t [u8]) -> Self {
        let short = Marked::new(text, &SHORT_TRIGGERS);
        let long = Marked::new(text, &LONG_TRIGGERS);
        let mut rest = short.chain(long).chain(Wide::new(text));
        let mut runs_rest = Runs::new(text);
        let found: Vec<Place> = rest.by_ref().take(MOST).collect();
        let runs: Vec<Place> = runs_rest.by_ref().take(MOST).collect();
        let bits = |marks, place: &Place| marks | 1 << place.0 as u8;
        Self {
            marks: found.iter().chain(&runs).fold(0, bits),
            is_more: found.len() == MOST || runs.len() == MOST,
            found,
            runs,
            rest,
            runs_rest,
        }
    }

    /// Whether there may be a place with this mark.
    pub fn has(&self, mark: Mark) -> bool {
        self.is_more || self.marks & 1 << mark as u8 != 0
    }

    /// The places with this mark, in their order.
    pub fn places(&self, mark: Mark) -> impl Iterator<Item = Range<usize>> {
        let found = self.found.iter().cloned().chain(self.rest.clone());
        let runs = self.runs.iter().cloned().chain(self.runs_rest.clone());
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

/// The place, unless the text is longer than any that is held.
pub fn place(mark: Mark, range: Range<usize>) -> Option<Place> {
    Some((
        mark,
        u32::try_from(range.start).ok()?..u32::try_from(range.end).ok()?,
    ))
}

/// The places that triggers lead to.
#[derive(Clone)]
struct Marked<'t> {
    text: &'t [u8],
    triggers: &'static Triggers,
    at: usize,
}

impl<'t> Marked<'t> {
    fn new(text: &'t [u8], triggers: &'static Triggers) -> Self {
        Self {
            text,
            triggers,
            at: 0,
        }
    }
}

impl Iterator for Marked<'_> {
    type Item = Place;

    fn next(&mut self) -> Option<Place> {
        let searcher = self.triggers.searcher.as_ref()?;
        while self.at < self.text.len() {
            let span = Span::from(self.at..self.text.len());
            let found = searcher.find_in(self.text, span)?;
            let &(mark, look) = self.triggers.marks.get(found.pattern().as_usize())?;
            let least = found.start() + 1;
            match look(self.text, found.start()) {
                Ok(range) => {
                    self.at = range.end.max(least);
                    return place(mark, range);
                }
                Err(at) => self.at = at.max(least),
            }
        }
        None
    }
}
