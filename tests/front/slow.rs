//! Row 26: clients that keep us waiting are let go, whatever they do meanwhile, and nobody else notices.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::http2::{END_HEADERS, Frames, HEADERS, PING, block, discovery};
use super::{DISCOVERY, PUSH, PUSH_TYPE, Scene};
use crate::harness::{Client, Options, Stub, World};

/// What nothing here takes on the slowest machine.
const SOON: Duration = Duration::from_secs(90);
/// Limits so short that tests take seconds.
pub(super) const SHORT: &str = "[limits]\nheader_seconds = 2\nidle_seconds = 2\nbody_idle_seconds = 2\n\
    body_bytes_per_second = 1000\nanswer_idle_seconds = 2\n";
/// So often a slow client says its next byte: far below every limit.
pub(super) const DRIP: Duration = Duration::from_millis(200);

/// Says bytes one at a time until the other side has ended the connection, which must be soon.
#[track_caller]
fn assert_cut(what: &str, mut say: impl FnMut() -> bool) {
    let since = Instant::now();
    while say() {
        assert!(since.elapsed() < SOON, "{what} is never cut");
        std::thread::sleep(DRIP);
    }
}

fn ended(scene: &Scene, cause: &str) -> u64 {
    let name = format!("exeat_connections_ended_total{{cause=\"{cause}\"}} ");
    let metrics = scene.world.telemetry("/metrics");
    let line = metrics.lines().find_map(|line| line.strip_prefix(&name));
    line.unwrap().parse().unwrap()
}

#[test]
fn row_26_handshakes_and_heads_that_drip() {
    let scene = Scene::new(SHORT);
    let address = scene.world.address();
    // The front of a TLS handshake record that promises 512 bytes.
    let mut socket = TcpStream::connect(address).unwrap();
    socket.write_all(&[0x16, 3, 1, 2, 0]).unwrap();
    assert_cut("a handshake", || socket.write_all(&[1]).is_ok());
    assert_eq!(ended(&scene, "handshake"), 1);
    let mut client = Client::connect(address);
    client.say(b"GET / HTTP/1.1\r\nX: ");
    assert_cut("a head", || client.say(b"x"));
    assert_eq!(ended(&scene, "head"), 1);
    // The second head of a connection has its time, too.
    let mut client = Client::connect(address);
    client.say(&scene.world.request(DISCOVERY, b""));
    assert_eq!(client.answer().unwrap().status, 200);
    assert_cut("a second head", || client.say(b"x"));
    assert_eq!(ended(&scene, "head"), 2);
}

#[test]
fn row_26_bodies_that_drip() {
    let scene = Scene::new(SHORT);
    let host = scene.world.address();
    let head =
        |framing: &str| format!("{PUSH}\r\nHost: {host}\r\n{PUSH_TYPE}\r\n{framing}\r\n\r\n");
    let fetch = head("Content-Length: 100000").replace("receive-pack", "upload-pack");
    let cases = [
        (
            "a counted body",
            head("Content-Length: 100000"),
            vec![b"0".to_vec()],
        ),
        (
            "chunks",
            head("Transfer-Encoding: chunked"),
            vec![b"1\r\n0\r\n".to_vec()],
        ),
        // Digits of one size do not last; sizes with one byte each do.
        (
            "sizes",
            head("Transfer-Encoding: chunked"),
            ["0", "0", "1", "\r", "\n", "0", "\r", "\n"]
                .map(|s| s.as_bytes().to_vec())
                .into(),
        ),
        ("a fetch", fetch, vec![b"0".to_vec()]),
    ];
    for (what, head, bytes) in cases {
        let mut client = Client::connect(host);
        client.say(head.as_bytes());
        let mut bytes = bytes.iter().cycle();
        assert_cut(what, || client.say(bytes.next().unwrap()));
    }
    assert!(scene.world.witness.pushes().is_empty());
}

#[test]
fn row_26_http2_connections_that_ask_nothing() {
    let scene = Scene::new(SHORT);
    let mut silent = Frames::connect(scene.world.address());
    let mut pinging = Frames::connect(scene.world.address());
    assert_cut("a connection of pings", || pinging.say(PING, 0, 0, &[0; 8]));
    while silent.hear().is_some() {}
    assert_eq!(ended(&scene, "head"), 2);
    // A head without its end is a question never asked.
    let mut half = Frames::connect(scene.world.address());
    half.say(HEADERS, 0, 1, &block(&discovery()));
    assert_cut("half a head", || half.say(PING, 0, 0, &[0; 8]));
    // One that was answered is idle from then on.
    let mut idle = Frames::connect(scene.world.address());
    idle.say(HEADERS, END_HEADERS | 1, 1, &block(&discovery()));
    while idle.hear().is_some() {}
    assert_eq!(ended(&scene, "idle"), 1);
    // An answer for which a client gives no room.
    let mut body = Frames::connect(scene.world.address());
    let fields = [
        (":method", "POST"),
        (":scheme", "https"),
        (":authority", "127.0.0.1"),
        (":path", "/forge.test/one.git/git-upload-pack"),
        ("content-type", "application/x-git-upload-pack-request"),
    ];
    body.say(HEADERS, END_HEADERS, 1, &block(&fields));
    assert_cut("a body of nothing", || body.say(PING, 0, 0, &[0; 8]));
}

#[test]
fn row_26_idle_connections_are_let_go() {
    let scene = Scene::new(SHORT);
    let mut client = Client::connect(scene.world.address());
    client.say(&scene.world.request(DISCOVERY, b""));
    assert_eq!(client.answer().unwrap().status, 200);
    assert!(client.answer().is_none());
    assert_eq!(ended(&scene, "idle"), 1);
}

#[test]
fn a_connection_that_has_rested_is_served_on() {
    // Buffers are given back after two seconds, noticed within a quarter of the shortest limit.
    let scene = Scene::new("[limits]\nheader_seconds = 2\n");
    let rest = Duration::from_secs(4);
    let mut client = Client::connect(scene.world.address());
    let discovery = scene.world.request(DISCOVERY, b"");
    client.say(&discovery);
    assert_eq!(client.answer().unwrap().status, 200);
    std::thread::sleep(rest);
    for byte in &discovery {
        client.say(&[*byte]);
    }
    assert_eq!(client.answer().unwrap().status, 200);
    std::thread::sleep(rest);
    let head = format!("{PUSH}\n{PUSH_TYPE}\nContent-Length: {}", scene.body.len());
    client.say(&scene.world.request(&head, &scene.body));
    assert_eq!(client.answer().unwrap().report().unpack, "ok");
    std::thread::sleep(rest);
    client.say(b"GET / HTTP/1.1\n\n");
    assert_eq!(client.answer().unwrap().status, 400);
    assert!(client.answer().is_none());
}

#[test]
fn row_26_answers_that_nobody_takes() {
    // Many times what systems buffer between two programs.
    const LENGTH: usize = 64 << 20;
    let stub = Stub::start(|_| {
        let kind = "application/x-git-upload-pack-result";
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {LENGTH}\r\nConnection: close\r\n\r\n"
        );
        [head.into_bytes(), vec![b'0'; LENGTH]].concat()
    });
    let world = World::start(Options {
        behind: Some(stub.address),
        settings: SHORT,
        ..Options::default()
    });
    let head = "POST /forge.test/one.git/git-upload-pack HTTP/1.1\nContent-Length: 4\n\
                Content-Type: application/x-git-upload-pack-request";
    let mut client = Client::connect(world.address());
    client.say(&world.request(head, b"0000"));
    let mut frames = Frames::connect(world.address());
    let fields = [
        (":method", "POST"),
        (":scheme", "https"),
        (":authority", "127.0.0.1"),
        (":path", "/forge.test/one.git/git-upload-pack"),
        ("content-type", "application/x-git-upload-pack-request"),
    ];
    frames.say(HEADERS, END_HEADERS, 1, &block(&fields));
    frames.say(super::http2::DATA, 1, 1, b"0000");
    let since = Instant::now();
    let counted = "exeat_connections_ended_total{cause=\"answer\"} 2";
    while !world.telemetry("/metrics").contains(counted) {
        assert!(
            since.elapsed() < SOON,
            "nobody takes the answers, and nobody ends them"
        );
        std::thread::sleep(DRIP);
    }
    let open = "exeat_connections 0";
    while !world.telemetry("/metrics").lines().any(|line| line == open) {
        assert!(since.elapsed() < SOON, "a place is still taken");
        std::thread::sleep(DRIP);
    }
    drop((client, frames));
}

/// Slow clients of six kinds, until told to end.
fn drip(address: SocketAddr, number: usize, host: &str, done: &AtomicBool) {
    let push =
        |framing: &str| format!("{PUSH}\r\nHost: {host}\r\n{PUSH_TYPE}\r\n{framing}\r\n\r\n");
    let say: (String, &[u8]) = match number % 5 {
        0 => ("GET / HTTP/1.1\r\nX: ".to_owned(), b"x"),
        1 => (push("Content-Length: 60000"), b"0"),
        2 => (push("Transfer-Encoding: chunked"), b"1\r\n0\r\n"),
        3 => (String::new(), b""),
        _ => {
            // Within the handshake.
            while !done.load(Ordering::Relaxed) {
                let Ok(mut socket) = TcpStream::connect(address) else {
                    return;
                };
                let _ = socket.write_all(&[0x16, 3, 1, 2, 0]);
                while !done.load(Ordering::Relaxed) && socket.write_all(&[1]).is_ok() {
                    std::thread::sleep(DRIP * 5);
                }
            }
            return;
        }
    };
    while !done.load(Ordering::Relaxed) {
        let Ok(mut client) = Client::try_connect(address) else {
            return;
        };
        let mut goes_on = client.say(say.0.as_bytes());
        while goes_on && !done.load(Ordering::Relaxed) {
            std::thread::sleep(DRIP * 5);
            goes_on = !say.1.is_empty() && client.say(say.1);
        }
    }
}

/// A tenth of the thousand, unless it is asked for: this machine has other tests to run.
#[test]
fn row_26_slow_clients_do_not_slow_the_others() {
    let slow = match std::env::var_os("EXEAT_NIGHTLY") {
        Some(_) => 1_000,
        None => 100,
    };
    let scene = Scene::new("[limits]\nheader_seconds = 10\nbody_idle_seconds = 10\npushes = 400\n");
    let world = &scene.world;
    let host = world.address().to_string();
    let done = AtomicBool::new(false);
    let url = world.proxied_url("one");
    let answered = std::thread::scope(|scope| {
        for number in 0..slow {
            let (host, done) = (&host, &done);
            let work = move || drip(world.address(), number, host, done);
            std::thread::Builder::new()
                .stack_size(256 << 10)
                .spawn_scoped(scope, work)
                .unwrap();
        }
        std::thread::sleep(Duration::from_secs(2));
        let workers: Vec<_> = (0..50)
            .map(|number| {
                let url = &url;
                scope.spawn(move || match number {
                    0..10 => {
                        let work = world.new_work(&format!("work-{number}"));
                        world.commit_file(&work, "a", format!("{number}\n"), "Begin");
                        let branch = format!("main:refs/heads/b{number}");
                        world.git(&work, &["push", "-q", url, &branch]).status == 0
                    }
                    _ => {
                        let request = world.request(DISCOVERY, b"");
                        (0..5).all(|_| Client::ask(world.address(), &request).status == 200)
                    }
                })
            })
            .collect();
        let answered = workers.into_iter().filter_map(|worker| worker.join().ok());
        let answered = answered.filter(|is_well| *is_well).count();
        done.store(true, Ordering::Relaxed);
        answered
    });
    eprintln!("{slow} slow clients beside 50 working ones, of which {answered} were served");
    assert_eq!(answered, 50);
    let mut left = TcpStream::connect(world.address()).unwrap();
    let _ = left.read(&mut []);
}
