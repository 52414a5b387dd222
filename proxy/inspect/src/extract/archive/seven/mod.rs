//! 7z (`7zFormat.txt` of the LZMA SDK): names, and the members of all folders whose coders are known.

mod coders;
mod header;

#[cfg(test)]
mod tests;

use std::{cell::Cell, io::Read};

use self::header::{Folder, Header, Sorry};
use super::{
    super::{Opening, Step, Stop, Why, compressed::Feed},
    Names,
};

/// What it begins with.
pub const MAGIC: &[u8] = b"7z\xbc\xaf\x27\x1c";

/// Bytes of the header that says where the other one is.
const START: usize = 32;

/// Headers packed in headers at most.
const MOST_HEADERS: usize = 4;

/// All members, one folder after the other, and the names.
///
/// # Errors
/// When a bound is reached.
pub fn seven(opening: &mut Opening<'_, '_>) -> Result<(), Stop> {
    let text = opening.text;
    let step = Step::of("7z");
    let found = where_header(text).ok_or(Sorry(Why::Broken));
    let read = found.and_then(|(start, end)| {
        opening.ends(end);
        header(
            text,
            text.get(start..end).unwrap_or_default(),
            opening.limits().held,
        )
    });
    let header = match read {
        Ok(header) => header,
        Err(Sorry(why)) => {
            opening.unread(Some(step), why);
            return Ok(());
        }
    };
    let mut names = Names::default();
    for name in &header.names {
        names.add(name);
    }
    names.tell(opening, "7z names", 0..text.len())?;
    // Names are in the order of the members; folders, directories and empty files have no content.
    let mut with_content = header.names.iter().enumerate();
    let mut with_content = with_content
        .by_ref()
        .filter(|(at, _)| !header.is_empty.get(*at).is_some_and(|empty| *empty));
    for folder in &header.folders {
        let mut members = Vec::new();
        for size in &folder.members {
            members.push((with_content.next().map(|(_, name)| name.as_slice()), *size));
        }
        tell(opening, folder, &members)?;
    }
    Ok(())
}

/// Where the header is that the archive ends with.
fn where_header(text: &[u8]) -> Option<(usize, usize)> {
    let number = |at: usize| {
        let bytes = text.get(at..at + 8)?.first_chunk()?;
        usize::try_from(u64::from_le_bytes(*bytes)).ok()
    };
    let start = number(12)?.checked_add(START)?;
    let end = start.checked_add(number(20)?)?;
    (end <= text.len()).then_some((start, end))
}

/// Reads `bytes`, a header of the archive `text`, or what it is packed with.
fn header(text: &[u8], bytes: &[u8], most: usize) -> Result<Header, Sorry> {
    let mut bytes = bytes.to_vec();
    for _ in 0..MOST_HEADERS {
        let packed = match header::parse(&bytes)? {
            header::Parsed::Header(header) => return Ok(header),
            header::Parsed::Packed(folders) => folders,
        };
        let folder = packed.first().ok_or(Sorry(Why::Broken))?;
        let left = Cell::new(content(text, folder));
        let mut unpacked = Vec::new();
        let size = folder.size.min(most as u64);
        let reader = coders::open(folder, Feed(&left))?;
        let read = reader.take(size).read_to_end(&mut unpacked);
        if read.is_err() || unpacked.len() as u64 != folder.size {
            return Err(Sorry(Why::Broken));
        }
        bytes = unpacked;
    }
    Err(Sorry(Why::TooDeep))
}

/// The packed bytes of a folder, as many as there are.
fn content<'t>(text: &'t [u8], folder: &Folder) -> &'t [u8] {
    let narrow = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
    let rest = text.get(START.saturating_add(narrow(folder.start))..);
    let rest = rest.unwrap_or_default();
    rest.get(..narrow(folder.packed)).unwrap_or(rest)
}

/// Tells the members of a folder, which are packed as one.
fn tell(
    opening: &mut Opening<'_, '_>,
    folder: &Folder,
    members: &[(Option<&[u8]>, u64)],
) -> Result<(), Stop> {
    let text = opening.text;
    let packed = content(text, folder);
    let start = usize::try_from(folder.start).unwrap_or(usize::MAX);
    let start = start.saturating_add(START).min(text.len());
    let range = start..start + packed.len();
    let left = Cell::new(packed);
    let step = |name| Step { kind: "7z", name };
    let mut reader = match coders::open(folder, Feed(&left)) {
        Ok(reader) => reader,
        Err(Sorry(why)) => {
            let name = members.first().and_then(|(name, _)| *name);
            opening.unread(Some(step(name)), why);
            return Ok(());
        }
    };
    for (name, size) in members {
        let mut member = (&mut reader).take(*size);
        let whole = opening.member(step(*name), range.clone(), &mut member)?;
        if !whole || member.limit() != 0 {
            if whole {
                opening.unread(Some(step(*name)), Why::Broken);
            }
            return Ok(());
        }
    }
    Ok(())
}
