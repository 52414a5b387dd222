//! Licences: what a target does not accept waits for a person, in headers, texts, manifests and bills of materials; and new files
//! without the header of the others are told.

use super::anew::reload;
use super::{Scene, case_id};
use crate::harness::{Run, World, remote_lines};

const PUBLIC: &str = r#"
[[license]]
name = "public"
repository = "**"
accept = ["MIT", "Apache-2.0", "BSD-3-Clause"]
deny_dependencies = ["AGPL-3.0-only", "SSPL-1.0"]
"#;

/// A scene whose policy file says this.
fn scene(policy: &str) -> Scene {
    let scene = Scene::new();
    write(&scene.house.world, policy);
    let path = scene.house.world.place("rules").join("policy.toml");
    reload(&scene, |before| {
        let before = match before.contains("[policy]\n") {
            true => before.replace(
                "[policy]\n",
                &format!("[policy]\nfiles = [\"{}\"]\n", path.display()),
            ),
            false => format!("{before}\n[policy]\nfiles = [\"{}\"]\n", path.display()),
        };
        format!("{before}\n[rules]\npacks = [\"licenses\"]\n")
    });
    scene
}

fn write(world: &World, policy: &str) {
    std::fs::write(world.place("rules").join("policy.toml"), policy).unwrap();
}

fn commit(scene: &Scene, path: &str, text: &str) {
    scene.house.world.commit_file(&scene.work, path, text, path);
}

#[track_caller]
fn assert_told(run: &Run, words: &[&str]) {
    let told = remote_lines(&run.stderr).join(" ");
    for word in words {
        assert!(told.contains(word), "{word} is not told: {told}");
    }
}

const AGPL: &str = "This program is free software: you can redistribute it and/or modify
it under the terms of the GNU Affero General Public License as published by
the Free Software Foundation, either version 3 of the License, or
(at your option) any later version.

This program is distributed in the hope that it will be useful,
but WITHOUT ANY WARRANTY; without even the implied warranty of
MERCHANTABILITY or FITNESS FOR A PARTICULAR PURPOSE.  See the
GNU Affero General Public License for more details.

You should have received a copy of the GNU Affero General Public License
along with this program.  If not, see <https://www.gnu.org/licenses/>.
";

#[test]
fn licences_that_the_target_does_not_accept_are_held() {
    let scene = scene(PUBLIC);
    let notice: String = AGPL.lines().map(|line| format!("# {line}\n")).collect();
    let files = [
        (
            "license-expression",
            "src/a.rs",
            "// SPDX-License-Identifier: LicenseRef-Bank-Internal\nfn a() {}\n",
            "LicenseRef-Bank-Internal; the target accepts MIT, Apache-2.0, BSD-3-Clause (public)",
        ),
        ("license-text", "src/b.py", &notice, "AGPL-3.0-or-later"),
        (
            "license-of-manifest",
            "package.json",
            "{\"name\": \"x\", \"license\": \"GPL-2.0\", \"dependencies\": {}}\n",
            "Licence of the package: GPL-2.0",
        ),
        (
            "license-of-dependency",
            "package-lock.json",
            "{\"name\": \"x\", \"lockfileVersion\": 3, \"packages\": {\n\"node_modules/y\": {\"license\": \"AGPL-3.0\"}}}\n",
            "/packages/node_modules~1y/license",
        ),
    ];
    for (_, path, text, _) in &files {
        commit(&scene, path, text);
    }
    let held = scene.push(&[]);
    assert_eq!(held.status, 1, "{held}");
    let case = scene.case(&case_id(&held)).to_string();
    for (rule, path, _, said) in &files {
        assert!(case.contains(&format!("\"{rule}\"")), "{rule}: {case}");
        assert!(case.contains(path), "{path}: {case}");
        assert_told(&held, &[rule]);
        let told = remote_lines(&held.stderr).join(" ");
        assert!(
            told.contains(said) || case.contains(said),
            "{said}: {told}\n{case}"
        );
    }
    assert_eq!(scene.upstream(), "");
    let told = remote_lines(&held.stderr).join(" ");
    assert!(
        told.contains("give it a licence that the target accepts"),
        "{told}"
    );
    assert!(!told.contains("Treat it as used"), "{told}");
}

/// A lock file of more than this many bytes, in which the last package has this licence.
fn lock_file(least: usize, last: &str) -> String {
    use std::fmt::Write as _;
    let mut text = String::from("{\"name\": \"x\", \"lockfileVersion\": 3, \"packages\": {\n");
    let sum = "q".repeat(86);
    for number in 0.. {
        if text.len() > least {
            break;
        }
        let package = format!(
            "\"node_modules/p{number}\": {{\"version\": \"1.0.{number}\", \"resolved\": \"https://registry.npmjs.org/p{number}/-/p{number}-1.0.{number}.tgz\", \
             \"integrity\": \"sha512-{sum}==\", \"license\": \"MIT\"}},\n"
        );
        text.push_str(&package);
    }
    writeln!(
        text,
        "\"node_modules/@example/last\": {{\"license\": \"{last}\"}}}}}}"
    )
    .unwrap();
    text
}

/// A manifest of so many levels, in whose deepest there is something under this licence.
fn deep_manifest(levels: usize, licence: &str) -> String {
    let head = "{\"a\": {\"dependencies\": ".repeat(levels);
    let last = format!("{{\"z\": {{\"version\": \"1\", \"license\": \"{licence}\"}}}}");
    let foot = "}}".repeat(levels);
    format!("{{\"lockfileVersion\": 2, \"dependencies\": {head}{last}{foot}}}\n")
}

/// All of them is read, though there are more packages in one than matches are told of a text.
#[test]
fn large_and_deep_manifests_are_read_to_their_end() {
    let scene = scene(PUBLIC);
    scene
        .house
        .world
        .git(&scene.work, &["config", "core.compression", "0"]);
    commit(&scene, "package-lock.json", &lock_file(5 << 20, "ISC"));
    commit(&scene, "deep.json", &deep_manifest(1000, "MIT"));
    scene.push(&[]).ok();
    let large = lock_file(50 << 20, "AGPL-3.0-only");
    let last = format!("package-lock.json:{}", large.lines().count());
    commit(&scene, "package-lock.json", &large);
    commit(&scene, "deep.json", &deep_manifest(1000, "SSPL-1.0"));
    let held = scene.push(&[]);
    assert_told(
        &held,
        &[
            "Licence of a dependency: AGPL-3.0-only",
            &last,
            "/packages/node_modules~1@example~1last/license",
            "Licence of a dependency: SSPL-1.0",
            "deep.json:1",
        ],
    );
    let told = remote_lines(&held.stderr).join(" ");
    assert!(!told.contains("not read"), "{told}");
}

#[test]
fn what_it_accepts_goes() {
    let scene = scene(PUBLIC);
    for (path, text) in [
        ("a.rs", "// SPDX-License-Identifier: MIT OR GPL-3.0-only\n"),
        (
            "Cargo.toml",
            "[package]\nname = \"x\"\nlicense = \"MIT/Apache-2.0\"\n",
        ),
        (
            "sbom.json",
            "{\"bomFormat\": \"CycloneDX\", \"components\": [{\"name\": \"y\", \"licenses\": [{\"license\": {\"id\": \"GPL-3.0-only\"}}]}]}\n",
        ),
        (
            "notes.md",
            "We do not use what is under the GNU Affero General Public License.\n",
        ),
    ] {
        commit(&scene, path, text);
    }
    scene.push(&[]).ok();
    assert_eq!(scene.upstream(), scene.head());
}

#[test]
fn another_target_is_asked_nothing() {
    let scene = scene(&PUBLIC.replace("\"**\"", "\"two\""));
    commit(&scene, "a.rs", "// SPDX-License-Identifier: GPL-3.0-only\n");
    scene.push(&[]).ok();
    assert_eq!(scene.upstream(), scene.head());
    // The same objects, which were inspected before, where licences are asked.
    let world = &scene.house.world;
    world.new_repository("two");
    let before = world.upstream_state("two");
    let url = world.proxied_url("two");
    let run = world.git(&scene.work, &["push", &url, "HEAD:refs/heads/main"]);
    assert_eq!(run.status, 1, "{run}");
    assert_told(&run, &["license-expression", "GPL-3.0-only"]);
    assert_eq!(world.upstream_state("two"), before);
}

#[test]
fn what_the_repository_serves_already_is_not_asked_again() {
    let scene = scene(&PUBLIC.replace("\"**\"", "\"two\""));
    let header = "// SPDX-License-Identifier: GPL-3.0-only\n";
    commit(&scene, "a.rs", header);
    scene.push(&[]).ok();
    write(&scene.house.world, PUBLIC);
    reload(&scene, str::to_owned);
    commit(&scene, "a.rs", &format!("{header}fn a() {{}}\n"));
    scene.push(&[]).ok();
    assert_eq!(scene.upstream(), scene.head());
    commit(&scene, "b.rs", header);
    let held = scene.push(&[]);
    assert_told(&held, &["license-expression", "b.rs"]);
}

#[test]
fn a_policy_that_nothing_can_carry_out_is_refused() {
    let scene = Scene::new();
    let world = &scene.house.world;
    let config = world.config();
    let before = std::fs::read_to_string(&config).unwrap();
    let path = config.with_file_name("policy.toml");
    let files = format!("[policy]\nfiles = [\"{}\"]\n", path.display());
    let check = |policy: &str, more: &str| {
        std::fs::write(&path, policy).unwrap();
        let before = before.replace("[policy]\n", &files);
        let policy = if before.contains(&files) { "" } else { &files };
        let probe = config.with_file_name("probe.toml");
        std::fs::write(&probe, format!("{before}\n{policy}{more}")).unwrap();
        world.exeat(&["config", "check", "--config", &probe.to_string_lossy()])
    };
    let packs = "[rules]\npacks = [\"licenses\"]\n";
    let run = check(PUBLIC, "");
    assert_eq!(run.status, 2, "{run}");
    assert!(run.stderr.contains("add packs = [\"licenses\"]"), "{run}");
    assert_eq!(check(PUBLIC, packs).status, 0);
    // It takes no rules to see that there is no header.
    assert_eq!(check(HEADERS, "").status, 0);
    for (wrong, said) in [
        (
            PUBLIC.replace("\"MIT\"", "\"MTI\""),
            "policy.toml:5: license public: accept: expected an SPDX identifier",
        ),
        (
            PUBLIC.replace("Apache-2.0", "Apache 2.0"),
            "did you mean \\\"Apache-2.0\\\"?",
        ),
        ("[[license]]\nname = \"x\"\n".to_owned(), "it says nothing"),
        (
            HEADERS.replace("\"warn\"", "\"warm\""),
            "license headers: headers: expected \"warn\" or \"note\", found \"warm\"; did you mean \"warn\"?",
        ),
        (HEADERS.replace("\"warn\"", "\"hold\""), "found \"hold\""),
        (PUBLIC.replace("accept =", "accepts ="), "unknown key"),
    ] {
        let run = check(&wrong, packs);
        assert_eq!(run.status, 2, "{run}");
        let told = run.stderr.replace("\\\"", "\"");
        assert!(told.contains(&said.replace("\\\"", "\"")), "{said}: {run}");
    }
}

const HEADERS: &str = "[[license]]\nname = \"headers\"\nheaders = \"warn\"\n";
const RULE: &str = "license-header-missing";
const LINE: &str = "// SPDX-License-Identifier: Apache-2.0\n";

/// A scene in which the repository serves six sources with a header and four tables, put there past the proxy.
fn served(policy: &str) -> Scene {
    let scene = scene(policy);
    let world = &scene.house.world;
    let write = |path: &str, text: &str| {
        let path = scene.work.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    for number in 0..6 {
        write(
            &format!("src/f{number}.rs"),
            &format!("{LINE}fn f{number}() {{}}\n"),
        );
    }
    for number in 0..4 {
        write(&format!("src/t{number}.csv"), &format!("{number}\n"));
    }
    write("src/old.rs", "fn old() {}\n");
    world.git(&scene.work, &["add", "."]).ok();
    commit(&scene, "src/other.rs", LINE);
    let url = world.direct_url("one");
    let push = ["push", "-q", &url, "HEAD:refs/heads/main"];
    world.git(&scene.work, &push).ok();
    scene
}

fn questions(scene: &Scene) -> usize {
    let requests = scene.house.world.witness.requests().into_iter();
    let lines = requests.map(|request| request.first_line);
    lines.filter(|line| line.contains("upload-pack")).count()
}

fn records(scene: &Scene) -> String {
    let world = &scene.house.world;
    let config = world.config();
    let list = ["audit", "list", "--format", "jsonl", "--config"];
    let records = world.exeat(&[&list[..], &[&config.to_string_lossy()]].concat());
    records.ok().stdout
}

/// The push goes, and nothing is said of headers.
#[track_caller]
fn assert_silent(scene: &Scene) {
    let run = scene.push(&[]).ok();
    assert_eq!(scene.upstream(), scene.head());
    assert!(!run.stderr.contains(RULE), "{run}");
    assert!(!run.stderr.contains("warnings"), "{run}");
    assert!(!records(scene).contains(RULE));
}

#[test]
fn a_new_file_without_the_header_of_the_others_is_told_and_goes() {
    let scene = served(HEADERS);
    commit(&scene, "src/new.rs", "fn new() {}\n");
    let run = scene.push(&[]).ok();
    assert_eq!(scene.upstream(), scene.head());
    assert_told(
        &run,
        &[
            "Push passed on, with warnings",
            RULE,
            "src/new.rs:1",
            "7 of 8 files like it carry (headers)",
            "Add \"// SPDX-License-Identifier: Apache-2.0\" at its top, as src/f0.rs",
        ],
    );
    let records = records(&scene);
    assert!(
        records.contains(&format!("\"rule\":\"{RULE}\"")),
        "{records}"
    );
    assert!(records.contains("\"path\":\"src/new.rs\""), "{records}");
    // It is there now, and new no more.
    commit(&scene, "src/new.rs", "fn newer() {}\n");
    let again = scene.push(&[]).ok();
    assert!(!again.stderr.contains(RULE), "{again}");
}

#[test]
fn files_with_a_header_old_ones_and_other_kinds_are_not_told() {
    let scene = served(HEADERS);
    commit(&scene, "src/new.rs", LINE);
    commit(&scene, "src/old.rs", "fn older() {}\n");
    commit(&scene, "src/new.csv", "7\n");
    commit(&scene, "README.md", "A text.\n");
    assert_silent(&scene);
}

#[test]
fn nobody_is_asked_for_headers_where_no_table_does() {
    for policy in [
        PUBLIC,
        &HEADERS.replace("\nheaders", "\nrepository = \"two\"\nheaders"),
    ] {
        let scene = served(policy);
        commit(&scene, "src/new.rs", "fn new() {}\n");
        assert_silent(&scene);
        assert_eq!(questions(&scene), 0);
    }
}

#[test]
fn without_an_answer_of_what_is_served_nothing_is_told() {
    let empty = scene(HEADERS);
    commit(&empty, "src/new.rs", "fn new() {}\n");
    assert_silent(&empty);
    let scene = served(HEADERS);
    let world = &scene.house.world;
    let path = world.upstream_path("one");
    let refuse = ["config", "uploadpack.allowFilter", "false"];
    world.default_git().plain(&path, &refuse);
    commit(&scene, "src/new.rs", "fn new() {}\n");
    assert_silent(&scene);
    assert!(questions(&scene) > 0);
}

#[test]
fn what_helps_stops_nothing_whatever_the_policy_makes_of_warnings() {
    let scene = served(&format!(
        "{HEADERS}[[rule]]\nname = \"strict\"\nwarn = \"hold\"\nnote = \"refuse\"\n"
    ));
    commit(&scene, "src/new.rs", "fn new() {}\n");
    let run = scene.push(&[]).ok();
    assert_eq!(scene.upstream(), scene.head());
    assert_told(&run, &[RULE, "src/new.rs:1"]);
}

/// What helps is no news against a push that was approved: the upstream may not have answered before.
#[test]
fn what_helps_takes_no_approval_back() {
    let scene = served(HEADERS);
    let world = &scene.house.world;
    let path = world.upstream_path("one");
    let filter = |word| {
        let config = ["config", "uploadpack.allowFilter", word];
        world.default_git().plain(&path, &config);
    };
    filter("false");
    commit(&scene, "src/new.rs", "fn new() {}\n");
    scene.commit(1);
    let held = scene.push(&[]);
    assert!(!held.stderr.contains(RULE), "{held}");
    scene.approve(&case_id(&held));
    filter("true");
    let run = scene.push(&[]).ok();
    assert_eq!(scene.upstream(), scene.head());
    assert!(run.stderr.contains("Approved as"), "{run}");
}
