//! Row 31 for fetches: the body of a request has one coding, one reading and one end, and goes on plain.

use std::io::Write as _;

use flate2::{Compression, GzBuilder};

use super::Scene;
use super::doors::gzip;
use crate::harness::{Answer, Client, chunked, packet};

const FETCH: &str = "POST /forge.test/one.git/git-upload-pack HTTP/1.1\n\
                     Content-Type: application/x-git-upload-pack-request\nGit-Protocol: version=2";

fn ask(scene: &Scene, coding: &str, body: &[u8]) -> Answer {
    let head = format!("{FETCH}\n{coding}\nContent-Length: {}", body.len());
    scene.world.ask(&head, body)
}

fn ask_compressed(scene: &Scene, body: &[u8]) -> Answer {
    ask(scene, "Content-Encoding: gzip", body)
}

/// Asks for more than is held at once, in vain. A forge that answers before it was asked to the end has its answer cut.
#[track_caller]
fn assert_long_refused(scene: &Scene, coding: &str, body: &[u8], status: u16) {
    let head = format!("{FETCH}\n{coding}\nContent-Length: {}", body.len());
    let mut client = Client::connect(scene.world.address());
    client.say(&scene.world.request(&head, body));
    if let Some(answer) = client.answer() {
        assert_eq!(answer.status, status, "{answer:?}");
    }
}

/// Asks for all refs.
fn ls_refs() -> Vec<u8> {
    let lines = [packet("command=ls-refs\n"), b"0001".to_vec()];
    [lines.concat(), packet("symrefs\n"), b"0000".to_vec()].concat()
}

/// Asks for what the main branch holds, saying first that we have `haves` commits that nobody knows.
fn fetch(scene: &Scene, haves: usize) -> Vec<u8> {
    scene.assert_push_passes();
    let state = scene.world.upstream_state("one");
    let id = state.split_whitespace().find(|word| word.len() == 40);
    let mut body = [packet("command=fetch\n"), b"0001".to_vec()].concat();
    body.extend(packet(format!("want {}\n", id.expect("an id"))));
    for number in 0..haves {
        body.extend(packet(format!("have {number:040x}\n")));
    }
    body.extend(packet("done\n"));
    body.extend(b"0000");
    body
}

#[test]
fn row_31_a_fetch_has_one_gzip_member_and_nothing_else() {
    let scene = Scene::new("");
    let body = ls_refs();
    let whole = gzip(&body);
    let (one, two) = body.split_at(body.len() / 2);
    let mut torn = whole.clone();
    let crc = torn.len() - 8;
    torn[crc] ^= 1;
    for (what, body) in [
        ("two members", [gzip(one), gzip(two)].concat()),
        (
            "an empty member before",
            [gzip(b""), whole.clone()].concat(),
        ),
        (
            "an empty member behind",
            [whole.clone(), gzip(b"")].concat(),
        ),
        ("bytes behind", [&whole[..], b"x"].concat()),
        ("gzip of gzip", gzip(&whole)),
        ("no gzip", body.clone()),
        ("cut short", whole[..whole.len() - 9].to_vec()),
        ("no trailer", whole[..whole.len() - 8].to_vec()),
        ("a wrong checksum", torn),
        ("nothing", gzip(b"")),
        ("nothing at all", Vec::new()),
    ] {
        let answer = ask_compressed(&scene, &body);
        assert!(matches!(answer.status, 400 | 415), "{what}: {answer:?}");
    }
    assert_eq!(ask(&scene, "X: y", &whole).status, 415);
    assert_eq!(scene.asked(), [""; 0]);
}

#[test]
fn row_31_a_compressed_fetch_goes_on_plain() {
    let scene = Scene::new("");
    let body = fetch(&scene, 50);
    let note = "a note to somebody outside";
    let mut encoder = GzBuilder::new()
        .comment(note)
        .filename(note)
        .write(Vec::new(), Compression::best());
    encoder.write_all(&body).unwrap();
    let answer = ask_compressed(&scene, &encoder.finish().unwrap());
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(answer.text().contains("packfile\n"));
    let asked = scene.world.witness.requests().pop().unwrap();
    assert_eq!(asked.header("content-encoding"), None);
    assert_eq!(asked.body, body);
}

#[test]
fn row_31_a_long_fetch_streams_and_is_read_to_its_end() {
    let scene = Scene::new("");
    let body = fetch(&scene, 4000);
    let zipped = gzip(&body);
    for answer in [ask(&scene, "X: y", &body), ask_compressed(&scene, &zipped)] {
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!(answer.text().contains("packfile\n"));
        let asked = scene.world.witness.requests().pop().unwrap();
        assert!(asked.complete && asked.body == body);
    }
    // A line that is none of git's far behind the first, and bytes behind the last.
    let odd = [
        &body[..body.len() - 4],
        &packet("note to somebody\n"),
        b"0000",
    ]
    .concat();
    let more = [&body[..], b"0000"].concat();
    for body in [odd, more] {
        assert_long_refused(&scene, "X: y", &body, 400);
        assert_long_refused(&scene, "Content-Encoding: gzip", &gzip(&body), 400);
    }
    let twice = [&zipped[..], &zipped].concat();
    assert_long_refused(&scene, "Content-Encoding: gzip", &twice, 400);
    let requests = scene.world.witness.requests();
    let whole = requests.iter().filter(|request| request.complete);
    assert!(
        !whole
            .into_iter()
            .any(|request| request.body.ends_with(b"somebody\n0000")
                || request.body.ends_with(b"00000000")),
        "a request that was refused arrived whole"
    );
}

#[test]
fn row_31_a_fetch_that_inflates_is_bounded() {
    let scene = Scene::new("[limits]\nfetch_request_bytes = 1048576\n");
    let body = fetch(&scene, 40_000);
    assert_long_refused(&scene, "Content-Encoding: gzip", &gzip(&body), 413);
    let chunks = chunked(&body, 10_000);
    let head = format!("{FETCH}\nTransfer-Encoding: chunked");
    let mut client = Client::connect(scene.world.address());
    client.say(&scene.world.request(&head, &chunks));
    assert!(client.answer().is_none_or(|answer| answer.status == 413));
    // Where the length is told before, nothing goes on.
    let before = scene.asked().len();
    let answer = ask(&scene, "X: y", &body);
    assert_eq!(answer.status, 413, "{answer:?}");
    assert!(answer.text().contains("limits.fetch_request_bytes"));
    assert_eq!(scene.asked().len(), before);
    for request in scene.world.witness.requests() {
        assert!(request.body.len() <= 1_048_576 && !request.body.ends_with(b"done\n0000"));
    }
}

#[test]
fn row_31_lines_of_a_fetch_are_gits_own() {
    let scene = Scene::new("");
    let packets = |lines: &[&str]| -> Vec<u8> {
        let line = |line: &&str| match *line {
            "0000" | "0001" | "0002" => line.as_bytes().to_vec(),
            line => packet(line),
        };
        lines.iter().flat_map(line).collect()
    };
    let id = "0123456789abcdef0123456789abcdef01234567";
    let want = format!("want {id} side-band-64k\n");
    for lines in [
        &["command=ls-refs", "0001", "note", "0000"][..],
        &["command=ls-refs", "note=1", "0000"],
        &["command=ls-refs", "0001", "0000", "any text"],
        &["command=fetch", "0001", "have a note", "0000"],
        &["command=fetch", "0001", "packfile-uris https", "0000"],
        &[&want, "any text", "0000"],
        &[&want, "0000", "have text", "0000"],
        &[&want, "0000", "done\n", "any text"],
        &[&want, "deepen many", "0000"],
        &["0000", "any text"],
        &[&want],
    ] {
        let answer = ask(&scene, "X: y", &packets(lines));
        assert_eq!(answer.status, 400, "{lines:?}: {answer:?}");
    }
    for lines in [
        &["command=bundle-uri", "0000"][..],
        &["command=note", "0000"],
    ] {
        let answer = ask(&scene, "X: y", &packets(lines));
        assert_eq!(answer.status, 415, "{lines:?}: {answer:?}");
    }
    assert_eq!(scene.asked(), [""; 0]);
}
