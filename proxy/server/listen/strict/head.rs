//! The rules for a whole head: request line, fields, and how the body is framed.

use super::{Error, FIELDS, body::Body};

/// Judges a head that ends with its empty line, and says what body follows; `None` for none.
pub fn judge(head: &[u8]) -> Result<Option<Body>, Error> {
    let text = head.strip_suffix(b"\r\n\r\n").ok_or(Error::LineEnd)?;
    let mut lines = lines(text);
    let request = RequestLine::read(lines.next().unwrap_or_default())?;
    let mut fields = Fields::default();
    for (number, line) in lines.enumerate() {
        if number == FIELDS {
            return Err(Error::TooManyFields);
        }
        fields.read(line)?;
    }
    request.fits_host(fields.host)?;
    fields.body(request.is_http_11)
}

/// The lines of a text whose every CR stands before an LF.
fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|&byte| byte == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
}

struct RequestLine<'a> {
    target: &'a [u8],
    is_http_11: bool,
}

impl<'a> RequestLine<'a> {
    fn read(line: &'a [u8]) -> Result<Self, Error> {
        let mut words = line.split(|&byte| byte == b' ');
        let (Some(method), Some(target), Some(version), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(Error::RequestLine);
        };
        let is_http_11 = match version {
            b"HTTP/1.1" => true,
            b"HTTP/1.0" => false,
            _ => return Err(Error::RequestLine),
        };
        if !is_token(method) {
            return Err(Error::RequestLine);
        }
        // The HTTP library would cut a fragment off without a word.
        let is_plain = |byte: &u8| byte.is_ascii_graphic() && *byte != b'#';
        let is_known_form = target.starts_with(b"/")
            || target == b"*"
            || method == b"CONNECT"
            || authority(target).is_some();
        if !is_known_form || !target.iter().all(is_plain) {
            return Err(Error::Target);
        }
        Ok(Self { target, is_http_11 })
    }

    /// HTTP/1.1 wants a Host (RFC 9112, section 3.2), and an address in the target must name the same.
    fn fits_host(&self, host: Option<&[u8]>) -> Result<(), Error> {
        let host = match host {
            Some(host) => host,
            None if self.is_http_11 => return Err(Error::NoHost),
            None => return Ok(()),
        };
        match authority(self.target) {
            Some(named) if !named.eq_ignore_ascii_case(host) => Err(Error::OtherHost),
            _ => Ok(()),
        }
    }
}

/// The host and port of a target that is a whole http address.
fn authority(target: &[u8]) -> Option<&[u8]> {
    let rest = ["http://", "https://"].iter().find_map(|scheme| {
        let front = target.get(..scheme.len())?;
        front
            .eq_ignore_ascii_case(scheme.as_bytes())
            .then(|| &target[scheme.len()..])
    })?;
    rest.split(|byte| matches!(byte, b'/' | b'?')).next()
}

/// The fields that matter for where a request ends and whom it is for.
#[derive(Default)]
struct Fields<'a> {
    host: Option<&'a [u8]>,
    length: Option<u64>,
    is_chunked: bool,
}

impl<'a> Fields<'a> {
    fn read(&mut self, line: &'a [u8]) -> Result<(), Error> {
        if line.starts_with(b" ") || line.starts_with(b"\t") {
            return Err(Error::Folded);
        }
        let colon = line.iter().position(|&byte| byte == b':');
        let (name, value) = colon
            .and_then(|colon| line.split_at_checked(colon))
            .ok_or(Error::FieldName)?;
        if !is_token(name) {
            return Err(Error::FieldName);
        }
        let value = value.get(1..).unwrap_or_default();
        let is_control = |byte: &u8| (*byte < b' ' && *byte != b'\t') || *byte == 0x7f;
        if value.iter().any(is_control) {
            return Err(Error::FieldValue);
        }
        let value = trimmed(value);
        match name.to_ascii_lowercase().as_slice() {
            b"host" if self.host.is_some() => return Err(Error::ManyHosts),
            b"host" => self.host = Some(value),
            b"content-length" if self.length.is_some() => return Err(Error::ManyLengths),
            b"content-length" => self.length = Some(length(value)?),
            b"transfer-encoding" if self.is_chunked => return Err(Error::Coding),
            b"transfer-encoding" if value.eq_ignore_ascii_case(b"chunked") => {
                self.is_chunked = true;
            }
            b"transfer-encoding" => return Err(Error::Coding),
            // Gateways that hand fields over as variables read these as the ones above.
            b"content_length" | b"transfer_encoding" => return Err(Error::FieldName),
            _ => {}
        }
        Ok(())
    }

    fn body(&self, is_http_11: bool) -> Result<Option<Body>, Error> {
        match (self.length, self.is_chunked) {
            (Some(_), true) => Err(Error::TwoFramings),
            (None, true) if !is_http_11 => Err(Error::Coding),
            (None, true) => Ok(Some(Body::chunked())),
            (None | Some(0), false) => Ok(None),
            (Some(length), false) => Ok(Some(Body::counted(length))),
        }
    }
}

/// Digits alone, without a sign or further zeros before them.
fn length(value: &[u8]) -> Result<u64, Error> {
    let digits = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
    if !digits || (value.len() > 1 && value.starts_with(b"0")) {
        return Err(Error::Length);
    }
    let text = std::str::from_utf8(value).map_err(|_| Error::Length)?;
    text.parse().map_err(|_| Error::Length)
}

/// A token of RFC 9110, section 5.6.2.
fn is_token(word: &[u8]) -> bool {
    !word.is_empty()
        && word
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte))
}

fn trimmed(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}
