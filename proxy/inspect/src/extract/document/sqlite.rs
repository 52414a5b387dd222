//! SQLite databases and their write-ahead logs: rows as lines, so that values which lie on several pages are whole.
//!
//! <https://www.sqlite.org/fileformat2.html>. The tables are walked from the schema; pages that no table reaches (free ones, those
//! of indexes) are read on their own. What lies in no cell is covered by the plain search of the file.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
};

use super::{
    super::{Opening, Step, Stop, Why, sniff},
    letters::from_utf16,
};

/// Tells the rows of a database, table by table.
///
/// # Errors
/// When a bound is reached.
pub fn sqlite(opening: &mut Opening<'_, '_>) -> Result<(), Stop> {
    match Database::of_file(opening.text) {
        Some(database) => tell(opening, database),
        None => {
            opening.unread(None, Why::Broken);
            Ok(())
        }
    }
}

/// The same of a write-ahead log, whose pages belong to a database that is not at hand.
///
/// # Errors
/// When a bound is reached.
pub fn write_ahead_log(opening: &mut Opening<'_, '_>) -> Result<(), Stop> {
    match Database::of_log(opening.text) {
        // Most of its tables it holds in part alone.
        Some(mut database) => {
            let pages = database.pages.clone();
            rows(opening, &mut database, b"", &pages)
        }
        None => {
            opening.unread(None, Why::Broken);
            Ok(())
        }
    }
}

/// Bytes of rows that are told as one layer.
const LAYER: usize = 1 << 20;

fn tell(opening: &mut Opening<'_, '_>, mut database: Database<'_>) -> Result<(), Stop> {
    for (name, root) in database.tables() {
        let pages = database.walk(root);
        rows(opening, &mut database, &name, &pages)?;
    }
    if database.is_damaged {
        opening.unread(None, Why::Broken);
    }
    let pages = database.pages.iter().copied();
    let others: Vec<usize> = pages.filter(|at| !database.seen.contains(at)).collect();
    rows(opening, &mut database, b"", &others)
}

/// Tells the rows on `pages` of table `name`.
fn rows(
    opening: &mut Opening<'_, '_>,
    database: &mut Database<'_>,
    name: &[u8],
    pages: &[usize],
) -> Result<(), Stop> {
    let step = Step {
        kind: "sqlite",
        name: (!name.is_empty()).then_some(name),
    };
    let whole = 0..opening.text.len();
    let mut lines = Vec::new();
    for &page in pages {
        for cell in database.cells(page) {
            let Some(record) = database.record(&cell) else {
                continue;
            };
            let start = lines.len();
            lines.extend_from_slice(name);
            for (column, value) in values(&record).enumerate() {
                lines.extend_from_slice(match (column, name) {
                    (0, b"") => b"",
                    (0, _) => b": ",
                    _ => b" | ",
                });
                match value {
                    Value::Number(number) => lines.extend_from_slice(number.as_bytes()),
                    Value::Text(text) => lines.extend_from_slice(&database.utf8(text)),
                    Value::Blob(blob) if sniff::format(blob).is_some() => {
                        opening.contained(step, whole.clone(), blob)?;
                    }
                    Value::Blob(blob) => lines.extend_from_slice(blob),
                }
            }
            if lines.len() > start {
                lines.push(b'\n');
            }
            if lines.len() >= LAYER {
                opening.contained(step, whole.clone(), &lines)?;
                lines.clear();
            }
        }
    }
    opening.contained(step, whole, &lines)
}

struct Database<'t> {
    text: &'t [u8],
    page_size: usize,
    /// Bytes of a page that hold content.
    usable: usize,
    /// How texts are written if not in UTF-8.
    wide: Option<fn([u8; 2]) -> u16>,
    /// Where each page begins, in the order of the file.
    pages: Vec<usize>,
    /// The same by the page's number; of several the last.
    places: HashMap<u32, usize>,
    /// Pages of trees that were walked: none is walked twice, so no loop has an effect.
    seen: HashSet<usize>,
    /// Pages of long values that were read, likewise.
    spilled: HashSet<usize>,
    is_damaged: bool,
}

/// A record as it lies on its page.
struct Cell {
    length: u64,
    at: usize,
    local: usize,
}

const HEADER: usize = 100;

impl<'t> Database<'t> {
    fn of_file(text: &'t [u8]) -> Option<Self> {
        let page_size = match number(text, 16, 2)? {
            1 => 1 << 16,
            size => size as usize,
        };
        let mut database = Self::new(text, page_size, number(text, 20, 1)? as usize)?;
        database.wide = match number(text, 56, 4)? {
            2 => Some(u16::from_le_bytes),
            3 => Some(u16::from_be_bytes),
            _ => None,
        };
        for (at, page) in (0..text.len()).step_by(page_size).zip(1..) {
            database.pages.push(at);
            database.places.insert(page, at);
        }
        Some(database)
    }

    fn of_log(text: &'t [u8]) -> Option<Self> {
        let page_size = number(text, 8, 4)? as usize;
        let mut database = Self::new(text, page_size, 0)?;
        for at in (32..text.len()).step_by(page_size + 24) {
            let page = u32::try_from(number(text, at, 4)?).ok()?;
            if page == 1 {
                database.wide = match number(text, at + 24 + 56, 4) {
                    Some(2) => Some(u16::from_le_bytes),
                    Some(3) => Some(u16::from_be_bytes),
                    _ => None,
                };
            }
            database.pages.push(at + 24);
            database.places.insert(page, at + 24);
        }
        Some(database)
    }

    fn new(text: &'t [u8], page_size: usize, reserved: usize) -> Option<Self> {
        let is_valid = page_size.is_power_of_two() && (512..=1 << 16).contains(&page_size);
        let usable = page_size.checked_sub(reserved)?;
        (is_valid && usable >= 480).then(|| Self {
            text,
            page_size,
            usable,
            wide: None,
            pages: Vec::new(),
            places: HashMap::new(),
            seen: HashSet::new(),
            spilled: HashSet::new(),
            is_damaged: false,
        })
    }

    /// The tables by the schema, which is one of them, with the page that each begins at.
    fn tables(&mut self) -> Vec<(Vec<u8>, u32)> {
        let mut tables = vec![(b"sqlite_schema".to_vec(), 1)];
        if !self.places.contains_key(&1) {
            return Vec::new();
        }
        let pages = self.walk(1);
        for page in pages {
            for cell in self.cells(page) {
                let Some(record) = self.record(&cell) else {
                    continue;
                };
                let mut columns = values(&record);
                let (kind, name, root) = (columns.next(), columns.next(), columns.nth(1));
                let (Some(Value::Text(kind)), Some(Value::Text(name)), Some(Value::Number(root))) =
                    (kind, name, root)
                else {
                    continue;
                };
                let root = root.parse().unwrap_or(0);
                if self.utf8(kind).as_ref() == b"table" && root > 1 {
                    tables.push((self.utf8(name).into_owned(), root));
                }
            }
        }
        self.seen.clear();
        self.spilled.clear();
        tables
    }

    /// The pages with cells of the tree that begins at page `root`, in their order.
    fn walk(&mut self, root: u32) -> Vec<usize> {
        let mut found = Vec::new();
        let mut open = vec![root];
        while let Some(page) = open.pop() {
            let Some(&at) = self.places.get(&page) else {
                self.is_damaged = true;
                continue;
            };
            if !self.seen.insert(at) {
                self.is_damaged = true;
                continue;
            }
            match self.kind(at) {
                Some(Kind::TableInside | Kind::IndexInside) => {
                    let right = number(self.text, self.header(at) + 8, 4);
                    open.extend(right.and_then(|page| u32::try_from(page).ok()));
                    let cells = self.offsets(at).into_iter().rev();
                    let left = cells.filter_map(|cell| number(self.text, cell, 4));
                    open.extend(left.filter_map(|page| u32::try_from(page).ok()));
                }
                Some(Kind::TableLeaf | Kind::IndexLeaf) => {}
                None => self.is_damaged = true,
            }
            found.push(at);
        }
        found
    }

    fn header(&self, page: usize) -> usize {
        let is_first = self.places.get(&1) == Some(&page);
        page + if is_first { HEADER } else { 0 }
    }

    fn kind(&self, page: usize) -> Option<Kind> {
        match number(self.text, self.header(page), 1)? {
            2 => Some(Kind::IndexInside),
            5 => Some(Kind::TableInside),
            10 => Some(Kind::IndexLeaf),
            13 => Some(Kind::TableLeaf),
            _ => None,
        }
    }

    /// Where the cells of a page begin.
    fn offsets(&self, page: usize) -> Vec<usize> {
        let header = self.header(page);
        let inside = matches!(self.kind(page), Some(Kind::TableInside | Kind::IndexInside));
        let first = header + if inside { 12 } else { 8 };
        let most = (page + self.usable).saturating_sub(first) / 2;
        let count = number(self.text, header + 3, 2).map_or(0, |count| count as usize);
        let offsets = (0..count.min(most)).map_while(|cell| number(self.text, first + 2 * cell, 2));
        offsets.map(|offset| page + offset as usize).collect()
    }

    /// The records on a page. Cells that overlap are read until they hold twice what the page does.
    fn cells(&self, page: usize) -> Vec<Cell> {
        let kind = self.kind(page);
        let is_table = match kind {
            Some(Kind::TableLeaf) => true,
            Some(Kind::IndexLeaf | Kind::IndexInside) => false,
            Some(Kind::TableInside) | None => return Vec::new(),
        };
        let mut room = 2 * self.page_size;
        let mut cells = Vec::new();
        for offset in self.offsets(page) {
            let head = offset
                + if kind == Some(Kind::IndexInside) {
                    4
                } else {
                    0
                };
            let Some((length, mut at)) = varint(self.text, head) else {
                continue;
            };
            if is_table {
                let Some((_, behind)) = varint(self.text, at) else {
                    continue;
                };
                at = behind;
            }
            let local = self.local(length, is_table);
            let Some(left) = room.checked_sub(local) else {
                break;
            };
            room = left;
            cells.push(Cell { length, at, local });
        }
        cells
    }

    /// How many bytes of a record of `length` lie on the page of its cell.
    fn local(&self, length: u64, is_table: bool) -> usize {
        let usable = self.usable;
        let most = match is_table {
            true => usable - 35,
            false => (usable - 12) * 64 / 255 - 23,
        };
        if length <= most as u64 {
            return length as usize;
        }
        let least = (usable - 12) * 32 / 255 - 23;
        let rest = (length - least as u64) % (usable as u64 - 4);
        match least + rest as usize {
            local if local <= most => local,
            _ => least,
        }
    }

    /// A record, put together. What is damaged is read as far as it goes.
    fn record(&mut self, cell: &Cell) -> Option<Cow<'t, [u8]>> {
        let text = self.text;
        let local = text.get(cell.at..cell.at + cell.local)?;
        if cell.length == cell.local as u64 {
            return Some(Cow::Borrowed(local));
        }
        let mut record = local.to_vec();
        let mut link = cell.at + cell.local;
        while (record.len() as u64) < cell.length {
            let page = number(text, link, 4).and_then(|page| u32::try_from(page).ok());
            let at = page.and_then(|page| self.places.get(&page)).copied();
            let Some(at) = at.filter(|&at| self.spilled.insert(at)) else {
                self.is_damaged = true;
                break;
            };
            let left = usize::try_from(cell.length - record.len() as u64).unwrap_or(usize::MAX);
            let end = text.len().min(at + 4 + left.min(self.usable - 4));
            record.extend_from_slice(text.get(at + 4..end).unwrap_or_default());
            link = at;
        }
        Some(Cow::Owned(record))
    }

    fn utf8<'v>(&self, text: &'v [u8]) -> Cow<'v, [u8]> {
        match self.wide {
            None => Cow::Borrowed(text),
            Some(order) => Cow::Owned(from_utf16(text, order)),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    IndexInside,
    TableInside,
    IndexLeaf,
    TableLeaf,
}

/// A value of a row.
enum Value<'r> {
    /// In figures; of no value nothing.
    Number(String),
    Text(&'r [u8]),
    Blob(&'r [u8]),
}

/// The values of a record, as far as they are there.
fn values(record: &[u8]) -> impl Iterator<Item = Value<'_>> {
    let (size, mut head) = varint(record, 0).unwrap_or((0, 0));
    let mut at = usize::try_from(size).unwrap_or(usize::MAX);
    std::iter::from_fn(move || {
        if head as u64 >= size {
            return None;
        }
        let (kind, behind) = varint(record, head)?;
        head = behind;
        let length = match kind {
            0 | 8..=11 => 0,
            5 => 6,
            6 | 7 => 8,
            1..=4 => kind,
            _ => (kind - 12) / 2,
        };
        let end = at.saturating_add(usize::try_from(length).unwrap_or(usize::MAX));
        let bytes = record.get(at..end.min(record.len())).unwrap_or_default();
        at = end;
        Some(match kind {
            0 | 10 | 11 => Value::Number(String::new()),
            8 => Value::Number("0".to_owned()),
            9 => Value::Number("1".to_owned()),
            7 => {
                let bits = number(bytes, 0, 8).unwrap_or(0);
                Value::Number(f64::from_bits(bits).to_string())
            }
            1..=6 => {
                let is_negative = bytes.first().is_some_and(|byte| *byte > 0x7f);
                let sign = if is_negative { -1_i64 } else { 0 };
                let value = bytes
                    .iter()
                    .fold(sign, |value, &byte| value << 8 | i64::from(byte));
                Value::Number(value.to_string())
            }
            odd if odd % 2 == 1 => Value::Text(bytes),
            _ => Value::Blob(bytes),
        })
    })
}

/// The number of `length` bytes (1 to 8) at `at`, the highest first.
fn number(text: &[u8], at: usize, length: usize) -> Option<u64> {
    let bytes = text.get(at..at.checked_add(length)?)?;
    Some(
        bytes
            .iter()
            .fold(0, |value, &byte| value << 8 | u64::from(byte)),
    )
}

/// The number of one to nine bytes at `at`, and where it ends.
fn varint(text: &[u8], at: usize) -> Option<(u64, usize)> {
    let mut value = 0_u64;
    for (index, &byte) in text.get(at..)?.iter().take(9).enumerate() {
        if index == 8 {
            return Some((value << 8 | u64::from(byte), at + 9));
        }
        value = value << 7 | u64::from(byte & 0x7f);
        if byte < 0x80 {
            return Some((value, at + index + 1));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::super::{
        Limits, Why, look_into,
        tests::{Seen, layers, python},
    };

    /// A database that Python's sqlite3 writes.
    fn database(pragmas: &str, statements: &str) -> Option<Vec<u8>> {
        let script = format!(
            "import sqlite3, sys, tempfile, os\n\
             f = os.path.join(tempfile.mkdtemp(), 'a.db')\n\
             c = sqlite3.connect(f, isolation_level=None)\n\
             for p in {pragmas:?}.split(';'): c.execute(p)\n\
             c.execute('pragma synchronous=off'); c.execute('begin')\n\
             {statements}\n\
             c.execute('commit')\n\
             w = f + '-wal'\n\
             sys.stdout.buffer.write(open(w if os.path.exists(w) else f, 'rb').read())"
        );
        python(&script, b"")
    }

    const ROWS: &str = "c.execute('create table users(name text, password text, age int, x blob, y real)')\n\
        c.execute('create table w(k text primary key, v text) without rowid')\n\
        for i in range(300): c.execute('insert into users values(?,?,?,?,?)', ('n%d' % i, 'mel' * 900 + 'lon%d.' % i, i - 5, None, 0.5))\n\
        for i in range(300): c.execute('insert into w values(?,?)', ('k%d' % i, 'v%d' % i * 90 + '.'))\n\
        c.execute('insert into users values(?,?,?,?,?)', ('blob', 'x', 1, b'<p>mel<b>lon</b></p>', 1e100))";

    #[test]
    fn values_over_many_pages_are_whole() {
        for pragmas in [
            "pragma page_size=512",
            "pragma page_size=4096;pragma encoding='UTF-16le'",
            "pragma page_size=65536;pragma encoding='UTF-16be'",
        ] {
            let Some(file) = database(pragmas, ROWS) else {
                return;
            };
            let (layers, summary) = layers(&file);
            assert_eq!(summary.unread, [], "{pragmas}");
            let of = |way: &str| {
                let found = layers.iter().filter(|(found, _)| found == way);
                found
                    .flat_map(|(_, text)| text.clone())
                    .collect::<Vec<u8>>()
            };
            let users = String::from_utf8(of("sqlite:users")).unwrap();
            for row in 0..300 {
                let line = format!(
                    "users: n{row} | {}lon{row}. | {} |  | 0.5\n",
                    "mel".repeat(900),
                    row - 5
                );
                assert!(users.contains(&line), "{pragmas} {row}");
            }
            let second = String::from_utf8(of("sqlite:w")).unwrap();
            assert_eq!(second.lines().count(), 300, "{pragmas}");
            assert!(second.contains(&format!("w: k299 | {}.\n", "v299".repeat(90))));
            assert_eq!(of("sqlite:users, markup"), b"mellon\n");
        }
    }

    #[test]
    fn rows_that_were_deleted_are_read_where_their_pages_are_left() {
        let statements = format!("{ROWS}\nc.execute('drop table users')");
        let Some(file) = database("pragma page_size=512;pragma secure_delete=0", &statements)
        else {
            return;
        };
        let (layers, summary) = layers(&file);
        assert_eq!(summary.unread, []);
        let left = layers.iter().filter(|(way, _)| way == "sqlite");
        let left: Vec<u8> = left.flat_map(|(_, text)| text.clone()).collect();
        assert!(bstr::ByteSlice::find(&left[..], b"melmel").is_some());
    }

    #[test]
    fn a_write_ahead_log_is_read_without_its_database() {
        let Some(file) = database("pragma page_size=1024;pragma journal_mode=wal", ROWS) else {
            return;
        };
        assert_eq!(&file[..3], b"\x37\x7f\x06");
        let (layers, _) = layers(&file);
        let text: Vec<u8> = layers.iter().flat_map(|(_, text)| text.clone()).collect();
        let whole = format!("{}lon299.", "mel".repeat(900));
        assert!(bstr::ByteSlice::find(&text[..], whole.as_bytes()).is_some());
    }

    #[test]
    fn loops_and_overlaps_end() {
        let Some(file) = database("pragma page_size=512", ROWS) else {
            return;
        };
        let limits = Limits {
            bytes: 4 << 20,
            ..Limits::default()
        };
        // Every page number is that of page 3, or of the root.
        for target in [1_u32, 3] {
            let mut looped = file.clone();
            for page in looped.chunks_mut(512).skip(1) {
                page[..4].copy_from_slice(&target.to_be_bytes());
            }
            let summary = look_into(&looped, None, &limits, &mut Seen::default());
            assert!(
                summary
                    .unread
                    .iter()
                    .any(|unread| unread.why == Why::Broken)
            );
            assert!(summary.bytes < 2 * file.len() as u64);
        }
        // All cells at one place.
        let mut page = vec![0; 65536];
        page[..16].copy_from_slice(b"SQLite format 3\0");
        page[17] = 1;
        page[100] = 13;
        page[103..105].copy_from_slice(&32000_u16.to_be_bytes());
        page[108..64108].fill(0xfb);
        let summary = look_into(&page.repeat(20), None, &limits, &mut Seen::default());
        assert!(summary.bytes < 8 << 20, "{summary:?}");
    }

    #[test]
    fn what_is_cut_is_read_until_there() {
        let Some(file) = database(
            "pragma page_size=512",
            "c.execute('create table a(b)'); c.execute('insert into a values(?)', ('mellon' * 200,))",
        ) else {
            return;
        };
        for end in 0..file.len() {
            layers(&file[..end]);
        }
        let (layers, summary) = layers(&file[..1024 + 512]);
        assert_eq!(summary.unread[0].why, Why::Broken);
        let rows = layers.iter().find(|(way, _)| way == "sqlite:a").unwrap();
        assert!(rows.1.starts_with(b"a: mellonmellon"));
    }
}
