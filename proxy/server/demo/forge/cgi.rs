//! One request through the CGI program `git http-backend` (RFC 3875).

use std::path::PathBuf;
use std::process::Stdio;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::{Buf as _, Bytes, BytesMut};
use futures_util::{StreamExt as _, TryStreamExt as _};
use http::header::{
    AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue,
};
use http::{Request, Response, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::oneshot;
use tokio_util::io::ReaderStream;
use tokio_util::task::TaskTracker;

/// The program, the folder it serves, and who may use it.
pub(super) struct Backend {
    pub(super) program: PathBuf,
    pub(super) folder: PathBuf,
    pub(super) credentials: Option<(String, String)>,
}

type Body = BoxBody<Bytes, std::io::Error>;

/// A CGI header is a few hundred bytes; more than this is not one.
const MAX_HEADER: usize = 64 << 10;

impl Backend {
    pub(super) async fn answer(
        &self,
        request: Request<Incoming>,
        tasks: &TaskTracker,
    ) -> Response<Body> {
        let Some(user) = self.user(&request) else {
            drain(request.into_body()).await;
            let mut refusal = plain(
                StatusCode::UNAUTHORIZED,
                "a user and a password are needed\n",
            );
            let challenge = HeaderValue::from_static("Basic realm=\"forge\", charset=\"UTF-8\"");
            refusal
                .headers_mut()
                .insert(http::header::WWW_AUTHENTICATE, challenge);
            return refusal;
        };
        let child = self.command(&request, &user).spawn();
        let Some((child, input, mut output)) = child.ok().and_then(with_pipes) else {
            return plain(
                StatusCode::INTERNAL_SERVER_ERROR,
                "git http-backend could not be run\n",
            );
        };
        let (cut_short, was_cut_short) = oneshot::channel();
        tasks.spawn(feed(request.into_body(), input, cut_short));
        let header = header(&mut output).await;
        tasks.spawn(reap(child, was_cut_short));
        match header {
            Some((response, rest)) => response.map(|()| body(rest, output)),
            None => plain(StatusCode::BAD_GATEWAY, "git http-backend did not answer\n"),
        }
    }

    /// The user of this request; `None` where credentials are asked for and these are not they.
    fn user(&self, request: &Request<Incoming>) -> Option<String> {
        let Some((user, password)) = &self.credentials else {
            return Some(String::new());
        };
        let given = request.headers().get(AUTHORIZATION)?.to_str().ok()?;
        let given = BASE64.decode(given.strip_prefix("Basic ")?.trim()).ok()?;
        (given == format!("{user}:{password}").into_bytes()).then(|| user.clone())
    }

    fn command(&self, request: &Request<Incoming>, user: &str) -> Command {
        let mut command = Command::new(&self.program);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        command.env_clear().envs(super::CLEAN_CONFIG);
        if let Some(path) = std::env::var_os("PATH") {
            command.env("PATH", path);
        }
        let uri = request.uri();
        command
            .env("GATEWAY_INTERFACE", "CGI/1.1")
            .env("SERVER_PROTOCOL", "HTTP/1.1")
            .env("GIT_PROJECT_ROOT", &self.folder)
            .env("GIT_HTTP_EXPORT_ALL", "1")
            .env("REQUEST_METHOD", request.method().as_str())
            .env("PATH_INFO", decoded(uri.path()))
            .env("QUERY_STRING", uri.query().unwrap_or(""))
            .env("REMOTE_USER", user)
            .env("REMOTE_ADDR", "127.0.0.1");
        // Without a length, as in a chunked request, http-backend reads to the end of its input.
        let passed = [
            (CONTENT_TYPE, "CONTENT_TYPE"),
            (CONTENT_LENGTH, "CONTENT_LENGTH"),
            (CONTENT_ENCODING, "HTTP_CONTENT_ENCODING"),
            (HeaderName::from_static("git-protocol"), "GIT_PROTOCOL"),
        ];
        for (header, variable) in passed {
            if let Some(value) = request
                .headers()
                .get(header)
                .and_then(|value| value.to_str().ok())
            {
                command.env(variable, value);
            }
        }
        command
    }
}

fn with_pipes(mut child: Child) -> Option<(Child, ChildStdin, ChildStdout)> {
    let input = child.stdin.take()?;
    let output = child.stdout.take()?;
    Some((child, input, output))
}

/// Hands the request body to the program. What it does not want is read all the same: git takes an answer
/// that comes before it has finished sending as a broken connection. A body that breaks off is told to whoever
/// reaps: http-backend waits in a busy loop for the rest of a length that was announced.
async fn feed(mut request: Incoming, mut input: ChildStdin, cut_short: oneshot::Sender<()>) {
    while let Some(frame) = request.frame().await {
        let Ok(frame) = frame else {
            let _ = cut_short.send(());
            return;
        };
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if input.write_all(&data).await.is_err() {
            break;
        }
    }
    drop(input);
    drain(request).await;
}

async fn drain(mut body: Incoming) {
    while let Some(Ok(_)) = body.frame().await {}
}

/// Waits for the program's end, and makes it when its request breaks off.
async fn reap(mut child: Child, was_cut_short: oneshot::Receiver<()>) {
    let cut_short = tokio::select! {
        _ = child.wait() => false,
        told = was_cut_short => told.is_ok(),
    };
    if cut_short {
        let _ = child.start_kill();
    }
    let _ = child.wait().await;
}

/// Reads the CGI header and what came with it of the body; `None` where the program said nothing of sense.
async fn header(output: &mut ChildStdout) -> Option<(Response<()>, Bytes)> {
    let mut read = BytesMut::with_capacity(4096);
    loop {
        if let Some((end, next)) = end_of_header(&read) {
            let response = parsed(read.get(..end)?)?;
            read.advance(next);
            return Some((response, read.freeze()));
        }
        if read.len() > MAX_HEADER || output.read_buf(&mut read).await.ok()? == 0 {
            return None;
        }
    }
}

/// Where the header ends and where the body begins.
fn end_of_header(read: &[u8]) -> Option<(usize, usize)> {
    let find = |mark: &[u8]| {
        read.windows(mark.len())
            .position(|window| window == mark)
            .map(|at| (at, at + mark.len()))
    };
    find(b"\r\n\r\n").or_else(|| find(b"\n\n"))
}

fn parsed(header: &[u8]) -> Option<Response<()>> {
    let mut response = Response::new(());
    for line in std::str::from_utf8(header).ok()?.lines() {
        let (name, value) = line.split_once(':')?;
        let value = value.trim();
        if name.eq_ignore_ascii_case("status") {
            *response.status_mut() = value.get(..3)?.parse().ok()?;
            continue;
        }
        response
            .headers_mut()
            .append(name.parse::<HeaderName>().ok()?, value.parse().ok()?);
    }
    Some(response)
}

fn body(rest: Bytes, output: ChildStdout) -> Body {
    let rest = futures_util::stream::iter((!rest.is_empty()).then_some(Ok(rest)));
    let stream = rest.chain(ReaderStream::with_capacity(output, 64 << 10));
    BodyExt::boxed(StreamBody::new(stream.map_ok(Frame::data)))
}

fn plain(status: StatusCode, text: &'static str) -> Response<Body> {
    let mut response = Response::new(Full::from(text).map_err(|never| match never {}).boxed());
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    response
}

/// A CGI program is handed the path with its percent signs resolved.
fn decoded(path: &str) -> String {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let hex = after
            .get(..2)
            .and_then(|two| hex::decode(two).ok())
            .filter(|_| first == b'%');
        match hex {
            Some(byte) => {
                bytes.extend(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).replace('\0', "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cgi_header_ends_with_either_kind_of_line() {
        assert_eq!(end_of_header(b"A: b\r\n\r\nbody"), Some((4, 8)));
        assert_eq!(end_of_header(b"A: b\n\nbody"), Some((4, 6)));
        assert_eq!(end_of_header(b"A: b\r\n"), None);
    }

    #[test]
    fn the_status_line_of_the_program_is_the_status_of_the_answer() {
        let response =
            parsed(b"Status: 404 Not Found\r\nExpires: Fri\r\nPragma: no-cache").unwrap();
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
        assert_eq!(response.headers()["pragma"], "no-cache");
        assert_eq!(
            parsed(b"Content-Type: text/plain").unwrap().status(),
            StatusCode::OK
        );
        assert!(parsed(b"no header at all").is_none());
    }

    #[test]
    fn percent_signs_are_resolved_once() {
        assert_eq!(decoded("/a%20b/%2541/%zz"), "/a b/%41/%zz");
    }
}
