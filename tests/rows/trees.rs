//! Rows 11 to 15: names, modes, links, submodules, and what refs beside branches and tags hold.

use super::HEADS;
use super::forged::{Forgery, RULE};

#[test]
fn row_11_in_the_names_of_files_and_folders() {
    let mut scene = Forgery::new();
    let token = scene.token(1101);
    let blob = scene.blob("a\n");
    for name in [
        token.clone(),
        format!("a {token}.txt"),
        format!("a\n{token}\nb"),
        format!("\u{1b}[2J{token}"),
        format!("../{token}"),
        format!(".git/{token}"),
        format!("\u{202e}{token}"),
        format!("\u{ff}\u{fe}/{token}"),
    ] {
        for mode in ["100644", "120000", "160000"] {
            let tree = scene.tree(&[(mode, name.as_bytes(), &blob)]);
            let commit = scene.commit(&tree, "", "Begin\n");
            let objects = [commit.as_str(), &tree, &blob];
            let objects = &objects[..if mode == "160000" { 2 } else { 3 }];
            scene.refused(HEADS, objects, &[RULE, "in the file name"]);
        }
    }
    // In a folder's name, far down, and git's own way there.
    let path = format!("one/two/{token}/three/file");
    scene.world.commit_file(&scene.work, &path, "a\n", "Begin");
    scene.git_refused(&["main"], RULE, "in the file name one/two/ghp_");
}

#[test]
fn row_11_names_that_no_file_can_have_are_not_readable() {
    let mut scene = Forgery::new();
    let word = "nothing-that-a-rule-knows";
    scene.plant(word);
    let blob = scene.blob("a\n");
    for name in [
        format!("{word}/x"),
        "..".into(),
        ".".into(),
        ".git".into(),
        ".GiT. ".into(),
        "git~1".into(),
        format!(".git::{word}"),
        format!(".git\\{word}"),
        ".g\u{200d}it".into(),
    ] {
        let tree = scene.tree(&[("100644", name.as_bytes(), &blob)]);
        let commit = scene.commit(&tree, "", "Begin\n");
        let told = &[
            "not readable",
            "its entry 1 has a name that no file can have",
        ];
        scene.refused(HEADS, &[&commit, &tree, &blob], told);
    }
    // Two of one name, of which readers take the one or the other; and an order that hides one from a search.
    for names in [["a", "a"], ["b", "a"]] {
        let entries = names.map(|name| ("100644", name.as_bytes(), blob.as_str()));
        let tree = scene.tree(&entries);
        let commit = scene.commit(&tree, "", "Begin\n");
        let told = &["not readable", "its entry 2 is out of order"];
        scene.refused(HEADS, &[&commit, &tree, &blob], told);
    }
}

#[test]
fn row_12_modes_that_git_does_not_write() {
    let scene = Forgery::new();
    let blob = scene.blob("a\n");
    let folder = scene.tree(&[("100644", b"a", &blob)]);
    let refused = |mode: &str, of: &str, told: &str| {
        let tree = scene.tree(&[(mode, b"a", of)]);
        let commit = scene.commit(&tree, "", "Begin\n");
        let all = [commit.as_str(), &tree, of, &blob];
        let objects = &all[..if of == blob { 3 } else { 4 }];
        scene.refused(HEADS, objects, &[told]);
    };
    // Of no type, or of one that git would take for a submodule: whoever reads it may take it for something else.
    for mode in ["0", "644", "20000", "60000", "140000", "170000", "1100644"] {
        refused(mode, &blob, "unknown type");
    }
    for mode in ["100844", "+100644", "77777777", "10x644"] {
        refused(mode, &blob, "without a mode");
    }
    // The type is right, and what stands beside it is room for other things.
    for mode in [
        "0100644",
        "00000000100644",
        "100600",
        "100777",
        "106644",
        "120777",
    ] {
        refused(
            mode,
            &blob,
            "its entry 1 has a mode that git does not write",
        );
    }
    refused(
        "40755",
        &folder,
        "its entry 1 has a mode that git does not write",
    );
    // What git writes, and once wrote, passes.
    let modes = ["100644", "100755", "100664", "120000"];
    let names = [b"a", b"b", b"c", b"d"];
    let entries: Vec<_> = (modes.iter().zip(names))
        .map(|(mode, name)| (*mode, &name[..], blob.as_str()))
        .collect();
    let tree = scene.tree(&entries);
    let commit = scene.commit(&tree, "", "Begin\n");
    let answer = scene.push(HEADS, &[&commit, &tree, &blob]);
    assert_eq!(answer.report().unpack, "ok", "{}", answer.text());
}

#[test]
fn row_13_in_the_target_of_a_link() {
    let mut scene = Forgery::new();
    let token = scene.token(1301);
    let target = format!("/home/ada/{token}/conf");
    std::os::unix::fs::symlink(&target, scene.work.join("link")).unwrap();
    scene.git(&["add", "link"]);
    scene.git(&["commit", "-q", "-m", "A link"]);
    scene.git_refused(&["main"], RULE, "link:1");
}

/// The rule of the handbook's example: hosts that nobody outside shall know.
const INTERNAL: &str = r#"[[rules]]
id = "internal-host"
description = "The name of an internal host"
regex = '''(?i)\b[a-z0-9][a-z0-9.-]*\.bank\.internal\b'''
keywords = [".bank.internal"]
action = "block"
examples = ["ssh://git@git.bank.internal/x.git"]
"#;

#[test]
fn row_14_internal_hosts_in_submodules() {
    let mut scene = Forgery::new();
    scene.use_rules(INTERNAL);
    let host = "git.bank.internal";
    scene.plant(host);
    let (blob, _) = scene.plain();
    let link = "1".repeat(40);
    for file in [
        format!("[submodule \"lib\"]\n\tpath = lib\n\turl = https://{host}/lib.git\n"),
        format!("[submodule \"lib\"]\n\tpath = lib\n\turl = git@{host}:lib.git\n"),
        format!("[submodule \"{host}\"]\n\tpath = lib\n\turl = ../lib\n"),
        // As git puts values together: quotes are dropped anywhere, and a line goes on behind a backslash.
        "[submodule \"lib\"]\n\turl = https://git.ba\"nk.inter\"nal/lib.git\n".into(),
        "[submodule \"lib\"]\n\turl = https://git.bank.\\\ninternal/lib.git\n".into(),
    ] {
        let modules = scene.blob(&file);
        let entries = [
            ("100644", &b".gitmodules"[..], modules.as_str()),
            ("160000", b"lib", &link),
        ];
        let tree = scene.tree(&entries);
        let commit = scene.commit(&tree, "", "Add a submodule\n");
        let told = &["(rule internal-host)", ".gitmodules:"];
        scene.refused(HEADS, &[&commit, &tree, &modules], told);
    }
    // As git adds one.
    let other = scene.world.new_work("other");
    scene.world.commit_file(&other, "a", "a\n", "Begin");
    scene.world.commit_file(&scene.work, "a", "a\n", "Begin");
    let path = other.to_string_lossy().into_owned();
    let add = ["submodule", "add", "-q", &path, "lib"];
    scene.git(&[&["-c", "protocol.file.allow=always"], &add[..]].concat());
    let url = format!("ssh://git@{host}/lib.git");
    scene.git(&["config", "-f", ".gitmodules", "submodule.lib.url", &url]);
    scene.git(&["add", "-A"]);
    scene.git(&["commit", "-q", "-m", "Add a submodule"]);
    scene.git_refused(&["main"], "internal-host", ".gitmodules:3");
    // Said anywhere else it is found as well; a submodule without an address is an id, and ids are no words.
    let message = format!("See https://{host}/x\n");
    scene.commit_refused("", message, &["(rule internal-host)"]);
    let tree = scene.tree(&[("160000", b"lib", &link), ("100644", b"m", &blob)]);
    let commit = scene.commit(&tree, "", "Add a submodule\n");
    let answer = scene.push(HEADS, &[&commit, &tree, &blob]);
    assert_eq!(answer.report().unpack, "ok", "{}", answer.text());
    scene.world.witness.never_saw(host);
}

/// The policy of the handbook's example.
const REFS: &str = r#"[[rule]]
name = "branches-and-tags"
ref = ["refs/heads/**", "refs/tags/**"]
do = "scan"

[[rule]]
name = "no-other-refs"
do = "deny"
message = "Only branches and tags may leave."
"#;

#[test]
fn row_15_refs_beside_branches_and_tags_can_be_closed() {
    let mut scene = Forgery::new();
    scene.use_policy(REFS);
    let word = "a-note-for-nobody-outside";
    scene.plant(word);
    scene.world.commit_file(&scene.work, "a", "a\n", "Begin");
    scene.git(&["notes", "add", "-m", word]);
    let (_, tree) = scene.plain();
    let commit = scene.commit(&tree, "", format!("{word}\n"));
    let replaced = format!("refs/replace/{}", scene.git(&["rev-parse", "HEAD"]));
    let url = scene.world.proxied_url("one");
    for name in [
        "refs/stash",
        "refs/original/refs/heads/main",
        "refs/changes/01/1/1",
        "refs/for/main",
        "refs/custom/x",
        &replaced,
    ] {
        scene.git(&["update-ref", name, &commit]);
    }
    for name in [
        "refs/notes/commits",
        "refs/stash",
        "refs/original/refs/heads/main",
        "refs/changes/01/1/1",
        "refs/for/main",
        "refs/custom/x",
        &replaced,
        "--mirror",
    ] {
        let run = scene.world.git(&scene.work, &["push", &url, name]);
        assert_ne!(run.status, 0, "{run}");
        let told = super::told(&run.stderr);
        assert!(
            told.contains("Decided by policy rule no-other-refs."),
            "{run}"
        );
        scene.assert_nothing_arrived();
    }
    let run = scene.world.git(&scene.work, &["push", &url, "main"]);
    run.ok();
    scene.world.witness.never_saw(word);
}

#[test]
fn row_15_in_notes_replacements_and_other_refs() {
    let mut scene = Forgery::new();
    let token = scene.token(1501);
    scene.world.commit_file(&scene.work, "a", "a\n", "Begin");
    let note = format!("reviewed with {token}");
    scene.git(&["notes", "add", "-m", &note]);
    scene.git_refused(&["refs/notes/commits"], RULE, ":1");
    // What stands in the place of a commit, a tree and a file without a ref of ours showing it.
    let (blob, tree) = scene.plain();
    let commit = scene.commit(&tree, "", format!("{token}\n"));
    let file = scene.blob(format!("{token}\n"));
    let folder = scene.tree(&[("100644", token.as_bytes(), &blob)]);
    for replaced in [&commit, &file, &folder] {
        let name = format!("refs/replace/{}", "1".repeat(40));
        scene.git(&["update-ref", &name, replaced]);
        scene.git_refused(&[&name], RULE, " ");
    }
    // A stash holds what was never committed; filter-branch keeps what it took out.
    std::fs::write(scene.work.join("a"), format!("{token}\n")).unwrap();
    scene.git(&["stash", "push", "-q", "-m", "later"]);
    scene.git_refused(&["refs/stash"], RULE, "a:1");
    scene.git(&["update-ref", "refs/original/refs/heads/main", &commit]);
    scene.git_refused(&["refs/original/refs/heads/main"], RULE, "commit message");
    scene.git_refused(
        &[&format!("{commit}:refs/for/main")],
        RULE,
        "commit message",
    );
    scene.git_refused(
        &[&format!("{commit}:refs/changes/1/1/1")],
        RULE,
        "commit message",
    );
    scene.git_refused(&["--mirror"], RULE, " ");
}
