//! Lines of text as stand in programs: most say nothing to any rule, some hold a keyword or something encoded.

use std::fmt::Write as _;

use base64::{Engine as _, engine::general_purpose::STANDARD};

const WORDS: [&str; 32] = [
    "river", "stone", "bridge", "morning", "letter", "garden", "window", "harbour", "quiet",
    "copper", "lantern", "meadow", "orchard", "paper", "silver", "thunder", "count", "index",
    "buffer", "reader", "offset", "entry", "limit", "state", "client", "server", "config", "value",
    "option", "number", "string", "folder",
];

/// xorshift64*.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        (self.next() >> 32) as usize % end
    }

    fn word(&mut self) -> &'static str {
        WORDS[self.below(WORDS.len())]
    }

    /// At least so many bytes of whole lines.
    pub fn lines(&mut self, bytes: usize) -> Vec<u8> {
        let mut text = String::with_capacity(bytes + 100);
        while text.len() < bytes {
            self.line(&mut text);
        }
        text.into_bytes()
    }

    fn line(&mut self, text: &mut String) {
        let [one, two, three] = [(); 3].map(|()| self.word());
        let number = self.below(10_000);
        let line = match self.below(64) {
            0 => format!("    let token = {one}.get(\"api_token\").or({two})?;"),
            1 => format!("    password: Option<{one}>, // the {two} of {three}"),
            2 => {
                let hidden = format!("the {one} of a {two} is {number} or {three}");
                format!("const {one}: &str = \"{}\";", STANDARD.encode(hidden))
            }
            3 => {
                let digest = [(); 20].map(|()| self.below(256));
                let digest = digest.map(|byte| format!("{byte:02x}")).concat();
                format!("{one} = \"{digest}\"")
            }
            4 => format!("// https://example.com/{one}%20{two}?{three}={number}"),
            5..20 => format!("    let {one} = self.{two}.{three}({number})?;"),
            20..32 => format!("    // The {one} of a {two} is never more than its {three}."),
            32..44 => format!("    if {one}.{two} > {number} {{ return Err({three}); }}"),
            44..52 => format!("fn {one}_{two}({three}: usize) -> Option<u{number}> {{"),
            _ => "    }\n".to_owned(),
        };
        let _ = writeln!(text, "{line}");
    }
}
