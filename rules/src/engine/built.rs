//! Scanning a text that was built from another one, with the same result as scanning it whole.
//!
//! What takes the time of a scan is to find the places where rules may match; git's packs hold versions of a file, of which most
//! stands in another that was scanned before. Whether a place is one of interest is decided by the bytes from a little before a keyword
//! to a little behind it. So where all of these were copied from the other text, the answer is the same as there: places of interest
//! are taken over, and keywords are looked for only in what is new, and where copied parts meet. Then the rules are run at these
//! places, on the text as it is, as in any scan.
//!
//! That is exact because places may only be missed at a cost: a place too many is searched for nothing ([`super`]). None is missed:
//! what was read beyond the bytes behind a keyword, or to the end of the text, is kept as a place whatever the answer was.

use std::ops::Range;

use super::{Asked, Match, Scan, Scratch};
use crate::RuleSet;

/// Places of one text that are kept at most; one with more is rare, and texts built from it are scanned whole.
const MOST_MARKS: usize = 2048;

/// Some bytes of another text that stand in this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Copied {
    /// Where they stand in the other text.
    pub from: usize,
    /// Where they stand in this one.
    pub to: usize,
    pub length: usize,
}

/// Places of a text at which rules may match, for texts that are built from it. Nothing of the text.
#[derive(Clone, Debug, Default)]
pub struct Marks(Box<[Mark]>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Mark {
    /// Where a keyword ends.
    end: u32,
    rule: u16,
    /// From there back to the place; all of the text is one if it is [`WHOLE`].
    back: u16,
}

const WHOLE: u16 = u16::MAX;

impl Marks {
    /// Bytes of memory.
    pub fn bytes(&self) -> usize {
        size_of_val(&*self.0)
    }

    /// Whether no rule may match anywhere in the text.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn among(&self, ends: &Range<usize>) -> &[Mark] {
        let at = |end: usize| self.0.partition_point(|mark| (mark.end as usize) < end);
        self.0.get(at(ends.start)..at(ends.end)).unwrap_or_default()
    }
}

/// The marks of a text under way; nothing once there are too many, or they cannot be told in small numbers.
struct Marking(Option<Vec<Mark>>);

impl Marking {
    fn add(&mut self, rule: u32, end: usize, place: Option<usize>) {
        let mark = || {
            let back = match place {
                Some(place) => u16::try_from(end - place)
                    .ok()
                    .filter(|&back| back != WHOLE)?,
                None => WHOLE,
            };
            Some(Mark {
                end: u32::try_from(end).ok()?,
                rule: u16::try_from(rule).ok()?,
                back,
            })
        };
        let room = self
            .0
            .as_ref()
            .is_some_and(|marks| marks.len() < MOST_MARKS);
        match (mark(), &mut self.0) {
            (Some(mark), Some(marks)) if room => marks.push(mark),
            _ => self.0 = None,
        }
    }
}

impl RuleSet {
    /// As [`Self::scan`], and gives the places of interest, if they are few. With `other`, the places of another text and what was
    /// copied from that (in the order in which it stands in `text`, no byte twice), only the rest is read for keywords. The other text must
    /// have been scanned with this rule set.
    pub fn scan_built(
        &self,
        text: &[u8],
        other: Option<(&Marks, &[Copied])>,
        scratch: &mut Scratch,
        matches: &mut Vec<Match>,
    ) -> (Scan, Option<Marks>) {
        let marking = self.find_built(text, other, scratch);
        let scan = self.run_woken(text, scratch, matches);
        scratch.settle();
        (scan, marking)
    }

    fn find_built(
        &self,
        text: &[u8],
        other: Option<(&Marks, &[Copied])>,
        scratch: &mut Scratch,
    ) -> Option<Marks> {
        for &rule in &self.always {
            scratch.wake(rule, true, text);
        }
        scratch.work.scanned += text.len() as u64;
        let mut marking = Marking(Some(Vec::new()));
        let mut done = 0;
        let (marks, copied) = other.map_or((&[][..], &[][..]), |(marks, copied)| {
            (std::slice::from_ref(marks), copied)
        });
        for copied in copied {
            let Some(ends) = self.known_ends(copied, text, done) else {
                continue;
            };
            // The last byte of a keyword stands before its end.
            self.mark(text, done..ends.start - 1, scratch, &mut marking);
            let there = |end: usize| end - copied.to + copied.from;
            let known = marks
                .iter()
                .flat_map(|marks| marks.among(&(there(ends.start)..there(ends.end))));
            for mark in known {
                let end = mark.end as usize - copied.from + copied.to;
                let place = (mark.back != WHOLE).then(|| end - usize::from(mark.back));
                marking.add(mark.rule.into(), end, place);
                self.take_over(mark.rule.into(), place, text, scratch);
            }
            done = ends.end - 1;
        }
        self.mark(text, done..text.len(), scratch, &mut marking);
        let mut marks = marking.0?;
        marks.sort_unstable();
        marks.dedup();
        Some(Marks(marks.into_boxed_slice()))
    }

    /// Ends of keywords in `text` about which the other text has decided, behind what is `done`.
    fn known_ends(&self, copied: &Copied, text: &[u8], done: usize) -> Option<Range<usize>> {
        let end = copied
            .to
            .checked_add(copied.length)
            .filter(|&end| end <= text.len())?;
        let before = self.prefilter.before().max(self.dictionaries.before());
        let behind = self.prefilter.behind().max(self.dictionaries.behind());
        let first = (copied.to + before).max(done + 1);
        let last = end.checked_sub(behind)?;
        (first < last).then_some(first..last)
    }

    /// Looks for keywords whose last byte is among `bytes`.
    fn mark(&self, text: &[u8], bytes: Range<usize>, scratch: &mut Scratch, marking: &mut Marking) {
        let behind = self.prefilter.behind();
        scratch.work.sought += bytes.len() as u64;
        self.prefilter
            .candidates(text, bytes.clone(), |rule, place, end| {
                match self.ask(rule as usize, place, text, scratch) {
                    Asked::Whole => marking.add(rule, end, None),
                    Asked::Place => marking.add(rule, end, Some(place)),
                    Asked::Read(to) if to >= end + behind => marking.add(rule, end, Some(place)),
                    Asked::Read(_) => {}
                }
            });
        self.dictionaries
            .candidates(text, bytes, &mut |dictionary, found| {
                let place = Some(found.span.start);
                let rule = u32::try_from(dictionary.rule).unwrap_or(u32::MAX);
                marking.add(rule, found.span.end, place);
                self.take_over(dictionary.rule, place, text, scratch);
            });
    }

    /// Takes over that a rule may match at a place, or anywhere.
    pub(super) fn take_over(
        &self,
        rule: usize,
        place: Option<usize>,
        text: &[u8],
        scratch: &mut Scratch,
    ) {
        let Some(progress) = scratch.wake(rule, place.is_none(), text) else {
            return;
        };
        match place {
            Some(place) => progress.places.push(place),
            None => progress.whole = true,
        }
    }
}
