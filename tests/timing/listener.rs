//! A client that notes when it heard what.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use rustls::{ClientConnection, StreamOwned};

use crate::harness::authority;

/// A pkt-line, or a flush.
pub(crate) type Packet = Option<Vec<u8>>;

/// One connection that asks once and listens.
pub(crate) struct Listener {
    stream: StreamOwned<ClientConnection, TcpStream>,
    read: Vec<u8>,
    /// When the last byte of the request was said.
    said: Instant,
    /// When the head of the answer had been heard.
    pub(crate) head_at: Option<Instant>,
    /// Each whole packet of the body, and when it was there.
    pub(crate) packets: Vec<(Instant, Packet)>,
    /// How far the body has been cut into packets.
    cut: usize,
    ended: bool,
}

/// Far above anything a test waits for.
const PATIENCE: Duration = Duration::from_secs(120);

impl Listener {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let socket = TcpStream::connect(address).expect("a connection");
        socket.set_nodelay(true).expect("a socket");
        let name = "127.0.0.1".try_into().expect("a name");
        let session = ClientConnection::new(authority().client(), name).expect("a session");
        Self {
            stream: StreamOwned::new(session, socket),
            read: Vec::new(),
            said: Instant::now(),
            head_at: None,
            packets: Vec::new(),
            cut: 0,
            ended: false,
        }
    }

    pub(crate) fn say(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("it is heard");
        self.stream.flush().expect("it is heard");
        self.said = Instant::now();
    }

    /// From the last byte said until the head was heard.
    pub(crate) fn head_after(&self) -> Duration {
        self.head_at
            .expect("a head was heard")
            .duration_since(self.said)
    }

    /// Whether nothing at all is heard for so long.
    pub(crate) fn hears_nothing_for(&mut self, time: Duration) -> bool {
        let before = self.read.len();
        let until = Instant::now() + time;
        while !self.ended && self.read.len() == before {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return true;
            }
            self.hear(left);
        }
        false
    }

    /// Listens until the head is there.
    pub(crate) fn await_head(&mut self) {
        self.listen_until(|listener| listener.head_at.is_some());
    }

    /// Listens until so many packets are there.
    pub(crate) fn await_packets(&mut self, number: usize) {
        self.listen_until(|listener| listener.packets.len() >= number);
    }

    /// Listens until the answer has ended with a flush, or the connection.
    pub(crate) fn await_end(&mut self) {
        self.listen_until(|listener| {
            matches!(listener.packets.last(), Some((_, None))) || listener.ended
        });
    }

    /// The whole body heard so far.
    pub(crate) fn body(&self) -> Vec<u8> {
        body(&self.read).unwrap_or_default()
    }

    /// Status line and headers.
    pub(crate) fn head(&self) -> String {
        let end = end_of_head(&self.read).unwrap_or(self.read.len());
        String::from_utf8_lossy(&self.read[..end]).into_owned()
    }

    fn listen_until(&mut self, enough: impl Fn(&Self) -> bool) {
        let since = Instant::now();
        while !enough(self) {
            assert!(
                !self.ended && since.elapsed() < PATIENCE,
                "there is no more than: {}",
                String::from_utf8_lossy(&self.read)
            );
            self.hear(PATIENCE);
        }
    }

    /// Hears what comes next, if it comes in time.
    fn hear(&mut self, patience: Duration) {
        let socket = &self.stream.sock;
        socket.set_read_timeout(Some(patience)).expect("a socket");
        let mut buffer = [0; 16 << 10];
        match self.stream.read(&mut buffer) {
            Ok(0) => self.ended = true,
            Ok(read) => self.read.extend(&buffer[..read]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(_) => self.ended = true,
        }
        self.note();
    }

    /// Notes what is whole by now.
    fn note(&mut self) {
        let now = Instant::now();
        let Some(body) = body(&self.read) else {
            return;
        };
        self.head_at.get_or_insert(now);
        while let Some(digits) = body.get(self.cut..self.cut + 4) {
            let length = std::str::from_utf8(digits).ok();
            let length = length.and_then(|digits| usize::from_str_radix(digits, 16).ok());
            let (packet, length) = match length.unwrap_or(usize::MAX) {
                0 => (None, 4),
                length => match body.get(self.cut + 4..self.cut.saturating_add(length)) {
                    Some(data) => (Some(data.to_vec()), length),
                    None => return,
                },
            };
            self.packets.push((now, packet));
            self.cut += length;
        }
    }
}

fn end_of_head(read: &[u8]) -> Option<usize> {
    read.windows(4)
        .position(|window| window == b"\r\n\r\n")
        .map(|at| at + 4)
}

/// The body as far as it was heard, chunks joined; `None` before the head is whole.
fn body(read: &[u8]) -> Option<Vec<u8>> {
    let (head, mut rest) = read.split_at(end_of_head(read)?);
    let chunked = String::from_utf8_lossy(head)
        .to_ascii_lowercase()
        .contains("transfer-encoding: chunked");
    if !chunked {
        return Some(rest.to_vec());
    }
    let mut body = Vec::new();
    while let Some(line) = rest.windows(2).position(|window| window == b"\r\n") {
        let size = std::str::from_utf8(&rest[..line]).expect("a chunk's size");
        let size = usize::from_str_radix(size, 16).expect("a chunk's size");
        let Some(chunk) = rest.get(line + 2..line + 2 + size + 2) else {
            break;
        };
        body.extend(&chunk[..size]);
        rest = &rest[line + 2 + size + 2..];
    }
    Some(body)
}
