//! What operators, functions and names of a filter expression mean, and of which types they are.

use aho_corasick::AhoCorasick;
use regex_automata::meta::Regex;

use super::{DEPTH, Kind, PARTS, Parser, Reads, Value};
use crate::compile::any_of;
use crate::filter::eval::{Bool, Number, Order, Side, Text};
use crate::filter::{Error, Place};
use crate::printable::printable;

impl Parser {
    /// Counts a part; nothing is made that is too deep or too large.
    pub(super) fn made(&mut self, at: usize, kind: Kind, reads: Reads) -> Result<Value, Error> {
        let reads = Reads {
            depth: reads.depth + 1,
            parts: reads.parts + 1,
            ..reads
        };
        if reads.depth > 4 * DEPTH || reads.parts > PARTS || self.parts > PARTS {
            return Err(Error::new(at, "it is too large"));
        }
        Ok(Value { at, kind, reads })
    }

    /// A value that is not known, and why.
    pub(super) fn any(&mut self, at: usize, reason: &str) -> Result<Value, Error> {
        self.unknown.push(Error::new(at, reason));
        self.made(at, Kind::Any, Reads::default())
    }

    fn mistyped(value: &Value, expected: &str) -> Error {
        Error::new(value.at, &format!("{expected} is expected here"))
    }

    /// A truth; one that reads both content and place is not known.
    pub(super) fn boolean(&mut self, value: Value) -> Result<Bool, Error> {
        match value.kind {
            Kind::Bool(test) => Ok(test),
            Kind::Any => Ok(Bool::Known(None)),
            _ => Err(Self::mistyped(&value, "a truth")),
        }
    }

    fn text(&mut self, value: Value) -> Result<Text, Error> {
        match value.kind {
            Kind::Text(Text::Fragment) => {
                let reason = "only slices of \"fragment_raw\" around the match are known";
                self.unknown.push(Error::new(value.at, reason));
                Ok(Text::Unknown)
            }
            Kind::Text(text) => Ok(text),
            Kind::Any => Ok(Text::Unknown),
            _ => Err(Self::mistyped(&value, "a text")),
        }
    }

    pub(super) fn number(&mut self, value: Value) -> Result<Number, Error> {
        match value.kind {
            Kind::Number(number) => Ok(number),
            Kind::Any => Ok(Number::Unknown),
            _ => Err(Self::mistyped(&value, "a number")),
        }
    }

    /// A list of texts, or one that is not known.
    fn words(&mut self, value: &Value) -> Result<Option<Vec<String>>, Error> {
        match &value.kind {
            Kind::Words(words) => Ok(Some(words.clone())),
            Kind::Any => Ok(None),
            _ => Err(Self::mistyped(value, "a list of texts")),
        }
    }

    /// A comparison or a question: what reads places alone is set apart, to be asked for each place.
    fn leaf(&mut self, at: usize, test: Bool, reads: Reads) -> Result<Value, Error> {
        if !reads.place() {
            return self.made(at, Kind::Bool(test), reads);
        }
        if reads.content {
            return self.any(at, "content and path in one comparison are not known");
        }
        let index =
            u16::try_from(self.places.len()).map_err(|_| Error::new(at, "it is too large"))?;
        self.places.push(Place {
            test,
            reads_path: reads.path,
        });
        self.made(at, Kind::Bool(Bool::Place(index)), reads)
    }

    pub(super) fn binary(
        &mut self,
        at: usize,
        operator: &str,
        left: Value,
        right: Value,
    ) -> Result<Value, Error> {
        let reads = left.reads.with(right.reads);
        match operator {
            "||" | "&&" => {
                // Deep only where the other operator stands between.
                let is_chain = matches!(
                    (&left.kind, operator),
                    (Kind::Bool(Bool::Any(_)), "||") | (Kind::Bool(Bool::All(_)), "&&")
                );
                let depth = match is_chain {
                    true => left.reads.depth.saturating_sub(1).max(right.reads.depth),
                    false => reads.depth,
                };
                let (left, right) = (self.boolean(left)?, self.boolean(right)?);
                let test = match (left, operator) {
                    (Bool::Any(mut parts), "||") => {
                        parts.push(right);
                        Bool::Any(parts)
                    }
                    (Bool::All(mut parts), "&&") => {
                        parts.push(right);
                        Bool::All(parts)
                    }
                    (left, "||") => Bool::Any(vec![left, right]),
                    (left, _) => Bool::All(vec![left, right]),
                };
                self.made(at, Kind::Bool(test), Reads { depth, ..reads })
            }
            "==" | "!=" => {
                let equal = self.equal(at, left, right, reads)?;
                match operator {
                    "==" => Ok(equal),
                    _ => self.negate(at, equal),
                }
            }
            "<" | "<=" | ">" | ">=" => {
                let (left, right) = (self.number(left)?, self.number(right)?);
                let test = match operator {
                    "<" => Bool::Compare(left, Order::Less, right),
                    "<=" => Bool::Compare(left, Order::LessOrEqual, right),
                    ">" => Bool::Compare(right, Order::Less, left),
                    _ => Bool::Compare(right, Order::LessOrEqual, left),
                };
                self.leaf(at, test, reads)
            }
            "in" => {
                let Some(words) = self.words(&right)? else {
                    return self.made(at, Kind::Any, reads);
                };
                let test = Bool::In(self.text(left)?, words);
                self.leaf(at, test, reads)
            }
            "contains" | "startsWith" | "endsWith" => {
                let side = match operator {
                    "contains" => Side::Anywhere,
                    "startsWith" => Side::Start,
                    _ => Side::End,
                };
                let test = Bool::Part(self.text(left)?, side, self.text(right)?);
                self.leaf(at, test, reads)
            }
            "matches" => {
                let pattern = self.pattern(right)?;
                self.matches(at, left, pattern.map(|pattern| vec![pattern]), reads)
            }
            "??" => match left.kind {
                Kind::Nil => Ok(right),
                _ => Ok(left),
            },
            "+" if matches!(
                (&left.kind, &right.kind),
                (Kind::Text(_), _) | (_, Kind::Text(_))
            ) =>
            {
                let (left, right) = (self.text(left)?, self.text(right)?);
                let joined = match left {
                    Text::Joined(mut parts) => {
                        parts.push(right);
                        parts
                    }
                    left => vec![left, right],
                };
                self.made(at, Kind::Text(Text::Joined(joined)), reads)
            }
            "+" | "-" | "*" => {
                let (left, right) = (self.number(left)?, Box::new(self.number(right)?));
                let left = Box::new(left);
                let number = match operator {
                    "+" => Number::Sum(left, right),
                    "*" => Number::Product(left, right),
                    _ => {
                        let minus = Box::new(Number::Literal(-1.0));
                        Number::Sum(left, Box::new(Number::Product(minus, right)))
                    }
                };
                self.made(at, Kind::Number(number), reads)
            }
            _ => {
                let reason = format!("the operator {operator} is not known");
                self.any(at, &reason)
            }
        }
    }

    pub(super) fn negate(&mut self, at: usize, value: Value) -> Result<Value, Error> {
        let reads = value.reads;
        let test = Bool::Not(Box::new(self.boolean(value)?));
        self.made(at, Kind::Bool(test), reads)
    }

    fn equal(
        &mut self,
        at: usize,
        left: Value,
        right: Value,
        reads: Reads,
    ) -> Result<Value, Error> {
        match (&left.kind, &right.kind) {
            (Kind::Any | Kind::Nil, _) | (_, Kind::Any | Kind::Nil) => {
                self.any(at, "a comparison with what is not known")
            }
            (Kind::Number(_), _) => {
                let (left, right) = (self.number(left)?, self.number(right)?);
                self.leaf(at, Bool::Compare(left, Order::Equal, right), reads)
            }
            (Kind::Bool(_), Kind::Bool(_)) => self.any(at, "a comparison of truths is not known"),
            _ => {
                let (left, right) = (self.text(left)?, self.text(right)?);
                self.leaf(at, Bool::Equal(left, right), reads)
            }
        }
    }

    /// `test ? yes : no`, of truths.
    pub(super) fn choose(&mut self, test: Value, yes: Value, no: Value) -> Result<Value, Error> {
        let at = test.at;
        let reads = test.reads.with(test.reads).with(yes.reads).with(no.reads);
        let test = self.boolean(test)?;
        if !matches!(
            (&yes.kind, &no.kind),
            (Kind::Bool(_) | Kind::Any, Kind::Bool(_) | Kind::Any)
        ) {
            return self.any(at, "a choice between values other than truths is not known");
        }
        let (yes, no) = (self.boolean(yes)?, self.boolean(no)?);
        let not = Bool::Not(Box::new(test.clone()));
        let chosen = Bool::Any(vec![Bool::All(vec![test, yes]), Bool::All(vec![not, no])]);
        let depth = reads.depth + 2;
        self.made(at, Kind::Bool(chosen), Reads { depth, ..reads })
    }

    pub(super) fn member(
        &mut self,
        of: Value,
        name: &str,
        none: Option<String>,
    ) -> Result<Value, Error> {
        let at = of.at;
        let content = |kind| {
            (
                kind,
                Reads {
                    content: true,
                    ..Reads::default()
                },
            )
        };
        let index = |number| {
            let reads = Reads {
                content: true,
                index: true,
                ..Reads::default()
            };
            (Kind::Number(number), reads)
        };
        let (kind, reads) = match (&of.kind, name) {
            (Kind::Finding, "secret") => content(Kind::Text(Text::Secret)),
            (Kind::Finding, "match") => content(Kind::Text(Text::Match)),
            (Kind::Finding, "line") => content(Kind::Text(Text::Line)),
            (Kind::Finding, "rule_id") => content(Kind::Text(Text::Rule)),
            (Kind::Finding, "fragment_raw") => content(Kind::Text(Text::Fragment)),
            (Kind::Finding, "match_start_idx") => index(Number::MatchStart),
            (Kind::Finding, "match_end_idx") => index(Number::MatchEnd),
            (Kind::Finding, "match_line_start_idx") => index(Number::LineStart),
            (Kind::Finding, "match_line_end_idx") => index(Number::LineEnd),
            (Kind::Attributes, "path") => {
                let path = true;
                (
                    Kind::Text(Text::Path(none.unwrap_or_default())),
                    Reads {
                        path,
                        ..Reads::default()
                    },
                )
            }
            (Kind::Attributes, "git.sha") => {
                let commit = true;
                (
                    Kind::Text(Text::Commit(none.unwrap_or_default())),
                    Reads {
                        commit,
                        ..Reads::default()
                    },
                )
            }
            (Kind::Finding | Kind::Attributes | Kind::Any, _) => {
                let reason = format!("\"{}\" is not known here", printable(name));
                return self.any(at, &reason);
            }
            _ => return Err(Self::mistyped(&of, "finding or attributes")),
        };
        self.made(at, kind, reads)
    }

    pub(super) fn slice(
        &mut self,
        of: Value,
        from: Value,
        to: Option<Value>,
    ) -> Result<Value, Error> {
        let at = of.at;
        let none = Reads::default();
        let bounds = to.as_ref().map_or(none, |to| to.reads);
        let reads = of.reads.with(from.reads).with(bounds);
        let around = from.reads.index && bounds.index;
        let of = match of.kind {
            Kind::Text(Text::Fragment) if around => Text::Fragment,
            _ => self.text(of)?,
        };
        let from = Box::new(self.number(from)?);
        let to = match to {
            Some(to) => Some(Box::new(self.number(to)?)),
            None => None,
        };
        // A slice of the fragment is a text as any other.
        let reads = Reads {
            index: false,
            ..reads
        };
        self.made(at, Kind::Text(Text::Slice(Box::new(of), from, to)), reads)
    }

    pub(super) fn function(
        &mut self,
        at: usize,
        name: &str,
        values: Vec<Value>,
    ) -> Result<Value, Error> {
        let none = Reads::default();
        let reads = values
            .iter()
            .fold(none, |reads, value| reads.with(value.reads));
        let count = values.len();
        let mut values = values.into_iter();
        let mut next = || {
            values
                .next()
                .ok_or_else(|| Error::new(at, "a value is missing"))
        };
        let (wanted, value) = match name {
            "matchesAny" => {
                let (text, list) = (next()?, next()?);
                let patterns = self.words(&list)?;
                (2, self.matches(at, text, patterns, reads)?)
            }
            "containsAny" => {
                let (text, list) = (next()?, next()?);
                (2, self.contains(at, text, &list, reads)?)
            }
            "findMatch" => {
                let (text, pattern) = (next()?, next()?);
                let text = Box::new(self.text(text)?);
                let pattern = self.pattern(pattern)?.map(|pattern| vec![pattern]);
                let found = match self.regex(at, pattern) {
                    Some(regex) => Text::Found(text, regex),
                    None => Text::Unknown,
                };
                (2, self.made(at, Kind::Text(found), reads)?)
            }
            "entropy" => {
                let text = self.text(next()?)?;
                (
                    1,
                    self.made(at, Kind::Number(Number::Entropy(text)), reads)?,
                )
            }
            "len" => {
                let text = self.text(next()?)?;
                (1, self.made(at, Kind::Number(Number::Length(text)), reads)?)
            }
            "lower" | "upper" => {
                let text = Box::new(self.text(next()?)?);
                let text = match name {
                    "lower" => Text::Lower(text),
                    _ => Text::Upper(text),
                };
                (1, self.made(at, Kind::Text(text), reads)?)
            }
            "max" | "min" => {
                let mut numbers = vec![self.number(next()?)?];
                for _ in 1..count {
                    numbers.push(self.number(next()?)?);
                }
                let number = match name {
                    "max" => Number::Greatest(numbers),
                    _ => Number::Least(numbers),
                };
                (count, self.made(at, Kind::Number(number), reads)?)
            }
            "get" => {
                let (of, key, default) = (next()?, next()?, next()?);
                let key = self.text(key)?;
                let value = match (key, default.kind) {
                    (Text::Literal(key), Kind::Text(Text::Literal(none))) => {
                        self.member(of, &key, Some(none))?
                    }
                    _ => self.any(at, "get is known with a name and a default in quotes only")?,
                };
                (3, value)
            }
            "failsTokenEfficiency" => {
                let reason =
                    "failsTokenEfficiency needs a tokenizer and a word list that we do not have";
                (count, self.any(at, reason)?)
            }
            _ => {
                let reason = format!("the function {} is not known", printable(name));
                (count, self.any(at, &reason)?)
            }
        };
        match count == wanted {
            true => Ok(value),
            false => Err(Error::new(at, "it has another number of values")),
        }
    }

    fn matches(
        &mut self,
        at: usize,
        text: Value,
        patterns: Option<Vec<String>>,
        reads: Reads,
    ) -> Result<Value, Error> {
        let text = self.text(text)?;
        match self.regex(at, patterns) {
            Some(regex) => self.leaf(at, Bool::Matches(text, regex), reads),
            None => self.made(at, Kind::Any, reads),
        }
    }

    fn contains(
        &mut self,
        at: usize,
        text: Value,
        list: &Value,
        reads: Reads,
    ) -> Result<Value, Error> {
        let text = self.text(text)?;
        let Some(mut words) = self.words(list)? else {
            return self.made(at, Kind::Any, reads);
        };
        // The text is brought into lower case there and the words are not.
        words.retain(|word| !word.bytes().any(|byte| byte.is_ascii_uppercase()));
        let words = match words.is_empty() {
            true => None,
            false => match AhoCorasick::new(&words) {
                Ok(words) => Some(words),
                Err(error) => return self.any(at, &printable(&error.to_string())),
            },
        };
        self.leaf(at, Bool::Contains(text, words), reads)
    }

    /// One pattern; it must be written out.
    fn pattern(&mut self, value: Value) -> Result<Option<String>, Error> {
        let at = value.at;
        match self.text(value)? {
            Text::Literal(pattern) => Ok(Some(pattern)),
            Text::Unknown => Ok(None),
            _ => {
                let reason = "a pattern that is put together is not known";
                self.unknown.push(Error::new(at, reason));
                Ok(None)
            }
        }
    }

    /// A regex that finds what any of the patterns does. One that does not compile is unknown.
    fn regex(&mut self, at: usize, patterns: Option<Vec<String>>) -> Option<Regex> {
        let patterns = patterns?;
        if let Some(regex) = self.regexes.get(&patterns) {
            return Some(regex.clone());
        }
        match any_of(&patterns) {
            Ok(regex) => {
                self.regexes.insert(patterns, regex.clone());
                Some(regex)
            }
            Err(reason) => {
                self.unknown.push(Error { at, reason });
                None
            }
        }
    }
}
