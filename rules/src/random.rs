//! Text that looks random and is the same every time.

/// SplitMix64 (Steele, Lea, Flood 2014), started from a word. Not for secrets of any kind: only for examples and tests.
pub(crate) struct Random(u64);

impl Random {
    /// FNV-1a of the word, so that different words give unrelated text.
    pub(crate) fn from_word(word: &str) -> Self {
        Self(word.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        }))
    }

    pub(crate) fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Below `limit`; 0 if `limit` is 0.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        (self.number() % (limit.max(1) as u64)) as usize
    }

    pub(crate) fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| (self.number() >> 56) as u8).collect()
    }

    /// `length` characters of an ASCII alphabet.
    pub(crate) fn text(&mut self, length: usize, alphabet: &str) -> String {
        let alphabet = alphabet.as_bytes();
        (0..length)
            .filter_map(|_| {
                alphabet
                    .get(self.below(alphabet.len()))
                    .map(|&byte| char::from(byte))
            })
            .collect()
    }
}
