//! Row 43: the quarantine holds what must not leave, so nobody reads it there, and it is let go as soon as can be.

use std::os::unix::fs::PermissionsExt as _;

use crate::faults::records;
use crate::harness::github_token;
use crate::hold::{Scene, case_id, until};

/// Commits a secret so that nothing hides it in a pack: neither compression nor a name.
fn commit_in_the_open(scene: &Scene, seed: u64) -> String {
    let world = &scene.house.world;
    world
        .git(&scene.work, &["config", "core.compression", "0"])
        .ok();
    let secret = github_token(seed);
    let content = format!("an open word, and token = {secret}\n");
    world.commit_file(
        &scene.work,
        "speaking-name.env",
        content,
        "A telling message",
    );
    secret
}

#[test]
fn row_43_what_is_kept_cannot_be_read_where_it_lies() {
    let scene = Scene::new();
    let secret = commit_in_the_open(&scene, 4301);
    let words = [
        &*secret,
        "open word",
        "speaking-name",
        "telling message",
        "PACK",
        "refs/heads",
    ];
    let contains =
        |bytes: &[u8], word: &str| bytes.windows(word.len()).any(|at| at == word.as_bytes());
    // The pack that is sent has them all.
    let world = &scene.house.world;
    let sent = world.default_git().fed(
        &scene.work,
        &["pack-objects", "--stdout", "-q", "--revs"],
        b"HEAD\n",
    );
    for word in &words[..5] {
        assert!(contains(&sent, word), "{word} is hidden by git already");
    }
    let id = case_id(&scene.push(&["-o", "exeat.reason=a reason in the open"]));
    let folder = scene.data().join("quarantine");
    let kept = folder.join(format!("{id}.pack"));
    let bytes = std::fs::read(&kept).unwrap();
    assert!(bytes.len() > sent.len());
    for word in words.iter().chain(&["reason in the open"]) {
        assert!(
            !contains(&bytes, word),
            "{word} can be read in the quarantine"
        );
    }
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&folder), mode(&kept)), (0o700, 0o600));
}

#[test]
fn row_43_what_is_decided_is_let_go_and_who_looked_is_on_record() {
    let scene = Scene::new();
    let mut ids = Vec::new();
    for (seed, verdict) in [(4302, "reject"), (4303, "approve")] {
        commit_in_the_open(&scene, seed);
        let id = case_id(&scene.push(&[]));
        assert_eq!(scene.kept(), [format!("{id}.pack")]);
        assert_eq!(scene.case(&id)["state"], "open");
        match verdict {
            "reject" => assert_eq!(scene.say(&id, &scene.ann, verdict, "no").0, 200),
            _ => {
                scene.approve(&id);
                scene.push(&[]).ok();
            }
        }
        until("the pack is let go", || scene.kept().is_empty());
        ids.push(id);
    }
    let records = records(&scene.house.world);
    for id in ids {
        let mut views = records.iter().filter(|record| record["kind"] == "view");
        assert!(
            views.any(|view| view.to_string().contains(&id)),
            "{id}: {records:?}"
        );
    }
}
