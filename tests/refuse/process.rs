//! What the process itself refuses: bodies nobody vouched for, a second server on its data, ending in the middle.

use crate::harness::{Client, Options, World, ZERO, gits, head, incompressible, pack_of};

#[test]
fn a_large_body_without_credentials_is_not_read() {
    let world = World::start(Options {
        credentials: Some(("ada", "correct-horse-battery")),
        ..Options::default()
    });
    world.new_repository("one");
    let request = "POST /forge.test/one.git/git-receive-pack HTTP/1.1\nContent-Type: application/x-git-receive-pack-request";
    let id = "1".repeat(40);
    let mut start = head(
        &[format!("{ZERO} {id} refs/heads/main")],
        "report-status side-band-64k",
    );
    start.extend(incompressible(1, 60_000));
    let mut client = Client::connect(world.address());
    let whole = 1 << 30;
    client.say(&world.request(&format!("{request}\nContent-Length: {whole}"), &start));
    client.say(&incompressible(2, 40_000));
    // The answer comes though almost all of the body is missing.
    let answer = client.answer().unwrap();
    assert_eq!(answer.status, 401);
    assert!(answer.message.header("www-authenticate").is_some());
    assert!(world.witness.pushes().is_empty());
}

#[test]
fn a_second_process_on_the_same_data_is_refused() {
    let world = World::start(Options::default());
    let second = world.exeat(&["serve", "--config", &world.config().to_string_lossy()]);
    assert_eq!(second.status, 2, "{second}");
    let said = format!("{}{}", second.stdout, second.stderr);
    assert!(said.contains("data"), "it does not say why: {second}");
    world.new_repository("one");
    world.clone_work("one", "still-served");
}

#[test]
fn sigterm_lets_a_push_finish() {
    let mut world = World::start(Options::default());
    world.new_repository("one");
    let work = world.new_work("work");
    world.commit_file(&work, "noise", incompressible(3, 30_000), "Begin");
    let git = gits().last().unwrap();
    let objects = ["HEAD", "HEAD^{tree}", "HEAD:noise"].map(|name| git.id(&work, name));
    let mut body = head(
        &[format!("{ZERO} {} refs/heads/main", objects[0])],
        "report-status side-band-64k",
    );
    body.extend(pack_of(
        &world,
        &work,
        &objects.each_ref().map(String::as_str),
    ));
    let (first, rest) = body.split_at(body.len() / 2);

    let mut client = Client::connect(world.address());
    let head = format!(
        "POST /forge.test/one.git/git-receive-pack HTTP/1.1\nExpect: 100-continue\n\
         Content-Type: application/x-git-receive-pack-request\nContent-Length: {}",
        body.len()
    );
    client.say(&world.request(&head, b""));
    client.await_continue();
    client.say(first);
    world.server().terminate();
    // From here on nobody else is let in, but this push may go on to its end.
    while Client::try_connect(world.address())
        .is_ok_and(|mut other| other.say(b"GET / HTTP/1.1\r\n\r\n") && other.answer().is_some())
    {
        std::thread::yield_now();
    }
    assert!(client.say(rest));
    let report = client.answer().unwrap().report();
    assert_eq!(report.unpack, "ok", "{report:?}");
    world.await_end();
    assert!(world.upstream_state("one").contains("refs/heads/main"));
}

#[test]
fn a_push_that_breaks_off_leaves_nothing() {
    let world = World::start(Options::default());
    world.new_repository("one");
    let work = world.new_work("work");
    world.commit_file(&work, "noise", incompressible(4, 500_000), "Begin");
    let git = gits().last().unwrap();
    let objects = ["HEAD", "HEAD^{tree}", "HEAD:noise"].map(|name| git.id(&work, name));
    let mut body = head(
        &[format!("{ZERO} {} refs/heads/main", objects[0])],
        "report-status side-band-64k",
    );
    body.extend(pack_of(
        &world,
        &work,
        &objects.each_ref().map(String::as_str),
    ));
    let head = format!(
        "POST /forge.test/one.git/git-receive-pack HTTP/1.1\n\
         Content-Type: application/x-git-receive-pack-request\nContent-Length: {}",
        body.len()
    );
    for cut in [10, 200, body.len() / 2, body.len() - 1] {
        let mut client = Client::connect(world.address());
        client.say(&world.request(&head, &body[..cut]));
        drop(client);
    }
    // The whole of it still passes afterwards.
    assert_eq!(world.ask(&head, &body).report().unpack, "ok");
    assert_eq!(world.witness.pushes().len(), 1);
}
