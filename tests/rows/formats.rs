//! Rows 29 and 33: object formats, and packs of other versions and kinds.

use exeat::demo::forge::Hash;
use exeat_gitwire::HashKind;
use exeat_gitwire::pack::Kind;

use super::crafted::{self, Crafted, deflate, entry};
use super::{CAPABILITIES, HEADS, Scene, assert_refused_for};
use crate::harness::{Options, World, ZERO, head, pack_of};

const ZERO_256: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// A commit in a work tree of this format: its id, and the pack that brings it.
fn commit(world: &World, name: &str, hash: Hash) -> (String, Vec<u8>) {
    let work = world.new_work_with(name, hash);
    world.commit_file(&work, "a", "a\n", "Begin");
    let git = world.default_git();
    let objects = ["HEAD", "HEAD^{tree}", "HEAD:a"].map(|name| git.id(&work, name));
    let pack = pack_of(world, &work, &objects.each_ref().map(String::as_str));
    (objects[0].clone(), pack)
}

#[test]
fn row_29_a_push_is_of_the_format_that_the_repository_has() {
    let world = World::start(Options::default());
    world.new_repository_with("sha1", Hash::Sha1);
    world.new_repository_with("sha256", Hash::Sha256);
    let (short, short_pack) = commit(&world, "work-sha1", Hash::Sha1);
    let (long, long_pack) = commit(&world, "work-sha256", Hash::Sha256);
    let short = format!("{ZERO} {short} {HEADS}");
    let long = format!("{ZERO_256} {long} {HEADS}");
    let body = |command: &str, format: &str, pack: &[u8]| {
        let capabilities = format!("{CAPABILITIES}{format}");
        [&head(&[command.to_owned()], &capabilities), pack].concat()
    };
    let (named_1, named_256) = (" object-format=sha1", " object-format=sha256");
    let is_1 = "the push is of object format sha1, but the repository's is sha256";
    let is_256 = "the push is of object format sha256, but the repository's is sha1";
    let ids = "is not of the object format of the request";
    let deletion = format!("{} {ZERO} {HEADS}", "1".repeat(40));
    for discovered in [false, true] {
        for (repository, body, words) in [
            ("sha256", body(&short, "", &short_pack), is_1),
            ("sha256", body(&short, named_1, &short_pack), is_1),
            ("sha256", body(&deletion, " delete-refs", b""), is_1),
            ("sha1", body(&long, named_256, &long_pack), is_256),
            ("sha1", body(&long, "", &long_pack), ids),
            ("sha1", body(&long, named_1, &long_pack), ids),
            ("sha256", body(&short, named_256, &short_pack), ids),
            (
                "sha1",
                body(&short, " object-format=sha512", &short_pack),
                "the object format is not known",
            ),
            (
                "sha1",
                body(&short, " object-format=SHA1", &short_pack),
                "the object format is not known",
            ),
            (
                "sha1",
                body(&short, &format!("{named_1}{named_256}"), &short_pack),
                "the object format is given twice",
            ),
            // The right ids, and a pack whose checksum is of the other format.
            ("sha1", body(&short, named_1, &long_pack), "pack"),
            ("sha256", body(&long, named_256, &short_pack), "pack"),
        ] {
            assert_refused_for(&world, &world.ask_push(repository, &body), words);
        }
        if !discovered {
            for repository in ["sha1", "sha256"] {
                let path = format!("/forge.test/{repository}.git/info/refs");
                let discovery = format!("GET {path}?service=git-receive-pack HTTP/1.1");
                assert_eq!(world.ask(&discovery, b"").status, 200);
            }
        }
    }
    for repository in ["sha1", "sha256"] {
        assert_eq!(world.upstream_state(repository), "---\n");
    }
    let bodies = [
        ("sha1", body(&short, "", &short_pack)),
        ("sha256", body(&long, named_256, &long_pack)),
    ];
    for (repository, body) in bodies {
        assert_eq!(world.ask_push(repository, &body).report().unpack, "ok");
    }
}

#[test]
fn row_29_an_advertisement_of_an_unknown_format_is_no_offer() {
    let line = format!("{ZERO} capabilities^{{}}\0report-status object-format=sha512\n");
    let body = [
        crate::harness::packet("# service=git-receive-pack\n"),
        b"0000".to_vec(),
        crate::harness::packet(line),
        b"0000".to_vec(),
    ];
    let body = body.concat();
    let stub = crate::harness::Stub::start(move |_| {
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/x-git-receive-pack-advertisement\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        [head.as_bytes(), &body].concat()
    });
    let world = World::start(Options {
        behind: Some(stub.address),
        ..Options::default()
    });
    let (id, pack) = commit(&world, "work", Hash::Sha1);
    let push = [head(&[format!("{ZERO} {id} {HEADS}")], CAPABILITIES), pack];
    assert_refused_for(
        &world,
        &world.ask_push("one", &push.concat()),
        "takes no push",
    );
}

#[test]
fn row_33_packs_of_other_versions() {
    let scene = Scene::new();
    for version in [0, 1, 3, 4, 0x0200_0000, u32::MAX] {
        let end = scene.pack.len() - 20;
        let mut pack = scene.pack[..end].to_vec();
        pack[4..8].copy_from_slice(&version.to_be_bytes());
        let pack = crafted::seal(HashKind::Sha1, pack);
        let words = format!("version {version} of the pack format is not supported");
        scene.refused(&[&scene.head(), &pack], &words);
    }
    scene.assert_empty();
}

#[test]
fn row_33_what_is_no_pack() {
    let scene = Scene::new();
    let bundle = |version: &str, more: &str| {
        let text = format!("# v{version} git bundle\n{more}{} {HEADS}\n\n", scene.id);
        [text.as_bytes(), &scene.pack].concat()
    };
    let two = bundle("2", "");
    let three = bundle("3", "@object-format=sha1\n");
    let upper = [b"pack", &scene.pack[4..]].concat();
    let short: &[u8] = b"pack, if it were";
    for not_a_pack in [&two[..], &three, &upper, b"tree 0\0 and more", short] {
        let words = "the data sent is not a git pack";
        scene.refused(&[&scene.head(), not_a_pack], words);
    }
    for cut in [&b""[..], b"P", b"PACK", b"PACK\0\0\0\x02"] {
        scene.refused(&[&scene.head(), cut], "the pack ends early");
    }
    for whole_body in [&two, &three, &scene.pack] {
        scene.refused(&[whole_body], "four hexadecimal digits");
    }
    scene.assert_empty();
}

#[test]
fn row_33_entries_of_types_that_git_does_not_use() {
    let scene = Scene::new();
    for kind in [0, 5] {
        let mut first = Crafted::new();
        first.raw(&entry(kind, 1, &[], &deflate(b"a")));
        let mut last = Crafted::new();
        last.whole(Kind::Blob, b"a");
        last.raw(&entry(kind, 0, &[], &deflate(b"")));
        for pack in [first, last] {
            let words = format!("its type is {kind}, which git does not use");
            scene.refused(&[&scene.head(), &pack.finish()], &words);
        }
    }
    scene.assert_empty();
    scene.assert_passes();
}
