//! What is not one of git's known requests, in its canonical form, is refused and never reaches the upstream.

mod process;
mod requests;

use crate::harness::{Options, World, ZERO, assert_refused_by_hand, head, pack_of};

const CAPABILITIES: &str = "report-status side-band-64k";

/// A world with an empty repository, and the parts of a push that would create a branch there.
struct Scene {
    world: World,
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
        let command = format!("{ZERO} {} refs/heads/main", objects[0]);
        Self {
            world,
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
