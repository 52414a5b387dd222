//! The clock of an answer: when its head comes, what is said while the upstream is busy, and what when it fails.
//!
//! Two seconds are the proxy's own measure. These tests look at the order of events, and at times only within a factor of
//! three; where something shall happen within the two seconds, a machine too busy for that may try again.

mod listener;
mod upstream;

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::{Mutex, mpsc};
use std::time::{Duration, Instant};

use exeat::demo::forge::{self, Forge};

use crate::harness::{Git, Options, Run, World, ZERO, authority, chunked, head, report, runtime};
use listener::{Listener, Packet};
use upstream::{RESULT, Upstream};

/// How long the proxy waits for an answer before it begins one itself, and the longest silence after that.
const PATIENCE: Duration = Duration::from_secs(2);
/// How much longer or shorter it may look from outside.
const SLACK: u32 = 3;
/// A proxy that keeps its time has said something after so long.
const SILENCE: Duration = Duration::from_secs(5);
/// Times that something is tried which needs a machine that is not too busy.
const TRIES: usize = 5;

const KEEP_ALIVE: &[u8] = b"\x02";
const WORD: &str = "a word of the forge\n";

/// A world before an upstream of the test's own, and a push made by hand.
struct Scene {
    world: World,
    work: PathBuf,
    pack: Vec<u8>,
}

impl Scene {
    fn new(upstream: Upstream, settings: &'static str) -> Self {
        Self::in_world(World::start(Options {
            behind: Some(upstream.address),
            settings,
            ..Options::default()
        }))
    }

    fn in_world(world: World) -> Self {
        let work = world.new_work("work");
        world.commit_file(&work, "a", "a\n", "Begin");
        let pack = Git::first().fed(
            &work,
            &["pack-objects", "--stdout", "--revs", "-q"],
            b"main\n",
        );
        Self { world, work, pack }
    }

    /// Head and pack of a push that creates `main`.
    fn body(&self, capabilities: &str) -> Vec<u8> {
        let id = Git::first().id(&self.work, "main");
        let command = format!("{ZERO} {id} refs/heads/main");
        let capabilities = format!("report-status {capabilities} object-format=sha1");
        [head(&[command], &capabilities), self.pack.clone()].concat()
    }

    fn request(&self, body: &[u8]) -> Vec<u8> {
        self.request_with(&format!("Content-Length: {}", body.len()), body)
    }

    fn request_with(&self, framing: &str, body: &[u8]) -> Vec<u8> {
        let head = format!(
            "POST /forge.test/one.git/git-receive-pack HTTP/1.1\n\
             Content-Type: application/x-git-receive-pack-request\n{framing}"
        );
        self.world.request(&head, body)
    }

    /// Makes the push by hand and listens.
    fn push(&self, capabilities: &str) -> Listener {
        let mut listener = Listener::connect(self.world.address());
        listener.say(&self.request(&self.body(capabilities)));
        listener
    }

    /// Makes the push with git.
    fn git_push(&self, name: &str) -> Run {
        let url = format!("https://{}/{name}/one.git", self.world.address());
        self.world.git(&self.work, &["push", &url, "main"])
    }

    /// How the audit says that the last push ended.
    fn ending(&mut self) -> String {
        self.world.stop_server();
        let config = self.world.config();
        let words = ["audit", "list", "--format", "jsonl", "--config"];
        let config = config.to_string_lossy();
        let listed = self
            .world
            .exeat(&[words.as_slice(), &[&config]].concat())
            .ok();
        let records = listed
            .stdout
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        let mut endings: Vec<_> = records
            .filter(|record| !record["outcome"].is_null())
            .collect();
        endings.sort_by_key(|record| record["seq"].as_u64());
        let last = endings.pop().expect("an outcome");
        last["outcome"].as_str().unwrap().to_owned()
    }
}

/// An upstream that reports success when it is told to go on, and notes when it did.
fn waiting_upstream(report: Vec<u8>) -> (Upstream, mpsc::Sender<()>, mpsc::Receiver<Instant>) {
    let (go_on, wait) = mpsc::channel::<()>();
    let (note, answered) = mpsc::channel();
    let ends = Mutex::new((wait, note));
    let upstream = Upstream::start(move |stream| {
        let ends = ends.lock().unwrap();
        let _ = ends.0.recv_timeout(Duration::from_secs(120));
        let _ = ends.1.send(Instant::now());
        let _ = stream.write_all(&upstream::answer(RESULT, &report));
    });
    (upstream, go_on, answered)
}

fn said(packets: &[(Instant, Packet)]) -> Vec<&[u8]> {
    packets
        .iter()
        .filter_map(|(_, packet)| packet.as_deref())
        .collect()
}

#[track_caller]
fn assert_never_silent_for_long(listener: &Listener) {
    let head = listener.head_at.unwrap();
    let times: Vec<Instant> = std::iter::once(head)
        .chain(listener.packets.iter().map(|(at, _)| *at))
        .collect();
    for pair in times.windows(2) {
        let silence = pair[1].duration_since(pair[0]);
        assert!(silence < PATIENCE * SLACK, "silent for {silence:?}");
    }
}

#[test]
fn a_push_that_is_done_in_time_is_answered_in_the_upstreams_words_alone() {
    let upstream = Upstream::start(|stream| {
        let _ = stream.write_all(&upstream::answer(RESULT, &upstream::report(WORD)));
    });
    let scene = Scene::new(upstream, "");
    for capabilities in ["side-band-64k", "side-band-64k quiet"] {
        let mut tries = 0;
        let listener = loop {
            let mut listener = scene.push(capabilities);
            listener.await_end();
            tries += 1;
            if listener.head_after() < PATIENCE || tries == TRIES {
                break listener;
            }
        };
        let [word, _, flush] = &listener.packets[..] else {
            panic!(
                "more was said than the upstream said: {:?}",
                listener.packets
            );
        };
        assert_eq!(word.1.as_deref(), Some(format!("\x02{WORD}").as_bytes()));
        assert_eq!(flush.1, None);
        assert_eq!(report(&listener.body()).refs, ["ok refs/heads/main"]);
    }
}

#[test]
fn git_prints_nothing_of_ours_about_a_push_that_is_done_in_time() {
    let upstream = Upstream::start(|stream| {
        let _ = stream.write_all(&upstream::answer(RESULT, &upstream::report(WORD)));
    });
    let scene = Scene::new(upstream, "");
    let mut tries = 0;
    let run = loop {
        let since = Instant::now();
        let run = scene.git_push("forge.test").ok();
        tries += 1;
        if since.elapsed() < PATIENCE || tries == TRIES {
            break run;
        }
    };
    let remote: Vec<_> = run
        .stderr
        .lines()
        .filter_map(|line| line.strip_prefix("remote:"))
        .map(str::trim)
        .collect();
    assert_eq!(remote, [WORD.trim()], "{run}");
}

#[test]
fn a_busy_upstream_is_waited_for_with_words_and_keep_alives() {
    let (upstream, go_on, answered) = waiting_upstream(upstream::report(WORD));
    let scene = Scene::new(upstream, "");
    let mut listener = scene.push("side-band-64k");
    listener.await_head();
    let head_after = listener.head_after();
    assert!(head_after > PATIENCE / SLACK, "{head_after:?}");
    assert!(head_after < PATIENCE * SLACK, "{head_after:?}");
    listener.await_packets(3);
    go_on.send(()).unwrap();
    listener.await_end();
    let answered = answered.recv().unwrap();
    assert!(listener.head_at.unwrap() < answered);
    assert_never_silent_for_long(&listener);
    let said = said(&listener.packets);
    let first = String::from_utf8_lossy(said[0]);
    assert!(
        first.starts_with("\x02Exeat ") && first.ends_with('\n'),
        "{first:?}"
    );
    let (keep_alives, rest) = said[1..].split_at(said.len() - 3);
    assert!(keep_alives.len() >= 2);
    assert!(
        keep_alives.iter().all(|packet| *packet == KEEP_ALIVE),
        "{said:?}"
    );
    assert_eq!(rest[0], format!("\x02{WORD}").as_bytes());
    assert_eq!(report(&listener.body()).refs, ["ok refs/heads/main"]);
}

#[test]
fn a_quiet_push_hears_keep_alives_and_no_words_of_ours() {
    let (upstream, go_on, _answered) = waiting_upstream(upstream::report(WORD));
    let scene = Scene::new(upstream, "");
    let mut listener = scene.push("side-band-64k quiet");
    listener.await_packets(3);
    assert!(
        said(&listener.packets)
            .iter()
            .all(|packet| *packet == KEEP_ALIVE),
        "{:?}",
        listener.packets
    );
    go_on.send(()).unwrap();
    listener.await_end();
    assert_never_silent_for_long(&listener);
    let report = report(&listener.body());
    assert_eq!((report.text.as_str(), report.unpack.as_str()), (WORD, "ok"));
}

#[test]
fn without_side_band_nothing_comes_before_the_report() {
    let (upstream, go_on, _answered) = waiting_upstream(upstream::plain_report());
    let scene = Scene::new(upstream, "");
    let mut listener = scene.push("");
    listener.await_head();
    assert!(listener.head().contains(RESULT), "{}", listener.head());
    assert!(listener.hears_nothing_for(SILENCE));
    assert!(listener.body().is_empty());
    go_on.send(()).unwrap();
    listener.await_end();
    assert_eq!(listener.body(), upstream::plain_report());
}

#[test]
fn keep_alives_go_between_the_packets_of_a_report_that_comes_in_parts() {
    let (go_on, wait) = mpsc::channel::<()>();
    let wait = Mutex::new(wait);
    let report_bytes = upstream::report(WORD);
    let whole = report_bytes.clone();
    let upstream = Upstream::start(move |stream| {
        // The first part ends in the middle of the forge's word.
        let (first, second) = whole.split_at(9);
        let _ = stream.write_all(&upstream::head(RESULT, whole.len()));
        let _ = stream.write_all(first);
        let _ = wait.lock().unwrap().recv_timeout(Duration::from_secs(120));
        let _ = stream.write_all(second);
    });
    let scene = Scene::new(upstream, "");
    let mut listener = scene.push("side-band-64k quiet");
    listener.await_packets(2);
    go_on.send(()).unwrap();
    listener.await_end();
    let said = said(&listener.packets);
    let others: Vec<_> = said
        .iter()
        .filter(|packet| **packet != KEEP_ALIVE)
        .collect();
    assert!(said.len() - others.len() >= 2, "{said:?}");
    assert_eq!(*others[0], format!("\x02{WORD}").as_bytes());
    assert_eq!(report(&listener.body()).unpack, "ok");
}

#[test]
fn nothing_is_said_before_the_last_byte_of_a_push() {
    let upstream = Upstream::start(|stream| {
        let _ = stream.write_all(&upstream::answer(RESULT, &upstream::report(WORD)));
    });
    let scene = Scene::new(upstream, "");
    let body = scene.body("side-band-64k");
    let whole = scene.request(&body);
    let in_chunks = scene.request_with("Transfer-Encoding: chunked", &chunked(&body, 100));
    for (request, kept_back) in [(whole, 1), (in_chunks, 5)] {
        let (most, last) = request.split_at(request.len() - kept_back);
        let mut listener = Listener::connect(scene.world.address());
        listener.say(most);
        assert!(listener.hears_nothing_for(SILENCE));
        let before = scene.world.witness.pushes().len();
        listener.say(last);
        listener.await_end();
        assert_eq!(report(&listener.body()).refs, ["ok refs/heads/main"]);
        assert_eq!(scene.world.witness.pushes().len(), before + 1);
    }
}

const CHALLENGE: &[u8] = b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"a\"\r\n\
    WWW-Authenticate: Negotiate\r\nWWW-Authenticate: Bearer realm=\"b\"\r\nWWW-Authenticate: NTLM\r\n\
    Set-Cookie: a=b\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

#[test]
fn a_challenge_in_time_reaches_git_as_it_is() {
    let upstream = Upstream::start(|stream| {
        let _ = stream.write_all(CHALLENGE);
    });
    let mut scene = Scene::new(upstream, "");
    let mut tries = 0;
    let answer = loop {
        let since = Instant::now();
        let answer = scene.world.ask_push("one", &scene.body("side-band-64k"));
        tries += 1;
        if since.elapsed() < PATIENCE || tries == TRIES {
            break answer;
        }
    };
    assert_eq!(answer.status, 401);
    let challenges = answer.message.all("www-authenticate");
    assert_eq!(challenges, ["Basic realm=\"a\"", "Bearer realm=\"b\""]);
    assert!(answer.message.header("set-cookie").is_none());
    assert_eq!(scene.ending(), "rejected");
}

#[test]
fn a_challenge_that_comes_late_is_told_in_the_report() {
    let (go_on, wait) = mpsc::channel::<()>();
    let wait = Mutex::new(wait);
    let upstream = Upstream::start(move |stream| {
        let _ = wait.lock().unwrap().recv_timeout(Duration::from_secs(120));
        let _ = stream.write_all(CHALLENGE);
    });
    let mut scene = Scene::new(upstream, "");
    let mut listener = scene.push("side-band-64k");
    listener.await_head();
    go_on.send(()).unwrap();
    listener.await_end();
    assert!(
        listener.head().starts_with("HTTP/1.1 200 "),
        "{}",
        listener.head()
    );
    let report = report(&listener.body());
    assert!(report.unpack.contains("401"), "{report:?}");
    assert!(report.refs[0].starts_with("ng refs/heads/main "));
    assert_eq!(scene.ending(), "rejected");
}

#[track_caller]
fn assert_asked_again(mut scene: Scene) {
    let run = scene.git_push("forge.test");
    assert_eq!(run.status, 1, "{run}");
    assert!(run.stderr.contains("has not taken it"), "{run}");
    assert!(run.stderr.contains("git fetch"), "{run}");
    assert!(!run.stderr.contains("Nothing left"), "{run}");
    // This upstream lists no refs whatever it was sent.
    assert_eq!(scene.ending(), "not-taken");
}

const ASKED_AT_ONCE: &str = "[limits]\nupstream_reconcile_seconds = 1\n";

#[test]
fn an_upstream_that_dies_before_its_answer_is_asked_again() {
    assert_asked_again(Scene::new(Upstream::start(|_| ()), ASKED_AT_ONCE));
}

#[test]
fn an_upstream_that_dies_within_its_answer_is_asked_again() {
    let upstream = Upstream::start(|stream| {
        let whole = upstream::answer(RESULT, &upstream::report(WORD));
        let _ = stream.write_all(&whole[..whole.len() - 20]);
    });
    assert_asked_again(Scene::new(upstream, ASKED_AT_ONCE));
}

#[test]
fn an_upstream_that_answers_half_a_report_is_asked_again() {
    let upstream = Upstream::start(|stream| {
        let half = upstream::report(WORD);
        let half = &half[..half.len() - 20];
        let _ = stream.write_all(&upstream::answer(RESULT, half));
    });
    assert_asked_again(Scene::new(upstream, ASKED_AT_ONCE));
}

#[test]
fn an_upstream_that_stands_still_is_not_waited_for_without_end() {
    let upstream = Upstream::start(|_| std::thread::sleep(Duration::from_secs(120)));
    let limits = "[limits]\npush_seconds = 8\ninspect_seconds = 8\nupstream_idle_seconds = 8\nupstream_reconcile_seconds = 1\n";
    assert_asked_again(Scene::new(upstream, limits));
}

/// A world with a second upstream, `other.test`, in its configuration.
fn scene_with(other: String) -> Scene {
    let settings = format!("[upstream.\"other.test\"]\n{other}");
    Scene::in_world(World::start(Options {
        // A world's options are constants; this one lives as long as the test run.
        settings: settings.leak(),
        ..Options::default()
    }))
}

#[track_caller]
fn assert_not_reached(run: &Run, why: &str) {
    assert_eq!(run.status, 128, "{run}");
    assert!(
        run.stderr.contains("other.test could not be reached") && run.stderr.contains(why),
        "{run}"
    );
    assert!(run.stderr.contains("Nothing was sent"), "{run}");
}

#[test]
fn an_upstream_that_refuses_connections_is_named() {
    // A port that was free a moment ago; nobody listens there.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let scene = scene_with(format!("url = \"https://{address}\""));
    assert_not_reached(&scene.git_push("other.test"), "it refuses connections");
}

#[test]
fn an_upstream_that_goes_before_the_push_got_nothing_of_it() {
    let upstream = Upstream::for_one_answer();
    let mut scene = scene_with(format!(
        "url = \"http://{}\"\nplaintext = true",
        upstream.address
    ));
    let run = scene.git_push("other.test");
    assert_eq!(run.status, 1, "{run}");
    assert!(run.stderr.contains("Nothing left the company"), "{run}");
    assert!(run.stderr.contains("refuses connections"), "{run}");
    assert_eq!(scene.ending(), "not-sent");
}

#[test]
fn an_upstream_with_a_certificate_of_a_stranger_is_not_spoken_to() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = forge::Options::new(folder.path());
    options.tls = Some(authority().server(&[]));
    let forge = runtime().block_on(Forge::start(options)).unwrap();
    let scene = scene_with(format!("url = \"{}\"", forge.url()));
    let run = scene.git_push("other.test");
    assert_not_reached(&run, "its TLS certificate is not trusted");
}

#[test]
fn an_upstream_with_a_certificate_for_another_name_is_not_spoken_to() {
    let folder = tempfile::tempdir().unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let params = rcgen::CertificateParams::new(vec!["elsewhere.test".to_owned()]).unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, certificate.pem()).unwrap();
    let mut config = rustls::ServerConfig::clone(&authority().server(&[]));
    let key = rustls::pki_types::PrivatePkcs8KeyDer::from(key.serialize_der());
    let signing = rustls::crypto::aws_lc_rs::sign::any_supported_type(&key.into()).unwrap();
    let shown = rustls::sign::CertifiedKey::new(vec![certificate.der().clone()], signing);
    config.cert_resolver = std::sync::Arc::new(rustls::sign::SingleCertAndKey::from(shown));
    let mut options = forge::Options::new(folder.path());
    options.tls = Some(config.into());
    let forge = runtime().block_on(Forge::start(options)).unwrap();
    let scene = scene_with(format!(
        "url = \"{}\"\nca = \"{}\"",
        forge.url(),
        ca.display()
    ));
    let run = scene.git_push("other.test");
    assert_not_reached(&run, "its TLS certificate is not trusted");
}

#[test]
fn an_upstream_that_takes_connections_and_is_mute_is_given_up_soon() {
    let upstream = Upstream::mute();
    let scene = scene_with(format!(
        "url = \"https://{}\"\n[limits]\nupstream_connect_seconds = 2",
        upstream.address
    ));
    let since = Instant::now();
    let run = scene.git_push("other.test");
    assert_not_reached(&run, "no connection to it came about in time");
    assert!(since.elapsed() < Duration::from_secs(30));
}
