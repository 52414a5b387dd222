//! Rows 20 and 30: bytes where none may be, and the oddities of pkt-lines that receive-pack takes.

use super::{CAPABILITIES, HEADS, Scene, assert_refused_for};
use crate::harness::{ZERO, flush, head, incompressible, packet};

/// An empty pack, which a push of a ref to objects that are there has.
fn empty_pack() -> Vec<u8> {
    super::crafted::Crafted::new().finish()
}

#[test]
fn row_20_bytes_behind_the_pack() {
    let scene = Scene::new();
    let head = scene.head();
    let many = incompressible(1, 100_000);
    for more in [&b"x"[..], b"\0", b"0000", b"\n", &many, &scene.pack[..4]] {
        scene.refused(
            &[&head, &scene.pack, more],
            "bytes follow the end of the pack",
        );
    }
    scene.assert_empty();
    scene.assert_passes();
}

#[test]
fn row_20_a_second_pack() {
    let scene = Scene::new();
    let head = scene.head();
    let (pack, none) = (&scene.pack, empty_pack());
    for packs in [[pack, pack], [pack, &none], [&none, pack]] {
        scene.refused(
            &[&head, packs[0], packs[1]],
            "bytes follow the end of the pack",
        );
    }
    scene.assert_empty();
}

#[test]
fn row_20_a_pack_on_a_push_that_only_deletes() {
    let scene = Scene::new();
    let url = scene.world.direct_url("one");
    let push = ["push", "-q", &url, "main", "main:refs/heads/old"];
    scene.world.git(&scene.work, &push).ok();
    let before = scene.world.upstream_state("one");
    let delete = format!("{} {ZERO} refs/heads/old", scene.id);
    let delete = head(&[delete], &format!("{CAPABILITIES} delete-refs"));
    let words = "bytes follow the commands of a push that only deletes";
    for more in [&scene.pack[..], &empty_pack(), b"x", b"0000", b"PACK"] {
        scene.refused(&[&delete, more], words);
    }
    assert_eq!(scene.world.upstream_state("one"), before);
    assert_eq!(scene.world.ask_push("one", &delete).report().unpack, "ok");
    assert!(!scene.world.upstream_state("one").contains("refs/heads/old"));
}

#[test]
fn row_20_bytes_behind_a_probe() {
    let scene = Scene::new();
    let words = "bytes follow the flush of an empty request";
    let push = [scene.head(), scene.pack.clone()].concat();
    for more in [&b"x"[..], b"0000", &push, &scene.pack] {
        scene.refused(&[b"0000", more], words);
    }
    scene.assert_empty();
    // In pieces of a connection the flush may come alone, and more after it.
    let post = "POST /forge.test/one.git/git-receive-pack HTTP/1.1\nTransfer-Encoding: chunked\n\
                Content-Type: application/x-git-receive-pack-request";
    let chunks = crate::harness::chunked(&[b"0000", &push[..]].concat(), 4);
    assert_refused_for(&scene.world, &scene.world.ask(post, &chunks), words);
}

#[test]
fn row_20_options_that_nobody_asked_for_are_no_pack() {
    let scene = Scene::new();
    let option = [packet("ci.skip"), flush()].concat();
    scene.refused(
        &[&scene.head(), &option, &scene.pack],
        "the data sent is not a git pack",
    );
    let asked = format!("{CAPABILITIES} push-options");
    let head = head(std::slice::from_ref(&scene.command), &asked);
    let words = "does not start with four hexadecimal digits";
    scene.refused(&[&head, &scene.pack], words);
    scene.refused(
        &[&head, &option, &option, &scene.pack],
        "the data sent is not a git pack",
    );
    scene.assert_empty();
}

/// A head whose commands end with `ending` in place of the flush.
fn ended_by(scene: &Scene, ending: &[u8]) -> Vec<u8> {
    let line = packet(format!("{}\0 {CAPABILITIES}", scene.command));
    [&line, ending].concat()
}

#[test]
fn row_30_lines_that_only_git_takes() {
    let scene = Scene::new();
    let other = "instead of a flush";
    for (ending, words) in [
        (&b"0001"[..], other),
        (b"0002", other),
        (b"0003", "impossible length 3"),
        (b"00000001", "the data sent is not a git pack"),
        (b"00010000", other),
        (b"fff1", "65520 is the most"),
        (b"ffff", "65520 is the most"),
        (b"FFF0", "upper-case length digits"),
        (b"000A123456", "upper-case length digits"),
        (b"0x00", "four hexadecimal digits"),
        (b"+000", "four hexadecimal digits"),
        (b" 000", "four hexadecimal digits"),
        (b"\0\0\0\0", "four hexadecimal digits"),
        (b"0004", "command 2 is not of the form"),
        (b"0005\n", "command 2 is not of the form"),
    ] {
        scene.refused(&[&ended_by(&scene, ending), &scene.pack], words);
    }
    let line = packet(format!(
        "{}\0 {CAPABILITIES} agent=0123456789abcdefgh",
        scene.command
    ));
    let upper = String::from_utf8_lossy(&line[..4]).to_uppercase();
    assert_ne!(upper.as_bytes(), &line[..4]);
    scene.refused(
        &[upper.as_bytes(), &line[4..], b"0000", &scene.pack],
        "upper-case length digits",
    );
    scene.assert_empty();
    scene.assert_passes();
}

#[test]
fn row_30_heads_without_an_end() {
    let scene = Scene::new();
    let words = "ends before the flush";
    for ending in [&b""[..], b"0", b"000", b"0032123"] {
        scene.refused(&[&ended_by(&scene, ending)], words);
    }
    scene.refused(&[b"00"], words);
    scene.refused(
        &[&ended_by(&scene, b""), &scene.pack],
        "four hexadecimal digits",
    );
    // An empty body is no push, and says so in one way or the other.
    let answer = scene.world.ask_push("one", b"");
    assert_refused_for(&scene.world, &answer, words);
    scene.assert_empty();
}

#[test]
fn row_30_capabilities_elsewhere_than_on_the_first_command() {
    let scene = Scene::new();
    let second = format!("{ZERO} {} refs/heads/other", scene.id);
    let first = |list: &str| packet(format!("{}{list}", scene.command));
    let caps = format!("\0 {CAPABILITIES}");
    for (first, list) in [
        (first(""), caps.as_str()),
        (first(&caps), "\0 atomic"),
        (first(&caps), "\0"),
        (first("\0"), &caps),
    ] {
        let late = [first, packet(format!("{second}{list}")), flush()].concat();
        scene.refused(
            &[&late, &scene.pack],
            "command 2 carries capabilities; only the first may",
        );
    }
    let twice = [first(&format!("{caps}\0 atomic")), flush()].concat();
    scene.refused(
        &[&twice, &scene.pack],
        "the capabilities contain a zero byte",
    );
    scene.assert_empty();
}

#[test]
fn row_30_commands_that_are_not_canonical() {
    let scene = Scene::new();
    let id = &scene.id;
    let form = "is not of the form";
    let name = "the ref name of command 1 is not valid";
    for (command, words) in [
        (
            format!("{ZERO} {} {HEADS}", id.to_uppercase()),
            "upper-case digits",
        ),
        (format!("{ZERO} {} {HEADS}", &id[..39]), form),
        (format!("{ZERO} {id}0 {HEADS}"), form),
        (
            format!("{ZERO}{:024} {id}{:024} {HEADS}", 0, 0),
            "object format",
        ),
        (format!("{ZERO}  {id} {HEADS}"), form),
        (format!("{ZERO}\t{id}\t{HEADS}"), form),
        (format!("{ZERO} {id}"), form),
        (format!("{ZERO} {id} "), name),
        (format!("{ZERO} {id}  {HEADS}"), name),
        (format!("{ZERO} {id} {HEADS} "), name),
        (format!("{ZERO} {id} {HEADS}\n\n"), name),
        (format!("{ZERO} {id} {HEADS}\r"), name),
        (format!("{ZERO} {ZERO} {HEADS}"), "both its ids are zero"),
        (format!("{ZERO} {id} ../../x"), name),
        (format!("{ZERO} {id} HEAD"), name),
        (format!("{ZERO} {id} refs/heads/a..b"), name),
        (format!("{ZERO} {id} refs/heads/a.lock"), name),
        (format!("{ZERO} {id} refs//heads/a"), name),
        (format!("{ZERO} {id} refs/heads/.a"), name),
        (format!("{ZERO} {id} refs/heads/a\u{7f}"), name),
        (format!("{ZERO} {id} refs/heads/a:b"), name),
        (format!("{ZERO} {id} refs/heads/@{{1}}"), name),
        (format!("shallow {id}"), "no command"),
        (format!("shallow {}", id.to_uppercase()), "shallow"),
        (format!("unshallow {id}"), "unshallow"),
    ] {
        let head = match command.contains("shallow") {
            true => [packet(&command), flush()].concat(),
            false => head(std::slice::from_ref(&command), CAPABILITIES),
        };
        scene.refused(&[&head, &scene.pack], words);
    }
    scene.assert_empty();
}

#[test]
fn row_30_what_stands_twice_or_too_late() {
    let scene = Scene::new();
    let command = &scene.command;
    let zeros = format!("{} {ZERO} {HEADS}", scene.id);
    for second in [command, &zeros] {
        scene.refused(
            &[
                &head(&[command.clone(), second.clone()], CAPABILITIES),
                &scene.pack,
            ],
            "command 2 is for the same ref as an earlier one",
        );
    }
    let late = format!("shallow {}", scene.id);
    scene.refused(
        &[&head(&[command.clone(), late], CAPABILITIES), &scene.pack],
        "a shallow line follows a command",
    );
    // A line feed at the end is what other clients write; it is gone upstream.
    let with_feed = [
        packet(format!("{command}\0 {CAPABILITIES}\n")),
        flush(),
        scene.pack.clone(),
    ];
    let report = scene.world.ask_push("one", &with_feed.concat()).report();
    assert_eq!(report.unpack, "ok");
    let expected = super::forwarded(std::slice::from_ref(command), CAPABILITIES, &scene.pack);
    assert_eq!(scene.world.witness.pushes()[0].body, expected);
}
