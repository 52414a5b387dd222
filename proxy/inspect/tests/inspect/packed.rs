//! What is packed in the files of a pack: found, and told by the file's path.

use std::io::Write;

use exeat_gitwire::HashKind;
use exeat_inspect::OpaqueKind;

use crate::{
    repository::{Random, Repository, Stream},
    scene::{inspect_all, rules, secret},
};

fn gzip(text: &[u8], level: u32) -> Vec<u8> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(level));
    writer.write_all(text).unwrap();
    writer.finish().unwrap()
}

const KEY: &str = "[[rules]]\nid='test-key'\ndescription='a key'\nkeywords=['key_']\nregex='''key_[a-z0-9]{30}'''\n";

#[test]
fn a_file_that_passes_in_pieces_is_looked_into() {
    let repository = Repository::new(HashKind::Sha1);
    let mut random = Random::new(1);
    let mut inner = Vec::new();
    while inner.len() < 10 << 20 {
        inner.extend(format!("{} line\n", random.below(1 << 30)).bytes());
    }
    let lines = inner.iter().filter(|&&byte| byte == b'\n').count();
    inner.extend(format!("it = {}\n", secret(1)).bytes());
    let mut stream = Stream::default();
    let commit = stream.commit("main", "packed\n");
    commit.file("small.gz", gzip(format!("\n{}\n", secret(2)).as_bytes(), 6));
    commit.file("large.gz", gzip(&inner, 0));
    repository.import(&stream.bytes);
    let inspected = inspect_all(&repository, &rules(KEY));
    let found = inspected.findings.iter().map(|finding| {
        let path = finding.place.path.as_deref().unwrap_or_default();
        format!("{path}:{} {}", finding.place.line, finding.via.join(", "))
    });
    let found: Vec<String> = found.collect();
    // Level 0 packs nothing: what is stored stands in the clear as well, and is told where it stands.
    assert!(found.contains(&"small.gz:1 gzip:2".to_owned()), "{found:?}");
    let packed = format!("large.gz:1 gzip:{}", lines + 1);
    assert!(found.contains(&packed), "{found:?}");
    assert_eq!(inspected.unscannable, []);
    let coverage = &inspected.coverage;
    assert!(
        coverage.layers >= 2 && coverage.decoded > 10 << 20,
        "{coverage:?}"
    );
}

#[test]
fn what_nobody_reads_is_told_by_all_its_paths() {
    let repository = Repository::new(HashKind::Sha1);
    let mut stream = Stream::default();
    let noise = Random::new(2).bytes(5000);
    let commit = stream.commit("main", "noise\n");
    commit.file("data/a.bin", noise.clone());
    commit.file("data/b.bin", noise);
    commit.file("vault.yml", b"$ANSIBLE_VAULT;1.1;AES256\n33343536\n");
    let mut cut = gzip(&vec![b'x'; 100_000], 6);
    cut.truncate(60);
    commit.file("cut.gz", cut);
    repository.import(&stream.bytes);
    let inspected = inspect_all(&repository, &rules(KEY));
    let mut told: Vec<(OpaqueKind, Vec<String>)> = inspected
        .unscannable
        .into_iter()
        .filter_map(|missed| missed.opaque)
        .map(|opaque| (opaque.kind, opaque.paths))
        .collect();
    told.sort();
    let paths = |paths: &[&str]| paths.iter().map(ToString::to_string).collect::<Vec<_>>();
    let expected = [
        (OpaqueKind::Encrypted, paths(&["vault.yml"])),
        (OpaqueKind::Unknown, paths(&["data/a.bin", "data/b.bin"])),
        (OpaqueKind::Damaged, paths(&["cut.gz"])),
    ];
    assert_eq!(told, expected);
}
