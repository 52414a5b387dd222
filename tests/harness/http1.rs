//! Reads HTTP/1.1 messages out of recorded bytes: roughly, for looking at what was said.

use std::io::Read as _;

/// A request or an answer, as far as it was recorded.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    /// The request line or the status line.
    pub(crate) first_line: String,
    pub(crate) headers: Vec<(String, String)>,
    /// The body with chunks joined and gzip undone.
    pub(crate) body: Vec<u8>,
    /// Whether the message was recorded to its end.
    pub(crate) complete: bool,
    /// How many bytes of the recording it took.
    pub(crate) length: usize,
}

impl Message {
    /// Every value of this header, in order.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        self.headers
            .iter()
            .filter(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
            .collect()
    }

    /// The first value of this header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.all(name).first().copied()
    }

    /// The first word of the first line: a request's method.
    pub(crate) fn method(&self) -> &str {
        self.first_line.split(' ').next().unwrap_or_default()
    }

    /// The second word of the first line: a request's target, path and query.
    pub(crate) fn target(&self) -> &str {
        self.first_line.split(' ').nth(1).unwrap_or_default()
    }

    /// Whether this is a push (or the probe before one).
    pub(crate) fn is_push(&self) -> bool {
        self.method() == "POST" && self.target().ends_with("/git-receive-pack")
    }
}

/// The requests of one recorded connection.
pub(crate) fn requests(mut recorded: &[u8]) -> Vec<Message> {
    let mut requests = Vec::new();
    while let Some(message) = message(recorded, false) {
        recorded = &recorded[message.length..];
        requests.push(message);
    }
    requests
}

/// The answer at the front of what was read, once its header is there. `ended`: nothing more will come.
pub(crate) fn answer(mut read: &[u8], ended: bool) -> Option<Message> {
    loop {
        let mut answer = message(read, true)?;
        if answer.first_line.contains(" 100 ") {
            read = &read[answer.length..];
            continue;
        }
        answer.complete |= ended
            && answer.header("content-length").is_none()
            && answer.header("transfer-encoding").is_none();
        return Some(answer);
    }
}

fn message(bytes: &[u8], is_answer: bool) -> Option<Message> {
    let end = find(bytes, b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut lines = head.split("\r\n");
    let first_line = lines.next()?.to_owned();
    let headers = lines.filter_map(|line| line.split_once(':'));
    let headers = headers
        .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
        .collect();
    let mut message = Message {
        first_line,
        headers,
        body: Vec::new(),
        complete: false,
        length: 0,
    };
    let rest = &bytes[end + 4..];
    let (body, used, complete) = body(&message, rest, is_answer);
    message.body = decoded(&message, body);
    message.complete = complete;
    message.length = end + 4 + used;
    Some(message)
}

/// The body, the bytes it took, and whether it is all there.
fn body(message: &Message, rest: &[u8], is_answer: bool) -> (Vec<u8>, usize, bool) {
    if message
        .header("transfer-encoding")
        .is_some_and(|value| value.eq_ignore_ascii_case("chunked"))
    {
        return joined(rest);
    }
    let status = message.target();
    let empty = is_answer && (status.starts_with('1') || status == "204" || status == "304");
    let length = message
        .header("content-length")
        .and_then(|value| value.parse::<usize>().ok());
    match length {
        _ if empty => (Vec::new(), 0, true),
        Some(length) if length <= rest.len() => (rest[..length].to_vec(), length, true),
        None if !is_answer => (Vec::new(), 0, true),
        _ => (rest.to_vec(), rest.len(), false),
    }
}

fn joined(rest: &[u8]) -> (Vec<u8>, usize, bool) {
    let mut body = Vec::new();
    let mut at = 0;
    while let Some(line) = find(&rest[at..], b"\r\n") {
        let size = String::from_utf8_lossy(&rest[at..at + line]);
        let size = size
            .split(';')
            .next()
            .and_then(|size| usize::from_str_radix(size.trim(), 16).ok());
        let Some(size) = size else { break };
        let start = at + line + 2;
        if size == 0 {
            let Some(end) = find(&rest[start - 2..], b"\r\n\r\n") else {
                break;
            };
            return (body, start - 2 + end + 4, true);
        }
        let Some(chunk) = rest.get(start..start + size + 2) else {
            body.extend(&rest[start.min(rest.len())..]);
            break;
        };
        body.extend(&chunk[..size]);
        at = start + size + 2;
    }
    (body, rest.len(), false)
}

fn decoded(message: &Message, body: Vec<u8>) -> Vec<u8> {
    if !message
        .header("content-encoding")
        .is_some_and(|value| value.ends_with("gzip"))
    {
        return body;
    }
    let mut plain = Vec::new();
    // What could be inflated before the recording broke off is worth as much as the rest.
    let _ = flate2::read::GzDecoder::new(body.as_slice()).read_to_end(&mut plain);
    plain
}

/// Where `needle` first is.
pub(crate) fn find(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    bstr::ByteSlice::find(bytes, needle).filter(|_| !needle.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_requests_on_one_connection_are_two() {
        let recorded = b"POST /a HTTP/1.1\r\nContent-Length: 2\r\n\r\nhiPOST /b HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\nGET /c HTTP/1.1\r\n\r\n";
        let requests = requests(recorded);
        let seen: Vec<_> = requests
            .iter()
            .map(|r| (r.target(), r.body.as_slice(), r.complete))
            .collect();
        assert_eq!(
            seen,
            [
                ("/a", &b"hi"[..], true),
                ("/b", b"abc", true),
                ("/c", b"", true)
            ]
        );
    }

    #[test]
    fn a_request_that_breaks_off_is_kept_as_far_as_it_went() {
        let requests = requests(b"POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc");
        assert_eq!(
            (requests[0].body.as_slice(), requests[0].complete),
            (&b"abc"[..], false)
        );
    }
}
