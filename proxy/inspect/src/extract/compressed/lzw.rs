//! `.Z`, as `compress` writes it: codes of growing width (the source of `compress` 4.0; gzip's manual, "Environment").

use std::io::{self, Read};

use super::{
    super::{Opening, Step, Stop},
    frames::{self, Feed, Form},
};

/// What it begins with: two bytes, and a third with the width and the mode.
const MAGIC: [u8; 2] = [0x1f, 0x9d];
const FIRST_WIDTH: u32 = 9;
const MOST_WIDTH: u32 = 16;
/// In the third byte: a code says that the table begins anew.
const BLOCKS: u8 = 0x80;
/// That code.
const CLEAR: usize = 256;

const FORM: Form = Form {
    goes_on: |_| false,
    open,
};

/// Whether `text` begins like it.
pub fn is_lzw(text: &[u8]) -> bool {
    matches!(text, [a, b, mode, ..] if [*a, *b] == MAGIC && width(*mode).is_some())
}

/// Bits of a code at most, where no unknown mode is set. Programs do not agree on codes that never grow.
fn width(mode: u8) -> Option<u32> {
    let width = u32::from(mode & 0x1f);
    (mode & 0x60 == 0 && (FIRST_WIDTH + 1..=MOST_WIDTH).contains(&width)).then_some(width)
}

fn open<'c>(mut left: Feed<'c, 'c>) -> io::Result<Box<dyn Read + 'c>> {
    let mut head = [0; 3];
    left.read_exact(&mut head)?;
    let [_, _, mode] = head;
    let most = width(mode).ok_or(io::ErrorKind::Unsupported)?;
    Ok(Box::new(Decoder::new(left, most, mode & BLOCKS != 0)))
}

/// All that comes out of a `.Z` file.
///
/// # Errors
/// When a bound is reached.
pub fn lzw(opening: &mut Opening<'_, '_>) -> Result<(), Stop> {
    frames::tell(opening, Step::of("compress"), &FORM)
}

struct Decoder<R> {
    codes: Codes<R>,
    most: u32,
    has_blocks: bool,
    /// For each code from 256 on the one that it goes on from, and its last byte.
    table: Vec<(u16, u8)>,
    /// The code before, and the first byte that it stands for.
    last: Option<(u16, u8)>,
    /// Bytes to be given, the last one first.
    waiting: Vec<u8>,
}

impl<R: Read> Decoder<R> {
    fn new(inner: R, most: u32, has_blocks: bool) -> Self {
        let mut decoder = Self {
            codes: Codes {
                inner,
                group: Vec::new(),
                taken: 0,
                width: FIRST_WIDTH,
            },
            most,
            has_blocks,
            table: Vec::new(),
            last: None,
            waiting: Vec::new(),
        };
        decoder.clear();
        decoder
    }

    fn clear(&mut self) {
        self.table.clear();
        if self.has_blocks {
            // The code that clears stands for nothing.
            self.table.push((0, 0));
        }
        self.last = None;
    }

    /// Decodes the next code. Tells whether there was one.
    fn step(&mut self) -> io::Result<bool> {
        if 256 + self.table.len() >= 1 << self.codes.width && self.codes.width < self.most {
            self.codes.widen(self.codes.width + 1);
        }
        let Some(code) = self.codes.next()? else {
            return Ok(false);
        };
        if self.has_blocks && usize::from(code) == CLEAR {
            self.clear();
            self.codes.widen(FIRST_WIDTH);
            return Ok(true);
        }
        let broken = || io::Error::from(io::ErrorKind::InvalidData);
        let is_new = usize::from(code) == 256 + self.table.len();
        let mut at = code;
        if let Some((last, first)) = self.last.filter(|_| is_new) {
            // What it stands for is only known now: the code before and the first byte of that.
            self.waiting.push(first);
            at = last;
        }
        while let Some(index) = usize::from(at).checked_sub(256) {
            let &(before, byte) = self.table.get(index).ok_or_else(broken)?;
            self.waiting.push(byte);
            at = before;
        }
        let first = u8::try_from(at).map_err(|_| broken())?;
        self.waiting.push(first);
        if let Some((last, _)) = self.last
            && 256 + self.table.len() < 1 << self.most
        {
            self.table.push((last, first));
        }
        self.last = Some((code, first));
        Ok(true)
    }
}

impl<R: Read> Read for Decoder<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut read = 0;
        for place in buffer.iter_mut() {
            while self.waiting.is_empty() {
                match self.step() {
                    Ok(true) => {}
                    Ok(false) => return Ok(read),
                    // What came before it is told first.
                    Err(_) if read > 0 => return Ok(read),
                    Err(error) => return Err(error),
                }
            }
            *place = self.waiting.pop().unwrap_or_default();
            read += 1;
        }
        Ok(read)
    }
}

/// Codes in groups of eight, each group of as many bytes as a code has bits; a group of which a width is the last is read to its end.
struct Codes<R> {
    inner: R,
    group: Vec<u8>,
    /// Codes of the group that were read.
    taken: usize,
    width: u32,
}

impl<R: Read> Codes<R> {
    fn widen(&mut self, width: u32) {
        self.width = width;
        self.group.clear();
        self.taken = 0;
    }

    fn next(&mut self) -> io::Result<Option<u16>> {
        let width = self.width as usize;
        if self.taken == 8 || self.group.is_empty() {
            self.group.clear();
            self.taken = 0;
            let mut group = (&mut self.inner).take(u64::from(self.width));
            group.read_to_end(&mut self.group)?;
        }
        let start = self.taken * width;
        if start + width > self.group.len() * 8 {
            return Ok(None);
        }
        let bits = self.group.iter().skip(start / 8).take(4).rev();
        let bits = bits.fold(0_u32, |bits, &byte| bits << 8 | u32::from(byte));
        self.taken += 1;
        let code = bits >> (start % 8) & ((1 << width) - 1);
        Ok(u16::try_from(code).ok())
    }
}

#[cfg(test)]
mod tests {
    use std::{
        collections::HashMap,
        io::Write as _,
        process::{Command, Stdio},
    };

    use crate::extract::{Why, tests::layers};

    /// What `compress -b MOST` would write; from time to time with a table that begins anew.
    fn packed(text: &[u8], most: u32, clears: usize) -> Vec<u8> {
        let mut out = vec![0x1f, 0x9d, 0x80 | u8::try_from(most).unwrap()];
        let (mut group, mut filled): (u128, u32) = (0, 0);
        let mut width = 9;
        let mut table = HashMap::new();
        let mut next = 257;
        let mut put = |code: u32, width: u32, is_left: bool| {
            group |= u128::from(code) << filled;
            filled += width;
            let mut bytes = Vec::<u8>::new();
            if filled == 8 * width || is_left {
                // A group that is left early is filled up.
                bytes.extend(&group.to_le_bytes()[..width as usize]);
                (group, filled) = (0, 0);
            }
            bytes
        };
        let mut current = u32::from(text[0]);
        for (at, &byte) in text.iter().enumerate().skip(1) {
            if let Some(&code) = table.get(&(current, byte)) {
                current = code;
                continue;
            }
            let widens = next >= 1 << width && width < most;
            out.extend(put(current, width, widens));
            width += u32::from(widens);
            if clears > 0 && at % clears == 0 {
                out.extend(put(256, width, true));
                table.clear();
                (next, width) = (257, 9);
            } else if next < 1 << most {
                table.insert((current, byte), next);
                next += 1;
            }
            current = u32::from(byte);
        }
        out.extend(put(current, width, false));
        out.extend(&group.to_le_bytes()[..filled.div_ceil(8) as usize]);
        out
    }

    /// What gzip makes of it.
    fn oracle(packed: &[u8]) -> Option<Vec<u8>> {
        let mut child = Command::new("gzip")
            .arg("-dc")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .ok()?;
        let mut stdin = child.stdin.take().unwrap();
        let input = packed.to_vec();
        let writer = std::thread::spawn(move || stdin.write_all(&input));
        let output = child.wait_with_output().unwrap();
        let _ = writer.join();
        Some(output.stdout)
    }

    fn text() -> Vec<u8> {
        let line = |number: u32| format!("{} line {number} of many\n", number.wrapping_mul(77_777));
        (0..9_000)
            .flat_map(|number| line(number).into_bytes())
            .collect()
    }

    #[test]
    fn codes_of_every_width_are_read() {
        let text = text();
        for (most, clears) in [(10, 0), (12, 0), (16, 0), (16, 5_000), (13, 20_011)] {
            let packed = packed(&text, most, clears);
            let told = oracle(&packed);
            assert!(told.is_none_or(|told| told == text), "{most} {clears}");
            let (layers, summary) = layers(&packed);
            assert_eq!(summary.unread, [], "{most} {clears}");
            assert!(
                layers.contains(&("compress".to_owned(), text.clone())),
                "{most} {clears}"
            );
        }
    }

    #[test]
    fn what_contradicts_itself_is_told() {
        let mut damaged = packed(&text(), 12, 0);
        damaged.truncate(200);
        damaged.extend([0xff; 40]);
        let (layers, summary) = layers(&damaged);
        assert_eq!(summary.unread[0].why, Why::Broken);
        assert!(layers[0].1.starts_with(b"0 line 0 of many\n"));
        // A mode that nobody knows is another form.
        assert_eq!(
            crate::extract::tests::layers(b"\x1f\x9d\xf0 and so on")
                .1
                .unread,
            []
        );
    }
}
