//! Entry points for fuzzers of the wire parsers; each also checks what must hold for any input.

use crate::HashKind;
use crate::advertise::{self, Lookup, Rewriter, Service, Standing};
use crate::fetch_answer;
use crate::pktline::{self, Decoded, Joiner};
use crate::push_report::{self, Outcome, Relay};
use crate::push_request::{self, Asked, Limits, Progress, PushRequest, Reader};
use crate::refname;
use crate::upload_request;

/// A whole buffer and single bytes give the same lines and the same error.
pub fn pktline(data: &[u8]) {
    if let Ok(Decoded::Complete { consumed, .. }) = pktline::decode(data) {
        assert!(consumed <= data.len());
    }
    assert_eq!(lines(data, data.len().max(1)), lines(data, 1));
}

fn lines(data: &[u8], size: usize) -> Vec<String> {
    let mut joiner = Joiner::default();
    let mut seen = Vec::new();
    for mut chunk in data.chunks(size) {
        loop {
            match joiner.next(&mut chunk) {
                Ok(Some(line)) => seen.push(format!("{line:?}")),
                Ok(None) => break,
                Err(error) => {
                    seen.push(error.to_string());
                    return seen;
                }
            }
        }
    }
    seen
}

/// A name that passes holds nothing a terminal or a later parser could take for something else.
pub fn refname(data: &[u8]) {
    if refname::check(data).is_ok() {
        assert!(data.starts_with(b"refs/"));
        assert!(data.iter().all(|byte| *byte > b' ' && *byte != 0x7f));
    }
}

/// Whole and in single bytes the same; and what passes is written anew, it reads back equal.
pub fn push_request(data: &[u8]) {
    let whole = ask(data, data.len().max(1));
    assert_eq!(ask(data, 1), whole);
    let Ok((Asked::Push(mut request), head)) = whole else {
        return;
    };
    assert!(head <= data.len());
    assert!(!request.commands.is_empty());
    request.capabilities.dropped.clear();
    let canonical = request.canonical_head("exeat");
    let length = canonical.len();
    assert_eq!(ask(&canonical, length), Ok((Asked::Push(request), length)));
}

fn ask(data: &[u8], size: usize) -> Result<(Asked, usize), push_request::Error> {
    let mut reader = Reader::new(Limits::default());
    let mut head = 0;
    for chunk in data.chunks(size) {
        head += match reader.feed(chunk)? {
            Progress::NeedMore => chunk.len(),
            Progress::Complete { consumed } => consumed,
        };
    }
    Ok((reader.into_request()?, head))
}

/// Whole and in single bytes the same; and what was rewritten once stays as it is.
pub fn advertise(data: &[u8]) {
    for service in [Service::ReceivePack, Service::UploadPack] {
        let whole = rewrite(service, data, data.len().max(1));
        assert_eq!(rewrite(service, data, 1), whole);
        let Ok(out) = whole else { continue };
        assert!(!out.contains(&0x1b));
        let length = out.len().max(1);
        assert_eq!(rewrite(service, &out, length), Ok(out));
    }
    let request = pushed("");
    assert_eq!(
        stand(&request, data, 1),
        stand(&request, data, data.len().max(1))
    );
}

fn stand(
    request: &PushRequest,
    data: &[u8],
    size: usize,
) -> Result<Vec<Standing>, advertise::Error> {
    let mut lookup = Lookup::new(&request.commands);
    for chunk in data.chunks(size) {
        lookup.feed(chunk)?;
    }
    lookup.finish(&request.commands)
}

fn rewrite(service: Service, data: &[u8], size: usize) -> Result<Vec<u8>, advertise::Error> {
    let mut rewriter = Rewriter::new(service);
    let mut out = Vec::new();
    for chunk in data.chunks(size) {
        rewriter.feed(chunk, &mut out)?;
    }
    rewriter.finish()?;
    Ok(out)
}

/// Whole and in single bytes the same; no control character passes; and what was relayed once stays as it is.
pub fn push_report(data: &[u8]) {
    for capabilities in [
        "report-status-v2 side-band-64k",
        "report-status",
        "side-band-64k",
        "",
    ] {
        let request = pushed(capabilities);
        let (out, outcome) = relay(&request, data, data.len().max(1));
        assert_eq!(relay(&request, data, 1), (out.clone(), outcome.clone()));
        assert!(!out.contains(&0x1b));
        if outcome.is_ok() {
            assert_eq!(relay(&request, &out, out.len().max(1)), (out, outcome));
        }
    }
}

fn pushed(capabilities: &str) -> PushRequest {
    let (old, new) = ("1".repeat(40), "2".repeat(40));
    let mut head = Vec::new();
    pktline::encode(
        &mut head,
        format!("{old} {new} refs/heads/main\0{capabilities}").as_bytes(),
    );
    pktline::encode(&mut head, format!("{old} {new} refs/heads/b").as_bytes());
    pktline::flush(&mut head);
    match ask(&head, head.len()) {
        Ok((Asked::Push(request), _)) => request,
        other => unreachable!("because the head above is canonical: {other:?}"),
    }
}

fn relay(
    request: &PushRequest,
    data: &[u8],
    size: usize,
) -> (Vec<u8>, Result<Outcome, push_report::Error>) {
    let mut relay = Relay::new(request);
    let mut out = Vec::new();
    for chunk in data.chunks(size) {
        if let Err(error) = relay.feed(chunk, &mut out) {
            return (out, Err(error));
        }
    }
    (out, relay.finish())
}

/// Whole and in single bytes the same pack; and no answer's words hold what a terminal obeys.
pub fn fetch_answer(data: &[u8]) {
    let whole = fetched(data, data.len().max(1));
    assert_eq!(fetched(data, 1), whole);
    let refs = fetch_answer::refs(data, HashKind::Sha1).map(drop);
    let offer = fetch_answer::Offer::read(data).map(drop);
    for error in [refs, offer, whole.1].into_iter().filter_map(Result::err) {
        let text = error.to_string();
        assert!(text.bytes().all(|byte| matches!(byte, b' '..=b'~')));
    }
}

fn fetched(data: &[u8], size: usize) -> (Vec<u8>, Result<(), fetch_answer::Error>) {
    let mut reader = fetch_answer::Reader::default();
    let mut pack = Vec::new();
    for chunk in data.chunks(size) {
        if let Err(error) = reader.feed(chunk, &mut pack) {
            return (pack, Err(error));
        }
    }
    (pack, reader.finish())
}

/// Whole and in single bytes the same; a request that is whole stays none with a byte more; what goes on is a request of
/// which the same goes on again; and no refusal holds what a terminal obeys.
pub fn upload_request(data: &[u8]) {
    let whole = asked(data, data.len().max(1));
    assert_eq!(asked(data, 1), whole);
    match whole {
        Ok(passed) => {
            assert!(passed.onward.len() <= data.len());
            assert!(passed.words.len() <= data.len());
            assert!(asked(&[data, b"x"].concat(), 7).is_err());
            assert_eq!(asked(&passed.onward, 7).as_ref(), Ok(&passed));
        }
        Err(error) => {
            let text = error.to_string();
            assert!(text.bytes().all(|byte| matches!(byte, b' '..=b'~')));
        }
    }
}

fn asked(data: &[u8], size: usize) -> Result<upload_request::Passed, upload_request::Error> {
    let mut reader = upload_request::Reader::default();
    let mut passed = upload_request::Passed::default();
    for chunk in data.chunks(size) {
        reader.feed(chunk, &mut passed)?;
    }
    reader.finish().map(|()| passed)
}
