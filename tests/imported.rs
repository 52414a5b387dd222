//! What an imported rule file excuses by a path is clean for a scan, and a person's decision for a push.

use crate::harness::{Options, World, github_token};

const FILE: &str = "[[rules]]\nid = \"imported-token\"\ndescription = \"a token\"\nregex = '''\\bghp_[0-9A-Za-z]{36}\\b'''\n\
                    keywords = [\"ghp_\"]\n[allowlist]\npaths = ['''(?:^|/)vendor/''']\n";

#[test]
fn a_path_that_an_imported_file_allows_is_told_for_review() {
    let mut world = World::start(Options::default());
    world.stop_server();
    let config = world.config();
    let set = std::fs::read_to_string(&config).unwrap() + "[rules]\nfiles = [\"imported.toml\"]\n";
    std::fs::write(config.with_file_name("imported.toml"), FILE).unwrap();
    std::fs::write(&config, set).unwrap();
    world.start_server();

    let secret = github_token(871);
    world.forbid(&secret);
    world.new_repository("one");
    let work = world.new_work("work");
    world.commit_file(&work, "vendor/dev.env", format!("{secret}\n"), "Add");
    let push = world.git(&work, &["push", &world.proxied_url("one"), "main"]);
    assert_ne!(push.status, 0, "{push}");
    let told = push.stderr.replace("remote: ", "");
    assert!(told.contains("needs review"), "{push}");
    assert!(told.contains("allowlisted by path"), "{push}");
    assert_eq!(world.upstream_state("one"), "---\n", "it arrived");

    let config = config.to_string_lossy().into_owned();
    let folder = work.to_string_lossy().into_owned();
    world.exeat(&["scan", &folder, "--config", &config]).ok();
    let audited = world.exeat(&["audit", "list", "--format", "jsonl", "--config", &config]);
    assert!(audited.ok().stdout.contains("\"allowlisted\":\"path\""));
}
