//! A forge of the test's own: what it does to a request, the test says.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::harness::{ZERO, flush, packet};

/// Speaks plain HTTP with kept connections.
pub(crate) struct Forge {
    pub(crate) address: SocketAddr,
    notes: Arc<Notes>,
}

/// What it remembers.
#[derive(Default)]
pub(crate) struct Notes {
    /// The request lines, in order, each with its Authorization.
    asked: Mutex<Vec<String>>,
    /// Where `main` stands, by repository.
    main: Mutex<HashMap<String, String>>,
    connections: AtomicUsize,
}

/// One request, of which the head was read.
pub(crate) struct Asked<'a> {
    pub(crate) line: String,
    pub(crate) headers: Vec<(String, String)>,
    /// How many came on this connection before.
    pub(crate) before: usize,
    pub(crate) stream: &'a mut TcpStream,
    reader: &'a mut BufReader<TcpStream>,
    notes: &'a Notes,
}

/// What becomes of the connection.
#[derive(PartialEq, Eq)]
pub(crate) enum Then {
    Keep,
    Close,
}

impl Forge {
    pub(crate) fn start(script: impl Fn(&mut Asked<'_>) -> Then + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        Self::on(listener, script)
    }

    pub(crate) fn on(
        listener: TcpListener,
        script: impl Fn(&mut Asked<'_>) -> Then + Send + Sync + 'static,
    ) -> Self {
        let address = listener.local_addr().expect("an address");
        let script = Arc::new(script);
        let notes = Arc::new(Notes::default());
        let shared = Arc::clone(&notes);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                shared.connections.fetch_add(1, Ordering::SeqCst);
                let (script, notes) = (Arc::clone(&script), Arc::clone(&shared));
                std::thread::spawn(move || serve(stream, script.as_ref(), &notes));
            }
        });
        Self { address, notes }
    }

    /// The request lines so far, each with its Authorization where it had one.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.notes.asked.lock().expect("no panic").clone()
    }

    pub(crate) fn connections(&self) -> usize {
        self.notes.connections.load(Ordering::SeqCst)
    }
}

fn serve(
    mut stream: TcpStream,
    script: &(dyn Fn(&mut Asked<'_>) -> Then + Send + Sync),
    notes: &Notes,
) {
    let _ = stream.set_nodelay(true);
    let mut reader = BufReader::new(stream.try_clone().expect("a handle"));
    for before in 0.. {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        let headers: Vec<_> = reader
            .by_ref()
            .lines()
            .map_while(Result::ok)
            .take_while(|line| !line.is_empty())
            .filter_map(|line| {
                let (name, value) = line.split_once(':')?;
                Some((name.to_ascii_lowercase(), value.trim().to_owned()))
            })
            .collect();
        let mut asked = Asked {
            line: line.trim_end().to_owned(),
            headers,
            before,
            stream: &mut stream,
            reader: &mut reader,
            notes,
        };
        let note = match asked.header("authorization") {
            Some(value) => format!("{} [{value}]", asked.line),
            None => asked.line.clone(),
        };
        notes.asked.lock().expect("no panic").push(note);
        if script(&mut asked) == Then::Close {
            let _ = stream.shutdown(std::net::Shutdown::Both);
            return;
        }
    }
}

impl Asked<'_> {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn is_push(&self) -> bool {
        self.line.starts_with("POST ")
    }

    /// The path below the server, up to `.git`.
    pub(crate) fn repository(&self) -> String {
        let path = self.line.split(' ').nth(1).unwrap_or_default();
        let name = path.split(".git").next().unwrap_or_default();
        name.trim_start_matches('/').to_owned()
    }

    pub(crate) fn length(&self) -> usize {
        let length = self.header("content-length");
        length.and_then(|value| value.parse().ok()).unwrap_or(0)
    }

    /// Reads this much of the body.
    pub(crate) fn read(&mut self, bytes: usize) -> Vec<u8> {
        let mut body = Vec::new();
        let _ = self.reader.take(bytes as u64).read_to_end(&mut body);
        body
    }

    /// Reads the whole body of a push and gives the id that it wants for `main`.
    pub(crate) fn read_push(&mut self) -> String {
        let body = self.read(self.length());
        let words = String::from_utf8_lossy(body.get(4..).unwrap_or_default()).into_owned();
        words.split(' ').nth(1).unwrap_or_default().to_owned()
    }

    /// From now on `main` stands there.
    pub(crate) fn land(&self, id: &str) {
        let mut main = self.notes.main.lock().expect("no panic");
        main.insert(self.repository(), id.to_owned());
    }

    pub(crate) fn say(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.stream.write_all(bytes.as_ref());
    }

    /// A whole answer; `head` is the status and further headers, a line each.
    pub(crate) fn answer(&mut self, head: &str, body: impl AsRef<[u8]>) -> Then {
        let body = body.as_ref();
        let head = head.trim().replace('\n', "\r\n");
        self.say(format!(
            "HTTP/1.1 {head}\r\nContent-Length: {}\r\n\r\n",
            body.len()
        ));
        self.say(body);
        Then::Keep
    }

    /// The list of refs, as the notes have it.
    pub(crate) fn list_refs(&mut self) -> Then {
        let list = self.list();
        self.answer(&format!("200 OK\nContent-Type: {LIST}"), list)
    }

    pub(crate) fn list(&self) -> Vec<u8> {
        let main = self.notes.main.lock().expect("no panic");
        let (id, name) = match main.get(&self.repository()) {
            Some(id) => (id.as_str(), "refs/heads/main"),
            None => (ZERO, "capabilities^{}"),
        };
        let capabilities =
            "report-status delete-refs side-band-64k quiet ofs-delta object-format=sha1";
        [
            packet("# service=git-receive-pack\n"),
            flush(),
            packet(format!("{id} {name}\0{capabilities}\n")),
            flush(),
        ]
        .concat()
    }

    /// Takes a push and says so.
    pub(crate) fn take_push(&mut self) -> Then {
        let id = self.read_push();
        self.land(&id);
        self.answer(&format!("200 OK\nContent-Type: {RESULT}"), taken())
    }

    /// Says nothing for longer than anybody waits, or until the other side has gone.
    pub(crate) fn stand_still(&mut self) -> Then {
        let _ = self.stream.set_read_timeout(Some(Duration::from_secs(60)));
        let _ = self.reader.read(&mut [0]);
        Then::Close
    }
}

pub(crate) const LIST: &str = "application/x-git-receive-pack-advertisement";
pub(crate) const RESULT: &str = "application/x-git-receive-pack-result";

/// The report that `main` was taken, within a side band.
pub(crate) fn taken() -> Vec<u8> {
    let report = [
        packet("unpack ok\n"),
        packet("ok refs/heads/main\n"),
        flush(),
    ]
    .concat();
    [packet([b"\x01", report.as_slice()].concat()), flush()].concat()
}
