//! What the streams of a PDF file are packed with (ISO 32000-1, 7.4).

use std::io::Read;

use super::lexer;

/// What came out of a stream.
pub struct Unpacked {
    pub bytes: Vec<u8>,
    /// It came to its end.
    pub is_whole: bool,
    /// The filter that is not undone here: that of an image, or an unknown one.
    pub left: Option<Vec<u8>>,
}

/// Undoes `filters` in their order; of each comes out `most` bytes at most, and one more where there are more.
pub fn unpack(packed: &[u8], filters: &[&[u8]], most: usize) -> Unpacked {
    let mut unpacked = Unpacked {
        bytes: packed.to_vec(),
        is_whole: true,
        left: None,
    };
    for filter in filters {
        let packed = std::mem::take(&mut unpacked.bytes);
        let (bytes, is_whole) = match *filter {
            b"FlateDecode" | b"Fl" => inflate(&packed, most),
            b"ASCIIHexDecode" | b"AHx" => {
                let end = packed.iter().position(|&byte| byte == b'>');
                (
                    lexer::hex(
                        packed
                            .get(..end.unwrap_or(packed.len()))
                            .unwrap_or_default(),
                    ),
                    true,
                )
            }
            b"ASCII85Decode" | b"A85" => (ascii85(&packed), true),
            b"RunLengthDecode" | b"RL" => run_lengths(&packed, most),
            b"LZWDecode" | b"LZW" => lzw(&packed, most),
            other => {
                unpacked.left = Some(other.to_vec());
                (packed, true)
            }
        };
        unpacked.bytes = bytes;
        unpacked.is_whole &= is_whole;
        if unpacked.left.is_some() {
            break;
        }
    }
    unpacked
}

fn inflate(packed: &[u8], most: usize) -> (Vec<u8>, bool) {
    let mut bytes = Vec::new();
    let reader = flate2::bufread::ZlibDecoder::new(packed);
    let read = reader.take(most as u64 + 1).read_to_end(&mut bytes);
    (bytes, read.is_ok())
}

fn ascii85(packed: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(packed.len() / 5 * 4 + 4);
    let (mut value, mut count) = (0_u32, 0_usize);
    let packed = packed.strip_prefix(b"<~").unwrap_or(packed);
    for &byte in packed {
        match byte {
            b'z' if count == 0 => bytes.extend([0; 4]),
            b'!'..=b'u' => {
                value = value.wrapping_mul(85).wrapping_add(u32::from(byte - b'!'));
                count += 1;
                if count == 5 {
                    bytes.extend(value.to_be_bytes());
                    (value, count) = (0, 0);
                }
            }
            b'~' => break,
            _ => {}
        }
    }
    if count > 1 {
        for _ in count..5 {
            value = value.wrapping_mul(85).wrapping_add(84);
        }
        bytes.extend(value.to_be_bytes().iter().take(count - 1));
    }
    bytes
}

fn run_lengths(packed: &[u8], most: usize) -> (Vec<u8>, bool) {
    let mut bytes = Vec::new();
    let mut rest = packed;
    while let [length, behind @ ..] = rest {
        let length = usize::from(*length);
        if length == 128 || bytes.len() > most {
            return (bytes, true);
        }
        let taken = match length {
            0..128 => {
                let run = behind
                    .get(..(length + 1).min(behind.len()))
                    .unwrap_or_default();
                bytes.extend_from_slice(run);
                run.len()
            }
            _ => {
                let byte = behind.first().copied();
                bytes.extend(byte.into_iter().cycle().take(257 - length));
                1
            }
        };
        rest = behind.get(taken..).unwrap_or_default();
    }
    (bytes, false)
}

const CLEAR: usize = 256;
const END: usize = 257;

/// LZW with codes of 9 to 12 bits that widen one code early, as PDF and TIFF have it.
fn lzw(packed: &[u8], most: usize) -> (Vec<u8>, bool) {
    let mut bytes: Vec<u8> = Vec::new();
    // Of each code from 258 on where in `bytes` it stands.
    let mut table: Vec<(usize, usize)> = Vec::new();
    let mut before: Option<(usize, usize)> = None;
    let (mut bits, mut held, mut width) = (0_u32, 0, 9);
    for &byte in packed {
        bits = bits << 8 | u32::from(byte);
        held += 8;
        if held < width {
            continue;
        }
        held -= width;
        let code = (bits >> held & ((1 << width) - 1)) as usize;
        bits &= (1 << held) - 1;
        if code == END || bytes.len() > most {
            return (bytes, true);
        }
        if code == CLEAR {
            table.clear();
            before = None;
            width = 9;
            continue;
        }
        let start = bytes.len();
        match (code.checked_sub(258), before) {
            (None, _) => bytes.push((code & 0xff) as u8),
            (Some(index), _) if index < table.len() => {
                let (at, length) = table.get(index).copied().unwrap_or_default();
                bytes.extend_from_within(at..at + length);
            }
            (Some(index), Some((at, length))) if index == table.len() => {
                bytes.extend_from_within(at..at + length);
                let first = bytes.get(at).copied().unwrap_or(0);
                bytes.push(first);
            }
            _ => return (bytes, false),
        }
        if let Some((at, length)) = before.filter(|_| table.len() < 4096 - 258) {
            table.push((at, length + 1));
        }
        before = Some((start, bytes.len() - start));
        width = match table.len() + 258 + 1 {
            0..512 => 9,
            512..1024 => 10,
            1024..2048 => 11,
            _ => 12,
        };
    }
    (bytes, false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_undone_in_their_order() {
        let plain = b"mellon";
        let hex = unpack(b"6d 65 6c6C6f6e>zz", &[b"ASCIIHexDecode"], 100);
        assert_eq!(hex.bytes, plain);
        // As Python's base64.a85encode has it.
        assert_eq!(unpack(b"D.RO\"Df,~>", &[b"A85"], 100).bytes, plain);
        let runs = b"\x01me\xffl\x01on\x80";
        assert_eq!(unpack(runs, &[b"RL"], 100).bytes, plain);
        let left = unpack(b"6d>", &[b"AHx", b"DCTDecode", b"AHx"], 100);
        assert_eq!(
            (left.bytes.as_slice(), left.left.as_deref()),
            (&b"m"[..], Some(&b"DCTDecode"[..]))
        );
    }

    #[test]
    fn lzw_of_the_standard_is_undone() {
        // The example of ISO 32000-1, 7.4.4.2.
        let packed = [0x80, 0x0b, 0x60, 0x50, 0x22, 0x0c, 0x0c, 0x85, 0x01];
        let (bytes, is_whole) = lzw(&packed, 100);
        assert_eq!(
            (bytes.as_slice(), is_whole),
            (&[45, 45, 45, 45, 45, 65, 45, 45, 45, 66][..], true)
        );
    }

    #[test]
    fn no_more_comes_out_than_is_allowed() {
        let runs = [129, b'a'].repeat(1000);
        assert!(run_lengths(&runs, 1000).0.len() < 1200);
        // Codes that each stand for one byte more than the one before.
        assert!(lzw(&[0x55; 10_000], 1000).0.len() < 6000);
    }
}
