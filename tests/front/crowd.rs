//! Many clients at once: idle ones cost little, make room, and nobody waits behind them.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::ClientConnection;

use super::{DISCOVERY, PUSH, PUSH_TYPE, Scene};
use crate::harness::{Client, World, authority};

const SOON: Duration = Duration::from_secs(90);

fn metric(world: &World, name: &str) -> u64 {
    let metrics = world.telemetry("/metrics");
    let line = metrics.lines().find_map(|line| line.strip_prefix(name));
    let value: f64 = line.unwrap().trim().parse().unwrap();
    value as u64
}

#[track_caller]
fn await_that(what: &str, is_so: impl Fn() -> bool) {
    let since = Instant::now();
    while !is_so() {
        assert!(since.elapsed() < SOON, "{what} does not come about");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A connection whose handshake is done, without buffers of its own; every second one has asked something.
fn connected(
    world: &World,
    config: &Arc<rustls::ClientConfig>,
    number: u64,
) -> (TcpStream, ClientConnection) {
    let mut socket = TcpStream::connect(world.address()).unwrap();
    let name = "127.0.0.1".try_into().unwrap();
    let mut session = ClientConnection::new(Arc::clone(config), name).unwrap();
    while session.is_handshaking() {
        session.complete_io(&mut socket).unwrap();
    }
    if number.is_multiple_of(2) {
        let request = world.request("GET / HTTP/1.1", b"");
        session.writer().write_all(&request).unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"passed on.\n") {
            session.complete_io(&mut socket).unwrap();
            let _ = session.reader().read_to_end(&mut answer);
        }
    }
    (socket, session)
}

/// Five hundred, unless all ten thousand are asked for.
#[test]
fn idle_connections_cost_little_and_a_newcomer_is_answered_at_once() {
    let most: u64 = match std::env::var_os("EXEAT_NIGHTLY") {
        Some(_) => 10_000,
        None => 500,
    };
    // Both ends of these are files of this machine; the proxy has a limit of its own.
    let allowed = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let number = allowed.current.map_or(most, |files| most.min(files / 2));
    let scene = Scene::new("[limits]\nheader_seconds = 600\nidle_seconds = 600\n");
    let world = &scene.world;
    let request = world.request(DISCOVERY, b"");
    assert_eq!(Client::ask(world.address(), &request).status, 200);
    let before = metric(world, "process_resident_memory_bytes ");
    let config = authority().client();
    let share = number / 4;
    let idle: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    (0..share)
                        .map(|number| connected(world, &config, number))
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        let threads = threads.into_iter().map(|thread| thread.join().unwrap());
        threads.flatten().collect()
    });
    await_that("every connection", || {
        metric(world, "exeat_connections ") >= idle.len() as u64
    });
    // What was asked is answered, and its buffers go to the next.
    let memory = metric(world, "process_resident_memory_bytes ");
    let each = memory.saturating_sub(before) / idle.len() as u64;
    let since = Instant::now();
    assert_eq!(Client::ask(world.address(), &request).status, 200);
    let took = since.elapsed();
    eprintln!(
        "{} idle connections: {} MiB in all, {each} bytes each; a newcomer is answered in {took:?}",
        idle.len(),
        memory >> 20
    );
    // A quiet machine takes 38 KiB each in a development build, a busy one 26: its allocator comes to reuse more.
    assert!(memory < 512 << 20, "{memory} bytes");
    assert!(each < 48 << 10, "{each} bytes each");
    assert!(took < Duration::from_secs(10), "{took:?}");
    assert_eq!(
        metric(world, "exeat_connections_ended_total{cause=\"full\"} "),
        0
    );
}

#[test]
fn where_no_place_is_left_the_longest_idle_makes_room() {
    let scene = Scene::new("[limits]\nconnections = 4\nheader_seconds = 600\nidle_seconds = 600\n");
    let world = &scene.world;
    let request = world.request(DISCOVERY, b"");
    let mut first = Client::connect(world.address());
    first.say(&request);
    assert_eq!(first.answer().unwrap().status, 200);
    for _ in 0..20 {
        assert_eq!(Client::ask(world.address(), &request).status, 200);
    }
    let idle: Vec<_> = (0..4).map(|_| Client::connect(world.address())).collect();
    let since = Instant::now();
    assert_eq!(Client::ask(world.address(), &request).status, 200);
    assert!(since.elapsed() < Duration::from_secs(20));
    assert!(metric(world, "exeat_connections_ended_total{cause=\"full\"} ") > 0);
    drop(idle);
}

#[test]
fn where_all_are_busy_a_newcomer_is_told_at_once() {
    let scene = Scene::new("[limits]\nconnections = 2\n");
    let world = &scene.world;
    let head = format!(
        "{PUSH}\r\nHost: {}\r\n{PUSH_TYPE}\r\nContent-Length: 1000\r\n\r\n",
        world.address()
    );
    let busy: Vec<_> = (0..2)
        .map(|_| {
            let mut client = Client::connect(world.address());
            client.say(head.as_bytes());
            client
        })
        .collect();
    await_that("two busy ones", || world.witness.requests().len() >= 2);
    let since = Instant::now();
    let mut newcomer = Client::connect(world.address());
    newcomer.say(&world.request(DISCOVERY, b""));
    assert!(newcomer.answer().is_none());
    assert!(since.elapsed() < Duration::from_secs(20));
    drop(busy);
    await_that("room again", || {
        let mut client = Client::connect(world.address());
        client.say(&world.request(DISCOVERY, b""));
        client.answer().is_some_and(|answer| answer.status == 200)
    });
}

#[test]
fn nobody_takes_every_place_for_pushes() {
    let scene = Scene::new("[limits]\npushes = 3\npushes_per_user = 2\n");
    let world = &scene.world;
    let head = |user: &str| {
        let length = scene.body.len();
        format!("{PUSH}\nAuthorization: Basic {user}\n{PUSH_TYPE}\nContent-Length: {length}")
    };
    // `ada:x` and `eve:x`, in base64.
    let (ada, eve) = ("YWRhOng=", "ZXZlOng=");
    let front = &scene.body[..scene.body.len() - 1];
    let held: Vec<_> = (0..2)
        .map(|_| {
            let mut client = Client::connect(world.address());
            client.say(&world.request(&head(ada), front));
            client
        })
        .collect();
    await_that("two pushes", || {
        metric(world, "exeat_pushes_in_flight ") >= 2
    });
    let assert_busy = || {
        let third = world.ask(&head(ada), &scene.body);
        assert!(
            third.report().unpack.contains("busy") || third.report().unpack.contains("too many"),
            "{third:?}"
        );
    };
    assert_busy();
    // What is held counts beyond a reload.
    world.server().hang_up();
    await_that("the reload", || {
        metric(world, "exeat_reloads_total{result=\"ok\"} ") >= 1
    });
    assert_busy();
    let other = world.ask(&head(eve), &scene.body);
    assert_eq!(other.report().unpack, "ok", "{}", other.text());
    drop(held);
}
