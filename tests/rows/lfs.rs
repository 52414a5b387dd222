//! Row 21: Git LFS, whose files go another way than the push, and whose pointers come with it.

use super::HEADS;
use super::forged::{Forgery, RULE};
use crate::harness::{Options, World};

const MEDIA: &str = "application/vnd.git-lfs+json";

fn pointer(more: &str) -> String {
    let oid = "4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393";
    format!("version https://git-lfs.github.com/spec/v1\n{more}oid sha256:{oid}\nsize 12345\n")
}

#[test]
fn row_21_a_pointer_to_a_file_that_was_not_inspected() {
    let mut scene = Forgery::new();
    let token = scene.token(2101);
    let (_, tree) = scene.plain();
    let told = &[
        "needs review",
        "not readable",
        "it is a pointer of Git LFS",
        "commit the file without LFS, or have the push reviewed",
    ];
    for text in [
        pointer(""),
        pointer(
            "ext-0-note sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\n",
        ),
        format!("\n{}", pointer("")),
        pointer("").replace("https://git-lfs.github.com", "https://hawser.github.com"),
        "version https://git-lfs.github.com/spec/v1\n".into(),
    ] {
        let blob = scene.blob(&text);
        let tree = scene.tree(&[("100644", b"large.bin", &blob)]);
        let commit = scene.commit(&tree, "", "Add\n");
        scene.refused(HEADS, &[&commit, &tree, &blob], told);
    }
    // What its lines say besides is text like any other.
    let blob = scene.blob(pointer(&format!("ext-0-{token} sha256:0\n")));
    let folder = scene.tree(&[("100644", b"large.bin", &blob)]);
    let commit = scene.commit(&folder, "", "Add\n");
    scene.refused(HEADS, &[&commit, &folder, &blob], &[RULE, "large.bin:2"]);
    // A text about pointers is none.
    let blob = scene.blob(format!("# What LFS writes\n\n{}", pointer("")));
    let page = scene.tree(&[("100644", b"page.md", &blob)]);
    let commit = scene.commit(&page, "", "Write\n");
    let answer = scene.push(HEADS, &[&commit, &page, &blob]);
    assert_eq!(answer.report().unpack, "ok", "{}", answer.text());
    drop(tree);
}

#[test]
fn row_21_a_pointer_goes_where_people_or_the_policy_say_so() {
    let world = World::start(Options {
        settings: crate::hold::settings().leak(),
        ..Options::default()
    });
    world.new_repository("one");
    let work = world.new_work("work");
    world.commit_file(&work, "large.bin", pointer(""), "Add");
    let push = ["push", &world.proxied_url("one"), "main"];
    let run = world.git(&work, &push);
    let told = super::told(&run.stderr);
    assert!(run.status != 0 && told.contains("held for review"), "{run}");
    assert!(told.contains("it is a pointer of Git LFS"), "{run}");
    assert_eq!(world.upstream_state("one"), "---\n");
    drop(world);

    let mut scene = Forgery::new();
    scene.use_policy("[[rule]]\nname = \"models\"\nrepository = \"one\"\nunscannable = \"warn\"\n");
    scene
        .world
        .commit_file(&scene.work, "large.bin", pointer(""), "Add");
    let run = scene.world.git(
        &scene.work,
        &["push", &scene.world.proxied_url("one"), "main"],
    );
    let told = super::told(&run.ok().stderr);
    assert!(told.contains("it is a pointer of Git LFS"), "{told}");
}

#[test]
fn row_21_uploads_locks_and_other_ways_of_lfs() {
    let mut scene = Forgery::new();
    let token = scene.token(2102);
    let oid = "ab".repeat(32);
    let upload = format!(
        r#"{{"operation":"upload","transfers":["basic","tus","multipart-{token}"],"ref":{{"name":"refs/heads/{token}"}},"objects":[{{"oid":"{oid}","size":3}}]}}"#
    );
    let lock = format!(r#"{{"path":"{token}","ref":{{"name":"{token}"}}}}"#);
    for (method, path, body) in [
        ("POST", "objects/batch".to_owned(), &upload),
        ("POST", "locks".into(), &lock),
        ("POST", "locks/verify".into(), &lock),
        ("POST", "locks/1/unlock".into(), &lock),
        ("GET", format!("locks?path={token}"), &String::new()),
        ("POST", "objects/verify".into(), &lock),
        ("PUT", format!("objects/{oid}"), &token),
        ("PATCH", format!("objects/{oid}"), &token),
        ("POST", format!("objects/batch?{token}"), &upload),
    ] {
        let head = format!(
            "{method} /forge.test/one.git/info/lfs/{path} HTTP/1.1\nAccept: {MEDIA}\n\
             Content-Type: {MEDIA}\nContent-Length: {}",
            body.len()
        );
        let answer = scene.world.ask(&head, body.as_bytes());
        let status = answer.status;
        assert!((400..500).contains(&status), "{method} {path}: {status}");
        assert!(!answer.text().contains(&token), "{}", answer.text());
    }
    assert!(scene.world.witness.requests().is_empty());
    scene.assert_nothing_arrived();
}

#[test]
fn row_21_a_configuration_that_leads_elsewhere() {
    let mut scene = Forgery::new();
    // The rule of the handbook's example.
    scene.use_rules(
        "[[rules]]\nid = \"lfs-config\"\ndescription = \"A file that says where LFS files go\"\n\
         path = '''(?:^|/)\\.lfsconfig$'''\naction = \"review\"\n",
    );
    let file = "[lfs]\n\turl = https://files.example.com/x\n";
    scene
        .world
        .commit_file(&scene.work, ".lfsconfig", file, "Add");
    scene.git_refused(&["main"], "lfs-config", ".lfsconfig");
}
