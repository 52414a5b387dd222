//! HTTP/2 said frame by frame: what could become another request behind us is refused by the protocol itself.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::{ClientConnection, StreamOwned};

use super::Scene;
use crate::harness::authority;

/// The preface (RFC 9113, section 3.4) and empty settings.
const GREETING: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
pub(super) const DATA: u8 = 0;
pub(super) const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
pub(super) const PING: u8 = 6;
const GOAWAY: u8 = 7;
const END_STREAM: u8 = 1;
pub(super) const END_HEADERS: u8 = 4;

/// A connection that speaks HTTP/2 by hand.
pub(super) struct Frames {
    stream: StreamOwned<ClientConnection, TcpStream>,
}

pub(super) struct Frame {
    pub(super) kind: u8,
    pub(super) stream: u32,
    pub(super) payload: Vec<u8>,
}

impl Frames {
    pub(super) fn connect(address: SocketAddr) -> Self {
        let socket = TcpStream::connect(address).unwrap();
        socket.set_nodelay(true).unwrap();
        socket
            .set_read_timeout(Some(Duration::from_secs(120)))
            .unwrap();
        let mut config = rustls::ClientConfig::clone(&authority().client());
        config.alpn_protocols = vec![b"h2".to_vec()];
        let name = "127.0.0.1".try_into().unwrap();
        let session = ClientConnection::new(Arc::new(config), name).unwrap();
        let mut stream = StreamOwned::new(session, socket);
        stream.write_all(GREETING).unwrap();
        Self { stream }
    }

    pub(super) fn say(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> bool {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        let mut frame = length[1..].to_vec();
        frame.extend([kind, flags]);
        frame.extend(stream.to_be_bytes());
        frame.extend(payload);
        let said = self.stream.write_all(&frame);
        said.and_then(|()| self.stream.flush()).is_ok()
    }

    /// The next frame; `None` where the connection ended.
    pub(super) fn hear(&mut self) -> Option<Frame> {
        let mut head = [0; 9];
        self.stream.read_exact(&mut head).ok()?;
        let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
        let mut payload = vec![0; length];
        self.stream.read_exact(&mut payload).ok()?;
        let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        Some(Frame {
            kind: head[3],
            stream,
            payload,
        })
    }

    /// How stream 1 ends: with an answer's status, a reset, or the connection.
    fn ending(&mut self) -> Ending {
        while let Some(frame) = self.hear() {
            match (frame.kind, frame.stream) {
                (HEADERS, 1) => return Ending::Status(status(&frame.payload)),
                (RST_STREAM, 1) => return Ending::Reset,
                (GOAWAY, _) => return Ending::Gone,
                _ => {}
            }
        }
        Ending::Gone
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Ending {
    Status(u16),
    Reset,
    Gone,
}

/// The status at the front of an answer's header block, in the forms a server uses (RFC 7541, appendix A).
fn status(block: &[u8]) -> u16 {
    // A change of the table's size may stand before it.
    match block.iter().find(|byte| **byte & 0xe0 != 0x20) {
        Some(0x88) => 200,
        Some(0x8c) => 400,
        Some(0x8d) => 404,
        _ => 0,
    }
}

/// A header block of literals that are not indexed (RFC 7541, section 6.2.2).
pub(super) fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        for text in [name, value] {
            assert!(text.len() < 127);
            block.push(u8::try_from(text.len()).unwrap());
            block.extend(text.as_bytes());
        }
    }
    block
}

const PATH: &str = "/forge.test/one.git/info/refs?service=git-receive-pack";

pub(super) fn discovery() -> Vec<(&'static str, &'static str)> {
    vec![
        (":method", "GET"),
        (":scheme", "https"),
        (":authority", "127.0.0.1"),
        (":path", PATH),
    ]
}

#[test]
fn row_32_http2_fields_that_would_break_out_are_refused() {
    let scene = Scene::new("");
    let with = |more: &[(&'static str, &'static str)]| [discovery(), more.to_vec()].concat();
    let replaced = |name: &'static str, value: &'static str| {
        let keep = |(old, text): (&'static str, &'static str)| {
            (old, if old == name { value } else { text })
        };
        discovery().into_iter().map(keep).collect::<Vec<_>>()
    };
    for fields in [
        with(&[("x", "a\r\nHost: evil.example")]),
        with(&[("x", "a\nb")]),
        with(&[("x", "a\rb")]),
        with(&[("x", "a\0b")]),
        with(&[("x\r\ny", "a")]),
        with(&[("X", "a")]),
        with(&[("x y", "a")]),
        with(&[("", "a")]),
        with(&[("connection", "keep-alive")]),
        with(&[("transfer-encoding", "chunked")]),
        with(&[("keep-alive", "1")]),
        with(&[("proxy-connection", "close")]),
        with(&[("upgrade", "h2c")]),
        with(&[("te", "gzip")]),
        with(&[(":path", "/other")]),
        with(&[(":unknown", "a")]),
        with(&[("x", "a"), (":path", PATH)]),
        with(&[("host", "evil.example")]),
        with(&[("host", "127.0.0.1"), ("host", "127.0.0.1")]),
        with(&[("content-length", "4"), ("content-length", "5")]),
        with(&[("content-length", "+4")]),
        replaced(":path", ""),
        replaced(":path", "/a\r\nHost: evil.example"),
        replaced(
            ":path",
            "/forge.test/one.git/../two.git/info/refs?service=git-receive-pack",
        ),
        replaced(":method", "GET / HTTP/1.1\r\n\r\nGET"),
        replaced(":authority", "evil.example/forge.test"),
        replaced(":authority", "a@127.0.0.1"),
        replaced(":authority", "127.0.0.1\r\nX: y"),
        discovery()[1..].to_vec(),
        discovery()[..3].to_vec(),
    ] {
        let mut frames = Frames::connect(scene.world.address());
        frames.say(HEADERS, END_HEADERS | END_STREAM, 1, &block(&fields));
        let ending = frames.ending();
        // The door says `ERR` with status 200: git shows that best. Nothing was asked of the upstream all the same.
        assert_eq!(scene.asked(), [""; 0], "{fields:?}: {ending:?}");
    }
    let mut frames = Frames::connect(scene.world.address());
    frames.say(HEADERS, END_HEADERS | END_STREAM, 1, &block(&discovery()));
    assert_eq!(frames.ending(), Ending::Status(200));
}

#[test]
fn row_32_http2_bodies_are_as_long_as_they_say() {
    let scene = Scene::new("");
    for (said, data) in [("5", "0000"), ("3", "0000")] {
        let mut frames = Frames::connect(scene.world.address());
        let fields = [
            (":method", "POST"),
            (":scheme", "https"),
            (":authority", "127.0.0.1"),
            (":path", "/forge.test/one.git/git-receive-pack"),
            ("content-type", "application/x-git-receive-pack-request"),
            ("content-length", said),
        ];
        frames.say(HEADERS, END_HEADERS, 1, &block(&fields));
        frames.say(DATA, END_STREAM, 1, data.as_bytes());
        frames.ending();
        assert!(scene.world.witness.pushes().is_empty(), "{said}");
    }
}
