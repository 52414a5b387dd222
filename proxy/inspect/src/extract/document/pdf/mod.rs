//! PDF files (ISO 32000-1): the text that pages show, the strings of objects, files and data inside.
//!
//! The table of objects is not relied on: every `1 0 obj` of the file is read, also those that no longer count. Objects in object
//! streams are read like others. Each stream is told unpacked, and the text that it paints besides.

mod cmap;
mod filters;
mod lexer;
mod shown;

use std::{
    collections::{HashMap, HashSet},
    ops::Range,
};

use bstr::ByteSlice;
use cmap::CharacterMap;
use lexer::{Lexer, Token};

use super::{
    super::{Opening, Step, Stop, Why, sniff},
    letters,
};

/// Bytes that come out of all streams of a file at most.
const MOST_UNPACKED: usize = 64 << 20;
/// References between objects that are remembered, to find fonts by.
const MOST_LINKS: usize = 200_000;
/// Links that are followed for that, of all pages together.
const MOST_FOLLOWED: usize = 4 << 20;
/// Objects that are passed from a page to its fonts.
const MOST_HOPS: usize = 8;
/// Bytes of texts that are told as one layer.
const LAYER: usize = 1 << 20;

/// Tells what stands in a PDF file.
///
/// # Errors
/// When a bound is reached.
pub fn pdf(opening: &mut Opening<'_, '_>) -> Result<(), Stop> {
    let mut file = File::new(opening.text, opening.walk.limits.held);
    file.read();
    if file.is_encrypted {
        opening.unread(None, Why::Encrypted);
        return Ok(());
    }
    let strings = std::mem::take(&mut file.strings);
    opening.contained(Step::of("pdf strings"), 0..opening.text.len(), &strings)?;
    let maps = file.character_maps();
    let mut texts = Texts::default();
    for index in 0..file.streams.len() {
        file.tell(index, &maps, &mut texts, opening)?;
    }
    texts.flush(opening, 0)?;
    if file.is_over {
        opening.unread(None, Why::TooMuch);
    }
    if file.is_damaged {
        opening.unread(None, Why::Broken);
    }
    Ok(())
}

/// Fonts that are no files of their own.
const FONTS: [&[u8]; 2] = [b"Type1C", b"CIDFontType0C"];

/// Whether an image with these filters is a whole file of its own.
fn is_a_file(filters: &[&[u8]]) -> bool {
    matches!(
        filters.last(),
        Some(&(b"DCTDecode" | b"DCT" | b"JPXDecode"))
    )
}

/// The number of the object that begins behind `1 0 `, with which `text` ends.
fn number_before(text: &[u8]) -> Option<u32> {
    let tail = text.get(text.len().saturating_sub(32)..)?;
    let mut words = tail.rsplit(|byte| byte.is_ascii_whitespace());
    let mut numbers = words.by_ref().filter(|word| !word.is_empty());
    let (_, number) = (numbers.next()?, numbers.next()?);
    let digits = number.rfind_byteset(b"0123456789").map(|last| last + 1)?;
    let number = number.get(..digits)?;
    let start = number.iter().rposition(|byte| !byte.is_ascii_digit());
    let number = number.get(start.map_or(0, |start| start + 1)..)?;
    std::str::from_utf8(number).ok()?.parse().ok()
}

/// Texts of many streams, told together.
#[derive(Default)]
struct Texts {
    /// What pages show.
    shown: Vec<u8>,
    /// What came out of streams.
    unpacked: Vec<u8>,
}

impl Texts {
    /// Tells those that have `least` bytes.
    fn flush(&mut self, opening: &mut Opening<'_, '_>, least: usize) -> Result<(), Stop> {
        let whole = 0..opening.text.len();
        for (kind, text) in [
            ("pdf text", &mut self.shown),
            ("pdf stream", &mut self.unpacked),
        ] {
            if text.len() >= least {
                opening.contained(Step::of(kind), whole.clone(), text)?;
                text.clear();
            }
        }
        Ok(())
    }
}

/// A stream with what its dictionary says.
struct Stream<'t> {
    object: u32,
    data: Range<usize>,
    filters: Vec<&'t [u8]>,
    kind: Vec<u8>,
    subtype: Vec<u8>,
    /// It is a font.
    is_font: bool,
    /// Of an object stream how many objects there are and where the first begins.
    objects: (usize, usize),
}

/// What was read of one object.
#[derive(Default)]
struct Said<'t> {
    names: Vec<(&'t [u8], &'t [u8])>,
    numbers: Vec<(&'t [u8], f32)>,
}

impl<'t> Said<'t> {
    fn name(&self, key: &[u8]) -> Option<&'t [u8]> {
        let mut names = self.names.iter();
        names.find_map(|(other, name)| (*other == key).then_some(*name))
    }

    fn number(&self, key: &[u8]) -> Option<usize> {
        let mut numbers = self.numbers.iter();
        let number = numbers.find_map(|(other, number)| (*other == key).then_some(*number))?;
        (number >= 0.0).then_some(number as usize)
    }
}

struct File<'t> {
    text: &'t [u8],
    /// Where the next trailer is.
    trailer: Option<usize>,
    /// Bytes that come out of one stream at most, and of all that are left.
    held: usize,
    left: usize,
    streams: Vec<Stream<'t>>,
    /// The strings of all objects, each in a line with its key.
    strings: Vec<u8>,
    /// Of each object the others that it names, by the key.
    links: HashMap<u32, Vec<(Vec<u8>, u32)>>,
    linked: usize,
    /// Of the content of a page the page.
    pages: HashMap<u32, u32>,
    /// Of a font its character map.
    mapped: HashMap<u32, u32>,
    /// Links that were followed to find fonts.
    followed: usize,
    is_encrypted: bool,
    is_damaged: bool,
    is_over: bool,
}

impl<'t> File<'t> {
    fn new(text: &'t [u8], held: usize) -> Self {
        Self {
            text,
            trailer: text.find(b"trailer"),
            held,
            left: MOST_UNPACKED,
            streams: Vec::new(),
            strings: Vec::new(),
            links: HashMap::new(),
            linked: 0,
            pages: HashMap::new(),
            mapped: HashMap::new(),
            followed: 0,
            is_encrypted: false,
            is_damaged: false,
            is_over: false,
        }
    }

    /// Goes through the file once.
    fn read(&mut self) {
        let mut at = 0;
        while let Some(start) = self.next_object(at) {
            at = self.object(start);
        }
        for index in 0..self.streams.len() {
            if self
                .streams
                .get(index)
                .is_some_and(|stream| stream.kind == b"ObjStm")
            {
                self.object_stream(index);
            }
        }
    }

    /// The next `1 0 obj` or `trailer` from `at` on: the number of the object, and where it begins.
    fn next_object(&mut self, at: usize) -> Option<(u32, usize)> {
        let rest = self.text.get(at..)?;
        if self.trailer.is_some_and(|trailer| trailer < at) {
            self.trailer = rest.find(b"trailer").map(|trailer| at + trailer);
        }
        let trailer = self.trailer.map(|trailer| trailer - at);
        let mut from = 0;
        let object = loop {
            let Some(found) = rest.get(from..).and_then(|rest| rest.find(b"obj")) else {
                break None;
            };
            let end = from + found;
            if trailer.is_some_and(|trailer| trailer < end) {
                break None;
            }
            // An `endobj` has none.
            if let Some(number) = rest.get(..end).and_then(number_before) {
                break Some((number, at + end + 3));
            }
            from = end + 3;
        };
        object.or_else(|| Some((0, at + trailer? + 7)))
    }

    /// Reads the object that begins there. Tells where it ends.
    fn object(&mut self, (number, start): (u32, usize)) -> usize {
        let mut lexer = Lexer::new(self.text.get(start..).unwrap_or_default());
        let said = self.body(number, &mut lexer);
        let end = start + lexer.at;
        if said.name(b"Type") == Some(b"XRef") || number == 0 {
            let links = self.links.get(&number).into_iter().flatten();
            let mut keys = links.map(|(key, _)| key.as_slice());
            self.is_encrypted |= keys.any(|key| key == b"Encrypt");
        }
        if self
            .text
            .get(..end)
            .is_some_and(|text| text.ends_with(b"stream"))
        {
            return self.stream(number, &said, end);
        }
        end
    }

    /// Reads tokens up to the end of an object, or to its stream.
    fn body<'b>(&mut self, number: u32, lexer: &mut Lexer<'b>) -> Said<'b> {
        let mut said = Said::default();
        let mut key: &[u8] = b"";
        // A name after a key is its value, the next one a key; within an array all are values.
        let (mut is_value, mut in_array) = (false, 0_u32);
        let mut numbers = [0.0_f32; 2];
        while let Some(token) = lexer.next() {
            match token {
                Token::Name(name) if is_value || in_array > 0 => {
                    if said.names.len() < 64 {
                        said.names.push((key, name));
                    }
                    is_value = false;
                    continue;
                }
                Token::Name(name) => {
                    key = name;
                    is_value = true;
                    continue;
                }
                Token::Number(value) => {
                    numbers = [numbers[1], value];
                    if said.numbers.len() < 64 {
                        said.numbers.push((key, value));
                    }
                }
                Token::Text(text) => self.string(key, &text),
                Token::Open(b'[') => in_array += 1,
                Token::Close(b']') => in_array = in_array.saturating_sub(1),
                Token::Open(_) | Token::Close(_) => in_array = 0,
                Token::Word(b"R") => self.link(number, key, numbers[0]),
                Token::Word(b"obj") => {
                    // The end of the one before is missing.
                    lexer.at -= 3;
                    let before = lexer.text.get(..lexer.at).unwrap_or_default();
                    let digits = |byte: &u8| byte.is_ascii_digit() || byte.is_ascii_whitespace();
                    lexer.at -= before
                        .iter()
                        .rev()
                        .take(20)
                        .take_while(|byte| digits(byte))
                        .count();
                    break;
                }
                Token::Word(b"endobj" | b"stream" | b"startxref") => break,
                Token::Word(_) => {}
            }
            is_value = false;
        }
        said
    }

    fn string(&mut self, key: &[u8], text: &[u8]) {
        self.strings.extend_from_slice(key);
        self.strings.extend_from_slice(b": ");
        match text {
            [0xfe, 0xff, text @ ..] => {
                let text = letters::from_utf16(text, u16::from_be_bytes);
                self.strings.extend_from_slice(&text);
            }
            _ => self.strings.extend_from_slice(text),
        }
        self.strings.push(b'\n');
    }

    fn link(&mut self, from: u32, key: &[u8], to: f32) {
        if self.linked < MOST_LINKS && to > 0.0 {
            self.linked += 1;
            let key = key.get(..key.len().min(32)).unwrap_or_default();
            match key {
                b"Contents" => drop(self.pages.insert(to as u32, from)),
                b"ToUnicode" => drop(self.mapped.insert(from, to as u32)),
                _ => {}
            }
            self.links
                .entry(from)
                .or_default()
                .push((key.to_vec(), to as u32));
        }
    }

    /// Notes the stream whose keyword ends at `start`. Tells where it ends.
    fn stream(&mut self, object: u32, said: &Said<'t>, start: usize) -> usize {
        let rest = self.text.get(start..).unwrap_or_default();
        let start = start
            + match rest {
                [b'\r', b'\n', ..] => 2,
                [b'\n' | b'\r', ..] => 1,
                _ => 0,
            };
        let rest = self.text.get(start..).unwrap_or_default();
        let is_end = |length: &usize| {
            let behind = rest.get(*length..).unwrap_or_default();
            behind.trim_ascii_start().starts_with(b"endstream")
        };
        let length = said.number(b"Length").filter(is_end);
        let length = length
            .or_else(|| rest.find(b"endstream"))
            .unwrap_or_else(|| {
                self.is_damaged = true;
                rest.len()
            });
        let filters = said.names.iter();
        let filters = filters.filter(|(key, _)| *key == b"Filter" || *key == b"F");
        self.streams.push(Stream {
            object,
            data: start..start + length,
            filters: filters.map(|(_, name)| *name).collect(),
            kind: said.name(b"Type").unwrap_or_default().to_vec(),
            subtype: said.name(b"Subtype").unwrap_or_default().to_vec(),
            is_font: said.number(b"Length1").is_some(),
            objects: (
                said.number(b"N").unwrap_or(0),
                said.number(b"First").unwrap_or(0),
            ),
        });
        start + length
    }

    /// What comes out of a stream, and the filter that is left.
    fn unpacked(&mut self, index: usize) -> (Vec<u8>, Option<Vec<u8>>) {
        let Some(stream) = self.streams.get(index) else {
            return (Vec::new(), None);
        };
        let packed = self.text.get(stream.data.clone()).unwrap_or_default();
        let most = self.held.min(self.left);
        let unpacked = filters::unpack(packed, &stream.filters, most);
        self.is_damaged |= !unpacked.is_whole;
        self.is_over |= unpacked.bytes.len() > most && !stream.filters.is_empty();
        self.left = self.left.saturating_sub(unpacked.bytes.len());
        (unpacked.bytes, unpacked.left)
    }

    /// Reads the objects of an object stream: pairs of number and place, then the objects.
    fn object_stream(&mut self, index: usize) {
        let (bytes, _) = self.unpacked(index);
        let Some((count, first)) = self.streams.get(index).map(|stream| stream.objects) else {
            return;
        };
        let mut heads =
            Lexer::new(bytes.get(..first).unwrap_or_default()).map(|token| match token {
                Token::Number(number) if number >= 0.0 => number as usize,
                _ => 0,
            });
        let mut places = Vec::new();
        while let (Some(number), Some(at)) = (heads.next(), heads.next()) {
            if places.len() == count {
                break;
            }
            places.push((first.saturating_add(at), number));
        }
        // Each is read up to the next: no byte is read twice.
        places.sort_unstable();
        let ends = places
            .iter()
            .skip(1)
            .map(|(at, _)| *at)
            .chain([bytes.len()]);
        for (&(at, number), end) in places.iter().zip(ends) {
            let mut lexer = Lexer::new(bytes.get(at..end).unwrap_or_default());
            self.body(u32::try_from(number).unwrap_or(0), &mut lexer);
        }
    }

    /// The character maps by the objects that they are.
    fn character_maps(&mut self) -> HashMap<u32, CharacterMap> {
        let wanted: HashSet<u32> = self.mapped.values().copied().collect();
        let mut maps = HashMap::new();
        for index in 0..self.streams.len() {
            let object = self.streams.get(index).map_or(0, |stream| stream.object);
            if wanted.contains(&object) {
                let (bytes, _) = self.unpacked(index);
                maps.insert(object, CharacterMap::read(&bytes));
            }
        }
        maps
    }

    /// The character maps of the fonts that a page names: it is object `object`, or the content of another.
    fn fonts<'f>(
        &self,
        object: u32,
        maps: &'f HashMap<u32, CharacterMap>,
        followed: &mut usize,
    ) -> HashMap<Vec<u8>, &'f CharacterMap> {
        let mut fonts = HashMap::new();
        if maps.is_empty() {
            return fonts;
        }
        let mut open: Vec<u32> = self.pages.get(&object).copied().into_iter().collect();
        open.push(object);
        for _ in 0..MOST_HOPS {
            let Some(object) = open.pop() else {
                break;
            };
            for (key, to) in self.links.get(&object).into_iter().flatten() {
                *followed += 1;
                if *followed > MOST_FOLLOWED {
                    return fonts;
                }
                if matches!(key.as_slice(), b"Resources" | b"Font" | b"Parent") {
                    open.push(*to);
                } else if let Some(map) = self.mapped.get(to).and_then(|map| maps.get(map)) {
                    fonts.entry(key.clone()).or_insert(map);
                }
            }
        }
        fonts
    }

    /// Tells one stream.
    fn tell(
        &mut self,
        index: usize,
        maps: &HashMap<u32, CharacterMap>,
        texts: &mut Texts,
        opening: &mut Opening<'_, '_>,
    ) -> Result<(), Stop> {
        let Some(stream) = self.streams.get(index) else {
            return Ok(());
        };
        if stream.kind == b"XRef" || maps.contains_key(&stream.object) {
            return Ok(());
        }
        let (range, object) = (stream.data.clone(), stream.object);
        let is_plain = stream.filters.is_empty();
        let is_font = stream.is_font || FONTS.contains(&stream.subtype.as_slice());
        if stream.subtype == b"Image" && !is_a_file(&stream.filters) {
            opening.media("pixels of PDF");
            return Ok(());
        }
        let (bytes, left) = self.unpacked(index);
        if sniff::format(&bytes).is_some() {
            return opening.contained(Step::of("pdf stream"), range, &bytes);
        }
        if left.is_some() {
            opening.media("pixels of PDF");
            return Ok(());
        }
        if is_font {
            opening.media("outlines of PDF");
            return Ok(());
        }
        let mut followed = self.followed;
        let fonts = self.fonts(object, maps, &mut followed);
        self.followed = followed;
        let shown = shown::text(&bytes, &fonts);
        texts.shown.extend_from_slice(&shown);
        if !is_plain {
            texts.unpacked.extend_from_slice(&bytes);
            texts.unpacked.push(b'\n');
        }
        texts.flush(opening, LAYER)
    }
}

#[cfg(test)]
mod tests;
