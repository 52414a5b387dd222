//! What a pass over a text came to, for texts that are built from it: with the same result as a pass over all of them.
//!
//! git's packs hold versions of a file, of which most stands in another that was looked through. A pass goes from trigger to trigger and
//! looks at each; what that comes to is decided by the bytes around it, and by what was found shortly before. So where nothing was
//! found for a while, in the other text and in this one, in bytes that were copied, both passes are in the same state, and what
//! follows is the same as there: as long as no look reads what was not copied. There the places are taken over, and triggers are
//! searched for only in what is new, and near it.
//!
//! What a look reads is bounded: [`BACK`] before its trigger, and [`AHEAD`] behind it unless the event is kept among the spans. So is
//! how long it keeps a pass from looking: [`CALM`], unless it is kept.

use std::ops::Range;

use exeat_rules::Copied;

use super::hints::Place;

/// Bytes without a trigger behind which two passes are in the same state.
const CALM: usize = 64;
/// Bytes before a trigger that decide about it.
pub const BACK: usize = 320;
/// Bytes from a trigger on that decide about it, where nothing else is said.
const AHEAD: usize = 768;
/// Copied bytes for which it is worth while.
const LEAST: usize = BACK + AHEAD + 1024;
/// Bytes that are searched for a place at which a pass may go on.
const ENDS: [usize; 2] = [1024, 4096];
/// Places that are tried in one gap.
const TRIED: usize = 64;
/// Events of one text that are kept at most; one with more is rare, and texts built from it are looked through.
const MOST: usize = 8192;

/// A trigger that was looked at.
#[derive(Clone, Debug)]
pub struct Event {
    pub at: usize,
    /// What may be decoded there.
    pub place: Option<Place>,
    /// Where the last trigger may stand that would be looked at otherwise, or not at all, had this one not been.
    pub until: usize,
    /// No byte from there on decides about it.
    pub reach: usize,
}

/// Goes through a text from trigger to trigger.
pub trait Pass<'t>: Sized {
    /// A pass that begins at `at`, where [`Self::may_begin`] said so.
    fn begin(text: &'t [u8], at: usize) -> Self;

    /// Whether what stands before `at` says nothing of triggers behind, if there are none close to it.
    fn may_begin(text: &[u8], at: usize) -> bool;

    /// All triggers in `range`, whatever a pass makes of them.
    fn triggers(text: &'t [u8], range: Range<usize>) -> Vec<usize>;

    /// Where the next trigger stands that is looked at.
    fn peek(&mut self) -> Option<usize>;

    /// Looks at it.
    fn look(&mut self) -> Option<Event>;
}

/// The next place that a pass finds.
pub fn next<'t>(pass: &mut impl Pass<'t>) -> Option<Place> {
    loop {
        let event = pass.look()?;
        if event.place.is_some() {
            return event.place;
        }
    }
}

/// What is known of a text that was looked through. Nothing of the text.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Known {
    pub signs: Track,
    pub runs: Track,
}

impl Known {
    /// Whether nothing may be encoded anywhere in the text.
    pub fn is_empty(&self) -> bool {
        self.signs.is_empty() && self.runs.is_empty()
    }

    /// Bytes of memory.
    pub fn bytes(&self) -> usize {
        self.signs.bytes() + self.runs.bytes()
    }
}

/// What one pass came to.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Track {
    /// Triggers that led to places.
    places: Vec<(u32, Place)>,
    /// From where to where an event matters that does so for long, in the order of their triggers.
    spans: Vec<(u32, u32)>,
}

impl Track {
    fn bytes(&self) -> usize {
        self.places.capacity() * size_of::<(u32, Place)>()
            + self.spans.capacity() * size_of::<(u32, u32)>()
    }

    fn is_empty(&self) -> bool {
        self.places.is_empty() && self.spans.is_empty()
    }

    fn is_full(&self) -> bool {
        self.places.len() + self.spans.len() > MOST
    }

    fn note(&mut self, event: &Event) {
        let at = narrow(event.at);
        if let Some(place) = &event.place {
            self.places.push((at, place.clone()));
        }
        let reach = Some(event.reach).filter(|&reach| reach > event.at + AHEAD);
        let until = event.until.max(reach.unwrap_or_default());
        if until > event.at + CALM {
            self.spans.push((at, narrow(until)));
        }
    }

    /// Whether an event before `at` may matter there.
    fn covers(&self, at: usize) -> bool {
        self.reaches(at, at)
    }

    /// Whether an event before `at` may be decided by what stands at `end` or behind it.
    fn reaches(&self, at: usize, end: usize) -> bool {
        let before = self.spans.partition_point(|span| (span.0 as usize) < at);
        let mut spans = self.spans.get(..before).unwrap_or_default().iter();
        spans.any(|span| span.1 as usize > end)
    }

    /// The events of `list` whose triggers stand in `range`.
    fn among<T>(list: &[(u32, T)], range: &Range<usize>) -> Range<usize> {
        let at = |place: usize| list.partition_point(|event| (event.0 as usize) < place);
        at(range.start)..at(range.end)
    }
}

/// No text that is held is as long as 4 GiB.
fn narrow(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// What a pass over a text has come to.
struct Course {
    places: Vec<Place>,
    /// Nothing once there are too many events.
    track: Option<Track>,
    /// Where nothing matters any more of what was looked at.
    calm: usize,
}

impl Course {
    fn note(&mut self, event: Event) {
        self.calm = self.calm.max(event.until).max(event.at + 1);
        if let Some(track) = &mut self.track {
            track.note(&event);
        }
        self.places.extend(event.place);
        self.track.take_if(|track| track.is_full());
    }

    /// Takes over what stands in `there` of the other text, which stands in this one so many bytes further on.
    fn take_over(&mut self, other: &Track, there: &Range<usize>, part: &Copied) {
        let here = |at: u32| narrow(at as usize - part.from + part.to);
        let places = Track::among(&other.places, there);
        for (at, (mark, range)) in other.places.get(places).unwrap_or_default() {
            let place = (*mark, here(range.start)..here(range.end));
            if let Some(track) = &mut self.track {
                track.places.push((here(*at), place.clone()));
            }
            self.places.push(place);
        }
        let spans = Track::among(&other.spans, there);
        if let (Some(track), Some(spans)) = (&mut self.track, other.spans.get(spans)) {
            let spans = spans.iter().map(|&(from, to)| (here(from), here(to)));
            track.spans.extend(spans);
        }
        self.track.take_if(|track| track.is_full());
    }
}

/// The places of `text`, and what is to be known of them if that is little. With what is known of another text and what was copied
/// from that (in the order in which it stands in `text`), only the rest is searched for triggers. Nothing where there are `most` places or
/// more.
pub fn look_through<'t, P: Pass<'t>>(
    text: &'t [u8],
    other: Option<(&Track, &[Copied])>,
    most: usize,
) -> Option<(Vec<Place>, Option<Track>)> {
    let mut course = Course {
        places: Vec::new(),
        track: Some(Track::default()),
        calm: 0,
    };
    let mut pass = P::begin(text, 0);
    for (known, part) in other
        .iter()
        .flat_map(|(known, copied)| copied.iter().map(move |part| (*known, part)))
    {
        let Some(inner) = inner(text, part) else {
            continue;
        };
        let there = |at: usize| at - part.to + part.from;
        let end = part.from + part.length;
        let is_calm = |at: usize| P::may_begin(text, at) && !known.covers(there(at));
        let Some(start) = go_on_to(&mut pass, &mut course, &inner, &is_calm, most) else {
            continue;
        };
        let may_end = |at: usize| is_calm(at) && !known.reaches(there(at), end);
        let Some(end) = last::<P>(text, start..inner.end, &may_end) else {
            continue;
        };
        course.take_over(known, &(there(start)..there(end)), part);
        course.calm = end;
        pass = P::begin(text, end);
    }
    while let Some(event) = pass.look() {
        course.note(event);
        if course.places.len() >= most {
            return None;
        }
    }
    (course.places.len() < most).then_some((course.places, course.track))
}

/// The bytes of a copied part about which the other text may have decided; nothing if they are few.
fn inner(text: &[u8], part: &Copied) -> Option<Range<usize>> {
    let end = part.to.checked_add(part.length)?;
    let is_worth_it = part.length >= LEAST && end <= text.len();
    is_worth_it.then(|| part.to + BACK..end - AHEAD)
}

/// Goes on with the pass to the first place in `inner` at which one may begin as well.
fn go_on_to<'t, P: Pass<'t>>(
    pass: &mut P,
    course: &mut Course,
    inner: &Range<usize>,
    is_calm: &dyn Fn(usize) -> bool,
    most: usize,
) -> Option<usize> {
    while course.places.len() < most {
        let next = pass.peek().unwrap_or(usize::MAX);
        let from = (course.calm + CALM).max(inner.start);
        let mut gap = (from..=next.min(inner.end)).take(TRIED);
        if let Some(start) = gap.find(|&at| is_calm(at)) {
            return Some(start);
        }
        if next >= inner.end {
            return None;
        }
        course.note(pass.look()?);
    }
    None
}

/// The last place in `range` at which a pass may begin.
fn last<'t, P: Pass<'t>>(
    text: &'t [u8],
    range: Range<usize>,
    may_end: &dyn Fn(usize) -> bool,
) -> Option<usize> {
    ENDS.iter().find_map(|&length| {
        let from = range.end.saturating_sub(length).max(range.start);
        let mut triggers = P::triggers(text, from..range.end);
        let mut next = range.end;
        loop {
            let before = triggers.pop();
            // Nothing is known of what stands before the first one.
            let start = before.map_or(from, |before| before + 1) + CALM;
            let mut gap = (start..=next).rev().take(TRIED);
            if let Some(end) = gap.find(|&at| may_end(at)) {
                return Some(end);
            }
            next = before?;
        }
    })
}

#[cfg(test)]
mod tests;
