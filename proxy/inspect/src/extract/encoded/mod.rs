//! Text that stands encoded in a text: each run is decoded in its place.
//!
//! One pass or two find where something may be encoded (`hints.rs`); each decoder is then asked about its places alone. An encoding
//! becomes one layer, in which what was decoded stands where it stood, so that the name before it still says what it is.

mod base64;
mod characters;
mod escapes;
mod folded;
mod hex;
mod hints;
mod joined;
mod kinds;
mod known;
mod markup;
mod numbers;
mod piece;
mod quoted;
mod radix;
mod runs;
pub mod signs;
mod wide;

use std::ops::Range;

pub use hints::{Extent, Hints, Other};
pub use known::Known;
pub use piece::Piece;

use self::hints::Mark;
use super::{Opening, Step, Stop, map::Splice, sniff};

/// Decoded bytes that are no text are read on from this length: what is shorter is a hash or a key.
const LONG: usize = 96;
/// Decoded characters of which is asked what they come to.
const SOME: usize = 8;

/// Decodes what begins at a place that a pass found, and says what it was; none if it is nothing.
type Decode = fn(&[u8], Range<usize>, &mut Piece) -> Option<Range<usize>>;

/// A decoder of one encoding.
struct Decoder {
    /// How it is called on the way in.
    kind: &'static str,
    mark: Mark,
    decode: Decode,
    /// What it decodes is encoded for sure; otherwise it counts only where it comes to text.
    is_sure: bool,
}

const fn sure(kind: &'static str, mark: Mark, decode: Decode) -> Decoder {
    Decoder {
        kind,
        mark,
        decode,
        is_sure: true,
    }
}

const fn guess(kind: &'static str, mark: Mark, decode: Decode) -> Decoder {
    Decoder {
        kind,
        mark,
        decode,
        is_sure: false,
    }
}

const DECODERS: [Decoder; 18] = [
    guess("base64", Mark::Base64, base64::decode),
    guess("base32", Mark::Base32, radix::base32),
    guess("ascii85", Mark::Ascii85, radix::ascii85),
    guess("hex", Mark::Hex, hex::digits),
    guess("hex dump", Mark::Dump, hex::dump),
    guess("hex bytes", Mark::HexBytes, numbers::hex),
    guess("decimal bytes", Mark::Decimals, numbers::decimal),
    sure("escapes", Mark::Escape, escapes::backslash),
    sure("percent", Mark::Percent, escapes::percent),
    sure("entities", Mark::Entity, markup::entity),
    sure("quoted-printable", Mark::Quoted, quoted::printable),
    sure("encoded word", Mark::Word, quoted::word),
    sure("joined literals", Mark::Joint, joined::literals),
    sure("joined characters", Mark::Characters, characters::decode),
    sure("joined lines", Mark::Continued, joined::left_out),
    sure("yaml block", Mark::Block, folded::decode),
    sure("utf-16", Mark::Utf16, wide::utf16),
    sure("utf-32", Mark::Utf32, wide::utf32),
];

/// Whether a step of this kind is one of the encodings.
pub fn is_kind(kind: &str) -> bool {
    DECODERS.iter().any(|decoder| decoder.kind == kind)
}

/// Decodes what is encoded in the text, of which `hints` are, and tells one layer for each encoding.
///
/// # Errors
/// When a bound is reached.
pub fn decode(opening: &mut Opening<'_, '_>, hints: &Hints<'_>) -> Result<(), Stop> {
    for decoder in &DECODERS {
        if hints.has(decoder.mark) {
            run(opening, decoder, hints)?;
        }
    }
    Ok(())
}

fn run(opening: &mut Opening<'_, '_>, decoder: &Decoder, hints: &Hints<'_>) -> Result<(), Stop> {
    let text = opening.text;
    let map = opening.map();
    let mut splice = Splice::new(text);
    let mut piece = Piece::default();
    let mut at = 0;
    for place in hints.places(decoder.mark) {
        if place.start < at {
            continue;
        }
        piece.clear();
        let Some(range) = (decoder.decode)(text, place, &mut piece) else {
            continue;
        };
        at = range.end.max(at);
        if map.is_some_and(|map| !map.is_decoded(&range)) {
            continue;
        }
        let decoded = piece.bytes.as_slice();
        if decoded.len() >= SOME && sniff::format(decoded).is_some() {
            opening.contained(Step::of(decoder.kind), range, decoded)?;
        } else if is_text(decoded) || decoder.is_sure && decoded.len() < LONG {
            splice.put(range, &piece);
        } else if decoded.len() >= LONG {
            splice.put_apart(range, &piece);
        }
    }
    match splice.finish() {
        Some((text, map)) => opening.mapped(decoder.kind, &text, &map),
        None => Ok(()),
    }
}

/// Bytes of which is judged whether they are text.
const JUDGED: usize = 64;

fn prints(&byte: &u8) -> bool {
    byte >= 0x20 && byte != 0x7f || b"\t\n\r".contains(&byte)
}

/// Whether the beginning of `decoded` is text: characters that print, in UTF-8 or UTF-16.
fn is_text(decoded: &[u8]) -> bool {
    let start = decoded.get(..JUDGED.min(decoded.len())).unwrap_or_default();
    // Strings of C end with a zero.
    let zeros = start.iter().rev().take_while(|&&byte| byte == 0).count();
    let is_ended = (1..=4).contains(&zeros) && start.get(1) != Some(&0);
    let start = start.get(..start.len() - if is_ended { zeros } else { 0 });
    let start = start.unwrap_or_default();
    if start.iter().all(prints) {
        return start.is_ascii()
            || match std::str::from_utf8(start) {
                Ok(_) => true,
                // The last character may be cut.
                Err(error) => error.error_len().is_none() && error.valid_up_to() > 0,
            };
    }
    let start = decoded.get(..JUDGED.min(decoded.len())).unwrap_or_default();
    let wide = start.chunks_exact(2);
    start.len() >= 8
        && (wide.clone().all(|pair| pair[1] == 0 && prints(&pair[0]))
            || wide.clone().all(|pair| pair[0] == 0 && prints(&pair[1])))
}

/// Whether `byte` is a character of ASCII that prints and is no blank: part of what a rule may look for.
fn is_graphic(byte: u8) -> bool {
    byte.is_ascii_graphic()
}

/// The value of each hex digit; [`NO_DIGIT`] of others.
const DIGITS: [u8; 256] = digits();
const NO_DIGIT: u8 = 0xff;

const fn digits() -> [u8; 256] {
    let mut digits = [NO_DIGIT; 256];
    let mut value = 0;
    while value < 16 {
        let digit = b"0123456789abcdef"[value];
        digits[digit as usize] = value as u8;
        digits[digit.to_ascii_uppercase() as usize] = value as u8;
        value += 1;
    }
    digits
}

/// The value of the hex digits at `range`, at most eight; none if there is anything else.
#[inline]
fn hex_value(text: &[u8], range: Range<usize>) -> Option<u32> {
    let bytes = text.get(range)?;
    let (mut value, mut seen) = (0, 0);
    for &byte in bytes {
        let digit = DIGITS[byte as usize];
        seen |= digit;
        value = value << 4 | u32::from(digit);
    }
    (seen != NO_DIGIT && bytes.len() <= 8).then_some(value)
}

/// Adds `character`, which stands for the bytes at `source`.
fn put_character(piece: &mut Piece, source: Range<usize>, character: u32) -> Option<()> {
    let character = char::from_u32(character)?;
    let mut buffer = [0; 4];
    piece.part(source, character.encode_utf8(&mut buffer).as_bytes());
    Some(())
}

#[cfg(test)]
mod tests;
