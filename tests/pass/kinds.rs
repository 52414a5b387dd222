//! Every kind of ref update and object.

use exeat::demo::forge::Hash;

use super::{with_every_git, with_every_git_and};
use crate::harness::{Options, prose};

#[test]
fn a_first_push_to_an_empty_repository() {
    with_every_git(|pair| {
        pair.commit("README", "hello\n");
        pair.push(&[], &["main"]);
    });
}

#[test]
fn an_update() {
    with_every_git(|pair| {
        pair.commit("book", prose(1, 400));
        pair.push(&[], &["main"]);
        pair.commit("book", prose(1, 400) + "one more line\n");
        pair.commit("other", "other\n");
        pair.push(&[], &["main"]);
    });
}

#[test]
fn a_delete() {
    with_every_git(|pair| {
        pair.commit("a", "a\n");
        pair.push(
            &[],
            &["main", "main:refs/heads/old", "main:refs/heads/older"],
        );
        pair.push(&[], &[":refs/heads/old", ":refs/heads/older"]);
    });
}

#[test]
fn a_create_an_update_and_a_delete_together() {
    with_every_git(|pair| {
        pair.commit("a", "a\n");
        pair.push(&[], &["main", "main:refs/heads/old"]);
        pair.commit("b", "b\n");
        pair.push(&[], &["main", ":refs/heads/old", "main:refs/heads/new"]);
    });
}

#[test]
fn a_forced_update() {
    with_every_git(|pair| {
        pair.commit("a", "a\n");
        pair.push(&[], &["main"]);
        pair.run(&["commit", "-q", "--amend", "-m", "said differently"]);
        pair.push(&[], &["+main"]);
    });
}

#[test]
fn many_refs_in_one_push() {
    with_every_git(|pair| {
        for index in 0..3 {
            pair.commit("a", format!("{index}\n"));
        }
        for index in 0..300 {
            pair.run(&[
                "update-ref",
                &format!("refs/heads/topic/{index}"),
                &format!("HEAD~{}", index % 3),
            ]);
        }
        pair.push(&[], &["refs/heads/*:refs/heads/*"]);
    });
}

#[test]
fn tags_of_every_kind() {
    with_every_git(|pair| {
        pair.commit("a", "a\n");
        pair.run(&["tag", "light"]);
        pair.run(&[
            "tag",
            "-a",
            "annotated",
            "-m",
            "a tag with words\n\nand more of them",
        ]);
        pair.run(&["tag", "-a", "nested", "-m", "a tag of a tag", "annotated"]);
        pair.run(&["tag", "-a", "of-a-blob", "-m", "a tag of a blob", "HEAD:a"]);
        pair.run(&[
            "tag",
            "-a",
            "of-a-tree",
            "-m",
            "a tag of a tree",
            "HEAD^{tree}",
        ]);
        pair.run(&["tag", "light-of-a-blob", "HEAD:a"]);
        pair.push(&["--tags"], &["main"]);
        pair.run(&["tag", "-f", "-a", "annotated", "-m", "moved"]);
        pair.push(&[], &["+refs/tags/annotated", ":refs/tags/light"]);
    });
}

#[test]
fn notes() {
    with_every_git(|pair| {
        pair.commit("a", "a\n");
        pair.run(&["notes", "add", "-m", "reviewed by nobody yet"]);
        pair.push(&[], &["main", "refs/notes/commits"]);
    });
}

#[test]
fn odd_refs_that_are_well_formed() {
    with_every_git(|pair| {
        pair.commit("a", "a\n");
        let names = [
            "refs/changes/34/1234/1",
            "refs/custom/x",
            "refs/for/main",
            "refs/heads/größe",
            "refs/heads/a.b-c_d+e=f@g,h!i/$j(k)",
        ];
        let refs: Vec<_> = names.iter().map(|name| format!("main:{name}")).collect();
        pair.push(&[], &refs.iter().map(String::as_str).collect::<Vec<_>>());
    });
}

#[test]
fn an_atomic_push() {
    with_every_git(|pair| {
        pair.commit("a", "a\n");
        pair.push(&["--atomic"], &["main", "main:refs/heads/other"]);
    });
}

#[test]
fn a_mirror_push() {
    with_every_git(|pair| {
        pair.commit("a", "a\n");
        pair.run(&["branch", "gone"]);
        pair.push(&["--mirror"], &[]);
        pair.run(&["branch", "-D", "gone"]);
        pair.run(&["tag", "one"]);
        pair.push(&["--mirror"], &[]);
    });
}

#[test]
fn push_options_arrive() {
    with_every_git(|pair| {
        for repository in [&pair.through, &pair.direct] {
            let hooks = pair.world.upstream_path(repository).join("hooks");
            std::fs::create_dir_all(&hooks).unwrap();
            let hook = hooks.join("post-receive");
            std::fs::write(
                &hook,
                "#!/bin/sh\nenv | grep ^GIT_PUSH_OPTION | sort > push-options\n",
            )
            .unwrap();
            std::fs::set_permissions(&hook, std::os::unix::fs::PermissionsExt::from_mode(0o755))
                .unwrap();
        }
        pair.commit("a", "a\n");
        pair.push(&["-o", "ci.skip", "-o", "topic=gröber unfug"], &["main"]);
        let seen = [&pair.through, &pair.direct].map(|repository| {
            std::fs::read_to_string(pair.world.upstream_path(repository).join("push-options"))
                .unwrap()
        });
        assert!(
            seen[0].contains("GIT_PUSH_OPTION_0=ci.skip\n"),
            "{}",
            seen[0]
        );
        assert_eq!(seen[0], seen[1]);
    });
}

#[test]
fn a_push_from_a_shallow_clone() {
    with_every_git(|pair| {
        for index in 0..5 {
            pair.commit("a", format!("{index}\n"));
        }
        pair.push(&[], &["main"]);
        let shallow = pair.world.place(&format!("shallow-{}", pair.git.version));
        let url = pair.world.proxied_url(&pair.through);
        pair.world
            .git_with(pair.git, &shallow, &["clone", "-q", "--depth=2", &url, "."])
            .ok();
        pair.world.commit_file(
            &shallow,
            "b",
            "from a shallow clone\n",
            "On top of what was cut",
        );
        for url in [&url, &pair.world.direct_url(&pair.direct)] {
            pair.world
                .git_with(
                    pair.git,
                    &shallow,
                    &["push", url, "main", "main~1:refs/heads/second"],
                )
                .ok();
        }
        pair.assert_same();
    });
}

#[test]
fn a_sha256_repository() {
    with_every_git_and(Options::default(), Hash::Sha256, |pair| {
        pair.commit("book", prose(2, 300));
        pair.push(&[], &["main"]);
        pair.commit("book", prose(2, 300) + "more\n");
        pair.run(&["tag", "-a", "one", "-m", "one"]);
        pair.push(&["--tags"], &["main"]);
        pair.push(&[], &[":refs/tags/one"]);
    });
}

#[test]
fn a_branch_at_a_commit_the_upstream_has() {
    with_every_git(|pair| {
        pair.commit("a", "a\n");
        pair.push(&[], &["main"]);
        // The pack of this push holds no object at all.
        pair.push(&[], &["main:refs/heads/same"]);
    });
}

#[test]
fn trees_of_every_shape() {
    with_every_git(|pair| {
        pair.commit("deep/er/and/deeper/file", "deep\n");
        std::os::unix::fs::symlink("deep/er", pair.work.join("link")).unwrap();
        let script = pair.work.join("script");
        std::fs::write(&script, "#!/bin/sh\n").unwrap();
        std::fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755))
            .unwrap();
        let submodule = "160000,1111111111111111111111111111111111111111,vendored";
        pair.run(&["update-index", "--add", "--cacheinfo", submodule]);
        pair.run(&["add", "link", "script"]);
        pair.run(&["commit", "-q", "-m", "A link, a script and a submodule"]);
        pair.commit("empty", "");
        pair.run(&["commit", "-q", "--allow-empty", "-m", "Nothing changed"]);
        pair.push(&[], &["main"]);
    });
}

#[test]
fn histories_without_a_common_beginning_and_merges_of_many() {
    with_every_git(|pair| {
        pair.commit("a", "a\n");
        for branch in ["one", "two", "three"] {
            pair.run(&["checkout", "-q", "--orphan", branch]);
            pair.commit(branch, branch);
        }
        pair.run(&["checkout", "-q", "main"]);
        let parents = ["-p", "main", "-p", "one", "-p", "two", "-p", "three"];
        let merge = pair.run(
            &[
                &["commit-tree", "HEAD^{tree}", "-m", "All of them"][..],
                &parents,
            ]
            .concat(),
        );
        pair.push(&[], &[&format!("{}:refs/heads/all", merge.trim())]);
    });
}
