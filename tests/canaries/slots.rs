//! A credential of its own in every slot that a configuration has, all used in one life of a held push.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::clients::python;
use crate::harness::canaries::{self, Reach};
use crate::harness::{Stub, Witness, github_token};
use crate::hold::{Scene, case_id, until};
use crate::notify::{MailServer, keep};

/// Files with a credential for each slot.
struct Slots {
    folder: tempfile::TempDir,
}

impl Slots {
    fn fill() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = |slot: &str| BASE64.encode(canaries::key::<32>(slot));
        for (name, text) in [
            ("ca.pem", crate::harness::authority().pem().to_owned()),
            ("secret", key("slots, webhook")),
            ("old-secret", format!("whsec_{}", key("slots, old webhook"))),
            ("old-key", key("slots, old quarantine")),
            ("password", canaries::credential("slots, mail", Reach::Ours)),
            (
                "organisation",
                canaries::credential("slots, organisation", Reach::Forge),
            ),
            (
                "way-out",
                format!(
                    "exeat:{}",
                    canaries::credential("slots, way out", Reach::Ours)
                ),
            ),
        ] {
            keep(folder.path(), name, &text);
        }
        Self { folder }
    }

    fn file(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// Every table that has a credential, but for the quarantine's key itself: the scene has it.
    fn settings(&self, witness: &Witness, proxy: &Stub, mail: Option<&MailServer>) -> String {
        let address = canaries::credential("slots, address", Reach::Address);
        let url = format!("{}/{address}", witness.url());
        keep(self.folder.path(), "url", &url);
        let in_address = canaries::credential("slots, way out in an address", Reach::Ours);
        let [ca, secret, old] = ["ca.pem", "secret", "old-secret"].map(|name| self.file(name));
        let [url, way_out] = ["url", "way-out"].map(|name| self.file(name));
        let (old_key, organisation) = (self.file("old-key"), self.file("organisation"));
        let proxy = proxy.address;
        let mail = mail.map_or(String::new(), |server| {
            let (port, password) = (server.port, self.file("password"));
            format!(
                "[notify.mail]\nserver = \"localhost:{port}\"\nfrom = \"exeat@bank.example\"\nto = [\"list@bank.example\"]\n\
                 user = \"exeat\"\npassword = \"file:{password}\"\nca = \"{ca}\"\n"
            )
        });
        format!(
            "old_keys = [\"file:{old_key}\"]\n[identity]\nsources = [\"token\"]\n\
             [notify.webhook.chat]\nurl = \"file:{url}\"\nsecret = \"file:{secret}\"\nold_secret = \"file:{old}\"\nca = \"{ca}\"\nvia = \"off\"\n\
             [notify.webhook.away]\nurl = \"https://hooks.test\"\nsecret = \"file:{secret}\"\nvia = \"http://{proxy}\"\nvia_credentials = \"{way_out}\"\n\
             {mail}\
             [upstream.\"forge.test\".organisation]\nuser = \"exeat\"\ntoken = \"file:{organisation}\"\nrepositories = [\"one\"]\n\
             [upstream.away]\nurl = \"https://away.test\"\nvia = \"http://exeat:{in_address}@{proxy}\"\n"
        )
    }
}

fn stub(answer: &'static str) -> Stub {
    Stub::start(move |_| {
        let end = "\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        format!("HTTP/1.1 {answer}{end}").into_bytes()
    })
}

#[test]
fn every_credential_is_used_and_none_is_kept_or_told() {
    let slots = Slots::fill();
    let witness = Witness::of_receiver(stub("204 No Content").address);
    let proxy = stub("407 Who");
    let password = canaries::credential("slots, mail", Reach::Ours);
    let mail = python().map(|python| {
        let login = Some(("exeat", &*password));
        MailServer::start(&python, login, &["--tls", "start"])
    });
    let mut scene = Scene::with(&slots.settings(&witness, &proxy, mail.as_ref()));
    let world = &mut scene.house.world;
    world.stop_server();
    world.set_variables(&[("EXEAT_LOG", "trace")]);
    let dev = scene.house.person("dev", &["developer"], &["push"]);
    scene.house.world.start_server();

    // The developer's own credential, and his token.
    let own = canaries::credential("slots, developer", Reach::Forge);
    let basic = BASE64.encode(format!("dev:{own}"));
    let world = &scene.house.world;
    for header in [
        format!("Authorization: Basic {basic}"),
        format!("Exeat-Token: {dev}"),
    ] {
        let words = ["config", "--add", "http.extraHeader", &header];
        world.git(&scene.work, &words).ok();
    }
    let secret = github_token(7_950);
    world
        .git(&scene.work, &["config", "core.compression", "0"])
        .ok();
    world.commit_file(&scene.work, "a.env", format!("{secret}\n"), "Add");
    let held = scene.push(&["-o", "exeat.reason=a sample"]);
    let id = case_id(&held);
    // While it waits: its pack, the database and the log.
    assert_eq!(scene.kept(), [format!("{id}.pack")]);
    scene.house.world.assert_nothing_kept();
    // Of somebody who is known, one approval is enough.
    let (status, answer) = scene.say(&id, &scene.ann, "approve", "");
    assert_eq!(status, 200, "{answer}");
    until("it went", || scene.upstream() == scene.head());
    until("that is noted", || scene.case(&id)["state"] == "sent");
    until("all is told", || {
        let posted = witness.requests().iter().filter(|one| one.complete).count();
        let mailed = mail.as_ref().map_or(3, |server| server.letters().len());
        posted >= 3 && mailed >= 3
    });
    // The organisation's credential went where it belongs, and with it what was approved.
    let world = &scene.house.world;
    let organisation = canaries::made_up("slots, organisation");
    let organisation = format!("Basic {}", BASE64.encode(format!("exeat:{organisation}")));
    let pushes = world.witness.pushes();
    let mut with = pushes.iter().map(|push| push.header("authorization"));
    assert!(with.any(|value| value == Some(&organisation)));
    // The ways out want other credentials.
    let away = world.proxied_url("one").replace("/forge.test/", "/away/");
    let away = world.git(&scene.work, &["push", &away, "HEAD:main"]);
    assert!(away.stderr.contains("E-2025"), "{away}");

    // Commands that read the configuration, and all lists there are.
    let house = &scene.house;
    for words in [
        "config show",
        "config check",
        "notify test --to list@bank.example",
        "notify list",
        "notify list --format jsonl",
        "user list --format jsonl",
        "token list --format jsonl",
        "audit list --limit 100000",
        "audit list --format jsonl --limit 100000",
        "audit verify",
    ] {
        let run = house.exeat(words);
        assert!(!format!("{run}").contains("Usage:"), "{run}");
    }
    for token in [&scene.ann, &scene.ben] {
        house.review(token, &["list", "--state", "all"]).ok();
        house.review(token, &["show", &id]).ok();
    }
    // What a mistake in each of these files is told with holds nothing of it.
    for name in [
        "secret",
        "old-secret",
        "old-key",
        "password",
        "organisation",
        "way-out",
        "url",
    ] {
        let path = slots.file(name);
        let right = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, format!("{right}\n{right}")).unwrap();
        let run = house.exeat("config check");
        assert_ne!(run.status, 0, "{name}: {run}");
        std::fs::write(&path, right).unwrap();
    }
    assert!(house.world.server().log().contains("TRACE"));
}
