//! What one run decodes to, and which of its bytes came from where.

use std::ops::Range;

/// Decoded bytes with the places that they were made of.
#[derive(Default)]
pub struct Piece {
    pub bytes: Vec<u8>,
    /// Offsets in `bytes` and in the text, ascending in both; between two of them one rate holds.
    pub points: Vec<(u32, u32)>,
}

impl Piece {
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.points.clear();
    }

    /// Adds `bytes`, which were made of those at `source`, behind all before.
    pub fn part(&mut self, source: Range<usize>, bytes: &[u8]) {
        self.point(source.start);
        self.bytes.extend_from_slice(bytes);
        self.point(source.end);
    }

    fn point(&mut self, there: usize) {
        let narrow = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        let point = (narrow(self.bytes.len()), narrow(there));
        if self.points.last() == Some(&point) {
            return;
        }
        if let [.., first, last] = self.points.as_mut_slice()
            && is_on_line(*first, *last, point)
        {
            *last = point;
            return;
        }
        self.points.push(point);
    }
}

/// Whether `middle` need not be told between its neighbours.
fn is_on_line(first: (u32, u32), middle: (u32, u32), last: (u32, u32)) -> bool {
    let step = |from: (u32, u32), to: (u32, u32)| {
        (
            u64::from(to.0.saturating_sub(from.0)),
            u64::from(to.1.saturating_sub(from.1)),
        )
    };
    let (one, other) = (step(first, middle), step(middle, last));
    one.0 > 0 && other.0 > 0 && one.0 * other.1 == other.0 * one.1
}
