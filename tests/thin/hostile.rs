//! Bases that cannot be had, and upstreams that cannot or will not tell the truth.

use std::path::Path;

use exeat::demo::forge::Hash;

use super::{CAPABILITIES, Scene, commit, fetches};
use crate::harness::{
    Options, Stub, World, ZERO, assert_refused_by_hand, flush, github_token, head, packet, prose,
};

fn scene() -> Scene {
    let scene = Scene::new(World::start(Options::default()), Hash::Sha1, &prose(1, 400));
    commit(&scene, &format!("{}one more line\n", prose(1, 400)));
    scene
}

fn configure(scene: &Scene, key: &str, value: &str) {
    let path = scene.world.upstream_path("one");
    let git = scene.world.default_git();
    git.plain(&path, &["config", key, value]);
}

/// Refused, with the base's id and what to do.
#[track_caller]
fn assert_base_refused(scene: &Scene, pack: &[u8], base: &str, why: &str) {
    let before = scene.world.upstream_state("one");
    let answer = scene.push(pack);
    assert_refused_by_hand(&scene.world, &answer);
    let text = answer.report().text.replace('\n', " ");
    for words in [
        base,
        "git push --no-thin",
        why,
        "E-1002",
        "Nothing left the company",
    ] {
        assert!(text.contains(words), "{words:?} is not in {text}");
    }
    assert_eq!(scene.world.upstream_state("one"), before);
}

#[test]
fn an_upstream_without_filters_gives_blobs_alone() {
    let scene = scene();
    configure(&scene, "uploadpack.allowFilter", "false");
    // Of this commit only the file is a delta on something at the upstream.
    let pack = scene.thin_pack(&["--delta-base-offset"]);
    scene.assert_passes(&pack);
}

#[test]
fn a_tree_of_an_upstream_without_filters_is_cut_off() {
    let world = World::start(Options::default());
    world.new_repository("one");
    let work = world.new_work("work");
    for name in 0..200 {
        std::fs::write(work.join(format!("file-{name:03}")), prose(name, 3)).unwrap();
    }
    world.commit_file(&work, "last", "a\n", "Begin");
    let url = world.direct_url("one");
    world.git(&work, &["push", "-q", &url, "main"]).ok();
    let git = world.default_git();
    let old = git.id(&work, "HEAD");
    let base = git.id(&work, "HEAD^{tree}");
    let scene = Scene {
        world,
        work,
        hash: Hash::Sha1,
        old,
    };
    scene.world.commit_file(&scene.work, "last", "b\n", "Go on");
    configure(&scene, "uploadpack.allowFilter", "false");
    let pack = scene.thin_pack(&["--delta-base-offset"]);
    assert_base_refused(&scene, &pack, &base, "sends more than");
    configure(&scene, "uploadpack.allowFilter", "true");
    scene.assert_passes(&pack);
}

#[test]
fn a_base_that_the_upstream_lacks_is_named() {
    let scene = scene();
    let pack = scene.thin_pack(&["--delta-base-offset"]);
    // Another repository, to which nobody has pushed.
    scene.world.new_repository("two");
    let new = scene.world.default_git().id(&scene.work, "HEAD");
    let command = format!("{ZERO} {new} refs/heads/main");
    let body = [head(&[command], CAPABILITIES), pack].concat();
    let answer = scene.world.ask_push("two", &body);
    assert_refused_by_hand(&scene.world, &answer);
    let text = answer.report().text.replace('\n', " ");
    assert!(text.contains("not our ref"), "{text}");
    assert!(text.contains("git push --no-thin"), "{text}");
}

/// What the upstream serves to this pusher by its id is a base, reachable or not; what it builds is inspected.
#[test]
fn a_secret_built_on_an_unreachable_object_is_found() {
    let mut world = World::start(Options::default());
    let token = github_token(402);
    world.forbid(&token);
    let (start, end) = token.split_at(20);
    let apart = format!("{}{start}\n{end}\n{}", prose(2, 200), prose(3, 200));
    let mut scene = Scene::new(world, Hash::Sha1, &apart);
    let (git, path) = (scene.world.default_git(), scene.world.upstream_path("one"));
    commit(&scene, &apart.replace(&format!("{start}\n{end}"), &token));
    let pack = scene.thin_pack(&["--delta-base-offset"]);
    git.plain(&path, &["update-ref", "-d", "refs/heads/main"]);
    scene.old = ZERO.to_owned();
    let answer = scene.push(&pack);
    assert_refused_by_hand(&scene.world, &answer);
    let text = answer.report().text;
    assert!(text.contains("github-pat"), "{text}");
}

#[test]
fn more_bases_than_are_fetched_are_refused() {
    let world = World::start(Options::default());
    world.new_repository("one");
    let work = world.new_work("work");
    write_files(&work, "");
    world.commit_file(&work, "last", "a\n", "Begin");
    let url = world.direct_url("one");
    world.git(&work, &["push", "-q", &url, "main"]).ok();
    let old = world.default_git().id(&work, "HEAD");
    let scene = Scene {
        world,
        work,
        hash: Hash::Sha1,
        old,
    };
    write_files(&scene.work, "and one line more\n");
    scene.world.commit_file(&scene.work, "last", "b\n", "Go on");
    let pack = scene.thin_pack(&["--delta-base-offset"]);
    let answer = scene.push(&pack);
    assert_refused_by_hand(&scene.world, &answer);
    let text = answer.report().text.replace('\n', " ");
    assert!(text.contains("more than 256 such objects"), "{text}");
    // At most those that were certain to be outside were asked for.
    assert!(fetches(&scene.world) <= 1);
}

/// 600 files; of a folder with more than a few hundred, git makes no more thin deltas.
fn write_files(work: &Path, end: &str) {
    for folder in 0..4 {
        let path = work.join(format!("folder-{folder}"));
        std::fs::create_dir_all(&path).unwrap();
        for name in 0..150 {
            let content = prose(name * 7 + folder, 30) + end;
            std::fs::write(path.join(format!("file-{name}")), content).unwrap();
        }
    }
}

/// A commit as a delta on the upstream's: git never writes one. It comes without its history.
#[test]
fn a_commit_that_is_a_delta_on_a_commit_of_the_upstream() {
    let world = World::start(Options::default());
    let scene = Scene::new(world, Hash::Sha1, "one\n");
    let git = scene.world.default_git();
    let (work, url) = (&scene.work, scene.world.direct_url("one"));
    for number in 0..3 {
        commit(&scene, &format!("{number}\n"));
    }
    scene.world.git(work, &["push", "-q", &url, "main"]).ok();
    let old = git.id(work, "HEAD");
    let amend = ["commit", "-q", "--amend", "-m", "Another message"];
    scene.world.git(work, &amend).ok();
    let of = |id: &str| git.fed(work, &["cat-file", "commit", id], b"");
    let (base, new) = (of(&old), of("HEAD"));
    let pack = pack_of_one_delta(&old, &base, &new);
    let command = format!("{ZERO} {} refs/heads/other", git.id(work, "HEAD"));
    let body = [head(&[command], CAPABILITIES), pack].concat();
    let answer = scene.world.ask_push("one", &body);
    assert_eq!(answer.report().unpack, "ok", "{}", answer.text());
    assert_eq!(fetches(&scene.world), 1);
}

/// A pack of one object: copies the first line of its base, and inserts the rest.
fn pack_of_one_delta(base: &str, old: &[u8], new: &[u8]) -> Vec<u8> {
    let varint = |mut size: usize| {
        let mut bytes = Vec::new();
        while size > 0x7f {
            bytes.push(size as u8 | 0x80);
            size >>= 7;
        }
        bytes.push(size as u8);
        bytes
    };
    let kept = new
        .iter()
        .zip(old)
        .take_while(|(new, old)| new == old)
        .count();
    assert!((1..256).contains(&kept));
    let mut delta = [varint(old.len()), varint(new.len()), vec![0x90, kept as u8]].concat();
    for piece in new[kept..].chunks(127) {
        delta.push(piece.len() as u8);
        delta.extend(piece);
    }
    let mut pack = b"PACK\0\0\0\x02\0\0\0\x01".to_vec();
    let size = delta.len();
    pack.push(0x80 | 7 << 4 | (size & 15) as u8);
    pack.extend(varint(size >> 4));
    let hex = |at: usize| u8::from_str_radix(&base[at..at + 2], 16).unwrap();
    pack.extend((0..base.len()).step_by(2).map(hex));
    let mut zlib = flate2::write::ZlibEncoder::new(pack, flate2::Compression::default());
    std::io::Write::write_all(&mut zlib, &delta).unwrap();
    let mut pack = zlib.finish().unwrap();
    let mut hasher = gix_hash::hasher(gix_hash::Kind::Sha1);
    hasher.update(&pack);
    pack.extend(hasher.try_finalize().unwrap().as_slice());
    pack
}

/// A base that is never whole in memory, and a result that is not either.
#[test]
fn a_base_above_eight_mebibytes() {
    let mut world = World::start(Options::default());
    let token = github_token(403);
    world.forbid(&token);
    let (start, end) = token.split_at(20);
    let apart = prose(5, 90) + &format!("{start}\n{end}\n") + &prose(7, 1_000).repeat(160);
    assert!(apart.len() > 8 << 20, "{}", apart.len());
    let scene = Scene::new(world, Hash::Sha1, &apart);
    commit(&scene, &apart.replace(&format!("{start}\n{end}"), &token));
    let pack = scene.thin_pack(&["--delta-base-offset"]);
    assert!(pack.len() < 10_000, "{}", pack.len());
    let answer = scene.push(&pack);
    assert_refused_by_hand(&scene.world, &answer);
    let text = answer.report().text;
    assert!(text.contains("src/file:91"), "{text}");
}

/// An upstream that fails while it is asked is its fault, or names what to do; it is never the end of the proxy.
#[test]
fn an_upstream_that_fails_while_it_is_asked() {
    let honest = scene();
    let pack = honest.thin_pack(&["--delta-base-offset"]);
    let new = honest.world.default_git().id(&honest.work, "HEAD");
    let command = format!("{ZERO} {new} refs/heads/main");
    let body = [head(&[command], CAPABILITIES), pack].concat();
    let cases: [(&[u8], &str); 6] = [
        (
            b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            "E-2020",
        ),
        (
            b"HTTP/1.1 429 Later\r\nRetry-After: 17\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            "E-2019",
        ),
        (
            b"HTTP/1.1 403 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            "E-1002",
        ),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nConnection: close\r\n\r\n",
            "E-1002",
        ),
        (b"", "E-2018"),
        (
            b"HTTP/1.1 200 OK\r\nContent-Type: application/x-git-upload-pack-result\r\n\
              Content-Length: 900\r\nConnection: close\r\n\r\n000dpackfile\n",
            "E-2018",
        ),
    ];
    for (answer, id) in cases {
        let stub = lying_raw(LINES, answer.to_vec());
        let world = World::start(Options {
            behind: Some(stub.address),
            ..Options::default()
        });
        let answer = world.ask_push("one", &body);
        assert_refused_by_hand(&world, &answer);
        let text = answer.report().text;
        assert!(text.contains(id), "{id}: {text}");
        assert!(text.contains("Nothing left the company"), "{text}");
        let waits = text.contains("it asks to wait 17 seconds");
        assert_eq!(waits, id == "E-2019", "{text}");
    }
}

/// Whichever bound comes first ends the wait, and the push with it.
#[test]
fn an_upstream_that_stands_still_while_it_is_asked() {
    let honest = scene();
    let pack = honest.thin_pack(&["--delta-base-offset"]);
    let new = honest.world.default_git().id(&honest.work, "HEAD");
    let command = format!("{ZERO} {new} refs/heads/main");
    let body = [head(&[command], CAPABILITIES), pack].concat();
    for (settings, id) in [
        ("[limits]\nupstream_idle_seconds = 1", "E-2016"),
        ("[limits]\ninspect_seconds = 1", "E-5005"),
    ] {
        let (go_on, stand_still) = std::sync::mpsc::channel::<()>();
        let stub = Stub::start(move |first_line| {
            if first_line.starts_with("POST") {
                let _ = stand_still.recv();
            }
            told(LINES, first_line).unwrap_or_default()
        });
        let world = World::start(Options {
            behind: Some(stub.address),
            settings,
            ..Options::default()
        });
        let answer = world.ask_push("one", &body);
        assert_refused_by_hand(&world, &answer);
        let text = answer.report().text;
        assert!(text.contains(id), "{id}: {text}");
        drop(go_on);
    }
}

const LINES: &[&str] = &["version 2\n", "ls-refs\n", "fetch=shallow filter\n"];

fn answered(kind: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/x-git-{kind}\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// An upstream that takes pushes and answers the question for bases with `answer`.
fn lying(offer: &'static [&'static str], answer: Vec<u8>) -> Stub {
    lying_raw(offer, answered("upload-pack-result", &answer))
}

/// The same with the answer's head.
fn lying_raw(offer: &'static [&'static str], answer: Vec<u8>) -> Stub {
    Stub::start(move |first_line| told(offer, first_line).unwrap_or_else(|| answer.clone()))
}

/// The answers to both kinds of ref discovery.
fn told(offer: &[&str], first_line: &str) -> Option<Vec<u8>> {
    if first_line.contains("service=git-receive-pack") {
        let line = packet(format!(
            "{ZERO} capabilities^{{}}\0report-status side-band-64k\n"
        ));
        let service = packet("# service=git-receive-pack\n");
        let body = [service, flush(), line, flush()].concat();
        return Some(answered("receive-pack-advertisement", &body));
    }
    if first_line.contains("service=git-upload-pack") {
        let lines = offer.iter().flat_map(packet);
        let body: Vec<u8> = lines.chain(flush()).collect();
        return Some(answered("upload-pack-advertisement", &body));
    }
    None
}

fn pack_answer(pack: &[u8]) -> Vec<u8> {
    let mut band = vec![1];
    band.extend(pack);
    [packet("packfile\n"), packet(band), flush()].concat()
}

#[test]
fn an_upstream_whose_answer_is_not_what_was_asked_for_is_not_believed() {
    // A pack made in a world with a true upstream, then shown to lying ones.
    let honest = scene();
    let pack = honest.thin_pack(&["--delta-base-offset"]);
    let git = honest.world.default_git();
    let base = git.id(&honest.work, "HEAD~1:src/file");
    let other = git.id(&honest.work, "HEAD:src/file");
    let of = |id: &str| {
        let list = format!("{id}\n");
        git.fed(
            &honest.work,
            &["pack-objects", "--stdout", "-q"],
            list.as_bytes(),
        )
    };
    let mut broken = of(&base);
    let middle = broken.len() / 2;
    broken[middle] ^= 1;
    let cases: Vec<(&'static [&'static str], Vec<u8>, &str)> = vec![
        (LINES, pack_answer(&of(&other)), "did not send it"),
        (LINES, pack_answer(&broken), "cannot be taken"),
        (LINES, pack_answer(&of(&base)[..40]), "ends early"),
        (
            LINES,
            packet("ERR no\x1b[31m such thing\n"),
            "no\\x1b[31m such",
        ),
        (LINES, b"what?".to_vec(), "hexadecimal"),
        (&["version 1\n"], Vec::new(), "protocol version 2"),
        (
            &["version 2\n", "ls-refs\n"],
            Vec::new(),
            "protocol version 2",
        ),
    ];
    let new = git.id(&honest.work, "HEAD");
    let command = format!("{ZERO} {new} refs/heads/main");
    let body = [head(&[command], CAPABILITIES), pack].concat();
    for (offer, answer, why) in cases {
        let stub = lying(offer, answer);
        let world = World::start(Options {
            behind: Some(stub.address),
            ..Options::default()
        });
        let answer = world.ask_push("one", &body);
        assert_refused_by_hand(&world, &answer);
        let text = answer.report().text.replace('\n', " ");
        for words in [why, "git push --no-thin", "E-1002"] {
            assert!(text.contains(words), "{words:?} is not in {text}");
        }
    }
}
