//! One text, made smaller: what comes out of each form, and where it ends.

mod bzip2;
mod frames;
mod gzip;
mod lz4;
mod lzma;
mod lzw;
mod zlib;
mod zstd;

#[cfg(test)]
mod tests;

pub use self::{
    bzip2::bzip2,
    gzip::gzip,
    lz4::lz4,
    lzma::{is_lzip, lzip, lzma, xz},
    lzw::{is_lzw, lzw},
    zlib::{is_zlib, zlib},
    zstd::zstd,
};
pub(super) use self::{
    bzip2::reader as bzip2_reader, frames::Feed, lzma::xz_reader, zstd::reader as zstd_reader,
};

/// Bytes of a window that a decoder may look back in at most: what `xz -9` and `zstd --ultra -21` ask for. It takes memory only as
/// far as it is filled.
pub(super) const MOST_WINDOW: u64 = 64 << 20;
