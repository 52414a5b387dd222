//! The line back to the client: headers when it is time, keep-alives while it waits, one report.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use exeat_gitwire::{
    HashKind, push_report,
    push_request::{Capabilities, PushRequest},
};
use futures_util::stream;
use http::{Response, StatusCode};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use tokio::sync::mpsc;

use super::message::Told;
use crate::answer::{self, Body};

/// How long headers wait for an answer, and the longest silence after them.
const PATIENCE: Duration = Duration::from_secs(2);
const RESULT: &str = "application/x-git-receive-pack-result";
/// Chunks that may wait for the client.
const CHUNKS_WAITING: usize = 16;
/// How long they may wait. A client that takes nothing for so long is treated as one that has gone: the push must be
/// concluded, and what it holds given back.
const UNTAKEN: Duration = Duration::from_secs(60);

/// Who may still decide the status: nobody has, the stream has begun, or a whole answer was given.
const OPEN: u8 = 0;
const STREAMING: u8 = 1;
const WHOLE: u8 = 2;

/// The end held by whoever concludes the push. A client that has gone is no error: the push is
/// concluded all the same.
pub struct Line {
    parts: mpsc::Sender<Part>,
    status: Arc<AtomicU8>,
    side_band: bool,
    untaken: Duration,
    gone: bool,
}

/// The end held by the connection.
pub struct Waiting {
    parts: mpsc::Receiver<Part>,
    status: Arc<AtomicU8>,
    side_band: bool,
    quiet: bool,
}

enum Part {
    Whole(Box<Response<Body>>),
    Chunk(Bytes),
}

/// Opens the line for a request whose last byte has been read.
pub fn open(request: &PushRequest) -> (Line, Waiting) {
    let (sender, receiver) = mpsc::channel(CHUNKS_WAITING);
    let status = Arc::new(AtomicU8::new(OPEN));
    let side_band = request.capabilities.side_band_64k;
    (
        Line {
            parts: sender,
            status: Arc::clone(&status),
            side_band,
            untaken: UNTAKEN,
            gone: false,
        },
        Waiting {
            parts: receiver,
            status,
            side_band,
            quiet: request.capabilities.quiet,
        },
    )
}

/// The answer to a probe: the credential is good, and nothing was asked.
pub fn probe() -> Response<Body> {
    answer::git(RESULT, answer::empty())
}

/// A refusal of a push whose head was not understood, in the form that as much of it as was read
/// asks for. Nearly every client asks for side band and report, so that is the form otherwise.
pub fn unread(so_far: Option<&PushRequest>, told: &Told) -> Response<Body> {
    let usual = usual();
    let request = so_far.unwrap_or(&usual);
    if !push_report::can_report(request) {
        return answer::plain(StatusCode::FORBIDDEN, &told.text);
    }
    let report = push_report::refusal(request, &told.text, &told.reason);
    answer::git(RESULT, answer::full(report))
}

/// What nearly every client asks for.
fn usual() -> PushRequest {
    PushRequest {
        hash: HashKind::Sha1,
        shallow: Vec::new(),
        commands: Vec::new(),
        capabilities: Capabilities {
            report_status: true,
            side_band_64k: true,
            ..Capabilities::default()
        },
        options: Vec::new(),
    }
}

impl Line {
    /// Sends bytes of a report: whole packets only, since keep-alives go between them.
    pub async fn send(&mut self, bytes: impl Into<Bytes>) {
        // From here on the status is 200; whoever comes second finds that it is.
        let _ = self
            .status
            .compare_exchange(OPEN, STREAMING, Ordering::AcqRel, Ordering::Acquire);
        self.put(Part::Chunk(bytes.into())).await;
    }

    async fn put(&mut self, part: Part) {
        if self.gone {
            return;
        }
        let taken = tokio::time::timeout(self.untaken, self.parts.send(part)).await;
        self.gone = !matches!(taken, Ok(Ok(())));
    }

    /// Whether the client has left or takes nothing any more.
    pub fn is_gone(&self) -> bool {
        self.gone || self.parts.is_closed()
    }

    /// Whether the client can show text.
    pub fn can_talk(&self) -> bool {
        self.side_band
    }

    /// Shows `text` where the client can show text.
    pub async fn say(&mut self, text: &str) {
        if self.side_band {
            self.send(push_report::progress(text)).await;
        }
    }

    /// Refuses every ref of the request.
    pub async fn refuse(&mut self, request: &PushRequest, told: &Told) {
        if !push_report::can_report(request) {
            let refusal = answer::plain(StatusCode::FORBIDDEN, &told.text);
            if self.answer(refusal).await.is_ok() {
                return;
            }
        }
        self.send(push_report::refusal(request, &told.text, &told.reason))
            .await;
    }

    /// Reports what became known otherwise of each ref of the request.
    pub async fn settle(
        &mut self,
        request: &PushRequest,
        text: &str,
        fates: &[Result<(), String>],
    ) {
        self.send(push_report::settled(request, text, fates)).await;
    }

    /// Gives a whole answer of another status; gives it back if the stream has begun.
    pub async fn answer(&mut self, response: Response<Body>) -> Result<(), Response<Body>> {
        let claimed =
            self.status
                .compare_exchange(OPEN, WHOLE, Ordering::AcqRel, Ordering::Acquire);
        if claimed.is_err() {
            return Err(response);
        }
        self.put(Part::Whole(Box::new(response))).await;
        Ok(())
    }
}

impl Waiting {
    /// The response: at once when something comes within two seconds, else headers first.
    pub async fn response(mut self) -> Response<Body> {
        match tokio::time::timeout(PATIENCE, self.parts.recv()).await {
            Ok(Some(Part::Whole(response))) => *response,
            Ok(Some(Part::Chunk(first))) => self.stream(first),
            Ok(None) => lost(),
            Err(_) => self.begin().await,
        }
    }

    /// Sends headers before there is an answer, unless one is just being given.
    async fn begin(mut self) -> Response<Body> {
        let claimed =
            self.status
                .compare_exchange(OPEN, STREAMING, Ordering::AcqRel, Ordering::Acquire);
        if claimed.is_err() {
            return match self.parts.recv().await {
                Some(Part::Whole(response)) => *response,
                Some(Part::Chunk(first)) => self.stream(first),
                None => lost(),
            };
        }
        let first = match (self.side_band, self.quiet) {
            (true, false) => push_report::progress("Exeat is inspecting the push ...\n"),
            (true, true) => push_report::KEEP_ALIVE.to_vec(),
            (false, _) => Vec::new(),
        };
        self.stream(first.into())
    }

    fn stream(self, first: Bytes) -> Response<Body> {
        let frames = stream::unfold((Some(first), self), |(first, mut waiting)| async move {
            let bytes = match first {
                Some(bytes) => bytes,
                None => waiting.next().await?,
            };
            Some((Ok(Frame::data(bytes)), (None, waiting)))
        });
        answer::git(RESULT, StreamBody::new(frames).boxed_unsync())
    }

    /// The next bytes, a keep-alive after two seconds of silence, or `None` at the end.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            match tokio::time::timeout(PATIENCE, self.parts.recv()).await {
                Ok(Some(Part::Chunk(bytes))) => return Some(bytes),
                Ok(Some(Part::Whole(_)) | None) => return None,
                Err(_) if self.side_band => {
                    return Some(Bytes::from_static(push_report::KEEP_ALIVE));
                }
                Err(_) => {}
            }
        }
    }
}

/// Nobody concluded the push: a fault inside. git must not take silence for success.
pub fn lost() -> Response<Body> {
    answer::plain(
        StatusCode::INTERNAL_SERVER_ERROR,
        "The proxy failed inside. Fetch to see whether anything arrived, then try again.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened() -> (Line, Waiting) {
        open(&usual())
    }

    #[tokio::test]
    async fn after_a_word_no_other_status_can_be_given() {
        let (mut line, waiting) = opened();
        line.say("a warning").await;
        let refused = answer::plain(StatusCode::UNAUTHORIZED, "who are you?");
        let given_back = line.answer(refused).await.unwrap_err();
        assert_eq!(given_back.status(), StatusCode::UNAUTHORIZED);
        line.say("a report").await;
        drop(line);
        let response = waiting.response().await;
        assert_eq!(response.status(), StatusCode::OK);
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let body = String::from_utf8_lossy(&body);
        assert!(
            body.contains("a warning") && body.contains("a report"),
            "{body}"
        );
    }

    #[tokio::test]
    async fn a_client_that_takes_nothing_does_not_hold_the_push() {
        let (mut line, waiting) = opened();
        line.untaken = Duration::from_millis(1);
        for _ in 0..=CHUNKS_WAITING {
            line.say("a word").await;
        }
        assert!(line.is_gone());
        drop(waiting);
    }
}
