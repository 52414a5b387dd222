//! Who pushes: by what the forge says of the credential, a client certificate, or a token of ours. The answers of the forge's
//! user API are recorded ones, given by a stub over TLS.

mod scene;

use std::sync::atomic::{AtomicBool, Ordering};

use rcgen::{DistinguishedName, DnType, ExtendedKeyUsagePurpose};

use crate::faults::{await_until, contains, metric};
use crate::harness::canaries::{self, Reach};
use crate::harness::{Options, Run, Stub, World, authority, flush, gits, packet};
use scene::{CUT, ENDLESS, HTML, SILENT, Scene, Setting, credential};

/// What git shows, in one line.
fn told(run: &Run) -> String {
    let lines = run.stderr.lines();
    let lines = lines.map(|line| line.trim_start_matches("remote:").trim());
    lines.collect::<Vec<_>>().join(" ")
}

#[track_caller]
fn refused(run: &Run, words: &str) {
    assert_ne!(run.status, 0, "{run}");
    assert!(told(run).contains(words), "{words}: {run}");
    assert!(told(run).contains("Nothing left the company."), "{run}");
}

#[test]
fn an_account_of_the_forge_is_its_persons_and_a_name_is_nobodys() {
    let scene = Scene::new(&Setting {
        identity: "sources = [\"forge\"]\nnot_pusher_action = \"block\"",
        policy: "[[rule]]\nname = \"core-may\"\ngroup = \"core\"\ndo = \"scan\"\n\
                 [[rule]]\nname = \"others\"\ndo = \"deny\"\nmessage = \"Only the core team pushes here.\"\n",
        people: &[
            "user add ada --mail ada@example.com",
            "user link ada --upstream forge.test --account 7",
            "user link ada --upstream forge.test --account 8",
            "user add bob --mail bob@example.com",
            "user link bob --upstream forge.test --account 9",
            "group add core",
            "group join core ada",
        ],
        ..Setting::default()
    });
    // Two accounts of one person.
    for (text, account) in [("ada:one", "7"), ("ada:two", "8")] {
        scene.push("one", &[credential(text)]).ok();
        let actor = &scene.last_decision()["payload"]["actor"];
        assert_eq!(actor["verified"], true, "{actor}");
        assert_eq!(actor["name"], "ada", "{actor}");
        assert_eq!(actor["account"], account, "{actor}");
        let person = actor["person"].as_str().unwrap();
        assert!(person.starts_with("u-"), "{actor}");
        assert!(scene.world.server().log().contains(person));
        // Once for discovery and push.
        assert_eq!(scene.asked(text), 1);
    }
    let pushes = scene.world.witness.pushes().len();
    // Known and not of the group; a login and a mail address that are another's; nobody the API knows; no credential.
    for text in ["bob:x", "eve:x", "mallory:x"] {
        let run = scene.push("one", &[credential(text)]);
        refused(&run, "Only the core team pushes here.");
        assert_eq!(scene.asked(text), 1);
    }
    refused(&scene.push("one", &[]), "Only the core team pushes here.");
    assert_eq!(scene.world.witness.pushes().len(), pushes);
    // A forge that does not answer knows nobody, and is not asked at once again.
    scene.status.store(503, Ordering::SeqCst);
    let run = scene.push("one", &[credential("ada:one")]);
    assert_eq!(run.status, 0, "what was said holds for a while: {run}");
    scene.assert_nothing_went_astray();
    scene.exeat(&["audit", "verify"]).ok();
}

#[test]
fn an_account_that_has_to_be_known_is_told_with_its_number() {
    let mut scene = Scene::new(&Setting {
        identity: "sources = [\"forge\"]\nrequired = [\"forge\"]\ncache_seconds = 0\nnot_pusher_action = \"block\"",
        people: &["user add bob --mail bob@example.com"],
        ..Setting::default()
    });
    let bob = [credential("bob:x")];
    refused(
        &scene.push("one", &bob),
        "your account on forge.test, which has the number 9",
    );
    let line = "exeat user link NAME --upstream forge.test --account 9";
    let run = scene.push("one", &bob);
    assert!(told(&run).contains(line), "{run}");
    refused(
        &scene.push("one", &[credential("mallory:x")]),
        "does not say whose the credential",
    );
    refused(
        &scene.push("one", &[]),
        "needs a credential, and git sent none",
    );
    // A redirect is no answer, and is not followed.
    for status in [302, 500, 429] {
        scene.status.store(status, Ordering::SeqCst);
        let words =
            format!("did not say whose the credential of this push is: it answered {status}");
        refused(&scene.push("one", &bob), &words);
    }
    for (odd, words) in [
        (HTML, "its answer was not understood"),
        (ENDLESS, "its answer was not understood"),
        (CUT, "its answer was not understood"),
    ] {
        scene.status.store(odd, Ordering::SeqCst);
        refused(&scene.push("one", &bob), words);
    }
    match std::env::var_os("EXEAT_NIGHTLY") {
        None => println!(
            "skipped without EXEAT_NIGHTLY: an API that stands still, which takes ten seconds"
        ),
        Some(_) => {
            scene.status.store(SILENT, Ordering::SeqCst);
            refused(&scene.push("one", &bob), "it did not answer in time");
        }
    }
    scene.status.store(200, Ordering::SeqCst);
    let line = line.replace("exeat ", "").replace("NAME", "bob");
    scene.meanwhile(&line.split(' ').collect::<Vec<_>>());
    // Known now: the commits are not his, and his addresses say so.
    let run = scene.push("one", &bob);
    assert!(told(&run).contains("identity-not-pusher"), "{run}");
    let own = [
        "commit",
        "--amend",
        "--reset-author",
        "--allow-empty",
        "--no-edit",
    ];
    let me = ["-c", "user.name=Bob", "-c", "user.email=bob@example.com"];
    scene
        .world
        .git(&scene.work, &["checkout", "-q", "--orphan", "own"])
        .ok();
    scene
        .world
        .git(
            &scene.work,
            &[&me[..], &["commit", "-q", "-m", "Mine"]].concat(),
        )
        .ok();
    scene.world.git(&scene.work, &[&me[..], &own].concat()).ok();
    let url = scene.world.proxied_url("one");
    scene.git(&bob, &["push", &url, "own"]).ok();
    scene.meanwhile(&["user", "disable", "bob"]);
    refused(&scene.push("one", &bob), "which has the number 9");
    assert_eq!(scene.world.witness.pushes().len(), 1);
    scene.assert_nothing_went_astray();
}

#[test]
fn a_token_says_who_pushes_and_goes_no_further() {
    let mut scene = Scene::new(&Setting {
        identity: "sources = [\"token\"]\nrequired = [\"token\"]",
        policy: "[[rule]]\nname = \"ada-may\"\nperson = \"ada\"\ndo = \"scan\"\n\
                 [[rule]]\nname = \"others\"\ndo = \"deny\"\n",
        people: &[
            "user add ada --role developer",
            "user add bob --role developer",
            "user add eve --role reviewer",
        ],
        log: "trace",
        ..Setting::default()
    });
    let run = scene.push("one", &[]);
    refused(&run, "needs your Exeat token, and there is none");
    let line = told(&run);
    assert!(
        line.contains("read -rs TOKEN git config --global http.https://127.0.0.1:"),
        "{line}"
    );
    let [token, of_bob, to_read, of_eve] = scene.tokens([
        ("ada", "push"),
        ("bob", "push"),
        ("ada", "read"),
        ("eve", "push"),
    ]);
    assert!(
        scene.world.witness.requests().is_empty(),
        "the forge was asked for a stranger"
    );

    // As the message says it.
    let address = scene.world.address();
    let key = format!("http.https://{address}/.extraHeader");
    let header = format!("Exeat-Token: {token}");
    scene.git(&[], &["config", "--global", &key, &header]).ok();
    for git in gits() {
        let url = scene.world.proxied_url("one");
        let to = format!("HEAD:refs/heads/{}", git.version);
        scene
            .world
            .git_with(git, &scene.work, &["push", &url, &to])
            .ok();
        let place = scene.world.place(&format!("clone-{}", git.version));
        scene
            .world
            .git_with(git, &place, &["clone", "-q", &url, "."])
            .ok();
    }
    let actor = &scene.last_decision()["payload"]["actor"];
    assert_eq!(
        (&actor["name"], &actor["verified"]),
        (&"ada".into(), &true.into())
    );
    assert_eq!(actor["account"], serde_json::Value::Null);
    let batch = format!(
        "{{\"operation\":\"download\",\"objects\":[{{\"oid\":\"{}\",\"size\":1}}]}}",
        "0".repeat(64)
    );
    let head = |token: &str| {
        format!(
            "POST /forge.test/one.git/info/lfs/objects/batch HTTP/1.1\nContent-Type: application/vnd.git-lfs+json\n\
             Exeat-Token: {token}\nContent-Length: {}",
            batch.len()
        )
    };
    scene.world.ask(&head(&token), batch.as_bytes());
    let requests = scene.world.witness.requests();
    assert!(
        requests
            .iter()
            .any(|request| request.target().ends_with("/objects/batch"))
    );
    scene
        .git(&[], &["config", "--global", "--unset", &key])
        .ok();

    let with = |token: &str| vec![format!("http.extraHeader=Exeat-Token: {token}")];
    let before = scene.world.witness.requests().len();
    // For something else, of somebody who has no role that pushes, mistyped, and none.
    for wrong in [to_read.as_str(), &of_eve, &token[..41], "x"] {
        let run = scene.push("one", &with(wrong));
        refused(&run, "token that came with it does not hold");
        let url = scene.world.proxied_url("one");
        let fetch = scene.git(&with(wrong), &["ls-remote", &url]);
        refused(&fetch, "token that came with it does not hold");
    }
    let lfs = scene.world.ask(&head(&to_read), batch.as_bytes());
    assert!(contains(lfs.body(), b"does not hold"));
    let twice = [with(&token), with(&token)].concat();
    let run = scene.push("one", &twice);
    assert!(
        told(&run).contains("more than one Exeat-Token header"),
        "{run}"
    );
    assert_eq!(
        scene.world.witness.requests().len(),
        before,
        "a wrong token reached the forge"
    );
    refused_for(&scene.push("one", &with(&of_bob)), "others");

    let tokens = scene
        .exeat(&["token", "list", "--user", "ada", "--format", "jsonl"])
        .ok();
    let first: serde_json::Value = serde_json::from_str(
        tokens
            .stdout
            .lines()
            .find(|line| line.contains("push"))
            .unwrap(),
    )
    .unwrap();
    scene.meanwhile(&["token", "revoke", first["id"].as_str().unwrap()]);
    let run = scene.push("one", &with(&token));
    refused(&run, "token that came with it does not hold");
    scene.assert_nothing_went_astray();
}

#[test]
fn a_certificate_says_who_pushes_and_contradictions_are_on_record() {
    let mut scene = Scene::new(&Setting {
        identity: "sources = [\"certificate\", \"token\"]\nrequired = [\"certificate\"]",
        tls: ", client_ca = \"clients.pem\"",
        people: &[
            "user add ada --role developer",
            "user add bob --role developer",
        ],
        ..Setting::default()
    });
    let identity = authority().identity_with(&[], |params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.distinguished_name = DistinguishedName::new();
        params
            .distinguished_name
            .push(DnType::OrganizationName, "Bank");
        params
            .distinguished_name
            .push(DnType::CommonName, "bob, of old");
    });
    let place = scene.world.place("bob");
    std::fs::write(place.join("bob.pem"), &identity.certificate).unwrap();
    std::fs::write(place.join("bob.key"), &identity.key).unwrap();
    let show = [
        format!("http.sslCert={}", place.join("bob.pem").display()),
        format!("http.sslKey={}", place.join("bob.key").display()),
    ];
    let run = scene.push("one", &show);
    let subject = r"O=Bank, CN=bob\, of old";
    refused(
        &run,
        &format!("exeat user link NAME --certificate '{subject}'"),
    );
    scene.meanwhile(&["user", "link", "bob", "--certificate", subject]);
    scene.push("one", &show).ok();
    let actor = &scene.last_decision()["payload"]["actor"];
    assert_eq!(
        (&actor["name"], &actor["certificate"]),
        (&"bob".into(), &subject.into())
    );

    let [token] = scene.tokens([("ada", "push")]);
    let of_ada = format!("http.extraHeader=Exeat-Token: {token}");
    let both = [&show[..], &[of_ada]].concat();
    for _ in 0..2 {
        refused(&scene.push("one", &both), "names two persons");
    }
    let records = scene.records("action", "refused: two persons");
    let record = records.first().unwrap();
    assert_eq!(record["kind"], "login");
    assert_eq!(record["payload"]["actor"]["verified"], false);
    let note = record["payload"]["note"].as_str().unwrap();
    assert!(
        note.contains("token: u-") && note.contains("certificate: u-"),
        "{note}"
    );
    assert_eq!(records.len(), 1, "once an hour");
    let shown = scene.exeat(&["user", "show", "bob"]).ok().stdout;
    assert!(
        shown.contains(&format!("the certificate of {subject}, linked")),
        "{shown}"
    );
    // Whoever is disabled is nobody, and no other person either.
    scene.meanwhile(&["user", "disable", "bob"]);
    refused(
        &scene.push("one", &show),
        "Nobody is known by your client certificate",
    );
    refused(
        &scene.push("one", &both),
        "Nobody is known by your client certificate",
    );
    scene.assert_nothing_went_astray();
}

#[test]
fn first_pushes_and_new_projects_are_remembered() {
    let scene = Scene::new(&Setting {
        identity: "sources = [\"forge\"]",
        policy: "[[rule]]\nname = \"bob-may\"\nperson = \"bob\"\ndo = \"scan\"\n\
                 [[rule]]\nname = \"open\"\nrepository = \"two\"\nref = \"refs/heads/open\"\ndo = \"scan\"\n\
                 [[rule]]\nname = \"first\"\nevent = \"first-push\"\ndo = \"review\"\n\
                 [[rule]]\nname = \"new\"\nevent = \"new-project\"\ndo = \"review\"\n",
        people: &[
            "user add ada",
            "user link ada --upstream forge.test --account 7",
            "user add bob",
            "user link bob --upstream forge.test --account 9",
        ],
        ..Setting::default()
    });
    let (ada, bob) = ([credential("ada:one")], [credential("bob:x")]);
    refused_for(&scene.push("one", &ada), "first");
    // Where anybody may, her first push goes; what she does next is no first push, but to a new project.
    let url = scene.world.proxied_url("two");
    scene
        .git(&ada, &["push", &url, "HEAD:refs/heads/open"])
        .ok();
    refused_for(&scene.push("one", &ada), "new");
    scene.push("one", &bob).ok();
    scene.push("one", &ada).ok();
    // Of a stranger it is not known whether it is the first one.
    refused_for(&scene.push("one", &[credential("eve:x")]), "first");
}

#[track_caller]
fn refused_for(run: &Run, rule: &str) {
    assert_ne!(run.status, 0, "{run}");
    let words = format!("Decided by policy rule {rule}");
    assert!(told(run).contains(&words), "{run}");
}

/// The forge says 401 to a credential that it took a moment ago.
#[test]
fn a_credential_that_the_forge_refuses_is_asked_about_anew() {
    static REFUSES: AtomicBool = AtomicBool::new(false);
    let forge = Stub::start(|_| {
        let zero = "0".repeat(40);
        let refs = packet(format!("{zero} capabilities^{{}}\0report-status\n"));
        let service = packet("# service=git-receive-pack\n");
        let list = [service, flush(), refs, flush()].concat();
        let head = match REFUSES.load(Ordering::SeqCst) {
            false => {
                "HTTP/1.1 200 OK\r\nContent-Type: application/x-git-receive-pack-advertisement"
            }
            true => "HTTP/1.1 401 Who\r\nWWW-Authenticate: Basic realm=\"forge\"",
        };
        let head = format!(
            "{head}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            list.len()
        );
        [head.into_bytes(), list].concat()
    });
    let scene = Scene::new(&Setting {
        identity: "sources = [\"forge\"]\nrequired = [\"forge\"]",
        people: &[
            "user add ada",
            "user link ada --upstream forge.test --account 7",
        ],
        behind: Some(forge.address),
        ..Setting::default()
    });
    let ask = || {
        let basic = credential("ada:one").replace("http.extraHeader=", "");
        let head = "GET /forge.test/one.git/info/refs?service=git-receive-pack HTTP/1.1";
        scene.world.ask(&format!("{head}\n{basic}"), b"")
    };
    for _ in 0..2 {
        assert!(contains(ask().body(), b"capabilities"));
    }
    assert_eq!(scene.asked("ada:one"), 1);
    REFUSES.store(true, Ordering::SeqCst);
    assert_eq!(ask().status, 401);
    REFUSES.store(false, Ordering::SeqCst);
    assert!(contains(ask().body(), b"capabilities"));
    assert_eq!(scene.asked("ada:one"), 2);
    // What was said goes with the configuration that it was asked by.
    let reloads = || metric(&scene.world, "exeat_reloads_total{result=\"ok\"}");
    let before = reloads();
    scene.world.server().hang_up();
    await_until("it is not reloaded", || reloads() > before);
    assert!(contains(ask().body(), b"capabilities"));
    assert_eq!(scene.asked("ada:one"), 3);
}

/// A redirect is followed inside, and what is ours stays here.
#[test]
fn a_redirect_takes_no_token_along() {
    let forge = Stub::start(|first_line| {
        let to = match first_line.contains("/old.git/") {
            true => first_line
                .split(' ')
                .nth(1)
                .map(|path| path.replace("old", "new")),
            false => None,
        };
        let head = match to {
            Some(to) => format!("HTTP/1.1 301 Moved\r\nLocation: {to}"),
            None => "HTTP/1.1 404 Gone".to_owned(),
        };
        format!("{head}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").into_bytes()
    });
    let mut scene = Scene::new(&Setting {
        identity: "sources = [\"token\"]",
        people: &["user add ada --role developer"],
        behind: Some(forge.address),
        ..Setting::default()
    });
    let [token] = scene.tokens([("ada", "push")]);
    let with = [format!("http.extraHeader=Exeat-Token: {token}")];
    let run = scene.push("old", &with);
    assert_ne!(run.status, 0, "{run}");
    let url = scene.world.proxied_url("old");
    assert_ne!(scene.git(&with, &["ls-remote", &url]).status, 0);
    let requests = scene.world.witness.requests();
    let moved = requests
        .iter()
        .filter(|request| request.target().starts_with("/new.git/"));
    assert_eq!(moved.count(), 2);
    scene.assert_nothing_went_astray();
}

#[test]
fn where_nobody_is_asked_a_token_is_not_looked_at_and_goes_nowhere() {
    let world = World::start(Options::default());
    world.new_repository("one");
    let work = world.new_work("work");
    world.commit_file(&work, "book", "A word.\n", "Begin");
    let url = world.proxied_url("one");
    let token = canaries::credential("whatever it is", Reach::Ours);
    let header = format!("http.extraHeader=Exeat-Token: {token}");
    world
        .git(&work, &["-c", &header, "push", &url, "main"])
        .ok();
    world.witness.assert_never_received(&token);
    let received = world.witness.received().to_ascii_lowercase();
    assert!(!contains(&received, b"exeat-token"));
}
