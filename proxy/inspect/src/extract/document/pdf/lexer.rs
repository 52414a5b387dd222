//! The tokens that PDF is written in (ISO 32000-1, 7.2 and 7.3), in files, object streams, pages and character maps alike.

/// One token.
#[derive(Debug, PartialEq)]
pub enum Token<'t> {
    Number(f32),
    /// `/Name`, as it stands, without the slash.
    Name(&'t [u8]),
    /// A string in either form, its escapes undone.
    Text(Vec<u8>),
    /// `[`, `<<` (as `<`) or `{`.
    Open(u8),
    /// `]`, `>>` (as `>`) or `}`.
    Close(u8),
    /// Whatever else: `obj`, `R`, an operator.
    Word(&'t [u8]),
}

/// Reads tokens from `at` on. Every byte is passed once.
pub struct Lexer<'t> {
    pub text: &'t [u8],
    pub at: usize,
}

impl<'t> Lexer<'t> {
    pub fn new(text: &'t [u8]) -> Self {
        Self { text, at: 0 }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    /// Passes what `is_part` holds for.
    fn pass(&mut self, is_part: impl Fn(u8) -> bool) -> &'t [u8] {
        let start = self.at;
        while self.peek().is_some_and(&is_part) {
            self.at += 1;
        }
        self.text.get(start..self.at).unwrap_or_default()
    }

    fn string(&mut self) -> Vec<u8> {
        let mut text = Vec::new();
        let mut depth = 1_u32;
        while let Some(byte) = self.peek() {
            self.at += 1;
            match byte {
                b'(' => depth += 1,
                b')' => depth -= 1,
                b'\\' => {
                    self.escape(&mut text);
                    continue;
                }
                _ => {}
            }
            if depth == 0 {
                break;
            }
            text.push(byte);
        }
        text
    }

    fn escape(&mut self, text: &mut Vec<u8>) {
        let Some(byte) = self.peek() else {
            return;
        };
        if matches!(byte, b'0'..=b'7') {
            let mut value = 0_u32;
            for _ in 0..3 {
                let Some(digit @ b'0'..=b'7') = self.peek() else {
                    break;
                };
                value = value * 8 + u32::from(digit - b'0');
                self.at += 1;
            }
            text.push((value & 0xff) as u8);
            return;
        }
        self.at += 1;
        match byte {
            b'n' => text.push(b'\n'),
            b'r' => text.push(b'\r'),
            b't' => text.push(b'\t'),
            b'b' => text.push(8),
            b'f' => text.push(12),
            b'\n' => {}
            b'\r' => self.at += usize::from(self.peek() == Some(b'\n')),
            other => text.push(other),
        }
    }

    fn hex(&mut self) -> Vec<u8> {
        let digits = self.pass(|byte| byte != b'>');
        self.at += 1;
        hex(digits)
    }
}

/// What pairs of digits stand for; a last one alone stands for itself and a 0.
pub fn hex(digits: &[u8]) -> Vec<u8> {
    let mut values = digits
        .iter()
        .filter_map(|&byte| char::from(byte).to_digit(16));
    let mut bytes = Vec::with_capacity(digits.len() / 2 + 1);
    while let Some(high) = values.next() {
        let low = values.next().unwrap_or(0);
        bytes.push((high << 4 | low) as u8);
    }
    bytes
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, 0 | 9 | 10 | 12 | 13 | 32)
}

fn is_regular(byte: u8) -> bool {
    !is_blank(byte) && !b"()<>[]{}/%".contains(&byte)
}

impl<'t> Iterator for Lexer<'t> {
    type Item = Token<'t>;

    fn next(&mut self) -> Option<Token<'t>> {
        loop {
            self.pass(is_blank);
            if self.peek()? != b'%' {
                break;
            }
            self.pass(|byte| byte != b'\n' && byte != b'\r');
        }
        let byte = self.peek()?;
        if is_regular(byte) {
            let word = self.pass(is_regular);
            let is_number = matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.');
            let number = std::str::from_utf8(word).ok().filter(|_| is_number);
            return Some(match number.and_then(|number| number.parse().ok()) {
                Some(number) => Token::Number(number),
                None => Token::Word(word),
            });
        }
        self.at += 1;
        let doubled = self.peek() == Some(byte);
        Some(match byte {
            b'/' => Token::Name(self.pass(is_regular)),
            b'(' => Token::Text(self.string()),
            b'<' if !doubled => Token::Text(self.hex()),
            b'<' => {
                self.at += 1;
                Token::Open(byte)
            }
            b'>' => {
                self.at += usize::from(doubled);
                Token::Close(byte)
            }
            b'[' | b'{' => Token::Open(byte),
            _ => Token::Close(byte),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Lexer, Token::*};

    #[test]
    fn tokens_are_told_apart() {
        let text = b"1 0 obj<</A[-.5(a\\(b\\)(c)\\101\\\nd)<4a 4>]%no\n/B#20/C true>>stream";
        let tokens: Vec<_> = Lexer::new(text).collect();
        let expected = [
            Number(1.0),
            Number(0.0),
            Word(b"obj"),
            Open(b'<'),
            Name(b"A"),
            Open(b'['),
            Number(-0.5),
            Text(b"a(b)(c)Ad".to_vec()),
            Text(b"J@".to_vec()),
            Close(b']'),
            Name(b"B#20"),
            Name(b"C"),
            Word(b"true"),
            Close(b'>'),
            Word(b"stream"),
        ];
        assert_eq!(tokens, expected);
    }

    #[test]
    fn what_never_ends_ends_with_the_text() {
        for text in ["(((((", "<4a", "(\\", "<<", "%", "/", "(\\1"] {
            assert!(Lexer::new(text.as_bytes()).count() <= 1, "{text}");
        }
        assert_eq!(Lexer::new(b")").count(), 1);
    }
}
