//! The text that a page shows: what its operators paint, in lines (ISO 32000-1, 9.4).

use std::collections::HashMap;

use bstr::ByteSlice;

use super::{
    cmap::CharacterMap,
    lexer::{Lexer, Token},
};

/// Pieces of text nearer to each other than this, in thousandths of the font's size, are one word.
const NEAR: f32 = -180.0;
/// Operands that are kept for an operator.
const MOST_OPERANDS: usize = 8;

/// Lines of text that are being put together.
#[derive(Default)]
struct Lines {
    text: Vec<u8>,
    /// The line, with a blank between pieces that were placed on their own.
    apart: Vec<u8>,
    /// The same without.
    joined: Vec<u8>,
}

impl Lines {
    fn push(&mut self, piece: &[u8], moved: bool) {
        let meets = |line: &[u8]| line.last().is_some_and(|last| !last.is_ascii_whitespace());
        if moved && meets(&self.apart) && !piece.first().is_some_and(u8::is_ascii_whitespace) {
            self.apart.push(b' ');
        }
        self.apart.extend_from_slice(piece);
        self.joined.extend_from_slice(piece);
    }

    fn blank(&mut self) {
        self.apart.push(b' ');
        self.joined.push(b' ');
    }

    /// Ends the line. Where it is not known what is one word, it stands in both ways.
    fn end(&mut self) {
        let is_unsure = self.apart != self.joined;
        for line in std::iter::once(&self.apart).chain(is_unsure.then_some(&self.joined)) {
            if !line.is_empty() {
                self.text.extend_from_slice(line);
                self.text.push(b'\n');
            }
        }
        self.apart.clear();
        self.joined.clear();
    }
}

/// The text of a page; `fonts` are the character maps of those that have one, by their names there.
pub fn text(page: &[u8], fonts: &HashMap<Vec<u8>, &CharacterMap>) -> Vec<u8> {
    let mut lines = Lines::default();
    let mut lexer = Lexer::new(page);
    let mut numbers: Vec<f32> = Vec::new();
    let mut pieces: Vec<Result<Vec<u8>, f32>> = Vec::new();
    let mut name: &[u8] = b"";
    let mut font: Option<&CharacterMap> = None;
    let mut in_array = false;
    // The height of the line, that of the line before, and whether the place was set since.
    let (mut height, mut shown, mut moved) = (0.0, 0.0, false);
    while let Some(token) = lexer.next() {
        let operator = match token {
            Token::Number(number) if in_array => {
                pieces.push(Err(number));
                continue;
            }
            Token::Number(number) => {
                if numbers.len() >= MOST_OPERANDS {
                    numbers.clear();
                }
                numbers.push(number);
                continue;
            }
            Token::Text(text) => {
                pieces.push(Ok(text));
                continue;
            }
            Token::Name(given) => {
                name = given;
                continue;
            }
            Token::Open(bracket) => {
                in_array = bracket == b'[';
                continue;
            }
            Token::Close(_) => {
                in_array = false;
                continue;
            }
            Token::Word(operator) => operator,
        };
        in_array = false;
        let last = numbers.last().copied().unwrap_or(0.0);
        match operator {
            b"Tf" => font = fonts.get(name).copied(),
            b"Td" | b"TD" => {
                height += last;
                moved = true;
            }
            b"Tm" => {
                height = last;
                moved = true;
            }
            b"T*" => lines.end(),
            b"BT" => {
                height = 0.0;
                moved = true;
            }
            b"Tj" | b"TJ" | b"'" | b"\"" => {
                if matches!(operator, b"'" | b"\"") || moved && height != shown {
                    lines.end();
                    moved = false;
                }
                shown = height;
                for piece in &pieces {
                    match piece {
                        Ok(codes) => {
                            lines.push(&decoded(codes, font), moved);
                            moved = false;
                        }
                        Err(gap) if *gap < NEAR => lines.blank(),
                        Err(_) => {}
                    }
                }
            }
            // The bytes of an image in the page.
            b"ID" => {
                let rest = page.get(lexer.at..).unwrap_or_default();
                let end = rest.find(b"EI").map_or(rest.len(), |end| end + 2);
                lexer.at += end;
            }
            _ => {}
        }
        numbers.clear();
        pieces.clear();
    }
    lines.end();
    lines.text
}

fn decoded(codes: &[u8], font: Option<&CharacterMap>) -> Vec<u8> {
    let mut text = Vec::new();
    match font {
        Some(font) => font.decode(codes, &mut text),
        None => text.extend_from_slice(codes),
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(page: &str) -> String {
        String::from_utf8(text(page.as_bytes(), &HashMap::new())).unwrap()
    }

    #[test]
    fn what_is_shown_stands_in_lines() {
        let page = "BT /F1 12 Tf 72 700 Td (the ) Tj [(w) 20 (or) -20 (d) -300 (is)] TJ 0 -14 Td (mel) Tj (lon) Tj T* (more) Tj\n\
            (next) ' 1 2 (last) \" ET";
        assert_eq!(read(page), "the word is\nmellon\nmore\nnext\nlast\n");
    }

    #[test]
    fn pieces_beside_each_other_stand_in_both_ways() {
        let page = "BT 1 0 0 1 72 700 Tm (mel) Tj ET BT 1 0 0 1 90 700 Tm (lon) Tj ET BI /W 1 ID (((\u{1}EI BT 0 3 Td (x) Tj ET";
        assert_eq!(read(page), "mel lon\nmellon\nx\n");
    }
}
