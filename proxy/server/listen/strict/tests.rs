//! What the machine takes and refuses, whatever pieces it is fed in.

use super::*;

const GET: &str = "GET /a HTTP/1.1\r\nHost: a\r\n";
const POST: &str = "POST /a HTTP/1.1\r\nHost: a\r\n";

/// What passes of these bytes when they come in pieces of `size`, or why they are refused.
pub(crate) fn passes(bytes: &[u8], size: usize) -> (Vec<u8>, Result<u64, Error>) {
    let mut strict = Strict::default();
    let mut passed = Vec::new();
    for mut piece in bytes.chunks(size.max(1)) {
        while !piece.is_empty() {
            let used = match strict.step(piece) {
                Ok(Step::Pass(used)) => {
                    passed.extend(&piece[..used]);
                    used
                }
                Ok(Step::Held(used)) => used,
                Ok(Step::Head(used)) => {
                    passed.extend(strict.take_head());
                    used
                }
                Err(error) => return (passed, Err(error)),
            };
            piece = &piece[used..];
        }
    }
    (passed, Ok(strict.requests()))
}

/// The same outcome in any pieces.
#[track_caller]
fn outcome(bytes: &[u8]) -> Result<u64, Error> {
    let outcomes: Vec<_> = [1, 2, 3, 7, 64, usize::MAX]
        .map(|size| passes(bytes, size.min(bytes.len())).1)
        .into();
    assert!(outcomes.windows(2).all(|two| two[0] == two[1]));
    outcomes[0]
}

#[track_caller]
fn assert_refused(request: &str, error: Error) {
    assert_eq!(outcome(request.as_bytes()), Err(error), "{request:?}");
}

#[test]
fn requests_as_git_sends_them_pass_unchanged() {
    let requests = [
        format!("{GET}Accept: */*\r\nUser-Agent: git/2.47.3\r\n\r\n"),
        format!("{POST}Content-Length: 4\r\n\r\n0000"),
        format!(
            "{POST}Transfer-Encoding: chunked\r\n\r\n4\r\n0000\r\nA\r\n0123456789\r\n0\r\n\r\n"
        ),
        format!("{POST}transfer-encoding: Chunked\r\nExpect: 100-continue\r\n\r\n0\r\n\r\n"),
        format!("{POST}Content-Length: 0\r\n\r\n"),
        "GET /a HTTP/1.0\r\n\r\n".to_owned(),
        "POST /a HTTP/1.0\r\nHost: a\r\nContent-Length: 2\r\n\r\nab".to_owned(),
        "GET http://A:8443/a?b HTTP/1.1\r\nHost: a:8443\r\n\r\n".to_owned(),
        "OPTIONS * HTTP/1.1\r\nHost:a\r\n\r\n".to_owned(),
        "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\nX-Empty:\r\n\r\n".to_owned(),
    ];
    for request in &requests {
        assert_eq!(outcome(request.as_bytes()), Ok(1), "{request:?}");
    }
    let all = requests.concat();
    let (passed, ended) = passes(all.as_bytes(), 5);
    assert_eq!(passed, all.as_bytes());
    assert_eq!(ended, Ok(requests.len() as u64));
}

#[test]
fn row_32_one_length_and_one_framing() {
    for (fields, error) in [
        (
            "Content-Length: 4\r\nTransfer-Encoding: chunked",
            Error::TwoFramings,
        ),
        (
            "Transfer-Encoding: chunked\r\nContent-Length: 4",
            Error::TwoFramings,
        ),
        (
            "Transfer-Encoding: chunked\r\nContent-Length: 0",
            Error::TwoFramings,
        ),
        ("Content-Length: 4\r\nContent-Length: 4", Error::ManyLengths),
        ("Content-Length: 4\r\ncontent-length: 5", Error::ManyLengths),
        ("Content-Length: 4, 4", Error::Length),
        ("Content-Length: 4 4", Error::Length),
        ("Content-Length: +4", Error::Length),
        ("Content-Length: -4", Error::Length),
        ("Content-Length: 0x4", Error::Length),
        ("Content-Length: 04", Error::Length),
        ("Content-Length: 4_0", Error::Length),
        ("Content-Length:", Error::Length),
        ("Content-Length: 18446744073709551616", Error::Length),
        ("Content-Length: \u{b2}", Error::Length),
        ("Content_Length: 4", Error::FieldName),
        ("Transfer_Encoding: chunked", Error::FieldName),
        ("Transfer-Encoding: gzip, chunked", Error::Coding),
        ("Transfer-Encoding: chunked, chunked", Error::Coding),
        (
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
            Error::Coding,
        ),
        (
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
            Error::Coding,
        ),
        ("Transfer-Encoding: identity", Error::Coding),
        ("Transfer-Encoding: xchunked", Error::Coding),
        ("Transfer-Encoding: chunked;a=b", Error::Coding),
        ("Transfer-Encoding: \"chunked\"", Error::Coding),
        ("Transfer-Encoding:", Error::Coding),
        ("Transfer-Encoding: ,chunked", Error::Coding),
    ] {
        assert_refused(&format!("{POST}{fields}\r\n\r\n"), error);
    }
    let old = "POST /a HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_refused(old, Error::Coding);
}

#[test]
fn row_32_lines_have_one_end_and_one_form() {
    for (request, error) in [
        ("GET /a HTTP/1.1\nHost: a\n\n", Error::LineEnd),
        ("GET /a HTTP/1.1\r\nHost: a\n\r\n", Error::LineEnd),
        ("GET /a HTTP/1.1\r\nHost: a\r\r\n\r\n", Error::LineEnd),
        ("GET /a HTTP/1.1\r\nHost: a\rX: b\r\n\r\n", Error::LineEnd),
        ("GET /a HTTP/1.1\r\nHost: a\r\n\n", Error::LineEnd),
        ("\r\nGET /a HTTP/1.1\r\nHost: a\r\n\r\n", Error::EmptyLine),
        ("\nGET /a HTTP/1.1\r\nHost: a\r\n\r\n", Error::LineEnd),
        ("GET /a HTTP/1.1\r\nHost: a\r\n b: c\r\n\r\n", Error::Folded),
        (
            "GET /a HTTP/1.1\r\nHost: a\r\nX: y\r\n\tz\r\n\r\n",
            Error::Folded,
        ),
        ("GET /a HTTP/1.1\r\nHost : a\r\n\r\n", Error::FieldName),
        ("GET /a HTTP/1.1\r\nHost\t: a\r\n\r\n", Error::FieldName),
        ("GET /a HTTP/1.1\r\n: a\r\n\r\n", Error::FieldName),
        ("GET /a HTTP/1.1\r\nHost\r\n\r\n", Error::FieldName),
        ("GET /a HTTP/1.1\r\nH\0st: a\r\n\r\n", Error::FieldName),
        (
            "GET /a HTTP/1.1\r\nHost: a\r\nX: b\0c\r\n\r\n",
            Error::FieldValue,
        ),
        (
            "GET /a HTTP/1.1\r\nHost: a\r\nX: b\x0bc\r\n\r\n",
            Error::FieldValue,
        ),
        (
            "GET /a HTTP/1.1\r\nHost: a\r\nX: b\x7f\r\n\r\n",
            Error::FieldValue,
        ),
        ("GET  /a HTTP/1.1\r\nHost: a\r\n\r\n", Error::RequestLine),
        ("GET /a\tHTTP/1.1\r\nHost: a\r\n\r\n", Error::RequestLine),
        ("GET /a HTTP/1.1 \r\nHost: a\r\n\r\n", Error::RequestLine),
        ("GET /a HTTP/1.2\r\nHost: a\r\n\r\n", Error::RequestLine),
        ("GET /a http/1.1\r\nHost: a\r\n\r\n", Error::RequestLine),
        ("GET /a\r\nHost: a\r\n\r\n", Error::RequestLine),
        ("G(T /a HTTP/1.1\r\nHost: a\r\n\r\n", Error::RequestLine),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Error::RequestLine),
        ("GET a HTTP/1.1\r\nHost: a\r\n\r\n", Error::Target),
        ("GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", Error::Target),
        ("GET /\u{e4} HTTP/1.1\r\nHost: a\r\n\r\n", Error::Target),
        ("GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", Error::Target),
    ] {
        assert_refused(request, error);
    }
}

#[test]
fn row_32_one_host_and_no_other() {
    for (request, error) in [
        ("GET /a HTTP/1.1\r\n\r\n", Error::NoHost),
        (
            "GET /a HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
            Error::ManyHosts,
        ),
        (
            "GET /a HTTP/1.1\r\nHost: a\r\nhost: b\r\n\r\n",
            Error::ManyHosts,
        ),
        (
            "GET http://b/a HTTP/1.1\r\nHost: a\r\n\r\n",
            Error::OtherHost,
        ),
        (
            "GET http://a@b/a HTTP/1.1\r\nHost: b\r\n\r\n",
            Error::OtherHost,
        ),
        (
            "GET https://a:1/a HTTP/1.1\r\nHost: a\r\n\r\n",
            Error::OtherHost,
        ),
    ] {
        assert_refused(request, error);
    }
}

#[test]
fn row_32_chunks_have_one_form() {
    for (body, error) in [
        ("4;a=b\r\n0000\r\n0\r\n\r\n", Error::ChunkExtension),
        ("4;\r\n0000\r\n0\r\n\r\n", Error::ChunkExtension),
        ("0;a\r\n\r\n", Error::ChunkExtension),
        ("4 \r\n0000\r\n0\r\n\r\n", Error::ChunkSize),
        (" 4\r\n0000\r\n0\r\n\r\n", Error::ChunkSize),
        ("+4\r\n0000\r\n0\r\n\r\n", Error::ChunkSize),
        ("-1\r\n", Error::ChunkSize),
        ("0x4\r\n0000\r\n0\r\n\r\n", Error::ChunkSize),
        ("4_0\r\n", Error::ChunkSize),
        ("\r\n", Error::ChunkSize),
        ("000000004\r\n0000\r\n0\r\n\r\n", Error::ChunkSize),
        ("fffffffffffffffff\r\n", Error::ChunkSize),
        ("4\n0000\r\n0\r\n\r\n", Error::LineEnd),
        ("4\r0000\r\n0\r\n\r\n", Error::LineEnd),
        ("4\r\n00000\r\n0\r\n\r\n", Error::ChunkEnd),
        ("4\r\n0000\n0\r\n\r\n", Error::ChunkEnd),
        ("4\r\n0000\r0\r\n\r\n", Error::ChunkEnd),
        ("0\r\n\n", Error::LineEnd),
        ("0\r\n\rx", Error::LineEnd),
        ("0\r\nX: y\r\n\r\n", Error::Trailers),
        ("0\r\nContent-Length: 4\r\n\r\n", Error::Trailers),
    ] {
        assert_refused(
            &format!("{POST}Transfer-Encoding: chunked\r\n\r\n{body}"),
            error,
        );
    }
}

#[test]
fn row_32_a_request_within_a_body_is_a_body() {
    let inner = format!("{POST}Content-Length: 4\r\n\r\n0000");
    let outer = format!("{GET}Content-Length: {}\r\n\r\n{inner}", inner.len());
    assert_eq!(outcome(outer.as_bytes()), Ok(1));
    let chunked = format!(
        "{POST}Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{inner}\r\n0\r\n\r\n",
        inner.len()
    );
    assert_eq!(outcome(chunked.as_bytes()), Ok(1));
    // Behind the body's end it is a request of its own.
    assert_eq!(outcome(format!("{chunked}{inner}").as_bytes()), Ok(2));
}

#[test]
fn heads_are_bounded() {
    let long = format!("{GET}X: {}\r\n\r\n", "x".repeat(HEAD_BYTES));
    assert_refused(&long, Error::HeadTooLarge);
    let field = "X: y\r\n";
    let most = format!("{GET}{}\r\n", field.repeat(FIELDS - 1));
    assert_eq!(outcome(most.as_bytes()), Ok(1));
    assert_refused(
        &format!("{GET}{}\r\n", field.repeat(FIELDS)),
        Error::TooManyFields,
    );
}

#[test]
fn after_a_refusal_nothing_passes() {
    let mut strict = Strict::default();
    assert_eq!(strict.step(b"\n"), Err(Error::LineEnd));
    assert_eq!(strict.step(GET.as_bytes()), Err(Error::LineEnd));
}
