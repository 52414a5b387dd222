//! What the parts of an expression are worth for one match, at one place.

use std::borrow::Cow;
use std::ops::Range;

use aho_corasick::AhoCorasick;
use regex_automata::meta::Regex;

use crate::allowlist::{LINE, Site, line};
use crate::entropy::shannon;

/// Longest text that is put together, in bytes.
const TEXT: usize = 64 << 10;

/// A match in its text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts<'t> {
    pub(crate) text: &'t [u8],
    pub(crate) span: &'t Range<usize>,
    pub(crate) secret: &'t Range<usize>,
    /// The id of its rule.
    pub(crate) rule: &'t str,
}

/// What an expression is held against while a text is scanned.
pub(super) struct Ground<'g> {
    pub(super) facts: Option<&'g Facts<'g>>,
    /// Whether words in secrets count; otherwise they are unknown.
    pub(super) words: bool,
}

/// A truth, as far as it is known without the place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Residue {
    Known(Option<bool>),
    /// By the position of a part that is about places.
    Place(u16),
    Not(Box<Residue>),
    All(Vec<Residue>),
    Any(Vec<Residue>),
}

#[derive(Clone, Debug)]
pub(super) enum Bool {
    Known(Option<bool>),
    Not(Box<Bool>),
    All(Vec<Bool>),
    Any(Vec<Bool>),
    Place(u16),
    Matches(Text, Regex),
    /// `None`: no word can be there.
    Contains(Text, Option<AhoCorasick>),
    Compare(Number, Order, Number),
    Equal(Text, Text),
    In(Text, Vec<String>),
    Part(Text, Side, Text),
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Order {
    Less,
    LessOrEqual,
    Equal,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Side {
    Anywhere,
    Start,
    End,
}

#[derive(Clone, Debug)]
pub(super) enum Text {
    Unknown,
    Literal(String),
    Secret,
    Match,
    Line,
    Rule,
    /// The text around the match; only slices of it are taken.
    Fragment,
    /// With what stands for none.
    Path(String),
    Commit(String),
    Joined(Vec<Text>),
    Slice(Box<Text>, Box<Number>, Option<Box<Number>>),
    Found(Box<Text>, Regex),
    Lower(Box<Text>),
    Upper(Box<Text>),
}

#[derive(Clone, Debug)]
pub(super) enum Number {
    Unknown,
    Literal(f64),
    Entropy(Text),
    /// In characters.
    Length(Text),
    /// Places in the fragment.
    MatchStart,
    MatchEnd,
    LineStart,
    LineEnd,
    Sum(Box<Number>, Box<Number>),
    Product(Box<Number>, Box<Number>),
    Greatest(Vec<Number>),
    Least(Vec<Number>),
}

impl Bool {
    /// Its truth as far as it is known without the place.
    pub(super) fn reduce(&self, ground: &Ground<'_>) -> Residue {
        match self {
            Self::Not(of) => match of.reduce(ground) {
                Residue::Known(truth) => Residue::Known(truth.map(|truth| !truth)),
                residue => Residue::Not(Box::new(residue)),
            },
            Self::All(parts) => join(parts, false, ground),
            Self::Any(parts) => join(parts, true, ground),
            Self::Place(index) => Residue::Place(*index),
            _ => Residue::Known(self.truth(&Values {
                facts: ground.facts,
                words: ground.words,
                site: None,
            })),
        }
    }

    /// Its truth at a place, of a part that is about places alone.
    pub(super) fn at(&self, site: &Site<'_>) -> Option<bool> {
        self.truth(&Values {
            facts: None,
            words: true,
            site: Some(site),
        })
    }

    fn truth(&self, values: &Values<'_>) -> Option<bool> {
        match self {
            Self::Known(truth) => *truth,
            Self::Matches(text, regex) => Some(regex.is_match(&*values.text(text)?)),
            Self::Contains(Text::Secret, _) if !values.words => None,
            Self::Contains(text, words) => {
                let text = values.text(text)?;
                let Some(words) = words else {
                    return Some(false);
                };
                Some(words.is_match(&text.to_ascii_lowercase()))
            }
            Self::Compare(left, order, right) => {
                let (left, right) = (values.number(left)?, values.number(right)?);
                Some(match order {
                    Order::Less => left < right,
                    Order::LessOrEqual => left <= right,
                    Order::Equal => left == right,
                })
            }
            Self::Equal(left, right) => Some(values.text(left)? == values.text(right)?),
            Self::In(text, list) => {
                let text = values.text(text)?;
                Some(list.iter().any(|each| each.as_bytes() == &*text))
            }
            Self::Part(text, side, part) => {
                let (text, part) = (values.text(text)?, values.text(part)?);
                Some(match side {
                    Side::Start => text.starts_with(&part),
                    Side::End => text.ends_with(&part),
                    Side::Anywhere => {
                        part.is_empty() || AhoCorasick::new([&part]).ok()?.is_match(&*text)
                    }
                })
            }
            Self::Not(_) | Self::All(_) | Self::Any(_) | Self::Place(_) => None,
        }
    }
}

/// `All` (where `decides` is false) or `Any` (where it is true) of the parts.
fn join(parts: &[Bool], decides: bool, ground: &Ground<'_>) -> Residue {
    let mut open = Vec::new();
    let mut unknown = false;
    for part in parts {
        match part.reduce(ground) {
            Residue::Known(Some(truth)) if truth == decides => {
                return Residue::Known(Some(decides));
            }
            Residue::Known(Some(_)) => {}
            Residue::Known(None) => unknown = true,
            residue => open.push(residue),
        }
    }
    if open.is_empty() {
        return Residue::Known((!unknown).then_some(!decides));
    }
    if unknown {
        open.push(Residue::Known(None));
    }
    match decides {
        true => Residue::Any(open),
        false => Residue::All(open),
    }
}

impl Residue {
    /// What `place` says of each part that is about places decides.
    pub(super) fn truth(&self, place: &dyn Fn(u16) -> Option<bool>) -> Option<bool> {
        let any = |parts: &[Self], decides: bool| {
            let mut truth = Some(!decides);
            for part in parts {
                match part.truth(place) {
                    Some(found) if found == decides => return Some(decides),
                    Some(_) => {}
                    None => truth = None,
                }
            }
            truth
        };
        match self {
            Self::Known(truth) => *truth,
            Self::Place(index) => place(*index),
            Self::Not(of) => of.truth(place).map(|truth| !truth),
            Self::All(parts) => any(parts, false),
            Self::Any(parts) => any(parts, true),
        }
    }
}

/// Where values come from; what is not there is unknown.
struct Values<'v> {
    facts: Option<&'v Facts<'v>>,
    words: bool,
    site: Option<&'v Site<'v>>,
}

impl<'v> Values<'v> {
    fn text<'t>(&self, text: &'t Text) -> Option<Cow<'t, [u8]>>
    where
        'v: 't,
    {
        let of_site = |known: Option<&'t [u8]>, none: &'t String| {
            self.site?;
            Some(Cow::Borrowed(known.unwrap_or(none.as_bytes())))
        };
        Some(match text {
            Text::Unknown | Text::Fragment => return None,
            Text::Literal(text) => Cow::Borrowed(text.as_bytes()),
            Text::Secret => Cow::Borrowed(self.slice(self.facts?.secret.clone())?),
            Text::Match => {
                let mut text = self.slice(self.facts?.span.clone())?;
                while let [b'\n', rest @ ..] | [rest @ .., b'\n'] = text {
                    text = rest;
                }
                Cow::Borrowed(text)
            }
            Text::Line => {
                let facts = self.facts?;
                Cow::Borrowed(self.slice(line(facts.text, facts.span))?)
            }
            Text::Rule => Cow::Borrowed(self.facts?.rule.as_bytes()),
            Text::Path(none) => return of_site(self.site.and_then(|site| site.path), none),
            Text::Commit(none) => {
                let commit = self.site.and_then(|site| site.commit);
                return of_site(commit.map(str::as_bytes), none);
            }
            Text::Joined(parts) => {
                let mut joined = Vec::new();
                for part in parts {
                    joined.extend_from_slice(&self.text(part)?);
                    if joined.len() > TEXT {
                        return None;
                    }
                }
                Cow::Owned(joined)
            }
            Text::Slice(of, from, to) => {
                let of = match &**of {
                    Text::Fragment => Cow::Borrowed(self.slice(self.fragment()?)?),
                    of => self.text(of)?,
                };
                let to = match to {
                    Some(to) => self.number(to)?,
                    None => of.len() as f64,
                };
                let range = range(self.number(from)?, to, of.len());
                match of {
                    Cow::Borrowed(of) => Cow::Borrowed(of.get(range)?),
                    Cow::Owned(of) => Cow::Owned(of.get(range)?.to_vec()),
                }
            }
            Text::Found(of, regex) => {
                let of = self.text(of)?;
                let found = regex.find(&*of).map(|found| found.range());
                let found = found.unwrap_or_default();
                match of {
                    Cow::Borrowed(of) => Cow::Borrowed(of.get(found)?),
                    Cow::Owned(of) => Cow::Owned(of.get(found)?.to_vec()),
                }
            }
            Text::Lower(of) => Cow::Owned(ascii(self.text(of)?)?.to_ascii_lowercase()),
            Text::Upper(of) => Cow::Owned(ascii(self.text(of)?)?.to_ascii_uppercase()),
        })
    }

    fn number(&self, number: &Number) -> Option<f64> {
        let in_fragment = |place: usize| Some(place.checked_sub(self.fragment()?.start)? as f64);
        match number {
            Number::Unknown => None,
            Number::Literal(number) => Some(*number),
            Number::Entropy(text) => Some(shannon(&self.text(text)?)),
            Number::Length(text) => {
                let text = self.text(text)?;
                let chunks = text.utf8_chunks();
                let length =
                    chunks.map(|chunk| chunk.valid().chars().count() + chunk.invalid().len());
                Some(length.sum::<usize>() as f64)
            }
            Number::MatchStart => in_fragment(self.facts?.span.start),
            Number::MatchEnd => in_fragment(self.facts?.span.end),
            Number::LineStart => {
                let (fragment, start) = (self.fragment()?, self.facts?.span.start);
                let before = self.slice(fragment.start..start)?;
                let newline = before.iter().rposition(|&byte| is_newline(byte));
                Some(newline.map_or(0, |at| at + 1) as f64)
            }
            Number::LineEnd => {
                let (fragment, end) = (self.fragment()?, self.facts?.span.end);
                let after = self.slice(end..fragment.end)?;
                let newline = after.iter().position(|&byte| is_newline(byte));
                in_fragment(newline.map_or(fragment.end, |at| end + at))
            }
            Number::Sum(left, right) => Some(self.number(left)? + self.number(right)?),
            Number::Product(left, right) => Some(self.number(left)? * self.number(right)?),
            Number::Greatest(of) => self.numbers(of)?.into_iter().reduce(f64::max),
            Number::Least(of) => self.numbers(of)?.into_iter().reduce(f64::min),
        }
    }

    fn numbers(&self, of: &[Number]) -> Option<Vec<f64>> {
        of.iter().map(|number| self.number(number)).collect()
    }

    /// The match with what stands around it, cut where the lines of allowlists are.
    fn fragment(&self) -> Option<Range<usize>> {
        let Facts { text, span, .. } = self.facts?;
        Some(span.start.saturating_sub(LINE)..span.end.saturating_add(LINE).min(text.len()))
    }

    fn slice(&self, range: Range<usize>) -> Option<&'v [u8]> {
        self.facts?.text.get(range)
    }
}

fn is_newline(byte: u8) -> bool {
    matches!(byte, b'\r' | b'\n')
}

fn ascii(text: Cow<'_, [u8]>) -> Option<Cow<'_, [u8]>> {
    text.is_ascii().then_some(text)
}

/// A slice as Expr cuts it: a negative bound counts from the end, and what lies outside is moved inside.
fn range(from: f64, to: f64, length: usize) -> Range<usize> {
    let inside = |place: f64| {
        let place = if place < 0.0 {
            place + length as f64
        } else {
            place
        };
        // A cast cuts what is below zero, and the fraction.
        (place as usize).min(length)
    };
    let to = inside(to);
    inside(from).min(to)..to
}
