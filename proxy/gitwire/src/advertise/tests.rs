//! Advertisements as servers write them, chunked in every way, and what must not pass.

use super::Service::{ReceivePack, UploadPack};
use super::*;

const A: &str = "1111111111111111111111111111111111111111";
const ZERO: &str = "0000000000000000000000000000000000000000";

/// Payloads as lines; `"0000"` and the other markers stand for themselves.
fn wire(payloads: &[&str]) -> Vec<u8> {
    let mut wire = Vec::new();
    for payload in payloads {
        match *payload {
            "0000" | "0001" | "0002" => wire.extend_from_slice(payload.as_bytes()),
            data => pktline::encode(&mut wire, data.as_bytes()),
        }
    }
    wire
}

fn rewrite_in_chunks(service: Service, wire: &[u8], size: usize) -> Result<Vec<u8>, Error> {
    let mut rewriter = Rewriter::new(service);
    let mut out = Vec::new();
    for chunk in wire.chunks(size) {
        rewriter.feed(chunk, &mut out)?;
    }
    rewriter.finish().map(|()| out)
}

fn rewrite(service: Service, wire: &[u8]) -> Result<Vec<u8>, Error> {
    let whole = rewrite_in_chunks(service, wire, wire.len().max(1));
    for size in [1, 3, 7] {
        assert_eq!(rewrite_in_chunks(service, wire, size), whole);
    }
    whole
}

/// `payloads` become `expected`, and `expected` stays as it is.
fn check(service: Service, payloads: &[&str], expected: &[&str]) {
    let expected = wire(expected);
    let shown = |wire: &[u8]| wire.escape_ascii().to_string();
    assert_eq!(
        shown(&rewrite(service, &wire(payloads)).unwrap()),
        shown(&expected)
    );
    assert_eq!(
        shown(&rewrite(service, &expected).unwrap()),
        shown(&expected)
    );
}

fn refused(service: Service, payloads: &[&str], expected: Error) {
    assert_eq!(
        rewrite(service, &wire(payloads)),
        Err(expected),
        "{payloads:?}"
    );
}

const PUSH: &str = "# service=git-receive-pack\n";
const FETCH: &str = "# service=git-upload-pack\n";

#[test]
fn a_push_is_offered_what_can_be_inspected() {
    let caps = "report-status report-status-v2 delete-refs side-band-64k quiet atomic ofs-delta push-cert=1-2 \
                push-options session-id=x future object-format=sha1 agent=git/2.47.3";
    let kept = "report-status report-status-v2 delete-refs side-band-64k quiet atomic ofs-delta \
                push-options object-format=sha1 agent=git/2.47.3 no-thin";
    let first = format!("{A} refs/heads/main\0{caps}\n");
    let others = [
        format!("{A} refs/heads/grün\n"),
        format!("{A} .have"),
        format!("shallow {A}\n"),
    ];
    let [second, have, shallow] = others.each_ref().map(String::as_str);
    let expected = format!("{A} refs/heads/main\0{kept}\n");
    check(
        ReceivePack,
        &[PUSH, "0000", &first, second, have, shallow, "0000"],
        &[PUSH, "0000", &expected, second, have, shallow, "0000"],
    );
    check(
        ReceivePack,
        &["version 1\n", &first, "0000"],
        &["version 1\n", &expected, "0000"],
    );
}

#[test]
fn an_empty_repository_and_odd_lists_pass() {
    let line = |caps: &str| format!("{ZERO} capabilities^{{}}\0{caps}\n");
    let expected = line("report-status push-options no-thin");
    for caps in [
        " report-status",
        "report-status  no-thin",
        "report-status no-thin no-thin",
        "report-status agent=\x1b[m report-status=2",
    ] {
        check(ReceivePack, &[&line(caps), "0000"], &[&expected, "0000"]);
    }
    let bare = format!("{A} .have");
    check(
        ReceivePack,
        &[&bare, "0000"],
        &[&format!("{A} .have\0push-options no-thin\n"), "0000"],
    );
}

#[test]
fn sha256_ids_go_with_their_format() {
    let id = "3".repeat(64);
    let first = format!("{id} refs/heads/main\0no-thin object-format=sha256\n");
    let kept = format!("{id} refs/heads/main\0object-format=sha256 push-options no-thin\n");
    check(ReceivePack, &[&first, "0000"], &[&kept, "0000"]);
    refused(
        ReceivePack,
        &[&format!("{id} refs/heads/main\0"), "0000"],
        Error::BadRef(1),
    );
    refused(
        ReceivePack,
        &[&first, &format!("{A} refs/heads/b"), "0000"],
        Error::BadRef(2),
    );
    let unknown = format!("{A} refs/heads/main\0object-format=md5");
    refused(
        ReceivePack,
        &[&unknown, "0000"],
        Error::UnknownObjectFormat("md5".into()),
    );
}

#[test]
fn a_fetch_keeps_all_but_what_makes_clients_speak_of_themselves() {
    let first = format!(
        "{A} HEAD\0multi_ack thin-pack session-id=1 symref=HEAD:refs/heads/main allow-any agent=git/2\n"
    );
    let kept = format!("{A} HEAD\0multi_ack thin-pack symref=HEAD:refs/heads/main allow-any\n");
    let peeled = format!("{A} refs/tags/v1^{{}}\n");
    check(
        UploadPack,
        &[FETCH, "0000", &first, &peeled, "0000"],
        &[FETCH, "0000", &kept, &peeled, "0000"],
    );
    check(
        UploadPack,
        &[FETCH, "0000", "0000"],
        &[FETCH, "0000", "0000"],
    );
}

#[test]
fn version_2_leads_to_no_other_source() {
    let offered = [
        "version 2\n",
        "agent=git/2.47.3\n",
        "ls-refs=unborn\n",
        "fetch=shallow packfile-uris filter wait-for-done future\n",
        "bundle-uri\n",
        "session-id=1\n",
        "promisor-remote=name=x,url=y\n",
        "server-option\n",
        "object-format=sha1\n",
        "future=1 2",
        "0000",
    ];
    let kept = [
        "version 2\n",
        "ls-refs=unborn\n",
        "fetch=shallow filter wait-for-done\n",
        "server-option\n",
        "object-format=sha1\n",
        "0000",
    ];
    check(UploadPack, &offered, &kept);
    check(
        UploadPack,
        &["version 2", "fetch=packfile-uris", "0000"],
        &["version 2\n", "fetch\n", "0000"],
    );
    check(
        UploadPack,
        &[FETCH, "0000", "version 2", "fetch", "0000"],
        &[FETCH, "0000", "version 2\n", "fetch\n", "0000"],
    );
    refused(
        UploadPack,
        &["version 2", "a\x1b", "0000"],
        Error::BadCapability(2),
    );
    refused(
        UploadPack,
        &["version 2", "", "0000"],
        Error::BadCapability(2),
    );
    refused(
        ReceivePack,
        &["version 2", "0000"],
        Error::UnknownVersion("version 2".into(), "git-receive-pack"),
    );
    refused(
        UploadPack,
        &["version 3", "0000"],
        Error::UnknownVersion("version 3".into(), "git-upload-pack"),
    );
}

#[test]
fn errors_pass_without_control_characters() {
    check(
        ReceivePack,
        &[PUSH, "0000", "ERR no\x1b[2J\ntwo \u{202e}\n"],
        &[PUSH, "0000", "ERR no\\x1b[2J\ntwo \\xe2\\x80\\xae\n"],
    );
    check(UploadPack, &["ERR gone", "0000"], &["ERR gone", "0000"]);
    refused(UploadPack, &["ERR gone", "ERR again"], Error::AfterEnd);
    let long = format!("ERR {}", "\x1b".repeat(60_000));
    assert_eq!(rewrite(UploadPack, &wire(&[&long])).unwrap().len(), 4100);
}

#[test]
fn what_is_malformed_does_not_pass() {
    let first = format!("{A} refs/heads/main\0report-status\n");
    refused(ReceivePack, &[], Error::Ended);
    refused(ReceivePack, &[PUSH, "0000"], Error::Ended);
    refused(ReceivePack, &[&first], Error::Ended);
    refused(ReceivePack, &[&first, "0000", "0000"], Error::AfterEnd);
    refused(ReceivePack, &[&first, "0001"], Error::Marker);
    refused(ReceivePack, &[PUSH, &first, "0000"], Error::NoFlush);
    refused(ReceivePack, &[PUSH, "0000", PUSH, "0000"], Error::BadRef(3));
    refused(
        ReceivePack,
        &[FETCH, "0000"],
        Error::WrongService("git-receive-pack"),
    );
    refused(
        UploadPack,
        &[PUSH, "0000"],
        Error::WrongService("git-upload-pack"),
    );
    refused(ReceivePack, &[PUSH, "0000", "0000"], Error::NoCapabilities);
    refused(ReceivePack, &[&first, &first, "0000"], Error::BadRef(2));
    refused(
        ReceivePack,
        &[&first, &format!("{A} refs/heads/a\x1b"), "0000"],
        Error::BadRef(2),
    );
    refused(ReceivePack, &[&first, A, "0000"], Error::BadRef(2));
    refused(
        ReceivePack,
        &["zz refs/heads/main\0", "0000"],
        Error::BadRef(1),
    );
    refused(
        ReceivePack,
        &[&first, "shallow 1", "0000"],
        Error::BadShallow(2),
    );
    refused(
        ReceivePack,
        &[&first, &format!("shallow {A}"), &first, "0000"],
        Error::BadShallow(3),
    );
    let cut = rewrite(ReceivePack, &wire(&[&first, "0000"])[..70]);
    assert_eq!(cut, Err(Error::Ended));
    assert_eq!(
        rewrite(ReceivePack, b"<html>"),
        Err(pktline::Error::NotALength.into())
    );
    let long = format!("{A} refs/heads/main\0agent={}", "a".repeat(65_450));
    assert_eq!(
        rewrite(ReceivePack, &wire(&[&long, "0000"])),
        Err(Error::TooLong)
    );
}

#[test]
fn an_error_is_final() {
    let mut rewriter = Rewriter::new(ReceivePack);
    let mut out = Vec::new();
    assert!(rewriter.feed(b"0001", &mut out).is_err());
    assert_eq!(rewriter.feed(b"0000", &mut out), Err(Error::Refused));
    assert_eq!(rewriter.finish(), Err(Error::Refused));
}

#[test]
fn an_err_offers_nothing() {
    let offer = |service, payloads: &[&str]| {
        let mut rewriter = Rewriter::new(service);
        rewriter.feed(&wire(payloads), &mut Vec::new()).unwrap();
        rewriter.offer()
    };
    let first = format!("{ZERO} capabilities^{{}}\0 report-status\n");
    assert_eq!(offer(ReceivePack, &[PUSH, "0000"]), None);
    assert_eq!(offer(ReceivePack, &[PUSH, "0000", "ERR no", "0000"]), None);
    assert_eq!(offer(ReceivePack, &[PUSH, "0000", "version 1\n"]), None);
    let format = HashKind::Sha1;
    let nothing = Offer {
        format,
        push_options: false,
    };
    assert_eq!(offer(ReceivePack, &[PUSH, "0000", &first]), Some(nothing));
    assert_eq!(offer(UploadPack, &["version 2\n"]), Some(nothing));
}

#[test]
fn push_options_are_offered_to_every_client_and_noted_of_the_upstream() {
    for (list, own) in [
        ("report-status", false),
        ("report-status push-options", true),
        ("push-options=1 xpush-options agent=push-options", false),
        (" atomic  push-options push-options", true),
    ] {
        let first = format!("{A} refs/heads/main\0{list}\n");
        let mut rewriter = Rewriter::new(ReceivePack);
        let mut out = Vec::new();
        rewriter.feed(&wire(&[&first, "0000"]), &mut out).unwrap();
        assert_eq!(rewriter.offer().unwrap().push_options, own, "{list}");
        let out = String::from_utf8(out).unwrap();
        let offered = out.split([' ', '\0', '\n']);
        assert!(offered.filter(|word| *word == "push-options").count() >= 1);
        // What a fetch offers is as it was.
        let mut fetched = Vec::new();
        let mut rewriter = Rewriter::new(UploadPack);
        rewriter
            .feed(&wire(&[&first, "0000"]), &mut fetched)
            .unwrap();
        let fetched = String::from_utf8(fetched).unwrap();
        let offered = fetched.split([' ', '\0', '\n']);
        let asked = list.split(' ').filter(|word| *word == "push-options");
        assert_eq!(
            offered.filter(|word| *word == "push-options").count(),
            asked.count()
        );
    }
}
