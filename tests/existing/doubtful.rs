//! Where it cannot be shown that a repository serves a secret already, the finding stands.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::{PATH, Scene, file};
use crate::harness::{
    Options, Stub, World, ZERO, assert_refused, flush, github_token, packet, prose,
};

fn configure(scene: &Scene, key: &str, value: &str) {
    let path = scene.world.upstream_path("one");
    let git = scene.world.default_git();
    git.plain(&path, &["config", key, value]);
}

/// `main` without the secret; the commits that had it are at the upstream, under `name`.
fn moved_to(name: &str) -> Scene {
    let scene = Scene::new();
    let git = scene.world.default_git();
    let path = scene.world.upstream_path("one");
    git.plain(&path, &["update-ref", name, "refs/heads/main"]);
    git.plain(&path, &["update-ref", "refs/heads/main", "main~1"]);
    scene.commit(PATH, &(file(&[&scene.secret]) + "colour = green\n"));
    scene
}

#[test]
fn a_ref_that_is_hidden_from_the_pusher_proves_nothing() {
    let scene = moved_to("refs/private/other");
    configure(&scene, "transfer.hideRefs", "refs/private");
    // Its objects can be had by id all the same.
    scene.assert_stopped(&["main"], &scene.secret);
}

#[test]
fn objects_that_no_ref_reaches_prove_nothing() {
    let scene = moved_to("refs/heads/gone");
    let path = scene.world.upstream_path("one");
    let git = scene.world.default_git();
    git.plain(&path, &["update-ref", "-d", "refs/heads/gone"]);
    scene.assert_stopped(&["main"], &scene.secret);
}

#[test]
fn history_proves_nothing_for_what_stands_now() {
    let scene = Scene::new();
    let url = scene.world.direct_url("one");
    scene.commit(PATH, &prose(4, 40));
    scene
        .world
        .git(&scene.work, &["push", "-q", &url, "main"])
        .ok();
    scene.commit(PATH, &file(&[&scene.secret]));
    scene.assert_stopped(&["main"], &scene.secret);
}

#[test]
fn without_filters_a_finding_stands() {
    let scene = Scene::new();
    configure(&scene, "uploadpack.allowFilter", "false");
    scene.commit(PATH, &(file(&[&scene.secret]) + "colour = green\n"));
    scene.assert_stopped(&["main"], &scene.secret);
}

#[test]
fn a_branch_whose_name_holds_a_secret_is_not_told_to_the_upstream() {
    let mut scene = Scene::new();
    let name = github_token(503);
    scene.world.forbid(&name);
    scene.commit(PATH, &(file(&[&scene.secret]) + "colour = green\n"));
    scene.assert_stopped(&[&format!("main:refs/heads/{name}")], &name);
    assert!(!scene.questions().is_empty());
}

/// More paths than are looked up: those beyond stand.
#[test]
fn beyond_the_bounds_findings_stand() {
    let scene = Scene::new();
    let url = scene.world.direct_url("one");
    let write = |end: &str| {
        for name in 0..70 {
            let content = format!("{name}\ntoken = {}\n{end}", scene.secret);
            std::fs::write(scene.work.join(format!("env-{name:02}")), content).unwrap();
        }
    };
    write("");
    scene.commit("last", "a\n");
    scene
        .world
        .git(&scene.work, &["push", "-q", &url, "main"])
        .ok();
    write("colour = green\n");
    scene.commit("last", "b\n");
    let run = scene.assert_stopped(&["main"], &scene.secret);
    assert!(run.stderr.contains("stopped: 6 findings,"), "{run}");
}

fn answered(kind: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/x-git-{kind}\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// The tip that the upstream has just told is gone when it is asked for; or the upstream says nonsense.
#[test]
fn a_tip_that_is_gone_meanwhile_or_a_lying_upstream_leaves_the_finding() {
    let id = "1".repeat(40);
    let told = [
        packet(format!("{id} HEAD\n")),
        packet(format!("{id} refs/heads/main\n")),
        flush(),
    ];
    let unborn = [
        packet("unborn HEAD symref-target:refs/heads/main\n"),
        flush(),
    ];
    let empty_pack: Vec<u8> = [
        &b"PACK\0\0\0\x02\0\0\0\0"[..],
        &[0x02, 0x9d, 0x08, 0x82, 0x3b, 0xd8, 0xa8, 0xea, 0xb5, 0x10],
        &[0xad, 0x6a, 0xc7, 0x5c, 0x82, 0x3c, 0xfd, 0x3e, 0xd3, 0x1e],
    ]
    .concat();
    let gone = packet(format!("ERR upload-pack: not our ref {id}\n"));
    let nothing = [
        packet("packfile\n"),
        packet([&[1], &empty_pack[..]].concat()),
        flush(),
    ];
    let offer = || -> Vec<u8> {
        let lines = ["version 2\n", "ls-refs\n", "fetch=shallow filter\n"];
        lines.iter().flat_map(packet).chain(flush()).collect()
    };
    // As protocol version 0 lists refs.
    let old = [
        packet(format!("{id} HEAD\0side-band-64k filter\n")),
        flush(),
    ];
    for (offer, refs, fetched) in [
        (offer(), told.concat(), gone.clone()),
        (offer(), told.concat(), nothing.concat()),
        (offer(), told.concat(), b"what?".to_vec()),
        (offer(), unborn.concat(), gone.clone()),
        (offer(), b"0001".to_vec(), gone.clone()),
        (old.concat(), told.concat(), gone),
    ] {
        let asked = AtomicUsize::new(0);
        let stub = Stub::start(move |first_line| {
            if first_line.contains("service=git-receive-pack") {
                let line = format!("{ZERO} capabilities^{{}}\0report-status side-band-64k\n");
                let service = packet("# service=git-receive-pack\n");
                let body = [service, flush(), packet(line), flush()].concat();
                return answered("receive-pack-advertisement", &body);
            }
            if first_line.contains("service=git-upload-pack") {
                return answered("upload-pack-advertisement", &offer);
            }
            match asked.fetch_add(1, Ordering::Relaxed) {
                0 => answered("upload-pack-result", &refs),
                _ => answered("upload-pack-result", &fetched),
            }
        });
        let mut world = World::start(Options {
            behind: Some(stub.address),
            ..Options::default()
        });
        let secret = github_token(504);
        world.forbid(&secret);
        let work = world.new_work("work");
        world.commit_file(&work, PATH, file(&[&secret]), "Add settings");
        let url = world.proxied_url("one");
        let run = world.git(&work, &["push", &url, "main"]);
        assert_refused(&run, "github-pat", &secret);
    }
}
