//! The way out through a company's proxy: CONNECT, with credentials and without, and its failures.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use base64::Engine as _;

use super::forge::Forge;
use super::upstream::{LIMITS, Scene, assert_told};
use crate::harness::canaries::{self, Reach};
use crate::harness::{Options, Witness};

/// What a proxy says to a CONNECT before it passes bytes on, if it does.
#[derive(Clone, Copy, PartialEq)]
enum Conduct {
    Open,
    /// Wants this, as it stands in the header.
    Wants(&'static str),
    Says(&'static str),
    Mute,
}

/// A proxy, for which every name leads to one address.
struct Proxy {
    address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    fn start(conduct: Conduct, leads_to: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&heads);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let noted = Arc::clone(&noted);
                std::thread::spawn(move || serve(stream, conduct, leads_to, &noted));
            }
        });
        Self { address, heads }
    }

    fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

fn serve(stream: TcpStream, conduct: Conduct, leads_to: SocketAddr, noted: &Mutex<Vec<String>>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut head = String::new();
    while reader.read_line(&mut head).unwrap_or(0) > 2 {}
    noted.lock().unwrap().push(head.clone());
    let says = |text: &str| {
        let _ = (&stream).write_all(text.as_bytes());
    };
    match conduct {
        Conduct::Mute => {
            let _ = std::io::copy(&mut reader, &mut std::io::sink());
            return;
        }
        Conduct::Says(text) => return says(text),
        Conduct::Wants(value) if !head.contains(&format!("{value}\r\n")) => {
            let refusal = "HTTP/1.1 407 Who\r\nProxy-Authenticate: Basic realm=\"out\"\r\n";
            return says(&format!("{refusal}Content-Length: 0\r\n\r\n"));
        }
        Conduct::Open | Conduct::Wants(_) => says("HTTP/1.1 200 Connection established\r\n\r\n"),
    }
    let Ok(onward) = TcpStream::connect(leads_to) else {
        return;
    };
    let mut back = onward.try_clone().unwrap();
    let mut to_client = stream.try_clone().unwrap();
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut back, &mut to_client);
        let _ = to_client.shutdown(std::net::Shutdown::Write);
    });
    let mut to_server = &onward;
    let _ = std::io::copy(&mut reader, &mut to_server);
    let _ = onward.shutdown(std::net::Shutdown::Write);
}

/// A forge behind TLS that no name leads to but through a proxy.
fn far_forge() -> (Forge, Witness, SocketAddr) {
    let forge = Forge::start(|asked| match asked.is_push() {
        true => asked.take_push(),
        false => asked.list_refs(),
    });
    let witness = Witness::start(forge.address);
    let address = witness.url().replace("https://", "").parse().unwrap();
    (forge, witness, address)
}

/// What the company's proxy wants. It is written otherwise in an address, and goes to nobody else.
const PASSWORD: &str = "p@ss-through-the-wall";

fn credential() -> String {
    canaries::plant(PASSWORD, Reach::Ours);
    let text = format!("ada:{PASSWORD}");
    base64::prelude::BASE64_STANDARD.encode(text)
}

fn wanted() -> &'static str {
    format!("Basic {}", credential()).leak()
}

#[test]
fn a_push_goes_through_the_proxy_and_tells_of_its_failures() {
    let (forge, _witness, far) = far_forge();
    let open = Proxy::start(Conduct::Open, far);
    let closed = Proxy::start(Conduct::Wants(wanted()), far);
    let denying = Proxy::start(
        Conduct::Says("HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n"),
        far,
    );
    let chatty = Proxy::start(Conduct::Says("HTTP/1.1 200 OK\r\n\r\nhello"), far);
    let rude = Proxy::start(Conduct::Says(""), far);
    let mute = Proxy::start(Conduct::Mute, far);
    let gone = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    writeln!(file.as_file(), "ada:{PASSWORD}").unwrap();
    let escaped = PASSWORD.replace('@', "%40");
    let mut settings = LIMITS.to_owned();
    for (name, via) in [
        ("open", format!("http://{}", open.address)),
        (
            "address",
            format!("http://ada:{escaped}@{}", closed.address),
        ),
        (
            "file",
            format!(
                "http://{}\"\nvia_credentials = \"{}",
                closed.address,
                file.path().display()
            ),
        ),
        ("unknown", format!("http://{}", closed.address)),
        ("wrong", format!("http://eve:{escaped}@{}", closed.address)),
        ("denied", format!("http://{}", denying.address)),
        ("chatty", format!("http://{}", chatty.address)),
        ("rude", format!("http://{}", rude.address)),
        ("mute", format!("http://{}", mute.address)),
        ("gone", format!("http://{gone}")),
    ] {
        settings.push_str(&format!(
            "[upstream.{name}]\nurl = \"https://forge.test\"\nca = \"ca.pem\"\nvia = \"{via}\"\n"
        ));
    }
    let scene = Scene::new(Options {
        settings: settings.leak(),
        ..Options::default()
    });
    scene.push_to("open").ok();
    let heads = open.heads();
    assert_eq!(
        heads,
        ["CONNECT forge.test:443 HTTP/1.1\r\nhost: forge.test:443\r\n\r\n"]
    );
    for name in ["address", "file"] {
        scene.next_commit();
        scene.push_to(name).ok();
    }
    let pushes = forge
        .asked()
        .iter()
        .filter(|line| line.starts_with("POST"))
        .count();
    assert_eq!(pushes, 3);
    let others = [
        closed.address,
        denying.address,
        chatty.address,
        rude.address,
        mute.address,
        gone,
    ];
    for ((name, what), at) in [
        ("unknown", "wants other credentials (407)"),
        ("wrong", "wants other credentials (407)"),
        ("denied", "answered 403"),
        ("chatty", "spoke before it was spoken to"),
        ("rude", "cut the connection off"),
        ("mute", "did not answer in time"),
        ("gone", "refuses connections"),
    ]
    .iter()
    .zip([&others[..1], &others[..]].concat())
    {
        let words =
            format!("{name} could not be reached: the way out leads through {at}, which {what}");
        assert_told(&scene.push_to(name), &[&words, "E-2025"]);
    }
    scene.assert_counted("via", 7);
    let shown = scene
        .world
        .exeat(&[
            "config",
            "show",
            "--config",
            &scene.world.config().to_string_lossy(),
        ])
        .ok();
    assert!(
        shown
            .stdout
            .contains(&format!("via = \"http://{}\"", closed.address)),
        "{shown}"
    );
}

#[test]
fn the_environment_names_the_proxy_and_who_goes_without() {
    let (forge, _witness, far) = far_forge();
    let proxy = Proxy::start(Conduct::Wants(wanted()), far);
    let near = Forge::start(|asked| asked.list_refs());
    let escaped = PASSWORD.replace('@', "%40");
    let far_table = |name: &str, host: &str, more: &str| {
        format!("[upstream.{name}]\nurl = \"https://{host}\"\nca = \"ca.pem\"\n{more}\n")
    };
    let settings = [
        LIMITS.to_owned(),
        far_table("far", "forge.test", ""),
        far_table("off", "localhost:1", "via = \"off\""),
    ]
    .concat();
    let scene = Scene::new(Options {
        behind: Some(near.address),
        settings: settings.leak(),
        variables: vec![
            (
                "HTTPS_PROXY".into(),
                format!("http://ada:{escaped}@{}", proxy.address),
            ),
            (
                "NO_PROXY".into(),
                "elsewhere.example, 127.0.0.0/8".to_owned(),
            ),
        ],
        ..Options::default()
    });
    scene.push_to("far").ok();
    assert_eq!(forge.asked().len(), 2);
    assert_eq!(proxy.heads().len(), 1);
    let answer = scene.world.ask(
        "GET /forge.test/one.git/info/refs?service=git-receive-pack HTTP/1.1",
        b"",
    );
    assert_eq!((answer.status, near.asked().len()), (200, 1));
    assert_told(&scene.push_to("off"), &["it refuses connections", "E-2012"]);
    assert_eq!(proxy.heads().len(), 1);
}

#[test]
fn a_proxy_that_cannot_be_used_keeps_only_the_server_from_starting() {
    canaries::plant(PASSWORD, Reach::Ours);
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("file"), "harmless\n").unwrap();
    let run = |arguments: &[&str]| {
        let mut command = std::process::Command::new(crate::harness::EXEAT);
        command.args(arguments).current_dir(folder.path()).env(
            "HTTPS_PROXY",
            format!("socks5://ada:{PASSWORD}@proxy.example:1"),
        );
        crate::harness::run_program(&mut command)
    };
    run(&["scan", "file"]).ok();
    for arguments in [&["config", "check"][..], &["serve"]] {
        let run = run(arguments);
        assert_ne!(run.status, 0, "{run}");
        let said = format!("{}{}", run.stdout, run.stderr);
        assert!(said.contains("the variable HTTPS_PROXY"), "{run}");
    }
}
