//! Rows 31, 34, 38 and 39: codings, paths, verbs and services that are not git's own, said by hand over TLS.

use std::io::Write as _;

use flate2::{Compression, write::GzEncoder};

use super::{DISCOVERY, PUSH, PUSH_TYPE, Scene};
use crate::harness::{Answer, assert_refused_by_hand, incompressible};

pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn coded(scene: &Scene, coding: &str, body: &[u8]) -> Answer {
    let length = body.len();
    let head = format!("{PUSH}\n{PUSH_TYPE}\n{coding}\nContent-Length: {length}");
    scene.world.ask(&head, body)
}

#[test]
fn row_31_one_gzip_member_and_nothing_else() {
    let scene = Scene::new("");
    let whole = gzip(&scene.body);
    let (one, two) = scene.body.split_at(scene.body.len() / 2);
    let mut torn = whole.clone();
    let crc = torn.len() - 8;
    torn[crc] ^= 1;
    let mut long = whole.clone();
    let size = long.len() - 4;
    long[size] ^= 1;
    let gz = "Content-Encoding: gzip";
    let cases: Vec<(&str, &str, Vec<u8>)> = vec![
        ("two members", gz, [gzip(one), gzip(two)].concat()),
        (
            "an empty member before",
            gz,
            [gzip(b""), whole.clone()].concat(),
        ),
        (
            "an empty member behind",
            gz,
            [whole.clone(), gzip(b"")].concat(),
        ),
        ("bytes behind", gz, [whole.as_slice(), b"x"].concat()),
        ("zeros behind", gz, [whole.as_slice(), &[0; 512]].concat()),
        ("gzip of gzip", gz, gzip(&whole)),
        (
            "gzip of gzip, said so",
            "Content-Encoding: gzip, gzip",
            gzip(&whole),
        ),
        (
            "two fields",
            "Content-Encoding: gzip\nContent-Encoding: gzip",
            gzip(&whole),
        ),
        (
            "two different fields",
            "Content-Encoding: identity\nContent-Encoding: gzip",
            whole.clone(),
        ),
        ("a list", "Content-Encoding: gzip, identity", whole.clone()),
        ("deflate", "Content-Encoding: deflate", whole.clone()),
        ("br", "Content-Encoding: br", scene.body.clone()),
        ("zstd", "Content-Encoding: zstd", scene.body.clone()),
        ("an empty name", "Content-Encoding:", scene.body.clone()),
        ("no gzip", gz, scene.body.clone()),
        ("cut short", gz, whole[..whole.len() - 9].to_vec()),
        ("no trailer", gz, whole[..whole.len() - 8].to_vec()),
        ("a wrong checksum", gz, torn),
        ("a wrong length", gz, long),
        ("gzip and nobody said so", "X: y", whole.clone()),
    ];
    for (what, coding, body) in cases {
        let answer = coded(&scene, coding, &body);
        assert_refused_by_hand(&scene.world, &answer);
        assert_eq!(scene.world.upstream_state("one"), "---\n", "{what}");
    }
    let answer = coded(&scene, "Content-Encoding: x-gzip", &whole);
    assert_eq!(answer.report().unpack, "ok");
}

#[test]
fn row_31_a_fetch_has_one_coding_too() {
    let scene = Scene::new("");
    for coding in [
        "Content-Encoding: deflate",
        "Content-Encoding: gzip, gzip",
        "Content-Encoding: gzip\nContent-Encoding: gzip",
        "Content-Encoding: br",
    ] {
        let head = format!(
            "POST /forge.test/one.git/git-upload-pack HTTP/1.1\nContent-Length: 4\n{coding}\n\
             Content-Type: application/x-git-upload-pack-request"
        );
        assert_eq!(scene.world.ask(&head, b"0000").status, 415, "{coding}");
    }
    assert_eq!(scene.asked(), [""; 0]);
}

#[test]
fn row_31_a_gzip_bomb_is_bounded() {
    let scene = Scene::new("[limits]\nunauthenticated_body_bytes = 1048576\n");
    // 256 MiB of nothing in a quarter of a megabyte, as a body and behind a true push's head.
    let zeros = vec![0; 256 << 20];
    let bomb = gzip(&zeros);
    assert!(bomb.len() < 300_000);
    let answer = coded(&scene, "Content-Encoding: gzip", &bomb);
    assert_refused_by_hand(&scene.world, &answer);
    let front = &scene.body[..scene.body.len() - 20];
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(front).unwrap();
    encoder.write_all(&zeros).unwrap();
    let answer = coded(&scene, "Content-Encoding: gzip", &encoder.finish().unwrap());
    assert_refused_by_hand(&scene.world, &answer);
    assert_eq!(scene.world.upstream_state("one"), "---\n");
}

/// Asked in every way a repository is asked for: none may reach the upstream.
#[track_caller]
fn assert_path_refused(scene: &Scene, repository: &str) {
    let discovery =
        format!("GET /forge.test/{repository}/info/refs?service=git-receive-pack HTTP/1.1");
    let answer = scene.world.ask(&discovery, b"");
    let said_so = answer.status == 200 && answer.text().contains("ERR ");
    assert!(
        said_so || (400..500).contains(&answer.status),
        "{repository}: {answer:?}"
    );
    let push = format!(
        "POST /forge.test/{repository}/git-receive-pack HTTP/1.1\n{PUSH_TYPE}\nContent-Length: {}",
        scene.body.len()
    );
    let answer = scene.world.ask(&push, &scene.body);
    assert!(
        (400..500).contains(&answer.status),
        "{repository}: {answer:?}"
    );
    assert_eq!(scene.asked(), [""; 0], "{repository}");
}

#[test]
fn row_34_paths_have_one_form() {
    let scene = Scene::new("");
    for repository in [
        // Out of the repository, plain and encoded once.
        "../one.git",
        "x/../one.git",
        "x/%2e%2e/one.git",
        "x/%2E%2E/one.git",
        "x/.%2e/one.git",
        "x/%2e./one.git",
        "one.git/..",
        "one.git/%2e%2e/one.git",
        "..%2fone.git",
        "..%5cone.git",
        "x/..%00/one.git",
        // The place itself.
        "./one.git",
        "%2e/one.git",
        "x/./one.git",
        "one.git/.",
        "one.git/%2e",
        // Separators, encoded or foreign.
        "x%2fone.git",
        "x%2Fone.git",
        "x%5cone.git",
        "x%5Cone.git",
        "x\\one.git",
        "..\\one.git",
        // Encoded twice and more.
        "%252e%252e/one.git",
        "x%252fone.git",
        "%25252e%25252e/one.git",
        "%255cone.git",
        "one%2500.git",
        "%2525",
        // Empty segments and trailing slashes.
        "/one.git",
        "x//one.git",
        "one.git/",
        "one.git//",
        "//one.git",
        // Parameters, queries and fragments within a segment.
        "one.git;a=b",
        "one;x/one.git",
        "one%3b.git",
        "one.git%3fx",
        "one.git%23x",
        "one.git?x=/",
        "one.git#x",
        // Controls and what is no text.
        "one.git%00",
        "one%0a.git",
        "one%0d%0aX-Y:z.git",
        "one%7f.git",
        "one%1b.git",
        "one%c2%85.git",
        "one%ff.git",
        "one%c0%ae%c0%ae.git",
        "one%e0%80%af.git",
        // Encodings that are none.
        "%zz/one.git",
        "one%",
        "one%2",
        "one%u002e.git",
        "one% 41.git",
    ] {
        assert_path_refused(&scene, repository);
    }
    for target in [
        "/forge.test/one.git/git-receive-pack/",
        "/forge.test/one.git//git-receive-pack",
        "/forge.test//one.git/git-receive-pack",
        "//forge.test/one.git/git-receive-pack",
        "/./forge.test/one.git/git-receive-pack",
        "/%66orge.test%2fone.git/git-receive-pack",
        "/forge.test/one.git/git%2dreceive-pack%00",
        "/forge.test/one.git/git-receive-pack?",
        "/forge.test/one.git/git-receive-pack;x",
    ] {
        let head = format!(
            "POST {target} HTTP/1.1\n{PUSH_TYPE}\nContent-Length: {}",
            scene.body.len()
        );
        let answer = scene.world.ask(&head, &scene.body);
        assert!((400..500).contains(&answer.status), "{target}: {answer:?}");
        assert_eq!(scene.asked(), [""; 0], "{target}");
    }
}

#[test]
fn row_34_a_path_goes_on_in_our_own_spelling() {
    let scene = Scene::new("");
    let discovery = DISCOVERY.replace("one.git", "%6Fne%2Egit");
    assert_eq!(scene.world.ask(&discovery, b"").status, 200);
    assert_eq!(
        scene.asked(),
        ["GET /one.git/info/refs?service=git-receive-pack HTTP/1.1"]
    );
}

#[test]
fn row_38_other_verbs_are_refused() {
    let scene = Scene::new("");
    let body = incompressible(38, 100);
    for method in [
        "PROPFIND",
        "PROPPATCH",
        "MKCOL",
        "PUT",
        "MOVE",
        "COPY",
        "LOCK",
        "UNLOCK",
        "DELETE",
        "PATCH",
        "OPTIONS",
        "TRACE",
        "HEAD",
        "SEARCH",
        "REPORT",
        "MKACTIVITY",
        "CHECKOUT",
        "MERGE",
        "PURGE",
        "get",
        "Post",
        "X",
    ] {
        for path in [
            "one.git/",
            "one.git/objects/aa/bb",
            "one.git/refs/heads/main",
            "one.git/info/refs",
            "one.git/info/refs?service=git-receive-pack",
            "one.git/git-receive-pack",
            "one.git/objects/pack/pack-0000000000000000000000000000000000000000.pack",
        ] {
            let head = format!(
                "{method} /forge.test/{path} HTTP/1.1\nContent-Length: {}",
                body.len()
            );
            let mut client = crate::harness::Client::connect(scene.world.address());
            client.say(&scene.world.request(&head, &body));
            // What answers HEAD has no body, whatever length it names.
            if method != "HEAD" {
                let answer = client.answer().unwrap();
                assert!(
                    matches!(answer.status, 400 | 403 | 405) || answer.text().contains("ERR "),
                    "{method} {path}: {answer:?}"
                );
            }
            assert_eq!(scene.asked(), [""; 0], "{method} {path}");
        }
    }
    for head in [
        "CONNECT forge.test:443 HTTP/1.1",
        "CONNECT 127.0.0.1:22 HTTP/1.1",
        "OPTIONS * HTTP/1.1",
        "POST /forge.test/one.git/git-upload-archive HTTP/1.1",
        "GET /forge.test/one.git/git-upload-archive HTTP/1.1",
        "GET /forge.test/one.git/info/refs?service=git-upload-archive HTTP/1.1",
        "GET /forge.test/one.git/archive/main.tar.gz HTTP/1.1",
        "POST /forge.test/one.git/info/refs HTTP/1.1",
        "POST /forge.test/one.git/HEAD HTTP/1.1",
        "POST /forge.test/one.git/objects/info/packs HTTP/1.1",
        "GET /forge.test/one.git/git-receive-pack HTTP/1.1",
        "GET /forge.test/one.git/git-upload-pack HTTP/1.1",
    ] {
        let answer = scene
            .world
            .ask(&format!("{head}\nContent-Length: 4"), b"0000");
        let said_so = answer.status == 200 && answer.text().contains("ERR ");
        assert!(
            said_so || (400..500).contains(&answer.status),
            "{head}: {answer:?}"
        );
        assert_eq!(scene.asked(), [""; 0], "{head}");
    }
}

#[test]
fn row_39_a_body_is_for_the_service_it_names() {
    let scene = Scene::new("");
    let kinds = [
        "application/x-git-upload-pack-request",
        "application/x-git-receive-pack-request",
        "application/x-git-receive-pack-result",
        "application/x-git-receive-pack-request; charset=utf-8",
        "application/x-git-receive-pack-request,text/plain",
        "Application/X-Git-Receive-Pack-Request",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "*/*",
        "",
    ];
    for service in ["git-receive-pack", "git-upload-pack"] {
        for kind in kinds {
            if kind == format!("application/x-{service}-request") {
                continue;
            }
            let head = format!(
                "POST /forge.test/one.git/{service} HTTP/1.1\nContent-Type: {kind}\nContent-Length: {}",
                scene.body.len()
            );
            let answer = scene.world.ask(&head, &scene.body);
            assert_eq!(answer.status, 415, "{service} {kind}");
        }
        let head = format!(
            "POST /forge.test/one.git/{service} HTTP/1.1\nContent-Length: {}",
            scene.body.len()
        );
        assert_eq!(
            scene.world.ask(&head, &scene.body).status,
            415,
            "{service} without a type"
        );
        let kind = format!("Content-Type: application/x-{service}-request");
        let head = format!(
            "POST /forge.test/one.git/{service} HTTP/1.1\n{kind}\n{kind}\nContent-Length: {}",
            scene.body.len()
        );
        assert_eq!(
            scene.world.ask(&head, &scene.body).status,
            415,
            "{service} with two types"
        );
    }
    // A push's body for the fetch service, with the right type for that.
    let head = format!(
        "POST /forge.test/one.git/git-upload-pack HTTP/1.1\nContent-Type: application/x-git-upload-pack-request\nContent-Length: {}",
        scene.body.len()
    );
    let answer = scene.world.ask(&head, &scene.body);
    assert_eq!(answer.status, 415, "{answer:?}");
    // The same in the coding that fetches may have.
    let packed = gzip(&scene.body);
    let head = format!(
        "POST /forge.test/one.git/git-upload-pack HTTP/1.1\nContent-Encoding: gzip\n\
         Content-Type: application/x-git-upload-pack-request\nContent-Length: {}",
        packed.len()
    );
    assert_eq!(scene.world.ask(&head, &packed).status, 415);
    assert_eq!(scene.asked(), [""; 0]);
}
