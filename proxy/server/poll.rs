//! When files that are looked at again and again have changed for good.

use std::time::Duration;

/// How often files are looked at. They are read, not only dated: copies and mounted volumes keep old dates.
pub const POLL: Duration = Duration::from_secs(2);

/// Compares one look with the next. What is written in several steps is seldom the same twice before its end.
#[derive(Debug)]
pub struct Looks<T> {
    last: T,
}

impl<T: PartialEq> Looks<T> {
    /// Beginning with what is known to be there.
    pub fn new(known: T) -> Self {
        Self { last: known }
    }

    /// Whether what is there `now` was there at the look before as well, and is not what is `known`.
    pub fn are_settled(&mut self, now: T, known: &T) -> bool {
        let is_same = now == self.last;
        self.last = now;
        is_same && self.last != *known
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_counts_once_it_stands_still() {
        let mut looks = Looks::new(1);
        let settled: Vec<bool> = [1, 2, 3, 3, 3, 1, 1]
            .map(|now| looks.are_settled(now, &1))
            .into();
        assert_eq!(settled, [false, false, false, true, true, false, false]);
    }
}
