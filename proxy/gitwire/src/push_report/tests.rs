//! Answers of ours as clients need them, and answers of upstreams, honest and not.

use super::*;
use crate::push_request::{Asked, Limits, Reader};

const FULL: &str = " report-status-v2 side-band-64k";

/// A push of the given refs with the given capabilities.
fn request(names: &[&str], capabilities: &str) -> PushRequest {
    let (old, new) = ("1".repeat(40), "2".repeat(40));
    let mut wire = Vec::new();
    for (number, name) in names.iter().enumerate() {
        let list = if number == 0 {
            format!("\0{capabilities}")
        } else {
            String::new()
        };
        pktline::encode(&mut wire, format!("{old} {new} {name}{list}").as_bytes());
    }
    pktline::flush(&mut wire);
    let mut reader = Reader::new(Limits::default());
    reader.feed(&wire).unwrap();
    match reader.into_request().unwrap() {
        Asked::Push(request) => request,
        Asked::Probe => panic!("a probe"),
    }
}

fn lines(payloads: &[&[u8]]) -> Vec<u8> {
    let mut wire = Vec::new();
    payloads
        .iter()
        .for_each(|payload| pktline::encode(&mut wire, payload));
    pktline::flush(&mut wire);
    wire
}

/// Packets of the side band, then the outer flush.
fn banded(packets: &[(u8, &[u8])]) -> Vec<u8> {
    let mut wire = Vec::new();
    packets
        .iter()
        .for_each(|(band, data)| pktline::encode_band(&mut wire, *band, data));
    pktline::flush(&mut wire);
    wire
}

fn shown(wire: &[u8]) -> String {
    wire.escape_ascii().to_string()
}

fn relay_in_chunks(
    request: &PushRequest,
    wire: &[u8],
    size: usize,
) -> (Vec<u8>, Result<Outcome, Error>) {
    let mut relay = Relay::new(request);
    let mut out = Vec::new();
    for chunk in wire.chunks(size) {
        if let Err(error) = relay.feed(chunk, &mut out) {
            return (out, Err(error));
        }
    }
    (out, relay.finish())
}

/// Whole and byte by byte, which must agree.
fn relay(request: &PushRequest, wire: &[u8]) -> (Vec<u8>, Result<Outcome, Error>) {
    let whole = relay_in_chunks(request, wire, wire.len().max(1));
    assert_eq!(relay_in_chunks(request, wire, 1), whole);
    whole
}

#[test]
fn a_refusal_fails_the_push_and_every_ref() {
    let push = request(&["refs/heads/a", "refs/heads/grün"], FULL);
    let report = lines(&[
        b"unpack no secrets\n",
        b"ng refs/heads/a no secrets\n",
        "ng refs/heads/grün no secrets\n".as_bytes(),
    ]);
    let expected = banded(&[(2, b"Two\nlines\n"), (1, &report)]);
    assert_eq!(
        shown(&refusal(&push, "Two\nlines", "no\nsecrets ")),
        shown(&expected)
    );
}

#[test]
fn a_refusal_takes_the_form_the_client_asked_for() {
    let name = &["refs/heads/a"];
    let report = lines(&[b"unpack no\n", b"ng refs/heads/a no\n"]);
    let plain = request(name, "report-status");
    assert_eq!(shown(&refusal(&plain, "text", "no")), shown(&report));
    let band = request(name, "side-band-64k");
    assert_eq!(
        shown(&refusal(&band, "text", "no")),
        shown(&banded(&[(3, b"text\n")]))
    );
    let mute = request(name, "quiet");
    assert_eq!(refusal(&mute, "text", "no"), b"");
    assert_eq!([&plain, &band, &mute].map(can_report), [true, true, false]);
    assert_eq!(
        shown(&refusal(&request(name, FULL), "", "no")),
        shown(&banded(&[(1, &report)]))
    );
}

#[test]
fn a_reason_is_one_short_printable_line_and_never_ok() {
    assert_eq!(one_line(" \n"), "refused");
    assert_eq!(one_line("ok"), "refused: ok");
    assert_eq!(one_line("\tOK then"), "refused: OK then");
    assert_eq!(one_line("okay\x1b\u{202e}"), "okay\\x1b\\xe2\\x80\\xae");
    assert_eq!(one_line(&"x".repeat(300)).len(), 199);
}

#[test]
fn long_texts_and_many_refs_are_split_into_packets() {
    let names: Vec<_> = (0..3000)
        .map(|number| format!("refs/heads/a-rather-long-name-for-a-branch-{number}"))
        .collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let push = request(&names, FULL);
    let wire = refusal(&push, &"\x1b line\n".repeat(20_000), "no");
    let (out, outcome) = relay(&push, &wire);
    let outcome = outcome.unwrap();
    assert_eq!(outcome.unpack, Some(Err("no".into())));
    assert_eq!(outcome.refs.len(), 3000);
    assert!(
        outcome
            .refs
            .iter()
            .zip(&names)
            .all(|((name, fate), sent)| name == sent.as_bytes() && fate.is_err())
    );
    assert!(!out.contains(&0x1b));
}

#[test]
fn progress_and_keep_alive_are_packets_of_band_2() {
    assert_eq!(progress("scanning"), b"000e\x02scanning\n");
    assert_eq!(progress("50%\r"), b"0009\x0250%\r");
    assert_eq!(progress(""), b"");
    assert_eq!(KEEP_ALIVE, b"0005\x02");
}

#[test]
fn an_error_advertisement_survives_the_rewriter() {
    let wire = error_advertisement(Service::ReceivePack, "not\x07 here");
    assert_eq!(
        shown(&wire),
        "001f# service=git-receive-pack\\n00000014ERR not\\\\x07 here"
    );
    let mut rewriter = advertise::Rewriter::new(Service::ReceivePack);
    let mut out = Vec::new();
    rewriter.feed(&wire, &mut out).unwrap();
    assert_eq!((out, rewriter.finish()), (wire, Ok(())));
}

#[test]
fn an_upstream_s_answer_passes_and_is_understood() {
    let push = request(&["refs/heads/a", "refs/heads/b", "refs/heads/ü"], FULL);
    let report = lines(&[
        b"unpack ok\n",
        b"ok refs/heads/a\n",
        b"option refname refs/heads/real\n",
        b"option forced-update\n",
        b"ng refs/heads/b non-fast-forward\n",
        "ok refs/heads/ü\n".as_bytes(),
    ]);
    let wire = [
        &b"0005\x02"[..],
        &banded(&[(2, b"Resolving: 50%\rdone.\n"), (1, &report)]),
    ]
    .concat();
    let (out, outcome) = relay(&push, &wire);
    assert_eq!(shown(&out), shown(&wire));
    let outcome = outcome.unwrap();
    assert_eq!(outcome.unpack, Some(Ok(())));
    let fates: Vec<_> = outcome.refs.iter().map(|(_, fate)| fate.clone()).collect();
    assert_eq!(fates, [Ok(()), Err("non-fast-forward".into()), Ok(())]);
    assert_eq!(outcome.error, None);
}

#[test]
fn a_report_may_be_cut_into_packets_anywhere() {
    let push = request(&["refs/heads/a"], FULL);
    let report = lines(&[b"unpack ok", b"ok refs/heads/a"]);
    for at in 0..report.len() {
        let wire = banded(&[(1, &report[..at]), (2, b"hm\n"), (1, &report[at..])]);
        let (out, outcome) = relay(&push, &wire);
        assert_eq!(outcome.unwrap().refs, [(b"refs/heads/a".to_vec(), Ok(()))]);
        let mut joined = Vec::new();
        let mut rest = &out[..];
        while let pktline::Decoded::Complete {
            line: pktline::Line::Data(data),
            consumed,
        } = pktline::decode(rest).unwrap()
        {
            joined.extend_from_slice(data.strip_prefix(b"\x01").unwrap_or_default());
            rest = &rest[consumed..];
        }
        assert_eq!(
            shown(&joined),
            shown(&lines(&[b"unpack ok\n", b"ok refs/heads/a\n"]))
        );
    }
}

#[test]
fn the_plain_form_and_none_at_all() {
    let report = lines(&[b"unpack ok\n", b"ok refs/heads/a\n"]);
    let (out, outcome) = relay(&request(&["refs/heads/a"], "report-status"), &report);
    assert_eq!((out, outcome.unwrap().refs.len()), (report, 1));
    let mute = request(&["refs/heads/a"], "");
    assert_eq!(relay(&mute, b""), (Vec::new(), Ok(Outcome::default())));
    assert_eq!(relay(&mute, b"0000").1, Err(Error::AfterEnd));
    let unreported = request(&["refs/heads/a"], "side-band-64k");
    assert!(relay(&unreported, &banded(&[(2, b"x\n")])).1.is_ok());
    assert_eq!(
        relay(&unreported, &banded(&[(1, b"x\n")])).1,
        Err(Error::BadReport)
    );
}

#[test]
fn nothing_reaches_the_terminal_raw() {
    let push = request(&["refs/heads/a"], FULL);
    let evil = "\x1b[2J\u{9b}\u{202e}\x07\x7f";
    let safe = "\\x1b[2J\\xc2\\x9b\\xe2\\x80\\xae\\x07\\x7f";
    let of = |evil: &str| {
        let report = lines(&[
            format!("unpack {evil}\n").as_bytes(),
            format!("ok refs/heads/{evil}\n").as_bytes(),
            format!("ng refs/heads/a {evil}\n").as_bytes(),
            format!("option refname {evil}\n").as_bytes(),
        ]);
        banded(&[
            (2, format!("tab\t{evil}\r\n").as_bytes()),
            (1, &report),
            (3, evil.as_bytes()),
        ])
    };
    let (out, outcome) = relay(&push, &of(evil));
    assert_eq!(shown(&out), shown(&of(safe)));
    let outcome = outcome.unwrap();
    assert_eq!(outcome.refs, [(b"refs/heads/a".to_vec(), Err(safe.into()))]);
    assert_eq!(
        (outcome.unpack, outcome.error),
        (Some(Err(safe.into())), Some(safe.into()))
    );
}

#[test]
fn last_words_are_told_even_without_a_flush() {
    let push = request(&["refs/heads/a"], FULL);
    let words = banded(&[(3, b"disk full\n")]);
    let (out, outcome) = relay(&push, &words[..words.len() - 4]);
    assert_eq!(out, words[..words.len() - 4]);
    assert_eq!(outcome.unwrap().error, Some("disk full".into()));
    let bare = lines(&[b"ERR gone\n"]);
    let (out, outcome) = relay(&push, &bare);
    assert_eq!(shown(&out), shown(&banded(&[(3, b"gone\n")])));
    assert_eq!(outcome.unwrap().error, Some("gone".into()));
    let plain = request(&["refs/heads/a"], "report-status");
    let (out, outcome) = relay(&plain, &bare[..bare.len() - 4]);
    assert_eq!(
        (shown(&out), outcome.unwrap().error),
        ("000dERR gone\\n".into(), Some("gone".into()))
    );
}

#[test]
fn an_answer_that_says_too_little_is_an_error() {
    let push = request(&["refs/heads/a"], FULL);
    let report = lines(&[b"unpack ok\n", b"ok refs/heads/a\n"]);
    let wire = banded(&[(1, &report)]);
    for end in 0..wire.len() {
        assert_eq!(
            relay(&push, &wire[..end]).1,
            Err(Error::Ended),
            "cut after {end} bytes"
        );
    }
    assert_eq!(relay(&push, b"0000").1, Err(Error::NoReport));
    assert_eq!(
        relay(&push, &banded(&[(1, &report[..report.len() - 4])])).1,
        Err(Error::NoReport)
    );
    assert_eq!(
        relay(&push, &banded(&[(1, &report[..report.len() - 1])])).1,
        Err(Error::Ended)
    );
}

#[test]
fn what_is_malformed_does_not_pass() {
    let push = request(&["refs/heads/a"], FULL);
    let report = lines(&[b"unpack ok\n", b"ok refs/heads/a\n"]);
    let refused = |wire: &[u8], expected: Error| {
        assert_eq!(relay(&push, wire).1, Err(expected), "{}", shown(wire))
    };
    refused(b"0004", Error::NoBand);
    refused(b"0005\x03", Error::NoBand);
    refused(b"0006\x04x", Error::UnknownBand(4));
    refused(b"0001", Error::Marker);
    refused(b"<html>", pktline::Error::NotALength.into());
    refused(
        &[&banded(&[(1, &report)])[..], b"0000"].concat(),
        Error::AfterEnd,
    );
    refused(&banded(&[(1, &report), (1, b"0000")]), Error::BadReport);
    refused(&banded(&[(1, b"0000")]), Error::BadReport);
    refused(&banded(&[(1, b"0001")]), Error::Marker);
    refused(&banded(&[(3, b"x"), (2, b"x")]), Error::AfterEnd);
    for bad in [&b"ok refs/heads/a"[..], b"hello", b""] {
        refused(&banded(&[(1, &lines(&[bad]))]), Error::BadReport);
    }
    for bad in [&b"unpack ok"[..], b"ok", b"ng ", b"maybe refs/heads/a"] {
        refused(
            &banded(&[(1, &lines(&[b"unpack ok", bad]))]),
            Error::BadReport,
        );
    }
    let flood: Vec<&[u8]> = std::iter::once(&b"unpack ok"[..])
        .chain(vec![&b"ok x"[..]; 2000])
        .collect();
    refused(&banded(&[(1, &lines(&flood))]), Error::TooManyLines);
}

#[test]
fn what_was_read_before_an_error_is_known() {
    let push = request(&["refs/heads/a"], FULL);
    let mut relay = Relay::new(&push);
    let wire = banded(&[(
        1,
        &lines(&[b"unpack ok", b"ng refs/heads/a no", b"ok refs/heads/a"])[..],
    )]);
    relay
        .feed(&wire[..wire.len() - 4], &mut Vec::new())
        .unwrap();
    assert_eq!(relay.outcome().refs, [(b"refs/heads/a".to_vec(), Ok(()))]);
    assert!(relay.feed(b"0001", &mut Vec::new()).is_err());
    assert_eq!(relay.outcome().unpack, Some(Ok(())));
    assert_eq!(relay.feed(b"0000", &mut Vec::new()), Err(Error::Refused));
    assert_eq!(relay.finish(), Err(Error::Refused));
}

#[test]
fn last_words_stay_the_same_when_they_are_relayed_again() {
    let push = request(&["refs/heads/a"], FULL);
    // White space to a program, and yet a control character that is shown escaped.
    for words in [&b"\x0cno"[..], b"no\x0c", b"\t no \n\x0c\n"] {
        let (out, outcome) = relay(&push, &banded(&[(3, words)]));
        assert_eq!(relay(&push, &out), (out, outcome));
    }
}

#[test]
fn what_became_known_otherwise_is_reported_ref_by_ref() {
    let fates = [Ok(()), Err("not\ntaken\x1b".to_owned())];
    for capabilities in [FULL, " report-status"] {
        let push = request(&["refs/heads/a", "refs/heads/b"], capabilities);
        let answer = settled(&push, "It was asked again.\n", &fates);
        let (out, outcome) = relay(&push, &answer);
        let outcome = outcome.unwrap();
        assert_eq!(outcome.unpack, Some(Ok(())));
        let refs = [
            (b"refs/heads/a".to_vec(), Ok(())),
            (b"refs/heads/b".to_vec(), Err("not taken\\x1b".to_owned())),
        ];
        assert_eq!(outcome.refs, refs, "{}", shown(&out));
        let told = shown(&answer).contains("asked again");
        assert_eq!(told, push.capabilities.side_band_64k);
    }
    // Without a report, what was not taken has to be band 3.
    let push = request(&["refs/heads/a", "refs/heads/b"], " side-band-64k");
    let answer = settled(&push, "no", &fates);
    assert_eq!(shown(&answer), "0008\\x03no\\n0000");
    let answer = settled(&push, "yes", &[Ok(()), Ok(())]);
    assert_eq!(shown(&answer), "0009\\x02yes\\n0000");
    // A fate that is not known is not taken.
    let push = request(&["refs/heads/a", "refs/heads/b"], FULL);
    let answer = settled(&push, "", &[Ok(())]);
    let (_, outcome) = relay(&push, &answer);
    assert_eq!(outcome.unwrap().refs[1].1, Err("unknown".to_owned()));
}

#[test]
fn a_report_is_held_back_and_text_is_not() {
    let push = request(&["refs/heads/a"], FULL);
    let report = lines(&[b"unpack ok", b"ok refs/heads/a"]);
    let wire = [
        &progress("a word")[..],
        KEEP_ALIVE,
        b"0005\x01",
        &banded(&[(1, &report[..9]), (2, b"more"), (1, &report[9..])]),
    ]
    .concat();
    let (out, outcome) = relay(&push, &wire);
    outcome.unwrap();
    let mut held = Vec::new();
    let text = hold_report(&out, &mut held);
    let said = "000c\\x02a word\\n0005\\x020005\\x010009\\x02more";
    assert_eq!(shown(&text), said);
    // What was held is a whole answer by itself.
    let (_, outcome) = relay(&push, &held);
    assert_eq!(outcome.unwrap().refs, [(b"refs/heads/a".to_vec(), Ok(()))]);
}
