//! cpio: `newc` with and without sums, and the portable form of old (`cpio(5)` of libarchive).

use super::{
    super::{Opening, Step, Stop, Why},
    Names, number, stored, until_nul,
};

/// What a header says.
struct Header {
    /// Its bytes, and the multiple of bytes that names and contents are filled up to.
    length: usize,
    align: usize,
    name: usize,
    size: u64,
}

/// Whether `text` begins with a header.
pub fn is_cpio(text: &[u8]) -> bool {
    header(text).is_some()
}

fn header(text: &[u8]) -> Option<Header> {
    let field =
        |at: usize, length, base| number(text.get(at..at + length).unwrap_or_default(), base);
    let narrow = |value| usize::try_from(value).unwrap_or(usize::MAX);
    match text.get(..6)? {
        b"070701" | b"070702" => {
            let digits = text.get(6..110)?;
            digits.iter().all(u8::is_ascii_hexdigit).then(|| Header {
                length: 110,
                align: 4,
                name: narrow(field(94, 8, 16)),
                size: field(54, 8, 16),
            })
        }
        b"070707" => {
            let digits = text.get(6..76)?;
            let octal = |byte: &u8| matches!(byte, b'0'..=b'7');
            digits.iter().all(octal).then(|| Header {
                length: 76,
                align: 1,
                name: narrow(field(59, 6, 8)),
                size: field(65, 11, 8),
            })
        }
        _ => None,
    }
}

/// All members, up to the one that is called `TRAILER!!!`.
///
/// # Errors
/// When a bound is reached.
pub fn cpio(opening: &mut Opening<'_, '_>) -> Result<(), Stop> {
    let text = opening.text;
    let mut names = Names::default();
    let mut at = 0;
    let mut is_whole = false;
    while let Some(header) = text.get(at..).and_then(header) {
        let fill = |at: usize| {
            at.checked_next_multiple_of(header.align)
                .unwrap_or(usize::MAX)
        };
        let name_at = at + header.length;
        let rest = text.get(name_at..).unwrap_or_default();
        let name = until_nul(rest.get(..header.name).unwrap_or(rest));
        let start = fill(name_at.saturating_add(header.name));
        if name == b"TRAILER!!!" {
            at = start;
            is_whole = true;
            break;
        }
        names.add(name);
        let step = Step {
            kind: "cpio",
            name: Some(name),
        };
        if !stored(opening, step, start.min(text.len()), header.size)? {
            at = text.len();
            break;
        }
        let size = usize::try_from(header.size).unwrap_or(usize::MAX);
        at = fill(start.saturating_add(size));
    }
    let end = at.min(text.len());
    names.tell(opening, "cpio names", 0..end)?;
    if !is_whole {
        opening.unread(Some(Step::of("cpio")), Why::Broken);
    }
    opening.ends(end);
    Ok(())
}
