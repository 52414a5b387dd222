//! The headers in a pack: the twelve bytes of the pack itself and those of each entry.

use gix_hash::{Kind as HashKind, ObjectId};

use super::{Error, Fault, Kind};

/// Bytes of the header of a pack.
pub(super) const PACK_HEADER: usize = 12;
/// No entry header is longer: ten bytes of size, and a 32-byte id.
pub(super) const LONGEST_ENTRY_HEADER: usize = 42;

/// The number of objects a pack header declares.
pub(super) fn object_count(header: &[u8; PACK_HEADER]) -> Result<u32, Error> {
    let [signature @ .., v0, v1, v2, v3, n0, n1, n2, n3] = *header;
    if &signature != b"PACK" {
        return Err(Error::NotAPack);
    }
    let version = u32::from_be_bytes([v0, v1, v2, v3]);
    if version != 2 {
        return Err(Error::Version { version });
    }
    Ok(u32::from_be_bytes([n0, n1, n2, n3]))
}

/// The header of one entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct EntryHeader {
    pub(super) form: Form,
    /// Bytes the zlib stream behind the header inflates to.
    pub(super) size: u64,
}

/// How an entry stores its object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Whole(Kind),
    /// A delta on the entry that starts `distance` bytes earlier.
    OfsDelta {
        distance: u64,
    },
    /// A delta on the object with this id.
    RefDelta {
        base: ObjectId,
    },
}

impl EntryHeader {
    /// Decodes a header from the start of `bytes`, with the number of bytes it takes; `None` if
    /// `bytes` ends before it does.
    pub(super) fn decode(bytes: &[u8], hash: HashKind) -> Result<Option<(Self, usize)>, Fault> {
        let mut rest = bytes;
        let Some((kind, size)) = type_and_size(&mut rest)? else {
            return Ok(None);
        };
        let form = match kind {
            1 => Form::Whole(Kind::Commit),
            2 => Form::Whole(Kind::Tree),
            3 => Form::Whole(Kind::Blob),
            4 => Form::Whole(Kind::Tag),
            6 => match distance(&mut rest)? {
                Some(distance) => Form::OfsDelta { distance },
                None => return Ok(None),
            },
            7 => match base_id(&mut rest, hash) {
                Some(base) => Form::RefDelta { base },
                None => return Ok(None),
            },
            other => return Err(Fault::Type(other)),
        };
        Ok(Some((Self { form, size }, bytes.len() - rest.len())))
    }
}

fn next(rest: &mut &[u8]) -> Option<u8> {
    let (first, tail) = rest.split_first()?;
    *rest = tail;
    Some(*first)
}

/// Type (three bits) and size (four bits, then seven per byte, least significant first).
fn type_and_size(rest: &mut &[u8]) -> Result<Option<(u8, u64)>, Fault> {
    let Some(mut byte) = next(rest) else {
        return Ok(None);
    };
    let kind = (byte >> 4) & 7;
    let mut size = u64::from(byte & 0x0f);
    let mut shift = 4u32;
    while byte & 0x80 != 0 {
        byte = match next(rest) {
            Some(byte) => byte,
            None => return Ok(None),
        };
        size |= shifted(byte, shift).ok_or(Fault::SizeOverflow)?;
        shift += 7;
    }
    Ok(Some((kind, size)))
}

/// The low seven bits of `byte` moved up by `shift`, if they all stay within 64 bits. Digits beyond
/// the 64th bit are refused even if they are zero, so that no header is endless.
pub(super) fn shifted(byte: u8, shift: u32) -> Option<u64> {
    let digit = u64::from(byte & 0x7f);
    let moved = digit.checked_shl(shift)?;
    (moved >> shift == digit).then_some(moved)
}

/// The distance of an OFS_DELTA: seven bits per byte, most significant first, one added per byte.
fn distance(rest: &mut &[u8]) -> Result<Option<u64>, Fault> {
    let Some(mut byte) = next(rest) else {
        return Ok(None);
    };
    let mut distance = u64::from(byte & 0x7f);
    while byte & 0x80 != 0 {
        byte = match next(rest) {
            Some(byte) => byte,
            None => return Ok(None),
        };
        distance = distance
            .checked_add(1)
            .and_then(|distance| distance.checked_mul(128))
            .map(|distance| distance | u64::from(byte & 0x7f))
            .ok_or(Fault::DistanceOverflow)?;
    }
    Ok(Some(distance))
}

fn base_id(rest: &mut &[u8], hash: HashKind) -> Option<ObjectId> {
    let (id, tail) = rest.split_at_checked(hash.len_in_bytes())?;
    *rest = tail;
    ObjectId::try_from(id).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(bytes: &[u8]) -> Result<Option<(EntryHeader, usize)>, Fault> {
        EntryHeader::decode(bytes, HashKind::Sha1)
    }

    #[test]
    fn pack_headers_say_how_many_objects_follow() {
        assert_eq!(object_count(b"PACK\0\0\0\x02\0\0\x01\x02").unwrap(), 258);
        assert!(matches!(
            object_count(b"PACJ\0\0\0\x02\0\0\0\0"),
            Err(Error::NotAPack)
        ));
        assert!(matches!(
            object_count(b"PACK\0\0\0\x03\0\0\0\0"),
            Err(Error::Version { version: 3 })
        ));
    }

    #[test]
    fn sizes_are_read_least_significant_first() {
        let blob = |size| {
            Some(EntryHeader {
                form: Form::Whole(Kind::Blob),
                size,
            })
        };
        assert_eq!(decode(&[0x35]).unwrap().map(|d| d.0), blob(5));
        assert_eq!(decode(&[0xb5, 0x01]).unwrap().map(|d| d.0), blob(5 + 16));
        assert_eq!(decode(&[0xb5]).unwrap(), None);
        assert_eq!(decode(&[]).unwrap(), None);
    }

    #[test]
    fn sizes_end_at_64_bits() {
        let widest = [0xbf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f];
        let (header, consumed) = decode(&widest).unwrap().unwrap();
        assert_eq!((header.size, consumed), (u64::MAX, 10));
        let wider = [0xbf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x1f];
        assert_eq!(decode(&wider), Err(Fault::SizeOverflow));
        assert_eq!(decode(&[0x80; 16]), Err(Fault::SizeOverflow));
    }

    #[test]
    fn distances_are_read_most_significant_first_with_one_added_per_byte() {
        let at = |bytes: &[u8]| match decode(bytes).unwrap() {
            Some((
                EntryHeader {
                    form: Form::OfsDelta { distance },
                    ..
                },
                _,
            )) => Some(distance),
            _ => None,
        };
        assert_eq!(at(&[0x60, 0x7f]), Some(127));
        assert_eq!(at(&[0x60, 0x80, 0x00]), Some(128));
        assert_eq!(at(&[0x60, 0x80]), None);
        let mut endless = vec![0x60];
        endless.extend([0xff; 12]);
        assert_eq!(decode(&endless), Err(Fault::DistanceOverflow));
    }

    #[test]
    fn reserved_types_are_refused_by_their_first_byte() {
        assert_eq!(decode(&[0x00]), Err(Fault::Type(0)));
        assert_eq!(decode(&[0x50]), Err(Fault::Type(5)));
    }

    #[test]
    fn ref_deltas_carry_an_id_of_the_repositorys_hash() {
        let mut bytes = vec![0x70];
        bytes.extend([7u8; 32]);
        assert_eq!(decode(&bytes).unwrap().unwrap().1, 21);
        assert_eq!(
            EntryHeader::decode(&bytes, HashKind::Sha256)
                .unwrap()
                .unwrap()
                .1,
            33
        );
        assert_eq!(
            EntryHeader::decode(&bytes[..32], HashKind::Sha256).unwrap(),
            None
        );
    }
}
