//! A filter expression as words, texts, numbers and marks.

use super::Error;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Word(String),
    Text(String),
    Number(f64),
    Mark(&'static str),
    End,
}

/// Marks of two characters come before those that they begin with.
const MARKS: &[&str] = &[
    "&&", "||", "==", "!=", "<=", ">=", "??", "?.", "**", "..", "(", ")", "[", "]", "{", "}", ",",
    ":", ";", ".", "!", "<", ">", "=", "+", "-", "*", "/", "%", "^", "?", "|", "#",
];

/// The tokens of `text`, each with its place.
pub(super) fn tokens(text: &str) -> Result<Vec<(usize, Token)>, Error> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let first = rest.bytes().next().unwrap_or_default();
        let length = match first {
            b' ' | b'\t' | b'\r' | b'\n' => 1,
            _ if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            _ if rest.starts_with("/*") => {
                let end = rest.find("*/");
                end.ok_or_else(|| Error::new(at, "a comment has no end"))? + 2
            }
            b'`' => {
                let body = rest.get(1..).unwrap_or_default();
                let end = body.find('`');
                let end = end.ok_or_else(|| Error::new(at, "a text has no end"))?;
                let body = body.get(..end).unwrap_or_default();
                tokens.push((at, Token::Text(body.to_owned())));
                end + 2
            }
            b'"' | b'\'' => {
                let (value, length) = quoted(rest, first, at)?;
                tokens.push((at, Token::Text(value)));
                length
            }
            b'0'..=b'9' => {
                let is_part =
                    |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_');
                let length = rest.bytes().take_while(|byte| is_part(byte)).count();
                let number = rest.get(..length).unwrap_or_default().replace('_', "");
                let number = number
                    .parse()
                    .ok()
                    .filter(|number: &f64| number.is_finite());
                let number = number.ok_or_else(|| Error::new(at, "a number is not decimal"))?;
                tokens.push((at, Token::Number(number)));
                length
            }
            b'_' | b'$' | b'a'..=b'z' | b'A'..=b'Z' => {
                let is_part =
                    |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$');
                let length = rest.bytes().take_while(|byte| is_part(byte)).count();
                let word = rest.get(..length).unwrap_or_default();
                tokens.push((at, Token::Word(word.to_owned())));
                length
            }
            _ => {
                let mark = MARKS.iter().find(|mark| rest.starts_with(**mark));
                let mark = mark.ok_or_else(|| Error::new(at, "a character has no meaning here"))?;
                tokens.push((at, Token::Mark(mark)));
                mark.len()
            }
        };
        at += length;
    }
    tokens.push((text.len(), Token::End));
    Ok(tokens)
}

/// The value of a text in quotes at the start of `rest`, and its length with them.
fn quoted(rest: &str, quote: u8, at: usize) -> Result<(String, usize), Error> {
    let mut value = String::new();
    let mut characters = rest.char_indices().skip(1);
    while let Some((place, character)) = characters.next() {
        match character {
            '\\' => {}
            '\n' => return Err(Error::new(at, "a text has no end")),
            _ if character == char::from(quote) => return Ok((value, place + 1)),
            _ => {
                value.push(character);
                continue;
            }
        }
        let wrong = || Error::new(at + place, "an escape has no meaning here");
        let (_, escape) = characters.next().ok_or_else(wrong)?;
        let digits = match escape {
            'n' => Ok('\n'),
            't' => Ok('\t'),
            'r' => Ok('\r'),
            '\\' | '"' | '\'' | '`' => Ok(escape),
            'x' => Err(2),
            'u' => Err(4),
            'U' => Err(8),
            _ => return Err(wrong()),
        };
        value.push(match digits {
            Ok(character) => character,
            Err(digits) => {
                let digits: String = characters.by_ref().take(digits).map(|(_, c)| c).collect();
                let code = u32::from_str_radix(&digits, 16).ok();
                code.and_then(char::from_u32).ok_or_else(wrong)?
            }
        });
    }
    Err(Error::new(at, "a text has no end"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> Vec<Token> {
        let tokens = tokens(text).unwrap().into_iter();
        tokens.map(|(_, token)| token).collect()
    }

    #[test]
    fn words_texts_numbers_and_marks() {
        let text = |text: &str| Token::Text(text.into());
        assert_eq!(
            plain("a_1.b2 <= 3.50 // c\n?? `\\d` /* */ \"\\\"\\x41\\u00e9\" 'it'"),
            [
                Token::Word("a_1".into()),
                Token::Mark("."),
                Token::Word("b2".into()),
                Token::Mark("<="),
                Token::Number(3.5),
                Token::Mark("??"),
                text("\\d"),
                text("\"A\u{e9}"),
                text("it"),
                Token::End
            ]
        );
    }

    #[test]
    fn what_is_no_token_is_refused_with_its_place() {
        for (text, at) in [
            ("a @", 2),
            ("'a", 0),
            ("`a", 0),
            ("1x", 0),
            ("/* a", 0),
            ("'a\\q'", 2),
        ] {
            assert_eq!(tokens(text).unwrap_err().at, at, "{text}");
        }
    }
}
