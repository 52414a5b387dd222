//! Which characters the codes of a font stand for, by its `ToUnicode` map (ISO 32000-1, 9.10.3).

use super::{
    super::letters,
    lexer::{Lexer, Token},
};

/// The characters of one font.
#[derive(Default)]
pub struct CharacterMap {
    /// First and last code with the text of the first; ascending.
    ranges: Vec<(u32, u32, Vec<u8>)>,
    /// Bytes of a code.
    width: usize,
}

/// Codes longer than that are none.
const WIDEST: usize = 4;

impl CharacterMap {
    /// Reads a map; what is not understood of it is skipped.
    pub fn read(text: &[u8]) -> Self {
        let mut map = Self::default();
        let mut strings: Vec<Vec<u8>> = Vec::new();
        // Of a range whose texts stand in an array the number of strings before it.
        let mut array = None;
        for token in Lexer::new(text) {
            match token {
                Token::Text(string) => strings.push(string),
                Token::Open(b'[') => array = Some(strings.len()),
                Token::Close(b']') => {
                    if let Some(at) = array.take() {
                        map.array(&strings, at);
                        strings.truncate(at.saturating_sub(2));
                    }
                }
                Token::Word(b"endcodespacerange") => {
                    map.width = strings.first().map_or(0, Vec::len);
                    strings.clear();
                }
                Token::Word(b"endbfchar") => {
                    for pair in strings.chunks_exact(2) {
                        if let [code, text] = pair {
                            map.add(code, code, text);
                        }
                    }
                    strings.clear();
                }
                Token::Word(b"endbfrange") => {
                    for range in strings.chunks_exact(3) {
                        if let [first, last, text] = range {
                            map.add(first, last, text);
                        }
                    }
                    strings.clear();
                }
                Token::Word(_) => strings.clear(),
                _ => {}
            }
        }
        map.ranges.sort();
        if !(1..=WIDEST).contains(&map.width) {
            let is_wide = map.ranges.iter().any(|(_, last, _)| *last > 0xff);
            map.width = if is_wide { 2 } else { 1 };
        }
        map
    }

    /// `<first> <last> [<text> ...]`, the array from `at` on.
    fn array(&mut self, strings: &[Vec<u8>], at: usize) {
        let Some(first) = at.checked_sub(2).and_then(|first| strings.get(first)) else {
            return;
        };
        let first = number(first);
        for (code, text) in (first..).zip(strings.get(at..).unwrap_or_default()) {
            self.ranges
                .push((code, code, letters::from_utf16(text, u16::from_be_bytes)));
        }
    }

    fn add(&mut self, first: &[u8], last: &[u8], text: &[u8]) {
        let text = letters::from_utf16(text, u16::from_be_bytes);
        self.ranges.push((number(first), number(last), text));
    }

    /// Appends what `codes` stand for. Codes that are not known stand for themselves where they are one byte.
    pub fn decode(&self, codes: &[u8], text: &mut Vec<u8>) {
        for code in codes.chunks(self.width.max(1)) {
            match self.text(number(code)) {
                Some((start, 0)) => text.extend_from_slice(start),
                Some((start, ahead)) => text.extend(moved(start, ahead)),
                None if code.len() == 1 => text.extend_from_slice(code),
                None => {}
            }
        }
    }

    /// The text of the range that `code` lies in, and how far in.
    fn text(&self, code: u32) -> Option<(&[u8], u32)> {
        let behind = self.ranges.partition_point(|(first, _, _)| *first <= code);
        let (first, last, text) = self.ranges.get(behind.checked_sub(1)?)?;
        (code <= *last).then_some((text, code - first))
    }
}

/// The text whose last character is the one `ahead` behind that of `text`.
fn moved(text: &[u8], ahead: u32) -> Vec<u8> {
    let text = String::from_utf8_lossy(text);
    let mut characters = text.chars();
    let last = characters.next_back();
    let moved = last.and_then(|last| char::from_u32((last as u32).saturating_add(ahead)));
    characters.chain(moved).collect::<String>().into_bytes()
}

fn number(code: &[u8]) -> u32 {
    let code = code.iter().take(WIDEST);
    code.fold(0, |value, &byte| value << 8 | u32::from(byte))
}

#[cfg(test)]
mod tests {
    use super::CharacterMap;

    #[test]
    fn codes_stand_for_what_the_map_says() {
        let map = b"/CIDInit /ProcSet findresource begin begincmap 1 begincodespacerange <0000> <FFFF> endcodespacerange\n\
            2 beginbfchar <0001> <006D> <0002> <00660069> endbfchar 2 beginbfrange <0010> <0012> <0061>\n\
            <0020> <0021> [<0078> <D83DDE00>] endbfrange endcmap";
        let map = CharacterMap::read(map);
        let mut text = Vec::new();
        map.decode(b"\0\x01\0\x02\0\x10\0\x12\0\x20\0\x21\x77\x77", &mut text);
        assert_eq!(String::from_utf8(text).unwrap(), "mfiacx\u{1f600}");
    }

    #[test]
    fn codes_of_one_byte_stand_for_themselves_where_nothing_is_said() {
        let map = CharacterMap::read(b"<01> <03> <0061> endbfrange");
        let mut text = Vec::new();
        map.decode(b"\x01\x03z", &mut text);
        assert_eq!(text, b"acz");
    }
}
