//! Whoever looks for canaries finds them: in each place one is put in the open, and the test that put it there fails.

use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::clients::python;
use crate::console::House;
use crate::harness::canaries::{self, Reach};
use crate::harness::{Options, Run, Stub, Witness, World, github_token};
use crate::notify::{Desk, MailServer};

/// Fails unless this fails with words that say where a canary was found.
#[track_caller]
fn finds(place: &str, test: impl FnOnce()) {
    let ended = catch_unwind(AssertUnwindSafe(test));
    let said = ended.expect_err("nothing was found");
    let said = said.downcast_ref::<String>().expect("words");
    assert!(said.contains(place), "{place} is not in: {said}");
}

fn world() -> World {
    World::start(Options::default())
}

/// A name for a repository or a person, which is a canary that may get this far.
fn name(seed: u64, reach: Reach) -> String {
    let name = canaries::made_up(&format!("looker {seed}")).to_lowercase();
    canaries::plant(&name, reach);
    name
}

fn log(world: &World, text: &str) {
    let log = world.config().with_file_name("log").join("server.log");
    let mut log = std::fs::OpenOptions::new().append(true).open(log).unwrap();
    writeln!(log, "the credential is {text}").unwrap();
}

#[test]
fn in_files_and_in_the_log() {
    let secret = github_token(7900);
    let encoded = BASE64.encode(format!("ada:{secret}"));
    for text in [&secret, &encoded] {
        finds("at the end of this world", || log(&world(), text));
    }
    finds("it keeps", || {
        let mut world = world();
        std::fs::write(world.data().join("kept.db"), &secret).unwrap();
        world.stop_server();
    });
    finds("it keeps", || {
        let mut world = world();
        log(&world, &secret);
        world.server().kill();
        world.await_death();
    });
}

#[test]
fn in_a_pack_that_is_not_sealed() {
    finds("one.pack, inflated", || {
        let world = world();
        let work = world.new_work("work");
        let line = format!("token = {}\n", github_token(7901)).repeat(9);
        world.commit_file(&work, "a", line, "Begin");
        let words = ["pack-objects", "--stdout", "-q", "--revs"];
        let pack = world.default_git().fed(&work, &words, b"HEAD\n");
        let folder = world.data().join("quarantine");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("one.pack"), pack).unwrap();
    });
}

/// The only text of metrics that no other text has.
fn digest(world: &World) -> String {
    let metrics = world.telemetry("/metrics");
    let digest = metrics.split("digest=\"").nth(1).unwrap();
    digest.split('"').next().unwrap().to_owned()
}

#[test]
fn among_the_metrics() {
    finds("among the metrics", || {
        let world = world();
        canaries::plant(digest(&world), Reach::Pushed);
    });
    finds("told by telemetry", || {
        let world = world();
        canaries::plant(digest(&world), Reach::Pushed);
        world.telemetry("/metrics");
    });
}

#[test]
fn in_the_export_of_the_audit_and_in_what_went_upstream() {
    let push = |world: &World, name: &str| {
        world.new_repository(name);
        let work = world.new_work("work");
        world.commit_file(&work, "a", "a\n", "Begin");
        let url = world.proxied_url(name);
        world.git(&work, &["push", "-q", &url, "main"]).ok();
    };
    finds("in the export of the audit", || {
        push(&world(), &name(1, Reach::Pushed));
    });
    for (seed, reach) in [(2, Reach::Ours), (3, Reach::Forge), (4, Reach::Address)] {
        finds("to the upstream", || push(&world(), &name(seed, reach)));
    }
    // What may go there is what a forge has to know.
    let password = canaries::credential("looker 5", Reach::Forge).leak();
    let world = World::start(Options {
        credentials: Some(("ada", password)),
        ..Options::default()
    });
    push(&world, "one");
    assert!(world.witness.astray().is_empty());
    finds("to the upstream", || {
        canaries::plant(&*password, Reach::Ours);
        drop(world);
    });
}

fn show(world: &World) -> Run {
    let config = world.config();
    world.exeat(&["config", "show", "--config", &config.to_string_lossy()])
}

#[test]
fn in_what_programs_and_servers_tell() {
    finds("printed by exeat", || {
        let world = world();
        canaries::plant(world.witness.url(), Reach::Pushed);
        show(&world);
    });
    // On another thread of a test as well.
    finds("printed by exeat", || {
        let world = world();
        canaries::plant(world.witness.url(), Reach::Pushed);
        let shown = std::thread::scope(|scope| scope.spawn(|| show(&world)).join());
        std::panic::resume_unwind(shown.expect_err("nothing was found"));
    });
    finds("told by the remote", || {
        let world = world();
        world.new_repository("one");
        let work = world.new_work("work");
        world.commit_file(&work, "a", github_token(7902), "Begin");
        canaries::plant("Nothing left the company", Reach::Pushed);
        world.git(&work, &["push", &world.proxied_url("one"), "main"]);
    });
    finds("in an answer", || {
        let forge = name(6, Reach::Pushed);
        let target = format!("/{forge}/one.git/info/refs?service=git-upload-pack");
        world().ask(&format!("GET {target} HTTP/1.1"), b"");
    });
    finds("in an answer", || {
        let mut house = House::open();
        house.world.stop_server();
        let rev = house.person("rev-with-a-name", &["reviewer"], &["read"]);
        house.world.start_server();
        canaries::plant("rev-with-a-name", Reach::Pushed);
        house.get("/api/v1/session", &rev);
    });
}

#[test]
fn in_notices() {
    let place = name(7, Reach::Pushed);
    finds("to a receiver", || {
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        let witness = Witness::of_receiver(Stub::start(|_| answer.to_vec()).address);
        let url = format!("{}/{place}", witness.url());
        Desk::new().try_webhook(&url, "ca.pem").ok();
    });
    let Some(python) = python() else { return };
    finds("in a letter", || {
        let server = MailServer::start(&python, None, &["--tls", "off"]);
        Desk::new().try_out(server.port, "tls = \"off\"\n").ok();
        canaries::plant("exeat@bank.example", Reach::Pushed);
    });
}
