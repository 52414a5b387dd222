//! Reads what a mail server answers (RFC 5321 section 4.2). Its words are not kept: they may hold anything.

/// Bytes of one line, and lines of one reply. Servers are to keep to 512 bytes a line; some do not.
const LINE: usize = 1_024;
const LINES: usize = 64;

/// An answer: three digits, an enhanced code where there is one, and what stands behind them in each line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) code: u16,
    /// `5.1.1` (RFC 3463).
    enhanced: Option<String>,
    /// What follows the code, of printable ASCII alone; other bytes are left out.
    lines: Vec<String>,
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Malformed {
    #[error("it does not speak SMTP")]
    Line,
    #[error("it answers without end")]
    Endless,
}

impl Reply {
    /// The reply at the start of `data` and how many bytes it takes; none where it is not complete.
    ///
    /// # Errors
    /// When what is there cannot become a reply.
    pub(super) fn read(data: &[u8]) -> Result<Option<(Self, usize)>, Malformed> {
        let mut rest = data;
        let mut code = None;
        let mut lines = Vec::new();
        loop {
            let Some(end) = rest.iter().position(|byte| *byte == b'\n') else {
                return match rest.len() > LINE {
                    true => Err(Malformed::Endless),
                    false => Ok(None),
                };
            };
            let (line, after) = rest.split_at(end + 1);
            rest = after;
            if line.len() > LINE || lines.len() >= LINES {
                return Err(Malformed::Endless);
            }
            let line = line.trim_ascii_end();
            let (digits, text) = line.split_at_checked(3).ok_or(Malformed::Line)?;
            let this = number(digits).ok_or(Malformed::Line)?;
            if code.is_some_and(|code| code != this) {
                return Err(Malformed::Line);
            }
            code = Some(this);
            let (is_last, text) = match text.split_first() {
                None => (true, text),
                Some((b' ', text)) => (true, text),
                Some((b'-', text)) => (false, text),
                Some(_) => return Err(Malformed::Line),
            };
            let plain = text.iter().filter(|byte| (b' '..=b'~').contains(*byte));
            lines.push(plain.map(|&byte| char::from(byte)).collect::<String>());
            if is_last {
                let enhanced = lines.last().and_then(|line| enhanced(line));
                let reply = Self {
                    code: this,
                    enhanced,
                    lines,
                };
                return Ok(Some((reply, data.len() - rest.len())));
            }
        }
    }

    /// The words of an EHLO extension, where the server has it (RFC 5321 section 4.1.1.1).
    pub(super) fn extension(&self, name: &str) -> Option<impl Iterator<Item = &str>> {
        self.lines.iter().skip(1).find_map(|line| {
            let mut words = line.split_ascii_whitespace();
            let first = words.next()?;
            first.eq_ignore_ascii_case(name).then_some(words)
        })
    }

    /// The codes alone.
    pub(super) fn shown(&self) -> String {
        match &self.enhanced {
            Some(enhanced) => format!("{} {enhanced}", self.code),
            None => self.code.to_string(),
        }
    }
}

fn number(digits: &[u8]) -> Option<u16> {
    let number: u16 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    let plain = digits.iter().all(u8::is_ascii_digit);
    (plain && (200..600).contains(&number)).then_some(number)
}

fn enhanced(line: &str) -> Option<String> {
    let word = line.split(' ').next()?;
    let part =
        |part: &str| (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    (word.split('.').count() == 3 && word.split('.').all(part)).then(|| word.to_owned())
}

/// Bytes of a mail server: read in pieces they give what they give at once, and what is kept of them is printable and short.
pub(super) fn fuzz(data: &[u8]) {
    let whole = Reply::read(data);
    for end in 0..data.len().min(600) {
        match Reply::read(&data[..end]) {
            Ok(None) => {}
            early => {
                assert_eq!(early, whole);
                break;
            }
        }
    }
    if let Ok(Some((reply, used))) = whole {
        assert!(used <= data.len() && (200..600).contains(&reply.code));
        assert!(reply.shown().len() <= 15);
        let printable = |line: &String| line.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        assert!(reply.lines.len() <= LINES && reply.lines.iter().all(printable));
        let _ = reply.extension("AUTH").map(Iterator::count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<(Reply, usize)> {
        Reply::read(text.as_bytes()).unwrap()
    }

    #[test]
    fn replies_have_one_line_or_more() {
        let (reply, used) = read("250 2.1.0 Ok\r\n354 go").unwrap();
        assert_eq!((reply.shown().as_str(), used), ("250 2.1.0", 14));
        let (reply, _) =
            read("250-mx.example\r\n250-STARTTLS\r\n250 auth PLAIN LOGIN\r\n").unwrap();
        assert!(reply.extension("STARTTLS").is_some());
        let words: Vec<_> = reply.extension("AUTH").unwrap().collect();
        assert_eq!(words, ["PLAIN", "LOGIN"]);
        assert!(reply.extension("PLAIN").is_none());
        assert_eq!(read("250\n").unwrap().0.shown(), "250");
    }

    #[test]
    fn what_is_not_complete_is_waited_for() {
        for text in ["", "2", "250", "250 ok\r", "250-a\r\n", "250-a\r\n250"] {
            assert!(read(text).is_none(), "{text:?}");
        }
    }

    #[test]
    fn what_is_no_reply_is_refused() {
        for text in [
            "\r\n",
            "ok\r\n",
            "25 ok\r\n",
            "250_ok\r\n",
            "250-a\r\n251 b\r\n",
            "099 x\r\n",
            "999 x\r\n",
            "+20 x\r\n",
            "HTTP/1.1 400\r\n",
        ] {
            assert_eq!(
                Reply::read(text.as_bytes()),
                Err(Malformed::Line),
                "{text:?}"
            );
        }
        let long = format!("250 {}", "a".repeat(3_000));
        assert_eq!(Reply::read(long.as_bytes()), Err(Malformed::Endless));
        let many = "250-a\r\n".repeat(200);
        assert_eq!(Reply::read(many.as_bytes()), Err(Malformed::Endless));
    }

    #[test]
    fn what_a_server_says_beside_its_codes_is_not_shown() {
        let (reply, _) = read("535 5.7.8 wrong password hunter2\x1b[2J\r\n").unwrap();
        assert_eq!(reply.shown(), "535 5.7.8");
    }
}
