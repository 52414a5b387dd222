//! A text that is examined while it arrives and never held whole: the same hits, lines and columns
//! as if it were.

use exeat_rules::{Carried, Window};

use crate::examine::{Examined, Examiner, Position};

/// Bytes of the text that are collected before the next window is examined.
const STEP: usize = 2 << 20;

/// One text on its way through an examiner. Holds somewhat more than two mebibytes of it: those, and what
/// [`exeat_rules::RuleSet::overlap`] says.
pub struct StreamedText {
    carried: Carried,
    overlap: usize,
    /// The bytes of the text from `offset` on.
    held: Vec<u8>,
    offset: usize,
    /// Matches that begin before this place have been told.
    done: usize,
    /// Line and line start at `offset`.
    position: Position,
    examined: Examined,
}

impl StreamedText {
    /// For a text that begins, and the examiner that will see all of it.
    pub fn new(examiner: &Examiner) -> Self {
        Self {
            carried: Carried::new(examiner.rules()),
            overlap: examiner.rules().overlap(),
            held: Vec::new(),
            offset: 0,
            done: 0,
            position: Position::default(),
            examined: Examined::default(),
        }
    }

    /// Takes the next bytes. `examiner` may be another each time, of the same rules and key.
    pub fn feed(&mut self, examiner: &mut Examiner, mut piece: &[u8]) {
        while !piece.is_empty() {
            let full = self.done - self.offset + self.overlap + STEP;
            let room = full.saturating_sub(self.held.len());
            let (taken, rest) = piece.split_at(room.min(piece.len()));
            if self.held.capacity() < full {
                self.held.reserve_exact(full - self.held.len());
            }
            self.held.extend_from_slice(taken);
            piece = rest;
            if self.held.len() >= full {
                self.examine(examiner, false);
            }
        }
    }

    /// Examines what is left and gives the hits of the whole text.
    pub fn finish(mut self, examiner: &mut Examiner) -> Examined {
        self.examine(examiner, true);
        let Self {
            mut carried,
            mut examined,
            ..
        } = self;
        let rules = examiner.rules();
        examined
            .hits
            .retain(|hit| carried.counts(rules, &hit.found));
        examined.hits.sort_by_key(|hit| {
            let found = &hit.found;
            (found.secret.start, found.span.start, found.rule)
        });
        examined.truncated = carried.is_truncated();
        examined.cut = carried.is_cut();
        examined
    }

    fn examine(&mut self, examiner: &mut Examiner, is_last: bool) {
        let window = Window::new(&self.held, self.offset, self.done, self.overlap, is_last);
        let hits = examiner.examine_window(&window, &mut self.carried, &self.position);
        self.examined.hits.extend(hits);
        self.done = window.done();
        let spent = window.spent();
        self.position
            .pass(self.held.get(..spent).unwrap_or_default());
        self.held.drain(..spent);
        self.offset += spent;
    }
}
