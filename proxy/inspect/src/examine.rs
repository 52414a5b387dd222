//! One text through the rules: matches become hits that hold no secret.

use std::{collections::HashSet, ops::Range, sync::Arc};

use exeat_gitwire::pack::Clock;
use exeat_rules::{Carried, Match, RuleSet, Scratch, Window};

use crate::{
    excuse::comment,
    extract::{Alone, Why},
    fingerprint::{Fingerprint, FingerprintKey},
    layers::{self, Decoded, Via},
    licence::{self, Accepted},
    mask::Masked,
    overlap::Strength,
    stages::{self, Stages},
    surroundings::Surroundings,
    versions::{After, Before},
};

/// What one worker needs to examine texts. It holds the caches of the rules' automata, so it is
/// made once per thread and rule set, not once per text.
pub struct Examiner {
    rules: Arc<RuleSet>,
    key: FingerprintKey,
    scratch: Scratch,
    matches: Vec<Match>,
    strength: Strength,
    clock: Clock,
    spent: Stages,
    fallbacks: u64,
    /// What is asked of licences, where anybody asks.
    licences: Option<licence::Asked>,
    /// Hashes of short texts in which there was nothing; see [`Self::examine_often`].
    nothing_in: HashSet<blake3::Hash>,
}

/// Texts of which is remembered that there was nothing in them.
const MOST_REMEMBERED: usize = 8192;

/// A match whose text is gone: what is left may be kept, shown and sent.
#[derive(Clone, Debug)]
pub struct Hit {
    /// The match, for path conditions and allowlists that are judged later.
    pub found: Match,
    pub masked: Masked,
    /// Of one that says a licence, why that is not accepted.
    pub licence: Option<Arc<str>>,
    pub fingerprint: Fingerprint,
    /// Of all that the rule matched, without blanks at its ends: of a rule with groups the secret may be a
    /// word that any secret of its kind has.
    pub whole: Fingerprint,
    pub surroundings: Surroundings,
    /// A comment on one of its lines allows it.
    pub commented: bool,
    /// The line in which the match begins, counted from 1 and not above that of the secret.
    pub first_line: u64,
    /// Counted from 1.
    pub line: u64,
    /// Bytes from the start of the line, counted from 1.
    pub column: u64,
    /// The same in characters of UTF-8: bytes that begin one.
    pub character: u64,
    pub end_line: u64,
    /// How it was reached where it does not stand in the clear. Its places are then those of what it was decoded from.
    pub via: Option<Box<Via>>,
}

impl Hit {
    /// The text of its own that it lies in: only hits of one such text can overlap. 0 for the outer text.
    pub fn scope(&self) -> u32 {
        self.via.as_ref().map_or(0, |via| via.scope)
    }

    /// The bytes of the secret in that text.
    pub fn in_scope(&self) -> Range<usize> {
        match &self.via {
            Some(via) => via.secret.clone(),
            None => self.found.secret.clone(),
        }
    }
}

/// What examining one text gave.
#[derive(Clone, Default)]
pub struct Examined {
    pub hits: Vec<Hit>,
    /// The text held more matches than are counted; it was not read to its end.
    pub truncated: bool,
    /// A match may be there that is longer than can be told of a text in pieces.
    pub cut: bool,
    /// What was decoded of it.
    pub decoded: Decoded,
    /// Parts of it that were not read, with the way to each.
    pub unread: Vec<(Vec<String>, Why)>,
}

impl Examined {
    /// Whether there was nothing to find and nothing to decode, and all was read.
    fn is_nothing(&self) -> bool {
        let Self {
            hits,
            truncated,
            cut,
            decoded,
            unread,
        } = self;
        let is_read = !truncated && !cut && unread.is_empty();
        is_read && hits.is_empty() && *decoded == Decoded::default()
    }
}

impl Examiner {
    pub fn new(rules: Arc<RuleSet>, key: FingerprintKey) -> Self {
        let scratch = Scratch::new(&rules);
        Self {
            rules,
            key,
            scratch,
            matches: Vec::new(),
            strength: Strength::default(),
            clock: stages::still,
            spent: Stages::default(),
            fallbacks: 0,
            licences: None,
            nothing_in: HashSet::new(),
        }
    }

    /// Sets which of several findings on one secret speaks.
    pub fn with_strength(mut self, strength: Strength) -> Self {
        self.strength = strength;
        self
    }

    /// Sets how many bytes its automata may hold from text to text; of a rule set's default otherwise.
    pub fn with_cache(mut self, bytes: usize) -> Self {
        self.scratch = Scratch::new(&self.rules).holding(bytes);
        self
    }

    pub(crate) fn strength(&self) -> Strength {
        self.strength
    }

    pub fn rules(&self) -> &Arc<RuleSet> {
        &self.rules
    }

    /// How often automata gave up since this was last asked.
    pub(crate) fn take_fallbacks(&mut self) -> u64 {
        self.note_work();
        std::mem::take(&mut self.fallbacks)
    }

    /// Takes over what the scans since the last time took.
    fn note_work(&mut self) {
        let work = self.scratch.take_work();
        self.spent.effort += work;
        self.fallbacks += work.fallbacks;
    }

    /// Measures from now on by this clock.
    pub(crate) fn time_by(&mut self, clock: Clock) {
        self.clock = clock;
    }

    /// Tells from now on which licences are not accepted, or nothing of licences. Of names and messages nothing is asked.
    pub fn ask_of_licences(&mut self, accepted: Option<&Arc<Accepted>>) {
        match accepted {
            None if self.licences.is_none() => {}
            _ => self.licences.get_or_insert_default().ask(accepted),
        }
    }

    /// Whether anybody asks which licences are named.
    pub(crate) fn asks_of_licences(&self) -> bool {
        let asked = self.licences.as_ref();
        asked.is_some_and(licence::Asked::is_on) && self.rules.says_licenses()
    }

    /// Says whether the texts to come are what is told of manifests.
    pub(crate) fn reads_manifest(&mut self, is_manifest: bool) {
        if let Some(asked) = &mut self.licences {
            asked.is_manifest = is_manifest;
        }
    }

    /// Leaves of the matches that say licences those that are not accepted.
    fn judge_licences(&mut self, text: &[u8]) -> Vec<licence::Refused> {
        match &mut self.licences {
            _ if !self.rules.says_licenses() => Vec::new(),
            Some(asked) => asked.judge(&self.rules, text, &mut self.matches),
            None => {
                licence::drop_all(&self.rules, &mut self.matches);
                Vec::new()
            }
        }
    }

    /// What scanning and extracting took since this was last asked.
    pub(crate) fn take_spent(&mut self) -> Stages {
        self.note_work();
        std::mem::take(&mut self.spent)
    }

    /// Whether it was made for this very rule set and key.
    pub(crate) fn serves(&self, rules: &Arc<RuleSet>, key: &FingerprintKey) -> bool {
        Arc::ptr_eq(&self.rules, rules) && self.key == *key
    }

    /// The fingerprint of `text` under rule `rule_id`.
    pub fn fingerprint(&self, rule_id: &str, text: &[u8]) -> Fingerprint {
        self.key.fingerprint(rule_id, text)
    }

    /// Scans `text` whole and what is encoded or packed in it, without regard to where it comes from.
    pub fn examine(&mut self, text: &[u8]) -> Examined {
        let mut examined = self.scan(text);
        self.look_into(text, None, &mut examined);
        examined
    }

    /// The same of a text of a sort that comes again and again, as the names in a folder do when its files change: where there was
    /// nothing in it, it is not examined again.
    pub(crate) fn examine_often(&mut self, text: &[u8]) -> Examined {
        let content = blake3::hash(text);
        if self.nothing_in.contains(&content) {
            return Examined::default();
        }
        let examined = self.examine(text);
        if examined.is_nothing() {
            if self.nothing_in.len() >= MOST_REMEMBERED {
                self.nothing_in.clear();
            }
            self.nothing_in.insert(content);
        }
        examined
    }

    /// The same of a text of which a part may stand in another that was scanned with the same rules, as told by `before`. Gives
    /// what is to be known of it for texts that are built from it.
    pub(crate) fn examine_built(
        &mut self,
        text: &[u8],
        before: Option<&Before>,
    ) -> (Examined, After) {
        let began = (self.clock)();
        self.matches.clear();
        let other = before.and_then(Before::encoded);
        let before = before.and_then(Before::marked);
        let (scratch, matches) = (&mut self.scratch, &mut self.matches);
        let (scan, marks) = self.rules.scan_built(text, before, scratch, matches);
        let mut examined = self.scanned(text, scan.truncated, began);
        let known = self.extracting(text, |examiner| {
            layers::examine_built(examiner, text, other, &mut examined)
        });
        (examined, After { marks, known })
    }

    /// Looks into a text of which `examined` knows what stands there in the clear; see [`layers::examine`].
    pub(crate) fn look_into(&mut self, text: &[u8], alone: Option<Alone>, examined: &mut Examined) {
        self.extracting(text, |examiner| {
            layers::examine(examiner, text, alone, examined)
        });
    }

    /// Measures what of a look into `text` is not scanning, as extraction.
    fn extracting<T>(&mut self, text: &[u8], look: impl FnOnce(&mut Self) -> T) -> T {
        let (began, scanned) = ((self.clock)(), self.spent.scan);
        self.spent.effort.looked_into += text.len() as u64;
        let looked = look(self);
        let whole = (self.clock)().saturating_sub(began);
        self.spent.extract += whole.saturating_sub(self.spent.scan - scanned);
        looked
    }

    /// Scans `text` as it stands.
    pub fn scan(&mut self, text: &[u8]) -> Examined {
        let began = (self.clock)();
        self.matches.clear();
        let scan = self.rules.scan(text, &mut self.scratch, &mut self.matches);
        self.scanned(text, scan.truncated, began)
    }

    /// What a scan of `text` that began then has found.
    fn scanned(&mut self, text: &[u8], truncated: bool, began: u64) -> Examined {
        let hits = self.hits(text, &Position::default());
        self.spent.scan += (self.clock)().saturating_sub(began);
        Examined {
            hits,
            truncated,
            ..Examined::default()
        }
    }

    /// Scans a window of a longer text. The places of the hits are those in the whole text; `at` is
    /// where the window begins.
    pub(crate) fn examine_window(
        &mut self,
        window: &Window<'_>,
        carried: &mut Carried,
        at: &Position,
    ) -> Vec<Hit> {
        let began = (self.clock)();
        self.matches.clear();
        self.rules
            .scan_window(window, carried, &mut self.scratch, &mut self.matches);
        let mut hits = self.hits(window.text, at);
        self.spent.scan += (self.clock)().saturating_sub(began);
        for Hit { found, .. } in &mut hits {
            for range in [&mut found.span, &mut found.secret] {
                *range = range.start + window.offset..range.end + window.offset;
            }
        }
        hits
    }

    /// The matches as hits; `text`, in which they are, begins at `at`.
    fn hits(&mut self, text: &[u8], at: &Position) -> Vec<Hit> {
        self.matches.sort_by_key(|found| found.secret.start);
        let mut refused = self.judge_licences(text).into_iter().peekable();
        let mut lines = Lines::new(text, at);
        let key = &self.key;
        let rules = &self.rules;
        let hit = |found: Match| {
            let secret = text.get(found.secret.clone()).unwrap_or_default();
            let whole = text.get(found.span.clone()).unwrap_or_default();
            let rule = &rules.rule(found.rule).id;
            let at = lines.locate(found.secret.start);
            let line = at.line;
            let ahead = text.get(found.span.start..found.secret.start);
            // A line feed at its start ends the line before.
            let ahead = ahead.unwrap_or_default();
            let ahead = ahead.strip_prefix(b"\n").unwrap_or(ahead);
            let end_line = line + newlines(secret.strip_suffix(b"\n").unwrap_or(secret));
            // In the order of the matches that they are of.
            let licence = refused.next_if(|refused| {
                (refused.rule, refused.start) == (found.rule, found.secret.start)
            });
            let licence = licence.map(|refused| refused.why);
            Hit {
                masked: match licence {
                    Some(_) => Masked::nothing(),
                    None => Masked::new(secret),
                },
                licence,
                fingerprint: key.fingerprint(rule, secret),
                whole: key.fingerprint(rule, whole.trim_ascii()),
                surroundings: Surroundings::of(text, &found.secret),
                commented: comment::allows(comment::lines(text, &found.span), rule),
                first_line: line.saturating_sub(newlines(ahead)).max(1),
                line,
                column: at.column + 1,
                character: at.character + 1,
                end_line,
                via: None,
                found,
            }
        };
        self.matches.drain(..).map(hit).collect()
    }

    /// Scans a ref name or a path: as it stands, and each of its segments as a line of its own. A
    /// rule may ask that nothing but a blank stands beside the secret.
    pub fn examine_name(&mut self, name: &[u8]) -> Examined {
        let asked = self.licences.take();
        let examined = self.examine_words(name);
        self.licences = asked;
        examined
    }

    fn examine_words(&mut self, name: &[u8]) -> Examined {
        let mut examined = self.examine(name);
        if let Some(segments) = segment_lines(name) {
            let apart = self.examine(&segments);
            examined.truncated |= apart.truncated;
            for hit in apart.hits {
                let place = |hit: &Hit| (hit.found.rule, hit.scope(), hit.in_scope());
                if !examined
                    .hits
                    .iter()
                    .any(|other| place(other) == place(&hit))
                {
                    examined.hits.push(hit);
                }
            }
        }
        for hit in &mut examined.hits {
            hit.line = 1;
            hit.end_line = 1;
            let before = name.get(..hit.found.secret.start).unwrap_or_default();
            hit.column = before.len() as u64 + 1;
            hit.character = characters(before) + 1;
        }
        examined
    }

    /// The spans of `name` that any rule takes for a secret; all of it when there are too many.
    pub(crate) fn secrets_of_name(&mut self, name: &[u8]) -> Vec<Range<usize>> {
        let mut spans = self.secrets(name);
        if let Some(segments) = segment_lines(name) {
            spans.extend(self.secrets(&segments));
        }
        spans
    }

    fn secrets(&mut self, text: &[u8]) -> Vec<Range<usize>> {
        let examined = self.examine(text);
        if examined.truncated {
            return std::iter::once(0..text.len()).collect();
        }
        let secrets = examined.hits.into_iter().map(|hit| hit.found.secret);
        secrets.collect()
    }
}

/// A name of several segments with a line feed for each slash, so that offsets stay.
fn segment_lines(name: &[u8]) -> Option<Vec<u8>> {
    let as_line_feed = |&byte: &u8| if byte == b'/' { b'\n' } else { byte };
    name.contains(&b'/')
        .then(|| name.iter().map(as_line_feed).collect())
}

/// A place in a text, by its line.
#[derive(Clone, Debug)]
pub(crate) struct Position {
    /// Counted from 1.
    pub(crate) line: u64,
    /// Bytes between the start of the line and the place.
    pub(crate) column: u64,
    /// Characters of UTF-8 there.
    pub(crate) character: u64,
}

impl Default for Position {
    fn default() -> Self {
        Self {
            line: 1,
            column: 0,
            character: 0,
        }
    }
}

impl Position {
    /// Moves on behind `text`.
    pub(crate) fn pass(&mut self, text: &[u8]) {
        match bstr::ByteSlice::rfind_byte(text, b'\n') {
            Some(last) => {
                let tail = text.get(last + 1..).unwrap_or_default();
                self.line += newlines(text);
                self.column = tail.len() as u64;
                self.character = characters(tail);
            }
            None => {
                self.column += text.len() as u64;
                self.character += characters(text);
            }
        }
    }
}

/// Lines and columns of ascending offsets of one text, which is gone through once.
pub(crate) struct Lines<'a> {
    text: &'a [u8],
    offset: usize,
    at: Position,
}

impl<'a> Lines<'a> {
    /// For a text that begins at `at`.
    pub(crate) fn new(text: &'a [u8], at: &Position) -> Self {
        Self {
            text,
            offset: 0,
            at: at.clone(),
        }
    }

    /// Where `offset` is, which must not be below the one asked for before.
    pub(crate) fn locate(&mut self, offset: usize) -> &Position {
        let between = self.text.get(self.offset..offset).unwrap_or_default();
        self.at.pass(between);
        self.offset = offset.max(self.offset);
        &self.at
    }
}

/// Bytes that begin a character of UTF-8. Of other text a number near it.
fn characters(text: &[u8]) -> u64 {
    text.iter().filter(|&&byte| byte & 0xc0 != 0x80).count() as u64
}

pub(crate) fn newlines(text: &[u8]) -> u64 {
    bstr::ByteSlice::find_iter(text, b"\n").count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_count_from_one() {
        let mut lines = Lines::new("ab\nc\u{e4}d\n\nef".as_bytes(), &Position::default());
        let mut at = |offset| {
            let at = lines.locate(offset);
            (at.line, at.column + 1, at.character + 1)
        };
        assert_eq!(at(0), (1, 1, 1));
        assert_eq!(at(1), (1, 2, 2));
        assert_eq!(at(3), (2, 1, 1));
        assert_eq!(at(4), (2, 2, 2));
        assert_eq!(at(4), (2, 2, 2));
        assert_eq!(at(6), (2, 4, 3));
        assert_eq!(at(8), (3, 1, 1));
        assert_eq!(at(10), (4, 2, 2));
    }

    #[test]
    fn only_texts_with_nothing_in_them_are_examined_once() {
        let source = exeat_rules::Source {
            name: "t.toml".into(),
            text: "[[rules]]\nid='key'\nregex='key_[0-9]{6}'\nkeywords=['key_']\n".into(),
        };
        let rules = RuleSet::compile(&[source]).unwrap().rules;
        let mut examiner = Examiner::new(Arc::new(rules), FingerprintKey::new([0; 32]));
        for text in ["nothing\n", "a key_123456\n", r"a \x41\x42\x43\x44 of old"] {
            let first = examiner.examine_often(text.as_bytes());
            assert!(examiner.take_spent().effort.looked_into > 0, "{text}");
            let again = examiner.examine_often(text.as_bytes());
            let is_spared = examiner.take_spent().effort.looked_into == 0;
            assert_eq!(is_spared, text.starts_with("nothing"), "{text}");
            assert_eq!(first.hits.len(), again.hits.len());
            assert_eq!(first.decoded, again.decoded);
        }
    }

    #[test]
    fn segments_keep_their_offsets() {
        assert_eq!(segment_lines(b"a/b/").as_deref(), Some(&b"a\nb\n"[..]));
        assert_eq!(segment_lines(b"ab"), None);
    }
}
