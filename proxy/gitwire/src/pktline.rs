//! Lines of the wire: pkt-lines, one at a time, whole or in pieces.
//!
//! Format: git's gitprotocol-common, "pkt-line Format", and gitprotocol-v2 for the two extra markers.
//! Git itself also takes upper-case length digits; every known writer sends lower case, so that is all
//! that is read here, from clients and from upstreams.

/// The most bytes one line carries: 65520 less the four length digits.
pub const MAX_DATA: usize = 65516;

const HEADER: usize = 4;

/// One line, without its length digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line<'a> {
    /// The payload, possibly empty (`0004`), with its line feed if it has one.
    Data(&'a [u8]),
    /// `0000`
    Flush,
    /// `0001`
    Delimiter,
    /// `0002`
    ResponseEnd,
}

/// What the first bytes of a buffer hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decoded<'a> {
    /// A line, and how many bytes it took.
    Complete { line: Line<'a>, consumed: usize },
    /// Not yet a line; `needed` more bytes bring the next decision.
    Incomplete { needed: usize },
}

/// Why bytes are not a pkt-line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("a pkt-line starts with upper-case length digits; only lower case is accepted")]
    UpperCaseLength,
    #[error("a pkt-line does not start with four hexadecimal digits")]
    NotALength,
    #[error("a pkt-line has the impossible length 3")]
    ReservedLength,
    #[error("a pkt-line claims {0} bytes; 65520 is the most")]
    TooLong(usize),
}

/// Reads the line at the start of `bytes`.
pub fn decode(bytes: &[u8]) -> Result<Decoded<'_>, Error> {
    let Some((header, rest)) = bytes.split_first_chunk::<HEADER>() else {
        // A wrong digit is known before the fourth one is there.
        bytes
            .iter()
            .try_for_each(|digit| hex_value(*digit).map(drop))?;
        return Ok(Decoded::Incomplete {
            needed: HEADER - bytes.len(),
        });
    };
    let length = length(*header)?;
    let marker = match length {
        0 => Line::Flush,
        1 => Line::Delimiter,
        2 => Line::ResponseEnd,
        3 => return Err(Error::ReservedLength),
        _ => return Ok(data(rest, length - HEADER)),
    };
    Ok(Decoded::Complete {
        line: marker,
        consumed: HEADER,
    })
}

fn data(rest: &[u8], length: usize) -> Decoded<'_> {
    match rest.get(..length) {
        Some(payload) => Decoded::Complete {
            line: Line::Data(payload),
            consumed: HEADER + length,
        },
        None => Decoded::Incomplete {
            needed: length - rest.len(),
        },
    }
}

fn length(header: [u8; HEADER]) -> Result<usize, Error> {
    let mut length = 0;
    for digit in header {
        length = length * 16 + hex_value(digit)?;
    }
    if length > HEADER + MAX_DATA {
        return Err(Error::TooLong(length));
    }
    Ok(length)
}

fn hex_value(digit: u8) -> Result<usize, Error> {
    match digit {
        b'0'..=b'9' => Ok(usize::from(digit - b'0')),
        b'a'..=b'f' => Ok(usize::from(digit - b'a') + 10),
        b'A'..=b'F' => Err(Error::UpperCaseLength),
        _ => Err(Error::NotALength),
    }
}

/// Appends `data` as one line. More than [`MAX_DATA`] bytes become several full lines, which only
/// suits payloads that are a stream; callers with records keep them below the limit.
pub fn encode(out: &mut Vec<u8>, data: &[u8]) {
    if data.is_empty() {
        return out.extend_from_slice(b"0004");
    }
    for piece in data.chunks(MAX_DATA) {
        out.extend_from_slice(&header(piece.len()));
        out.extend_from_slice(piece);
    }
}

/// Appends `data` on side band `band`, split so that no packet exceeds 65520 bytes. Nothing for no data.
pub fn encode_band(out: &mut Vec<u8>, band: u8, data: &[u8]) {
    for piece in data.chunks(MAX_DATA - 1) {
        out.extend_from_slice(&header(piece.len() + 1));
        out.push(band);
        out.extend_from_slice(piece);
    }
}

fn header(payload: usize) -> [u8; HEADER] {
    const DIGITS: [u8; 16] = *b"0123456789abcdef";
    let length = payload + HEADER;
    [12, 8, 4, 0].map(|shift| DIGITS[(length >> shift) & 15])
}

/// Appends a flush, `0000`.
pub fn flush(out: &mut Vec<u8>) {
    out.extend_from_slice(b"0000");
}

/// Puts lines together from chunks that end anywhere; holds at most one line.
#[derive(Debug, Default)]
pub struct Joiner {
    /// The start of a line whose end has not arrived, or, while `whole`, the line last handed out.
    held: Vec<u8>,
    whole: bool,
}

impl Joiner {
    /// Takes the next line off the front of `chunk`; `None` when all of it was used and the line is not whole yet.
    pub fn next<'a, 'b: 'a>(&'a mut self, chunk: &mut &'b [u8]) -> Result<Option<Line<'a>>, Error> {
        if self.whole {
            self.held.clear();
            self.whole = false;
        }
        if self.held.is_empty() {
            return self.next_in_place(chunk);
        }
        while let Decoded::Incomplete { needed } = decode(&self.held)? {
            let Some((taken, rest)) = chunk.split_at_checked(needed.min(chunk.len())) else {
                return Ok(None);
            };
            if taken.is_empty() {
                return Ok(None);
            }
            self.held.extend_from_slice(taken);
            *chunk = rest;
        }
        self.whole = true;
        match decode(&self.held)? {
            Decoded::Complete { line, .. } => Ok(Some(line)),
            Decoded::Incomplete { .. } => Ok(None),
        }
    }

    fn next_in_place<'a, 'b: 'a>(
        &'a mut self,
        chunk: &mut &'b [u8],
    ) -> Result<Option<Line<'a>>, Error> {
        match decode(chunk)? {
            Decoded::Complete { line, consumed } => {
                *chunk = chunk.get(consumed..).unwrap_or_default();
                Ok(Some(line))
            }
            Decoded::Incomplete { .. } => {
                self.held.extend_from_slice(chunk);
                *chunk = &[];
                Ok(None)
            }
        }
    }

    /// Whether the bytes so far stop inside a line.
    pub fn is_mid_line(&self) -> bool {
        !self.whole && !self.held.is_empty()
    }
}

/// A payload without the one line feed that writers may end it with.
pub fn without_line_feed(data: &[u8]) -> &[u8] {
    data.strip_suffix(b"\n").unwrap_or(data)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complete(line: Line<'_>, consumed: usize) -> Result<Decoded<'_>, Error> {
        Ok(Decoded::Complete { line, consumed })
    }

    #[test]
    fn reads_the_examples_of_git_s_own_text() {
        assert_eq!(decode(b"0006a\n"), complete(Line::Data(b"a\n"), 6));
        assert_eq!(decode(b"0005a"), complete(Line::Data(b"a"), 5));
        assert_eq!(
            decode(b"000bfoobar\n0000"),
            complete(Line::Data(b"foobar\n"), 11)
        );
        assert_eq!(decode(b"0004"), complete(Line::Data(b""), 4));
    }

    #[test]
    fn reads_the_markers() {
        assert_eq!(decode(b"0000"), complete(Line::Flush, 4));
        assert_eq!(decode(b"0001x"), complete(Line::Delimiter, 4));
        assert_eq!(decode(b"0002"), complete(Line::ResponseEnd, 4));
        assert_eq!(decode(b"0003"), Err(Error::ReservedLength));
    }

    #[test]
    fn says_how_much_is_missing() {
        assert_eq!(decode(b""), Ok(Decoded::Incomplete { needed: 4 }));
        assert_eq!(decode(b"00"), Ok(Decoded::Incomplete { needed: 2 }));
        assert_eq!(decode(b"0009ab"), Ok(Decoded::Incomplete { needed: 3 }));
    }

    #[test]
    fn refuses_what_is_not_a_length() {
        assert_eq!(decode(b"000A123456"), Err(Error::UpperCaseLength));
        assert_eq!(decode(b"PACK"), Err(Error::NotALength));
        assert_eq!(decode(b"0x"), Err(Error::NotALength));
        assert_eq!(decode(b"+004"), Err(Error::NotALength));
        assert_eq!(decode(b"fff1"), Err(Error::TooLong(65521)));
        assert_eq!(
            decode(b"fff0"),
            Ok(Decoded::Incomplete { needed: MAX_DATA })
        );
    }

    #[test]
    fn splits_long_data_into_full_lines() {
        let mut out = Vec::new();
        encode(&mut out, &vec![b'x'; MAX_DATA + 1]);
        assert_eq!(&out[..4], b"fff0");
        assert_eq!(&out[MAX_DATA + 4..], b"0005x");
        out.clear();
        encode_band(&mut out, 2, &vec![b'x'; MAX_DATA]);
        assert_eq!(&out[..5], b"fff0\x02");
        assert_eq!(&out[MAX_DATA + 4..], b"0006\x02x");
    }

    #[test]
    fn joins_pieces_of_any_size_to_the_same_lines() {
        let mut wire = Vec::new();
        for data in [&b"first\n"[..], b"", b"\x00\xff"] {
            encode(&mut wire, data);
        }
        wire.extend_from_slice(b"00010002");
        encode(&mut wire, &vec![b'y'; MAX_DATA]);
        flush(&mut wire);
        let whole = lines(&wire, wire.len());
        assert_eq!(whole.len(), 7);
        for size in [1, 2, 3, 5, 7, 4096] {
            assert_eq!(lines(&wire, size), whole, "in chunks of {size}");
        }
    }

    fn lines(wire: &[u8], size: usize) -> Vec<String> {
        let mut joiner = Joiner::default();
        let mut seen = Vec::new();
        for mut chunk in wire.chunks(size) {
            while let Some(line) = joiner.next(&mut chunk).unwrap() {
                seen.push(format!("{line:?}"));
            }
        }
        assert!(!joiner.is_mid_line());
        seen
    }
}
