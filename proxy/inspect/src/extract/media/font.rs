//! Fonts: the names and licences in them (OpenType's `name` table), also where WOFF packed the table.

use std::borrow::Cow;

use super::{
    super::{Opening, Step, Stop, document},
    MOST_TEXT, inflated, number,
};

/// Records of the table that are read at most.
const MOST_NAMES: usize = 4096;

/// Tells the names of a font.
///
/// # Errors
/// When a bound is reached.
pub fn sfnt(opening: &mut Opening<'_, '_>) -> Result<(), Stop> {
    let text = opening.text;
    let count = number(text, 4, 2).unwrap_or(0);
    let table = (0..count).map(|index| 12 + 16 * index).find_map(|at| {
        let is_name = text.get(at..at + 4)? == b"name";
        let (start, length) = (number(text, at + 8, 4)?, number(text, at + 12, 4)?);
        let table = text.get(start..text.len().min(start.checked_add(length)?));
        table.filter(|_| is_name)
    });
    names(opening, table.unwrap_or_default())
}

/// The same of a font in WOFF 1 (<https://www.w3.org/TR/WOFF/>), with what it says in XML.
///
/// # Errors
/// When a bound is reached.
pub fn woff(opening: &mut Opening<'_, '_>) -> Result<(), Stop> {
    let text = opening.text;
    let part = |at: usize, length: usize| {
        let end = text.len().min(at.checked_add(length)?);
        text.get(at..end)
    };
    let said = number(text, 24, 4).zip(number(text, 28, 4));
    let said = said.and_then(|(at, length)| part(at, length));
    let said = inflated(opening, said.unwrap_or_default(), MOST_TEXT);
    opening.contained(Step::of("woff"), 0..text.len(), &said)?;
    let count = number(text, 12, 2).unwrap_or(0);
    let table = (0..count).map(|index| 44 + 20 * index).find_map(|at| {
        let is_name = text.get(at..at + 4)? == b"name";
        let (length, whole) = (number(text, at + 8, 4)?, number(text, at + 12, 4)?);
        let table = part(number(text, at + 4, 4)?, length).filter(|_| is_name)?;
        Some(match length < whole {
            true => Cow::Owned(inflated(opening, table, MOST_TEXT)),
            false => Cow::Borrowed(table),
        })
    });
    names(opening, &table.unwrap_or_default())
}

/// Whether it is an Embedded OpenType font (<https://www.w3.org/submissions/EOT/>): its own length, a version, a magic number.
pub fn is_eot(text: &[u8]) -> bool {
    const VERSIONS: [&[u8]; 3] = [b"\0\0\x01\0", b"\x01\0\x02\0", b"\x02\0\x02\0"];
    let version = text.get(8..12).unwrap_or_default();
    text.get(34..36) == Some(b"LP")
        && VERSIONS.contains(&version)
        && little(text, 0) == Some(text.len())
}

/// Tells the font in it, where that stands there as it is. What is said before it stands there in UTF-16.
///
/// # Errors
/// When a bound is reached.
pub fn eot(opening: &mut Opening<'_, '_>) -> Result<(), Stop> {
    /// Packed, or each byte changed.
    const HIDDEN: usize = 0x1000_0004;
    let text = opening.text;
    let start = little(text, 4).and_then(|length| text.len().checked_sub(length));
    let is_hidden = little(text, 12).is_none_or(|flags| flags & HIDDEN != 0);
    match start {
        Some(start) if !is_hidden => {
            let font = text.get(start..).unwrap_or_default();
            opening.contained(Step::of("eot"), start..text.len(), font)
        }
        _ => Ok(()),
    }
}

/// The number of four bytes at `at`, the lowest first.
fn little(text: &[u8], at: usize) -> Option<usize> {
    let bytes = text.get(at..at.checked_add(4)?)?;
    usize::try_from(u32::from_le_bytes(bytes.try_into().ok()?)).ok()
}

/// Tells the names of a `name` table, one a line.
fn names(opening: &mut Opening<'_, '_>, table: &[u8]) -> Result<(), Stop> {
    let count = number(table, 2, 2).unwrap_or(0).min(MOST_NAMES);
    let strings = number(table, 4, 2).unwrap_or(0);
    let mut lines: Vec<u8> = Vec::new();
    for at in (0..count).map(|index| 6 + 12 * index) {
        let record = number(table, at, 2).zip(number(table, at + 8, 2));
        let Some(((platform, length), place)) = record.zip(number(table, at + 10, 2)) else {
            break;
        };
        let start = strings + place;
        let name = table.get(start..table.len().min(start + length));
        let name = name.unwrap_or_default();
        match platform {
            0 | 3 => lines.extend(document::from_utf16(name, u16::from_be_bytes)),
            _ => lines.extend_from_slice(name),
        }
        lines.push(b'\n');
        // Records may share their strings.
        if lines.len() > MOST_TEXT {
            break;
        }
    }
    opening.contained(Step::of("font names"), 0..opening.text.len(), &lines)
}
