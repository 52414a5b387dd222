//! Which form a text has, by the bytes that every reader of the form asks for; never by its name alone.

use super::{archive, compressed, document, media};

/// A form that is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Ar,
    /// Of git.
    Bundle,
    Bzip2,
    Cpio,
    /// Known by this name, and not read.
    Foreign(&'static str),
    /// RFC 1952.
    Gzip,
    Lz4,
    Lzip,
    /// LZMA alone, as `lzma` writes it.
    Lzma,
    /// As `compress` writes it.
    Lzw,
    /// Of git.
    Pack,
    Rpm,
    Seven,
    Tar,
    Xz,
    Zip,
    /// RFC 1950.
    Zlib,
    /// RFC 8878.
    Zstd,
    Document(document::Kind),
    Media(media::Kind),
}

impl Format {
    /// Whether other texts begin like it: nothing is claimed of one that does not decode.
    pub fn is_weak(self) -> bool {
        matches!(self, Self::Lzma | Self::Zlib)
    }
}

/// The form that `text` begins like.
pub fn format(text: &[u8]) -> Option<Format> {
    packed(text)
        .or_else(|| media::kind(text).map(Format::Media))
        .or_else(|| document::kind(text).map(Format::Document))
        .or_else(|| archive::foreign(text).map(Format::Foreign))
}

/// Whether a form may begin with these bytes, of those that say what they are within 256 bytes: asked of runs before more of them is
/// decoded, most of which are chance.
pub fn may_begin([first, second, third]: [u8; 3]) -> bool {
    match (first, second) {
        // Fonts of EOT begin with their length, others with a zero in it.
        (_, 0) => true,
        // LHA says it in its third byte.
        _ if third == b'-' => true,
        (0, 1)
        | (2, 0x21)
        | (4, 0x22)
        | (0x1a, 0x45)
        | (0x1f, 0x8b | 0x9d)
        | (0x28, 0xb5)
        | (0x89, b'L' | b'P')
        | (0xed, 0xab)
        | (0xef, 0xbb)
        | (0xfd, b'7')
        | (0xff, _) => true,
        (b'!', b'<')
        | (b'#', b' ')
        | (b'%', b'P')
        | (b'0', b'7')
        | (b'7', b'z' | 0x7f)
        | (b'8', b'B')
        | (b'<' | b'{', _)
        | (0x50..=0x5f, b'*') => true,
        (b'B', b'M' | b'Z')
        | (b'G', b'I')
        | (b'I', b'D' | b'I')
        | (b'L', b'R' | b'Z')
        | (b'M', b'M' | b'S')
        | (b'O', b'T' | b'g')
        | (b'P', b'A' | b'K')
        | (b'R', b'I' | b'a')
        | (b'S', b'Q')
        | (b'f', b'L')
        | (b'h', b's')
        | (b'w', b'O')
        | (b'x', 1 | 0x5e | 0x9c | 0xda | b'a')
        | (b'z', b'P') => true,
        // Blanks before a tag or a brace.
        _ if first.is_ascii_whitespace() => {
            second.is_ascii_whitespace() || matches!(second, b'<' | b'{')
        }
        _ => document::may_be_mail([first, second]),
    }
}

/// The form that begins at a place where one of the marks stands that are searched for everywhere. Takes no longer however long
/// the text is: there may be as many marks as there is text.
pub fn anywhere(text: &[u8]) -> Option<Format> {
    let is_document = text.starts_with(b"%PDF-") || text.starts_with(b"SQLite format 3\0");
    match is_document {
        true => document::kind(text).map(Format::Document),
        false => packed(text),
    }
}

/// Those of them that pack others.
fn packed(text: &[u8]) -> Option<Format> {
    match text {
        // A block, or the end of a file without any.
        [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, 0x59, 0x26, ..]
        | [b'B', b'Z', b'h', b'1'..=b'9', 0x17, 0x72, 0x45, 0x38, ..] => Some(Format::Bzip2),
        // Deflate is the only method there ever was.
        [0x1f, 0x8b, 0x08, ..] => Some(Format::Gzip),
        // The legacy form is that of Linux kernels.
        [0x04, 0x22, 0x4d, 0x18, ..] | [0x02, 0x21, 0x4c, 0x18, ..] => Some(Format::Lz4),
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some(Format::Xz),
        [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Some(Format::Zstd),
        [0x78, ..] if compressed::is_zlib(text) => Some(Format::Zlib),
        // The usual properties, a window of whole KiB, and the first byte of all range coders.
        [0x5d, 0, _, _, _, size @ ..] if is_lzma_size(size) => Some(Format::Lzma),
        [b'0', b'7', b'0', b'7', b'0', ..] if archive::is_cpio(text) => Some(Format::Cpio),
        [0x1f, 0x9d, ..] if compressed::is_lzw(text) => Some(Format::Lzw),
        [b'L', b'Z', b'I', b'P', ..] if compressed::is_lzip(text) => Some(Format::Lzip),
        [b'!', ..] if text.starts_with(archive::AR) => Some(Format::Ar),
        [0xed, ..] if text.starts_with(archive::RPM) => Some(Format::Rpm),
        [b'P', ..] if text.starts_with(archive::ZIP) || text.starts_with(archive::EMPTY_ZIP) => {
            Some(Format::Zip)
        }
        [b'7', ..] if text.starts_with(archive::SEVEN) => Some(Format::Seven),
        [b'P', ..] if text.starts_with(archive::PACK) => Some(Format::Pack),
        [b'#', ..] if archive::BUNDLES.iter().any(|mark| text.starts_with(mark)) => {
            Some(Format::Bundle)
        }
        _ if archive::is_tar(text) => Some(Format::Tar),
        _ => None,
    }
}

/// Whether a size below 1 TiB, or none, follows, and then the byte that all range coders begin with.
fn is_lzma_size(text: &[u8]) -> bool {
    let Some((size, &[0, ..])) = text.split_first_chunk::<8>() else {
        return false;
    };
    let size = u64::from_le_bytes(*size);
    size == u64::MAX || size < 1 << 40
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_begins_a_form_may_begin_one() {
        let beginnings: [&[u8]; 55] = [
            b"x\x9c\x4b\x4c\x4a\x06\0\x02\x4d\x01\x27",
            b"LZIP\x01\x0c",
            b"7z\xbc\xaf\x27\x1c",
            b"\x1f\x9d\x90abc",
            b"MSCF\0\0\0\0",
            b"xar!\0\x1c\0\x01",
            b"\x89LZO\0\x0d\x0a\x1a\x0a",
            b"\xff\x06\0\0sNaPpY",
            b"LRZI\0",
            b"zPQ\x01\x01",
            b"OTTO\0\x01\0\0\0\0\0\0",
            b"wOF2OTTO\0\0\0\0",
            b"II*\0\0\0\0\x08\0\0\0\0",
            b"BM\x36\x03\x01\0\0\0\0\0\x36\0",
            b"SQLite format 3\0",
            b" \n<svg ",
            b"Content-Type: text/plain\n\nContent-Transfer-Encoding: base64",
            b"BZh91AY&SY",
            b"\x1f\x8b\x08\0",
            b"\x04\x22\x4d\x18",
            b"\x02\x21\x4c\x18",
            b"\xfd7zXZ\0",
            b"\x28\xb5\x2f\xfd",
            b"\x50\x2a\x4d\x18",
            b"\x5f\x2a\x4d\x18",
            b"\x5d\0\0\x80\0\xff\xff\xff\xff\xff\xff\xff\xff\0",
            b"!<arch>\n",
            b"\xed\xab\xee\xdb",
            b"PK\x03\x04",
            b"PK\x05\x06",
            b"7z\xbc\xaf\x27\x1c",
            b"PACK\0\0\0\x02",
            b"# v2 git bundle\n",
            b"\x89PNG\r\n\x1a\n\0\0\0\r",
            b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01",
            b"GIF89a\x01\0\x01\0\0\0",
            b"ID3\x03\0\0\0\0\0\0\0\0",
            b"OggS\0\x02\0\0\0\0\0\0",
            b"\0\x01\0\0\0\x0a\0\x80\0\x03\0\x20",
            b"wOFFOTTO\0\0\0\0",
            b"fLaC\0\0\0\x22\0\0\0\0",
            b"MM\0*\0\0\0\x08\0\0\0\0",
            b"8BPS\0\x01\0\0\0\0\0\0",
            b"\x1a\x45\xdf\xa3\0\0\0\0\0\0\0\0",
            b"RIFF\0\0\0\0WEBP",
            b"\0\0\0\x18ftypmp42",
            b"\xff\x4f\xff\x51\0\0\0\0\0\0\0\0",
            b"\x37\x7f\x06\x82",
            b"%PDF-1.4",
            b"SQLite format 3\0",
            b"\xef\xbb\xbf<?xml",
            b"\x0c {\"nbformat\": 4, \"cells\": []}",
            b"<\x61\x01",
            b"Rar!\x1a\x07",
            b"\xe9\x81-lh5-",
        ];
        for beginning in beginnings {
            assert!(format(beginning).is_some(), "{beginning:?}");
            assert!(may_begin(*beginning.first_chunk().unwrap()));
        }
        assert!(!may_begin(*b"\x81\x92\xa3") && !may_begin(*b"\x01ab"));
    }
}
