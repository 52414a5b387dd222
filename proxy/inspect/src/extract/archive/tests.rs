//! What real tools wrote, whole, cut and contradicting itself.

use std::{collections::BTreeMap, path::Path, process::Command};

use crate::extract::{
    Limits, Summary, Why, look_into,
    tests::{Seen, gzip, layers},
};

const A: &[u8] = b"a\nthe word is mellon\n";
const LONG: &str = "a-long-folder/";

fn run(tool: &str, arguments: &[&str], folder: &Path) -> bool {
    let output = Command::new(tool)
        .args(arguments)
        .current_dir(folder)
        .output();
    let ran = output.is_ok_and(|output| output.status.success());
    if !ran {
        println!("{tool} is not there");
    }
    ran
}

fn python() -> String {
    std::env::var("EXEAT_TEST_PYTHON").unwrap_or_else(|_| "python3".into())
}

/// Archives of Python and of the tools that are there, by name.
fn archives() -> BTreeMap<String, Vec<u8>> {
    let folder = tempfile::tempdir().unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/extract/archive/tests.py");
    let path = folder.path();
    assert!(run(&python(), &[script.to_str().unwrap(), "."], path));
    std::fs::create_dir(path.join("in")).unwrap();
    std::fs::write(path.join("in/app.env"), A).unwrap();
    let long = format!("{}.txt", "name".repeat(12));
    std::fs::write(path.join("in").join(&long), b"more words ".repeat(40)).unwrap();
    let inside = path.join("in");
    run(
        "tar",
        &["--format=v7", "-cf", "../v7.tar", "app.env", &long],
        &inside,
    );
    run(
        "tar",
        &["--format=gnu", "-S", "-cf", "../gnu.tar", "app.env", &long],
        &inside,
    );
    run("ar", &["rc", "../gnu.a", "app.env", &long], &inside);
    run("zip", &["-q", "../tool.zip", "app.env", &long], &inside);
    let files = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap());
    let files = files.filter(|entry| entry.file_type().unwrap().is_file());
    let read = files.map(|entry| {
        let name = entry.file_name().into_string().unwrap();
        (name, std::fs::read(entry.path()).unwrap())
    });
    read.chain([(
        "made.cpio".to_owned(),
        cpio(&[("app.env", A), ("more", &b"more words ".repeat(40))]),
    )])
    .collect()
}

/// A `newc` archive.
fn cpio(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = Vec::new();
    for (name, content) in members.iter().chain([&("TRAILER!!!", &b""[..])]) {
        archive.extend(b"070701");
        let fields = [
            0,
            0o100_644,
            0,
            0,
            1,
            0,
            content.len(),
            0,
            0,
            0,
            0,
            name.len() + 1,
            0,
        ];
        for field in fields {
            archive.extend(format!("{field:08x}").bytes());
        }
        archive.extend(name.bytes());
        archive.push(0);
        archive.resize(archive.len().next_multiple_of(4), 0);
        archive.extend(*content);
        archive.resize(archive.len().next_multiple_of(4), 0);
    }
    archive
}

#[test]
fn what_every_tool_writes_is_read() {
    let archives = archives();
    assert!(archives.len() > 15);
    for (file, bytes) in archives {
        let (layers, summary) = layers(&bytes);
        let told: Vec<&str> = layers.iter().map(|(way, _)| way.as_str()).collect();
        assert_eq!(summary.unread, [], "{file}: {told:?}");
        let members = layers.iter().filter(|(_, text)| text == A);
        assert_eq!(members.count(), 1, "{file}: {told:?}");
        let mut more = layers
            .iter()
            .filter(|(_, text)| *text == b"more words ".repeat(40));
        let (way, _) = more.next_back().unwrap();
        assert!(way.contains(':'), "{file}: {way}");
        if way.contains(LONG) {
            assert!(
                way.ends_with(&format!("{}name", LONG.repeat(14))),
                "{file}: {way}"
            );
        }
        let names = layers.iter().filter(|(way, _)| way.ends_with(" names"));
        let names: Vec<_> = names
            .map(|(_, names)| String::from_utf8_lossy(names))
            .collect();
        assert_eq!(names.len(), 1, "{file}");
        assert!(names[0].contains("app.env\n"), "{file}: {names:?}");
        assert_eq!(
            file.contains(".tar."),
            names[0].contains("where/it/leads"),
            "{file}"
        );
    }
}

#[test]
fn what_is_cut_is_told_as_damaged_and_nothing_panics() {
    for (file, bytes) in archives() {
        if file.contains(".tar.") && !file.ends_with('.') {
            continue;
        }
        for end in 0..bytes.len().min(1200) {
            let (told, summary) = layers(&bytes[..end]);
            assert!(
                summary
                    .unread
                    .iter()
                    .all(|unread| unread.why == Why::Broken)
            );
            assert!(
                summary.bytes <= 4 * end as u64 + 1000,
                "{file} {end}: {told:?}"
            );
        }
        let cut = &bytes[..bytes.len() * 2 / 3];
        let (told, summary) = layers(cut);
        assert!(told.iter().any(|(_, text)| text == A), "{file}");
        let is_tar = file.contains(".tar");
        assert!(
            is_tar
                || summary
                    .unread
                    .first()
                    .is_some_and(|unread| unread.why == Why::Broken),
            "{file}"
        );
    }
}

#[test]
fn a_zip_behind_a_program_is_read() {
    let archives = archives();
    let bytes = [b"\x7fELF\0 a program", &archives["deflated.zip"][..]].concat();
    let (told, summary) = layers(&bytes);
    assert_eq!(summary.unread, []);
    assert!(
        told.iter()
            .any(|(way, text)| way == "zip:conf/app.env" && text == A)
    );
}

/// A local header and what is packed behind it.
fn local(name: &str, method: u16, packed: &[u8], size: u32) -> Vec<u8> {
    let mut header = b"PK\x03\x04\x14\0\0\0".to_vec();
    header.extend(method.to_le_bytes());
    header.extend([0; 8]);
    header.extend(size.to_le_bytes());
    header.extend([0; 4]);
    header.extend(u16::try_from(name.len()).unwrap().to_le_bytes());
    header.extend([0; 2]);
    header.extend(name.bytes());
    header.extend(packed);
    header
}

/// An entry of the directory.
fn entry(name: &str, method: u16, size: u32, start: u32) -> Vec<u8> {
    let mut entry = b"PK\x01\x02\x14\0\x14\0\0\0".to_vec();
    entry.extend(method.to_le_bytes());
    entry.extend([0; 8]);
    entry.extend(size.to_le_bytes());
    entry.extend([0; 4]);
    entry.extend(u16::try_from(name.len()).unwrap().to_le_bytes());
    entry.extend([0; 12]);
    entry.extend(start.to_le_bytes());
    entry.extend(name.bytes());
    entry
}

fn end(entries: &[Vec<u8>], before: &[u8]) -> Vec<u8> {
    let directory = entries.concat();
    let mut all = before.to_vec();
    all.extend(&directory);
    all.extend(b"PK\x05\x06\0\0\0\0");
    let count = u16::try_from(entries.len())
        .unwrap_or(u16::MAX)
        .to_le_bytes();
    all.extend(count.iter().chain(&count));
    all.extend(u32::try_from(directory.len()).unwrap().to_le_bytes());
    all.extend(u32::try_from(before.len()).unwrap().to_le_bytes());
    all.extend([0; 2]);
    all
}

fn deflate(text: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut writer = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::new(9));
    writer.write_all(text).unwrap();
    writer.finish().unwrap()
}

fn size(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap()
}

#[test]
fn what_only_one_side_of_a_zip_tells_is_read() {
    let hidden = deflate(b"the hidden word");
    let shown = deflate(b"the shown word");
    // Not in the directory; in it under another name; and said to be shorter and stored, where it is packed.
    let first = local("hidden", 8, &hidden, size(&hidden));
    let second = local("other", 8, &shown, size(&shown));
    let third = local("lying", 0, &hidden, 3);
    let before = [first.clone(), second.clone(), third].concat();
    let at = size(&first);
    let entries = [
        entry("shown", 8, size(&shown), at),
        entry("lying", 8, size(&hidden), at + size(&second)),
    ];
    let (told, summary) = layers(&end(&entries, &before));
    let texts: Vec<&[u8]> = told.iter().map(|(_, text)| text.as_slice()).collect();
    assert!(texts.contains(&&b"the shown word"[..]));
    assert_eq!(
        texts
            .iter()
            .filter(|text| **text == b"the hidden word")
            .count(),
        2
    );
    let names = &told.last().unwrap().1;
    assert_eq!(names, b"shown\nlying\nhidden\nother\n");
    assert_eq!(summary.unread, []);
}

#[test]
fn what_a_zip_hides_behind_a_key_or_a_method_is_told() {
    let mut secret = local("a", 8, b"0123456789abc", 13);
    secret[6] = 1;
    let odd = local("b", 9, b"0123456789abc", 13);
    let before = [secret, odd].concat();
    let (_, summary) = layers(&end(&[], &before));
    let whys: Vec<Why> = summary.unread.iter().map(|unread| unread.why).collect();
    assert_eq!(whys, [Why::Encrypted, Why::Unsupported]);
    assert_eq!(summary.unread[0].steps, [("zip", Some(b"a".to_vec()))]);
}

/// Limits that a bomb reaches at once.
const SMALL: Limits = Limits {
    depth: 8,
    layers: 1000,
    bytes: 4 << 20,
    held: 256 << 10,
    live: 1 << 20,
    large: 1 << 20,
    manifests: false,
};

fn bounded(bomb: &[u8]) -> Summary {
    let mut seen = Seen::default();
    let summary = look_into(bomb, None, &SMALL, &mut seen);
    let told: usize = seen.layers.iter().map(|(_, text)| text.len()).sum();
    assert!(told as u64 <= SMALL.bytes, "{told}");
    assert!(!summary.unread.is_empty());
    summary
}

fn why(bomb: &[u8]) -> Why {
    bounded(bomb).unread[0].why
}

#[test]
fn members_that_lie_over_each_other_are_bounded() {
    // All entries at one header, each of another length; all of the same.
    let packed = deflate(&vec![b' '; 1 << 20]);
    let before = local("a", 8, &packed, size(&packed));
    let entries: Vec<_> = (0..65_535).map(|more| entry("a", 8, more, 0)).collect();
    assert_eq!(why(&end(&entries, &before)), Why::Broken);
    let entries = vec![entry("a", 8, size(&packed), 0); 65_535];
    let mut seen = Seen::default();
    let archive = end(&entries, &before);
    let summary = look_into(&archive, None, &Limits::default(), &mut seen);
    assert_eq!((summary.unread, seen.layers.len()), (vec![], 2));
    // Headers in each other, of unknown length, of which nothing comes out: empty blocks.
    let blocks = [0, 0, 0, 0xff, 0xff].repeat(20);
    let mut header = local("a", 8, &blocks, 0);
    header[6] = 8;
    let start = std::time::Instant::now();
    let _ = layers(&header.repeat(60_000));
    println!("{:?}", start.elapsed());
    let chain: Vec<u8> = (0..20_000_u32)
        .rev()
        .flat_map(|left| local("b", 8, b"", left * 31))
        .collect();
    let _ = layers(&chain);
    println!("{:?}", start.elapsed());
}

#[test]
fn a_zip_of_zips_of_zips_ends() {
    let mut inner = deflate(&vec![b' '; 200 << 10]);
    inner = local("0", 8, &inner, size(&inner));
    for level in 0..6 {
        let names = (0..16).map(|member| format!("{level}-{member}"));
        let packed = deflate(&end(&[], &inner));
        inner = names
            .flat_map(|name| local(&name, 8, &packed, size(&packed)))
            .collect();
    }
    let summary = bounded(&end(&[], &inner));
    assert_eq!(summary.unread[0].why, Why::TooMuch);
}

#[test]
fn other_bombs_end() {
    let zeros = gzip(&vec![0; 16 << 20]);
    assert_eq!(why(&gzip(&zeros)), Why::TooMuch);
    let mut deep = cpio(&[("a", A)]);
    for _ in 0..9 {
        deep = gzip(&cpio(&[("a", &deep)]));
    }
    assert_eq!(why(&deep), Why::TooDeep);
    let many: Vec<(String, &[u8])> = (0..5000).map(|name| (name.to_string(), A)).collect();
    let many: Vec<(&str, &[u8])> = many
        .iter()
        .map(|(name, text)| (name.as_str(), *text))
        .collect();
    assert_eq!(why(&cpio(&many)), Why::TooMany);
    // Sizes that nothing is behind.
    let mut huge = b"!<arch>\n".to_vec();
    huge.extend(b"a               0           0     0     644     9999999999`\nwords");
    assert_eq!(why(&huge), Why::Broken);
    let huge = local("a", 8, &deflate(A), u32::MAX);
    assert_eq!(why(&end(&[], &huge)), Why::Broken);
}

#[test]
fn a_package_is_read_to_its_files() {
    let inner = gzip(&cpio(&[("./etc/app.env", A)]));
    let mut package = super::RPM.to_vec();
    package.resize(96, 0);
    let header = |bytes: u8| [0x8e, 0xad, 0xe8, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, bytes];
    for bytes in [4, 9] {
        package.extend(header(bytes));
        package.extend(vec![b'x'; 16 + usize::from(bytes)]);
        if bytes == 4 {
            package.resize(package.len().next_multiple_of(8), 0);
        }
    }
    package.extend(inner);
    let (told, summary) = layers(&package);
    assert_eq!(summary.unread, []);
    let (way, _) = told.iter().find(|(_, text)| text == A).unwrap();
    assert_eq!(way, "rpm payload, gzip, cpio:./etc/app.env");
}

#[test]
fn forms_that_are_not_read_are_told() {
    let mut image = vec![0; 0x8001];
    image.extend(b"CD001\x01\0");
    for (kind, text) in [
        ("rar", &b"Rar!\x1a\x07\x01\0"[..]),
        ("lha", b"!0-lh5-a"),
        ("iso image", &image),
    ] {
        let (_, summary) = layers(text);
        assert_eq!(summary.unread[0].why, Why::Unsupported);
        assert_eq!(summary.unread[0].steps, [(kind, None)]);
    }
    for text in [&b"hsqs is no word"[..], b"Rar!", b"MSCF is a name"] {
        assert_eq!(layers(text).1.unread, []);
    }
}

/// Bytes like chance, of no form.
fn noise() -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_be_bytes()
    };
    (0..2048).flat_map(|_| next()).collect()
}

#[test]
fn what_lies_between_behind_and_under_a_weak_mark_is_seen() {
    let packed = deflate(b"other words");
    let member = local("a", 8, &packed, size(&packed));
    let hidden = gzip(b"the hidden word");
    let archive = end(
        &[entry("a", 8, size(&packed), 0)],
        &[&member[..], &hidden].concat(),
    );
    let (told, _) = layers(&archive);
    assert!(
        told.iter()
            .any(|(way, text)| way == "zip gap, gzip" && text == b"the hidden word")
    );
    let plain = end(&[entry("a", 8, size(&packed), 0)], &member);
    for text in [
        end(
            &[entry("a", 8, size(&packed), 0)],
            &[&member[..], &noise()].concat(),
        ),
        [&plain[..], &noise()].concat(),
        [&gzip(b"words")[..], &noise()].concat(),
        [b"x\x9c", &noise()[..]].concat(),
    ] {
        let (told, summary) = layers(&text);
        assert_eq!(
            summary.unread.first().map(|unread| unread.why),
            Some(Why::Unknown),
            "{told:?}"
        );
    }
    assert_eq!(layers(&plain).1.unread, []);
}

#[test]
fn a_tar_that_ends_too_early_hides_nothing_and_one_with_gaps_may() {
    let whole = &archives()["gnu.tar."];
    let members = |text: &[u8]| {
        let (told, summary) = layers(text);
        let members = told.iter().filter(|(way, _)| way.starts_with("tar:"));
        (members.count(), summary.unread)
    };
    let (count, unread) = members(whole);
    assert_eq!(unread, []);
    // In its header, in its content.
    let last = whole.len() - whole.iter().rev().take_while(|byte| **byte == 0).count();
    assert_eq!(members(&whole[..last - 1]), (count, vec![]));
    let gap = [&whole[..512], &noise()[..1024], &whole[..512]].concat();
    assert_eq!(members(&gap).1[0].why, Why::Broken);
}

#[test]
fn a_library_of_tens_of_thousands_of_members_is_read() {
    let names: Vec<String> = (0..30_000).map(|name| name.to_string()).collect();
    let members: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), A)).collect();
    let (told, summary) = layers(&cpio(&members));
    assert_eq!(summary.unread, []);
    assert_eq!(told.iter().filter(|(_, text)| text == A).count(), 30_000);
}

#[test]
fn a_tar_behind_something_else_is_read() {
    let archives = archives();
    for form in ["pax.tar.", "ustar.tar.", "gnu.tar."] {
        let text = [&b"MZ\0\xff"[..], &archives[form]].concat();
        let (told, summary) = layers(&text);
        assert_eq!(summary.unread, []);
        assert!(
            told.iter()
                .any(|(way, text)| way == "tar:conf/app.env" && text == A)
        );
    }
}

#[test]
fn marks_without_anything_behind_them_take_no_time() {
    for mark in [
        &b"BZh"[..],
        b"ustar 7",
        b"PK\x03\x04",
        b"\x1f\x8b\x08",
        b"7z\xbc\xaf\x27\x1c",
        b"PACK\0\0\0\x02",
        b"%PDF-",
    ] {
        let text = [b"\x7fELF\0", &mark.repeat(200_000)[..]].concat();
        let start = std::time::Instant::now();
        let _ = layers(&text);
        println!("{mark:?} {:?}", start.elapsed());
    }
}

#[test]
fn the_mark_of_a_member_in_chance_is_none() {
    let mut text = b"\x01\x02 some program ".to_vec();
    text.extend(b"PK\x03\x04");
    text.extend([0x55; 60]);
    let (told, summary) = layers(&text);
    assert!(
        told.is_empty() && summary.unread.is_empty(),
        "{told:?} {summary:?}"
    );
}
