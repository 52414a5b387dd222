//! The header of a 7z file: where folders lie, what they are packed with, and the names of what is in them.

use super::super::super::Why;

/// Why a header or a folder is not read.
#[derive(Clone, Copy, Debug)]
pub struct Sorry(pub Why);

const BROKEN: Sorry = Sorry(Why::Broken);

/// What a header comes to.
pub enum Parsed {
    Header(Header),
    /// It is itself packed.
    Packed(Vec<Folder>),
}

#[derive(Default)]
pub struct Header {
    pub folders: Vec<Folder>,
    pub names: Vec<Vec<u8>>,
    /// Whether each has no content.
    pub is_empty: Vec<bool>,
}

/// Members that are packed as one.
pub struct Folder {
    /// From the end of the first header on.
    pub start: u64,
    pub packed: u64,
    /// Unpacked.
    pub size: u64,
    /// What it was packed with, the innermost first: what reads the packed bytes.
    pub coders: Vec<Coder>,
    /// Streams of packed bytes.
    pub streams: usize,
    /// Sizes of what is in it, one behind the other.
    pub members: Vec<u64>,
    /// Every coder reads what one other wrote.
    pub is_simple: bool,
    /// Which coder is fed by which.
    pairs: Vec<(usize, usize)>,
    has_sum: bool,
}

pub struct Coder {
    pub id: Vec<u8>,
    pub properties: Vec<u8>,
    /// Unpacked.
    pub size: u64,
}

const END: u8 = 0x00;
const HEADER: u8 = 0x01;
const MAIN_STREAMS: u8 = 0x04;
const FILES: u8 = 0x05;
const PACK: u8 = 0x06;
const UNPACK: u8 = 0x07;
const SUBSTREAMS: u8 = 0x08;
const SIZE: u8 = 0x09;
const SUMS: u8 = 0x0a;
const FOLDER: u8 = 0x0b;
const UNPACKED_SIZES: u8 = 0x0c;
const COUNTS: u8 = 0x0d;
const EMPTY: u8 = 0x0e;
const NAMES: u8 = 0x11;
const ENCODED: u8 = 0x17;

/// Reads a header. Counts are claims: nothing is reserved by them, and each thing counted takes a byte at least.
///
/// # Errors
/// When it contradicts itself.
pub fn parse(bytes: &[u8]) -> Result<Parsed, Sorry> {
    // An archive of nothing.
    if bytes.is_empty() {
        return Ok(Parsed::Header(Header::default()));
    }
    let mut left = Left(bytes);
    match left.byte()? {
        ENCODED => Ok(Parsed::Packed(streams(&mut left)?)),
        HEADER => Ok(Parsed::Header(whole(&mut left)?)),
        _ => Err(BROKEN),
    }
}

fn whole(left: &mut Left<'_>) -> Result<Header, Sorry> {
    let mut header = Header::default();
    loop {
        match left.byte()? {
            END => return Ok(header),
            MAIN_STREAMS => header.folders = streams(left)?,
            FILES => files(left, &mut header)?,
            // Properties of the archive and further streams: nobody writes them.
            _ => return Err(Sorry(Why::Unsupported)),
        }
    }
}

fn streams(left: &mut Left<'_>) -> Result<Vec<Folder>, Sorry> {
    let mut start = 0;
    let mut packed = Vec::new();
    let mut folders = Vec::new();
    loop {
        match left.byte()? {
            END => break,
            PACK => (start, packed) = pack(left)?,
            UNPACK => folders = unpack(left)?,
            SUBSTREAMS => substreams(left, &mut folders)?,
            _ => return Err(BROKEN),
        }
    }
    let mut packed = packed.into_iter();
    for folder in &mut folders {
        folder.start = start;
        for _ in 0..folder.streams {
            let size: u64 = packed.next().ok_or(BROKEN)?;
            folder.packed = folder.packed.checked_add(size).ok_or(BROKEN)?;
        }
        start = start.checked_add(folder.packed).ok_or(BROKEN)?;
        if folder.members.is_empty() {
            folder.members.push(folder.size);
        }
    }
    Ok(folders)
}

/// Where the packed streams begin, and their sizes.
fn pack(left: &mut Left<'_>) -> Result<(u64, Vec<u64>), Sorry> {
    let start = left.number()?;
    let count = left.count()?;
    let mut sizes = Vec::new();
    loop {
        match left.byte()? {
            END => return Ok((start, sizes)),
            SIZE => {
                for _ in 0..count {
                    sizes.push(left.number()?);
                }
            }
            SUMS => drop(left.sums(count)?),
            _ => return Err(BROKEN),
        }
    }
}

fn unpack(left: &mut Left<'_>) -> Result<Vec<Folder>, Sorry> {
    let mut folders: Vec<Folder> = Vec::new();
    loop {
        match left.byte()? {
            END => return Ok(folders),
            FOLDER => {
                let count = left.count()?;
                left.nothing_elsewhere()?;
                for _ in 0..count {
                    folders.push(folder(left)?);
                }
            }
            UNPACKED_SIZES => {
                for folder in &mut folders {
                    for coder in &mut folder.coders {
                        coder.size = left.number()?;
                    }
                    folder.order()?;
                }
            }
            SUMS => {
                let sums = left.sums(folders.len())?;
                for (folder, has_sum) in folders.iter_mut().zip(sums) {
                    folder.has_sum = has_sum;
                }
            }
            _ => return Err(BROKEN),
        }
    }
}

/// More coders than this are no honest archive.
const MOST_CODERS: usize = 32;

fn folder(left: &mut Left<'_>) -> Result<Folder, Sorry> {
    let mut folder = Folder {
        start: 0,
        packed: 0,
        size: 0,
        coders: Vec::new(),
        streams: 0,
        members: Vec::new(),
        is_simple: true,
        pairs: Vec::new(),
        has_sum: false,
    };
    let (mut ins, mut outs) = (0, 0);
    let count = left.count()?;
    if count == 0 || count > MOST_CODERS {
        return Err(BROKEN);
    }
    for _ in 0..count {
        let flags = left.byte()?;
        let id = left.bytes(usize::from(flags & 0x0f))?.to_vec();
        let (own_ins, own_outs) = match flags & 0x10 {
            0 => (1, 1),
            _ => (left.count()?, left.count()?),
        };
        let properties = match flags & 0x20 {
            0 => Vec::new(),
            _ => {
                let length = left.count()?;
                left.bytes(length)?.to_vec()
            }
        };
        // More streams than are allowed below are as good as one more.
        ins += own_ins.min(MOST_CODERS + 1);
        outs += own_outs.min(MOST_CODERS + 1);
        folder.coders.push(Coder {
            id,
            properties,
            size: 0,
        });
    }
    if ins > MOST_CODERS || outs > MOST_CODERS || outs == 0 {
        return Err(BROKEN);
    }
    for _ in 1..outs {
        folder.pairs.push((left.count()?, left.count()?));
    }
    folder.streams = ins.checked_sub(outs - 1).ok_or(BROKEN)?;
    if folder.streams > 1 {
        for _ in 0..folder.streams {
            left.number()?;
        }
    }
    // Coders with several streams have their sizes told by stream.
    if ins != count || outs != count {
        while folder.coders.len() < outs {
            folder.coders.push(Coder {
                id: Vec::new(),
                properties: Vec::new(),
                size: 0,
            });
        }
        folder.is_simple = false;
    }
    Ok(folder)
}

impl Folder {
    /// Brings the coders into the order in which they are read, and tells the size of what comes out of the last.
    fn order(&mut self) -> Result<(), Sorry> {
        if !self.is_simple {
            self.size = self
                .coders
                .iter()
                .map(|coder| coder.size)
                .max()
                .unwrap_or(0);
            return Ok(());
        }
        let count = self.coders.len();
        let fed: Vec<usize> = self.pairs.iter().map(|(to, _)| *to).collect();
        let mut at = (0..count)
            .find(|coder| !fed.contains(coder))
            .ok_or(BROKEN)?;
        let mut order = vec![at];
        while let Some((to, _)) = self.pairs.iter().find(|(_, from)| *from == at) {
            at = *to;
            if order.contains(&at) || at >= count {
                return Err(BROKEN);
            }
            order.push(at);
        }
        let mut coders: Vec<Option<Coder>> = self.coders.drain(..).map(Some).collect();
        for at in order {
            let coder = coders.get_mut(at).and_then(Option::take);
            self.coders.push(coder.ok_or(BROKEN)?);
        }
        self.size = self.coders.last().map_or(0, |coder| coder.size);
        Ok(())
    }
}

fn substreams(left: &mut Left<'_>, folders: &mut [Folder]) -> Result<(), Sorry> {
    let mut counts = vec![1; folders.len()];
    let mut kind = left.byte()?;
    if kind == COUNTS {
        for count in &mut counts {
            *count = left.count()?;
        }
        kind = left.byte()?;
    }
    for (folder, &count) in folders.iter_mut().zip(&counts) {
        let mut rest = folder.size;
        for at in 0..count {
            let size = match at + 1 == count {
                true => rest,
                false if kind == SIZE => left.number()?,
                false => return Err(BROKEN),
            };
            rest = rest.checked_sub(size).ok_or(BROKEN)?;
            folder.members.push(size);
        }
    }
    if kind == SIZE {
        kind = left.byte()?;
    }
    let unknown = folders.iter().zip(&counts);
    let unknown = unknown.map(|(folder, &count)| {
        if count == 1 && folder.has_sum {
            0
        } else {
            count
        }
    });
    let unknown = unknown.sum();
    loop {
        match kind {
            END => return Ok(()),
            SUMS => drop(left.sums(unknown)?),
            _ => return Err(BROKEN),
        }
        kind = left.byte()?;
    }
}

fn files(left: &mut Left<'_>, header: &mut Header) -> Result<(), Sorry> {
    let count = left.count()?;
    loop {
        let kind = left.byte()?;
        if kind == END {
            return Ok(());
        }
        let length = left.count()?;
        let mut property = Left(left.bytes(length)?);
        match kind {
            EMPTY => header.is_empty = property.bits(count)?,
            NAMES => {
                property.nothing_elsewhere()?;
                header.names = names(property.0);
            }
            _ => {}
        }
    }
}

/// UTF-16, little end first, each closed by a NUL.
fn names(bytes: &[u8]) -> Vec<Vec<u8>> {
    let units = bytes.chunks_exact(2);
    let units: Vec<u16> = units
        .map(|unit| {
            u16::from_le_bytes([
                unit.first().copied().unwrap_or(0),
                unit.get(1).copied().unwrap_or(0),
            ])
        })
        .collect();
    let mut names: Vec<_> = units
        .split(|&unit| unit == 0)
        .map(String::from_utf16_lossy)
        .collect();
    names.pop();
    names.into_iter().map(String::into_bytes).collect()
}

/// What is left of a header.
struct Left<'t>(&'t [u8]);

impl<'t> Left<'t> {
    fn byte(&mut self) -> Result<u8, Sorry> {
        let (&byte, rest) = self.0.split_first().ok_or(BROKEN)?;
        self.0 = rest;
        Ok(byte)
    }

    fn bytes(&mut self, count: usize) -> Result<&'t [u8], Sorry> {
        let (bytes, rest) = self.0.split_at_checked(count).ok_or(BROKEN)?;
        self.0 = rest;
        Ok(bytes)
    }

    /// The ones ahead in the first byte say how many bytes follow.
    fn number(&mut self) -> Result<u64, Sorry> {
        let first = self.byte()?;
        let mut value = 0;
        for at in 0..8 {
            let mask = 0x80_u8 >> at;
            if first & mask == 0 {
                return Ok(value | u64::from(first & (mask - 1)) << (8 * at));
            }
            value |= u64::from(self.byte()?) << (8 * at);
        }
        Ok(value)
    }

    /// How many of something follow, each of which takes a bit at least.
    fn count(&mut self) -> Result<usize, Sorry> {
        let count = usize::try_from(self.number()?).map_err(|_| BROKEN)?;
        match count <= self.0.len().saturating_mul(8) {
            true => Ok(count),
            false => Err(BROKEN),
        }
    }

    fn bits(&mut self, count: usize) -> Result<Vec<bool>, Sorry> {
        let bytes = self.bytes(count.div_ceil(8))?;
        let bits = bytes
            .iter()
            .flat_map(|byte| (0..8).map(move |at| byte & 0x80 >> at != 0));
        Ok(bits.take(count).collect())
    }

    /// Which of `count` have a sum, each of four bytes.
    fn sums(&mut self, count: usize) -> Result<Vec<bool>, Sorry> {
        let defined = match self.byte()? {
            0 => self.bits(count)?,
            _ if count > self.0.len() => return Err(BROKEN),
            _ => vec![true; count],
        };
        let sums = defined.iter().filter(|defined| **defined).count();
        self.bytes(sums.checked_mul(4).ok_or(BROKEN)?)?;
        Ok(defined)
    }

    /// What follows could be said to stand in a stream of its own.
    fn nothing_elsewhere(&mut self) -> Result<(), Sorry> {
        match self.byte()? {
            0 => Ok(()),
            _ => Err(Sorry(Why::Unsupported)),
        }
    }
}
