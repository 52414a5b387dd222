//! How a fetch request begins. What begins otherwise is for another service, or not git, and does not go on.

use std::io::Write;

use bytes::{Bytes, BytesMut};
use flate2::write::GzDecoder;
use http_body_util::BodyExt;

use crate::arriving::{self, Arriving};

/// Bytes that tell: a pkt-line's length and the longest of the words.
const TELLING: usize = 12;
/// Compressed bytes within which they must be, and how many are decoded at a time.
const COMPRESSED: usize = 4 * 1024;
const SLICE: usize = 256;
/// What the first line of a request to upload-pack may begin with (`gitprotocol-pack`, `gitprotocol-v2`).
const WORDS: [&[u8]; 7] = [
    b"command=",
    b"want ",
    b"have ",
    b"shallow ",
    b"deepen",
    b"filter ",
    b"done",
];

/// The front of a request's body, as it came.
pub struct Opening {
    pub received: Bytes,
    /// Whether upload-pack could have been meant.
    pub is_fetch: bool,
}

impl Opening {
    /// Receives as much as tells what the body is.
    ///
    /// # Errors
    /// When the client goes or keeps us waiting.
    pub async fn receive(body: &mut Arriving, is_gzip: bool) -> Result<Self, arriving::Error> {
        let mut received = BytesMut::new();
        loop {
            let plain = match is_gzip {
                true => front_of_gzip(&received),
                false => received.get(..TELLING).map(<[u8]>::to_vec),
            };
            let frame = match plain {
                Some(plain) => {
                    return Ok(Self {
                        is_fetch: is_fetch(&plain),
                        received: received.freeze(),
                    });
                }
                None if is_gzip && received.len() >= COMPRESSED => None,
                None => body.frame().await.transpose()?,
            };
            match frame {
                Some(frame) => received.extend_from_slice(&frame.into_data().unwrap_or_default()),
                // A short request, or one that never tells.
                None => {
                    return Ok(Self {
                        is_fetch: !is_gzip && is_fetch(&received),
                        received: received.freeze(),
                    });
                }
            }
        }
    }
}

/// The telling bytes of a compressed body, once they can be decoded.
fn front_of_gzip(received: &[u8]) -> Option<Vec<u8>> {
    let mut decoder = GzDecoder::new(Vec::new());
    for slice in received.chunks(SLICE) {
        let is_sound = decoder.write_all(slice).and_then(|()| decoder.flush());
        let plain = decoder.get_ref();
        if plain.len() >= TELLING || is_sound.is_err() {
            return Some(plain.iter().copied().take(TELLING).collect());
        }
    }
    // A body of four bytes, whole.
    let plain = decoder.finish().ok()?;
    (!plain.is_empty()).then_some(plain)
}

/// A flush, or a pkt-line that begins with a word of the protocol.
fn is_fetch(front: &[u8]) -> bool {
    let Some((length, line)) = front.split_at_checked(4) else {
        return false;
    };
    if length == b"0000" {
        return true;
    }
    let is_length = length.iter().all(u8::is_ascii_hexdigit);
    let begins = |word: &&[u8]| line.starts_with(word) && !line.is_empty();
    is_length && WORDS.iter().any(begins)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_the_protocol_are_known() {
        for front in [
            "0014command=ls-refs\n",
            "0032want 0123",
            "0035shallow 01",
            "0009done\n",
            "0000",
            "00000009done",
        ] {
            assert!(is_fetch(front.as_bytes()), "{front}");
        }
        for front in [
            "",
            "000",
            "00820000000000",
            "001fpush-cert\0",
            "PACK",
            "wantwant wan",
            "0014 command=",
        ] {
            assert!(!is_fetch(front.as_bytes()), "{front}");
        }
    }

    #[test]
    fn compressed_fronts_are_looked_into() {
        let gzip = |bytes: &[u8]| {
            let level = flate2::Compression::best();
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        };
        let whole = gzip(&b"0032want 0123456789012345678901234567890123456789\n".repeat(50));
        assert!(is_fetch(&front_of_gzip(&whole).unwrap()));
        assert!(front_of_gzip(&whole[..10]).is_none());
        assert!(is_fetch(&front_of_gzip(&gzip(b"0000")).unwrap()));
        assert!(!is_fetch(&front_of_gzip(b"no gzip at all").unwrap()));
        assert!(!is_fetch(&front_of_gzip(&gzip(b"00820000000000")).unwrap()));
    }
}
