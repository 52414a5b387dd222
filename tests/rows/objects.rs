//! Rows 1 to 3, 5, 6 and 28: where in a pack a secret may stand, and what no proxy can see.

use super::crafted::{Crafted, SHA1, copy, delta, insert};
use super::forged::{Forgery, RULE};
use super::{CAPABILITIES, HEADS, Scene};
use crate::harness::{ZERO, github_token, head, incompressible, pack_of, prose};
use exeat_gitwire::pack::{Kind, object_id};

#[test]
fn row_01_a_file_that_a_later_commit_takes_out_again() {
    let mut scene = Forgery::new();
    let token = scene.token(101);
    let keep = |path: &str, content: &str| {
        scene
            .world
            .commit_file(&scene.work, path, content, &format!("Write {path}"));
    };
    keep("a", "a\n");
    keep("conf/app.env", &format!("A=1\nTOKEN={token}\n"));
    keep("conf/app.env", "A=1\n");
    keep("b", "b\n");
    scene.git_refused(&["main"], RULE, "conf/app.env:2");
    // On a side that was merged, and in a file that only the merge itself has.
    scene.git(&["checkout", "-q", "-b", "side", "main~3"]);
    keep("c", &token);
    scene.git(&["rm", "-q", "c"]);
    scene.git(&["commit", "-q", "-m", "Without it"]);
    scene.git(&["checkout", "-q", "-b", "merged", "main~3"]);
    scene.git(&["commit", "-q", "--allow-empty", "-m", "Another way"]);
    scene.git(&["merge", "-q", "--no-ff", "-m", "Both", "side"]);
    scene.git_refused(&["merged"], RULE, "c:1");
    scene.git(&["checkout", "-q", "-b", "evil", "main~3"]);
    scene.git(&["commit", "-q", "--allow-empty", "-m", "One"]);
    let blob = scene.blob(format!("{token}\n"));
    let tree = scene.tree(&[("100644", b"only-here", &blob)]);
    let parents = ["-p", "evil", "-p", "main~3", "-m", "Both"];
    let merge = scene.git(&[&["commit-tree", tree.as_str()], &parents[..]].concat());
    scene.git(&["update-ref", "refs/heads/evil", &merge]);
    scene.git_refused(&["evil"], RULE, "only-here:1");
}

#[test]
fn row_02_objects_that_no_ref_reaches() {
    let mut scene = Forgery::new();
    let token = scene.token(201);
    let (blob, tree) = scene.plain();
    let commit = scene.commit(&tree, "", "Begin\n");
    let hidden = scene.blob(format!("token = {token}\n"));
    let folder = scene.tree(&[("100644", token.as_bytes(), &blob)]);
    let message = scene.commit(&tree, "", format!("{token}\n"));
    let tag = format!("object {commit}\ntype commit\ntag x\n\n{token}\n");
    let tag = scene.object("tag", tag);
    for object in [&hidden, &folder, &message, &tag] {
        let told = &["Push"];
        scene.refused(HEADS, &[&commit, &tree, &blob, object], told);
    }
    // Harmless ones are refused for that alone.
    let harmless = scene.blob("b\n");
    let told = &["pushed ref reaches it"];
    scene.refused(HEADS, &[&commit, &tree, &blob, &harmless], told);
    // Without a ref at all.
    let pack = pack_of(&scene.world, &scene.work, &[&hidden]);
    let same = format!("{commit} {commit} {HEADS}");
    let body = [head(&[same], CAPABILITIES), pack].concat();
    let answer = scene.world.ask_push("one", &body);
    crate::harness::assert_refused_by_hand(&scene.world, &answer);
    scene.assert_nothing_arrived();
}

/// A pack of one blob, a delta on `base`, with a tree and a commit that hold it; and the commit.
fn pack_of_delta(pack: &mut Crafted, built: &[u8], parent: &str) -> String {
    let blob = object_id(SHA1, Kind::Blob, built).unwrap();
    let tree = [b"100644 file\0", blob.as_slice()].concat();
    let who = "Ada Test <ada@example.com> 1700000000 +0000";
    let id = object_id(SHA1, Kind::Tree, &tree).unwrap();
    let commit = format!("tree {id}\n{parent}author {who}\ncommitter {who}\n\nBuild\n");
    pack.whole(Kind::Tree, &tree);
    pack.whole(Kind::Commit, commit.as_bytes());
    let id = object_id(SHA1, Kind::Commit, commit.as_bytes()).unwrap();
    id.to_string()
}

#[test]
fn row_03_a_delta_that_builds_the_secret() {
    let mut scene = Scene::new();
    let token = github_token(301);
    scene.world.forbid(&token);
    scene.assert_passes();
    let before = scene.world.upstream_state("one");
    let sent = scene.world.witness.pushes().len();
    let (start, end) = token.split_at(20);
    let whole = token.as_bytes();
    let parts = |base: &[u8]| {
        let at = |part: &str| bstr::ByteSlice::find(base, part).unwrap() as u32;
        delta(
            base.len() as u64,
            whole.len() as u64,
            &[&copy(at(start), 20), &copy(at(end), 20)],
        )
    };
    let apart = format!("{end} and {start}\n");

    // Out of two places of a base that stands in the pack, by offset and by id, and over two steps.
    let mut bodies: Vec<(&str, Vec<u8>, String)> = Vec::new();
    for way in ["offset", "id", "twice"] {
        let mut pack = Crafted::new();
        let base = pack.blob(apart.as_bytes());
        let id = object_id(SHA1, Kind::Blob, apart.as_bytes()).unwrap();
        match way {
            "offset" => pack.ofs_delta(base, &parts(apart.as_bytes())),
            "id" => pack.ref_delta(id, &parts(apart.as_bytes())),
            _ => {
                let half = delta(apart.len() as u64, 20, &[&copy(44, 20)]);
                let first = pack.ofs_delta(base, &half);
                let rest = [&copy(0, 20)[..], &insert(end.as_bytes())].concat();
                pack.ofs_delta(first, &delta(20, 40, &[&rest]))
            }
        };
        let commit = pack_of_delta(&mut pack, whole, "");
        bodies.push((way, pack.finish(), commit));
    }
    // Onto a blob that only the upstream has: its file "a" is one letter long, the token's start is inserted beside.
    let base = object_id(SHA1, Kind::Blob, b"a\n").unwrap();
    let mut thin = Crafted::new();
    let built = [b"a\n", whole].concat();
    let rest = [
        &copy(0, 2)[..],
        &insert(start.as_bytes()),
        &insert(end.as_bytes()),
    ]
    .concat();
    thin.ref_delta(base, &delta(2, built.len() as u64, &[&rest]));
    let commit = pack_of_delta(&mut thin, &built, "");
    bodies.push(("outside", thin.finish(), commit));

    for (way, pack, commit) in bodies {
        let command = format!("{ZERO} {commit} refs/heads/{way}");
        let body = [head(&[command], CAPABILITIES), pack].concat();
        let report = scene.world.ask_push("one", &body).report();
        let text = super::in_one_line(&report.text);
        // In the first two the base is reached by nothing: that alone refuses them, and the find is told before.
        assert_ne!(report.unpack, "ok", "{way}: {text}");
        if way == "outside" {
            assert!(text.contains(RULE) && text.contains("file:2"), "{text}");
        }
    }
    assert_eq!(scene.world.upstream_state("one"), before);
    assert_eq!(scene.world.witness.pushes().len(), sent);
    scene.world.witness.never_saw(&token);
}

#[test]
fn row_03_a_delta_that_git_itself_makes() {
    let mut scene = Forgery::new();
    let token = scene.token(302);
    let (start, end) = token.split_at(20);
    let book = prose(5, 300);
    let apart = format!("{book}{start}\n{end}\n{book}");
    let joined = format!("{book}{token}\n{book}more\n");
    scene.world.commit_file(&scene.work, "book", &joined, "One");
    scene.world.commit_file(&scene.work, "book", &apart, "Two");
    let line = book.lines().count() + 1;
    scene.git_refused(&["main"], RULE, &format!("book:{line}"));
}

#[test]
fn row_05_at_the_end_of_large_and_binary_files() {
    let mut scene = Forgery::new();
    let token = scene.token(501);
    let tail = |mut bytes: Vec<u8>| {
        bytes.extend(format!("\0\u{1}{token}\0").into_bytes());
        bytes
    };
    let picture = [b"\x89PNG\r\n\x1a\n".to_vec(), incompressible(5, 200_000)].concat();
    for (name, content) in [
        ("picture.png", tail(picture)),
        ("zeros.bin", tail(vec![0; 3 << 20])),
        // Above eight mebibytes a file passes in pieces; the secret lies across two of them.
        ("large.bin", tail(vec![b'\n'; 9 << 20])),
        ("one-line.js", tail(vec![b'x'; 1 << 20])),
    ] {
        scene.git(&["checkout", "-q", "--orphan", &format!("with-{name}")]);
        scene.world.commit_file(&scene.work, name, content, "Add");
        scene.git_refused(&["HEAD"], RULE, &format!("{name}:"));
        scene.git(&["rm", "-q", "-f", name]);
    }
}

#[test]
fn row_06_what_is_split_passes_and_is_on_record() {
    // Nobody can tell half a secret, or an encrypted one, from other text. What is done: the record says what left, by the
    // ids of all objects, so that it can be found out afterwards; and the handbook says that it passes.
    let mut scene = Scene::new();
    let token = github_token(601);
    let (start, end) = token.split_at(20);
    scene
        .world
        .commit_file(&scene.work, "one", format!("{start}\n"), "One");
    scene
        .world
        .commit_file(&scene.work, "two", format!("{end}\n"), "Two");
    let url = scene.world.proxied_url("one");
    scene.world.git(&scene.work, &["push", &url, "main"]).ok();
    scene.world.stop_server();
    let config = scene.world.config().to_string_lossy().into_owned();
    let listed = ["audit", "list", "--format", "jsonl", "--config", &config];
    let listed = scene.world.exeat(&listed).ok().stdout;
    let tip = scene.world.default_git().id(&scene.work, "main");
    let push = listed.lines().find(|line| line.contains(&tip)).unwrap();
    let push: serde_json::Value = serde_json::from_str(push).unwrap();
    assert_eq!(push["coverage"]["commits"], 3, "{push}");
    assert_eq!(push["coverage"]["not_scannable"], 0, "{push}");
    scene.world.start_server();
    // In one file, a line apart, it is no other.
    scene
        .world
        .commit_file(&scene.work, "three", format!("{start}\n{end}\n"), "Three");
    let url = scene.world.proxied_url("one");
    scene.world.git(&scene.work, &["push", &url, "main"]).ok();
}

/// Two files of one SHA-1; as objects of git they are two, since their kind and length are hashed before them.
fn pair() -> [Vec<u8>; 2] {
    let text = include_str!("../../proxy/gitwire/tests/packs/shambles.hex");
    let (one, two) = text.split_once("\n\n").unwrap();
    [one, two].map(|digits| hex::decode(digits.split_whitespace().collect::<String>()).unwrap())
}

#[test]
fn row_28_files_of_one_hash_are_each_inspected() {
    let mut scene = Forgery::new();
    let token = scene.token(2801);
    let [one, two] = pair();
    let (one, two) = (
        scene.blob(&one),
        scene.blob([&two[..], token.as_bytes()].concat()),
    );
    assert_ne!(one, two);
    let tree = scene.tree(&[("100644", b"one", &one), ("100644", b"two", &two)]);
    let commit = scene.commit(&tree, "", "Begin\n");
    let told = &[RULE, "two:"];
    scene.refused(HEADS, &[&commit, &tree, &one, &two], told);
}

#[test]
fn row_28_an_id_stands_once_in_a_pack() {
    // Git takes one id twice in a pack. Here there is no second entry whose bytes could be others than those that were
    // inspected; and each is hashed with detection of what was made to collide.
    let mut scene = Scene::new();
    let token = github_token(2802);
    scene.world.forbid(&token);
    for content in [token.as_bytes(), b"b\n"] {
        let mut pack = Crafted::new();
        for _ in 0..2 {
            pack.blob(content);
        }
        let commit = pack_of_delta(&mut pack, content, "");
        let command = format!("{ZERO} {commit} {HEADS}");
        let body = [head(&[command], CAPABILITIES), pack.finish()].concat();
        let answer = scene.world.ask_push("one", &body);
        super::assert_refused_for(&scene.world, &answer, "is in the pack twice");
        scene.assert_empty();
    }
    scene.world.witness.never_saw(&token);
    scene.assert_passes();
}
