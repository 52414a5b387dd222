//! Packed forms at the beginning of a text, and at any place of it: behind a program that unpacks it, behind a picture.

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, Input, MatchKind, Span, packed};

use super::{Opening, Stop, Why, sniff};

/// What forms begin with that are searched for anywhere, and where in the form it stands. Whether one begins there is asked
/// [`sniff::anywhere`].
const MAGICS: [(&[u8], usize); 17] = [
    (b"\x1f\x8b\x08", 0),
    (b"\xfd7zXZ\0", 0),
    (b"\x28\xb5\x2f\xfd", 0),
    (b"\x04\x22\x4d\x18", 0),
    (b"BZh", 0),
    (b"PK\x03\x04", 0),
    (b"7z\xbc\xaf\x27\x1c", 0),
    (b"%PDF-", 0),
    (b"SQLite format 3\0", 0),
    (super::archive::PACK, 0),
    (b" git bundle\n", 4),
    (super::archive::AR, 0),
    (super::archive::RPM, 0),
    (b"ustar\0", 257),
    (b"ustar ", 257),
    (ARMORS[0], 0),
    (ARMORS[1], 0),
];

/// What stands in the lines of armor that nobody opens: told of the text that they stand in.
const ARMORS: [&[u8]; 2] = [b"PGP MESSAGE-----", b"AGE ENCRYPTED FILE-----"];

/// Compares many bytes at once where the processor can; the other one is for those that cannot.
static SEARCHER: LazyLock<(Option<packed::Searcher>, AhoCorasick)> = LazyLock::new(|| {
    let magics = MAGICS.iter().map(|(magic, _)| magic);
    let automaton = AhoCorasick::builder()
        .match_kind(MatchKind::LeftmostFirst)
        .build(magics.clone())
        .expect("because a few short patterns compile");
    (packed::Searcher::new(magics), automaton)
});

/// Places of a text that look like the beginning of a form and are none, at most. More are told as unread.
const MOST_TRIES: usize = 64;

/// What a search came to.
pub struct Searched {
    /// How far the forms reach that the text begins with, one behind the other.
    pub reached: usize,
    /// Armor may stand in it: it was seen, or not all of the text was searched.
    pub is_armored: bool,
}

/// Opens what is packed in the text.
///
/// # Errors
/// When a bound is reached.
pub fn search(opening: &mut Opening<'_, '_>) -> Result<Searched, Stop> {
    let text = opening.text;
    let map = opening.map();
    let mut tries = 0;
    let mut at = 0;
    let mut reached = 0;
    let mut searched = 0;
    let mut is_armored = false;
    // Where the text begins, and where a form has ended.
    let mut border = true;
    loop {
        let start = match border {
            true => at,
            false => match next(text, at, &mut searched) {
                Some(start) => start,
                None => break,
            },
        };
        is_armored |= ARMORS.iter().any(|armor| {
            let rest = text.get(start..).unwrap_or_default();
            rest.starts_with(armor)
        });
        let is_new = map.is_none_or(|map| map.is_decoded(&(start..start + 1)));
        let sniff = if border {
            sniff::format
        } else {
            sniff::anywhere
        };
        border = false;
        let format = text.get(start..).and_then(sniff);
        let Some(format) = format.filter(|_| is_new) else {
            at = start + 1;
            continue;
        };
        if tries == MOST_TRIES {
            opening.unread(None, Why::TooMany);
            is_armored = true;
            break;
        }
        is_armored = true;
        let end = opening.open_at(start, format)?;
        at = end.max(start + 1);
        if end == start {
            tries += 1;
            continue;
        }
        let rest = text.get(end..).unwrap_or_default();
        at += rest.iter().take_while(|&&byte| byte == 0).count();
        if start == reached {
            reached = at;
        }
        border = true;
    }
    Ok(Searched {
        reached,
        is_armored,
    })
}

/// The next place from `at` on that a form may begin at. Marks before `searched` are known.
fn next(text: &[u8], at: usize, searched: &mut usize) -> Option<usize> {
    loop {
        let from = at.max(*searched).min(text.len());
        let found = match &*SEARCHER {
            (Some(packed), _) => packed.find_in(text, Span::from(from..text.len())),
            (None, automaton) => automaton.find(Input::new(text).range(from..)),
        }?;
        *searched = found.start() + 1;
        let (_, ahead) = MAGICS.get(found.pattern().as_usize())?;
        let start = found.start().checked_sub(*ahead);
        if let Some(start) = start.filter(|&start| start >= at) {
            return Some(start);
        }
    }
}
