//! Packed forms at the beginning of a text, and at any place of it: behind a program that unpacks it, behind a picture.

use std::sync::LazyLock;

use super::{
    Opening, Stop, Why,
    encoded::{
        Extent,
        signs::{self, Groups, Places, Signs},
    },
    sniff,
};

/// What forms begin with that are searched for anywhere, and where in the form it stands. Whether one begins there is asked
/// [`sniff::anywhere`].
const MAGICS: [(&[u8], usize); 18] = [
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
    (super::archive::BUNDLES[0], 0),
    (super::archive::BUNDLES[1], 0),
    (super::archive::AR, 0),
    (super::archive::RPM, 0),
    (b"ustar\0", 257),
    (b"ustar ", 257),
    (ARMORS[0], 0),
    (ARMORS[1], 0),
];

/// What stands in the lines of armor that nobody opens: told of the text that they stand in.
const ARMORS: [&[u8]; 2] = [b"PGP MESSAGE-----", b"AGE ENCRYPTED FILE-----"];

/// Their first bytes, those together of which the halves do not mix to what stands in many texts.
pub const FIRST: [&[&[u8; 3]]; 8] = [
    &[b"\x1f\x8b\x08", b"\x28\xb5\x2f", b"\xed\xab\xee"],
    &[b"\xfd7z", b"# v"],
    &[b"7z\xbc", b"ust"],
    &[b"\x04\x22\x4d", b"PGP", b"AGE"],
    &[b"BZh", b"PK\x03"],
    &[b"%PD"],
    &[b"!<a"],
    &[b"SQL", b"PAC"],
];

static SIGNS: LazyLock<Signs> = LazyLock::new(|| Signs {
    long: Groups::of(FIRST),
    others: None,
});

/// The first bytes of each of [`MAGICS`] as one number.
static NUMBERS: LazyLock<[u64; MAGICS.len()]> =
    LazyLock::new(|| MAGICS.map(|(magic, _)| start(magic)));

/// The bytes of [`FIRST`] that `text` begins with, as one number.
fn start(text: &[u8]) -> u64 {
    signs::number(text) & 0xff_ffff
}

/// All marks that are searched for.
pub fn magics() -> impl Iterator<Item = &'static [u8]> {
    MAGICS.into_iter().map(|(magic, _)| magic)
}

/// Bytes of the longest of them.
const LONGEST: usize = 24;

/// Places of a text that look like the beginning of a form and are none, at most. More are told as unread.
const MOST_TRIES: usize = 64;

/// What a search came to.
pub struct Searched {
    /// What the text begins like.
    pub format: Option<sniff::Format>,
    /// How far the forms reach that the text begins with, one behind the other.
    pub reached: usize,
    /// Armor may stand in it: it was seen, or not all of the text was searched.
    pub is_armored: bool,
}

/// One of the marks that are searched for, if it stands at `at`.
pub fn magic_extent(text: &[u8], at: usize) -> Extent {
    let found = text.get(at..).and_then(magic);
    let found = found.map(|(magic, _)| at..at + magic.len());
    Extent::new(found.ok_or(at + 1), at + LONGEST)
}

/// Opens what is packed in the text. Where it is known that it `has_magic` nowhere, only its beginning is looked at.
///
/// # Errors
/// When a bound is reached.
pub fn search(opening: &mut Opening<'_, '_>, has_magic: bool) -> Result<Searched, Stop> {
    let text = opening.text;
    let map = opening.map();
    let mut tries = 0;
    let mut at = 0;
    let mut reached = 0;
    let mut places = Places::new(text, &SIGNS);
    let mut is_armored = false;
    let mut first = None;
    // Where the text begins, and where a form has ended.
    let mut border = true;
    loop {
        let start = match border {
            true => at,
            false if !has_magic => break,
            false => match next(text, at, &mut places) {
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
        if start == 0 {
            first = format;
        }
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
        format: first,
        reached,
        is_armored,
    })
}

/// The next place from `at` on that a form may begin at.
fn next(text: &[u8], at: usize, places: &mut Places<'_>) -> Option<usize> {
    places.go_on_at(at);
    loop {
        let place = places.next()?;
        let Some((_, ahead)) = magic(text.get(place..)?) else {
            continue;
        };
        let start = place.checked_sub(ahead);
        if let Some(start) = start.filter(|&start| start >= at) {
            return Some(start);
        }
    }
}

/// The magic that `text` begins with.
fn magic(text: &[u8]) -> Option<(&'static [u8], usize)> {
    let number = start(text);
    // Compared all at once: hardly ever is it one of them.
    let same = NUMBERS
        .iter()
        .fold(false, |same, it| same | (*it == number));
    let mut magics = MAGICS.into_iter().filter(|_| same);
    magics.find(|(magic, _)| text.starts_with(magic))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_of_each_magic_are_looked_for() {
        for (magic, _) in MAGICS {
            let mut first = FIRST.into_iter().flatten();
            assert!(magic.len() <= LONGEST);
            assert!(first.any(|first| magic.starts_with(*first)));
            let text = [b"....", magic, b"...."].concat();
            let told: Vec<usize> = Places::new(&text, &SIGNS).collect();
            assert!(told.contains(&4), "{magic:?}: {told:?}");
        }
    }
}
