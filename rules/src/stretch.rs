//! What a text must hold for a regex without bound to have a very long match in it.
//!
//! A match is put together of bounded parts and of repetitions without bound. If all of it is long, then one of those repetitions
//! is, and each of its bytes is one that the repetition can read: there is a stretch of such bytes. Where there is none, there is
//! no match of that length, nor the beginning of one.

use regex_syntax::hir::{Class, Hir, HirKind};

/// The repetitions without bound of one regex.
#[derive(Debug)]
pub(crate) struct Stretches {
    /// Bytes that each can read.
    sets: Vec<[bool; 256]>,
    /// How often a match goes through one of them at most.
    times: usize,
    /// What a match has besides, in bytes at most.
    bounded: usize,
}

impl Stretches {
    /// `None` if no match is longer than the regex says.
    pub(crate) fn of(regex: &Hir) -> Option<Self> {
        let mut sets = Vec::new();
        let (times, bounded) = measure(regex, &mut sets);
        (!sets.is_empty()).then_some(Self {
            sets,
            times,
            bounded,
        })
    }

    /// Whether `text` may hold the first `length` bytes of a match.
    pub(crate) fn may_reach(&self, length: usize, text: &[u8]) -> bool {
        let open = length.saturating_sub(self.bounded);
        let least = (open / self.times.max(1)).max(1);
        self.sets.iter().any(|set| has_run(text, set, least))
    }
}

/// How many repetitions without bound a match of `hir` goes through, and the bytes of the rest; both at most. Their bytes go to
/// `sets`. The recursion is bounded by the nesting limit of the parser.
fn measure(hir: &Hir, sets: &mut Vec<[bool; 256]>) -> (usize, usize) {
    if let Some(length) = hir.properties().maximum_len() {
        return (0, length);
    }
    let sum = |(times, bounded): (usize, usize), more: (usize, usize)| {
        (times.saturating_add(more.0), bounded.saturating_add(more.1))
    };
    match hir.kind() {
        HirKind::Repetition(repeated) => match repeated.max {
            None => {
                let mut set = [false; 256];
                read(&repeated.sub, &mut set);
                sets.push(set);
                (1, 0)
            }
            Some(most) => {
                let most = usize::try_from(most).unwrap_or(usize::MAX);
                let (times, bounded) = measure(&repeated.sub, sets);
                (times.saturating_mul(most), bounded.saturating_mul(most))
            }
        },
        HirKind::Capture(capture) => measure(&capture.sub, sets),
        HirKind::Concat(parts) => parts
            .iter()
            .fold((0, 0), |all, part| sum(all, measure(part, sets))),
        HirKind::Alternation(parts) => parts.iter().fold((0, 0), |(times, bounded), part| {
            let (part_times, part_bounded) = measure(part, sets);
            (times.max(part_times), bounded.max(part_bounded))
        }),
        HirKind::Empty | HirKind::Literal(_) | HirKind::Class(_) | HirKind::Look(_) => (0, 0),
    }
}

/// Adds every byte that a match of `hir` can hold.
fn read(hir: &Hir, set: &mut [bool; 256]) {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => add(set, literal.0.iter().copied()),
        HirKind::Class(Class::Bytes(class)) => {
            add(
                set,
                class
                    .ranges()
                    .iter()
                    .flat_map(|range| range.start()..=range.end()),
            );
        }
        // Any character might be in more bytes than one.
        HirKind::Class(Class::Unicode(_)) => add(set, 0..=u8::MAX),
        HirKind::Repetition(repeated) => read(&repeated.sub, set),
        HirKind::Capture(capture) => read(&capture.sub, set),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => {
            parts.iter().for_each(|part| read(part, set));
        }
    }
}

fn add(set: &mut [bool; 256], bytes: impl Iterator<Item = u8>) {
    for byte in bytes {
        if let Some(place) = set.get_mut(usize::from(byte)) {
            *place = true;
        }
    }
}

/// Whether `least` bytes of `set` stand side by side in `text`. Reads few of them where runs are short.
fn has_run(text: &[u8], set: &[bool; 256], least: usize) -> bool {
    let holds = |at: usize| {
        let byte = text.get(at);
        byte.is_some_and(|byte| set.get(usize::from(*byte)).copied().unwrap_or(false))
    };
    // A run of that length goes over one of these places.
    let mut at = least.saturating_sub(1);
    while at < text.len() {
        if !holds(at) {
            at += least;
            continue;
        }
        let mut start = at;
        while start > 0 && at - start + 1 < least && holds(start - 1) {
            start -= 1;
        }
        let mut end = at + 1;
        while end - start < least && holds(end) {
            end += 1;
        }
        if end - start >= least {
            return true;
        }
        at = end + least;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect;
    use crate::random::Random;

    #[test]
    fn runs_are_found_wherever_they_stand() {
        let mut set = [false; 256];
        set[usize::from(b'a')] = true;
        let mut random = Random::from_word("runs");
        for _ in 0..5000 {
            let length = random.below(60);
            let text = random.text(length, "aaaab").into_bytes();
            let longest = text.split(|&byte| byte != b'a').map(<[u8]>::len).max();
            for least in 1..12 {
                let expected = longest.is_some_and(|longest| longest >= least);
                assert_eq!(has_run(&text, &set, least), expected, "{least} in {text:?}");
            }
        }
    }

    #[test]
    fn a_long_match_needs_a_stretch() {
        let reaches = |regex: &str, length, text: &str| {
            let stretches = Stretches::of(&dialect::parse(regex).unwrap());
            stretches.is_some_and(|it| it.may_reach(length, text.as_bytes()))
        };
        assert!(!reaches("[a-z]{1,100}x", 10, &"a".repeat(90)));
        assert!(reaches("[a-z]+x", 90, &"a".repeat(89)));
        assert!(!reaches("[a-z]+x", 90, &"a".repeat(88)));
        // Two repetitions and ten bytes: 40 of 90 in one of them.
        let two = "[a-z]+=[0-9]{8}=[0-9]*";
        assert!(reaches(two, 90, &"7".repeat(40)) && !reaches(two, 90, &"7".repeat(39)));
        assert!(!reaches(two, 90, &"7=a".repeat(100)));
        assert!(reaches("(?:a+b){3}", 303, &"a".repeat(100)));
        assert!(!reaches("(?:a+b){3}", 303, &"a".repeat(99)));
        assert!(reaches("(?:x|y[0-9]*)", 50, &"5".repeat(49)));
    }
}
