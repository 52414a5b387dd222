//! Packed forms that are known and not read, so that they are told as unread.

/// What each begins with, where, and how it is called. Marks that could be the beginning of a text are long.
const MARKS: [(usize, &[u8], &str); 14] = [
    (0, b"Rar!\x1a\x07", "rar"),
    (0, b"MSCF\0\0\0\0", "cab"),
    (0, b"xar!\0\x1c\0\x01", "xar"),
    (0, b"\x89LZO\0\x0d\x0a\x1a\x0a", "lzop"),
    (0, b"\xff\x06\0\0sNaPpY", "snappy"),
    (0, b"LRZI\0", "lrzip"),
    (0, b"\x1f\x9d\x89", "compress"),
    (0, b"zPQ\x01\x01", "zpaq"),
    (0, b"zPQ\x02\x01", "zpaq"),
    (2, b"-lh5-", "lha"),
    (2, b"-lh6-", "lha"),
    (2, b"-lh7-", "lha"),
    (0x8001, b"CD001\x01", "iso image"),
    (28, b"\x04\0\0\0", "squashfs"),
];

/// The name of the form that `text` is in, if it is one of them.
pub fn foreign(text: &[u8]) -> Option<&'static str> {
    let stands = |at: usize, mark: &[u8]| text.get(at..).is_some_and(|rest| rest.starts_with(mark));
    for (at, mark, name) in MARKS {
        // SquashFS says its version behind four letters, which are no rare beginning of a text.
        if stands(at, mark) && (name != "squashfs" || stands(0, b"hsqs")) {
            return Some(name);
        }
    }
    let koly = text.len().checked_sub(512)?;
    stands(koly, b"koly\0\0\0\x04\0\0\x02\0").then_some("dmg")
}
