//! Packs built by hand, for tests.

use std::io::Write;

use flate2::Compression;
use flate2::write::ZlibEncoder;

/// One zlib stream.
pub(crate) fn deflate(content: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}
