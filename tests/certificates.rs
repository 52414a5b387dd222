//! Certificates of files: the example ones are made by one script and served on loopback alone, and clients must show
//! theirs where that is asked for.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::harness::{EXEAT, Git, Options, Run, World, run_program};

const SCRIPT: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/certs-example/make-certificates.sh"
);
const FILES: [&str; 6] = [
    "ca.pem",
    "ca.key",
    "server.pem",
    "server.key",
    "client.pem",
    "client.key",
];

/// Runs a copy of the script in this folder.
fn make(folder: &Path, arguments: &[&str]) -> Run {
    let copy = folder.join("make-certificates.sh");
    std::fs::create_dir_all(folder).unwrap();
    std::fs::copy(SCRIPT, &copy).unwrap();
    run_program(Command::new(copy).args(arguments))
}

fn contents(folder: &Path) -> Vec<Vec<u8>> {
    FILES
        .map(|file| std::fs::read(folder.join(file)).unwrap())
        .to_vec()
}

fn openssl(arguments: &[&str], file: &Path) -> String {
    run_program(Command::new("openssl").args(arguments).arg(file))
        .ok()
        .stdout
}

#[test]
fn they_are_made_once_and_keys_are_for_the_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    make(folder, &[]).ok();
    for file in FILES {
        let mode = std::fs::metadata(folder.join(file))
            .unwrap()
            .permissions()
            .mode();
        let expected = if file.ends_with(".key") { 0o600 } else { 0o644 };
        assert_eq!(mode & 0o777, expected, "{file}");
    }
    let left = std::fs::read_dir(folder).unwrap().count();
    assert_eq!(left, FILES.len() + 1, "the script left something behind");
    let first = contents(folder);
    make(folder, &[]).ok();
    assert_eq!(contents(folder), first, "the second run changed something");
}

#[test]
fn every_one_of_them_says_that_it_is_an_example() {
    let folder = tempfile::tempdir().unwrap();
    make(folder.path(), &[]).ok();
    for file in ["ca.pem", "server.pem", "client.pem"] {
        let subject = openssl(
            &["x509", "-noout", "-subject", "-in"],
            &folder.path().join(file),
        );
        assert!(
            subject.contains("Exeat example - not for production"),
            "{file}: {subject}"
        );
    }
}

#[test]
fn further_names_and_new_keys_are_had_by_renewing() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    make(folder, &[]).ok();
    let first = contents(folder);
    let refused = make(folder, &["git.test"]);
    assert_eq!(refused.status, 1, "{refused}");
    assert!(refused.stderr.contains("--renew"), "{refused}");
    assert_eq!(contents(folder), first);
    make(folder, &["--renew", "git.test", "192.0.2.7"]).ok();
    make(folder, &["git.test", "192.0.2.7"]).ok();
    let renewed = contents(folder);
    assert_eq!(renewed[..2], first[..2], "the authority stays");
    for (file, (old, new)) in FILES.iter().zip(first.iter().zip(&renewed)).skip(2) {
        assert_ne!(old, new, "{file} is still the old one");
    }
    let server = folder.join("server.pem");
    let names = openssl(
        &["x509", "-noout", "-ext", "subjectAltName", "-in"],
        &server,
    );
    for name in [
        "DNS:localhost",
        "IP Address:127.0.0.1",
        "IP Address:0:0:0:0:0:0:0:1",
        "DNS:exeat.example",
        "DNS:github.exeat.example",
        "DNS:git.test",
        "IP Address:192.0.2.7",
    ] {
        assert!(names.contains(name), "{name} is not in {names}");
    }
    let odd = make(folder, &["no/name"]);
    assert_eq!(odd.status, 2, "{odd}");
}

#[test]
fn what_was_made_in_the_source_tree_is_not_committed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for file in FILES {
        let path = format!("certs-example/{file}");
        let ignored = Git::first().plain(root, &["check-ignore", "--no-index", &path]);
        assert_eq!(ignored.trim(), path);
    }
}

/// A world and a second proxy before the same upstream, whose certificates the script made.
struct Scene {
    world: World,
    folder: PathBuf,
    work: PathBuf,
}

impl Scene {
    fn new() -> Self {
        let world = World::start(Options::default());
        world.new_repository("one");
        let work = world.new_work("work");
        world.commit_file(&work, "a", "a\n", "Begin");
        let folder = world.place("second");
        make(&folder.join("certificates"), &[]).ok();
        Self {
            world,
            folder,
            work,
        }
    }

    fn certificate(&self, file: &str) -> String {
        self.folder
            .join("certificates")
            .join(file)
            .display()
            .to_string()
    }

    /// `exeat serve` with this `[listen]` table.
    fn serve(&self, address: &str, tls: &str) -> Command {
        let config = format!(
            "[listen]\naddress = \"{address}\"\ntls = {tls}\n[telemetry]\naddress = \"off\"\n[data]\ndirectory = \"data\"\n\
             [upstream.\"forge.test\"]\nurl = \"{}\"\nca = \"{}\"\n",
            self.world.witness.url(),
            self.world.certificate_authority().display()
        );
        let file = self.folder.join("exeat.toml");
        std::fs::write(&file, config).unwrap();
        let mut command = Command::new(EXEAT);
        command.args(["serve", "--config"]).arg(file);
        command
    }

    fn start(&self, tls: &str) -> Second {
        let listening = self.folder.join("data/listening.json");
        let log = std::fs::File::create(self.folder.join("log")).unwrap();
        let mut command = self.serve("127.0.0.1:0", tls);
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        let mut second = Second(child.spawn().unwrap());
        let since = Instant::now();
        while !listening.is_file() {
            let ended = second.0.try_wait().unwrap();
            assert!(
                ended.is_none() && since.elapsed() < Duration::from_secs(60),
                "it does not start: {}",
                std::fs::read_to_string(self.folder.join("log")).unwrap()
            );
            std::thread::sleep(Duration::from_millis(10));
        }
        second
    }

    /// Runs `exeat serve` where it must refuse: the words it ends with.
    fn refusal(&self, address: &str, tls: &str) -> String {
        let run = run_program(&mut self.serve(address, tls));
        assert_eq!(run.status, 2, "{run}");
        assert!(
            !self.folder.join("data/listening.json").exists(),
            "it has listened"
        );
        run.stderr
    }

    fn push(&self, settings: &[&str]) -> Run {
        let told = std::fs::read(self.folder.join("data/listening.json")).unwrap();
        let told: serde_json::Value = serde_json::from_slice(&told).unwrap();
        let address: SocketAddr = told["git"].as_str().unwrap().parse().unwrap();
        let url = format!("https://{address}/forge.test/one.git");
        let trust = format!("http.sslCAInfo={}", self.certificate("ca.pem"));
        let mut words = vec!["-c", &trust];
        for setting in settings {
            words.extend(["-c", setting]);
        }
        words.extend(["push", "-q", &url, "main"]);
        self.world.git(&self.work, &words)
    }

    fn assert_arrived(&self) {
        let git = self.world.default_git();
        assert_eq!(
            git.id(&self.world.upstream_path("one"), "refs/heads/main"),
            git.id(&self.work, "main")
        );
    }
}

/// The second proxy, ended at once when it is no longer needed.
struct Second(Child);

impl Drop for Second {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

const SERVER: &str =
    r#"{ certificate = "certificates/server.pem", key = "certificates/server.key" }"#;

#[test]
fn git_pushes_where_it_trusts_the_example_authority() {
    let scene = Scene::new();
    let _second = scene.start(SERVER);
    let other = format!(
        "http.sslCAInfo={}",
        scene.world.certificate_authority().display()
    );
    let distrusting = scene.push(&[&other]);
    assert_ne!(distrusting.status, 0, "{distrusting}");
    scene.push(&[]).ok();
    scene.assert_arrived();
}

#[test]
fn example_certificates_are_not_served_off_loopback() {
    let scene = Scene::new();
    for address in ["0.0.0.0:0", "[::]:0"] {
        let words = scene.refusal(address, SERVER);
        assert!(
            words.contains("certificates/server.pem is an example certificate"),
            "{words}"
        );
        assert!(
            words.contains("served on loopback addresses only"),
            "{words}"
        );
        assert!(
            words.contains("set listen.tls to a certificate of your own"),
            "{words}"
        );
        let words = scene.refusal(address, "\"development\"");
        assert!(
            words.contains("listen.tls = \"development\" serves loopback addresses only"),
            "{words}"
        );
    }
}

#[test]
fn a_client_must_show_a_certificate_where_one_is_asked_for() {
    let scene = Scene::new();
    let tls = SERVER.replace(" }", ", client_ca = \"certificates/ca.pem\" }");
    let _second = scene.start(&tls);
    let stranger = scene.push(&[]);
    assert_ne!(stranger.status, 0, "{stranger}");
    let show = |name: &str| {
        [
            format!("http.sslCert={}", scene.certificate(&format!("{name}.pem"))),
            format!("http.sslKey={}", scene.certificate(&format!("{name}.key"))),
        ]
    };
    // The server's certificate is of the same authority, but not for clients.
    let [certificate, key] = show("server");
    let wrong = scene.push(&[&certificate, &key]);
    assert_ne!(wrong.status, 0, "{wrong}");
    assert!(
        scene.world.witness.requests().is_empty(),
        "a stranger reached the upstream"
    );
    let [certificate, key] = show("client");
    scene.push(&[&certificate, &key]).ok();
    scene.assert_arrived();
}

#[test]
fn a_key_that_does_not_fit_its_certificate_is_named() {
    let scene = Scene::new();
    let tls = SERVER.replace("server.key", "client.key");
    let words = scene.refusal("127.0.0.1:0", &tls);
    for word in [
        "certificates/client.key",
        "certificates/server.pem",
        "is not the key of",
    ] {
        assert!(words.contains(word), "{word} is not in: {words}");
    }
    let words = scene.refusal("127.0.0.1:0", &SERVER.replace("server.key", "server.pem"));
    assert!(
        words.contains("certificates/server.pem: holds no private key in PEM form"),
        "{words}"
    );
}
