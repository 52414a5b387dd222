//! What a folder of a 7z file is packed with.

use std::io::{self, Read};

use flate2::bufread::DeflateDecoder;
use lzma_rust2::{
    Lzma2Reader, LzmaReader,
    filter::{bcj::BcjReader, delta::DeltaReader},
};

use super::{
    super::super::{
        Why,
        compressed::{self, Feed, MOST_WINDOW},
    },
    header::{Coder, Folder, Sorry},
};

const AES: &[u8] = &[0x06, 0xf1, 0x07, 0x01];

/// A reader of what comes out of `folder`, from its packed bytes.
///
/// # Errors
/// When a coder is not known, or its properties do not hold.
pub fn open<'c>(folder: &Folder, packed: Feed<'c, 'c>) -> Result<Box<dyn Read + 'c>, Sorry> {
    if folder.coders.iter().any(|coder| coder.id == AES) {
        return Err(Sorry(Why::Encrypted));
    }
    if !folder.is_simple {
        return Err(Sorry(Why::Unsupported));
    }
    let (first, others) = folder.coders.split_first().ok_or(Sorry(Why::Broken))?;
    let mut reader = packer(first, packed)?;
    for coder in others {
        reader = filter(coder, reader)?;
    }
    Ok(Box::new(reader.take(folder.size)))
}

fn packer<'c>(coder: &Coder, packed: Feed<'c, 'c>) -> Result<Box<dyn Read + 'c>, Sorry> {
    let opened: io::Result<Box<dyn Read + 'c>> =
        match (coder.id.as_slice(), coder.properties.as_slice()) {
            ([0], _) => Ok(Box::new(packed)),
            ([3, 1, 1], &[properties, a, b, c, d]) => {
                let window = bounded(u32::from_le_bytes([a, b, c, d]))?;
                let reader =
                    LzmaReader::new_with_props(packed, coder.size, properties, window, None);
                reader.map(|reader| Box::new(reader) as Box<dyn Read + 'c>)
            }
            ([0x21], &[bits @ 0..=40]) => {
                // Two or three times a power of two.
                let window = match bits {
                    40 => u32::MAX,
                    bits => (2 | u32::from(bits & 1)) << (bits / 2 + 11),
                };
                Ok(Box::new(Lzma2Reader::new(packed, bounded(window)?, None)))
            }
            ([4, 1, 8], _) => Ok(Box::new(DeflateDecoder::new(packed))),
            ([4, 2, 2], _) => Ok(Box::new(compressed::bzip2_reader(packed))),
            ([4, 0xf7, 0x11, 1], _) => compressed::zstd_reader(packed),
            _ => return Err(Sorry(Why::Unsupported)),
        };
    opened.map_err(|_| Sorry(Why::Broken))
}

fn filter<'c>(coder: &Coder, from: Box<dyn Read + 'c>) -> Result<Box<dyn Read + 'c>, Sorry> {
    Ok(match (coder.id.as_slice(), coder.properties.as_slice()) {
        ([0], _) => from,
        ([3], &[distance]) => Box::new(DeltaReader::new(from, usize::from(distance) + 1)),
        ([4] | [3, 3, 1, 3], _) => Box::new(BcjReader::new_x86(from, 0)),
        ([7] | [3, 3, 5, 1], _) => Box::new(BcjReader::new_arm(from, 0)),
        ([10], _) => Box::new(BcjReader::new_arm64(from, 0)),
        _ => return Err(Sorry(Why::Unsupported)),
    })
}

fn bounded(window: u32) -> Result<u32, Sorry> {
    match u64::from(window) <= MOST_WINDOW {
        true => Ok(window),
        false => Err(Sorry(Why::Unsupported)),
    }
}
