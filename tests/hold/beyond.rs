//! What must not leave besides secrets: a person looks at cards, accounts, tables of people, markers, internal names and hidden text.

use super::anew::reload;
use super::{Scene, case_id};
use crate::harness::{Run, remote_lines};

fn expanded(text: &str) -> String {
    exeat_rules::template::expand(text).unwrap()
}

fn commit(scene: &Scene, path: &str, text: &str) {
    let world = &scene.house.world;
    world.commit_file(&scene.work, path, expanded(text), path);
}

/// Records with a name and a private address.
fn table(records: usize) -> String {
    let record = |number| {
        expanded(&format!(
            "{{{{alpha 7 n{number}}}}},{{{{lower 9 m{number}}}}}@gmail.com,{number}\n"
        ))
    };
    (0..records).map(record).collect()
}

/// Records with a number of this kind and no word for it.
fn numbers(kind: &str, records: usize) -> String {
    let record = |number| {
        expanded(&format!(
            "{number},{{{{alpha 7 n{number}}}}},{{{{id {kind} m{number}}}}}\n"
        ))
    };
    (0..records).map(record).collect()
}

#[track_caller]
fn assert_told(run: &Run, rule: &str) {
    let words = remote_lines(&run.stderr).join(" ");
    assert!(words.contains(&format!("(rule {rule})")), "{rule}: {run}");
}

#[test]
fn what_is_not_for_outsiders_is_held() {
    let scene = Scene::new();
    let table = table(20);
    let cards = numbers("visa", 20);
    let files = [
        (
            "payment-card-number",
            "shop/orders.csv",
            "name,card_number\nJ. Doe,{{id visa held}}\n",
        ),
        (
            "bank-account-iban",
            "shop/refunds.yaml",
            "iban: {{id iban held}}\n",
        ),
        ("table-of-people", "shop/customers.csv", &table),
        ("table-of-cards", "shop/export.csv", &cards),
        (
            "company-confidential",
            "src/plan.c",
            "/* COMPANY CONFIDENTIAL */\nint plan;\n",
        ),
        (
            "proprietary-header",
            "src/core.c",
            "/*\n * Unauthorized copying of this file is strictly prohibited.\n * Proprietary software of Example Ltd.\n */\nint core;\n",
        ),
        (
            "bidirectional-control-in-code",
            "src/access.rs",
            "if level != \"user\u{202e} \u{2066}// admins only\u{2069} \u{2066}\" {\n",
        ),
        (
            "private-address-of-service",
            "deploy/db.conf",
            "db_host = 10.37.4.18\n",
        ),
        (
            "export-controlled-marker",
            "src/guide.c",
            "/* ITAR CONTROLLED */\n",
        ),
        (
            "vulnerability-under-embargo",
            "src/parser.c",
            "/* overflow, embargoed until March */\n",
        ),
    ];
    for (_, path, text) in &files {
        commit(&scene, path, text);
    }
    let held = scene.push(&[]);
    assert_eq!(held.status, 1, "{held}");
    let case = scene.case(&case_id(&held)).to_string();
    for (rule, path, _) in &files {
        assert!(case.contains(&format!("\"{rule}\"")), "{rule}: {case}");
        assert!(case.contains(path), "{path}: {case}");
    }
    assert_eq!(scene.upstream(), "");
}

/// The same words and numbers where they mean something else.
#[test]
fn what_looks_like_it_goes() {
    let scene = Scene::new();
    let table = table(19);
    let cards = numbers("visa", 19);
    for (path, text) in [
        ("test/card.rb", "card_number: 4242424242424242\n"),
        ("test/iban.rb", "iban: DE89370400440532013000\n"),
        ("docs/customers.csv", &table),
        ("docs/export.csv", &cards),
        (
            "src/port.c",
            "/* Neither the name nor the names of contributors may be used without prior written permission. */\n",
        ),
        ("docs/words.md", "Client credentials are confidential.\n"),
        ("conf/sample.conf", "host = 192.168.1.1\n"),
        ("locale/he.json", "{\"a\": \"\u{202b}text\u{202c}\"}\n"),
    ] {
        commit(&scene, path, text);
    }
    scene.push(&[]).ok();
    assert_eq!(scene.upstream(), scene.head());
}

#[test]
fn the_host_of_a_committer_is_told() {
    let scene = Scene::new();
    let email = "user.email=root@db-prod03.fra.corp";
    let words = ["commit", "-q", "--allow-empty", "-m", "mend"];
    let set = [&["-c", email][..], &words].concat();
    scene.house.world.git(&scene.work, &set).ok();
    let run = scene.push(&[]).ok();
    assert_told(&run, "internal-host-of-committer");
    assert_eq!(scene.upstream(), scene.head());
}

/// What a pack that is off finds: nothing until it is chosen, and then these rules in these texts.
#[track_caller]
fn assert_held_once_chosen(pack: &str, files: &[(&str, &str, String)]) {
    let scene = Scene::new();
    for (_, path, text) in files {
        commit(&scene, path, text);
    }
    scene.push(&[]).ok();
    assert_eq!(scene.upstream(), scene.head());
    reload(&scene, |before| {
        format!("{before}\n[rules]\npacks = [\"{pack}\"]\n")
    });
    for (_, path, text) in files {
        // Another blob: what is there already is not sent.
        commit(&scene, &format!("more/{path}"), &format!("{text}more\n"));
    }
    let held = scene.push(&[]);
    assert_eq!(held.status, 1, "{held}");
    for (rule, ..) in files {
        assert_told(&held, rule);
    }
    assert_ne!(scene.upstream(), scene.head());
}

#[test]
fn numbers_of_a_country_are_held_once_their_pack_is_chosen() {
    let phones: String = (0..20)
        .map(|number| {
            expanded(&format!(
                "{{{{alpha 7 n{number}}}}},212-4{{{{digits 2 a{number}}}}}-{{{{digits 4 b{number}}}}}\n"
            ))
        })
        .collect();
    let files = [
        (
            "us-social-security-number",
            "staff.txt",
            "ssn: {{id us-ssn chosen}}\n".to_owned(),
        ),
        (
            "table-of-us-social-security-numbers",
            "staff.csv",
            numbers("us-ssn", 20),
        ),
        ("table-of-us-telephone-numbers", "phones.csv", phones),
    ];
    assert_held_once_chosen("personal-data-us", &files);
}

#[test]
fn markers_in_chinese_and_japanese_are_held_once_their_pack_is_chosen() {
    let file = |rule, path, text: &str| (rule, path, text.to_owned());
    let files = [
        file(
            "confidential-marker-chinese",
            "plan.py",
            "# 内部资料，请勿外传\nplan = 1\n",
        ),
        file(
            "confidential-marker-japanese",
            "design.c",
            "/*\n * 社外秘\n */\nint design;\n",
        ),
    ];
    assert_held_once_chosen("markers-cjk", &files);
}
