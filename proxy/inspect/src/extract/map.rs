//! Where the bytes of a decoded text come from in the text that it was decoded from.

use std::ops::Range;

use super::encoded::Piece;

/// A monotone map from the offsets of a decoded text to those of its parent, and which parts of it were decoded.
#[derive(Debug, Default)]
pub struct Map {
    /// Offsets here and there, ascending in both; between two of them places are told in proportion.
    points: Vec<(u32, u32)>,
    /// What was decoded, in offsets here; ascending.
    decoded: Vec<Range<u32>>,
}

impl Map {
    /// Of a text that is decoded as a whole at one rate: `here` bytes of `there`.
    pub fn even(here: usize, there: usize) -> Self {
        let mut map = Self::default();
        map.point(0, 0);
        map.point(here, there);
        map.decoded.push(0..narrow(here));
        map
    }

    /// The bytes of the parent that `range` was made of; all of a group of which it holds a part.
    pub fn up(&self, range: &Range<usize>) -> Range<usize> {
        let start = self.one(range.start, false);
        let end = self.one(range.end.max(range.start), true);
        start..end.max(start)
    }

    /// Whether a decoded part is among the bytes of `range`.
    pub fn is_decoded(&self, range: &Range<usize>) -> bool {
        let first = self
            .decoded
            .partition_point(|part| part.end as usize <= range.start);
        self.decoded
            .get(first)
            .is_some_and(|part| (part.start as usize) < range.end)
    }

    /// Place `at`, rounded up or down. At a border of two parts an end belongs to the first, a start to the second.
    fn one(&self, at: usize, up: bool) -> usize {
        let at = u64::from(narrow(at));
        let after = match up {
            true => self
                .points
                .partition_point(|&(here, _)| u64::from(here) < at),
            false => self
                .points
                .partition_point(|&(here, _)| u64::from(here) <= at),
        };
        let before = after
            .checked_sub(1)
            .and_then(|before| self.points.get(before));
        let (Some(&(here, there)), next) = (before, self.points.get(after)) else {
            return self.points.first().map_or(0, |&(_, there)| there as usize);
        };
        let Some(&(next_here, next_there)) = next else {
            return there as usize;
        };
        let (wide, far) = (u64::from(next_here - here), u64::from(next_there - there));
        let into = at - u64::from(here);
        let moved = match up {
            true => (into * far).div_ceil(wide.max(1)),
            false => into * far / wide.max(1),
        };
        (u64::from(there) + moved) as usize
    }

    /// Says that offset `here` comes from `there`; both are those of the point before, or above.
    pub fn point(&mut self, here: usize, there: usize) {
        let point = (narrow(here), narrow(there));
        if self.points.last() != Some(&point) {
            self.points.push(point);
        }
    }
}

impl Map {
    /// How many offsets are remembered.
    pub fn places(&self) -> usize {
        self.points.len()
    }

    /// Whether it is known where `at` comes from.
    pub fn reaches(&self, at: usize) -> bool {
        let last = self.points.last();
        last.is_some_and(|&(here, _)| narrow(at) < here)
    }

    /// Says that `range` was decoded, which begins where the one before did or later.
    pub fn mark(&mut self, range: &Range<usize>) {
        let (start, end) = (narrow(range.start), narrow(range.end));
        let end = end.max(start.saturating_add(1));
        match self.decoded.last_mut() {
            Some(last) if start <= last.end => last.end = last.end.max(end),
            _ => self.decoded.push(start..end),
        }
    }
}

/// No text that is held is as long as 4 GiB; were one, its places would be told as the last.
fn narrow(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// Bytes kept on either side of a decoded part: a name before it says what it is.
const BESIDE: usize = 256;
/// Lines kept before that of a decoded part.
const LINES_BEFORE: usize = 2;

/// Makes a text of the parts of another that were decoded, each in its lines.
pub struct Splice<'t> {
    parent: &'t [u8],
    text: Vec<u8>,
    map: Map,
    /// Where in the parent it goes on.
    at: usize,
}

impl<'t> Splice<'t> {
    pub fn new(parent: &'t [u8]) -> Self {
        Self {
            parent,
            text: Vec::new(),
            map: Map::default(),
            at: 0,
        }
    }

    /// Puts `decoded` in the place of `range`, which begins where the one before ended or later.
    pub fn put(&mut self, range: Range<usize>, decoded: &Piece) {
        self.lead_to(range.start, true);
        self.fill(range, decoded);
    }

    /// The same on a line of its own: what stands around it says nothing of it.
    pub fn put_apart(&mut self, range: Range<usize>, decoded: &Piece) {
        self.lead_to(range.start, false);
        self.fill(range, decoded);
    }

    /// The text, if there is any, with its map.
    pub fn finish(mut self) -> Option<(Vec<u8>, Map)> {
        if self.map.decoded.is_empty() {
            return None;
        }
        let end = self.line_end();
        self.keep(end);
        self.map.point(self.text.len(), self.at);
        Some((self.text, self.map))
    }

    fn fill(&mut self, range: Range<usize>, decoded: &Piece) {
        self.map.point(self.text.len(), range.start);
        let start = narrow(self.text.len());
        for &(here, there) in &decoded.points {
            self.map
                .point(start.saturating_add(here) as usize, there as usize);
        }
        self.text.extend_from_slice(&decoded.bytes);
        self.map.mark(&(start as usize..self.text.len()));
        self.at = range.end;
        self.map.point(self.text.len(), range.end);
    }

    /// Copies what stands between here and `start`, or the ends of it.
    fn lead_to(&mut self, start: usize, with_line: bool) {
        let is_first = self.map.decoded.is_empty();
        let line_end = if is_first { self.at } else { self.line_end() };
        let from = if with_line {
            self.lines_before(start)
        } else {
            start
        };
        if from <= line_end && !is_first && with_line {
            return self.keep(start);
        }
        self.keep(line_end);
        if !is_first {
            self.map.point(self.text.len(), self.at);
            self.text.push(b'\n');
        }
        self.at = from.max(self.at);
        self.map.point(self.text.len(), self.at);
        self.keep(start);
    }

    fn keep(&mut self, to: usize) {
        let kept = self.parent.get(self.at..to).unwrap_or_default();
        self.text.extend_from_slice(kept);
        self.at = to.max(self.at);
    }

    /// Where the line that goes on here ends.
    fn line_end(&self) -> usize {
        let to = self.parent.len().min(self.at + BESIDE);
        let rest = self.parent.get(self.at..to).unwrap_or_default();
        bstr::ByteSlice::find_byte(rest, b'\n').map_or(to, |at| self.at + at)
    }

    fn lines_before(&self, start: usize) -> usize {
        let from = self.at.max(start.saturating_sub(BESIDE));
        let before = self.parent.get(from..start).unwrap_or_default();
        let mut ends = bstr::ByteSlice::rfind_iter(before, b"\n");
        ends.nth(LINES_BEFORE).map_or(from, |at| from + at + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(bytes: &[u8]) -> Piece {
        Piece {
            bytes: bytes.to_vec(),
            points: Vec::new(),
        }
    }

    #[test]
    fn decoded_parts_stand_in_their_lines() {
        let parent = b"zero\none\ntwo\nkey: AAAA end\nfour\n";
        let mut splice = Splice::new(parent);
        splice.put(18..22, &piece(b"decoded"));
        let (text, map) = splice.finish().unwrap();
        assert_eq!(text, b"one\ntwo\nkey: decoded end");
        assert_eq!(map.up(&(13..20)), 18..22);
        assert_eq!(map.up(&(8..11)), 13..16);
        assert_eq!(map.up(&(21..24)), 23..26);
        assert_eq!(map.up(&(14..15)), 18..20);
        assert!(map.is_decoded(&(19..22)) && !map.is_decoded(&(20..22)));
    }

    #[test]
    fn parts_far_from_each_other_do_not_meet() {
        let mut parent = vec![b'.'; 2000];
        parent.splice(100..104, *b"AAAA");
        parent.splice(1500..1504, *b"BBBB");
        let mut splice = Splice::new(&parent);
        splice.put(100..104, &piece(b"x"));
        splice.put_apart(1500..1504, &piece(b"y"));
        let (text, map) = splice.finish().unwrap();
        assert_eq!(text.len(), 100 + 1 + 256 + 1 + 1 + 256);
        let y = 358..359;
        assert_eq!(text.get(y.clone()), Some(&b"y"[..]));
        assert_eq!(map.up(&y), 1500..1504);
        assert_eq!(map.up(&(0..1)), 0..1);
        assert_eq!(map.up(&(359..360)), 1504..1505);
    }

    #[test]
    fn an_even_map_rounds_outward() {
        let map = Map::even(3, 4);
        assert_eq!(map.up(&(1..2)), 1..3);
        assert_eq!(map.up(&(0..3)), 0..4);
    }
}
