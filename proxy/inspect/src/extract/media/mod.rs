//! Images, sound, film and fonts: what they say of themselves. Pixels, samples and outlines are counted, not read.
//!
//! Texts that stand in such a file as they are, the plain search of the file finds; told here is what is compressed, cut to pieces
//! or written in another way, and what follows behind the end.

mod font;
mod gif;
mod jpeg;
mod png;
mod sound;

use super::{Opening, Step, Stop, Why};

/// The form of a medium.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Eot,
    Gif,
    Id3,
    Jpeg,
    Ogg,
    Png,
    /// TrueType and OpenType.
    Sfnt,
    Woff,
    /// One whose texts stand in it as they are, with what is not read of it.
    Plain(&'static str),
}

/// The form that `text` begins like.
pub fn kind(text: &[u8]) -> Option<Kind> {
    let first: [u8; 12] = *text.first_chunk()?;
    let kind = match first {
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Kind::Png,
        [0xff, 0xd8, 0xff, ..] => Kind::Jpeg,
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Kind::Gif,
        [b'I', b'D', b'3', 2..=4, ..] => Kind::Id3,
        [b'O', b'g', b'g', b'S', 0, ..] => Kind::Ogg,
        [0, 1, 0, 0, 0, 1..=64, ..] | [b'O', b'T', b'T', b'O', 0, ..] => Kind::Sfnt,
        [b'w', b'O', b'F', b'F', ..] => Kind::Woff,
        [b'w', b'O', b'F', b'2', ..] => Kind::Plain("outlines of WOFF2"),
        [b'f', b'L', b'a', b'C', ..] => Kind::Plain("samples of FLAC"),
        [b'I', b'I', b'*', 0, ..] | [b'M', b'M', 0, b'*', ..] => Kind::Plain("pixels of TIFF"),
        [0, 0, 1 | 2, 0, 1..=64, 0, ..] => Kind::Plain("pixels of ICO"),
        [b'8', b'B', b'P', b'S', 0, ..] => Kind::Plain("pixels of PSD"),
        [0x1a, 0x45, 0xdf, 0xa3, ..] => Kind::Plain("samples of Matroska"),
        [b'B', b'M', _, _, _, 0, 0, 0, 0, 0, ..] => Kind::Plain("pixels of BMP"),
        [b'R', b'I', b'F', b'F', _, _, _, _, form @ ..] => match &form {
            b"WEBP" => Kind::Plain("pixels of WebP"),
            b"WAVE" => Kind::Plain("samples of WAV"),
            b"AVI " => Kind::Plain("samples of AVI"),
            _ => return None,
        },
        [0, 0, _, _, b'f', b't', b'y', b'p', brand @ ..] => match &brand {
            b"heic" | b"heix" | b"mif1" | b"msf1" => Kind::Plain("pixels of HEIC"),
            b"avif" | b"avis" => Kind::Plain("pixels of AVIF"),
            _ => Kind::Plain("samples of MP4"),
        },
        [0xff, 0x4f, 0xff, 0x51, ..] => Kind::Plain("pixels of JPEG 2000"),
        [0xff, ..] if sound::is_frames(text) => Kind::Plain("samples of MP3"),
        _ if font::is_eot(text) => Kind::Eot,
        _ => return None,
    };
    Some(kind)
}

/// What is not read of a medium of that kind.
pub fn unread(kind: Kind) -> &'static str {
    match kind {
        Kind::Eot => "outlines of EOT",
        Kind::Gif => "pixels of GIF",
        Kind::Id3 => "samples of MP3",
        Kind::Jpeg => "pixels of JPEG",
        Kind::Ogg => "samples of Ogg",
        Kind::Png => "pixels of PNG",
        Kind::Sfnt => "outlines of OpenType",
        Kind::Woff => "outlines of WOFF",
        Kind::Plain(what) => what,
    }
}

/// Tells what the medium says of itself, and what stands behind its end. Media one behind the other are read in turn.
///
/// # Errors
/// When a bound is reached.
pub fn open(opening: &mut Opening<'_, '_>, first: Kind) -> Result<(), Stop> {
    let (mut at, mut kind) = (0, first);
    loop {
        let mut medium = opening.at(at);
        let text = medium.text;
        let Some(end) = one(&mut medium, kind)? else {
            return Ok(());
        };
        let rest = text.get(end..).unwrap_or_default();
        if rest.iter().all(|byte| matches!(byte, 0 | b'\n' | b'\r')) {
            return Ok(());
        }
        let Some(next) = self::kind(rest).filter(|_| end > 0) else {
            return medium.contained(Step::of("behind the end"), end..text.len(), rest);
        };
        (at, kind) = (at + end, next);
    }
}

/// Tells what one medium says of itself. Gives where it ends, if that is known.
fn one(opening: &mut Opening<'_, '_>, kind: Kind) -> Result<Option<usize>, Stop> {
    opening.media(unread(kind));
    match kind {
        Kind::Eot => font::eot(opening).map(|()| None),
        Kind::Gif => gif::gif(opening),
        Kind::Id3 => sound::id3(opening).map(|()| None),
        Kind::Jpeg => jpeg::jpeg(opening),
        Kind::Ogg => sound::ogg(opening).map(|()| None),
        Kind::Png => png::png(opening),
        Kind::Sfnt => font::sfnt(opening).map(|()| None),
        Kind::Woff => font::woff(opening).map(|()| None),
        Kind::Plain(_) => Ok(None),
    }
}

/// The number of `length` bytes (1 to 8) at `at`, the highest first.
fn number(text: &[u8], at: usize, length: usize) -> Option<usize> {
    let bytes = text.get(at..at.checked_add(length)?)?;
    let value = bytes
        .iter()
        .fold(0, |value, &byte| value << 8 | u64::from(byte));
    usize::try_from(value).ok()
}

/// What `packed` comes to; of more than `most` bytes it is told that they are not read.
fn inflated(opening: &mut Opening<'_, '_>, packed: &[u8], most: usize) -> Vec<u8> {
    use std::io::Read;
    let mut bytes = Vec::new();
    let reader = flate2::bufread::ZlibDecoder::new(packed);
    // What is damaged is told as far as it goes: programs show no more of it.
    let _ = reader.take(most as u64 + 1).read_to_end(&mut bytes);
    if bytes.len() > most {
        opening.unread(None, Why::TooMuch);
        bytes.truncate(most);
    }
    bytes
}

/// Bytes that are read of a compressed text in a medium at most.
const MOST_TEXT: usize = 1 << 20;

#[cfg(test)]
mod tests;
