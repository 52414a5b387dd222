//! What reviewers and developers are told: what was said of findings, who is missing, and where an id or a link leads.

use serde_json::json;

use crate::harness::{EXEAT, Run, clean, run_program};
use crate::hold::{Scene, case_id};

/// The id of the push that this run was, which is not that of its case.
fn push_id(run: &Run) -> String {
    let (_, rest) = run.stderr.rsplit_once("Push P-").expect("it names its id");
    let id = rest.split(['.', ' ']).next().unwrap();
    format!("P-{id}")
}

#[track_caller]
fn says(text: &str, words: &[&str]) {
    // A word of the text may begin a new line, which git marks.
    let flat = text.replace("remote:", " ");
    let flat: Vec<&str> = flat.split_whitespace().collect();
    let flat = flat.join(" ");
    for words in words {
        assert!(flat.contains(words), "{words} is not in:\n{text}");
    }
}

#[test]
fn what_is_said_of_a_finding_reaches_who_approves_and_who_pushed() {
    let mut scene = Scene::new();
    let house = &mut scene.house;
    let sue = house.person("sue", &["security"], &["read", "decide"]);
    scene.commit(1);
    let id = case_id(&scene.push(&[]));
    let case = scene.case(&id);
    let finding = &case["contents"]["findings"][0];
    let (rule, name) = (
        finding["rule"].as_str().unwrap(),
        finding["id"].as_str().unwrap(),
    );
    let house = &scene.house;
    let must = ["finding", &id, name, "must-fix", "--revision", "1"];
    let why = [&must[..], &["--reason", "It opens the vault."]].concat();
    house.review(&sue, &why).ok();

    let refused = house.review(&scene.ann, &["approve", &id, "--revision", "2"]);
    assert_eq!(refused.status, 1, "{refused}");
    let what = format!("{rule} at file-1.txt:1 ({name}), says sue: It opens the vault.");
    let next = format!("exeat review show {id}");
    says(&refused.stderr, &[&what, &next]);
    let shown = house.review(&scene.ann, &["show", &id]).ok().stdout;
    let decides = "decides the role reviewer for forge.test/one";
    says(
        &shown,
        &["sue says: must fix: It opens the vault.", decides],
    );
    let json = house.review(&scene.ann, &["show", &id, "--json"]).ok();
    let json: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(json["finding_decisions"][0]["judgement"], "must-fix");

    // Pushed again, it is told to the developer, and the new id leads to the same case, in small letters too.
    let again = scene.push(&[]);
    let what = format!("{rule} at file-1.txt:1: It opens the vault.");
    says(&again.stderr, &["This must be fixed first", &what]);
    let later = push_id(&again);
    assert_ne!(later, id);
    for name in [later.clone(), later.to_lowercase(), id.to_lowercase()] {
        let shown = house.review(&scene.ann, &["show", &name]).ok().stdout;
        says(&shown, &[&format!("push {id}")]);
    }
    let said = json!({"verdict": "reject", "revision": 2, "words": "Not with this."});
    let path = format!("/api/v1/reviews/{later}/decisions");
    let (status, answer) = house.post(&path, &scene.ann, &said);
    assert_eq!((status, &answer["id"]), (200, &json!(id)), "{answer}");
    let told = scene.push(&[]);
    says(&told.stderr, &["ann wrote: Not with this.", &what]);
}

const LEGAL: &str = "[[rule]]\nname = \"legal-looks\"\nrepository = \"one\"\ndo = \"review\"\nreviewers = [\"legal\"]\n";

#[test]
fn a_missing_group_is_named_until_somebody_of_it_is_heard() {
    let mut scene = Scene::new();
    let world = &mut scene.house.world;
    world.stop_server();
    let config = std::fs::read_to_string(world.config()).unwrap();
    let with_files = "block = \"hold\"\nfiles = [\"policy.toml\"]\n";
    let config = config.replace("block = \"hold\"\n", with_files);
    std::fs::write(world.config(), config).unwrap();
    std::fs::write(world.config().with_file_name("policy.toml"), LEGAL).unwrap();
    world.start_server();
    let house = &mut scene.house;
    let check = |house: &crate::console::House| house.exeat("policy check").ok().stdout;
    says(
        &check(house),
        &["rule legal-looks: reviewers: there is no group legal"],
    );
    house.exeat("group add legal").ok();
    says(&check(house), &["nobody is in the group legal"]);
    house.person("oda", &["ospo"], &["read"]);
    house.exeat("group join legal oda").ok();
    says(&check(house), &["nobody of legal may decide on a push"]);

    scene.commit(1);
    let id = case_id(&scene.push(&[]));
    let house = &scene.house;
    let approve = |token: &str, revision: &str| {
        house.review(token, &["approve", &id, "--revision", revision])
    };
    approve(&scene.ann, "1").ok();
    let enough = approve(&scene.ben, "2").ok().stdout;
    says(&enough, &["2 approval(s); somebody of legal is missing."]);
    let again = approve(&scene.ann, "3");
    assert_eq!(again.status, 1, "{again}");
    says(&again.stderr, &["already; somebody of legal is missing"]);
    let missing = "approvals 2 of 2; somebody of legal is missing";
    says(
        &house.review(&scene.ann, &["show", &id]).ok().stdout,
        &[missing],
    );
    says(
        &house.review(&scene.ann, &["list"]).ok().stdout,
        &["2/2+legal"],
    );
    says(
        &scene.push(&[]).stderr,
        &["These are enough, but somebody of legal is missing."],
    );

    // Whoever joins it speaks for it: two, for nobody knows who pushed.
    house.exeat("group join legal ann").ok();
    house.exeat("group join legal ben").ok();
    let checked = check(house);
    assert!(!checked.contains("warning"), "{checked}");
    assert_eq!(scene.case(&id)["yours_to_decide"], true);
    says(
        &approve(&scene.ann, "3").ok().stdout,
        &["somebody of legal"],
    );
    says(
        &approve(&scene.ben, "4").ok().stdout,
        &["is approved until"],
    );
    scene.push(&[]).ok();
    assert_eq!(scene.upstream(), scene.head());
    house.exeat("audit verify").ok();
}

#[test]
fn the_link_of_a_mail_opens_as_a_page_that_tells_nothing() {
    let scene = Scene::new();
    scene.commit(1);
    let id = case_id(&scene.push(&[]));
    let page = |id: &str| {
        let head = format!("GET /api/v1/reviews/{id} HTTP/1.1\nAccept: text/html,*/*;q=0.8");
        let answer = scene.house.ask(&head, "");
        assert_eq!(answer.status, 200, "{answer:?}");
        for (name, value) in [
            ("content-type", "text/html; charset=utf-8"),
            ("cache-control", "no-store"),
            (
                "content-security-policy",
                "default-src 'none'; frame-ancestors 'none'",
            ),
        ] {
            assert_eq!(answer.message.header(name), Some(value));
        }
        String::from_utf8(answer.body().to_vec()).unwrap()
    };
    let shown = page(&id);
    assert!(
        shown.contains(&format!("exeat review show {id}")),
        "{shown}"
    );
    for word in ["<script", "file-1", "token =", "forge.test", "github"] {
        assert!(!shown.contains(word), "{word}: {shown}");
    }
    // It says the same of a push that there is not.
    assert_eq!(page("P-ZZZZZ").replace("P-ZZZZZ", &id), shown);
    // A program is told that it needs a token, and who has one gets JSON.
    let (status, problem) = {
        let head = format!("GET /api/v1/reviews/{id} HTTP/1.1\nAccept: */*");
        crate::console::told(&scene.house.ask(&head, ""))
    };
    assert_eq!((status, &problem["code"]), (401, &json!("no-token")));
    let head = format!(
        "GET /api/v1/reviews/{id} HTTP/1.1\nAccept: text/html\nAuthorization: Bearer {}",
        scene.ann
    );
    let (status, case) = crate::console::told(&scene.house.ask(&head, ""));
    assert_eq!((status, &case["id"]), (200, &json!(id)));
    // What is no id is no page.
    let head = "GET /api/v1/reviews/%3Cscript%3E HTTP/1.1\nAccept: text/html";
    assert_eq!(crate::console::told(&scene.house.ask(head, "")).0, 401);
}

#[test]
fn what_is_not_found_is_said_and_what_to_do() {
    let scene = Scene::new();
    let house = &scene.house;
    let none = house.exeat("audit list --push P-nosuch").ok();
    assert_eq!(none.stdout, "");
    says(&none.stderr, &["No record has the push P-nosuch."]);
    for (words, expected) in [
        (
            ["list", "--state", "odd"],
            "[possible values: open, approved,",
        ),
        (["list", "--limit", "0"], "expected a number, 1 at least"),
    ] {
        let run = house.review(&scene.ann, &words);
        assert_eq!(run.status, 2, "{run}");
        says(&run.stderr, &[expected]);
    }
    says(
        &house.review(&scene.ann, &["list", "--state", "odd"]).stderr,
        &["superseded, all]"],
    );

    // The address of git is not that of the console.
    let git = house.world.proxied_url("one");
    let (git, _) = git.split_once("/forge.test").unwrap();
    let mut command = std::process::Command::new(EXEAT);
    clean(&mut command);
    command
        .args(["review", "list", "--server", git, "--ca"])
        .arg(house.world.certificate_authority())
        .env("EXEAT_TOKEN", &scene.ann);
    let wrong = run_program(&mut command);
    assert_ne!(wrong.status, 0, "{wrong}");
    says(&wrong.stderr, &["no console of Exeat", "[console] address"]);

    let fresh = house.world.place("fresh");
    for words in ["user list", "group list", "token list"] {
        let mut command = std::process::Command::new(EXEAT);
        clean(&mut command);
        command.args(words.split(' ')).arg("--data").arg(&fresh);
        let run = run_program(&mut command);
        assert_ne!(run.status, 0, "{run}");
        says(&run.stderr, &["exeat user add NAME --role operator"]);
    }
}
