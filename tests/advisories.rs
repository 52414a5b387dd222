//! The advisories published against a proxy of this kind (`@finos/git-proxy` before 1.19.2), each as a test.
//!
//! Their common cause: what was checked was not what was forwarded.

use std::path::PathBuf;

use crate::harness::{
    Options, Run, World, ZERO, assert_refused, assert_refused_by_hand, github_token, head, pack_of,
};

const RULE: &str = "github-pat";
const CAPABILITIES: &str = "report-status side-band-64k";

fn scene(seed: u64) -> (World, PathBuf, String) {
    let mut world = World::start(Options::default());
    let secret = github_token(seed);
    world.forbid(&secret);
    world.new_repository("one");
    let work = world.new_work("work");
    world.commit_file(&work, "a", "a\n", "Begin");
    (world, work, secret)
}

fn push(world: &World, work: &std::path::Path, words: &[&str]) -> Run {
    let url = world.proxied_url("one");
    let words: Vec<&str> = ["push", &url].iter().chain(words).copied().collect();
    world.git(work, &words)
}

/// CVE-2025-54583, GHSA-qr93-8wwf-22g4: only the first ref of a push was looked at.
#[test]
fn cve_2025_54583_every_ref_of_a_push_is_looked_at() {
    let (world, work, secret) = scene(101);
    push(&world, &work, &["main"]).ok();
    let before = world.upstream_state("one");
    world.git(&work, &["checkout", "-q", "-b", "zebra"]).ok();
    world.commit_file(&work, "dev.env", &secret, "Add settings");
    for order in [
        ["main:refs/heads/again", "zebra"],
        ["zebra", "main:refs/heads/again"],
    ] {
        assert_refused(&push(&world, &work, &order), RULE, &secret);
        assert_eq!(world.upstream_state("one"), before, "a ref moved");
    }
}

/// CVE-2025-54584, GHSA-xxmh-rf63-qwjv: the pack was looked for by its signature, so that the four bytes `PACK`
/// further back moved the place where looking began.
#[test]
fn cve_2025_54584_the_word_pack_inside_the_pack_changes_nothing() {
    let (world, work, secret) = scene(102);
    // A pack of nothing; one that is damaged would need a review.
    const NOTHING: [u8; 20] = [
        0x02, 0x9d, 0x08, 0x82, 0x3b, 0xd8, 0xa8, 0xea, 0xb5, 0x10, 0xad, 0x6a, 0xc7, 0x5c, 0x82,
        0x3c, 0xfd, 0x3e, 0xd3, 0x1e,
    ];
    let decoy = [&b"PACK\0\0\0\x02\0\0\0\0"[..], &NOTHING].concat();
    // Without compression the decoy stands in the pack as it is.
    world.git(&work, &["config", "core.compression", "0"]).ok();
    world.git(&work, &["config", "pack.compression", "0"]).ok();
    world.commit_file(&work, "decoy", &decoy, "Add PACK\n\nPACK PACK");
    push(&world, &work, &["main", "main:refs/heads/PACK/aPACKb"]).ok();
    let sent = world.witness.pushes().pop().unwrap().body;
    let count = sent
        .windows(8)
        .filter(|bytes| bytes == b"PACK\0\0\0\x02")
        .count();
    assert!(count >= 2, "the decoy was not there");
    let before = world.upstream_state("one");

    world.commit_file(&work, "dev.env", &secret, "Add settings PACK");
    world.commit_file(
        &work,
        "zz-last",
        [&decoy[..], b"more"].concat(),
        "Hide them",
    );
    assert_refused(
        &push(&world, &work, &["main:refs/heads/PACK/two"]),
        RULE,
        &secret,
    );
    assert_eq!(world.upstream_state("one"), before);
}

/// The same advisory: bytes after the trailer of the pack, where a second pack could be.
#[test]
fn cve_2025_54584_nothing_comes_after_the_pack() {
    let (world, work, secret) = scene(103);
    let git = world.default_git();
    let clean = ["HEAD", "HEAD^{tree}", "HEAD:a"].map(|name| git.id(&work, name));
    let mut body = head(
        &[format!("{ZERO} {} refs/heads/main", clean[0])],
        CAPABILITIES,
    );
    body.extend(pack_of(
        &world,
        &work,
        &clean.each_ref().map(String::as_str),
    ));
    world.commit_file(&work, "dev.env", &secret, "Add settings");
    let hidden = git.id(&work, "HEAD:dev.env");
    body.extend(pack_of(&world, &work, &[&hidden]));
    assert_refused_by_hand(&world, &world.ask_push("one", &body));
    assert_eq!(world.upstream_state("one"), "---\n");
}

/// CVE-2025-54585, GHSA-39p2-8hq9-fwj6: a new branch was compared with the parent of its last commit, so that the
/// commits below were never looked at.
#[test]
fn cve_2025_54585_a_new_branch_is_looked_at_from_its_root() {
    let (world, work, secret) = scene(104);
    push(&world, &work, &["main"]).ok();
    let before = world.upstream_state("one");
    world.git(&work, &["checkout", "-q", "-b", "a"]).ok();
    world.commit_file(&work, "dev.env", &secret, "Add settings");
    assert_refused(&push(&world, &work, &["a"]), RULE, &secret);
    world.git(&work, &["checkout", "-q", "-b", "b"]).ok();
    world.git(&work, &["rm", "-q", "dev.env"]).ok();
    world
        .git(&work, &["commit", "-q", "-m", "Take them out again"])
        .ok();
    world.commit_file(&work, "harmless", "harmless\n", "Add something harmless");
    for branch in ["b", "a", "b"] {
        assert_refused(&push(&world, &work, &[branch]), RULE, &secret);
    }
    assert_eq!(world.upstream_state("one"), before);
}

/// CVE-2025-54586, GHSA-v98g-8rqx-g93g: a commit no ref of the push reaches travelled in its pack.
#[test]
fn cve_2025_54586_a_hidden_commit_does_not_travel() {
    let (world, work, secret) = scene(105);
    let git = world.default_git();
    let objects = |names: &[&str]| {
        names
            .iter()
            .map(|name| git.id(&work, name))
            .collect::<Vec<_>>()
    };
    let visible = objects(&["HEAD", "HEAD^{tree}", "HEAD:a"]);
    world
        .git(&work, &["checkout", "-q", "--orphan", "hidden"])
        .ok();
    world.commit_file(&work, "dev.env", &secret, "Hidden");
    let hidden = objects(&["HEAD", "HEAD^{tree}", "HEAD:dev.env"]);
    let all: Vec<&str> = visible.iter().chain(&hidden).map(String::as_str).collect();
    let mut body = head(
        &[format!("{ZERO} {} refs/heads/main", visible[0])],
        CAPABILITIES,
    );
    body.extend(pack_of(&world, &work, &all));
    assert_refused_by_hand(&world, &world.ask_push("one", &body));
    assert_eq!(world.upstream_state("one"), "---\n");
}

/// The same advisory without a secret: a hidden commit is refused for being hidden.
#[test]
fn cve_2025_54586_a_hidden_commit_is_refused_even_if_it_is_harmless() {
    let (world, work, _) = scene(106);
    let git = world.default_git();
    let objects = |names: &[&str]| {
        names
            .iter()
            .map(|name| git.id(&work, name))
            .collect::<Vec<_>>()
    };
    let visible = objects(&["HEAD", "HEAD^{tree}", "HEAD:a"]);
    world
        .git(&work, &["checkout", "-q", "--orphan", "hidden"])
        .ok();
    world.commit_file(&work, "harmless", "harmless\n", "Hidden");
    let hidden = objects(&["HEAD", "HEAD^{tree}", "HEAD:harmless"]);
    let all: Vec<&str> = visible.iter().chain(&hidden).map(String::as_str).collect();
    let mut body = head(
        &[format!("{ZERO} {} refs/heads/main", visible[0])],
        CAPABILITIES,
    );
    body.extend(pack_of(&world, &work, &all));
    assert_refused_by_hand(&world, &world.ask_push("one", &body));
    assert_eq!(world.upstream_state("one"), "---\n");
}
