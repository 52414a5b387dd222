//! Made-up contents, the same for the same seed: text that shrinks, bytes that do not.

use std::fmt::Write as _;

/// A PNG file of a million bytes of pixels, which do not compress.
pub(crate) fn image(seed: u64) -> Vec<u8> {
    let chunk = |kind: &[u8], data: &[u8]| {
        let named = [kind, data].concat();
        let sum = crc32fast::hash(&named).to_be_bytes();
        [&(data.len() as u32).to_be_bytes(), &named[..], &sum].concat()
    };
    // 1,000 x 1,000 pixels, of one byte each.
    let header = [0, 0, 3, 232, 0, 0, 3, 232, 8, 0, 0, 0, 0];
    let rows = noise(seed);
    let rows = rows.chunks(1_000).flat_map(|row| [&[0], row].concat());
    let mut packed = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::none());
    std::io::Write::write_all(&mut packed, &rows.collect::<Vec<_>>()).expect("into memory");
    let pixels = packed.finish().expect("into memory");
    [
        &b"\x89PNG\r\n\x1a\n"[..],
        &chunk(b"IHDR", &header),
        &chunk(b"IDAT", &pixels),
        &chunk(b"IEND", b""),
    ]
    .concat()
}

/// A million bytes that do not compress.
pub(crate) fn noise(seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(1_000_000);
    while bytes.len() < 1_000_000 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend(state.wrapping_mul(0x2545_f491_4f6c_dd1d).to_le_bytes());
    }
    bytes
}

const WORDS: [&str; 24] = [
    "river", "stone", "bridge", "morning", "letter", "garden", "window", "harbour", "quiet",
    "copper", "lantern", "meadow", "orchard", "paper", "silver", "thunder", "count", "index",
    "buffer", "reader", "offset", "entry", "limit", "state",
];

/// `bytes` bytes of it, the same for the same seed.
pub(crate) fn source(seed: u64, bytes: usize) -> String {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut number = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    };
    let mut text = String::with_capacity(bytes + 100);
    while text.len() < bytes {
        let [one, two, three, four] = [(); 4].map(|()| WORDS[number() as usize % WORDS.len()]);
        let value = number() % 10_000;
        let _ = match number() % 6 {
            0 => writeln!(
                text,
                "\nfn {one}_{two}({three}: usize) -> Option<{four}> {{"
            ),
            1 => writeln!(text, "    let {one} = self.{two}.{three}({value})?;"),
            2 => writeln!(
                text,
                "    if {one}.{two} > {value} {{ return Err(Error::{three}(\"{four}\")); }}"
            ),
            3 => writeln!(
                text,
                "    // The {one} of a {two} is never more than the {three} it has."
            ),
            4 => writeln!(
                text,
                "    {one}.extend({two}.iter().map(|{three}| {three}.{four} + {value}));"
            ),
            _ => writeln!(
                text,
                "    for ({one}, {two}) in {three}.iter().zip(&{four}) {{"
            ),
        };
    }
    text.truncate(bytes);
    text
}
