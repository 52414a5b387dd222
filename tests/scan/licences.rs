//! Licences that somebody accepts on the command line, or that the policy accepts where a push would go.

use super::*;
use crate::harness::run;

const GPL: &str = "// SPDX-License-Identifier: GPL-3.0-only\n";
const POLICY: &str = "[[license]]\nname = \"public\"\nrepository = \"org/*\"\naccept = \"MIT\"\n\
    deny_dependencies = \"AGPL-3.0-only\"\n";
const FORGE: &str = "https://forge.example";

/// A place whose configuration asks of licences by `POLICY` in repositories of this organisation, with this below it.
fn with_policy(more: &str) -> Place {
    let place = Place::new();
    place.write("policy.toml", POLICY);
    let config =
        format!("[upstream.forge]\nurl = \"{FORGE}\"\n[policy]\nfiles = [\"policy.toml\"]\n{more}");
    place.write("exeat.toml", config);
    place
}

fn chosen() -> Place {
    with_policy("[rules]\npacks = [\"licenses\"]\n")
}

fn git(place: &Place, arguments: &[&str]) -> String {
    let who = ["-c", "user.name=Ada", "-c", "user.email=ada@example.com"];
    Git::first().plain(&place.work, &[&who, arguments].concat())
}

/// The same with a licence in the index of a repository.
fn staged() -> Place {
    let place = chosen();
    git(&place, &["init", "-q", "-b", "main"]);
    place.write("a.rs", GPL);
    git(&place, &["add", "a.rs"]);
    place
}

#[track_caller]
fn assert_told(run: &Run, status: i32, words: &[&str]) {
    assert_eq!(run.status, status, "{run}");
    let told = format!("{}{}", run.stdout, run.stderr);
    for word in words {
        assert!(told.contains(word), "{word}: {run}");
    }
}

#[test]
fn named_licences_are_accepted_and_no_others() {
    let place = Place::new();
    place.write("a.rs", GPL);
    place.write("b.rs", "// SPDX-License-Identifier: MIT OR GPL-3.0-only\n");
    // Of names of files nothing is asked.
    place.write("SPDX-License-Identifier: GPL-2.0-only", "");
    place.write(
        "package.json",
        "{\"name\": \"x\", \"license\": \"Apache-2.0\", \"dependencies\": {}}\n",
    );
    let run = place.scan(&["--licenses", "MIT,Apache-2.0", "."]);
    let said = "a.rs:1:29: Licence: GPL-3.0-only; the target accepts MIT, Apache-2.0";
    assert_told(&run, 1, &[said, "1 finding in"]);
    let run = place.scan(&["--licenses", "GPL-3.0-only", "."]);
    assert_told(
        &run,
        1,
        &["Licence of the package: Apache-2.0", "1 finding in"],
    );
    place.scan(&["."]).ok();
    for (wrong, near) in [
        ("MTI", "did you mean \"MIT\"?"),
        ("no such", "SPDX identifier"),
    ] {
        let run = place.scan(&["--licenses", wrong, "."]);
        assert_told(&run, 2, &[near]);
    }
}

#[test]
fn a_policy_is_asked_as_in_the_proxy() {
    let place = chosen();
    place.write("a.rs", GPL);
    let sbom = "{\"bomFormat\": \"CycloneDX\", \"components\": [{\"licenses\": [{\"license\": {\"id\": \"AGPL-3.0-only\"}}]}]}\n";
    place.write("sbom.json", sbom);
    let scan = |repository: &[&str]| {
        let base = ["--config", "exeat.toml", "a.rs", "sbom.json"];
        place.scan(&[&base, repository].concat())
    };
    let told = [
        "GPL-3.0-only; the target accepts MIT (public)",
        "the target denies AGPL-3.0-only (public)",
        "/components/0/licenses/0/license/id",
    ];
    for repository in [
        &["--repo", "https://forge.example/org/app.git"][..],
        &["--repo", "https://proxy.example:8443/forge/org/app.git"],
        &["--repo", "org/app", "--upstream", "forge"],
    ] {
        assert_told(&scan(repository), 1, &told);
    }
    // Where no table is about, nothing is asked, nor where nobody says where it would go.
    scan(&["--repo", "https://forge.example/other/app"]).ok();
    scan(&[]).ok();
    let run = scan(&["--repo", "https://else.example/org/app"]);
    assert_told(&run, 2, &["the URL of no upstream"]);
    let place = with_policy("");
    let run = place.scan(&["--config", "exeat.toml", "--repo", "forge/org/app", "."]);
    assert_told(&run, 2, &["add packs = [\"licenses\"]"]);
}

#[test]
fn commits_and_the_index_are_asked_as_files_are() {
    let place = staged();
    let base = ["--config", "exeat.toml", "--repo", "forge/org/app"];
    let said = ["a.rs:1:29: Licence: GPL-3.0-only", "1 finding in"];
    assert_told(&place.scan(&[&base[..], &["--staged"]].concat()), 1, &said);
    git(&place, &["commit", "-q", "-m", GPL]);
    assert_told(&place.scan(&[&base[..], &["--history"]].concat()), 1, &said);
}

#[test]
fn the_hook_asks_where_git_pushes_to() {
    let place = staged();
    git(&place, &["commit", "-q", "-m", "One"]);
    let id = git(&place, &["rev-parse", "HEAD"]);
    let line = format!("main {} refs/heads/main {}\n", id.trim(), "0".repeat(40));
    let hook = |address: &str| {
        let path = std::env::var_os("PATH").unwrap();
        let mut command = Command::new(EXEAT);
        command
            .args(["hook", "pre-push", "--config", "exeat.toml", "--", "origin"])
            .arg(address)
            .current_dir(&place.work)
            .env_clear()
            .env("PATH", path)
            .env("HOME", place.folder.path())
            .env("GIT_CONFIG_NOSYSTEM", "1");
        run(&mut command, line.as_bytes())
    };
    let asked = hook("https://forge.example/org/app.git");
    assert_told(
        &asked,
        1,
        &["the target accepts MIT (public)", "nothing was pushed"],
    );
    hook("https://forge.example/other/app.git").ok();
    hook("../remote.git").ok();
}
