//! Marvin32, the hash with which Microsoft marks its keys.
//!
//! Source: `Marvin.cs` of .NET, and the test vectors of microsoft/security-utilities.

/// The 64-bit hash of `bytes`, its halves put together into 32 bits.
pub(super) fn hash(bytes: &[u8], seed: u64) -> u32 {
    let mut state = State {
        low: seed as u32,
        high: (seed >> 32) as u32,
    };
    let mut words = bytes.chunks_exact(4);
    for word in &mut words {
        state.take(word);
    }
    // What is left, at most three bytes, is closed with 0x80 as in Merkle and Damgard's padding.
    let mut last = [0; 4];
    let rest = words.remainder();
    for (to, from) in last.iter_mut().zip(rest.iter().chain([&0x80])) {
        *to = *from;
    }
    state.take(&last);
    state.mix();
    state.low ^ state.high
}

struct State {
    low: u32,
    high: u32,
}

impl State {
    fn take(&mut self, word: &[u8]) {
        let word: [u8; 4] = word.try_into().unwrap_or_default();
        self.low = self.low.wrapping_add(u32::from_le_bytes(word));
        self.mix();
    }

    fn mix(&mut self) {
        self.high ^= self.low;
        self.low = self.low.rotate_left(20).wrapping_add(self.high);
        self.high = self.high.rotate_left(9) ^ self.low;
        self.low = self.low.rotate_left(27).wrapping_add(self.high);
        self.high = self.high.rotate_left(19);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn microsofts_own_vectors() {
        let first = 0x004f_b61a_001b_dbcc;
        let second = 0x804f_b61a_001b_dbcc;
        for (seed, bytes, wanted) in [
            (0xd53c_d9ce_cd08_93b7, b"abc".as_slice(), 0x6be0_2a86),
            (
                0x0ddd_deee_efff_f000,
                b"abcdefghijklmnopqrstuvwxyz",
                0xd348_47dc,
            ),
            (first, b"", 0x3020_09bc),
            (first, &[175], 0x3592_e206),
            (first, &[231, 15], 0xfdab_5e04),
            (first, &[55, 244, 149], 0x6b3c_8b90),
            (first, &[134, 66, 220, 89], 0x0e94_07be),
            (first, &[21, 63, 183, 152, 38], 0x446f_25fa),
            (first, &[171, 66, 126, 168, 209, 15, 199], 0x117f_cba5),
            (second, &[9, 50, 230, 36, 108, 71], 0x7bc6_9cad),
        ] {
            assert_eq!(hash(bytes, seed), wanted, "{bytes:?}");
        }
    }
}
