//! The directory at the end of a ZIP file, and the headers before its members.

use bstr::ByteSlice as _;

use super::Way;

const END: &[u8] = b"PK\x05\x06";
const END_LENGTH: usize = 22;
const ENTRY: &[u8] = b"PK\x01\x02";
const ENTRY_LENGTH: usize = 46;
const LOCAL_LENGTH: usize = 30;

/// Marks of an end that are tried, from the last one on: the mark may stand in a comment.
const MOST_ENDS: usize = 16;

pub struct Directory<'t> {
    pub entries: Vec<Entry<'t>>,
    /// It has as many bytes as its end says.
    pub is_whole: bool,
    /// Where its first entry is.
    pub start: usize,
    /// Where the archive ends.
    pub end: usize,
}

pub struct Entry<'t> {
    pub name: &'t [u8],
    pub comment: &'t [u8],
    /// Where its local header begins.
    pub start: usize,
    pub method: u16,
    pub packed: u64,
    pub unpacked: u64,
    pub encrypted: bool,
}

/// What stands before a member.
pub struct Local<'t> {
    pub name: &'t [u8],
    pub way: Way,
}

/// The last directory of `text`.
pub fn find(text: &[u8]) -> Option<Directory<'_>> {
    let mut before = text.len();
    for _ in 0..MOST_ENDS {
        let at = text.get(..before)?.rfind(END)?;
        if let Some(directory) = ending(text, at) {
            return Some(directory);
        }
        before = at;
    }
    None
}

/// The directory with its end at `at`.
fn ending(text: &[u8], at: usize) -> Option<Directory<'_>> {
    let end = text.get(at..at + END_LENGTH)?;
    let comment = usize::from(short(end, 20));
    let (mut size, mut offset) = (long(end, 12), long(end, 16));
    let mut stop = at;
    if let Some((place, sizes)) = large(text, at) {
        (size, offset) = sizes;
        stop = place;
    }
    let behind = usize::try_from(size)
        .ok()
        .and_then(|size| stop.checked_sub(size));
    let claimed = usize::try_from(offset).ok();
    let starts = |place: &usize| {
        size == 0
            || text
                .get(*place..)
                .is_some_and(|rest| rest.starts_with(ENTRY))
    };
    let start = behind.filter(starts).or_else(|| claimed.filter(starts))?;
    // Before the archive something else may stand, which its offsets do not know of.
    let ahead = claimed
        .and_then(|claimed| start.checked_sub(claimed))
        .unwrap_or(0);
    let mut entries = Vec::new();
    let mut place = start;
    while let Some((entry, length)) = text
        .get(place..stop)
        .and_then(|rest| entry(text, rest, ahead))
    {
        entries.push(entry);
        place += length;
    }
    Some(Directory {
        entries,
        is_whole: place == stop,
        start,
        end: (at + END_LENGTH + comment).min(text.len()),
    })
}

/// Where the end of a ZIP64 directory stands, and the size and offset that it says.
fn large(text: &[u8], at: usize) -> Option<(usize, (u64, u64))> {
    let locator = text.get(at.checked_sub(20)?..at)?;
    if !locator.starts_with(b"PK\x06\x07") {
        return None;
    }
    let claimed = usize::try_from(huge(locator, 8)).ok();
    let usual = at.checked_sub(20 + 56);
    let starts = |place: &usize| {
        text.get(*place..)
            .is_some_and(|rest| rest.starts_with(b"PK\x06\x06"))
    };
    let place = usual.filter(starts).or_else(|| claimed.filter(starts))?;
    let record = text.get(place..place.checked_add(56)?)?;
    Some((place, (huge(record, 40), huge(record, 48))))
}

/// The entry that `rest` begins with, and its length.
fn entry<'t>(text: &[u8], rest: &'t [u8], ahead: usize) -> Option<(Entry<'t>, usize)> {
    let header = rest
        .get(..ENTRY_LENGTH)
        .filter(|header| header.starts_with(ENTRY))?;
    let name_end = ENTRY_LENGTH + usize::from(short(header, 28));
    let extra_end = name_end + usize::from(short(header, 30));
    let length = extra_end + usize::from(short(header, 32));
    let sizes = [long(header, 24), long(header, 20), long(header, 42)];
    let [unpacked, packed, offset] = widened(sizes, rest.get(name_end..extra_end)?);
    let offset = usize::try_from(offset).unwrap_or(usize::MAX);
    let is_local = |place: &usize| {
        text.get(*place..)
            .is_some_and(|at| at.starts_with(super::MAGIC))
    };
    let start = offset.checked_add(ahead).filter(is_local).unwrap_or(offset);
    let method = short(header, 10);
    let entry = Entry {
        name: rest.get(ENTRY_LENGTH..name_end)?,
        comment: rest.get(extra_end..length)?,
        start,
        method,
        packed,
        unpacked,
        encrypted: is_encrypted(short(header, 8), method),
    };
    Some((entry, length))
}

/// The local header at `start`, if it fits the text.
pub fn local(text: &[u8], start: usize) -> Option<Local<'_>> {
    let header = text.get(start..start + LOCAL_LENGTH)?;
    let content = content_of(text, start)?;
    let name_end = start + LOCAL_LENGTH + usize::from(short(header, 26));
    let sizes = [long(header, 22), long(header, 18), 0];
    let [unpacked, packed, _] = widened(sizes, text.get(name_end..content)?);
    let (flags, method) = (short(header, 6), short(header, 8));
    // The sizes stand behind the content where they were not known before.
    let comes_later = flags & 8 != 0 && packed == 0;
    Some(Local {
        name: text.get(start + LOCAL_LENGTH..name_end)?,
        way: Way::new(content, method, (!comes_later).then_some(packed), unpacked)
            .encrypted(is_encrypted(flags, method)),
    })
}

/// Whether a local header begins `text` that some writer may have made: of a known version and method, with a name that prints.
pub fn is_plausible(text: &[u8]) -> bool {
    let (Some(header), Some(local)) = (text.get(..LOCAL_LENGTH), local(text, 0)) else {
        return false;
    };
    // Bits that no version of the format uses.
    const UNUSED: u16 = 0xd780;
    let (version, flags, method) = (short(header, 4) & 0xff, short(header, 6), short(header, 8));
    let is_method = matches!(method, 0..=10 | 12 | 14 | 16 | 18..=20 | 93..=99);
    let prints = |byte: &u8| *byte >= 0x20 && *byte != 0x7f;
    version <= 63
        && flags & UNUSED == 0
        && is_method
        && (1..=4096).contains(&local.name.len())
        && local.name.iter().all(prints)
}

/// Where the content of the member with its local header at `start` begins.
pub fn content_of(text: &[u8], start: usize) -> Option<usize> {
    let header = text.get(start..start.checked_add(LOCAL_LENGTH)?)?;
    let names = usize::from(short(header, 26)) + usize::from(short(header, 28));
    let content = start + LOCAL_LENGTH + names;
    (header.starts_with(super::MAGIC) && content <= text.len()).then_some(content)
}

fn is_encrypted(flags: u16, method: u16) -> bool {
    flags & 1 != 0 || method == 99
}

/// Sizes that do not fit their fields stand in an extra field, in the same order.
fn widened(mut sizes: [u64; 3], extra: &[u8]) -> [u64; 3] {
    let mut left = extra;
    while let Some((&[a, b, c, d], rest)) = left.split_first_chunk() {
        let length = usize::from(u16::from_le_bytes([c, d]));
        if u16::from_le_bytes([a, b]) == 1 {
            let mut wide = rest.chunks_exact(8);
            for size in sizes
                .iter_mut()
                .filter(|size| **size == u64::from(u32::MAX))
            {
                if let Some(value) = wide.next() {
                    *size = huge(value, 0);
                }
            }
            break;
        }
        left = rest.get(length..).unwrap_or_default();
    }
    sizes
}

fn bytes<const N: usize>(from: &[u8], at: usize) -> [u8; N] {
    let rest = from.get(at..).unwrap_or_default();
    rest.first_chunk().copied().unwrap_or([0; N])
}

fn short(from: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(bytes(from, at))
}

fn long(from: &[u8], at: usize) -> u64 {
    u32::from_le_bytes(bytes(from, at)).into()
}

fn huge(from: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes(from, at))
}
