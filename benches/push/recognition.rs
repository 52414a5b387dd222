//! What it adds to a push that the forge's user API is asked who pushes: the first time, and while its answer holds. Exeat asks
//! when the refs are discovered, so that is measured by itself as well: a push takes much longer.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::ensure;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::Scale;
use crate::ground::{Ground, Way};
use crate::identity::Identity;
use crate::record::{Goal, Record};
use crate::text::Commits;

/// A user API that knows everybody at once, over TLS.
pub(crate) struct Api {
    pub(crate) address: SocketAddr,
    asked: Arc<AtomicUsize>,
}

impl Api {
    pub(crate) fn start(identity: &Identity) -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let asked = Arc::new(AtomicUsize::new(0));
        let (counter, config) = (Arc::clone(&asked), identity.server()?);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (counter, config) = (Arc::clone(&counter), Arc::clone(&config));
                // A connection that ends is one that is no longer needed.
                std::thread::spawn(move || serve(stream, config, &counter));
            }
        });
        Ok(Self { address, asked })
    }
}

fn serve(
    stream: TcpStream,
    config: Arc<rustls::ServerConfig>,
    asked: &AtomicUsize,
) -> anyhow::Result<()> {
    stream.set_nodelay(true)?;
    let session = rustls::ServerConnection::new(config)?;
    let mut stream = rustls::StreamOwned::new(session, stream);
    let (mut heard, mut buffer) = (Vec::new(), [0; 4096]);
    while let read @ 1.. = stream.read(&mut buffer)? {
        heard.extend(&buffer[..read]);
        if heard.ends_with(b"\r\n\r\n") {
            asked.fetch_add(1, Ordering::SeqCst);
            heard.clear();
            let body = r#"{"id":7,"login":"ada"}"#;
            let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json";
            let length = body.len();
            write!(stream, "{head}\r\nContent-Length: {length}\r\n\r\n{body}")?;
            stream.flush()?;
        }
    }
    Ok(())
}

/// Upstreams of the configuration, near and far: without a source, and with the forge as one.
const ROWS: [(&str, [&str; 2], Way); 2] = [
    ("", ["forge.test", "known.test"], Way::Through),
    (
        ", forge and API 40 ms away",
        ["far.test", "far-known.test"],
        Way::FarThrough,
    ),
];

/// Nobody is asked, it was asked before, it is asked now.
const KINDS: [&str; 3] = ["plain", "warm", "cold"];

pub(crate) fn run(ground: &Ground, scale: &Scale, record: &mut Record) -> anyhow::Result<()> {
    for (far, upstreams, _) in ROWS {
        let slug = format!("asked-{}", upstreams[0]);
        let mut commits = Commits::begin(ground, &slug, 1, 1_000, false)?;
        let repository = |kind: &str| format!("{slug}-{kind}.git");
        for kind in KINDS {
            ground.make_named(&repository(kind))?;
        }
        let before = ground.api.asked.load(Ordering::SeqCst);
        let [mut times, mut discoveries] = [(); 2].map(|()| KINDS.map(|_| Vec::new()));
        for round in 0..=scale.rounds {
            commits.next()?;
            for step in 0..KINDS.len() {
                let index = (round + step) % KINDS.len();
                let (kind, upstream) = (KINDS[index], upstreams[index.min(1)]);
                // One that the forge was never asked about, where that is what is measured.
                let password = match kind {
                    "warm" => "always".to_owned(),
                    _ => format!("{kind}{round}"),
                };
                let repository = repository(kind);
                let took = push(ground, &commits, upstream, &repository, &password)?;
                let discovery = discover(ground, upstream, &repository, &(password + "-again"))?;
                if round > 0 {
                    times[index].push(took);
                    discoveries[index].push(discovery);
                }
            }
        }
        let asked = ground.api.asked.load(Ordering::SeqCst) - before;
        ensure!(
            asked == 2 * (scale.rounds + 2),
            "the API was asked {asked} times"
        );
        for (name, [plain, warm, cold]) in [
            ("discovery of refs", &discoveries),
            ("push of 1 file of 1 KB", &times),
        ] {
            for (what, times) in [("once and remembered", warm), ("each time", cold)] {
                record.compare_named(
                    &format!("{name}, API asked {what}{far}"),
                    ("not asked", plain),
                    ("asked", times),
                    Goal::None,
                );
            }
        }
    }
    Ok(())
}

/// The request that a push begins with, on a connection of its own.
fn discover(
    ground: &Ground,
    upstream: &str,
    repository: &str,
    password: &str,
) -> anyhow::Result<Duration> {
    let credential = BASE64.encode(format!("ada:{password}"));
    let start = Instant::now();
    let mut stream = ground.connect()?;
    write!(
        stream,
        "GET /{upstream}/{repository}/info/refs?service=git-receive-pack HTTP/1.1\r\nHost: 127.0.0.1\r\n\
         Authorization: Basic {credential}\r\nConnection: close\r\n\r\n"
    )?;
    let mut answer = Vec::new();
    // The end may come without a word of TLS; what was told by then is looked at.
    let _ = stream.read_to_end(&mut answer);
    let took = start.elapsed();
    ensure!(
        answer.starts_with(b"HTTP/1.1 200") && !String::from_utf8_lossy(&answer).contains("ERR "),
        "refs were not told: {}",
        String::from_utf8_lossy(&answer)
    );
    Ok(took)
}

fn push(
    ground: &Ground,
    commits: &Commits<'_>,
    upstream: &str,
    repository: &str,
    password: &str,
) -> anyhow::Result<Duration> {
    let credential = BASE64.encode(format!("ada:{password}"));
    let header = format!("http.extraHeader=Authorization: Basic {credential}");
    let url = ground.url_at(upstream, repository);
    let start = Instant::now();
    let words = ["-c", &header, "push", "--quiet", &url, "main"];
    ground.git(commits.folder(), &words)?;
    Ok(start.elapsed())
}
