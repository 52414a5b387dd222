//! A text made of pieces of another one, which stand closer together there.

use std::ops::Range;

use super::super::map::Map;

/// Places that are remembered, of 8 bytes: one for so many bytes of a text, or the least. Behind them lines are told less exactly.
const LEAST_PLACES: usize = 1 << 20;
const BYTES_PER_PLACE: usize = 16;

/// Takes the pieces of a text in their order.
pub trait Take {
    /// The bytes at `range` follow as they are.
    fn copy(&mut self, range: Range<usize>);

    /// `decoded` stands for the bytes at `range`.
    fn put(&mut self, range: Range<usize>, decoded: &[u8]);

    /// Pieces do not meet here: `between` stands between them, once.
    fn part(&mut self, between: u8);

    /// Whether it matters what stands between here and the next piece.
    fn is_open(&self) -> bool;
}

/// Sees whether pieces meet, and makes no text of them.
pub struct Meeting<'t> {
    parent: &'t [u8],
    /// What the text would end with.
    last: Option<u8>,
    /// Where the piece before ended in the parent.
    at: usize,
    pub is_any: bool,
}

impl<'t> Meeting<'t> {
    pub fn new(parent: &'t [u8]) -> Self {
        Self {
            parent,
            last: None,
            at: 0,
            is_any: false,
        }
    }
}

impl Take for Meeting<'_> {
    fn copy(&mut self, range: Range<usize>) {
        let piece = self.parent.get(range.clone()).unwrap_or_default();
        let (Some(first), Some(last)) = (piece.first(), piece.last()) else {
            return;
        };
        self.is_any |= self.at < range.start && meets(self.last, *first);
        self.last = Some(*last);
        self.at = range.end;
    }

    fn put(&mut self, range: Range<usize>, decoded: &[u8]) {
        self.last = decoded.last().copied().or(self.last);
        self.at = range.end;
    }

    fn part(&mut self, between: u8) {
        if !matches!(self.last, None | Some(b'\n')) {
            self.last = Some(between);
        }
    }

    fn is_open(&self) -> bool {
        self.last.is_some_and(|last| !last.is_ascii_whitespace())
    }
}

/// Whether the end of one piece and the beginning of another are of one word.
fn meets(last: Option<u8>, first: u8) -> bool {
    last.is_some_and(|last| !last.is_ascii_whitespace()) && !first.is_ascii_whitespace()
}

/// Makes a text of pieces of its parent, in their order.
pub struct Weave<'t> {
    parent: &'t [u8],
    pub text: Vec<u8>,
    map: Map,
    most_places: usize,
    /// Where the piece before ended in the parent.
    at: usize,
    /// Pieces that met, and what was decoded.
    joints: u64,
}

impl<'t> Weave<'t> {
    pub fn new(parent: &'t [u8]) -> Self {
        Self {
            parent,
            text: Vec::new(),
            map: Map::default(),
            most_places: LEAST_PLACES.max(parent.len() / BYTES_PER_PLACE),
            at: 0,
            joints: 0,
        }
    }

    /// The text and its map, where pieces met; what was decoded alone counts if `decoded` is set.
    pub fn finish(self, decoded: bool) -> Option<(Vec<u8>, Map)> {
        let is_new = self.joints > 0 || decoded && self.map.is_decoded(&(0..self.text.len()));
        is_new.then_some((self.text, self.map))
    }

    fn place(&mut self, there: usize) {
        if self.map.places() < self.most_places {
            self.map.point(self.text.len(), there);
        }
    }
}

impl Take for Weave<'_> {
    fn copy(&mut self, range: Range<usize>) {
        let piece = self.parent.get(range.clone()).unwrap_or_default();
        let (Some(first), last) = (piece.first(), self.text.last()) else {
            return;
        };
        if self.at < range.start && meets(last.copied(), *first) {
            let here = self.text.len();
            self.map.mark(&(here.saturating_sub(1)..here + 1));
            self.joints += 1;
        }
        self.place(range.start);
        self.text.extend_from_slice(piece);
        self.at = range.end;
        self.place(range.end);
    }

    fn put(&mut self, range: Range<usize>, decoded: &[u8]) {
        self.place(range.start);
        let here = self.text.len();
        self.text.extend_from_slice(decoded);
        self.map
            .mark(&(here.saturating_sub(1)..self.text.len() + 1));
        self.at = range.end;
        self.place(range.end);
    }

    fn part(&mut self, between: u8) {
        match self.text.last_mut() {
            None | Some(b'\n') => {}
            Some(last @ b' ') => *last = between,
            Some(last) if *last == between => {}
            Some(_) => self.text.push(between),
        }
    }

    fn is_open(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_behind_the_most_are_known_to_be_unknown() {
        let parent = "ab".repeat(LEAST_PLACES);
        let mut weave = Weave::new(parent.as_bytes());
        for at in 0..LEAST_PLACES {
            weave.copy(2 * at..2 * at + 1);
        }
        let (text, map) = weave.finish(false).unwrap();
        assert_eq!(map.places(), LEAST_PLACES);
        let half = text.len() / 2;
        assert!(map.reaches(half - 1) && map.up(&(half - 1..half)).start == 2 * half - 2);
        assert!(!map.reaches(half + 1) && !map.reaches(text.len() - 1));
    }
}
