//! A forge that fails, at every point: each failure has its words, its id, its count, and its line on record.

use std::io::Write as _;
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use super::forge::{Asked, Forge, LIST, RESULT, Then, taken};
use crate::harness::{Options, Run, World, authority, incompressible, packet};

pub(super) const LIMITS: &str = "[limits]\nupstream_idle_seconds = 3\nupstream_connect_seconds = 3\n\
    upstream_answer_seconds = 5\nupstream_answer_bytes = 200000\nupstream_reconcile_seconds = 1\n";

/// A world and a developer's work in it.
pub(super) struct Scene {
    pub(super) world: World,
    work: PathBuf,
}

impl Scene {
    pub(super) fn new(options: Options) -> Self {
        let world = World::start(options);
        let work = world.new_work("work");
        world.commit_file(&work, "a", "a\n", "Begin");
        Self { world, work }
    }

    /// Before a forge that does what `script` says, by the name of the repository.
    fn before(script: impl Fn(&mut Asked<'_>) -> Then + Send + Sync + 'static) -> (Self, Forge) {
        let forge = Forge::start(script);
        let scene = Self::new(Options {
            behind: Some(forge.address),
            settings: LIMITS,
            ..Options::default()
        });
        (scene, forge)
    }

    pub(super) fn push(&self, repository: &str) -> Run {
        let url = self.world.proxied_url(repository);
        self.world.git(&self.work, &["push", &url, "main"])
    }

    pub(super) fn push_to(&self, upstream: &str) -> Run {
        let url = format!("https://{}/{upstream}/one.git", self.world.address());
        self.world.git(&self.work, &["push", &url, "main"])
    }

    /// Another commit, so that the next push has something to send.
    pub(super) fn next_commit(&self) {
        let text = format!("{:?}", std::time::Instant::now());
        self.world.commit_file(&self.work, "a", text, "Go on");
    }

    #[track_caller]
    pub(super) fn assert_counted(&self, class: &str, times: usize) {
        let text = self.world.telemetry("/metrics");
        let line = format!("exeat_upstream_errors_total{{class=\"{class}\"}} {times}\n");
        assert!(text.contains(&line), "no {line} in {text}");
    }

    /// How the pushes ended, in the order of their outcomes.
    fn endings(&mut self) -> Vec<String> {
        endings(&mut self.world)
    }
}

pub(super) fn endings(world: &mut World) -> Vec<String> {
    world.stop_server();
    let config = world.config();
    let config = config.to_string_lossy();
    let list = [
        "audit", "list", "--limit", "100", "--format", "jsonl", "--config", &config,
    ];
    let listed = world.exeat(&list).ok();
    let records = listed
        .stdout
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let mut ended: Vec<_> = records
        .filter(|record| !record["outcome"].is_null())
        .map(|record| {
            let outcome = record["outcome"].as_str().unwrap().to_owned();
            (record["seq"].as_u64(), outcome)
        })
        .collect();
    ended.sort();
    ended.into_iter().map(|(_, outcome)| outcome).collect()
}

/// Fails unless git failed and said these.
#[track_caller]
pub(super) fn assert_told(run: &Run, words: &[&str]) {
    assert_ne!(run.status, 0, "{run}");
    let text = run.stderr.replace("remote: ", "");
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for word in words {
        assert!(text.contains(word), "{word:?} is not said: {run}");
    }
}

/// An https server of the test's own: takes a connection and hands it on.
fn listening(serve: impl Fn(std::net::TcpStream) + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let serve = Arc::new(serve);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let serve = Arc::clone(&serve);
            std::thread::spawn(move || serve(stream));
        }
    });
    port
}

/// Shakes hands with a certificate, and reads until the other side goes.
fn tls_server(config: Arc<rustls::ServerConfig>) -> u16 {
    listening(move |mut stream| {
        let Ok(mut session) = rustls::ServerConnection::new(Arc::clone(&config)) else {
            return;
        };
        let mut tls = rustls::Stream::new(&mut session, &mut stream);
        let _ = std::io::copy(&mut tls, &mut std::io::sink());
    })
}

#[test]
fn an_upstream_that_cannot_be_reached_is_told_by_the_reason() {
    let closed = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let garbage = listening(|mut stream| {
        let _ = stream.write_all(b"SSH-2.0-OpenSSH_9.2\r\n");
    });
    let mute = listening(|mut stream| {
        let _ = std::io::copy(&mut stream, &mut std::io::sink());
    });
    let silent = tls_server(authority().server(&[]));
    let expired = tls_server(authority().expired_server());
    let stranger = tls_server(crate::harness::stranger().server(&[]));
    let mut settings = LIMITS.to_owned();
    for (name, port) in [
        ("closed", closed),
        ("garbage", garbage),
        ("mute", mute),
        ("silent", silent),
        ("expired", expired),
        ("stranger", stranger),
    ] {
        settings.push_str(&format!(
            "[upstream.{name}]\nurl = \"https://127.0.0.1:{port}\"\nca = \"ca.pem\"\n"
        ));
    }
    let scene = Scene::new(Options {
        settings: settings.leak(),
        ..Options::default()
    });
    for (name, words, class) in [
        ("closed", ["it refuses connections", "E-2012"], "refused"),
        ("garbage", ["TLS failed", "E-2013"], "tls"),
        ("stranger", ["is not trusted", "E-2013"], "tls"),
        (
            "expired",
            ["certificate has expired", "E-2014"],
            "certificate",
        ),
        (
            "mute",
            ["no connection to it came about in time", "E-2015"],
            "connect-time",
        ),
        ("silent", ["it did not answer in time", "E-2016"], "time"),
    ] {
        let run = scene.push_to(name);
        assert_told(&run, &words);
        assert_told(&run, &[name, "Nothing was sent; try again later."]);
        let times = if name == "stranger" { 2 } else { 1 };
        scene.assert_counted(class, times);
    }
    assert!(scene.world.witness.requests().is_empty());
}

#[test]
fn a_name_that_does_not_resolve_is_told() {
    // What the machine's own resolver says of it; some take longer than a test can wait.
    const NAME: &str = "no-such-forge.invalid";
    let asked = std::time::Instant::now();
    let resolves = std::net::ToSocketAddrs::to_socket_addrs(&(NAME, 443)).is_ok();
    if resolves || asked.elapsed() > Duration::from_secs(2) {
        eprintln!("skipped: this machine's resolver does not refuse {NAME} in time");
        return;
    }
    let scene = Scene::new(Options {
        settings: "[upstream.nowhere]\nurl = \"https://no-such-forge.invalid\"\n",
        ..Options::default()
    });
    assert_told(
        &scene.push_to("nowhere"),
        &["its name cannot be resolved", "E-2011"],
    );
    scene.assert_counted("name", 1);
}

#[test]
fn a_list_of_refs_that_fails_ends_in_words() {
    let (scene, _forge) = Scene::before(|asked| {
        let list = asked.list();
        let (first, rest) = list.split_at(70);
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: {LIST}\r\nContent-Length: {}\r\n\r\n",
            list.len()
        );
        match asked.repository().as_str() {
            "still" => {
                asked.say([head.as_bytes(), first].concat());
                asked.stand_still()
            }
            "cut" => {
                asked.say([head.as_bytes(), first].concat());
                Then::Close
            }
            "malformed" => {
                let list = [first, &rest[..rest.len() - 4], b"zzzz"].concat();
                asked.answer(&format!("200 OK\nContent-Type: {LIST}"), list)
            }
            "malformed-at-once" => asked.answer(&format!("200 OK\nContent-Type: {LIST}"), "<html>"),
            "busy" => asked.answer(
                "429 Slow down\nRetry-After: 17\nContent-Type: text/plain",
                "calm down",
            ),
            "broken" => asked.answer("503 No\nContent-Type: text/html", "<html>"),
            _ => asked.list_refs(),
        }
    });
    for (name, words) in [
        (
            "still",
            ["its list of refs stood still after 70 bytes", "E-2017"],
        ),
        (
            "cut",
            ["its list of refs broke off after 70 bytes", "E-2018"],
        ),
        ("malformed", ["its list of refs is malformed", "E-2021"]),
        (
            "malformed-at-once",
            ["its list of refs is malformed", "E-2021"],
        ),
        (
            "busy",
            [
                "forge.test asks to wait 17 seconds (429, E-2019)",
                "calm down",
            ],
        ),
        (
            "broken",
            ["forge.test failed (503, E-2020)", "Nothing was sent"],
        ),
    ] {
        assert_told(&scene.push(name), &words);
    }
    for class in ["stall", "lost", "busy", "status"] {
        scene.assert_counted(class, 1);
    }
    scene.assert_counted("report", 2);
    assert!(scene.world.witness.pushes().is_empty());
}

#[test]
fn an_upstream_that_declines_a_push_is_told_by_the_reason() {
    let (mut scene, _forge) = Scene::before(|asked| {
        if !asked.is_push() {
            return asked.list_refs();
        }
        asked.read_push();
        match asked.repository().as_str() {
            "busy" => asked.answer("429 Slow down\nRetry-After: 17", ""),
            _ => asked.answer("403 No", "no"),
        }
    });
    assert_told(
        &scene.push("busy"),
        &["asks to wait 17 seconds", "E-2019", "declined it"],
    );
    scene.assert_counted("busy", 1);
    assert_told(
        &scene.push("denied"),
        &["forge.test answered 403", "E-2002"],
    );
    assert_eq!(scene.endings(), ["rejected", "rejected"]);
}

#[test]
fn an_answer_that_is_lost_is_asked_for_again() {
    let (mut scene, forge) = Scene::before(|asked| {
        let repository = asked.repository();
        let (how, taken_first) = repository.split_once('-').unwrap_or_default();
        let taken_first = taken_first == "taken";
        if !asked.is_push() {
            return asked.list_refs();
        }
        let id = asked.read_push();
        if taken_first {
            asked.land(&id);
        }
        lose(asked, how)
    });
    let words = [
        (
            "gone",
            [
                "forge.test closed the connection before its answer",
                "E-2003",
            ],
        ),
        (
            "silent",
            [
                "forge.test said nothing for 3 seconds after it had the whole push",
                "E-2016",
            ],
        ),
        (
            "still",
            [
                "forge.test stood still for 3 seconds within its answer",
                "E-2017",
            ],
        ),
        ("cut", ["forge.test broke off within its answer", "E-2018"]),
        ("broken", ["forge.test answered 502 to the push", "E-2020"]),
        (
            "malformed",
            [
                "forge.test gave an answer that is no whole report",
                "E-2021",
            ],
        ),
        (
            "long",
            [
                "forge.test did not end its answer within 200000 bytes",
                "E-2022",
            ],
        ),
        (
            "endless",
            [
                "forge.test did not end its answer within 5 seconds",
                "E-2022",
            ],
        ),
    ];
    let mut endings = Vec::new();
    for (how, words) in words {
        // What is confirmed is taken for a success, with words all the same.
        let taken = scene.push(&format!("{how}-taken")).ok();
        assert!(taken.stderr.contains("it arrived"), "{taken}");
        assert!(taken.stderr.contains(words[1]), "{taken}");
        endings.push("accepted-confirmed");
        if !matches!(how, "gone" | "broken" | "malformed") {
            continue;
        }
        let untaken = scene.push(&format!("{how}-untaken"));
        assert_told(&untaken, &words);
        assert_told(&untaken, &["the forge has not taken it", "git fetch"]);
        let text = &untaken.stderr;
        assert!(!text.contains("Nothing left"), "{untaken}");
        endings.push("not-taken");
    }
    for (class, times) in [
        ("endless", 2),
        ("lost", 3),
        ("time", 1),
        ("stall", 1),
        ("status", 2),
        ("report", 2),
    ] {
        scene.assert_counted(class, times);
    }
    // Asked again with ref discovery alone: no push was sent twice.
    let posts = forge
        .asked()
        .iter()
        .filter(|line| line.starts_with("POST"))
        .count();
    assert_eq!(posts, endings.len());
    assert_eq!(scene.endings(), endings);
}

/// The ways to lose an answer after the push was read.
fn lose(asked: &mut Asked<'_>, how: &str) -> Then {
    let report = taken();
    let head = format!("200 OK\r\nContent-Type: {RESULT}\r\n");
    let whole = format!("HTTP/1.1 {head}Content-Length: {}\r\n\r\n", report.len());
    let open = format!("HTTP/1.1 {head}Connection: close\r\n\r\n");
    match how {
        "gone" => Then::Close,
        "silent" => asked.stand_still(),
        "still" => {
            asked.say([whole.as_bytes(), &report[..30]].concat());
            asked.stand_still()
        }
        "cut" => {
            asked.say([whole.as_bytes(), &report[..30]].concat());
            Then::Close
        }
        "broken" => asked.answer("502 No", "no"),
        "malformed" => asked.answer(
            &format!("200 OK\nContent-Type: {RESULT}"),
            "0008\x01xyz0000",
        ),
        "long" => {
            asked.say(open);
            let word = packet(format!("\x02{}\n", "w".repeat(60)));
            while asked.stream.write_all(&word).is_ok() {}
            Then::Close
        }
        _ => {
            asked.say(open);
            while asked.stream.write_all(b"0005\x02").is_ok() {
                std::thread::sleep(Duration::from_millis(500));
            }
            Then::Close
        }
    }
}

#[test]
fn an_outcome_that_nobody_tells_stays_unknown() {
    let pushed = AtomicBool::new(false);
    let (mut scene, _forge) = Scene::before(move |asked| {
        if asked.is_push() {
            asked.read_push();
            pushed.store(true, Ordering::SeqCst);
            return Then::Close;
        }
        match pushed.load(Ordering::SeqCst) {
            true => asked.answer("503 No", ""),
            false => asked.list_refs(),
        }
    });
    let run = scene.push("one");
    assert_told(&run, &["its outcome is unknown", "E-2003", "git fetch"]);
    assert_eq!(scene.endings(), ["unknown"]);
}

#[test]
fn a_connection_that_the_upstream_just_closed_fails_nothing() {
    // Each connection serves one request and is closed when the next one comes, which nobody can foresee.
    let (scene, forge) = Scene::before(|asked| match (asked.before, asked.is_push()) {
        (1.., false) => Then::Close,
        (_, false) => asked.list_refs(),
        (_, true) => asked.take_push(),
    });
    let path = "/forge.test/one.git/info/refs?service=git-receive-pack";
    for _ in 0..6 {
        let answer = scene.world.ask(&format!("GET {path} HTTP/1.1"), b"");
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert!(
            answer.text().contains("capabilities^{}"),
            "{}",
            answer.text()
        );
    }
    assert!(
        forge.connections() >= 3,
        "the connections were kept for nothing"
    );
    scene.push("one").ok();
}

#[test]
fn a_push_that_was_cut_before_its_end_is_sent_once_more() {
    let forge = narrow_forge(|asked, pushes| {
        if !asked.is_push() {
            return asked.list_refs();
        }
        match (asked.repository().as_str(), pushes) {
            ("once", 0) | ("always", _) => {
                asked.read(1000);
                Then::Close
            }
            ("stall", _) => {
                asked.read(1000);
                asked.stream.set_read_timeout(None).unwrap();
                std::thread::sleep(Duration::from_secs(20));
                Then::Close
            }
            _ => asked.take_push(),
        }
    });
    let settings = format!(
        "{LIMITS}[upstream.narrow]\nurl = \"http://{}\"\nplaintext = true\n",
        forge.address
    );
    let mut scene = Scene::new(Options {
        settings: settings.leak(),
        ..Options::default()
    });
    let noise = incompressible(7, 12_000_000);
    scene
        .world
        .commit_file(&scene.work, "noise", noise, "Noise");
    let push = |scene: &Scene, repository: &str| {
        let url = format!("https://{}/narrow/{repository}.git", scene.world.address());
        scene.world.git(&scene.work, &["push", &url, "main"])
    };
    push(&scene, "once").ok();
    let words = [
        "did not take the push: the connection to it was lost",
        "E-2018",
        "declined it",
    ];
    assert_told(&push(&scene, "always"), &words);
    let words = [
        "did not take the push: it stopped reading the push after",
        "E-2017",
    ];
    assert_told(&push(&scene, "stall"), &words);
    let posts = |name: &str| {
        let line = format!("POST /{name}.git/");
        forge
            .asked()
            .iter()
            .filter(|asked| asked.starts_with(&line))
            .count()
    };
    assert_eq!((posts("once"), posts("always"), posts("stall")), (2, 2, 1));
    scene.assert_counted("stall", 1);
    assert_eq!(scene.endings(), ["accepted", "not-sent", "not-sent"]);
}

/// A forge that takes little before it reads; its script is told how many pushes came before.
fn narrow_forge(script: impl Fn(&mut Asked<'_>, usize) -> Then + Send + Sync + 'static) -> Forge {
    let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4096).expect("a small buffer");
    socket
        .bind("127.0.0.1:0".parse().expect("an address"))
        .expect("a port");
    let _inside = crate::harness::runtime().enter();
    let listener = socket.listen(16).expect("a listener");
    let listener = listener.into_std().expect("a listener");
    listener
        .set_nonblocking(false)
        .expect("a listener that blocks");
    let pushes = AtomicUsize::new(0);
    Forge::on(listener, move |asked| {
        let before = match asked.is_push() {
            true => pushes.fetch_add(1, Ordering::SeqCst),
            false => 0,
        };
        script(asked, before)
    })
}
