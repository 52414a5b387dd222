//! From a push with real git to a webhook and a mail box, and that nothing of what was pushed comes along.

use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Condvar, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::Value;

use super::mail_server::{MailServer, keep};
use super::{Desk, SIGNED_IN};
use crate::clients::python;
use crate::harness::canaries::{self, Reach};
use crate::harness::{Stub, Witness, github_token, run_program};
use crate::hold::{Scene, case_id, until};

/// Tables for a webhook behind this witness.
fn webhook(desk: &Desk, witness: &Witness) -> String {
    let secret = format!("whsec_{}", super::webhook_secret());
    let secret = keep(desk.path(), "secret", &secret);
    format!(
        "[notify]\nretry_seconds = 1\n[notify.webhook.chat]\nurl = \"{}/hook\"\nsecret = \"file:{}\"\nca = \"{}\"\nvia = \"off\"\n",
        witness.url(),
        secret.display(),
        desk.path().join("ca.pem").display()
    )
}

fn mail(desk: &Desk, server: &MailServer) -> String {
    let folder = format!("{}/", desk.path().display());
    let signed_in = SIGNED_IN
        .replace("file:", &format!("file:{folder}"))
        .replace("\"ca.pem\"", &format!("\"{folder}ca.pem\""));
    format!(
        "[notify.mail]\nserver = \"localhost:{}\"\nfrom = \"exeat@bank.example\"\nto = [\"reviewers\", \"list@bank.example\"]\n{signed_in}",
        server.port
    )
}

fn answer(status: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").into_bytes()
}

/// What the webhook heard, as id and body.
fn heard(witness: &Witness) -> Vec<(String, Value)> {
    let requests = witness.requests().into_iter();
    let heard = requests.filter(|request| request.complete).map(|request| {
        assert_eq!(request.target(), "/hook");
        let id = request.header("webhook-id").unwrap().to_owned();
        (id, serde_json::from_slice(&request.body).unwrap())
    });
    heard.collect()
}

#[test]
fn a_held_push_is_told_and_nothing_that_was_pushed_with_it() {
    let Some(python) = python() else { return };
    let desk = Desk::new();
    let witness = Witness::of_receiver(Stub::start(|_| answer("204 No Content")).address);
    // A greylisting server: the first recipient has to come again.
    let arguments = ["--tls", "start", "--answer", "451 4.7.1 come again"];
    let server = MailServer::start(&python, Some(("exeat", &super::password())), &arguments);
    let settings = format!("{}{}", webhook(&desk, &witness), mail(&desk, &server));
    let mut scene = Scene::with(&settings);
    scene.house.world.stop_server();
    for name in ["ann", "ben"] {
        let words = format!("user edit {name} --add-mail {name}@bank.example");
        scene.house.exeat(&words).ok();
    }
    scene.house.world.start_server();

    let canary = canaries::credential("ada 7301", Reach::Forge);
    let credential = BASE64.encode(format!("ada:{canary}"));
    let header = format!("http.extraHeader=Authorization: Basic {credential}");
    let world = &scene.house.world;
    world
        .git(
            &scene.work,
            &[
                "config",
                "http.extraHeader",
                &header["http.extraHeader=".len()..],
            ],
        )
        .ok();
    scene.commit(7_302);
    let held = scene.push(&["-o", "exeat.reason=because a sample"]);
    let id = case_id(&held);
    scene.approve(&id);
    let sent = scene.push(&[]);
    sent.ok();

    until("all is told", || {
        heard(&witness).len() >= 4 && server.letters().len() >= 6
    });
    let heard = heard(&witness);
    let types: Vec<&str> = heard
        .iter()
        .filter_map(|(_, body)| body["type"].as_str())
        .collect();
    assert_eq!(
        types,
        ["case.opened", "case.decided", "case.approved", "case.sent"]
    );
    for (told, body) in &heard {
        assert_eq!(body["data"]["id"], id.as_str());
        assert_eq!(body["data"]["repository"], "one");
        assert!(told.starts_with(&format!("{id}-")), "{told}");
    }
    let letters = server.letters();
    let of = |to: &str| {
        letters
            .iter()
            .filter(|letter| letter["to"][0] == to)
            .count()
    };
    assert_eq!(
        (
            of("ann@bank.example"),
            of("ben@bank.example"),
            of("list@bank.example")
        ),
        (1, 1, 4)
    );

    // Whatever was pushed, said or shown stays here.
    let letters = serde_json::to_string(&letters).unwrap();
    let told = format!("{}{letters}", String::from_utf8_lossy(&witness.received()));
    let secret = github_token(7_302);
    let canaries = [
        canary.as_str(),
        &credential,
        &secret,
        &secret[..8],
        "file-7302",
        "a file",
        "because a sample",
        "refs/heads",
        &super::password(),
        &super::webhook_secret(),
    ];
    for canary in canaries {
        assert!(!told.contains(canary), "{canary} was told");
    }
    let log = scene.house.world.server().log();
    for canary in [super::password(), super::webhook_secret(), canary] {
        assert!(!log.contains(&canary), "{canary} was logged");
    }
    validate(&python, &heard);

    // The operator sees it beside the server, and changes nothing there.
    let list = scene.house.exeat("notify list --state delivered");
    assert_eq!(list.ok().stdout.lines().count(), 1 + 4 + 6);
    let metrics = scene.house.world.telemetry("/metrics");
    assert!(
        metrics.contains("exeat_notices_delivered_total{channel=\"mail\"} 6"),
        "{metrics}"
    );
    assert!(
        metrics.contains("exeat_notices_failed_total{channel=\"mail\"} 1"),
        "{metrics}"
    );
}

/// Holds each body against the schema of the handbook.
fn validate(python: &Path, heard: &[(String, Value)]) {
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("proxy/handbook/schemas/notice.json");
    let script = "import json, jsonschema, sys\n\
                  check = jsonschema.Draft202012Validator(json.load(open(sys.argv[1])))\n\
                  [check.validate(body) for body in json.loads(sys.argv[2])]\n\
                  bad = json.loads(sys.argv[2])[0]; bad['data']['secret'] = 1\n\
                  sys.exit(0 if list(check.iter_errors(bad)) else 1)";
    let bodies: Vec<&Value> = heard.iter().map(|(_, body)| body).collect();
    let bodies = serde_json::to_string(&bodies).unwrap();
    let mut command = Command::new(python);
    command.args(["-c", script]).arg(schema).arg(bodies);
    run_program(&mut command).ok();
}

#[test]
fn what_was_not_told_before_a_crash_is_told_after_it() {
    let desk = Desk::new();
    let gate = Arc::new((Mutex::new(false), Condvar::new()));
    let kept = Arc::clone(&gate);
    // The first request is answered when the gate opens.
    let stub = Stub::start(move |_| {
        let (open, opened) = &*kept;
        let open = open.lock().unwrap();
        drop(opened.wait_while(open, |open| !*open).unwrap());
        answer("200 OK")
    });
    let witness = Witness::of_receiver(stub.address);
    let mut scene = Scene::with(&webhook(&desk, &witness));
    scene.commit(7_303);
    let id = case_id(&scene.push(&[]));
    until("it is being told", || heard(&witness).len() == 1);
    scene.house.world.server().kill();
    scene.house.world.await_death();
    *gate.0.lock().unwrap() = true;
    gate.1.notify_all();
    scene.house.world.start_server();
    until("it is told again", || heard(&witness).len() == 2);
    let ids: Vec<String> = heard(&witness).into_iter().map(|(id, _)| id).collect();
    assert_eq!(ids, [format!("{id}-1"), format!("{id}-1")]);
    until("it is delivered", || {
        let list = scene
            .house
            .exeat("notify list --state delivered --format jsonl");
        list.ok().stdout.lines().count() == 1
    });
}

#[test]
fn a_reload_takes_other_receivers_and_keeps_them_where_one_is_wrong() {
    let desk = Desk::new();
    let witness = Witness::of_receiver(Stub::start(|_| answer("200 OK")).address);
    let scene = Scene::new();
    let config = scene.house.world.config();
    let before = std::fs::read_to_string(&config).unwrap();
    let with = |more: &str| {
        std::fs::write(&config, format!("{before}\n{more}")).unwrap();
        let count = |result: &str| {
            let metrics = scene.house.world.telemetry("/metrics");
            let line = format!("exeat_reloads_total{{result=\"{result}\"}} ");
            let found = metrics.lines().find_map(|one| one.strip_prefix(&line));
            found.unwrap().parse::<u64>().unwrap()
        };
        let (good, bad) = (count("ok"), count("failed"));
        scene.house.world.server().hang_up();
        until("it was reloaded", || {
            count("ok") > good || count("failed") > bad
        });
        count("failed") > bad
    };
    assert!(!with(&webhook(&desk, &witness)));
    let secret = desk.path().join("secret");
    std::fs::write(&secret, "short").unwrap();
    assert!(with(
        &webhook(&desk, &witness).replace("file:", "file:/nowhere")
    ));
    scene.commit(7_304);
    let id = case_id(&scene.push(&[]));
    until("it is told", || heard(&witness).len() == 1);
    assert_eq!(heard(&witness)[0].0, format!("{id}-1"));
}

#[test]
fn what_was_given_up_is_tried_again_for_the_operator() {
    let desk = Desk::new();
    let first = Arc::new(Mutex::new(true));
    let stub = Stub::start(move |_| {
        let is_first = std::mem::replace(&mut *first.lock().unwrap(), false);
        answer(if is_first { "410 Gone" } else { "200 OK" })
    });
    let witness = Witness::of_receiver(stub.address);
    let scene = Scene::with(&webhook(&desk, &witness));
    let house = &scene.house;
    scene.commit(7_305);
    let id = case_id(&scene.push(&[]));
    let dead = || {
        house
            .exeat("notify list --state dead --format jsonl")
            .ok()
            .stdout
    };
    until("it is given up", || !dead().is_empty());
    let notice: Value = serde_json::from_str(&dead()).unwrap();
    assert_eq!(
        (&notice["push"], &notice["receiver"]),
        (&id.as_str().into(), &"chat".into())
    );
    assert_eq!(notice["trouble"], "it answered 410: it is gone");
    let list = house.exeat("notify list").ok().stdout;
    assert!(
        list.starts_with("NOTICE ") && list.contains("webhook chat"),
        "{list}"
    );
    // Somebody who decides on pushes runs nothing.
    let path = format!("/api/v1/notices/{}/retry", notice["id"].as_str().unwrap());
    let (status, _) = house.post(&path, &scene.ann, &Value::Null);
    assert_eq!(status, 403);
    assert_eq!(house.get("/api/v1/notices", &scene.ann).0, 403);
    house.exeat("notify retry --all").ok();
    until("it is delivered", || {
        heard(&witness).len() == 2 && dead().is_empty()
    });
    let again = house.exeat(&format!("notify retry {}", notice["id"].as_str().unwrap()));
    assert!(
        again
            .stderr
            .contains("only what was given up is tried anew"),
        "{again}"
    );
    let unknown = house.exeat("notify retry n-0000000000000000");
    assert!(
        unknown
            .stderr
            .contains("there is no notice n-0000000000000000"),
        "{unknown}"
    );
    let record = house.exeat("audit list --format jsonl").ok().stdout;
    for action in ["dead-letter", "retry"] {
        let line = record
            .lines()
            .find(|line| line.contains(&format!("\"action\":\"{action}\"")));
        let line = line.unwrap_or_else(|| panic!("{action} is not on record: {record}"));
        assert!(
            line.contains("\"kind\":\"notice\"") && line.contains(&id),
            "{line}"
        );
    }
    house.exeat("audit verify").ok();
}
