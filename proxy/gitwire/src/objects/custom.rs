//! What git itself does not write into a commit, tag or tree, though it takes it: room for what nobody reads.
//!
//! Source: git's `fsck.c` (what it warns of, strict), `builtin/commit.c`, `commit.c` and `tag.c` for what is written.

use std::cmp::Ordering;

use gix_hash::Kind as HashKind;

use super::{
    commit::Commit,
    headers::{Header, Headers},
    tag::Tag,
    tree::{Entries, Entry, EntryKind},
};
use crate::pack::Kind;

/// What is not as git writes it. Lines and entries are counted from 1; what stands there is not told, it may be anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Oddity {
    /// A header that neither git nor a known client writes there.
    #[error("its line {0} is a header that git does not write there")]
    Header(usize),
    /// Somebody's line that does not end with a time and a time zone: ` 1700000000 +0100`, of at most twelve digits.
    #[error("its line {0} does not end with a time as git writes it")]
    Time(usize),
    /// An id whose bytes are letters: no hash, though it is as long as one.
    #[error("an id in it spells a text")]
    Id,
    /// A mode other than the five that git writes, the one that it wrote once (100664) and that of folders as early clients wrote it
    /// (040000, throughout the tree).
    #[error("its entry {0} has a mode that git does not write")]
    Mode(usize),
    /// A name that is none in a folder: `.`, `..`, `.git` in any spelling that a file system takes for it, or a whole path.
    #[error("its entry {0} has a name that no file can have")]
    Name(usize),
    /// An entry that stands before or twice where git, which sorts by name, would not look for it.
    #[error("its entry {0} is out of order, or stands there twice")]
    Order(usize),
}

/// Headers behind the committer of a commit: git's own, and those of clients whose commits are common (hg-git, Jujutsu,
/// GitButler).
const OF_COMMITS: [&[u8]; 13] = [
    b"encoding",
    b"gpgsig",
    b"gpgsig-sha256",
    b"mergetag",
    b"HG:extra",
    b"HG:rename",
    b"HG:rename-source",
    b"change-id",
    b"jj:trees",
    b"jj:conflict-labels",
    b"gitbutler-change-id",
    b"gitbutler-headers-version",
    b"gitbutler-conflicted",
];
/// Headers behind the name of a tag.
const OF_TAGS: [&[u8]; 3] = [b"tagger", b"gpgsig", b"gpgsig-sha256"];

/// The first oddity of an object, if it has one.
pub fn oddity(hash: HashKind, kind: Kind, data: &[u8]) -> Option<Oddity> {
    match kind {
        Kind::Blob => None,
        Kind::Tree => of_tree(hash, data),
        Kind::Commit => {
            let commit = Commit::parse(hash, data).ok()?;
            if commit
                .parents()
                .iter()
                .any(|id| spells_a_text(id.as_slice()))
            {
                return Some(Oddity::Id);
            }
            of_headers(
                data,
                commit.headers(),
                &[b"author", b"committer"],
                &OF_COMMITS,
            )
        }
        Kind::Tag => {
            let tag = Tag::parse(hash, data).ok()?;
            if spells_a_text(tag.target().as_slice()) {
                return Some(Oddity::Id);
            }
            of_headers(data, tag.headers(), &[], &OF_TAGS)
        }
    }
}

/// First stands each of `once`, then any of `others`. `headers` are the last of `data`.
fn of_headers(
    data: &[u8],
    headers: Headers<'_>,
    once: &[&[u8]],
    others: &[&[u8]],
) -> Option<Oddity> {
    let before = data.len() - headers.rest().len();
    let mut headers = Numbered {
        data,
        headers,
        line: 1 + line_feeds(data.get(..before)),
    };
    for expected in once {
        // Where it breaks off there is nothing odd in what follows.
        let (line, header) = headers.next()?;
        if header.name != *expected {
            return Some(Oddity::Header(line));
        }
        if !has_time(header.value) {
            return Some(Oddity::Time(line));
        }
    }
    headers.find_map(|(line, header)| match header.name {
        b"tagger" if !has_time(header.value) => Some(Oddity::Time(line)),
        name if others.contains(&name) => None,
        _ => Some(Oddity::Header(line)),
    })
}

/// Digits of a time: enough for thirty thousand years, and too few for a text.
const TIME_DIGITS: usize = 12;

fn has_time(line: &[u8]) -> bool {
    let behind = line.rsplit(|&byte| byte == b'>').next();
    let words = behind.unwrap_or_default().strip_prefix(b" ");
    let mut words = words.unwrap_or_default().splitn(2, |&byte| byte == b' ');
    let (time, zone) = (words.next().unwrap_or_default(), words.next());
    let is_number = |text: &[u8]| text.iter().all(u8::is_ascii_digit);
    let is_zone = match zone {
        Some([b'+' | b'-', digits @ ..]) => digits.len() == 4 && is_number(digits),
        _ => false,
    };
    is_zone && (1..=TIME_DIGITS).contains(&time.len()) && is_number(time)
}

/// Headers with the lines in which they begin.
struct Numbered<'a> {
    data: &'a [u8],
    headers: Headers<'a>,
    line: usize,
}

impl<'a> Iterator for Numbered<'a> {
    type Item = (usize, Header<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let from = self.data.len() - self.headers.rest().len();
        let header = self.headers.next()?;
        let to = self.data.len() - self.headers.rest().len();
        let line = self.line;
        self.line += line_feeds(self.data.get(from..to));
        Some((line, header))
    }
}

fn line_feeds(text: Option<&[u8]>) -> usize {
    let text = text.unwrap_or_default();
    text.iter().filter(|&&byte| byte == b'\n').count()
}

/// Whether git writes such a mode, or it or another client once did. The zero before that of a folder stands before all folders of a
/// tree or before none: between two of one tree it would say something.
fn is_known_mode<'a>(mode: &'a [u8], first_folder: &mut Option<&'a [u8]>) -> bool {
    match mode {
        b"100644" | b"100755" | b"100664" | b"120000" | b"160000" => true,
        b"40000" | b"040000" => *first_folder.get_or_insert(mode) == mode,
        _ => false,
    }
}

fn of_tree(hash: HashKind, data: &[u8]) -> Option<Oddity> {
    let mut last: Option<Entry<'_>> = None;
    let mut first_folder = None;
    for (number, entry) in (1..).zip(Entries::new(hash, data).map_while(Result::ok)) {
        if !is_known_mode(entry.mode, &mut first_folder) {
            return Some(Oddity::Mode(number));
        }
        if is_no_name(entry.name) {
            return Some(Oddity::Name(number));
        }
        if spells_a_text(entry.id) {
            return Some(Oddity::Id);
        }
        if last.is_some_and(|last| order(&last, &entry) != Ordering::Less) {
            return Some(Oddity::Order(number));
        }
        last = Some(entry);
    }
    None
}

/// Whether an id has printable characters of ASCII alone for its bytes: of hashes of twenty bytes one in 400 million has.
pub fn spells_a_text(id: &[u8]) -> bool {
    id.iter().all(|byte| matches!(byte, b' '..=b'~'))
}

/// How git sorts: a folder as if its name ended with a slash.
fn order(left: &Entry<'_>, right: &Entry<'_>) -> Ordering {
    let shared = left.name.len().min(right.name.len());
    let (left_start, right_start) = (left.name.get(..shared), right.name.get(..shared));
    let behind = |entry: &Entry<'_>| match entry.name.get(shared) {
        Some(&byte) => byte,
        None if entry.kind() == Ok(EntryKind::Folder) => b'/',
        None => 0,
    };
    left_start
        .cmp(&right_start)
        .then_with(|| behind(left).cmp(&behind(right)))
}

fn is_no_name(name: &[u8]) -> bool {
    // Nearly all names end here.
    let may_be_git = matches!(name.first(), Some(b'.' | b'g' | b'G' | 0x80..));
    if name.contains(&b'/') {
        return true;
    }
    may_be_git && (matches!(name, b"." | b"..") || is_dot_git(name))
}

/// `.git` as a file system may read it: without case, in the short form of DOS, with what NTFS drops at the end, or with
/// characters that HFS+ passes over.
fn is_dot_git(name: &[u8]) -> bool {
    let shown = without_ignored(name);
    let stem = [&b".git"[..], b"git~1"].into_iter().find_map(|stem| {
        let (start, rest) = shown.split_at_checked(stem.len())?;
        start.eq_ignore_ascii_case(stem).then_some(rest)
    });
    stem.is_some_and(|rest| {
        let end = rest
            .iter()
            .position(|byte| matches!(byte, b':' | b'\\'))
            .unwrap_or(rest.len());
        let rest = rest.get(..end).unwrap_or_default();
        rest.iter().all(|byte| matches!(byte, b' ' | b'.'))
    })
}

/// Without the characters of UTF-8 that HFS+ passes over: U+200C to U+200F, U+202A to U+202E, U+206A to U+206F, U+FEFF.
fn without_ignored(name: &[u8]) -> std::borrow::Cow<'_, [u8]> {
    if name.is_ascii() {
        return name.into();
    }
    let mut shown = Vec::with_capacity(name.len());
    let mut rest = name;
    while let Some((&first, behind)) = rest.split_first() {
        let is_ignored = matches!(
            rest,
            [0xe2, 0x80, 0x8c..=0x8f | 0xaa..=0xae, ..]
                | [0xe2, 0x81, 0xaa..=0xaf, ..]
                | [0xef, 0xbb, 0xbf, ..]
        );
        if is_ignored {
            rest = rest.get(3..).unwrap_or_default();
            continue;
        }
        shown.push(first);
        rest = behind;
    }
    shown.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "ce013625030ba8dba906f756967f9e9ca394464a";

    fn commit(headers: &str) -> Option<Oddity> {
        let text = format!("tree {ID}\nparent {ID}\nauthor A <a@b> 1 +0000\n{headers}\nx: y\n");
        oddity(HashKind::Sha1, Kind::Commit, text.as_bytes())
    }

    #[test]
    fn row_08_headers_that_git_writes_are_known() {
        let by = "committer A <a@b> 1 +0000\n";
        for headers in [
            "",
            "encoding latin1\n",
            "gpgsig -----BEGIN\n \n abc\n -----END\nencoding x\n",
            "mergetag object x\n type commit\nmergetag object y\n",
            "HG:extra x\nchange-id abc\n",
        ] {
            assert_eq!(commit(&format!("{by}{headers}")), None, "{headers}");
        }
        for (headers, line) in [
            (format!("x-note a\n{by}"), 4),
            (format!("{by}x-note a\n"), 5),
            (format!("{by}gpgsig a\n b\n c\nGpgsig a\n"), 8),
            (format!("{by}parent {ID}\n"), 5),
            (format!("{by}author A <a@b> 1 +0000\n"), 5),
            (format!("{by}note\n"), 5),
            (format!("{by}encoding a\n b\nnote\n"), 7),
        ] {
            assert_eq!(commit(&headers), Some(Oddity::Header(line)), "{headers}");
        }
        let tag = |more: &str| {
            let text = format!("object {ID}\ntype commit\ntag v1\n{more}\nmessage\n");
            oddity(HashKind::Sha1, Kind::Tag, text.as_bytes())
        };
        assert_eq!(tag(""), None);
        assert_eq!(tag("tagger A <a@b> 1 +0000\ngpgsig-sha256 a\n b\n"), None);
        assert_eq!(tag("x-note a\n"), Some(Oddity::Header(4)));
    }

    #[test]
    fn row_07_times_are_as_git_writes_them() {
        let odd = |by: &str, when: &str| commit(&format!("{by} A <a@b> {when}\n"));
        for when in ["0 +0000", "1700000000 -1200", "999999999999 +9999"] {
            assert_eq!(odd("committer", when), None, "{when}");
        }
        for when in [
            "",
            "1700000000",
            "1700000000 ",
            " 1700000000 +0000",
            "-1 +0000",
            "1e9 +0000",
            "1700000000 +000",
            "1700000000 +00000",
            "1700000000 0000",
            "1700000000 +0000 ",
            "1000000000000 +0000",
            "1 +0000\n and more",
        ] {
            assert_eq!(odd("committer", when), Some(Oddity::Time(4)), "{when}");
        }
    }

    fn tree(entries: &[(&str, &[u8])]) -> Option<Oddity> {
        let mut tree = Vec::new();
        for (mode, name) in entries {
            tree.extend(format!("{mode} ").into_bytes());
            tree.extend(*name);
            tree.push(0);
            tree.extend([7; 20]);
        }
        oddity(HashKind::Sha1, Kind::Tree, &tree)
    }

    #[test]
    fn row_12_modes_that_git_writes_are_known() {
        for mode in ["100644", "100755", "100664", "120000", "40000", "160000"] {
            assert_eq!(tree(&[(mode, b"a")]), None, "{mode}");
        }
        let padded = ["040000", "40000"].map(|mode| tree(&[("040000", b"a"), (mode, b"b")]));
        assert_eq!(padded, [None, Some(Oddity::Mode(2))]);
        for mode in ["0100644", "100600", "100777", "120777", "40755"] {
            assert_eq!(tree(&[(mode, b"a")]), Some(Oddity::Mode(1)), "{mode}");
        }
    }

    #[test]
    fn row_11_names_that_lead_elsewhere_are_none() {
        let hfs = "\u{200c}.g\u{200d}it".as_bytes();
        let names: [&[u8]; 14] = [
            b".",
            b"..",
            b".git",
            b".GIT",
            b".Git.",
            b".git ",
            b".git . .",
            b"git~1",
            b"GIT~1",
            b".git::$INDEX_ALLOCATION",
            b".git\\x",
            b"a/b",
            b"/",
            hfs,
        ];
        for name in names {
            let told = tree(&[("100644", name)]);
            assert_eq!(told, Some(Oddity::Name(1)), "{}", name.escape_ascii());
        }
        let sound: [&[u8]; 9] = [
            b".gitignore",
            b".gitmodules",
            b"git",
            b"git~2",
            b"...",
            b".git2",
            b"a\\b",
            "\u{200c}git".as_bytes(),
            b"\xff\xfe",
        ];
        for name in sound {
            assert_eq!(tree(&[("100644", name)]), None, "{}", name.escape_ascii());
        }
    }

    #[test]
    fn row_14_ids_that_spell_a_text_are_none() {
        let words = b"twenty letters of it";
        let tree = [&b"160000 lib\0"[..], words].concat();
        let told = oddity(HashKind::Sha1, Kind::Tree, &tree);
        assert_eq!(told, Some(Oddity::Id));
        let spelled: String = words.iter().map(|byte| format!("{byte:02x}")).collect();
        let tag = format!("object {spelled}\ntype commit\ntag v1\n\n");
        let told = oddity(HashKind::Sha1, Kind::Tag, tag.as_bytes());
        assert_eq!(told, Some(Oddity::Id));
        let commit = format!("tree {ID}\nparent {ID}\nparent {spelled}\n\n");
        let told = oddity(HashKind::Sha1, Kind::Commit, commit.as_bytes());
        assert_eq!(told, Some(Oddity::Id));
    }

    #[test]
    fn entries_stand_in_gits_order() {
        let file = |name: &'static str| ("100644", name.as_bytes());
        let folder = |name: &'static str| ("40000", name.as_bytes());
        assert_eq!(
            tree(&[file("a"), file("a.b"), folder("a-c")]),
            Some(Oddity::Order(3))
        );
        assert_eq!(tree(&[folder("a-c"), file("a.b"), folder("a")]), None);
        assert_eq!(tree(&[file("a"), file("a")]), Some(Oddity::Order(2)));
        assert_eq!(tree(&[file("b"), file("a")]), Some(Oddity::Order(2)));
        assert_eq!(tree(&[file("A"), file("a"), file("b"), file("ba")]), None);
    }
}
