//! ZIP (PKWARE APPNOTE.TXT 6.3.10), read as readers of the directory see it and as readers of the stream do.
//!
//! The two need not agree: the directory at the end may leave out members, name them differently or say that they are packed in
//! another way. So every local header is read, in order, and every entry of the directory that says something else.

mod content;
mod directory;

use std::{
    cell::Cell,
    collections::{HashMap, HashSet},
};

use bstr::ByteSlice as _;

use self::directory::{Directory, Entry, content_of, local};
use super::{
    super::{Opening, Step, Stop, Why, compressed::Feed, why},
    Names,
};

/// What a member begins with, and what an archive without any does.
pub const MAGIC: &[u8] = b"PK\x03\x04";
pub const EMPTY: &[u8] = b"PK\x05\x06";

const HEADER: usize = 30;

/// All members, and their names and comments.
///
/// # Errors
/// When a bound is reached.
pub fn zip(opening: &mut Opening<'_, '_>) -> Result<(), Stop> {
    let text = opening.text;
    let directory = directory::find(text);
    // In the midst of other bytes the mark stands by chance, too.
    if opening.tentative && directory.is_none() && !directory::is_plausible(text) {
        return Ok(());
    }
    let mut reading = Reading {
        kind: directory.as_ref().map_or("zip", kind),
        names: Names::default(),
        by_start: HashMap::new(),
        read: HashSet::new(),
        is_whole: directory.is_some(),
        end: 0,
        work: (text.len() as u64).saturating_mul(MOST_WORK) + 1024,
    };
    if let Some(directory) = &directory {
        for entry in &directory.entries {
            reading.by_start.entry(entry.start).or_insert(entry);
            reading.names.add(entry.name);
            reading.names.add(entry.comment);
        }
        reading.is_whole &= directory.is_whole;
    }
    let members_end = directory.as_ref().map_or(0, |directory| directory.start);
    reading.stream(opening, members_end)?;
    if let Some(directory) = &directory {
        for entry in &directory.entries {
            reading.entry(opening, entry)?;
        }
        reading.end = reading.end.max(directory.end);
    }
    let Reading {
        names,
        is_whole,
        end,
        kind,
        ..
    } = reading;
    names.tell(opening, "zip names", 0..end)?;
    if !is_whole {
        opening.unread(Some(Step::of(kind)), Why::Broken);
    }
    opening.ends(end);
    Ok(())
}

/// What the archive is called, by members that only such archives have.
fn kind(directory: &Directory<'_>) -> &'static str {
    const KINDS: [(&[u8], &str); 7] = [
        (b"AndroidManifest.xml", "apk"),
        (b"META-INF/MANIFEST.MF", "jar"),
        (b"word/document.xml", "docx"),
        (b"xl/workbook.xml", "xlsx"),
        (b"ppt/presentation.xml", "pptx"),
        (b"META-INF/container.xml", "epub"),
        (b"META-INF/manifest.xml", "odf"),
    ];
    let entries = || directory.entries.iter().take(1000);
    let has = |name: &[u8]| entries().any(|entry| entry.name == name);
    let known = KINDS.iter().find(|(name, _)| has(name));
    match known {
        Some((_, kind)) => kind,
        None if entries().any(|entry| entry.name.ends_with(b".dist-info/WHEEL")) => "whl",
        None => "zip",
    }
}

/// A member as a header or an entry tells it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Way {
    /// Where the packed bytes begin.
    content: usize,
    method: u16,
    /// As far as it is known.
    packed: Option<u64>,
    /// Where the method needs it, else 0.
    unpacked: u64,
    encrypted: bool,
}

impl Way {
    fn new(content: usize, method: u16, packed: Option<u64>, unpacked: u64) -> Self {
        Self {
            content,
            method,
            packed,
            unpacked: if method == LZMA { unpacked } else { 0 },
            encrypted: false,
        }
    }

    fn encrypted(self, encrypted: bool) -> Self {
        Self { encrypted, ..self }
    }
}

const STORED: u16 = 0;
const LZMA: u16 = 14;

struct Reading<'t> {
    kind: &'static str,
    names: Names,
    /// The first entry of the directory for each local header.
    by_start: HashMap<usize, &'t Entry<'t>>,
    read: HashSet<Way>,
    is_whole: bool,
    /// Where the last member ends.
    end: usize,
    /// Packed bytes that may still be read: members that lie over each other cost time, whatever comes out.
    work: u64,
}

/// Packed bytes that are read at most, for each byte of the archive.
const MOST_WORK: u64 = 4;

impl Reading<'_> {
    /// All local headers, one behind the other or with something between, which no reader of the archive sees.
    fn stream(&mut self, opening: &mut Opening<'_, '_>, members_end: usize) -> Result<(), Stop> {
        let text = opening.text;
        let mut at = 0;
        // Where the last member ended, as far as that is known.
        let mut last = Some(0);
        while let Some(start) = text.get(at..).and_then(|rest| rest.find(MAGIC)) {
            let start = at + start;
            let Some(local) = local(text, start) else {
                at = start + MAGIC.len();
                continue;
            };
            gap(opening, last, start)?;
            let mut way = local.way;
            let entry = self.by_start.get(&start);
            if entry.is_none_or(|entry| entry.name != local.name) {
                self.names.add(local.name);
            }
            if let Some(entry) = entry
                && way.packed.is_none()
                && entry.method == way.method
            {
                way.packed = Some(entry.packed);
                way = Way::new(way.content, way.method, Some(entry.packed), entry.unpacked)
                    .encrypted(way.encrypted);
            }
            let end = self.member(opening, local.name, way)?;
            last = (way.packed.is_some() || end > way.content).then_some(end);
            at = end.max(start + HEADER);
            self.end = self.end.max(at);
        }
        gap(opening, last, members_end)
    }

    /// What an entry of the directory says, if it is not what the local header said.
    fn entry(&mut self, opening: &mut Opening<'_, '_>, entry: &Entry<'_>) -> Result<(), Stop> {
        let Some(content) = content_of(opening.text, entry.start) else {
            self.is_whole = false;
            return Ok(());
        };
        let way = Way::new(content, entry.method, Some(entry.packed), entry.unpacked)
            .encrypted(entry.encrypted);
        self.member(opening, entry.name, way).map(drop)
    }

    /// Tells a member, unless that was done, and where its packed bytes end.
    fn member(
        &mut self,
        opening: &mut Opening<'_, '_>,
        name: &[u8],
        way: Way,
    ) -> Result<usize, Stop> {
        let rest = opening.text.get(way.content..).unwrap_or_default();
        let claimed = way
            .packed
            .map(|packed| usize::try_from(packed).unwrap_or(usize::MAX));
        let packed = match claimed {
            Some(claimed) => rest.get(..claimed).unwrap_or(rest),
            None if way.method == STORED => rest.get(..next_mark(rest)).unwrap_or(rest),
            None => rest,
        };
        // Of one of unknown length the end is where its content ends.
        let ends = claimed.is_some() || way.method == STORED;
        let end = way.content + if ends { packed.len() } else { 0 };
        if !self.read.insert(way) {
            return Ok(end);
        }
        self.is_whole &= claimed.is_none_or(|claimed| claimed <= rest.len());
        let step = Step {
            kind: self.kind,
            name: Some(name),
        };
        if way.encrypted {
            opening.unread(Some(step), Why::Encrypted);
            return Ok(end);
        }
        let range = way.content..way.content + packed.len();
        if way.method == STORED {
            opening.contained(step, range, packed)?;
            return Ok(end);
        }
        let left = Cell::new(packed);
        let mut reader = match content::open(way.method, way.unpacked, Feed(&left)) {
            Ok(reader) => reader,
            Err(error) => {
                opening.unread(Some(step), why(&error));
                return Ok(end);
            }
        };
        let whole = opening.member(step, range, &mut *reader)?;
        drop(reader);
        let read = packed.len() - left.get().len();
        self.work = self.work.saturating_sub(read as u64);
        if self.work == 0 {
            opening.unread(Some(Step::of(self.kind)), Why::TooMuch);
            return Err(Stop);
        }
        Ok(if whole && !ends { end + read } else { end })
    }
}

/// Bytes between members that are none of theirs, at most: sizes and a sum may stand behind each.
const DESCRIPTOR: usize = 24;

/// Tells what lies between two members, as a text of its own.
fn gap(opening: &mut Opening<'_, '_>, last: Option<usize>, next: usize) -> Result<(), Stop> {
    let text = opening.text;
    let gap = last.and_then(|last| Some((last, text.get(last..next)?)));
    match gap {
        Some((start, gap)) if gap.len() > DESCRIPTOR => {
            opening.contained(Step::of("zip gap"), start..next, gap)
        }
        _ => Ok(()),
    }
}

/// Where the next header of any kind is.
fn next_mark(text: &[u8]) -> usize {
    let mut at = 0;
    while let Some(place) = text.get(at..).and_then(|rest| rest.find(b"PK")) {
        at += place;
        if let Some([3, 4] | [7, 8] | [1, 2]) = text.get(at + 2..at + 4) {
            return at;
        }
        at += 2;
    }
    text.len()
}
