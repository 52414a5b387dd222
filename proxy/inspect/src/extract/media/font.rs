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
