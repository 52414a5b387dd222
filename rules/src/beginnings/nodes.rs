//! The cores of regexes as automata that can be in many states at once (Thompson's), one behind the other.
//!
//! Counts beyond [`COPIES`] and [`OPTIONAL`] become any number: such an automaton may match more than its regex, never less.

use std::collections::HashMap;

use regex_syntax::hir::{Class, Hir, HirKind, Look};

/// Most copies that a counted repetition is spelled out into; fewer for a core that is too large with more. Each copy is a state
/// of the table in its own right, for every rule that counts at the same place.
const COPIES: [u32; 3] = [8, 2, 1];
/// Most copies that may be missing; if there are more, any number may stand there.
const OPTIONAL: u32 = 2;
/// Most states of the automaton of one core.
const NODES: usize = 3000;

/// The states of the cores' automata.
#[derive(Default)]
pub(crate) struct Nodes {
    pub(crate) all: Vec<Node>,
    /// Distinct sets of bytes.
    pub(crate) bytes: Vec<ByteSet>,
    numbers: HashMap<ByteSet, usize>,
    /// By node.
    entries: Vec<u16>,
}

pub(crate) type ByteSet = [u64; 4];

#[derive(Clone, Copy)]
pub(crate) enum Node {
    /// One byte of a set, then the next node.
    Byte(usize, u32),
    Either(u32, u32),
    Look(Look, u32),
    /// The end of an entry.
    Match(u16),
}

pub(crate) fn holds(set: &ByteSet, byte: u8) -> bool {
    set.get(usize::from(byte >> 6))
        .is_some_and(|bits| bits & (1 << (byte & 63)) != 0)
}

impl Nodes {
    /// Adds a core, and returns its first node.
    pub(crate) fn enter(&mut self, core: &Hir, entry: u16) -> u32 {
        let first = self.all.len();
        let mut start = None;
        for copies in COPIES {
            self.all.truncate(first);
            let end = self.add(Node::Match(entry));
            start = self.write(core, end, copies, first + NODES);
            if start.is_some() {
                break;
            }
        }
        let start = start.unwrap_or_else(|| {
            // Too large in any case: it is possible everywhere.
            self.all.truncate(first);
            self.add(Node::Match(entry))
        });
        self.entries.resize(self.all.len(), entry);
        start
    }

    /// Of which entry a node is.
    pub(crate) fn entry_of(&self, node: u32) -> u16 {
        self.entries[node as usize]
    }

    fn add(&mut self, node: Node) -> u32 {
        self.all.push(node);
        u32::try_from(self.all.len() - 1).expect("because cores are small and few")
    }

    fn byte(&mut self, set: ByteSet, next: u32) -> u32 {
        let number = match self.numbers.get(&set) {
            Some(&number) => number,
            None => {
                self.bytes.push(set);
                self.numbers.insert(set, self.bytes.len() - 1);
                self.bytes.len() - 1
            }
        };
        self.add(Node::Byte(number, next))
    }

    /// Writes `hir` before `next`; `None` if that takes more nodes than `most`. The recursion is bounded by the nesting limit
    /// of the parser.
    fn write(&mut self, hir: &Hir, next: u32, copies: u32, most: usize) -> Option<u32> {
        if self.all.len() > most {
            return None;
        }
        Some(match hir.kind() {
            HirKind::Empty => next,
            HirKind::Look(look) => self.add(Node::Look(*look, next)),
            HirKind::Literal(literal) => literal.0.iter().rev().fold(next, |next, &byte| {
                let mut set = [0; 4];
                insert(&mut set, byte);
                self.byte(set, next)
            }),
            HirKind::Class(class) => {
                let mut set = [0; 4];
                match class {
                    Class::Bytes(class) => {
                        for range in class.ranges() {
                            (range.start()..=range.end()).for_each(|byte| insert(&mut set, byte));
                        }
                    }
                    // The dialect has none of them.
                    Class::Unicode(_) => return None,
                }
                self.byte(set, next)
            }
            HirKind::Capture(capture) => self.write(&capture.sub, next, copies, most)?,
            HirKind::Concat(parts) => parts
                .iter()
                .rev()
                .try_fold(next, |next, part| self.write(part, next, copies, most))?,
            HirKind::Alternation(parts) => {
                let mut all = None;
                for part in parts.iter().rev() {
                    let one = self.write(part, next, copies, most)?;
                    all = Some(match all {
                        Some(others) => self.add(Node::Either(one, others)),
                        None => one,
                    });
                }
                all?
            }
            HirKind::Repetition(repeated) => {
                let least = repeated.min.min(copies);
                let mut start = next;
                let few = |max: &u32| *max <= copies && *max <= repeated.min + OPTIONAL;
                match repeated.max.filter(few) {
                    Some(max) => {
                        for _ in least..max {
                            let one = self.write(&repeated.sub, start, copies, most)?;
                            start = self.add(Node::Either(one, next));
                        }
                    }
                    None => {
                        let again = self.add(Node::Either(next, next));
                        let one = self.write(&repeated.sub, again, copies, most)?;
                        self.all[again as usize] = Node::Either(one, next);
                        start = again;
                    }
                }
                for _ in 0..least {
                    start = self.write(&repeated.sub, start, copies, most)?;
                }
                start
            }
        })
    }
}

fn insert(set: &mut ByteSet, byte: u8) {
    if let Some(bits) = set.get_mut(usize::from(byte >> 6)) {
        *bits |= 1 << (byte & 63);
    }
}
