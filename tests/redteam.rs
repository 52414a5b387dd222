//! Attacks, and upstreams that lie: each was possible once.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::harness::{
    Answer, Client, Options, Stub, World, ZERO, assert_refused_by_hand, authority, chunked, flush,
    github_token, head, pack_of, packet,
};

/// What nothing here takes on the slowest machine, and far below what a test would wait for.
const SOON: Duration = Duration::from_secs(90);
const CAPABILITIES: &str = "report-status side-band-64k";
const LFS: &str = "application/vnd.git-lfs+json";

/// An upstream of the test's own that is handed each connection.
fn upstream(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let serve = Arc::new(serve);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let serve = Arc::clone(&serve);
            std::thread::spawn(move || serve(stream));
        }
    });
    address
}

/// Reads a whole request and gives its first line.
fn request(stream: impl std::io::Read) -> String {
    let mut reader = BufReader::new(stream);
    let mut first_line = String::new();
    let mut length = 0;
    let _ = reader.read_line(&mut first_line);
    let lines = reader.by_ref().lines().map_while(Result::ok);
    for line in lines.take_while(|line| !line.is_empty()) {
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
    }
    let _ = std::io::copy(&mut reader.take(length), &mut std::io::sink());
    first_line
}

fn advertisement(lines: &[Vec<u8>]) -> Vec<u8> {
    let body = [
        packet("# service=git-receive-pack\n"),
        flush(),
        lines.concat(),
    ]
    .concat();
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/x-git-receive-pack-advertisement\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    [head.into_bytes(), body].concat()
}

fn empty_advertisement() -> Vec<u8> {
    let capabilities = "report-status delete-refs side-band-64k ofs-delta";
    let line = packet(format!("{ZERO} capabilities^{{}}\0{capabilities}\n"));
    advertisement(&[line, flush()])
}

fn behind(address: SocketAddr, settings: &'static str) -> World {
    World::start(Options {
        behind: Some(address),
        settings,
        ..Options::default()
    })
}

/// A push of one commit, made by hand.
fn push_body(world: &World) -> Vec<u8> {
    let work = world.new_work("work");
    world.commit_file(&work, "a", "a\n", "Begin");
    let git = world.default_git();
    let objects = ["HEAD", "HEAD^{tree}", "HEAD:a"].map(|name| git.id(&work, name));
    let pack = pack_of(world, &work, &objects.each_ref().map(String::as_str));
    let command = format!("{ZERO} {} refs/heads/main", objects[0]);
    [head(&[command], CAPABILITIES), pack].concat()
}

#[test]
fn an_upstream_that_takes_a_push_and_breaks_tls_did_not_leave_it_here() {
    let tls = authority().server(&[]);
    let address = upstream(move |socket| {
        let session = rustls::ServerConnection::new(Arc::clone(&tls)).unwrap();
        let mut stream = rustls::StreamOwned::new(session, socket);
        if request(&mut stream).starts_with("GET") {
            let _ = stream.write_all(&empty_advertisement());
            return;
        }
        // A record that no key of this session has made.
        let _ = stream
            .sock
            .write_all(&[&[0x17, 3, 3, 0, 64][..], &[7; 64]].concat());
        let _ = stream.sock.read(&mut [0; 64]);
    });
    let settings =
        format!("[upstream.\"other.test\"]\nurl = \"https://{address}\"\nca = \"ca.pem\"");
    let world = World::start(Options {
        settings: settings.leak(),
        ..Options::default()
    });
    let work = world.new_work("work");
    world.commit_file(&work, "a", "a\n", "Begin");
    let url = format!("https://{}/other.test/one.git", world.address());
    let run = world.git(&work, &["push", &url, "main"]);
    assert_eq!(run.status, 1, "{run}");
    assert!(run.stderr.contains("has not taken it"), "{run}");
    assert!(!run.stderr.contains("Nothing left"), "{run}");
}

#[test]
fn a_secret_in_a_request_that_is_refused_unread_is_not_repeated() {
    let mut world = World::start(Options::default());
    world.new_repository("one");
    let token = github_token(301);
    world.forbid(&token);
    let id = "1".repeat(40);
    let refs = |name: String| format!("{ZERO} {id} {name}");
    let named = format!("refs/heads/{token}");
    for (commands, capabilities) in [
        (vec![refs(format!("{named}..x"))], String::new()),
        (vec![refs(token.clone())], String::new()),
        (vec![format!("{ZERO} {ZERO} {named}")], String::new()),
        (
            vec![refs(named.clone()), refs(named.clone())],
            String::new(),
        ),
        (
            vec![refs("refs/heads/x".into())],
            format!("object-format={token}"),
        ),
        (
            vec![refs("refs/heads/x".into())],
            format!("push-cert={token}"),
        ),
    ] {
        let body = head(&commands, &format!("{CAPABILITIES} {capabilities}"));
        let answer = world.ask_push("one", &body);
        assert_refused_by_hand(&world, &answer);
        let report = answer.report();
        assert!(!report.text.contains(&token), "{}", report.text);
        assert!(!report.unpack.contains(&token), "{}", report.unpack);
    }
}

#[test]
fn a_client_that_asks_nothing_is_let_go() {
    let world = World::start(Options {
        settings: "[limits]\nheader_seconds = 1",
        ..Options::default()
    });
    for words in [
        "",
        "G",
        "PRI * HT",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "GET / HTTP/1.1\r\n",
    ] {
        let since = Instant::now();
        let mut client = Client::connect(world.address());
        client.say(words.as_bytes());
        let answer = client.answer().map(|answer| answer.status);
        // HTTP/2 is spoken where the handshake chose it; its greeting is no request of HTTP/1.1.
        let expected = if words.starts_with("PRI * HTTP/2.0\r\n\r\n") {
            Some(400)
        } else {
            None
        };
        assert_eq!(answer, expected, "{words:?}");
        assert!(since.elapsed() < SOON, "{words:?}: {:?}", since.elapsed());
    }
}

#[test]
fn an_err_with_status_200_is_no_acceptance() {
    let stub = Stub::start(|_| advertisement(&[packet("ERR you may not push here\n"), flush()]));
    let world = behind(stub.address, "");
    let body = push_body(&world);
    let discovery = "GET /forge.test/one.git/info/refs?service=git-receive-pack HTTP/1.1";
    assert!(
        world
            .ask(discovery, b"")
            .text()
            .contains("ERR you may not push here")
    );
    for _ in 0..2 {
        assert_eq!(world.ask_push("one", &body).status, 403);
    }
    // Each push was asked for anew.
    let asked = world.witness.requests();
    assert_eq!(
        asked.iter().filter(|asked| asked.method() == "GET").count(),
        3
    );
    assert!(world.witness.pushes().is_empty());
}

#[test]
fn an_upstream_that_never_ends_its_refusal_does_not_hold_a_push() {
    let address = upstream(|mut stream| {
        request(&stream);
        let head = "HTTP/1.1 403 No\r\nContent-Type: text/plain\r\nContent-Length: 1000\r\n\r\n";
        let _ = stream.write_all(format!("{head}not you").as_bytes());
        let _ = stream.read(&mut [0]);
    });
    let world = behind(address, "");
    let body = push_body(&world);
    let since = Instant::now();
    let answer = world.ask_push("one", &body);
    assert_eq!((answer.status, answer.text().as_str()), (403, "not you\n"));
    assert!(since.elapsed() < SOON);
}

#[test]
fn an_upstream_that_never_ends_its_list_of_refs_does_not_hold_anybody() {
    let address = upstream(|mut stream| {
        request(&stream);
        let whole = empty_advertisement();
        let _ = stream.write_all(&whole[..whole.len() - 4]);
        let _ = stream.read(&mut [0]);
    });
    let world = behind(address, "[limits]\nupstream_idle_seconds = 1");
    let since = Instant::now();
    let mut client = Client::connect(world.address());
    let discovery = "GET /forge.test/one.git/info/refs?service=git-receive-pack HTTP/1.1";
    client.say(&world.request(discovery, b""));
    let answer = client.answer().expect("an answer");
    assert!(
        answer
            .text()
            .contains("ERR forge.test could not be reached: its list of refs stood still"),
        "a list that was cut short looks whole: {}",
        answer.text()
    );
    assert!(since.elapsed() < SOON);
}

fn ask_lfs(world: &World, body: &str) -> Answer {
    let head = format!(
        "POST /forge.test/one.git/info/lfs/objects/batch HTTP/1.1\nAccept: {LFS}\n\
         Content-Type: {LFS}\nContent-Length: {}",
        body.len()
    );
    world.ask(&head, body.as_bytes())
}

#[test]
fn of_an_lfs_batch_goes_on_what_is_understood() {
    let stub = Stub::start(|_| {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Type: {LFS}\r\nConnection: close\r\n");
        format!("{head}Content-Length: 2\r\n\r\n{{}}").into_bytes()
    });
    let mut world = behind(stub.address, "");
    world.forbid("a-word-in-a-batch");
    let oid = "ab".repeat(32);
    // Servers that take names without regard to case would see an upload here.
    let body = format!(
        r#"{{"operation":"download","Operation":"upload","OPERATION":"upload","transfers":["a-word-in-a-batch"],
            "ref":{{"name":"refs/heads/a-word-in-a-batch"}},"a-word-in-a-batch":["a-word-in-a-batch"],
            "objects":[{{"oid":"{oid}","size":3,"Oid":"a-word-in-a-batch"}}]}}"#
    );
    assert_eq!(ask_lfs(&world, &body).status, 200);
    let asked = world.witness.requests().pop().unwrap();
    let asked: serde_json::Value = serde_json::from_slice(&asked.body).unwrap();
    let expected = serde_json::json!({
        "operation": "download", "transfers": ["basic"], "objects": [{"oid": oid, "size": 3}],
    });
    assert_eq!(asked, expected);
    for oid in ["a-word-in-a-batch", "", &"AB".repeat(32), &"ab".repeat(33)] {
        let body = format!(r#"{{"operation":"download","objects":[{{"oid":"{oid}","size":3}}]}}"#);
        assert_eq!(ask_lfs(&world, &body).status, 422, "{oid}");
    }
    let long = format!(
        r#"{{"operation":"download","objects":[]{}}}"#,
        " ".repeat(100_000)
    );
    assert_eq!(ask_lfs(&world, &long).status, 413);
    assert_eq!(world.witness.requests().len(), 1);
}

#[test]
fn an_api_token_of_bitbucket_is_not_sent_elsewhere() {
    let mut world = World::start(Options::default());
    world.new_repository("one");
    let token = format!("ATATT3{}", "xFfGF0a1b2c3d4e5".repeat(8));
    world.forbid(&token);
    let basic = BASE64.encode(format!("ada@example.com:{token}"));
    let discovery = "GET /forge.test/one.git/info/refs?service=git-receive-pack HTTP/1.1";
    let answer = world.ask(&format!("{discovery}\nAuthorization: Basic {basic}"), b"");
    assert!(answer.text().contains("ERR "), "{}", answer.text());
    assert!(world.witness.requests().is_empty());
}

#[test]
fn a_token_in_the_place_of_a_name_is_not_recorded() {
    let mut world = World::start(Options::default());
    world.new_repository("one");
    let token = "0123456789abcdef".repeat(2) + "01234567";
    let body = push_body(&world);
    let basic = BASE64.encode(format!("{token}:anything"));
    let answer = world.ask(
        &format!(
            "POST /forge.test/one.git/git-receive-pack HTTP/1.1\nAuthorization: Basic {basic}\n\
             Content-Type: application/x-git-receive-pack-request\nContent-Length: {}",
            body.len()
        ),
        &body,
    );
    assert_eq!(answer.report().unpack, "ok");
    world.stop_server();
    let config = world.config();
    let listed = ["audit", "list", "--format", "jsonl", "--config"];
    let listed = world.exeat(&[&listed[..], &[&config.to_string_lossy()]].concat());
    assert!(!listed.ok().stdout.contains(&token));
    world.start_server();
}

#[test]
fn trailers_are_refused() {
    let world = World::start(Options::default());
    world.new_repository("one");
    let body = push_body(&world);
    let mut chunks = chunked(&body, 1000);
    chunks.truncate(chunks.len() - 2);
    chunks.extend(b"X-Word: word\r\n\r\n");
    let head = "POST /forge.test/one.git/git-receive-pack HTTP/1.1\nTransfer-Encoding: chunked\n\
                Trailer: X-Word\nContent-Type: application/x-git-receive-pack-request";
    assert_refused_by_hand(&world, &world.ask(head, &chunks));
    assert_eq!(world.upstream_state("one"), "---\n");
}

#[test]
fn an_http2_client_cannot_send_more_ahead_than_a_stranger_may() {
    let world = World::start(Options::default());
    let socket = TcpStream::connect(world.address()).unwrap();
    socket.set_read_timeout(Some(SOON)).unwrap();
    let name = "127.0.0.1".try_into().unwrap();
    let mut config = rustls::ClientConfig::clone(&authority().client());
    config.alpn_protocols = vec![b"h2".to_vec()];
    let session = rustls::ClientConnection::new(Arc::new(config), name).unwrap();
    let mut stream = rustls::StreamOwned::new(session, socket);
    // The preface and empty settings (RFC 9113 sections 3.4 and 6.5).
    stream
        .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0")
        .unwrap();
    let mut frame = [0; 9];
    stream.read_exact(&mut frame).unwrap();
    assert_eq!(frame[3], 4, "the first frame holds settings");
    let mut settings = vec![0; usize::from(frame[1]) << 8 | usize::from(frame[2])];
    stream.read_exact(&mut settings).unwrap();
    for setting in settings.chunks_exact(6) {
        let value = u32::from_be_bytes([setting[2], setting[3], setting[4], setting[5]]);
        // SETTINGS_INITIAL_WINDOW_SIZE; without it the window is 65535 bytes.
        assert!(setting[1] != 4 || value <= 64 << 10, "{value} bytes ahead");
    }
}

/// Objects that lie about what they name, and a folder to make them in.
struct Forgery {
    world: World,
    work: std::path::PathBuf,
}

impl Forgery {
    fn new() -> Self {
        let world = World::start(Options::default());
        world.new_repository("one");
        let work = world.new_work("work");
        Self { world, work }
    }

    fn object(&self, kind: &str, content: &[u8]) -> String {
        let arguments = ["hash-object", "-w", "--literally", "-t", kind, "--stdin"];
        let id = self
            .world
            .default_git()
            .fed(&self.work, &arguments, content);
        String::from_utf8(id).unwrap().trim().to_owned()
    }

    fn tree(&self, mode: &str, named: &str) -> String {
        let mut tree = format!("{mode} a\0").into_bytes();
        tree.extend(hex::decode(named).unwrap());
        self.object("tree", &tree)
    }

    fn commit(&self, tree: &str, more: &str) -> String {
        let who = "Ada <ada@example.com> 1700000000 +0000";
        let text = format!("tree {tree}\n{more}author {who}\ncommitter {who}\n\nBegin\n");
        self.object("commit", text.as_bytes())
    }

    /// Pushes exactly these objects, and says how it was refused.
    #[track_caller]
    fn refused(&self, target: &str, name: &str, objects: &[&str]) -> String {
        let pack = pack_of(&self.world, &self.work, objects);
        let command = format!("{ZERO} {target} {name}");
        let answer = self
            .world
            .ask_push("one", &[head(&[command], CAPABILITIES), pack].concat());
        assert_refused_by_hand(&self.world, &answer);
        answer.report().text
    }
}

#[test]
fn objects_that_lie_about_what_they_name_hide_nothing() {
    let mut forgery = Forgery::new();
    let token = github_token(302);
    forgery.world.forbid(&token);
    let blob = forgery.object("blob", format!("token = {token}\n").as_bytes());
    let other = forgery.object("blob", b"a\n");
    let plain = forgery.tree("100644", &other);
    let heads = "refs/heads/main";
    let found = |text: String| {
        let told = ["Push stopped.", "referred to as one"];
        assert!(told.iter().any(|words| text.contains(words)), "{text}");
    };

    // A blob where a folder, a root folder, a parent and a tagged commit should be, and a blob as the target itself.
    let folder = forgery.tree("40000", &blob);
    let commit = forgery.commit(&folder, "");
    found(forgery.refused(&commit, heads, &[&commit, &folder, &blob]));
    let commit = forgery.commit(&blob, "");
    found(forgery.refused(&commit, heads, &[&commit, &blob]));
    let commit = forgery.commit(&plain, &format!("parent {blob}\n"));
    found(forgery.refused(&commit, heads, &[&commit, &plain, &other, &blob]));
    let tagger = "tagger Ada <ada@example.com> 1700000000 +0000";
    let tag = format!("object {blob}\ntype commit\ntag x\n{tagger}\n\nx\n");
    let tag = forgery.object("tag", tag.as_bytes());
    found(forgery.refused(&tag, "refs/tags/x", &[&tag, &blob]));
    found(forgery.refused(&blob, "refs/tags/x", &[&blob]));

    // What only a gitlink, a later header or a message names is not reached.
    let clean = forgery.object("blob", b"b\n");
    for commit in [
        forgery.commit(&forgery.tree("160000", &clean), ""),
        forgery.commit(&plain, &format!("encoding x\nparent {clean}\n")),
        forgery.commit(&plain, &format!("mergetag object {clean}\n type blob\n")),
    ] {
        let tree = forgery
            .world
            .default_git()
            .id(&forgery.work, &format!("{commit}^{{tree}}"));
        let mut objects = vec![commit.as_str(), &tree, &clean];
        if tree == plain {
            objects.push(&other);
        }
        let text = forgery.refused(&commit, heads, &objects);
        assert!(text.contains("pushed ref reaches it"), "{text}");
    }
    // Neither does the id a ref had before.
    let commit = forgery.commit(&plain, "");
    let pack = pack_of(
        &forgery.world,
        &forgery.work,
        &[&commit, &plain, &other, &clean],
    );
    let update = format!("{clean} {commit} {heads}");
    let delete = format!("{clean} {ZERO} refs/heads/gone");
    let body = [head(&[update, delete], CAPABILITIES), pack].concat();
    let answer = forgery.world.ask_push("one", &body);
    assert_refused_by_hand(&forgery.world, &answer);
    assert_eq!(forgery.world.upstream_state("one"), "---\n");
}
