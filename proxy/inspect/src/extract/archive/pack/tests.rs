//! What git itself packs.

use std::{
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use crate::extract::{Why, tests::layers};

fn git(folder: &Path, arguments: &[&str], input: &str) -> Vec<u8> {
    let mut child = Command::new("git")
        .args(["-c", "user.name=a", "-c", "user.email=a@b.example"])
        .args(arguments)
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{arguments:?}");
    output.stdout
}

/// Two versions of a long file, of which one becomes a delta.
fn repository(hash: &str) -> (tempfile::TempDir, [String; 2]) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    git(
        path,
        &[
            "init",
            "-q",
            "-b",
            "main",
            &format!("--object-format={hash}"),
        ],
        "",
    );
    let lines: String = (0..400)
        .map(|line| format!("line {line} of many\n"))
        .collect();
    let texts = [lines.clone(), format!("{lines}the word is mellon\n")];
    for text in &texts {
        std::fs::write(path.join("app.env"), text).unwrap();
        git(path, &["add", "."], "");
        git(path, &["commit", "-q", "-m", "a change"], "");
    }
    (folder, texts)
}

fn blobs(text: &[u8]) -> Vec<Vec<u8>> {
    let (told, summary) = layers(text);
    assert_eq!(summary.unread, []);
    let names: Vec<&str> = told.iter().map(|(way, _)| way.as_str()).collect();
    for kind in ["git commit:", "git tree:"] {
        let found = names.iter().filter(|way| way.starts_with(kind));
        assert_eq!(found.count(), 2, "{names:?}");
    }
    let blobs = told
        .into_iter()
        .filter(|(way, _)| way.starts_with("git blob:"));
    let mut blobs: Vec<_> = blobs.map(|(_, text)| text).collect();
    blobs.sort();
    blobs
}

#[test]
fn all_objects_of_packs_and_bundles_are_read() {
    for hash in ["sha1", "sha256"] {
        let (folder, texts) = repository(hash);
        let path = folder.path();
        let expected = texts.map(String::into_bytes);
        let bundle = git(path, &["bundle", "create", "-q", "-", "--all"], "");
        assert_eq!(blobs(&bundle), expected, "{hash}");
        // Deltas that name their base by its id, in a pack alone.
        let all = git(path, &["rev-list", "--objects", "--all"], "");
        let arguments = [
            "-c",
            "repack.useDeltaBaseOffset=false",
            "pack-objects",
            "-q",
            "--stdout",
        ];
        let pack = git(path, &arguments, std::str::from_utf8(&all).unwrap());
        assert_eq!(blobs(&pack), expected);
        if hash == "sha1" {
            assert_eq!(blobs(&[b"\x7fELF\0\0", &pack[..]].concat()), expected);
        }
    }
}

#[test]
fn a_pack_that_claims_more_than_it_has_room_for_is_damaged() {
    for claimed in [3, u32::MAX] {
        let mut pack = super::PACK.to_vec();
        pack.extend(claimed.to_be_bytes());
        pack.extend([b'x'; 100]);
        let (_, summary) = layers(&pack);
        assert_eq!(summary.unread[0].why, Why::Broken, "{claimed}");
    }
}

#[test]
fn a_bundle_without_its_bases_is_told() {
    let (folder, _) = repository("sha1");
    let bundle = git(
        folder.path(),
        &["bundle", "create", "-q", "-", "HEAD~1..main"],
        "",
    );
    let (told, summary) = layers(&bundle);
    assert_eq!(summary.unread[0].why, Why::Broken);
    assert!(told.iter().any(|(way, _)| way.starts_with("git commit:")));
}

#[test]
fn what_is_cut_is_told_as_damaged_and_nothing_panics() {
    let (folder, _) = repository("sha1");
    let bundle = git(folder.path(), &["bundle", "create", "-q", "-", "--all"], "");
    for end in 16..bundle.len() {
        let (_, summary) = layers(&bundle[..end]);
        assert!(
            summary
                .unread
                .iter()
                .any(|unread| unread.why == Why::Broken),
            "{end}"
        );
    }
}
