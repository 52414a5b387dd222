//! A proxy that knows people: a forge's user API beside the forge, a policy, and persons.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::Value;

use crate::faults::records;
use crate::harness::canaries::{self, Reach};
use crate::harness::{Options, Run, Stub, Witness, World};

pub(super) struct Scene {
    pub(super) world: World,
    /// Before the API: what it was asked, and with what.
    pub(super) api: Witness,
    /// A server that nobody has a reason to ask.
    pub(super) elsewhere: Witness,
    pub(super) work: PathBuf,
    /// Whether the API answers as it should: the status that it answers with.
    pub(super) status: Arc<AtomicU16>,
}

/// What differs from scene to scene.
#[derive(Default)]
pub(super) struct Setting {
    /// The keys of the upstream's table `identity`.
    pub(super) identity: &'static str,
    /// The policy file.
    pub(super) policy: &'static str,
    /// More keys of `listen.tls`.
    pub(super) tls: &'static str,
    /// What is said to `exeat` before the server starts.
    pub(super) people: &'static [&'static str],
    /// What the log is to tell; by default the usual.
    pub(super) log: &'static str,
    /// What stands in place of the forge.
    pub(super) behind: Option<std::net::SocketAddr>,
}

impl Scene {
    pub(super) fn new(setting: &Setting) -> Self {
        let mut world = World::start(Options {
            behind: setting.behind,
            ..Options::default()
        });
        world.stop_server();
        world.set_variables(&[(
            "EXEAT_LOG",
            if setting.log.is_empty() {
                "info"
            } else {
                setting.log
            },
        )]);
        let elsewhere = Witness::of_receiver(Stub::start(|_| Vec::new()).address);
        let status = Arc::new(AtomicU16::new(200));
        let answering = (Arc::clone(&status), elsewhere.url());
        let stub = Stub::hearing(move |head| {
            let (status, elsewhere) = &answering;
            gitea(head, status.load(Ordering::SeqCst), elsewhere)
        });
        let api = Witness::start(stub.address);
        let config = std::fs::read_to_string(world.config()).unwrap();
        let config = config.replace(
            "\"server.key\" }",
            &format!("\"server.key\"{} }}", setting.tls),
        );
        let config = format!(
            "{config}forge = \"gitea\"\napi = \"{}/api/v1\"\n[upstream.\"forge.test\".identity]\n{}\n\
             [policy]\nfiles = [\"policy.toml\"]\n",
            api.url(),
            setting.identity,
        );
        let beside = |name: &str| world.config().with_file_name(name);
        std::fs::write(beside("exeat.toml"), config).unwrap();
        std::fs::write(beside("policy.toml"), setting.policy).unwrap();
        std::fs::write(beside("clients.pem"), crate::harness::authority().pem()).unwrap();
        let work = world.new_work("work");
        world.commit_file(&work, "book", "A word.\n", "Begin");
        if setting.behind.is_none() {
            for name in ["one", "two"] {
                world.new_repository(name);
            }
        }
        let mut scene = Self {
            world,
            api,
            elsewhere,
            work,
            status,
        };
        for words in setting.people {
            scene.exeat(&words.split(' ').collect::<Vec<_>>()).ok();
        }
        scene.world.start_server();
        scene
    }

    pub(super) fn exeat(&self, words: &[&str]) -> Run {
        let config = self.world.config();
        let config = config.to_string_lossy();
        self.world.exeat(&[words, &["--config", &config]].concat())
    }

    /// Says this to `exeat` while no server runs.
    pub(super) fn meanwhile(&mut self, words: &[&str]) -> Run {
        self.world.stop_server();
        let run = self.exeat(words).ok();
        self.world.start_server();
        run
    }

    /// A token for each user and scope; they must never leave.
    pub(super) fn tokens<const N: usize>(&mut self, wanted: [(&str, &str); N]) -> [String; N] {
        self.world.stop_server();
        let tokens = wanted.map(|(user, scope)| {
            let words = ["token", "create", "--user", user, "--scope", scope];
            let token = self.exeat(&words).ok().stdout.trim().to_owned();
            self.world.forbid(&token);
            token
        });
        self.world.start_server();
        tokens
    }

    /// git in the work tree, with these settings.
    pub(super) fn git(&self, settings: &[String], words: &[&str]) -> Run {
        let settings = settings.iter().flat_map(|setting| ["-c", setting]);
        let words: Vec<&str> = settings.chain(words.iter().copied()).collect();
        self.world.git(&self.work, &words)
    }

    /// A new commit, pushed to a branch of its own.
    pub(super) fn push(&self, repository: &str, settings: &[String]) -> Run {
        let more = ["commit", "-q", "--allow-empty", "-m", "More"];
        self.world.git(&self.work, &more).ok();
        let url = self.world.proxied_url(repository);
        let id = self.world.git(&self.work, &["rev-parse", "HEAD"]).ok();
        let to = format!("HEAD:refs/heads/b{}", id.stdout.trim());
        self.git(settings, &["push", &url, &to])
    }

    /// The questions that the API was asked with this credential.
    pub(super) fn asked(&self, credential: &str) -> usize {
        let wanted = format!("Basic {}", BASE64.encode(pair(credential)));
        let requests = self.api.requests();
        for request in &requests {
            assert_eq!(request.first_line, "GET /api/v1/user HTTP/1.1");
        }
        let with =
            |request: &&crate::harness::Message| request.header("authorization") == Some(&wanted);
        requests.iter().filter(with).count()
    }

    /// The records in which a field has this value, oldest first.
    pub(super) fn records(&self, field: &str, value: &str) -> Vec<Value> {
        let mut records = records(&self.world);
        records.retain(|record| record[field] == value);
        records
    }

    pub(super) fn last_decision(&self) -> Value {
        self.records("kind", "decision").pop().unwrap()
    }

    /// The upstream and the API received nothing of a token of ours; nobody else received anything.
    pub(super) fn assert_nothing_went_astray(&self) {
        for witness in [&self.world.witness, &self.api] {
            let received = witness.received().to_ascii_lowercase();
            let received = String::from_utf8_lossy(&received);
            assert!(!received.contains("exeat-token") && !received.contains("exeat_"));
        }
        assert!(self.elsewhere.received().is_empty());
    }
}

/// In place of a status: a page, an answer that is too long, one that ends early, and none.
pub(super) const HTML: u16 = 1;
pub(super) const ENDLESS: u16 = 2;
pub(super) const CUT: u16 = 3;
pub(super) const SILENT: u16 = 4;

/// Credentials as settings of git that offer them unasked.
pub(super) fn credential(text: &str) -> String {
    format!(
        "http.extraHeader=Authorization: Basic {}",
        BASE64.encode(pair(text))
    )
}

/// User and password: what stands for the password in a test becomes one that no other text has.
fn pair(text: &str) -> String {
    let (user, _) = text.split_once(':').expect("a user and a password");
    format!("{user}:{}", canaries::credential(text, Reach::Forge))
}

/// An answer as a Gitea of version 1.22 gives it, recorded and shortened.
fn gitea(head: &[String], status: u16, elsewhere: &str) -> Vec<u8> {
    let given = head
        .iter()
        .find_map(|line| line.strip_prefix("authorization: Basic "));
    let given = given.map(|given| BASE64.decode(given).unwrap_or_default());
    let accounts = [
        ("ada:one", (7, "ada")),
        ("ada:two", (8, "ada-at-work")),
        ("bob:x", (9, "bob")),
        // Whoever registers a name is not thereby somebody.
        ("eve:x", (99, "ada")),
    ];
    let account = given.and_then(|given| {
        let mut accounts = accounts.iter();
        let found = accounts.find(|(text, _)| pair(text).into_bytes() == given);
        found.map(|(_, account)| *account)
    });
    let (kind, padding, more) = match status {
        HTML => ("text/html", 0, 0),
        ENDLESS => ("application/json", 100_000, 0),
        CUT => ("application/json", 0, 10),
        SILENT => {
            std::thread::sleep(std::time::Duration::from_secs(15));
            return Vec::new();
        }
        _ => ("application/json;charset=utf-8", 0, 0),
    };
    let status = match status {
        HTML | ENDLESS | CUT => 200,
        status => status,
    };
    let (status, mut body) = match (status, account) {
        (200, Some((id, login))) => {
            let user = format!(
                r#"{{"id":{id},"login":"{login}","login_name":"","source_id":0,"full_name":"Ada","email":"ada@example.com","is_admin":false,"active":true}}"#
            );
            (200, user)
        }
        (200, None) => (
            401,
            r#"{"message":"user does not exist [uid: 0, name: ]"}"#.to_owned(),
        ),
        (status, _) => (status, "{}".to_owned()),
    };
    body.push_str(&" ".repeat(padding));
    format!(
        "HTTP/1.1 {status} Said\r\nContent-Type: {kind}\r\nLocation: {elsewhere}/api/v1/user\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len() + more
    )
    .into_bytes()
}
