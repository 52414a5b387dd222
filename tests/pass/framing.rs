//! Every way to put a push into HTTP.

use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::harness::{
    Client, Options, World, ZERO, authority, chunked, gits, head, incompressible, pack_of, runtime,
};

use super::{Pair, with_every_git};

const CAPABILITIES: &str = "report-status side-band-64k agent=by-hand";

#[test]
fn http_1_1_is_what_git_is_given_whatever_it_offers() {
    with_every_git(|pair| {
        for version in ["HTTP/1.1", "HTTP/2"] {
            pair.commit("a", version);
            let setting = format!("http.version={version}");
            let [through, direct] = pair.try_push(&[&setting], &[], &["main"]);
            direct.ok();
            through.ok();
            pair.assert_same();
            assert_spoken(pair, &pair.world.proxied_url(&pair.through), &setting, 1);
        }
    });
}

#[test]
fn http_2_is_what_git_is_given_where_nothing_else_is_offered() {
    with_every_git(|pair| {
        let relay = http_2_relay(pair.world.address());
        let url = format!("https://{relay}/forge.test/{}.git", pair.through);
        pair.commit("a", "a\n");
        pair.run(&["push", "-q", &pair.world.direct_url(&pair.direct), "main"]);
        pair.run(&["push", "-q", &url, "main"]);
        pair.assert_same();
        assert_spoken(pair, &url, "http.version=HTTP/2", 2);
    });
}

#[track_caller]
fn assert_spoken(pair: &Pair<'_>, url: &str, setting: &str, version: u8) {
    let words = ["-c", setting, "ls-remote", url];
    let verbose = [("GIT_CURL_VERBOSE", "1")];
    let traced = pair
        .world
        .git_where(pair.git, &pair.work, &words, &verbose)
        .ok();
    let mark = if version == 2 {
        "HTTP/2 200"
    } else {
        "HTTP/1.1 200"
    };
    assert!(traced.stderr.contains(mark), "no {mark}: {traced}");
}

/// A load balancer that speaks HTTP/2 alone: it ends the client's TLS and begins its own.
fn http_2_relay(to: SocketAddr) -> SocketAddr {
    let listener = runtime()
        .block_on(TcpListener::bind("127.0.0.1:0"))
        .unwrap();
    let address = listener.local_addr().unwrap();
    let mut server = rustls::ServerConfig::clone(&authority().server(&[]));
    server.alpn_protocols = vec![b"h2".to_vec()];
    let mut client = rustls::ClientConfig::clone(&authority().client());
    client.alpn_protocols = vec![b"h2".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(server));
    let connector = TlsConnector::from(Arc::new(client));
    runtime().spawn(async move {
        while let Ok((near, _)) = listener.accept().await {
            let (acceptor, connector) = (acceptor.clone(), connector.clone());
            tokio::spawn(async move {
                let mut near = acceptor.accept(near).await?;
                let far = TcpStream::connect(to).await?;
                let name = "127.0.0.1".try_into().unwrap();
                let mut far = connector.connect(name, far).await?;
                tokio::io::copy_bidirectional(&mut near, &mut far).await
            });
        }
    });
    address
}

#[test]
fn a_push_that_probes_and_then_sends_chunks() {
    with_every_git(|pair| {
        pair.commit("noise", incompressible(1, 300_000));
        let [through, direct] = pair.try_push(&["http.postBuffer=65536"], &[], &["main"]);
        direct.ok();
        through.ok();
        pair.assert_same();
    });
}

/// A world, a commit in a work tree, and the canonical request that pushes it.
fn request_by_hand(world: &World) -> (Pair<'_>, Vec<u8>) {
    let pair = Pair::new(
        world,
        gits().last().unwrap(),
        exeat::demo::forge::Hash::Sha1,
    );
    pair.commit("a", "a\n");
    let id = pair.git.id(&pair.work, "HEAD");
    let mut body = head(&[format!("{ZERO} {id} refs/heads/main")], CAPABILITIES);
    body.extend(pack_of(
        world,
        &pair.work,
        &[&id, "HEAD^{tree}", "HEAD:a"]
            .map(|name| pair.git.id(&pair.work, name))
            .each_ref()
            .map(String::as_str),
    ));
    (pair, body)
}

fn post(pair: &Pair<'_>, headers: &str) -> String {
    let path = format!("/forge.test/{}.git/git-receive-pack", pair.through);
    format!("POST {path} HTTP/1.1\nContent-Type: application/x-git-receive-pack-request\n{headers}")
}

fn assert_arrived(pair: &Pair<'_>, answer: &crate::harness::Answer) {
    let report = answer.report();
    assert_eq!(
        (answer.status, report.unpack.as_str()),
        (200, "ok"),
        "{report:?}"
    );
    assert_eq!(report.refs, ["ok refs/heads/main"]);
    assert_eq!(
        answer.message.header("content-type"),
        Some("application/x-git-receive-pack-result")
    );
    assert!(
        answer
            .message
            .header("cache-control")
            .is_some_and(|value| value.starts_with("no-cache"))
    );
    assert_eq!(
        answer.message.header("x-content-type-options"),
        Some("nosniff")
    );
    pair.run(&["push", "-q", &pair.world.direct_url(&pair.direct), "main"]);
    pair.assert_same();
}

#[test]
fn a_request_by_hand_arrives() {
    let world = World::start(Options::default());
    let (pair, body) = request_by_hand(&world);
    let answer = world.ask(
        &post(&pair, &format!("Content-Length: {}", body.len())),
        &body,
    );
    assert_arrived(&pair, &answer);
}

#[test]
fn a_gzip_encoded_request() {
    let world = World::start(Options::default());
    let (pair, body) = request_by_hand(&world);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(&body).unwrap();
    let gzip = gzip.finish().unwrap();
    let headers = format!("Content-Encoding: gzip\nContent-Length: {}", gzip.len());
    let answer = world.ask(&post(&pair, &headers), &gzip);
    assert_arrived(&pair, &answer);
}

#[test]
fn a_small_chunked_request_without_a_probe() {
    let world = World::start(Options::default());
    let (pair, body) = request_by_hand(&world);
    // Chunks of seven bytes cut every pkt-line and every pack entry somewhere.
    let answer = world.ask(
        &post(&pair, "Transfer-Encoding: chunked"),
        &chunked(&body, 7),
    );
    assert_arrived(&pair, &answer);
}

#[test]
fn a_request_whose_bytes_come_one_at_a_time() {
    let world = World::start(Options::default());
    let (pair, body) = request_by_hand(&world);
    let request = world.request(
        &post(&pair, &format!("Content-Length: {}", body.len())),
        &body,
    );
    let mut client = Client::connect(world.address());
    for byte in request {
        assert!(client.say(&[byte]));
    }
    assert_arrived(&pair, &client.answer().unwrap());
}

#[test]
fn a_client_that_expects_a_hundred_continue() {
    let world = World::start(Options::default());
    let (pair, body) = request_by_hand(&world);
    let headers = format!("Expect: 100-continue\nContent-Length: {}", body.len());
    let answer = world.ask(&post(&pair, &headers), &body);
    assert_arrived(&pair, &answer);
}

#[test]
fn an_http_1_0_request() {
    let world = World::start(Options::default());
    let (pair, body) = request_by_hand(&world);
    let head =
        post(&pair, &format!("Content-Length: {}", body.len())).replace(" HTTP/1.1", " HTTP/1.0");
    assert_arrived(&pair, &world.ask(&head, &body));
}

#[test]
fn a_probe_is_answered_with_nothing() {
    let world = World::start(Options::default());
    world.new_repository("one");
    let answer = world.ask_push("one", b"0000");
    assert_eq!((answer.status, answer.body()), (200, &b""[..]));
}

#[test]
fn two_pushes_on_one_connection() {
    let world = World::start(Options::default());
    let (pair, body) = request_by_hand(&world);
    let mut client = Client::connect(world.address());
    let length = format!("Content-Length: {}", body.len());
    client.say(&world.request(&post(&pair, &length), &body));
    assert_arrived(&pair, &client.answer().unwrap());
    // The ref exists now, so that the upstream's own answer is a refusal: relayed, on the same connection.
    client.say(&world.request(&post(&pair, &length), &body));
    let report = client.answer().unwrap().report();
    assert!(
        report.refs[0].starts_with("ng refs/heads/main"),
        "{report:?}"
    );
}
