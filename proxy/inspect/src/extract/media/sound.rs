//! Sound: tags in ID3v2 (<https://id3.org>) and comments in Ogg (RFC 3533), where they do not stand as they are.

use super::{
    super::{Opening, Step, Stop},
    MOST_TEXT, inflated, number,
};

/// Tells the tag in front of sound.
///
/// # Errors
/// When a bound is reached.
pub fn id3(opening: &mut Opening<'_, '_>) -> Result<(), Stop> {
    let text = opening.text;
    let (Some(&version), Some(&flags)) = (text.get(3), text.get(5)) else {
        return Ok(());
    };
    let end = text.len().min(10 + seven_bits(text, 6).unwrap_or(0));
    let tag = text.get(10..end).unwrap_or_default();
    let is_stuffed = flags & 0x80 != 0;
    let plain = match is_stuffed {
        true => unstuffed(tag),
        false => Vec::new(),
    };
    opening.contained(Step::of("id3"), 0..end, &plain)?;
    let tag = if is_stuffed { &plain } else { tag };
    // What is packed in frames; those of version 2.2 cannot be.
    let mut at = 0;
    while let Some(name) = tag.get(at..at + 4).filter(|_| version > 2) {
        let size = match version {
            4 => seven_bits(tag, at + 4),
            _ => number(tag, at + 4, 4),
        };
        let (Some(size), Some(&flags)) = (size, tag.get(at + 9)) else {
            break;
        };
        let content = tag.get(at + 10..).unwrap_or_default();
        let content = content.get(..size.min(content.len())).unwrap_or_default();
        // Version 2.3 and 2.4 say it in different bits, and put the length in front.
        if flags & 0x88 != 0 && name.is_ascii() {
            let packed = content.get(4..).unwrap_or_default();
            let frame = inflated(opening, packed, MOST_TEXT);
            opening.contained(Step::of("id3"), 0..end, &frame)?;
        }
        at = at.saturating_add(size).saturating_add(10);
    }
    Ok(())
}

/// Whether `text` begins with a frame of MP3 (ISO 11172-3, 2.4.2.3), and another one where that ends.
pub fn is_frames(text: &[u8]) -> bool {
    // Kilobits a second by the index in a frame's header, of the first version and of the second.
    const RATES: [[usize; 15]; 2] = [
        [
            0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320,
        ],
        [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
    ];
    let &[0xff, version, rates, ..] = text else {
        return false;
    };
    // The divisor of the samples a second, and half of the samples of a frame in bytes.
    let (index, divisor, samples) = match version {
        0xfa | 0xfb => (0, 1, 144),
        0xf2 | 0xf3 => (1, 2, 72),
        0xe2 | 0xe3 => (1, 4, 72),
        _ => return false,
    };
    let rate = RATES
        .get(index)
        .and_then(|rates_of| rates_of.get(usize::from(rates >> 4)));
    let frequency = match rates >> 2 & 3 {
        0 => 44_100 / divisor,
        1 => 48_000 / divisor,
        2 => 32_000 / divisor,
        _ => return false,
    };
    let Some(rate) = rate.filter(|rate| **rate > 0) else {
        return false;
    };
    let length = samples * rate * 1000 / frequency + usize::from(rates >> 1 & 1);
    text.get(length..length + 2) == Some(&[0xff, version])
}

/// The number of four bytes at `at` that use seven bits each.
fn seven_bits(text: &[u8], at: usize) -> Option<usize> {
    let bytes = text.get(at..at + 4)?;
    Some(
        bytes
            .iter()
            .fold(0, |value, &byte| value << 7 | usize::from(byte & 0x7f)),
    )
}

/// Without the zeros that were put behind bytes of 255.
fn unstuffed(tag: &[u8]) -> Vec<u8> {
    let mut before = 0;
    let keep = |byte: &&u8| {
        let is_stuffing = before == 0xff && **byte == 0;
        before = **byte;
        !is_stuffing
    };
    tag.iter().filter(keep).copied().collect()
}

/// Bytes of comments that are put together at most.
const MOST_COMMENTS: usize = 4 << 20;

/// Tells the comments of an Ogg file, which lie in pieces where they are longer than a page.
///
/// # Errors
/// When a bound is reached.
pub fn ogg(opening: &mut Opening<'_, '_>) -> Result<(), Stop> {
    let text = opening.text;
    let mut packet = Vec::new();
    let mut at = 0;
    while let Some(page) = text.get(at..).filter(|page| page.starts_with(b"OggS")) {
        let count = usize::from(page.get(26).copied().unwrap_or(0));
        let table = page.get(27..27 + count).unwrap_or_default();
        let mut data = 27 + count;
        for &length in table {
            let end = data + usize::from(length);
            let piece = page.get(data..end.min(page.len())).unwrap_or_default();
            if packet.len() < MOST_COMMENTS {
                packet.extend_from_slice(piece);
            }
            data = end;
            if length < 255 {
                let is_comment = [&b"\x03vorbis"[..], b"OpusTags", b"\x81theora"];
                if is_comment.iter().any(|start| packet.starts_with(start)) {
                    opening.contained(Step::of("ogg comment"), 0..text.len(), &packet)?;
                }
                packet.clear();
            }
        }
        at += data;
    }
    Ok(())
}
