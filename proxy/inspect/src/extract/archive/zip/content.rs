//! What a member of a ZIP file is packed with.

use std::io::{self, Read};

use flate2::bufread::DeflateDecoder;
use lzma_rust2::LzmaReader;

use super::super::super::compressed::{self, Feed};

/// A reader of what was packed with `method`; `unpacked` are the bytes that come out as the header says.
///
/// # Errors
/// `Unsupported` of a method that is not read; those of headers that do not hold.
pub fn open<'c>(
    method: u16,
    unpacked: u64,
    mut packed: Feed<'c, 'c>,
) -> io::Result<Box<dyn Read + 'c>> {
    Ok(match method {
        8 => Box::new(DeflateDecoder::new(packed)),
        12 => Box::new(compressed::bzip2_reader(packed)),
        14 => {
            let mut header = [0; 9];
            packed.read_exact(&mut header)?;
            let [_, _, 5, 0, properties, a, b, c, d] = header else {
                return Err(io::ErrorKind::InvalidData.into());
            };
            let window = u32::from_le_bytes([a, b, c, d]);
            if u64::from(window) > compressed::MOST_WINDOW {
                return Err(io::ErrorKind::Unsupported.into());
            }
            let size = if unpacked == 0 { u64::MAX } else { unpacked };
            let reader = LzmaReader::new_with_props(packed, size, properties, window, None);
            Box::new(reader?)
        }
        20 | 93 => compressed::zstd_reader(packed)?,
        95 => Box::new(compressed::xz_reader(packed)),
        _ => return Err(io::ErrorKind::Unsupported.into()),
    })
}
