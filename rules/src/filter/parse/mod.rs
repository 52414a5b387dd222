//! A filter expression read into what can be evaluated, with types checked on the way.
//!
//! Known of `finding`: `secret match line rule_id fragment_raw match_start_idx match_end_idx match_line_start_idx match_line_end_idx`;
//! of `attributes`: `path` and `git.sha`. A line and the fragment reach at most 1,024 bytes beyond the match, so that no window of
//! a large text tells another truth than the text; of the fragment only slices around the match are known.

mod meaning;

use std::collections::HashMap;

use regex_automata::meta::Regex;

use super::eval::{Bool, Number, Text};
use super::token::{Token, tokens};
use super::{Error, Filter, Place};
use crate::printable::printable;

/// Deepest nesting, of the expression and of what is made of it. It bounds the recursion over both.
const DEPTH: usize = 64;
/// Most parts, where a variable counts as often as it is used.
const PARTS: usize = 50_000;

/// The filter, and what of it is not honoured.
pub(super) fn parse(text: &str, with_finding: bool) -> Result<(Filter, Vec<Error>), Error> {
    let mut parser = Parser {
        tokens: tokens(text)?,
        next: 0,
        variables: Vec::new(),
        places: Vec::new(),
        unknown: Vec::new(),
        regexes: HashMap::new(),
        parts: 0,
        with_finding,
    };
    let value = parser.sequence(0)?;
    if !matches!(parser.peek(), Token::End) {
        return Err(parser.wrong("an operator or the end is missing"));
    }
    let test = parser.boolean(value)?;
    let filter = Filter {
        test,
        places: parser.places,
    };
    Ok((filter, parser.unknown))
}

#[derive(Clone, Debug)]
enum Kind {
    Bool(Bool),
    Text(Text),
    Number(Number),
    Words(Vec<String>),
    Finding,
    Attributes,
    /// The namespace of functions.
    Functions,
    Nil,
    /// Of a type that is not known.
    Any,
}

/// What a part is made of.
#[derive(Clone, Copy, Debug, Default)]
struct Reads {
    content: bool,
    path: bool,
    commit: bool,
    /// Where the match lies in the fragment.
    index: bool,
    depth: usize,
    parts: usize,
}

impl Reads {
    fn with(self, other: Self) -> Self {
        Self {
            content: self.content || other.content,
            path: self.path || other.path,
            commit: self.commit || other.commit,
            index: self.index || other.index,
            depth: self.depth.max(other.depth),
            parts: self.parts + other.parts,
        }
    }

    fn place(self) -> bool {
        self.path || self.commit
    }
}

#[derive(Clone, Debug)]
struct Value {
    at: usize,
    kind: Kind,
    reads: Reads,
}

struct Parser {
    tokens: Vec<(usize, Token)>,
    next: usize,
    variables: Vec<(String, Value)>,
    places: Vec<Place>,
    unknown: Vec<Error>,
    regexes: HashMap<Vec<String>, Regex>,
    /// Of variables, as often as they are used.
    parts: usize,
    with_finding: bool,
}

impl Parser {
    fn peek(&self) -> &Token {
        self.tokens
            .get(self.next)
            .map_or(&Token::End, |(_, token)| token)
    }

    fn at(&self) -> usize {
        let last = self.tokens.last().map_or(0, |(at, _)| *at);
        self.tokens.get(self.next).map_or(last, |(at, _)| *at)
    }

    fn wrong(&self, reason: &str) -> Error {
        Error::new(self.at(), reason)
    }

    fn is(&self, mark: &str) -> bool {
        matches!(self.peek(), Token::Mark(next) if *next == mark)
    }

    fn is_word(&self, word: &str) -> bool {
        matches!(self.peek(), Token::Word(next) if next == word)
    }

    fn accept(&mut self, mark: &str) -> bool {
        let is_there = self.is(mark);
        self.next += usize::from(is_there);
        is_there
    }

    fn expect(&mut self, mark: &str) -> Result<(), Error> {
        match self.accept(mark) {
            true => Ok(()),
            false => Err(self.wrong(&format!("{mark} is missing"))),
        }
    }

    fn word(&mut self) -> Result<String, Error> {
        let Token::Word(word) = self.peek() else {
            return Err(self.wrong("a name is missing"));
        };
        let word = word.clone();
        self.next += 1;
        Ok(word)
    }

    /// `let name = value; ...`, or an expression.
    fn sequence(&mut self, depth: usize) -> Result<Value, Error> {
        let known = self.variables.len();
        while self.is_word("let") {
            self.next += 1;
            let name = self.word()?;
            self.expect("=")?;
            let value = self.expression(0, depth + 1)?;
            self.expect(";")?;
            if self.variables.len() > DEPTH {
                return Err(self.wrong("there are too many variables"));
            }
            self.variables.push((name, value));
        }
        let value = self.expression(0, depth + 1);
        self.variables.truncate(known);
        value
    }

    /// Operators that bind at least as tight as `least` (Expr's precedences).
    fn expression(&mut self, least: u16, depth: usize) -> Result<Value, Error> {
        if depth > DEPTH {
            return Err(self.wrong("it is nested too deeply"));
        }
        let mut left = self.operand(depth)?;
        let mut before = "";
        loop {
            // `x not in y` is `not (x in y)`.
            let negated = self.is_word("not");
            self.next += usize::from(negated);
            let (operator, precedence) = match self.peek() {
                Token::Mark(_) if negated => return Err(self.wrong("an operator is missing")),
                Token::Mark(mark) => (*mark, precedence(mark)),
                Token::Word(word) => match OPERATORS.iter().find(|(name, ..)| name == word) {
                    Some((_, operator, precedence)) => (*operator, Some(*precedence)),
                    None => {
                        self.next -= usize::from(negated);
                        break;
                    }
                },
                _ => break,
            };
            let Some(precedence) = precedence.filter(|precedence| *precedence >= least) else {
                self.next -= usize::from(negated);
                break;
            };
            if negated && precedence != 20 {
                return Err(self.wrong("\"not\" has no meaning here"));
            }
            let is_comparison = |operator: &str| matches!(operator, "<" | "<=" | ">" | ">=");
            if before == "??" && operator != "??"
                || is_comparison(before) && is_comparison(operator)
            {
                return Err(self.wrong("operators must be told apart by parentheses"));
            }
            let at = self.at();
            self.next += 1;
            let right = self.expression(precedence + 1, depth + 1)?;
            left = self.binary(at, operator, left, right)?;
            if negated {
                left = self.negate(at, left)?;
            }
            before = operator;
        }
        if least == 0 && self.accept("?") {
            let yes = self.expression(0, depth + 1)?;
            self.expect(":")?;
            let no = self.expression(0, depth + 1)?;
            left = self.choose(left, yes, no)?;
        }
        Ok(left)
    }

    fn operand(&mut self, depth: usize) -> Result<Value, Error> {
        let at = self.at();
        if self.is("!") || self.is_word("not") {
            self.next += 1;
            let value = self.expression(50, depth + 1)?;
            return self.negate(at, value);
        }
        if self.accept("-") {
            let value = self.expression(90, depth + 1)?;
            let reads = value.reads;
            let of = Box::new(self.number(value)?);
            let negated = Number::Product(Box::new(Number::Literal(-1.0)), of);
            return self.made(at, Kind::Number(negated), reads);
        }
        if self.accept("(") {
            let value = self.sequence(depth + 1)?;
            self.expect(")")?;
            return self.postfix(value, depth);
        }
        if self.accept("[") {
            let value = self.list(at, depth)?;
            return self.postfix(value, depth);
        }
        let (_, token) = self
            .tokens
            .get(self.next)
            .cloned()
            .unwrap_or((at, Token::End));
        self.next += 1;
        let kind = match token {
            Token::Text(text) => Kind::Text(Text::Literal(text)),
            Token::Number(number) => Kind::Number(Number::Literal(number)),
            Token::Word(word) => return self.name(at, &word, depth),
            Token::Mark(_) | Token::End => return Err(Error::new(at, "a value is missing")),
        };
        let value = self.made(at, kind, Reads::default())?;
        self.postfix(value, depth)
    }

    fn list(&mut self, at: usize, depth: usize) -> Result<Value, Error> {
        let mut words = Some(Vec::new());
        while !self.is("]") {
            let value = self.expression(0, depth + 1)?;
            match (&mut words, value.kind) {
                (Some(words), Kind::Text(Text::Literal(word))) => words.push(word),
                _ => words = None,
            }
            if !self.accept(",") {
                break;
            }
        }
        self.expect("]")?;
        match words {
            Some(words) => self.made(at, Kind::Words(words), Reads::default()),
            None => self.any(at, "a list of anything but texts is not known"),
        }
    }

    fn name(&mut self, at: usize, word: &str, depth: usize) -> Result<Value, Error> {
        let variable = self.variables.iter().rev().find(|(name, _)| name == word);
        if let Some((_, value)) = variable {
            let value = value.clone();
            self.parts += value.reads.parts;
            let value = self.made(at, value.kind, value.reads)?;
            return self.postfix(value, depth);
        }
        let kind = match word {
            "true" => Kind::Bool(Bool::Known(Some(true))),
            "false" => Kind::Bool(Bool::Known(Some(false))),
            "nil" => Kind::Nil,
            "finding" if self.with_finding => Kind::Finding,
            "attributes" => Kind::Attributes,
            "filter" if self.is(".") => Kind::Functions,
            _ if self.is("(") => return self.call(at, word, depth),
            _ => {
                return Err(Error::new(
                    at,
                    &format!("there is no \"{}\"", printable(word)),
                ));
            }
        };
        let value = self.made(at, kind, Reads::default())?;
        self.postfix(value, depth)
    }

    fn call(&mut self, at: usize, name: &str, depth: usize) -> Result<Value, Error> {
        self.expect("(")?;
        let mut values = Vec::new();
        while !self.is(")") {
            values.push(self.expression(0, depth + 1)?);
            if !self.accept(",") {
                break;
            }
        }
        self.expect(")")?;
        let value = self.function(at, name, values)?;
        self.postfix(value, depth)
    }

    /// `.name`, `[index]` and `[from:to]` behind a value.
    fn postfix(&mut self, mut value: Value, depth: usize) -> Result<Value, Error> {
        loop {
            let at = self.at();
            if self.accept(".") || self.accept("?.") {
                let name = self.word()?;
                value = match value.kind {
                    Kind::Functions => return self.call(at, &name, depth),
                    _ => self.member(value, &name, None)?,
                };
                continue;
            }
            if !self.accept("[") {
                return Ok(value);
            }
            let from = match self.is(":") {
                true => self.made(at, Kind::Number(Number::Literal(0.0)), Reads::default())?,
                false => self.expression(0, depth + 1)?,
            };
            if self.accept(":") {
                let to = match self.is("]") {
                    true => None,
                    false => Some(self.expression(0, depth + 1)?),
                };
                self.expect("]")?;
                value = self.slice(value, from, to)?;
                continue;
            }
            self.expect("]")?;
            value = match from.kind {
                Kind::Text(Text::Literal(name)) => self.member(value, &name, None)?,
                _ => self.any(at, "only a name in quotes is known as an index")?,
            };
        }
    }
}

/// Operators that are words: as written, as meant, and how tight they bind.
const OPERATORS: &[(&str, &str, u16)] = &[
    ("or", "||", 10),
    ("and", "&&", 15),
    ("in", "in", 20),
    ("matches", "matches", 20),
    ("contains", "contains", 20),
    ("startsWith", "startsWith", 20),
    ("endsWith", "endsWith", 20),
];

fn precedence(mark: &str) -> Option<u16> {
    Some(match mark {
        "||" => 10,
        "&&" => 15,
        "==" | "!=" | "<" | "<=" | ">" | ">=" => 20,
        ".." => 25,
        "+" | "-" => 30,
        "*" | "/" | "%" => 60,
        "**" | "^" => 100,
        "??" => 500,
        _ => return None,
    })
}
