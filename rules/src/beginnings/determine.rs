//! Makes the automaton of [`super`] from the regexes of rules: for the build script, and for tests.
//!
//! What a text can be in after some bytes is a set of nodes ([`super::nodes`]), and that set is a state of the table (the subset
//! construction). There are far too many sets to make them all. So the likeliest are made, for bytes as they are frequent in files,
//! and where the table ends it says which rules are still possible. Whatever is left out or simplified, such as look-around inside a
//! core, lets rules stay possible that are not, never the other way round.

use std::collections::{BTreeMap, BinaryHeap, HashMap};

use regex_syntax::hir::{Hir, Look};

use super::nodes::{ByteSet, Node, Nodes, holds};

/// Sets that have a row in the table, which then takes 1.6 MB. Of git's own source tree 4,096 leave 37,000 questions to the
/// rules, 8,192 leave 28,000 and 16,384 leave 24,000; without any there are 318,000.
const ROWS: usize = 8192;

/// A core, and where keywords stand in the words that open it.
pub(crate) struct Beginning {
    pub(crate) core: Hir,
    /// Keywords in lower case, and the bytes before each.
    pub(crate) openings: Vec<Opening>,
}

/// A keyword, and the bytes before it.
pub(crate) type Opening = (String, usize);

/// The automaton, as [`super::Beginnings`] reads it.
#[derive(Debug)]
pub(crate) struct Table {
    /// The class of each byte.
    pub(crate) classes: [u8; 256],
    /// How many classes there are.
    pub(crate) width: usize,
    /// What follows each row by class: a row, or behind the rows an answer.
    pub(crate) next: Vec<u16>,
    /// What is known where the text or the walk ends, by row.
    pub(crate) answers_of_rows: Vec<u16>,
    /// Which of the beginnings are still possible; the first answer is none.
    pub(crate) answers: Vec<Vec<u16>>,
    /// Where to start behind a keyword that opens a core, or where one begins that has it further on: behind another byte than
    /// a word's, and behind one.
    pub(crate) starts: BTreeMap<Opening, [u16; 2]>,
}

impl Table {
    pub(crate) fn of(beginnings: &[Beginning]) -> Self {
        let mut nodes = Nodes::default();
        let firsts: Vec<u32> = beginnings
            .iter()
            .zip(0..)
            .map(|(beginning, entry)| nodes.enter(&beginning.core, entry))
            .collect();
        let mut groups: BTreeMap<Opening, Vec<u32>> = BTreeMap::new();
        for (beginning, first) in beginnings.iter().zip(firsts) {
            for opening in &beginning.openings {
                groups.entry(opening.clone()).or_default().push(first);
            }
        }
        let mut sets = Sets::new(nodes);
        let starts: Vec<_> = groups
            .into_iter()
            .map(|(opening, firsts)| {
                let start = [false, true].map(|behind_word| {
                    let set = sets.start(&firsts, &opening, behind_word);
                    sets.enter(set, firsts.len() as f64 * rarity(&opening.0))
                });
                (opening, start)
            })
            .collect();
        while sets.rows.len() < ROWS && sets.make_row() {}
        sets.into_table(starts)
    }
}

/// Where a text can be: nodes that wait for a byte, and entries that have matched. Both are sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Set {
    nodes: Vec<u32>,
    matched: Vec<u16>,
}

/// What stands around the first byte of a core.
#[derive(Clone, Copy)]
struct Around {
    behind_word: bool,
    /// If it is known.
    before_word: Option<bool>,
}

impl Around {
    /// Whether a condition may hold.
    fn allows(self, look: Look) -> bool {
        let behind = self.behind_word;
        match look {
            Look::Start | Look::StartLF | Look::StartCRLF => !behind,
            Look::WordAscii => self.before_word != Some(behind),
            Look::WordAsciiNegate => self.before_word != Some(!behind),
            Look::WordStartAscii => !behind && self.before_word != Some(false),
            Look::WordStartHalfAscii => !behind,
            Look::WordEndAscii => behind && self.before_word != Some(true),
            _ => true,
        }
    }
}

struct Sets {
    nodes: Nodes,
    classes: Classes,
    numbers: HashMap<Set, usize>,
    /// By number.
    all: Vec<Set>,
    /// How likely a walk comes to each.
    weights: Vec<f64>,
    /// The numbers of sets with a row, and those of what follows by class.
    rows: Vec<(usize, Vec<usize>)>,
    has_row: Vec<bool>,
    waiting: BinaryHeap<Waiting>,
}

/// A set without a row. The heaviest gets the next one.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Waiting {
    /// Weights are positive, so their bits are in their order.
    weight: u64,
    number: std::cmp::Reverse<usize>,
}

impl Sets {
    fn new(nodes: Nodes) -> Self {
        Self {
            classes: Classes::of(&nodes.bytes),
            nodes,
            numbers: HashMap::new(),
            all: Vec::new(),
            weights: Vec::new(),
            rows: Vec::new(),
            has_row: Vec::new(),
            waiting: BinaryHeap::new(),
        }
    }

    /// The number of a set that a walk comes to with some likelihood.
    fn enter(&mut self, set: Set, weight: f64) -> usize {
        let number = match self.numbers.get(&set) {
            Some(&number) => number,
            None => {
                self.all.push(set.clone());
                self.weights.push(0.0);
                self.has_row.push(false);
                self.numbers.insert(set, self.all.len() - 1);
                self.all.len() - 1
            }
        };
        let possible = self.all[number].nodes.len();
        if possible > 0 && !self.has_row[number] {
            self.weights[number] += weight;
            self.waiting.push(Waiting {
                weight: self.weights[number].to_bits(),
                number: std::cmp::Reverse(number),
            });
        }
        number
    }

    /// `false` if every set has one.
    fn make_row(&mut self) -> bool {
        let number = loop {
            match self.waiting.pop() {
                // A set that was entered again waits more than once.
                Some(waiting) if self.has_row[waiting.number.0] => {}
                Some(waiting) => break waiting.number.0,
                None => return false,
            }
        };
        self.has_row[number] = true;
        let set = self.all[number].clone();
        let weight = self.weights[number];
        let mut row = Vec::with_capacity(self.classes.samples.len());
        for class in 0..self.classes.samples.len() {
            let follow = self.follow(&set, self.classes.samples[class]);
            let likely = weight * self.classes.frequencies[class];
            row.push(self.enter(follow, likely));
        }
        self.rows.push((number, row));
        true
    }

    /// What a set comes to by one byte.
    fn follow(&self, set: &Set, byte: u8) -> Set {
        let mut next = Vec::new();
        for &node in &set.nodes {
            if let Node::Byte(bytes, after) = self.nodes.all[node as usize]
                && holds(&self.nodes.bytes[bytes], byte)
            {
                next.push(after);
            }
        }
        self.close(next, set.matched.clone(), None)
    }

    /// Where one is who has read the keyword, in any letter case, or nothing if it stands further on.
    fn start(&self, firsts: &[u32], (keyword, before): &Opening, behind_word: bool) -> Set {
        let first = keyword.bytes().next().filter(|_| *before == 0);
        let around = Around {
            behind_word,
            before_word: first.map(is_word),
        };
        let mut set = self.close(firsts.to_vec(), Vec::new(), Some(around));
        if *before > 0 {
            return set;
        }
        for byte in keyword.bytes() {
            let lower = self.follow(&set, byte.to_ascii_lowercase());
            let upper = self.follow(&set, byte.to_ascii_uppercase());
            set = self.close(
                [lower.nodes, upper.nodes].concat(),
                [lower.matched, upper.matched].concat(),
                None,
            );
        }
        set
    }

    /// All that these nodes come to without reading a byte. Conditions hold if nothing is known of what stands around.
    fn close(&self, mut open: Vec<u32>, mut matched: Vec<u16>, around: Option<Around>) -> Set {
        let mut seen = Vec::new();
        let mut nodes = Vec::new();
        while let Some(node) = open.pop() {
            match self.nodes.all[node as usize] {
                Node::Byte(..) => nodes.push(node),
                Node::Match(entry) => matched.push(entry),
                Node::Look(look, next) => {
                    if around.is_none_or(|around| around.allows(look)) {
                        open.push(next);
                    }
                }
                Node::Either(one, other) => {
                    // Each is written once for many ways to it.
                    if !seen.contains(&node) {
                        seen.push(node);
                        open.extend([one, other]);
                    }
                }
            }
        }
        matched.sort_unstable();
        matched.dedup();
        // What has matched stays possible, whatever else it could do.
        nodes.retain(|&node| matched.binary_search(&self.nodes.entry_of(node)).is_err());
        nodes.sort_unstable();
        nodes.dedup();
        Set { nodes, matched }
    }

    /// The entries that are possible in a set.
    fn possible(&self, set: &Set) -> Vec<u16> {
        let waiting = set.nodes.iter().map(|&node| self.nodes.entry_of(node));
        let mut possible: Vec<u16> = waiting.chain(set.matched.iter().copied()).collect();
        possible.sort_unstable();
        possible.dedup();
        possible
    }

    fn into_table(self, starts: Vec<(Opening, [usize; 2])>) -> Table {
        let mut answers = vec![Vec::new()];
        let mut numbers = HashMap::from([(Vec::new(), 0)]);
        let mut answer_of = Vec::with_capacity(self.all.len());
        for set in &self.all {
            let possible = self.possible(set);
            let next = answers.len();
            let number = *numbers.entry(possible).or_insert_with_key(|possible| {
                answers.push(possible.clone());
                next
            });
            answer_of.push(number);
        }
        let mut places: Vec<usize> = answer_of.iter().map(|at| self.rows.len() + at).collect();
        for (row, (number, _)) in self.rows.iter().enumerate() {
            places[*number] = row;
        }
        let small =
            |number: usize| u16::try_from(number).expect("because rows are few, and answers fewer");
        let place = |number: &usize| small(places[*number]);
        let rows = self.rows.iter();
        Table {
            classes: self.classes.of_bytes,
            width: self.classes.samples.len(),
            next: rows
                .clone()
                .flat_map(|(_, row)| row.iter().map(place))
                .collect(),
            answers_of_rows: rows.map(|(number, _)| small(answer_of[*number])).collect(),
            answers,
            starts: starts
                .into_iter()
                .map(|(opening, start)| (opening, start.map(|number| place(&number))))
                .collect(),
        }
    }
}

/// Bytes that no core tells apart are of one class.
struct Classes {
    of_bytes: [u8; 256],
    /// A byte of each.
    samples: Vec<u8>,
    /// The share of its bytes in a file.
    frequencies: Vec<f64>,
}

impl Classes {
    fn of(sets: &[ByteSet]) -> Self {
        let mut numbers: HashMap<Vec<bool>, u8> = HashMap::new();
        let mut classes = Self {
            of_bytes: [0; 256],
            samples: Vec::new(),
            frequencies: Vec::new(),
        };
        for byte in 0..=u8::MAX {
            let held: Vec<bool> = sets.iter().map(|set| holds(set, byte)).collect();
            let class = *numbers.entry(held).or_insert_with(|| {
                classes.samples.push(byte);
                classes.frequencies.push(0.0);
                u8::try_from(classes.samples.len() - 1)
                    .expect("because there are no more classes than bytes")
            });
            classes.of_bytes[usize::from(byte)] = class;
            classes.frequencies[usize::from(class)] += frequency(byte);
        }
        classes
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// How much rarer long keywords are than short ones; only for whom there is room first.
fn rarity(keyword: &str) -> f64 {
    0.5_f64.powi(i32::try_from(keyword.len()).unwrap_or(i32::MAX))
}

/// About how frequent a byte is behind a word in source files.
fn frequency(byte: u8) -> f64 {
    match byte {
        b' ' => 0.15,
        b'\n' => 0.04,
        b'\t' | b'\r' => 0.01,
        b'_' | b'(' | b')' | b'.' | b',' | b'-' | b'=' | b':' | b'"' | b'\'' | b';' => 0.02,
        b'a'..=b'z' => 0.02,
        b'A'..=b'Z' => 0.002,
        b'0'..=b'9' => 0.003,
        0x21..=0x7e => 0.002,
        _ => 0.000_05,
    }
}
