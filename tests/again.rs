//! History that was pushed before: what was found in it is remembered, and judged for each push anew.

use std::path::PathBuf;

use crate::{
    faults::metric,
    harness::{Options, Run, World, github_token},
};

struct Scene {
    world: World,
    work: PathBuf,
}

impl Scene {
    fn with(settings: &'static str) -> Self {
        let world = World::start(Options {
            settings,
            ..Options::default()
        });
        for name in ["one", "two", "three"] {
            world.new_repository(name);
        }
        let work = world.new_work("work");
        Self { world, work }
    }

    fn commit(&self, path: &str, content: &str) {
        self.world.commit_file(&self.work, path, content, path);
    }

    fn push(&self, to: &str) -> Run {
        let url = self.world.proxied_url(to);
        self.world.git(&self.work, &["push", &url, "main"])
    }

    fn recalled(&self) -> u64 {
        metric(&self.world, "exeat_recalled_objects_total")
    }
}

#[test]
fn what_was_pushed_before_is_judged_anew() {
    let mut scene = Scene::with("");
    scene.commit("a", "a\n");
    scene.commit("b", "b\n");
    scene.push("one").ok();
    assert_eq!(scene.recalled(), 0);
    scene.push("two").ok();
    assert_eq!(scene.recalled(), 6, "two commits, trees and files");
    // What is found stays found, at every target and every path.
    let token = github_token(9_101);
    scene.world.forbid(&token);
    scene.commit("conf/app.env", &format!("TOKEN={token}\n"));
    for (target, recalled) in [("three", 12), ("three", 22)] {
        let run = scene.push(target);
        assert_ne!(run.status, 0, "{run}");
        assert!(run.stderr.contains("conf/app.env:1"), "{run}");
        assert_eq!(scene.recalled(), recalled, "{run}");
    }
    scene.world.git(&scene.work, &["mv", "conf", "src"]).ok();
    let amend = ["commit", "-q", "--amend", "--no-edit"];
    scene.world.git(&scene.work, &amend).ok();
    let run = scene.push("three");
    assert!(run.stderr.contains("src/app.env:1"), "{run}");
    scene.world.witness.never_saw(&token);
}

#[test]
fn without_memory_for_it_nothing_is_remembered() {
    let scene = Scene::with("[limits]\nverdict_bytes = 1\n");
    scene.commit("a", "a\n");
    scene.push("one").ok();
    scene.push("two").ok();
    assert_eq!(scene.recalled(), 0);
}
