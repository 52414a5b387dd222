//! Pushes between real git at both ends, with this crate's parsers and writers in between.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on shall panic")]

mod git;

use exeat_gitwire::HashKind;
use exeat_gitwire::advertise::{Rewriter, Service};
use exeat_gitwire::pktline::{Decoded, Line, decode, encode};
use exeat_gitwire::push_report::{Outcome, Relay, error_advertisement, progress, refusal};
use exeat_gitwire::push_request::{Asked, Error, Limits, Progress, PushRequest, Reader, Section};
use git::{Client, Pushed, Upstream, git};

/// What stands between the two ends, fed in chunks of `chunk` bytes.
struct Between {
    chunk: usize,
}

const WHOLE: Between = Between { chunk: usize::MAX };

impl Between {
    fn rewrite(&self, service: Service, wire: &[u8]) -> Vec<u8> {
        let mut rewriter = Rewriter::new(service);
        let mut out = Vec::new();
        for chunk in wire.chunks(self.chunk) {
            rewriter.feed(chunk, &mut out).unwrap();
        }
        rewriter.finish().unwrap();
        out
    }

    /// The advertisement as send-pack reads it: without the service line, which git's HTTP layer takes off.
    fn offer(&self, upstream: &Upstream) -> Vec<u8> {
        let out = self.rewrite(
            Service::ReceivePack,
            &upstream.advertisement("git-receive-pack", ""),
        );
        assert!(out.starts_with(b"001f# service=git-receive-pack\n0000"));
        out[35..].to_vec()
    }

    /// The request, and where its pack begins.
    fn read(&self, body: &[u8]) -> (PushRequest, usize) {
        let mut reader = Reader::new(Limits::default());
        let mut head = 0;
        for chunk in body.chunks(self.chunk) {
            match reader.feed(chunk).unwrap() {
                Progress::NeedMore => head += chunk.len(),
                Progress::Complete { consumed } => {
                    head += consumed;
                    break;
                }
            }
        }
        match reader.into_request().unwrap() {
            Asked::Push(request) => (request, head),
            Asked::Probe => panic!("a probe"),
        }
    }

    fn relay(&self, request: &PushRequest, answer: &[u8]) -> (Vec<u8>, Outcome) {
        let mut relay = Relay::new(request);
        let mut out = Vec::new();
        for chunk in answer.chunks(self.chunk) {
            relay.feed(chunk, &mut out).unwrap();
        }
        (out, relay.finish().unwrap())
    }

    /// A whole push that is let through.
    fn push(
        &self,
        client: &Client,
        upstream: &Upstream,
        args: &[&str],
    ) -> (PushRequest, Outcome, Pushed) {
        let mut sending = client.send_pack(args, &self.offer(upstream));
        let body = sending.request();
        let (request, head) = self.read(&body);
        assert_eq!(request.expects_pack(), body[head..].starts_with(b"PACK"));
        let forwarded = [&request.canonical_head("exeat/test")[..], &body[head..]].concat();
        let (answer, outcome) = self.relay(&request, &upstream.receive(&forwarded));
        (request, outcome, sending.finish(&answer))
    }
}

#[test]
fn a_push_arrives_as_it_was_sent() {
    for format in ["sha1", "sha256"] {
        for chunk in [1, 7, 4096, usize::MAX] {
            let (client, upstream) = (Client::new(format), Upstream::new(format));
            let commit = client.commit("a", "text");
            let between = Between { chunk };
            let (request, outcome, pushed) = between.push(&client, &upstream, &["refs/heads/main"]);
            assert!(pushed.succeeded, "{pushed:?}");
            assert_eq!(upstream.resolve("refs/heads/main"), commit);
            assert_eq!(request.commands[0].new.to_string(), commit);
            assert_eq!(
                request.hash,
                if format == "sha1" {
                    HashKind::Sha1
                } else {
                    HashKind::Sha256
                }
            );
            assert!(
                request.capabilities.dropped.is_empty(),
                "{:?}",
                request.capabilities
            );
            assert_eq!(outcome.unpack, Some(Ok(())));
            assert_eq!(outcome.refs, [(b"refs/heads/main".to_vec(), Ok(()))]);
        }
    }
}

#[test]
fn create_update_delete_and_refusal_by_the_upstream_in_one_push() {
    let (client, upstream) = (Client::new("sha1"), Upstream::new("sha1"));
    let first = client.commit("a", "one");
    WHOLE.push(
        &client,
        &upstream,
        &[
            "HEAD:refs/heads/main",
            "HEAD:refs/heads/old",
            "HEAD:refs/heads/kept",
        ],
    );
    let second = client.commit("a", "two");
    git(client.path(), &["tag", "-m", "tag", "v1"]);
    upstream.hook(
        "update",
        "test $1 != refs/heads/kept || { printf 'no \\033[31mred\\302\\233\\n' >&2; exit 1; }",
    );
    let args = [
        "HEAD:refs/heads/main",
        ":refs/heads/old",
        "refs/tags/v1",
        "HEAD:refs/heads/grün",
        "HEAD:refs/heads/kept",
    ];
    let (request, outcome, pushed) = WHOLE.push(&client, &upstream, &args);
    assert_eq!(request.commands.len(), 5);
    assert!(!pushed.succeeded);
    assert!(
        pushed.printed.contains("no \\x1b[31mred\\xc2\\x9b"),
        "{pushed:?}"
    );
    let failed: Vec<_> = outcome
        .refs
        .iter()
        .filter(|(_, fate)| fate.is_err())
        .collect();
    assert_eq!(
        failed,
        [&(b"refs/heads/kept".to_vec(), Err("hook declined".to_owned()))]
    );
    assert_eq!(upstream.resolve("refs/heads/main"), second);
    assert_eq!(upstream.resolve("refs/heads/kept"), first);
    assert_eq!(
        upstream.refs(),
        "refs/heads/grün\nrefs/heads/kept\nrefs/heads/main\nrefs/tags/v1"
    );
}

#[test]
fn a_deletion_has_no_pack() {
    let (client, upstream) = (Client::new("sha1"), Upstream::new("sha1"));
    client.commit("a", "one");
    WHOLE.push(
        &client,
        &upstream,
        &["HEAD:refs/heads/main", "HEAD:refs/heads/old"],
    );
    let (request, _, pushed) = WHOLE.push(&client, &upstream, &[":refs/heads/old"]);
    assert!(pushed.succeeded && !request.expects_pack());
    assert_eq!(upstream.refs(), "refs/heads/main");
}

#[test]
fn options_atomic_and_quiet_reach_the_upstream() {
    let (client, upstream) = (Client::new("sha1"), Upstream::new("sha1"));
    client.commit("a", "one");
    upstream.hook(
        "pre-receive",
        "echo \"$GIT_PUSH_OPTION_COUNT: $GIT_PUSH_OPTION_0, $GIT_PUSH_OPTION_1\" >&2",
    );
    let args = [
        "--quiet",
        "--atomic",
        "--push-option=ci.skip",
        "--push-option=a=b c",
        "HEAD:refs/heads/main",
    ];
    let (request, _, pushed) = WHOLE.push(&client, &upstream, &args);
    assert!(
        request.capabilities.atomic
            && request.capabilities.quiet
            && request.capabilities.push_options
    );
    assert_eq!(request.options, [b"ci.skip", &b"a=b c"[..]]);
    assert!(
        pushed.succeeded && pushed.printed.contains("2: ci.skip, a=b c"),
        "{pushed:?}"
    );
}

#[test]
fn a_shallow_clone_can_push() {
    let (client, upstream) = (Client::new("sha1"), Upstream::new("sha1"));
    client.commit("a", "one");
    client.commit("a", "two");
    WHOLE.push(&client, &upstream, &["refs/heads/main"]);
    let shallow = Client::shallow(&upstream);
    let commit = shallow.commit("a", "three");
    let (request, _, pushed) = WHOLE.push(&shallow, &upstream, &["refs/heads/main"]);
    assert_eq!(request.shallow.len(), 1);
    assert!(pushed.succeeded, "{pushed:?}");
    assert_eq!(upstream.resolve("refs/heads/main"), commit);
}

#[test]
fn the_rewritten_advertisement_brings_self_contained_packs() {
    let (client, upstream) = (Client::new("sha1"), Upstream::new("sha1"));
    let lines: String = (0..2000)
        .map(|number| format!("line {number} of {}\n", number * 7919))
        .collect();
    client.commit("a", &lines);
    WHOLE.push(&client, &upstream, &["refs/heads/main"]);
    client.commit("a", &format!("{lines}one more\n"));
    let plain = upstream.advertisement("git-receive-pack", "")[35..].to_vec();
    for (advertisement, is_whole) in [(plain, false), (WHOLE.offer(&upstream), true)] {
        let body = client
            .send_pack(&["refs/heads/main"], &advertisement)
            .request();
        let pack = &body[WHOLE.read(&body).1..];
        assert_eq!(can_be_indexed_alone(pack), is_whole);
    }
}

fn can_be_indexed_alone(pack: &[u8]) -> bool {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("it.pack"), pack).unwrap();
    git::command(folder.path(), &["index-pack", "it.pack"])
        .output()
        .unwrap()
        .status
        .success()
}

#[test]
fn a_refusal_is_shown_and_fails_the_push() {
    for args in [
        &["HEAD:refs/heads/main", "HEAD:refs/heads/b"][..],
        &["--atomic", "HEAD:refs/heads/main"],
    ] {
        let (client, upstream) = (Client::new("sha1"), Upstream::new("sha1"));
        client.commit("a", "one");
        let mut sending = client.send_pack(args, &WHOLE.offer(&upstream));
        let (request, _) = WHOLE.read(&sending.request());
        let answer = [
            progress("scanning"),
            refusal(&request, "Line one\nline \x1b two", "not now"),
        ]
        .concat();
        let pushed = sending.finish(&answer);
        assert!(!pushed.succeeded);
        for line in [
            "remote: scanning",
            "remote: Line one",
            "remote: line \\x1b two",
            "remote unpack failed: not now",
        ] {
            assert!(
                pushed.printed.contains(line),
                "{line} is missing in {}",
                pushed.printed
            );
        }
        assert_eq!(
            pushed.printed.matches("[remote rejected]").count(),
            request.commands.len(),
            "{pushed:?}"
        );
    }
}

#[test]
fn an_error_in_place_of_an_advertisement_is_shown() {
    let client = Client::new("sha1");
    client.commit("a", "one");
    let answer = error_advertisement(Service::ReceivePack, "you may not push here");
    let pushed = client
        .send_pack(&["HEAD:refs/heads/main"], &answer[35..])
        .finish(b"");
    assert!(!pushed.succeeded);
    assert!(
        pushed
            .printed
            .contains("remote error: you may not push here"),
        "{pushed:?}"
    );
}

#[test]
fn real_advertisements_lose_only_what_they_must() {
    let (client, upstream) = (Client::new("sha1"), Upstream::new("sha1"));
    client.commit("a", "one");
    WHOLE.push(&client, &upstream, &["refs/heads/main"]);
    for (key, value) in [
        ("uploadpack.advertiseBundleURIs", "true"),
        ("uploadpack.blobPackfileUri", "1 2 https://a.example/p"),
    ] {
        git(&upstream.path(), &["config", key, value]);
    }
    let lost = |service: Service, protocol: &str| {
        let wire = upstream.advertisement(service.name(), protocol);
        let out = WHOLE.rewrite(service, &wire);
        assert_eq!(Between { chunk: 1 }.rewrite(service, &wire), out);
        let kept = words(&out);
        let lost = words(&wire).into_iter().filter(|word| !kept.contains(word));
        lost.map(|word| word.split('=').next().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(lost(Service::ReceivePack, ""), ["push-cert", "session-id"]);
    assert_eq!(
        lost(Service::ReceivePack, "version=1"),
        ["push-cert", "session-id"]
    );
    assert_eq!(lost(Service::UploadPack, ""), ["session-id", "agent"]);
    let version_2 = lost(Service::UploadPack, "version=2");
    assert!(
        ["packfile-uris", "bundle-uri", "session-id", "agent"]
            .iter()
            .all(|word| version_2.contains(&(*word).to_owned())),
        "{version_2:?}"
    );
    assert_eq!(version_2.len(), 4, "{version_2:?}");
}

/// The words of all lines; a session id differs from one run to the next, and only its key counts.
fn words(mut wire: &[u8]) -> Vec<String> {
    let mut words = Vec::new();
    while let Decoded::Complete { line, consumed } = decode(wire).unwrap() {
        if let Line::Data(data) = line {
            let text = String::from_utf8_lossy(data).into_owned();
            words.extend(text.trim().split([' ', '\0']).map(str::to_owned));
        }
        wire = &wire[consumed..];
    }
    words
}

/// Each of these is taken by real receive-pack, and refused here.
#[test]
fn the_reader_is_stricter_than_receive_pack() {
    const REPORT: &str = "\0report-status";
    type Variant = (fn(&str, &str, &str) -> [String; 3], &'static [u8], Error);
    let variants: [Variant; 4] = [
        (
            |id, a, b| {
                [
                    a.into(),
                    format!("{b}{REPORT}"),
                    format!("{} {id} refs/heads/c", "0".repeat(40)),
                ]
            },
            b"0000",
            Error::LateCapabilities(2),
        ),
        (
            |id, a, b| [format!("{a}{REPORT}"), format!("shallow {id}"), b.into()],
            b"0000",
            Error::LateShallow,
        ),
        (
            |id, a, b| {
                [
                    a.replace(id, &id.to_uppercase()) + REPORT,
                    b.into(),
                    b.replace("/b", "/c"),
                ]
            },
            b"0000",
            Error::UpperCaseId(1),
        ),
        (
            |_, a, b| [format!("{a}{REPORT}"), b.into(), b.replace("/b", "/c")],
            b"0001",
            Error::Terminator(Section::Commands),
        ),
    ];
    for (lines, terminator, expected) in variants {
        let (client, upstream) = (Client::new("sha1"), Upstream::new("sha1"));
        let id = client.commit("a", "one");
        let body = client
            .send_pack(&["HEAD:refs/heads/a"], &WHOLE.offer(&upstream))
            .request();
        let pack = &body[WHOLE.read(&body).1..];
        let [a, b] = ["a", "b"].map(|name| format!("{} {id} refs/heads/{name}", "0".repeat(40)));
        let mut wire = Vec::new();
        for line in lines(&id, &a, &b) {
            encode(&mut wire, line.as_bytes());
        }
        wire.extend_from_slice(terminator);
        wire.extend_from_slice(pack);
        let answer = upstream.receive(&wire).escape_ascii().to_string();
        assert!(answer.contains("unpack ok"), "{expected}: {answer}");
        assert_eq!(Reader::new(Limits::default()).feed(&wire), Err(expected));
    }
}
