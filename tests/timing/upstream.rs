//! An upstream that takes its time: a test decides when and how it answers a push.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;

use crate::harness::{ZERO, flush, packet};

/// Speaks plain http, one request per connection. Lists no refs to whoever asks.
pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
}

impl Upstream {
    /// `answer` is run when a push has been read to its end, and writes whatever shall be answered.
    pub(crate) fn start(answer: impl Fn(&mut TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let answer = Arc::new(answer);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let answer = Arc::clone(&answer);
                std::thread::spawn(move || serve(stream, answer.as_ref()));
            }
        });
        Self { address }
    }

    /// Lists refs once and is gone before a push can come.
    pub(crate) fn for_one_answer() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        std::thread::spawn(move || {
            let stream = listener.accept().expect("a connection").0;
            drop(listener);
            serve(stream, &|_| ());
        });
        Self { address }
    }

    /// Takes connections and never says a word.
    pub(crate) fn mute() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        std::thread::spawn(move || {
            let kept: Vec<_> = listener.incoming().collect();
            drop(kept);
        });
        Self { address }
    }
}

fn serve(mut stream: TcpStream, answer: &dyn Fn(&mut TcpStream)) {
    let mut reader = BufReader::new(stream.try_clone().expect("a handle"));
    let mut first_line = String::new();
    let mut length = 0;
    let _ = reader.read_line(&mut first_line);
    let lines = reader.by_ref().lines().map_while(Result::ok);
    for line in lines.take_while(|line| !line.is_empty()) {
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
    }
    let read = std::io::copy(&mut reader.take(length), &mut std::io::sink());
    if first_line.starts_with("GET ") {
        let _ = stream.write_all(&advertisement());
    } else if read.is_ok_and(|read| read == length) && length > 0 {
        answer(&mut stream);
    }
}

fn advertisement() -> Vec<u8> {
    let capabilities = "report-status delete-refs side-band-64k quiet ofs-delta object-format=sha1";
    let lines = [
        packet("# service=git-receive-pack\n"),
        flush(),
        packet(format!("{ZERO} capabilities^{{}}\0{capabilities}\n")),
        flush(),
    ];
    answer(
        "application/x-git-receive-pack-advertisement",
        &lines.concat(),
    )
}

/// A whole answer with this body, after which the connection ends.
pub(crate) fn answer(kind: &str, body: &[u8]) -> Vec<u8> {
    let mut answer = head(kind, body.len());
    answer.extend(body);
    answer
}

/// The head of an answer whose body will have `length` bytes.
pub(crate) fn head(kind: &str, length: usize) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n").into_bytes()
}

/// What an answer to a push is called.
pub(crate) const RESULT: &str = "application/x-git-receive-pack-result";

/// The report that everything was taken, as a side band carries it, with a word of the forge before it.
pub(crate) fn report(word: &str) -> Vec<u8> {
    let mut banded = packet(format!("\x02{word}"));
    banded.extend(packet([b"\x01", plain_report().as_slice()].concat()));
    banded.extend(flush());
    banded
}

/// The same without side band.
pub(crate) fn plain_report() -> Vec<u8> {
    [
        packet("unpack ok\n"),
        packet("ok refs/heads/main\n"),
        flush(),
    ]
    .concat()
}
