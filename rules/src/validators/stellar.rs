//! Stellar's secret seeds: base32 of a version byte, 32 bytes and their CRC-16.
//!
//! Source: SEP-23, "Strkeys".

const LETTERS: usize = 56;
const VERSION: u8 = 18 << 3;

/// Whether `secret` is a seed with a right checksum.
pub(super) fn is_seed(secret: &[u8]) -> bool {
    let Some(bytes) = decode(secret) else {
        return false;
    };
    let parts = super::crc::split_end(&bytes, 2);
    parts.is_some_and(|(covered, given)| {
        covered.first() == Some(&VERSION) && crc16(covered).to_le_bytes() == given
    })
}

fn decode(text: &[u8]) -> Option<Vec<u8>> {
    if text.len() != LETTERS {
        return None;
    }
    let mut bytes = Vec::with_capacity(LETTERS * 5 / 8);
    let mut bits = 0u16;
    let mut count = 0;
    for letter in text {
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'2'..=b'7' => letter - b'2' + 26,
            _ => return None,
        };
        bits = bits << 5 | u16::from(value);
        count += 5;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    Some(bytes)
}

/// CRC-16 as XMODEM has it.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |sum, byte| {
        (0..8).fold(sum ^ u16::from(*byte) << 8, |sum, _| {
            let shifted = sum << 1;
            if sum & 0x8000 == 0 {
                shifted
            } else {
                shifted ^ 0x1021
            }
        })
    })
}

/// A seed of these 32 bytes, for templates.
pub(crate) fn encode(random: &[u8]) -> String {
    let mut bytes = [&[VERSION], random].concat();
    bytes.extend_from_slice(&crc16(&bytes).to_le_bytes());
    let groups = bytes.chunks(5).map(|group| {
        let mut whole = [0; 8];
        whole
            .iter_mut()
            .skip(3)
            .zip(group)
            .for_each(|(to, from)| *to = *from);
        u64::from_be_bytes(whole)
    });
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let letters = groups.flat_map(|group| {
        (0..8)
            .rev()
            .filter_map(move |place| alphabet.get((group >> (place * 5) & 31) as usize))
    });
    letters.map(|letter| char::from(*letter)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_seeds_have_a_right_checksum() {
        for seed in [
            [
                "SAV76USXIJOBMEQXPANUOQM6F5LI",
                "OTLPDIDVRJBFFE2MDJXG24TAPUU7",
            ],
            [
                "SBU2RRGLXH3E5CQHTD3ODLDF2BWD",
                "CYUSSBLLZ5GNW7JXHDIYKXZWHOKR",
            ],
        ] {
            let whole = seed.concat().into_bytes();
            assert!(is_seed(&whole), "{}", seed[0]);
            for place in 0..whole.len() {
                let mut other = whole.clone();
                other[place] = if whole[place] == b'A' { b'B' } else { b'A' };
                assert!(!is_seed(&other), "{place}");
            }
            assert!(!is_seed(&whole[1..]));
        }
    }

    #[test]
    fn other_text_is_none() {
        assert!(is_seed(encode(&[7; 32]).as_bytes()));
        assert!(!is_seed(&[b'S'; 56]));
        assert!(!is_seed(&[b'1'; 56]));
        assert!(!is_seed(b""));
    }
}
