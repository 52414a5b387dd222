//! Where a rule's matches can begin, given where its keywords stand.
//!
//! Running a regex over a whole text because some keyword stands somewhere in it is what makes scanners slow. For most rules
//! more can be known from the regex alone: it is a concatenation `before core`, where every text that `core` matches begins
//! with one of a few words that contain a keyword at a known offset, and `before` has a bounded length. Then
//!
//! - a match can only begin where a keyword stands, minus that offset, minus the length of `before`;
//! - and only where `core`, tried anchored at that very place, matches.
//!
//! Both follow from what concatenation means, with look-around seeing the whole text in either case, so looking nowhere else
//! loses nothing. Where the regex does not have that shape, the answer is [`Plan::Whole`].

use std::borrow::Cow;

use regex_syntax::hir::literal::{ExtractKind, Extractor};
use regex_syntax::hir::{Capture, Class, ClassBytes, ClassBytesRange, Hir, HirKind};

/// Most words that may open a core.
const WORDS: usize = 512;
/// Fewer words than this are no secret.
const FIXED: usize = 64;
/// Most characters of a class that are spelled out into words.
const CLASS: usize = 16;

#[derive(Debug)]
enum Plan {
    /// Any place of a text that holds a keyword.
    Whole,
    /// Near a keyword only.
    Near(Near),
}

#[derive(Debug)]
struct Near {
    /// What must match right at the opening word is what follows so many parts of the concatenation ([`core`]).
    at: usize,
    /// A match begins at least this many bytes before the opening word,
    before_min: usize,
    /// and at most this many; `None` is no bound.
    before_max: Option<usize>,
    /// Which keyword, and how many bytes of the opening word stand before it.
    openings: Vec<Opening>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Opening {
    /// Position in the rule's list of keywords.
    pub(crate) keyword: usize,
    pub(crate) offset: usize,
    /// Which bytes the opening words begin with.
    pub(crate) first: Bytes,
    /// And which stand second.
    pub(crate) second: Bytes,
}

/// A set of bytes by their last five bits, which are those of a letter in either case. It may hold more than it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Bytes(pub(crate) u32);

impl Bytes {
    pub(crate) const ANY: Self = Self(u32::MAX);

    pub(crate) fn holds(self, byte: u8) -> bool {
        self.0 & (1 << (byte & 31)) != 0
    }

    fn of(byte: Option<&u8>) -> Self {
        byte.map_or(Self::ANY, |byte| Self(1 << (byte & 31)))
    }

    pub(crate) fn add(&mut self, others: Self) {
        self.0 |= others.0;
    }
}

/// What a set has to know of a regex before it first runs. Of the built-in rules the build script finds it out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outline<'o> {
    /// Groups beside that of the whole match.
    pub(crate) groups: usize,
    /// The number of the group `name`.
    pub(crate) name: Option<usize>,
    /// Longest match, in bytes; `None` is no bound.
    pub(crate) max_length: Option<usize>,
    /// `None` if any place of a text will do.
    pub(crate) split: Option<Split>,
    pub(crate) openings: Cow<'o, [Opening]>,
}

/// Where a core begins; the rest is said at [`Near`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Split {
    /// Parts of the concatenation that stand before the core.
    pub(crate) at: usize,
    pub(crate) before_min: usize,
    pub(crate) before_max: Option<usize>,
}

impl Outline<'static> {
    /// `keywords` are in lower case.
    pub(crate) fn of(regex: &Hir, keywords: &[String]) -> Self {
        let facts = regex.properties();
        let (split, openings) = match plan(regex, keywords) {
            Plan::Whole => {
                let anywhere = (0..keywords.len()).map(|keyword| Opening {
                    keyword,
                    offset: 0,
                    first: Bytes::ANY,
                    second: Bytes::ANY,
                });
                (None, anywhere.collect())
            }
            Plan::Near(near) => {
                let split = Split {
                    at: near.at,
                    before_min: near.before_min,
                    before_max: near.before_max,
                };
                (Some(split), near.openings)
            }
        };
        Self {
            groups: facts.explicit_captures_len(),
            name: group_named("name", regex),
            max_length: facts.maximum_len(),
            split,
            openings: Cow::Owned(openings),
        }
    }
}

/// The core of a regex that is split there.
pub(crate) fn core(regex: &Hir, at: usize) -> Hir {
    Hir::concat(parts(regex).split_off(at))
}

/// What the regex is a concatenation of, without captures.
fn parts(regex: &Hir) -> Vec<Hir> {
    match without_captures(regex).into_kind() {
        HirKind::Concat(parts) => parts,
        kind => vec![from_kind(kind)],
    }
}

/// The number of the group of this name. The recursion is bounded by the nesting limit of the parser.
fn group_named(name: &str, hir: &Hir) -> Option<usize> {
    match hir.kind() {
        HirKind::Capture(group) => match group.name.as_deref() == Some(name) {
            true => usize::try_from(group.index).ok(),
            false => group_named(name, &group.sub),
        },
        HirKind::Repetition(repeated) => group_named(name, &repeated.sub),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => {
            parts.iter().find_map(|part| group_named(name, part))
        }
        HirKind::Empty | HirKind::Literal(_) | HirKind::Class(_) | HirKind::Look(_) => None,
    }
}

/// The plan for a regex and its keywords, which are in lower case.
fn plan(regex: &Hir, keywords: &[String]) -> Plan {
    if keywords.is_empty() {
        return Plan::Whole;
    }
    let parts = parts(regex);
    // The earliest split is the best: the more `core` holds, the fewer places pass. A bounded `before` beats an unbounded one.
    let mut unbounded = None;
    for at in 0..parts.len() {
        let (before, core) = parts.split_at(at);
        let core = Hir::concat(core.to_vec());
        let Some(openings) = openings(&core, keywords) else {
            continue;
        };
        let before = Hir::concat(before.to_vec());
        let near = Near {
            at,
            before_min: before.properties().minimum_len().unwrap_or(0),
            before_max: before.properties().maximum_len(),
            openings,
        };
        if near.before_max.is_some() {
            return Plan::Near(near);
        }
        unbounded.get_or_insert(near);
    }
    unbounded.map_or(Plan::Whole, Plan::Near)
}

/// Whether `regex` matches a few words and nothing else, in any letter case.
pub(crate) fn is_fixed(regex: &Hir) -> bool {
    let words = Extractor::new()
        .kind(ExtractKind::Prefix)
        .limit_class(CLASS)
        .limit_total(FIXED)
        .extract(&in_lower_case(regex));
    words.literals().is_some() && words.is_exact()
}

/// How keywords stand in the words that open `core`, if every one of those words holds a keyword.
fn openings(core: &Hir, keywords: &[String]) -> Option<Vec<Opening>> {
    let words = Extractor::new()
        .kind(ExtractKind::Prefix)
        .limit_class(CLASS)
        .limit_total(WORDS)
        .extract(&in_lower_case(core));
    let mut openings = Vec::new();
    for word in words.literals()? {
        openings.push(opening(word.as_bytes(), keywords)?);
    }
    openings.sort_unstable();
    openings.dedup_by(|next, kept| {
        let is_same = (next.keyword, next.offset) == (kept.keyword, kept.offset);
        if is_same {
            kept.first.add(next.first);
            kept.second.add(next.second);
        }
        is_same
    });
    Some(openings)
}

/// The keyword that stands first in `word`; of several there, the longest, which is the rarest in texts.
fn opening(word: &[u8], keywords: &[String]) -> Option<Opening> {
    let at = |keyword: &str| {
        word.windows(keyword.len())
            .position(|window| window == keyword.as_bytes())
    };
    keywords
        .iter()
        .enumerate()
        .filter_map(|(index, keyword)| {
            Some((at(keyword)?, std::cmp::Reverse(keyword.len()), index))
        })
        .min()
        .map(|(offset, _, keyword)| Opening {
            keyword,
            offset,
            first: Bytes::of(word.first()),
            second: Bytes::of(word.get(1)),
        })
}

/// The same language, groups no longer remembered. The recursion is bounded by the nesting limit of the parser.
fn without_captures(hir: &Hir) -> Hir {
    rebuild(hir, &without_captures)
}

/// The language in lower case: if a text matches `hir`, its lower-case form matches the result. Keywords are found in any
/// letter case, so this is the form in which words and keywords meet; a class `[Aa]` becomes one letter instead of two words.
fn in_lower_case(hir: &Hir) -> Hir {
    match hir.kind() {
        HirKind::Literal(literal) => Hir::literal(literal.0.to_ascii_lowercase()),
        HirKind::Class(Class::Bytes(class)) => {
            let lower = class
                .ranges()
                .iter()
                .flat_map(|range| range.start()..=range.end());
            let lower = lower.map(|byte| byte.to_ascii_lowercase());
            Hir::class(Class::Bytes(ClassBytes::new(
                lower.map(|byte| ClassBytesRange::new(byte, byte)),
            )))
        }
        _ => rebuild(hir, &in_lower_case),
    }
}

/// `hir` with every child mapped, and captures replaced by what they hold.
fn rebuild(hir: &Hir, map: &dyn Fn(&Hir) -> Hir) -> Hir {
    match hir.kind() {
        HirKind::Capture(Capture { sub, .. }) => map(sub),
        HirKind::Repetition(repetition) => Hir::repetition(repetition.with(map(&repetition.sub))),
        HirKind::Concat(subs) => Hir::concat(subs.iter().map(map).collect()),
        HirKind::Alternation(subs) => Hir::alternation(subs.iter().map(map).collect()),
        HirKind::Empty | HirKind::Literal(_) | HirKind::Class(_) | HirKind::Look(_) => hir.clone(),
    }
}

fn from_kind(kind: HirKind) -> Hir {
    match kind {
        HirKind::Empty => Hir::empty(),
        HirKind::Literal(literal) => Hir::literal(literal.0),
        HirKind::Class(class) => Hir::class(class),
        HirKind::Look(look) => Hir::look(look),
        HirKind::Repetition(repetition) => Hir::repetition(repetition),
        HirKind::Capture(capture) => Hir::capture(capture),
        HirKind::Concat(subs) => Hir::concat(subs),
        HirKind::Alternation(subs) => Hir::alternation(subs),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect;

    /// before_min, before_max, and every opening's keyword and offset.
    type Shape<'s> = (usize, Option<usize>, &'s [(&'s str, usize)]);

    fn check(regex: &str, keywords: &[&str], expected: Option<Shape<'_>>) {
        let words: Vec<String> = keywords.iter().map(|&word| word.to_owned()).collect();
        let near = match plan(&dialect::parse(regex).unwrap(), &words) {
            Plan::Whole => None,
            Plan::Near(near) => Some(near),
        };
        let Some((near, expected)) = near.as_ref().zip(expected) else {
            assert_eq!(near.is_some(), expected.is_some(), "{regex}");
            return;
        };
        let openings: Vec<_> = near
            .openings
            .iter()
            .map(|o| (keywords[o.keyword], o.offset))
            .collect();
        assert_eq!(
            (near.before_min, near.before_max, openings.as_slice()),
            expected,
            "{regex}"
        );
    }

    #[test]
    fn tokens_begin_at_their_keyword() {
        check(
            "tok_[a-z]{5}",
            &["tok_"],
            Some((0, Some(0), &[("tok_", 0)])),
        );
        check(
            r"\b(tok_[a-z]{5})\b",
            &["tok_"],
            Some((0, Some(0), &[("tok_", 0)])),
        );
        check("(?i)TOK_x", &["tok_"], Some((0, Some(0), &[("tok_", 0)])));
        check("my-tok_x", &["tok_"], Some((0, Some(0), &[("tok_", 3)])));
        check(
            "(?:ab|cd)_[0-9]",
            &["ab_", "cd_"],
            Some((0, Some(0), &[("ab_", 0), ("cd_", 0)])),
        );
        check(
            "t[xyz]_[0-9]+",
            &["tx_", "ty_", "tz_"],
            Some((0, Some(0), &[("tx_", 0), ("ty_", 0), ("tz_", 0)])),
        );
    }

    #[test]
    fn what_stands_before_is_measured() {
        check(
            r"(?i)[\w.-]{0,50}?(?:vendor)x",
            &["vendor"],
            Some((0, Some(50), &[("vendor", 0)])),
        );
        check(
            r"(?:^|[^a-z])vendor",
            &["vendor"],
            Some((0, Some(1), &[("vendor", 0)])),
        );
        check(
            r"[a-z]{3}vendor",
            &["vendor"],
            Some((3, Some(3), &[("vendor", 0)])),
        );
        check(
            r"[a-z]+\.vendor",
            &["vendor"],
            Some((1, None, &[("vendor", 1)])),
        );
    }

    #[test]
    fn openings_know_how_their_words_begin() {
        let keywords = ["key".to_owned()];
        let regex = dialect::parse("(?i)(?:api|app|own)_key|key").unwrap();
        let outline = Outline::of(&regex, &keywords);
        let [at_once, behind] = outline.openings.as_ref() else {
            panic!("{outline:?}")
        };
        assert_eq!((at_once.offset, behind.offset), (0, 4));
        for byte in *b"aAoO" {
            assert!(behind.first.holds(byte));
        }
        assert!(!behind.first.holds(b'x') && !behind.second.holds(b'k'));
        assert!(behind.second.holds(b'P') && behind.second.holds(b'w'));
    }

    #[test]
    fn few_words_are_fixed() {
        let fixed = |regex: &str| is_fixed(&dialect::parse(regex).unwrap());
        assert!(fixed("BEGIN") && fixed("(?i)(?:password|secret)s?") && fixed("v[1-9]"));
        assert!(!fixed("[a-z]{4}") && !fixed("key_.") && !fixed("a*"));
    }

    #[test]
    fn a_keyword_that_may_be_missing_is_no_anchor() {
        check("[a-z]{32}", &["vendor"], None);
        check("(?:vendor|other)x", &["vendor"], None);
        check("(?:vendor)?x", &["vendor"], None);
        check("vendor", &[], None);
    }
}
