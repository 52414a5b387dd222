//! A client that says exactly the bytes it is told to, over TLS and HTTP/1.1.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use rustls::{ClientConnection, StreamOwned};

use super::http1::{self, Message};
use super::{Report, authority, report, told};

/// An answer to a request made by hand.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) message: Message,
}

impl Answer {
    pub(crate) fn body(&self) -> &[u8] {
        &self.message.body
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.message.body).into_owned()
    }

    /// Its body as the report of a receive-pack.
    pub(crate) fn report(&self) -> Report {
        report(&self.message.body)
    }
}

/// One connection to the proxy.
pub(crate) struct Client {
    stream: StreamOwned<ClientConnection, TcpStream>,
    read: Vec<u8>,
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        Self::try_connect(address).expect("a connection")
    }

    pub(crate) fn try_connect(address: SocketAddr) -> std::io::Result<Self> {
        let socket = TcpStream::connect(address)?;
        socket.set_nodelay(true)?;
        // Far above anything a test waits for: a proxy that never answers shall fail a test, not hang it.
        socket.set_read_timeout(Some(Duration::from_secs(120)))?;
        socket.set_write_timeout(Some(Duration::from_secs(120)))?;
        let name = "127.0.0.1".try_into().expect("a name");
        let session = ClientConnection::new(authority().client(), name).expect("a session");
        Ok(Self {
            stream: StreamOwned::new(session, socket),
            read: Vec::new(),
        })
    }

    /// Says these bytes; false where the other side would not hear them to the end.
    pub(crate) fn say(&mut self, bytes: &[u8]) -> bool {
        self.stream
            .write_all(bytes)
            .and_then(|()| self.stream.flush())
            .is_ok()
    }

    /// Reads until the proxy says that it takes the body.
    pub(crate) fn await_continue(&mut self) {
        let mut buffer = [0; 1024];
        while !self.read.ends_with(b"\r\n\r\n") {
            let read = self.stream.read(&mut buffer).expect("an interim answer");
            assert!(read > 0, "the connection ended without a word");
            self.read.extend(&buffer[..read]);
        }
        assert!(
            self.read.starts_with(b"HTTP/1.1 100"),
            "{}",
            String::from_utf8_lossy(&self.read)
        );
        self.read.clear();
    }

    /// Reads the next answer to its end; `None` where the connection ended before. No canary may be in it.
    #[track_caller]
    pub(crate) fn answer(&mut self) -> Option<Answer> {
        let mut buffer = [0; 16 << 10];
        loop {
            let read = self.stream.read(&mut buffer).unwrap_or(0);
            self.read.extend(&buffer[..read]);
            let message = http1::answer(&self.read, read == 0);
            if let Some(message) = message.filter(|message| message.complete) {
                self.read.drain(..message.length.min(self.read.len()));
                let status = message.target().parse().expect("a status");
                told::by_answer(&message);
                return Some(Answer { status, message });
            }
            if read == 0 {
                return None;
            }
        }
    }

    /// Says one whole request and reads its answer.
    pub(crate) fn ask(address: SocketAddr, request: &[u8]) -> Answer {
        let mut client = Self::connect(address);
        client.say(request);
        client.answer().expect("an answer")
    }
}
