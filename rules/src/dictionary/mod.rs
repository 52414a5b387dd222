//! Words of a company in a text: names, hosts, tickets and registries, however they are written.
//!
//! All terms of all dictionaries are looked for in one pass ([`grams`]). A term is a row of letters and digits; between its words any
//! separators may stand, or none, and letters have any case. A text with characters beyond ASCII is looked at as it reads: what shows
//! nothing is left out, what looks like a letter counts as one ([`fold`]). Whether a word begins and ends there is asked of the text around it ([`border`]).
//! Values of which the proxy knows hashes alone are looked for by hashing what stands there ([`keyed`]).

mod border;
mod fold;
mod grams;
pub mod keyed;
mod term;
pub mod vet;

use std::ops::Range;

use regex_automata::util::primitives::NonMaxUsize;

use fold::Folded;
use grams::{Entry, Grams};
use keyed::Keyed;
pub(crate) use term::Term;

use crate::{DictionaryKind, RuleIndex, Weight};

/// Bytes of a text that are folded at a time, about, beside what is read around them.
const FOLDED: usize = 16 * 1024;
/// Longest name of a host, in bytes (RFC 1035 section 2.3.4).
const HOST: usize = 253;
/// Digits of a ticket's number at most.
const TICKET_DIGITS: usize = 9;

/// One dictionary, compiled.
#[derive(Debug)]
pub(crate) struct Dictionary {
    pub(crate) rule: RuleIndex,
    pub(crate) kind: DictionaryKind,
    pub(crate) weight: Weight,
    pub(crate) terms: Vec<Term>,
    /// The same as they are written.
    pub(crate) written: Vec<String>,
    /// One of these must stand nearby.
    pub(crate) near: Vec<Term>,
    /// How near, in bytes.
    pub(crate) within: usize,
    pub(crate) keyed: Option<Keyed>,
}

/// A term that stands in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) rule: RuleIndex,
    /// Its position among those of the dictionary.
    pub(crate) term: usize,
    pub(crate) span: Range<usize>,
}

/// What a dictionary tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) span: Range<usize>,
    /// Without what says what it is.
    pub(crate) word: Range<usize>,
}

impl Told {
    /// As a regex tells it: the match, and the word as its first group.
    pub(crate) fn slots(&self) -> [Option<NonMaxUsize>; 4] {
        let Self { span, word } = self;
        [span.start, span.end, word.start, word.end].map(NonMaxUsize::new)
    }
}

/// All dictionaries of a rule set.
#[derive(Debug, Default)]
pub(crate) struct Dictionaries {
    all: Vec<Dictionary>,
    grams: Grams,
    /// Bytes before the end of a term that may decide whether it is one.
    before: usize,
}

impl Dictionaries {
    pub(crate) fn new(all: Vec<Dictionary>) -> Self {
        let mut grams = Grams::default();
        let mut before = 0;
        for (number, dictionary) in all.iter().enumerate() {
            for (at, term) in dictionary.terms.iter().enumerate() {
                grams.add(dictionary.kind, number, at, term);
                before = term.longest().max(before);
            }
            before = dictionary
                .keyed
                .as_ref()
                .map_or(0, Keyed::longest)
                .max(before);
        }
        Self {
            // A border is decided by three bytes, and a character has up to four.
            before: before + TICKET_DIGITS + 8,
            all,
            grams,
        }
    }

    pub(crate) fn has(&self, kind: DictionaryKind) -> bool {
        self.all.iter().any(|dictionary| dictionary.kind == kind)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Bytes before the end of a term that may decide whether it is told.
    pub(crate) fn before(&self) -> usize {
        match self.is_empty() {
            true => 0,
            false => self.before,
        }
    }

    /// Bytes behind the end of a term that may decide whether it is told.
    pub(crate) fn behind(&self) -> usize {
        self.before()
    }

    /// Bytes by which windows of a text must overlap.
    pub(crate) fn overlap(&self) -> usize {
        match self.is_empty() {
            true => 0,
            false => self.before + HOST,
        }
    }

    pub(crate) fn of_rule(&self, rule: RuleIndex) -> Option<&Dictionary> {
        self.all.iter().find(|each| each.rule == rule)
    }

    /// Calls `each` with every term in `text` whose last byte is among `bytes`: its dictionary, its position there, and where it stands.
    /// What stands around it is not asked for.
    pub(crate) fn candidates(
        &self,
        text: &[u8],
        bytes: Range<usize>,
        each: &mut dyn FnMut(&Dictionary, Found),
    ) {
        if self.is_empty() || bytes.is_empty() {
            return;
        }
        let start = bytes.start.saturating_sub(self.before());
        let end = text.len().min(bytes.end + self.behind());
        let mut tell = |dictionary: &Dictionary, found: Found| {
            if bytes.contains(&(found.span.end - 1)) {
                each(dictionary, found);
            }
        };
        self.search(text, start..end, &mut |dictionary, found| {
            if !fold::is_beside(text, &found.span) {
                tell(dictionary, found);
            }
        });
        // What is written with other characters is looked for in the text as it reads.
        let mut from = start;
        while let Some(first) = fold::next_beyond_ascii(text, from..end) {
            let last = end.min(fold::cluster_end(text, first, FOLDED) + self.before());
            let core = from.max(first.saturating_sub(1))..last;
            let around = core.start.saturating_sub(self.before())..last + self.behind();
            for part in fold::characters(text, around.start..text.len().min(around.end)) {
                let folded = Folded::of(text, part);
                let letters = folded.text();
                self.search(letters, 0..letters.len(), &mut |dictionary, found| {
                    let span = folded.source(&found.span);
                    if core.contains(&(span.end - 1)) && fold::is_beside(text, &span) {
                        tell(dictionary, Found { span, ..found });
                    }
                });
            }
            from = last;
        }
    }

    /// Looks for terms in `bytes` of a text that reads as it stands.
    fn search(&self, text: &[u8], bytes: Range<usize>, each: &mut dyn FnMut(&Dictionary, Found)) {
        self.grams.hits(text, bytes.clone(), &mut |at, entry| {
            let Entry {
                dictionary,
                term: number,
                offset,
            } = *entry;
            let Some(dictionary) = self.all.get(dictionary as usize) else {
                return;
            };
            let number = number as usize;
            let Some(term) = dictionary.terms.get(number) else {
                return;
            };
            let span = term.span(text, at, offset.into());
            if let Some(span) = span.and_then(|span| whole(dictionary.kind, term, text, span)) {
                let rule = dictionary.rule;
                each(
                    dictionary,
                    Found {
                        rule,
                        term: number,
                        span,
                    },
                );
            }
        });
        for dictionary in &self.all {
            if let Some(keyed) = &dictionary.keyed {
                keyed.search(text, bytes.clone(), &mut |term, span| {
                    let rule = dictionary.rule;
                    each(dictionary, Found { rule, term, span });
                });
            }
        }
    }

    /// The longest term of `rule` that begins at `place`, if what must stand near it does.
    pub(crate) fn at(&self, rule: RuleIndex, text: &[u8], place: usize) -> Option<Told> {
        let dictionary = self.of_rule(rule)?;
        let reach = place..text.len().min(place + self.before());
        let mut longest: Option<Found> = None;
        self.candidates(text, reach, &mut |_, found| {
            let is_longer = |known: &Found| found.span.end > known.span.end;
            if found.rule == rule
                && found.span.start == place
                && longest.as_ref().is_none_or(is_longer)
            {
                longest = Some(found);
            }
        });
        let found = longest.filter(|found| self.is_meant(dictionary, text, found))?;
        let (span, before) = match dictionary.kind {
            DictionaryKind::Hosts | DictionaryKind::Registries => (host(text, found.span), 0),
            DictionaryKind::Packages => (package(text, found.span), term::PACKAGE.len()),
            _ => (found.span, 0),
        };
        Some(Told {
            word: span.start + before..span.end,
            span,
        })
    }

    /// Whether what must stand near a term does.
    pub(super) fn is_meant(&self, dictionary: &Dictionary, text: &[u8], found: &Found) -> bool {
        let has_near = || dictionary.has_near(text, &found.span);
        match dictionary.weight {
            Weight::Unique => dictionary.near.is_empty() || has_near(),
            Weight::Ordinary => {
                let is_capital = text
                    .get(found.span.start)
                    .is_some_and(|byte| !byte.is_ascii_lowercase());
                is_capital && has_near() || self.has_second(dictionary, text, found)
            }
        }
    }

    /// Whether another term of the dictionary stands near one.
    fn has_second(&self, dictionary: &Dictionary, text: &[u8], found: &Found) -> bool {
        let mut is_there = false;
        let around = dictionary.around(text, &found.span);
        self.candidates(text, around, &mut |_, other| {
            let is_apart = other.span.end <= found.span.start || other.span.start >= found.span.end;
            is_there |= other.rule == found.rule && other.term != found.term && is_apart;
        });
        is_there
    }
}

impl Dictionary {
    /// Whether terms count only where something else stands near them.
    pub(crate) fn has_condition(&self) -> bool {
        self.weight == Weight::Ordinary || !self.near.is_empty()
    }

    fn around(&self, text: &[u8], span: &Range<usize>) -> Range<usize> {
        span.start.saturating_sub(self.within)..text.len().min(span.end + self.within)
    }

    fn has_near(&self, text: &[u8], span: &Range<usize>) -> bool {
        self.around(text, span).any(|at| {
            let mut near = self.near.iter();
            near.any(|term| {
                let there = term.span(text, at, 0);
                there.is_some_and(|there| border::is_word(text, &there))
            })
        })
    }
}

/// What a term's letters are part of, if they are of what the dictionary holds.
fn whole(
    kind: DictionaryKind,
    term: &Term,
    text: &[u8],
    span: Range<usize>,
) -> Option<Range<usize>> {
    match kind {
        DictionaryKind::Names | DictionaryKind::Customers | DictionaryKind::People => {
            border::is_word(text, &span).then_some(span)
        }
        DictionaryKind::Hosts | DictionaryKind::Registries => {
            border::is_host(text, &span).then_some(span)
        }
        DictionaryKind::Packages => {
            let before = span.start.checked_sub(1).and_then(|at| text.get(at));
            let is_line = before.is_none_or(|byte| *byte == b'\n');
            (is_line && term.ends_package(text, span.end)).then_some(span)
        }
        DictionaryKind::Tickets => {
            let digits = text.get(span.end..).unwrap_or_default().iter();
            let digits = digits
                .take(TICKET_DIGITS + 1)
                .take_while(|byte| byte.is_ascii_digit());
            let digits = digits.count();
            let ticket = span.start..span.end + digits;
            let is_ticket = (1..=TICKET_DIGITS).contains(&digits) && border::is_word(text, &ticket);
            is_ticket.then_some(ticket)
        }
    }
}

/// The line that names the package whose beginning stands at `span`.
fn package(text: &[u8], span: Range<usize>) -> Range<usize> {
    let rest = text.get(span.end..).unwrap_or_default().iter().take(HOST);
    let rest = rest.take_while(|byte| byte.is_ascii_graphic());
    span.start..span.end + rest.count()
}

/// The whole name of the host whose end stands at `span`.
fn host(text: &[u8], span: Range<usize>) -> Range<usize> {
    let before = text.get(..span.start).unwrap_or_default().iter().rev();
    let before = before
        .take(HOST)
        .take_while(|&&byte| border::is_of_host(byte) || byte == b'.');
    let name = span.start - before.count()..span.end;
    // A name begins with no dot.
    let start = text.get(name.clone()).unwrap_or_default();
    let dots = start
        .iter()
        .take_while(|&&byte| matches!(byte, b'.' | b'-'))
        .count();
    name.start + dots..name.end
}

#[cfg(test)]
mod tests;
