//! What is not one of git's known requests, in its canonical form, is refused and never reaches the upstream.

mod process;
mod requests;

use std::path::PathBuf;

use crate::harness::{
    Options, World, ZERO, assert_refused_by_hand, flush, head, incompressible, pack_of, packet,
};

const CAPABILITIES: &str = "report-status side-band-64k";

/// A world with an empty repository, a commit in a work tree, and the parts of the push that would send it.
struct Scene {
    world: World,
    work: PathBuf,
    id: String,
    command: String,
    pack: Vec<u8>,
}

impl Scene {
    fn new() -> Self {
        let world = World::start(Options::default());
        world.new_repository("one");
        let work = world.new_work("work");
        world.commit_file(&work, "a", "a\n", "Begin");
        let git = world.default_git();
        let objects = ["HEAD", "HEAD^{tree}", "HEAD:a"].map(|name| git.id(&work, name));
        let pack = pack_of(&world, &work, &objects.each_ref().map(String::as_str));
        let id = objects[0].clone();
        let command = format!("{ZERO} {id} refs/heads/main");
        Self {
            world,
            work,
            id,
            command,
            pack,
        }
    }

    /// Sends these parts as one push, which must be refused and not arrive.
    #[track_caller]
    fn assert_refused(&self, parts: &[&[u8]]) {
        let answer = self.world.ask_push("one", &parts.concat());
        assert_refused_by_hand(&self.world, &answer);
        assert_eq!(self.world.upstream_state("one"), "---\n", "it arrived");
    }
}

#[test]
fn the_request_the_others_are_made_from_passes() {
    let scene = Scene::new();
    let body = [head(&[scene.command], CAPABILITIES), scene.pack].concat();
    assert_eq!(scene.world.ask_push("one", &body).report().unpack, "ok");
}

#[test]
fn bytes_after_the_pack() {
    let scene = Scene::new();
    let head = head(std::slice::from_ref(&scene.command), CAPABILITIES);
    scene.assert_refused(&[&head, &scene.pack, b"x"]);
    scene.assert_refused(&[&head, &scene.pack, b"0000"]);
    scene.assert_refused(&[&head, &scene.pack, &incompressible(1, 100_000)]);
}

#[test]
fn a_second_pack() {
    let scene = Scene::new();
    let head = head(std::slice::from_ref(&scene.command), CAPABILITIES);
    scene.assert_refused(&[&head, &scene.pack, &scene.pack]);
}

#[test]
fn a_pack_that_breaks_off() {
    let scene = Scene::new();
    let head = head(std::slice::from_ref(&scene.command), CAPABILITIES);
    for cut in [
        0,
        3,
        4,
        11,
        12,
        13,
        scene.pack.len() - 21,
        scene.pack.len() - 1,
    ] {
        scene.assert_refused(&[&head, &scene.pack[..cut]]);
    }
}

#[test]
fn a_pack_whose_checksum_is_wrong() {
    let scene = Scene::new();
    let head = head(std::slice::from_ref(&scene.command), CAPABILITIES);
    let mut pack = scene.pack.clone();
    *pack.last_mut().unwrap() ^= 1;
    scene.assert_refused(&[&head, &pack]);
}

#[test]
fn a_pack_on_a_push_that_only_deletes() {
    let scene = Scene::new();
    let url = scene.world.direct_url("one");
    scene
        .world
        .git(
            &scene.work,
            &["push", "-q", &url, "main", "main:refs/heads/old"],
        )
        .ok();
    let before = scene.world.upstream_state("one");
    let delete = format!("{} {ZERO} refs/heads/old", scene.id);
    let body = [
        head(&[delete], &format!("{CAPABILITIES} delete-refs")),
        scene.pack,
    ]
    .concat();
    assert_refused_by_hand(&scene.world, &scene.world.ask_push("one", &body));
    assert_eq!(scene.world.upstream_state("one"), before);
}

#[test]
fn capabilities_on_another_line_than_the_first() {
    let scene = Scene::new();
    let second = format!("{ZERO} {} refs/heads/other", scene.id);
    let late = [
        packet(&scene.command),
        packet(format!("{second}\0 {CAPABILITIES}")),
        flush(),
    ]
    .concat();
    scene.assert_refused(&[&late, &scene.pack]);
    let twice = [
        packet(format!("{}\0 {CAPABILITIES}", scene.command)),
        packet(format!("{second}\0 atomic")),
        flush(),
    ];
    scene.assert_refused(&[&twice.concat(), &scene.pack]);
}

#[test]
fn commands_that_are_not_canonical() {
    let scene = Scene::new();
    let command = &scene.command;
    let upper = format!("{ZERO} {} refs/heads/main", scene.id.to_uppercase());
    let outside = format!("{ZERO} {} ../../x", scene.id);
    let bad = format!("{ZERO} {} refs/heads/a..b", scene.id);
    let short = format!("{ZERO} {} refs/heads/main", &scene.id[..39]);
    let long_id = format!("{ZERO}{:024} {}{:024} refs/heads/main", 0, scene.id, 0);
    for command in [&upper, &outside, &bad, &short, &long_id] {
        scene.assert_refused(&[
            &head(std::slice::from_ref(command), CAPABILITIES),
            &scene.pack,
        ]);
    }
    scene.assert_refused(&[
        &head(&[command.clone(), command.clone()], CAPABILITIES),
        &scene.pack,
    ]);
    let delimiter = [
        packet(format!("{command}\0 {CAPABILITIES}")),
        b"0001".to_vec(),
    ]
    .concat();
    scene.assert_refused(&[&delimiter, &scene.pack]);
    let unfinished = packet(format!("{command}\0 {CAPABILITIES}"));
    scene.assert_refused(&[&unfinished]);
    let hash = format!("{CAPABILITIES} object-format=sha256");
    scene.assert_refused(&[&head(std::slice::from_ref(command), &hash), &scene.pack]);
}

#[test]
fn a_push_certificate_is_neither_offered_nor_taken() {
    let scene = Scene::new();
    let upstream = scene.world.upstream_path("one");
    scene.world.default_git().plain(
        &upstream,
        &["config", "receive.certNonceSeed", "a seed for nonces"],
    );
    let path = "/forge.test/one.git/info/refs?service=git-receive-pack";
    let offer = scene.world.ask(&format!("GET {path} HTTP/1.1"), b"");
    assert_eq!(offer.status, 200);
    let offer = offer.text();
    assert!(!offer.contains("push-cert"), "{offer}");
    assert!(
        offer.contains("report-status") && offer.contains("no-thin"),
        "{offer}"
    );
    let certificate = [
        packet(format!("push-cert\0 {CAPABILITIES}\n")),
        packet("certificate version 0.1\n"),
        packet("pusher ada 1700000000 +0000\n"),
        packet("nonce 1700000000-0123456789012345678901234567890123456789\n"),
        packet("\n"),
        packet(format!("{}\n", scene.command)),
        packet("-----BEGIN SSH SIGNATURE-----\n"),
        packet("push-cert-end\n"),
        flush(),
    ];
    scene.assert_refused(&[&certificate.concat(), &scene.pack]);
}

#[test]
fn bytes_after_a_probe() {
    let scene = Scene::new();
    scene.assert_refused(&[b"0000", &scene.pack]);
    scene.assert_refused(&[
        b"0000",
        &head(std::slice::from_ref(&scene.command), CAPABILITIES),
        &scene.pack,
    ]);
}

#[test]
fn a_body_that_was_compressed_twice_or_in_pieces() {
    use std::io::Write as _;
    let gzip = |bytes: &[u8]| {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        gzip.write_all(bytes).unwrap();
        gzip.finish().unwrap()
    };
    let scene = Scene::new();
    let body = [
        head(std::slice::from_ref(&scene.command), CAPABILITIES),
        scene.pack.clone(),
    ]
    .concat();
    let (first, second) = body.split_at(50);
    let members = [gzip(first), gzip(second)].concat();
    let twice = gzip(&gzip(&body));
    let cases = [
        ("gzip", &members),
        ("gzip, gzip", &twice),
        ("gzip", &twice),
        ("br", &body),
        ("deflate", &body),
    ];
    for (encoding, body) in cases {
        let head = format!(
            "POST /forge.test/one.git/git-receive-pack HTTP/1.1\nContent-Encoding: {encoding}\n\
             Content-Type: application/x-git-receive-pack-request\nContent-Length: {}",
            body.len()
        );
        assert_refused_by_hand(&scene.world, &scene.world.ask(&head, body));
        assert_eq!(
            scene.world.upstream_state("one"),
            "---\n",
            "{encoding} arrived"
        );
    }
}
