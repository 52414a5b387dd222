//! Packed forms that are known and not read, so that they are told as unread.

/// What each begins with, and how it is called. Marks that could be the beginning of a text are long.
const MARKS: [(&[u8], &str); 9] = [
    (b"Rar!\x1a\x07", "rar"),
    (b"MSCF\0\0\0\0", "cab"),
    (b"xar!\0\x1c\0\x01", "xar"),
    (b"\x89LZO\0\x0d\x0a\x1a\x0a", "lzop"),
    (b"\xff\x06\0\0sNaPpY", "snappy"),
    (b"LRZI\0", "lrzip"),
    (b"\x1f\x9d\x89", "compress"),
    (b"zPQ\x01\x01", "zpaq"),
    (b"zPQ\x02\x01", "zpaq"),
];

/// The name of the form that `text` is in, if it is one of them.
pub fn foreign(text: &[u8]) -> Option<&'static str> {
    let stands = |at: usize, mark: &[u8]| text.get(at..).is_some_and(|rest| rest.starts_with(mark));
    // A look at the first byte spares most texts the others.
    let mut marks = MARKS.iter();
    let begins = |mark: &[u8]| text.first() == mark.first() && text.starts_with(mark);
    if let Some((_, name)) = marks.find(|(mark, _)| begins(mark)) {
        return Some(name);
    }
    match text {
        [_, _, b'-', b'l', b'h', b'5'..=b'7', b'-', ..] => return Some("lha"),
        // SquashFS says its version behind four letters, which are no rare beginning of a text.
        [b'h', b's', b'q', b's', ..] if stands(28, b"\x04\0\0\0") => return Some("squashfs"),
        _ if stands(0x8001, b"CD001\x01") => return Some("iso image"),
        _ => {}
    }
    let koly = text.len().checked_sub(512)?;
    stands(koly, b"koly\0\0\0\x04\0\0\x02\0").then_some("dmg")
}
