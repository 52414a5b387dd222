//! A witness in front of the upstream: it speaks TLS, passes everything on, and remembers every byte it received.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;
use tokio_rustls::TlsAcceptor;

use super::canaries::{Planted, Reach};
use super::http1::{self, Message};
use super::{authority, forbidden, runtime};

type Recording = Arc<Mutex<Vec<u8>>>;

pub(crate) struct Witness {
    address: SocketAddr,
    connections: Arc<Mutex<Vec<Recording>>>,
    accepting: AbortHandle,
    planted: Planted,
    is_forge: bool,
}

impl Witness {
    /// Stands in front of `upstream`, a forge, which speaks plain http.
    pub(crate) fn start(upstream: SocketAddr) -> Self {
        Self::before(upstream, true)
    }

    /// Stands in front of somebody who is told of things and must not get any canary, as a credential or otherwise.
    pub(crate) fn of_receiver(receiver: SocketAddr) -> Self {
        Self::before(receiver, false)
    }

    fn before(upstream: SocketAddr, is_forge: bool) -> Self {
        let listener = runtime()
            .block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
            .expect("a port");
        let address = listener.local_addr().expect("an address");
        let connections = Arc::new(Mutex::new(Vec::new()));
        let accepting = accept(listener, upstream, Arc::clone(&connections));
        let accepting = runtime().spawn(accepting).abort_handle();
        Self {
            address,
            connections,
            accepting,
            planted: Planted::here(),
            is_forge,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// Everything received so far, one connection after the other.
    pub(crate) fn received(&self) -> Vec<u8> {
        self.recordings().concat()
    }

    /// Everything received so far, as requests.
    pub(crate) fn requests(&self) -> Vec<Message> {
        self.recordings()
            .iter()
            .flat_map(|recorded| http1::requests(recorded))
            .collect()
    }

    /// The pushes received so far; a probe is not one.
    pub(crate) fn pushes(&self) -> Vec<Message> {
        self.requests()
            .into_iter()
            .filter(|request| request.is_push() && request.body != b"0000")
            .collect()
    }

    /// Fails if these bytes were received: as they are, in a header's Basic credentials, or in an object of a pack.
    pub(crate) fn assert_never_received(&self, needle: impl AsRef<[u8]>) {
        let found = forbidden::received(self, &[needle.as_ref().to_vec()]);
        assert!(
            found.is_empty(),
            "the upstream received what it must not: {found:?}"
        );
    }

    /// Fails if this word was received in any way: as it is, in hex, base64 or as addresses have it, put together from lines,
    /// inflated, or in an object of a pack.
    #[track_caller]
    pub(crate) fn never_saw(&self, word: impl AsRef<[u8]>) {
        let forms = super::canaries::forms(word.as_ref());
        let mut found = forbidden::received(self, &forms);
        found.extend(forbidden::received_inflated(self, &forms));
        assert!(found.is_empty(), "the upstream saw {found:?}");
    }

    /// What came here and must not: credentials of ours at all, those of forges but where they belong, and to others than
    /// forges anything.
    pub(crate) fn astray(&self) -> Vec<String> {
        let everything = |_: &[u8]| true;
        let is_other = |line: &[u8]| !is_credential(line);
        let is_below = |line: &[u8]| !line.ends_with(b" HTTP/1.1");
        if self.is_forge {
            let mut found = self.among(Reach::Ours, everything);
            found.extend(self.among(Reach::Address, everything));
            found.extend(self.among(Reach::Forge, is_other));
            return found;
        }
        let mut found = self.among(Reach::Address, is_below);
        for reach in [Reach::Pushed, Reach::Forge, Reach::Ours] {
            found.extend(self.among(reach, everything));
        }
        found
    }

    /// Which canaries that may get so far are in these lines, or in bodies as they were before gzip.
    fn among(&self, reach: Reach, counts: impl Fn(&[u8]) -> bool) -> Vec<String> {
        let needles = self.planted.needles_of(reach);
        if needles.is_empty() {
            return Vec::new();
        }
        let received = self.received();
        let lines = bstr::ByteSlice::split_str(&received[..], "\r\n");
        let lines: Vec<&[u8]> = lines.filter(|line| counts(line)).collect();
        let whom = if self.is_forge {
            "to the upstream"
        } else {
            "to a receiver"
        };
        let mut found = forbidden::seen(&lines.join(&b"\r\n"[..]), &needles, whom);
        for request in self.requests() {
            found.extend(forbidden::seen(&request.body, &needles, whom));
        }
        found
    }

    fn recordings(&self) -> Vec<Vec<u8>> {
        let connections = self
            .connections
            .lock()
            .expect("no test panics while it records");
        connections
            .iter()
            .map(|recording| recording.lock().expect("as above").clone())
            .collect()
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        self.accepting.abort();
        if !std::thread::panicking() {
            let astray = self.astray();
            assert!(astray.is_empty(), "sent where it must not go: {astray:?}");
        }
    }
}

/// Whether a line of a head is where a credential of a forge belongs.
fn is_credential(line: &[u8]) -> bool {
    let name = line.split(|&byte| byte == b':').next().unwrap_or_default();
    name.eq_ignore_ascii_case(b"authorization")
}

async fn accept(
    listener: TcpListener,
    upstream: SocketAddr,
    connections: Arc<Mutex<Vec<Recording>>>,
) {
    let tls = TlsAcceptor::from(authority().server(&["forge.test"]));
    while let Ok((stream, _)) = listener.accept().await {
        let recording = Recording::default();
        connections
            .lock()
            .expect("as above")
            .push(Arc::clone(&recording));
        tokio::spawn(pass_on(stream, tls.clone(), upstream, recording));
    }
}

async fn pass_on(stream: TcpStream, tls: TlsAcceptor, upstream: SocketAddr, recording: Recording) {
    let _ = stream.set_nodelay(true);
    let Ok(client) = tls.accept(stream).await else {
        return;
    };
    let Ok(mut upstream) = TcpStream::connect(upstream).await else {
        return;
    };
    let _ = upstream.set_nodelay(true);
    let (from_client, mut to_client) = tokio::io::split(client);
    let (mut from_upstream, mut to_upstream) = upstream.split();
    let asked = async {
        record(from_client, &mut to_upstream, &recording).await;
        let _ = to_upstream.shutdown().await;
    };
    let answered = async {
        let _ = tokio::io::copy(&mut from_upstream, &mut to_client).await;
        let _ = to_client.shutdown().await;
    };
    tokio::join!(asked, answered);
}

async fn record(
    mut from: impl AsyncRead + Unpin,
    to: &mut (impl tokio::io::AsyncWrite + Unpin),
    recording: &Mutex<Vec<u8>>,
) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        // Recorded before it is passed on: what the upstream has seen, the witness has.
        recording.lock().expect("as above").extend(&buffer[..read]);
        if to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}
