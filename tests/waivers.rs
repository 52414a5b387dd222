//! What reviewers see of a held push, what they say of single findings, and what becomes of findings that are waived.

use std::process::Command;

use serde_json::{Value, json};

use crate::harness::{EXEAT, Run, clean, github_token, run_program};
use crate::hold::{Scene, case_id};

/// A scene with somebody of security, and a known developer.
struct Waiving {
    scene: Scene,
    sue: String,
    /// What makes git tell who pushes.
    known: String,
}

impl Waiving {
    fn new() -> Self {
        let mut scene = Scene::with("[identity]\nsources = [\"token\"]\n");
        let house = &mut scene.house;
        let sue = house.person("sue", &["security"], &["read", "decide"]);
        let dev = house.person("dev", &["developer"], &["push"]);
        Self {
            scene,
            sue,
            known: format!("http.extraHeader=Exeat-Token: {dev}"),
        }
    }

    fn write(&self, path: &str, content: String) {
        let world = &self.scene.house.world;
        let message = format!("change {path}");
        world.commit_file(&self.scene.work, path, content, &message);
    }

    fn push(&self, to: &str) -> Run {
        let url = self.scene.house.world.proxied_url("one");
        let to = format!("HEAD:refs/heads/{to}");
        let words = ["-c", &self.known, "push", &url, &to];
        self.scene.house.world.git(&self.scene.work, &words)
    }

    /// Pushes what is waived: it goes, and says by what.
    #[track_caller]
    fn passes(&self, to: &str, waivers: &[&str]) {
        let run = self.push(to).ok();
        assert!(
            run.stderr.contains("Push passed on, with warnings"),
            "{run}"
        );
        for waiver in waivers {
            assert!(run.stderr.contains(waiver), "{waiver}: {run}");
        }
    }

    #[track_caller]
    fn is_held(&self, to: &str) -> String {
        let run = self.push(to);
        assert_eq!(run.status, 1, "{run}");
        assert!(run.stderr.contains("held for review"), "{run}");
        case_id(&run)
    }

    /// Findings of a case that no waiver covers.
    fn unwaived(&self, id: &str) -> usize {
        let case = self.scene.case(id);
        let findings = case["contents"]["findings"].as_array().unwrap();
        findings
            .iter()
            .filter(|one| one["waived"].is_null())
            .count()
    }

    /// Says of the first finding of a case that is not waived what it is.
    fn say(&self, id: &str, token: &str, mut said: Value) -> (u16, Value) {
        let case = self.scene.case(id);
        let findings = case["contents"]["findings"].as_array().unwrap();
        let mut findings = findings.iter();
        let finding = findings.find(|one| one["waived"].is_null()).unwrap();
        let finding = finding["id"].as_str().unwrap();
        said["revision"] = case["revision"].clone();
        said["words"] = json!("it was made up");
        let path = format!("/api/v1/reviews/{id}/findings/{finding}/decisions");
        self.scene.house.post(&path, token, &said)
    }

    /// `exeat waiver` in the name of sue.
    fn waiver(&self, words: &[&str]) -> Run {
        let house = &self.scene.house;
        let ca = house.world.certificate_authority();
        let mut command = Command::new(EXEAT);
        clean(&mut command);
        command
            .arg("waiver")
            .args(words)
            .args(["--ca", &ca.to_string_lossy()])
            .env("EXEAT_SERVER", format!("https://{}", house.address()))
            .env("EXEAT_TOKEN", &self.sue);
        run_program(&mut command)
    }

    /// Waives that finding.
    #[track_caller]
    fn waive(&self, id: &str, token: &str) -> String {
        let said = json!({"judgement": "test-data", "waive": true});
        let (status, answer) = self.say(id, token, said);
        assert_eq!(status, 200, "{answer}");
        let waiver = &answer["decisions"][0]["waiver"];
        waiver.as_str().unwrap().to_owned()
    }
}

fn line(seed: u64) -> String {
    format!("token = {}\n", github_token(seed))
}

#[test]
fn what_is_waived_passes_with_a_warning_until_that_ends() {
    let waiving = Waiving::new();
    let house = &waiving.scene.house;
    waiving.write("a/config", line(1));
    let id = waiving.is_held("main");
    // What must be fixed is not approved, until somebody thinks again.
    let (status, _) = waiving.say(&id, &waiving.sue, json!({"judgement": "must-fix"}));
    assert_eq!(status, 200);
    let (status, problem) = waiving.scene.say(&id, &waiving.scene.ann, "approve", "");
    assert_eq!((status, &problem["code"]), (409, &json!("must-fix")));
    let (status, _) = waiving.say(&id, &waiving.scene.ann, json!({"judgement": "test-data"}));
    assert_eq!(status, 403);
    let waiver = waiving.waive(&id, &waiving.sue);

    // Another place, another line, another secret.
    for (path, content) in [
        ("b/config", line(1)),
        ("a/config", format!("changed {}", line(1))),
        ("a/config", line(2)),
    ] {
        waiving.write(path, content);
        let held = waiving.is_held("held");
        let world = &house.world;
        world
            .git(&waiving.scene.work, &["reset", "-q", "--hard", "HEAD~1"])
            .ok();
        assert_eq!(waiving.unwaived(&held), 1, "{path}");
    }
    // It helps nobody else in the push.
    waiving.write("c", format!("{}{}", line(1), line(3)));
    let held = waiving.is_held("held");
    assert_eq!(waiving.unwaived(&held), 2);
    house
        .world
        .git(&waiving.scene.work, &["reset", "-q", "--hard", "HEAD~1"])
        .ok();

    // The line has moved, and what was pushed before comes along.
    waiving.write("a/config", format!("first = 1\n\n  {}last = 2\n", line(1)));
    waiving.passes("main", &[&waiver]);
    assert_eq!(waiving.scene.upstream(), waiving.scene.head());
    let metrics = house.world.telemetry("/metrics");
    assert!(
        !metrics.contains("exeat_waived_findings_total 0"),
        "{metrics}"
    );

    waiving.write("d", line(4));
    let id = waiving.is_held("main");
    let waiver = waiving.waive(&id, &waiving.sue);
    let listed = waiving.waiver(&["list"]).ok().stdout;
    assert!(
        listed.contains(&waiver) && listed.contains("forge.test/one"),
        "{listed}"
    );
    let revoke = ["revoke", &waiver, "--reason", "no longer"];
    let revoked = waiving.waiver(&revoke).ok().stdout;
    assert!(revoked.contains("state      revoked"), "{revoked}");
    assert_eq!(waiving.waiver(&revoke).status, 1);
    let listed = waiving.waiver(&["list"]).ok().stdout;
    assert!(!listed.contains(&waiver), "{listed}");
    assert_eq!(waiving.is_held("main"), id);
    house.exeat("audit verify").ok();
}

#[test]
fn for_a_pusher_whom_nobody_knows_it_takes_two() {
    let mut scene = Scene::new();
    let sue = scene
        .house
        .person("sue", &["security"], &["read", "decide"]);
    let sam = scene
        .house
        .person("sam", &["security"], &["read", "decide"]);
    let waiving = Waiving {
        scene,
        sue,
        known: "core.abbrev=40".into(),
    };
    waiving.write("a", line(1));
    let id = waiving.is_held("main");
    let case = waiving.scene.case(&id);
    let finding = case["contents"]["findings"][0]["id"].as_str().unwrap();
    let words = [
        "finding",
        &id,
        finding,
        "test-data",
        "--revision",
        "1",
        "--waive",
        "--reason",
        "made up",
    ];
    let said = waiving.scene.house.review(&waiving.sue, &words).ok().stdout;
    let (_, one) = said.split_once("(waived by ").unwrap();
    let one = one.split(')').next().unwrap().to_owned();
    let stale = waiving.scene.house.review(&waiving.sue, &words);
    assert_eq!(stale.status, 1, "{stale}");
    assert_eq!(waiving.is_held("main"), id);
    // One's own again is refused, naming the one that holds; somebody else's is another voice.
    let said = json!({"judgement": "test-data", "waive": true});
    let (status, problem) = waiving.say(&id, &waiving.sue, said);
    assert_eq!((status, &problem["code"]), (409, &json!("exists")));
    assert!(problem["detail"].as_str().unwrap().contains(&one));
    let third = waiving.waive(&id, &sam);
    let revoke = ["revoke", &third, "--reason", "one too many"];
    let revoked = waiving.waiver(&revoke).ok().stdout;
    for words in ["because    one too many", &format!("still      {one}")] {
        assert!(revoked.contains(words), "{revoked}");
    }
    let other = waiving.waive(&id, &sam);
    waiving.passes("main", &[&one, &other]);
    // What waited for the same is over.
    crate::hold::until("it has made way", || {
        waiving.scene.case(&id)["state"] == "superseded"
    });
}

#[test]
fn reviewers_see_no_secret_wherever_it_stands() {
    let waiving = Waiving::new();
    let secrets: Vec<String> = (1..=6).map(github_token).collect();
    let work = &waiving.scene.work;
    let world = &waiving.scene.house.world;
    let content = format!(
        "above {}\nhere {}\nbelow x{} and on\n",
        secrets[0], secrets[1], secrets[0]
    );
    std::fs::write(work.join("file"), content).unwrap();
    world.git(work, &["add", "."]).ok();
    let author = format!("user.name=A {} B", secrets[2]);
    let message = format!("fix {}\n\nas {} says\n", secrets[3], secrets[0]);
    let words = ["-c", &author, "commit", "-q", "-m", &message];
    world.git(work, &words).ok();
    let url = world.proxied_url("one");
    let to = format!("HEAD:refs/heads/topic-{}", secrets[4]);
    let option = format!("ticket={}", secrets[5]);
    let run = world.git(
        work,
        &["-c", &waiving.known, "push", "-o", &option, &url, &to],
    );
    assert_eq!(run.status, 1, "{run}");
    let id = case_id(&run);
    let case = waiving.scene.case(&id);
    let told = case.to_string();
    for secret in &secrets {
        for part in secret.as_bytes()[4..].windows(10) {
            let part = std::str::from_utf8(part).unwrap();
            assert!(!told.contains(part), "{part} of {secret}: {case:#}");
        }
    }
    let contents = &case["contents"];
    let commit = &contents["commits"][0];
    assert_eq!(commit["subject"], "fix ****");
    assert_eq!(commit["message"], json!(["as **** says"]));
    assert!(
        commit["author"].as_str().unwrap().starts_with("A **** B <"),
        "{commit}"
    );
    assert_eq!(contents["refs"][0]["name"], "refs/heads/topic-****");
    assert_eq!(contents["options"], json!(["ticket=****"]));
    let context = json!(["above ****", "here ****", "below x**** and on"]);
    let findings = contents["findings"].as_array().unwrap();
    assert!(
        findings
            .iter()
            .any(|one| one["context"]["lines"] == context),
        "{case:#}"
    );
    let shown = waiving
        .scene
        .house
        .review(&waiving.scene.ann, &["show", &id])
        .ok();
    for words in ["above ****", "fix ****", "topic-****"] {
        assert!(shown.stdout.contains(words), "{words}: {shown}");
    }
}
