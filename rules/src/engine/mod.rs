//! Scanning one text with every rule.
//!
//! Three steps: the prefilter finds keywords, and which rules' cores may match there ([`crate::beginnings`]); each of these is asked
//! whether it does ([`crate::probe`]); a rule that got a yes is run where its matches can begin. The result is exactly that of running each rule whose keyword
//! stands in the text over the whole text, leftmost match after leftmost match:
//!
//! Call `A(s)` the match that begins at `s`, if there is one; it depends on `s` and the text alone. A plain run takes the
//! least `s` not before the last match's end for which `A(s)` exists, again and again. [`crate::plan`] proves that `A(s)`
//! exists only for `s` in certain intervals before the places that answered the probe. So it is enough to look for the least
//! `s` in those intervals; and because no match is longer than the regex's maximum length, a search that stops that far behind
//! the interval's end still sees the whole of every `A(s)` with `s` in it. Intervals that begin before such a search ends are
//! searched together with it, so what a search finds has always begun in one of its own intervals, and no byte is searched for
//! one interval after the other. Look-around sees the true neighbours, because searches get a range of the text, not a slice.

use std::ops::Range;

use regex_automata::util::primitives::NonMaxUsize;
use regex_automata::{Anchored, Input, hybrid};

use crate::allowlist::Content;
use crate::compile::{Matcher, Search};
use crate::dictionary::Told;
use crate::entropy::shannon;
use crate::filter::{Facts, Outcome, Residue};
use crate::finder::{Cache, Work};
use crate::probe::Answer;
use crate::{LicenseSaid, RuleIndex, RuleSet};

mod built;
mod cost;
mod counted;
mod required;
mod trial;
mod window;

pub use built::{Copied, Marks};
pub use cost::{Cost, Costs};
use counted::{Alike, Heads, Waiting};
pub use trial::{Dropped, Trial, Tried};
pub use window::{Carried, Window};

/// Most matches reported of one text. A text with more is not scanned to its end: [`Scan::truncated`].
pub const MAX_MATCHES: usize = 10_000;

/// Of the matches of one rule in one text that an imported stopword hides, the first are told.
const MAX_HIDDEN: usize = 100;

/// Bytes that the probes of one rule may read per byte of text, before the rule is run over the whole text instead. It keeps
/// the time linear in the text, whatever the text; and it is large, because a byte of a probe costs far less than a byte of a
/// search that has to follow many beginnings of a long counted repetition at once.
const PROBE_SHARE: usize = 16;
/// And at least this many bytes.
const PROBE_FLOOR: usize = 64 * 1024;

/// Bytes that the searches of one rule may read per byte of text. One search seldom reads much more than its match, but a regex
/// whose match could go on far beyond it reads on, match after match. What is not done by then is not done: the text counts as
/// not read ([`Scan::truncated`]). It keeps the time linear in the text, whatever the rule.
const SEARCH_SHARE: u64 = 64;
/// And at least this many bytes.
const SEARCH_FLOOR: u64 = 1 << 20;

/// Memory that one worker's caches may hold from text to text, in bytes. One rule adds at most some 4 MiB at a time.
const CACHES: usize = 64 << 20;

/// A rule's find in one text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match {
    pub rule: RuleIndex,
    /// What the regex matched, in bytes of the text.
    pub span: Range<usize>,
    /// The secret in it.
    pub secret: Range<usize>,
    /// The rule's allowlists whose excuse depends on the place, by their position.
    pub(crate) depends: Vec<u16>,
    /// What is left of the rule's filters that depend on the place.
    pub(crate) residues: Vec<(u16, Residue)>,
    /// An imported allowlist excuses it for a word in the secret.
    pub(crate) by_word: bool,
    /// How certain the rule's judge is, in percent; nothing of a rule without one.
    pub certainty: Option<u8>,
}

impl Match {
    /// Whether it stands nowhere, and is told all the same: [`Hiding::Stopword`](crate::Hiding).
    pub fn is_hidden(&self) -> bool {
        self.by_word
    }
}

/// How a scan ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Scan {
    /// The text held more matches than are reported, or a rule took more steps than it is granted: it is not scanned, and
    /// must not pass as clean.
    pub truncated: bool,
}

/// Working memory of one worker: caches of the regex engines, made when first needed and kept.
pub struct Scratch {
    rules: Vec<Progress>,
    /// Rules that one of this text's keywords has woken.
    woken: Vec<usize>,
    slots: Vec<Option<NonMaxUsize>>,
    max_matches: usize,
    /// What was done since it was last asked.
    work: Work,
    /// Rules of this text that were ended before its end.
    exhausted: Vec<RuleIndex>,
    /// What the caches hold, and may hold, in bytes.
    held: usize,
    max_held: usize,
}

/// What a rule says of a place.
#[derive(Clone, Copy)]
enum Asked {
    /// It may match there.
    Place,
    /// It may match anywhere in the text.
    Whole,
    /// It does not match there; it read up to this byte of the text to know.
    Read(usize),
}

/// One rule's state within one text, and its caches.
#[derive(Default)]
struct Progress {
    probe: Option<Box<hybrid::dfa::Cache>>,
    search: Option<Box<Cache>>,
    is_woken: bool,
    /// Every place of the text may begin a match.
    whole: bool,
    /// Places where the core matched.
    places: Vec<usize>,
    /// Places where it would need more text.
    open: Vec<usize>,
    /// The last place asked about, and the answer; keywords inside each other often ask twice.
    asked: Option<(usize, Asked)>,
    /// Bytes that probes may read, and may still read.
    granted: usize,
    budget: usize,
    /// What its caches held when last asked, in bytes.
    held: usize,
}

impl Progress {
    /// Brings `held` up to date with this rule's caches.
    fn account(&mut self, held: &mut usize) {
        let probe = self.probe.as_ref().map_or(0, |cache| cache.memory_usage());
        let search = self.search.as_ref().map_or(0, |cache| cache.memory_usage());
        let places = (self.places.capacity() + self.open.capacity()) * size_of::<usize>();
        let now = probe + search + places;
        *held = held.saturating_sub(self.held).saturating_add(now);
        self.held = now;
    }

    /// Lets the caches go. The places stay: another rule may require this one, and ask again where it matches.
    fn release(&mut self, held: &mut usize) {
        *held = held.saturating_sub(self.held);
        self.held = 0;
        self.probe = None;
        self.search = None;
    }
}

impl Scratch {
    /// For `rules` and no other set.
    pub fn new(rules: &RuleSet) -> Self {
        Self {
            rules: rules.matchers.iter().map(|_| Progress::default()).collect(),
            woken: Vec::new(),
            slots: Vec::new(),
            max_matches: MAX_MATCHES,
            work: Work::default(),
            exhausted: Vec::new(),
            held: 0,
            max_held: CACHES,
        }
    }

    /// The same, with another limit on the matches of one text.
    pub fn with_max_matches(rules: &RuleSet, max_matches: usize) -> Self {
        Self {
            max_matches,
            ..Self::new(rules)
        }
    }

    /// The same, with another limit on the bytes that its caches hold from text to text. One text adds up to some
    /// 4 MiB for the rule at work.
    pub fn holding(self, bytes: usize) -> Self {
        Self {
            max_held: bytes,
            ..self
        }
    }

    /// What its scans took since this was last asked: the bytes that the rules' automata read, each as often as it was read,
    /// and how often one gave up; and how much text there was, and what of it was read for keywords. What filters and allowlists
    /// read of matches is not counted.
    pub fn take_work(&mut self) -> Work {
        std::mem::take(&mut self.work)
    }

    /// Makes ready for the next text.
    fn settle(&mut self) {
        self.exhausted.clear();
        for rule in self.woken.drain(..) {
            if let Some(progress) = self.rules.get_mut(rule) {
                progress.is_woken = false;
                let read = progress.granted.saturating_sub(progress.budget) as u64;
                self.work.bytes = self.work.bytes.saturating_add(read);
                progress.places.clear();
                progress.open.clear();
                progress.account(&mut self.held);
            }
        }
        if self.held > self.max_held {
            for progress in &mut self.rules {
                progress.release(&mut self.held);
                progress.places = Vec::new();
                progress.open = Vec::new();
            }
        }
    }

    fn wake(&mut self, rule: usize, whole: bool, text: &[u8]) -> Option<&mut Progress> {
        let progress = self.rules.get_mut(rule)?;
        if !progress.is_woken {
            progress.is_woken = true;
            progress.whole = whole;
            progress.asked = None;
            progress.granted = text.len().saturating_mul(PROBE_SHARE).max(PROBE_FLOOR);
            progress.budget = progress.granted;
            self.woken.push(rule);
        }
        Some(progress)
    }
}

impl RuleSet {
    /// Appends what the rules find in `text` to `matches`, ordered by place and then by rule. Paths are not looked at.
    ///
    /// Entropy, validators and the content halves of allowlists are applied; what is left of the allowlists is for
    /// [`RuleSet::standing`]. `scratch` must have been made for this set. Time is linear in the text for rules of bounded length.
    pub fn scan(&self, text: &[u8], scratch: &mut Scratch, matches: &mut Vec<Match>) -> Scan {
        self.find_places(text, scratch);
        let scan = self.run_woken(text, scratch, matches);
        scratch.settle();
        scan
    }

    fn find_places(&self, text: &[u8], scratch: &mut Scratch) {
        for &rule in &self.always {
            scratch.wake(rule, true, text);
        }
        scratch.work.scanned += text.len() as u64;
        scratch.work.sought += text.len() as u64;
        self.prefilter
            .candidates(text, 0..text.len(), |rule, place, _| {
                self.ask(rule as usize, place, text, scratch);
            });
        self.dictionaries
            .candidates(text, 0..text.len(), &mut |dictionary, found| {
                self.take_over(dictionary.rule, Some(found.span.start), text, scratch);
            });
    }

    /// Asks a rule whether it may match at a place where one of its keywords says so, and notes the answer.
    fn ask(&self, rule: usize, place: usize, text: &[u8], scratch: &mut Scratch) -> Asked {
        let search = self
            .matchers
            .get(rule)
            .and_then(|matcher| matcher.search.as_ref());
        let Some(search) = search else {
            return Asked::Read(place);
        };
        let Some(progress) = scratch.wake(rule, search.probe.is_none(), text) else {
            return Asked::Read(place);
        };
        let Some(probe) = search.probe.as_ref().filter(|_| !progress.whole) else {
            return Asked::Whole;
        };
        if let Some((_, answer)) = progress.asked.filter(|(last, _)| *last == place) {
            return answer;
        }
        let probe = probe.get();
        let cache = progress
            .probe
            .get_or_insert_with(|| Box::new(probe.cache()));
        let budget = progress.budget;
        let answer = probe.ask(cache, text, place, &mut progress.budget);
        let read = place + (budget - progress.budget);
        let asked = match answer {
            Answer::Fails => Asked::Read(read),
            Answer::Ends => {
                progress.open.push(place);
                Asked::Read(read)
            }
            Answer::Matches => {
                progress.places.push(place);
                Asked::Place
            }
            Answer::Unknown | Answer::GaveUp => {
                progress.whole = true;
                Asked::Whole
            }
        };
        progress.asked = Some((place, asked));
        scratch.work.fallbacks += u64::from(answer == Answer::GaveUp);
        asked
    }

    fn run_woken(&self, text: &[u8], scratch: &mut Scratch, matches: &mut Vec<Match>) -> Scan {
        let first = matches.len();
        let most = scratch.max_matches;
        let mut truncated = false;
        let mut hidden = (RuleIndex::MAX, 0);
        let mut told = 0;
        let mut heads = Heads::default();
        let mut waiting = Waiting::default();
        let mut alike = Alike::default();
        let everywhere = |rule| self.reports(rule).then_some(0..text.len());
        self.run_each(text, scratch, &everywhere, &mut |rule, matcher, slots| {
            let Some(found) = matcher.judge(rule, text, slots) else {
                return true;
            };
            let start = found.span.start;
            if (matcher.head).is_some_and(|lines| !heads.hold(text, lines, start)) {
                return false;
            }
            if let Some(least) = matcher.at_least {
                return found.by_word || waiting.count(found, least, text);
            }
            if found.by_word {
                hidden = match hidden {
                    (of, count) if of == rule => (rule, count + 1),
                    _ => (rule, 1),
                };
                if hidden.1 <= MAX_HIDDEN {
                    matches.push(found);
                }
                return true;
            }
            let says = self.rules.get(rule).and_then(|rule| rule.license);
            if says.is_some_and(LicenseSaid::by_words) && !alike.tell(&found, text) {
                return true;
            }
            if told >= most {
                truncated = true;
                return false;
            }
            told += 1;
            matches.push(found);
            true
        });
        matches.extend(waiting.enough());
        if !self.parts.is_empty() {
            self.drop_unmet(text, scratch, matches, first);
        }
        in_order(matches, first);
        truncated |= !scratch.exhausted.is_empty();
        Scan { truncated }
    }

    /// Runs every woken rule on `text` for which `starts` names a range: its matches begin there.
    fn run_each(
        &self,
        text: &[u8],
        scratch: &mut Scratch,
        starts: &dyn Fn(RuleIndex) -> Option<Range<usize>>,
        keep: &mut KeepOf<'_>,
    ) {
        let Scratch {
            rules,
            woken,
            slots,
            held,
            max_held,
            work,
            exhausted,
            ..
        } = scratch;
        for &rule in woken.iter() {
            let Some((matcher, progress)) = self.matchers.get(rule).zip(rules.get_mut(rule)) else {
                continue;
            };
            if !progress.whole && progress.places.is_empty() {
                continue;
            }
            let Some(starts) = starts(rule) else {
                continue;
            };
            progress.places.sort_unstable();
            progress.places.dedup();
            let Some(search) = &matcher.search else {
                self.run_dictionary(text, starts, rule, &progress.places, &mut |slots| {
                    keep(rule, matcher, slots)
                });
                progress.account(held);
                continue;
            };
            let cache = progress
                .search
                .get_or_insert_with(|| Box::new(search.regex.get().create_cache()));
            slots.clear();
            slots.resize(search.regex.get().group_info().slot_len(), None);
            let mut run = Run::new(search, text, starts, cache, slots);
            let mut keep = |slots: &[Option<NonMaxUsize>]| keep(rule, matcher, slots);
            if progress.whole {
                run.everywhere(&mut keep);
            } else {
                run.near(&progress.places, &mut keep);
            }
            if run.exhausted {
                exhausted.push(rule);
            }
            *work += std::mem::take(&mut run.cache.work);
            progress.account(held);
            if *held > *max_held {
                progress.release(held);
            }
        }
    }
}

impl RuleSet {
    /// Runs a dictionary at `places` of `text`, which are sorted, where its terms stand, each once.
    fn run_dictionary(
        &self,
        text: &[u8],
        starts: Range<usize>,
        rule: RuleIndex,
        places: &[usize],
        keep: &mut Keep<'_>,
    ) {
        let mut end = starts.start;
        for &place in places {
            let found = self.dictionaries.at(rule, text, place);
            let is_here =
                |found: &Told| starts.contains(&found.span.start) && found.span.start >= end;
            let Some(found) = found.filter(is_here) else {
                continue;
            };
            end = found.span.end;
            if !keep(&found.slots()) {
                return;
            }
        }
    }
}

/// Sorts the matches from the `first` on by place and then by rule.
fn in_order(matches: &mut [Match], first: usize) {
    if let Some(new) = matches.get_mut(first..) {
        new.sort_by_key(|found| (found.span.start, found.rule));
    }
}

/// One rule's regex on one text.
struct Run<'r> {
    search: &'r Search,
    text: &'r [u8],
    /// Where matches may begin.
    starts: Range<usize>,
    cache: &'r mut Cache,
    slots: &'r mut [Option<NonMaxUsize>],
    /// Bytes that it may read.
    granted: u64,
    /// It had read them before it was done.
    exhausted: bool,
}

/// Takes the slots of a rule's match; `false` ends that rule's run.
type KeepOf<'k> = dyn FnMut(RuleIndex, &Matcher, &[Option<NonMaxUsize>]) -> bool + 'k;

/// Takes the slots of a match; `false` ends the run.
type Keep<'k> = dyn FnMut(&[Option<NonMaxUsize>]) -> bool + 'k;

impl<'r> Run<'r> {
    fn new(
        search: &'r Search,
        text: &'r [u8],
        starts: Range<usize>,
        cache: &'r mut Cache,
        slots: &'r mut [Option<NonMaxUsize>],
    ) -> Self {
        cache.work = Work::default();
        let granted = (text.len() as u64).saturating_mul(SEARCH_SHARE);
        Self {
            search,
            text,
            starts,
            cache,
            slots,
            granted: granted.max(SEARCH_FLOOR),
            exhausted: false,
        }
    }

    /// Match after match over the whole text.
    fn everywhere(&mut self, keep: &mut Keep<'_>) {
        let mut from = self.starts.start;
        while let Some(found) = self.next(from..self.text.len(), Anchored::No) {
            if !keep(self.slots) {
                return;
            }
            // No regex of a rule matches empty text, so this is progress.
            from = found.end;
        }
    }

    /// Match after match that begins near one of `places`, which are sorted.
    fn near(&mut self, places: &[usize], keep: &mut Keep<'_>) {
        let starts = |place: usize| {
            let first = self
                .search
                .before_max
                .map_or(0, |max| place.saturating_sub(max));
            Some(first..=place.checked_sub(self.search.before_min)?)
        };
        let mut intervals = places.iter().filter_map(|&place| starts(place)).peekable();
        let one_place = self.search.before_max == Some(0);
        let reach = self.search.max_length.unwrap_or(usize::MAX);
        let mut from = self.starts.start;
        while let Some(interval) = intervals.next() {
            let first = *interval.start();
            let mut last = *interval.end();
            // An anchored search begins where it is told and reaches no other interval.
            while !one_place
                && let Some(next) =
                    intervals.next_if(|next| *next.start() <= last.saturating_add(reach))
            {
                last = last.max(*next.end());
            }
            let end = last.saturating_add(reach).min(self.text.len());
            from = from.max(first);
            while from <= last {
                let anchored = if one_place {
                    Anchored::Yes
                } else {
                    Anchored::No
                };
                let Some(found) = self.next(from..end, anchored) else {
                    break;
                };
                if !keep(self.slots) {
                    return;
                }
                from = found.end;
            }
        }
    }

    /// The next match that ends in `range` and begins in it and among `starts`.
    fn next(&mut self, range: Range<usize>, anchored: Anchored) -> Option<Range<usize>> {
        self.exhausted |= self.cache.work.bytes > self.granted;
        if range.start > range.end || self.exhausted {
            return None;
        }
        let input = Input::new(self.text).range(range).anchored(anchored);
        let regex = self.search.regex.get();
        if !regex.search(self.cache, &input, self.slots) {
            return None;
        }
        group(self.slots, 0).filter(|found| found.start < self.starts.end)
    }
}

/// What a capture group matched; group 0 is the whole match.
pub(crate) fn group(slots: &[Option<NonMaxUsize>], index: usize) -> Option<Range<usize>> {
    let start = slots.get(index * 2).copied().flatten()?;
    let end = slots.get(index * 2 + 1).copied().flatten()?;
    Some(start.get()..end.get())
}

impl Matcher {
    /// Turns what the regex found into a match, unless its content says that it is none.
    fn judge(&self, rule: RuleIndex, text: &[u8], slots: &[Option<NonMaxUsize>]) -> Option<Match> {
        let span = group(slots, 0)?;
        let secret = self.secret(text, slots, &span);
        let bytes = text.get(secret.clone())?;
        if self
            .entropy
            .is_some_and(|entropy| shannon(bytes) <= entropy)
        {
            return None;
        }
        if self.validator.is_some_and(|check| !check(bytes)) {
            return None;
        }
        let certainty = match &self.judge {
            Some(judging) => Some(judging.certainty(text, &span, &secret, slots)?),
            None => None,
        };
        let mut depends = Vec::new();
        let mut by_word = false;
        for (at, list) in self.allowlists.iter().enumerate() {
            match list.content(text, &span, &secret) {
                Content::Excused => return None,
                Content::ByWord if !list.imported => return None,
                Content::ByWord => by_word = true,
                Content::Depends => depends.push(u16::try_from(at).unwrap_or(u16::MAX)),
                Content::Stands => {}
            }
        }
        let facts = Facts {
            text,
            span: &span,
            secret: &secret,
            rule: &self.id,
        };
        let mut residues = Vec::new();
        for (at, expression) in self.filters.iter().enumerate() {
            match expression.filter.content(&facts) {
                Outcome::Discarded => return None,
                Outcome::ByWord if !expression.imported => return None,
                Outcome::ByWord => by_word = true,
                Outcome::Depends(residue) => {
                    residues.push((u16::try_from(at).unwrap_or(u16::MAX), residue));
                }
                Outcome::Stands => {}
            }
        }
        Some(Match {
            rule,
            span,
            secret,
            depends,
            residues,
            by_word,
            certainty,
        })
    }

    /// gitleaks' choice: the group that is asked for; without one, the first group that holds anything; else the whole match
    /// without newlines around it.
    fn secret(
        &self,
        text: &[u8],
        slots: &[Option<NonMaxUsize>],
        span: &Range<usize>,
    ) -> Range<usize> {
        let chosen = match self.secret_group {
            0 => (1..slots.len() / 2)
                .filter_map(|index| group(slots, index))
                .find(|group| !group.is_empty()),
            index => group(slots, index),
        };
        chosen.unwrap_or_else(|| {
            let whole = text.get(span.clone()).unwrap_or_default();
            let before = whole.iter().take_while(|&&byte| byte == b'\n').count();
            let after = whole
                .iter()
                .rev()
                .take_while(|&&byte| byte == b'\n')
                .count();
            if before == whole.len() {
                span.clone()
            } else {
                span.start + before..span.end - after
            }
        })
    }
}

#[cfg(test)]
mod tests;
