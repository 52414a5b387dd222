//! With a credential of the organisation an approved push goes by itself.

use std::os::unix::fs::PermissionsExt as _;

use super::{Scene, case_id, settings, until};
use crate::console::House;
use crate::harness::canaries::{self, Reach};
use crate::harness::{Options, World};

const USER: &str = "dev";
const TOKEN: &str = "a-token-of-the-organisation";

/// A forge that takes one user and password. The organisation has that user's, so that the forge takes its pushes; the
/// developer's goes through a helper of git.
fn scene(repositories: &str, password: &str) -> (Scene, tempfile::TempDir) {
    canaries::plant(password, Reach::Forge);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    std::fs::write(&path, password).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    let table = format!(
        "[upstream.\"forge.test\".organisation]\nuser = \"{USER}\"\ntoken = \"file:{}\"\nrepositories = [\"{repositories}\"]\n",
        path.display()
    );
    let world = World::start(Options {
        settings: format!("{}{table}", settings()).leak(),
        credentials: Some((USER, TOKEN)),
        ..Options::default()
    });
    world.new_repository("one");
    (Scene::within(House { world }), folder)
}

#[test]
fn an_approved_push_goes_by_itself() {
    let (scene, _folder) = scene("one", TOKEN);
    scene.commit(1);
    let id = case_id(&scene.push(&[]));
    assert_eq!(scene.upstream(), "");
    scene.approve(&id);
    until("it went", || scene.upstream() == scene.head());
    until("that is noted", || scene.case(&id)["state"] == "sent");
    until("the pack is gone", || scene.kept().is_empty());
    // Pushed again, there is nothing to do.
    let again = scene.push(&[]).ok();
    assert!(again.stderr.contains("Everything up-to-date"), "{again}");
    scene.house.exeat("audit verify").ok();
}

#[test]
fn not_where_the_configuration_names_another_repository() {
    let (scene, _folder) = scene("other", TOKEN);
    scene.commit(1);
    let id = case_id(&scene.push(&[]));
    scene.approve(&id);
    std::thread::sleep(std::time::Duration::from_secs(1));
    assert_eq!(
        (scene.upstream(), scene.case(&id)["state"].as_str()),
        (String::new(), Some("approved"))
    );
    scene.push(&[]).ok();
    assert_eq!(scene.upstream(), scene.head());
}

#[test]
fn what_the_forge_declines_stays_approved_for_its_developer() {
    let (scene, _folder) = scene("one", "a-token-that-nobody-takes");
    scene.commit(1);
    let id = case_id(&scene.push(&[]));
    scene.approve(&id);
    let tries = || scene.house.world.server().log().matches("E-2002").count();
    until("it was tried", || tries() == 1);
    until("it is approved again", || {
        scene.case(&id)["state"] == "approved"
    });
    assert_eq!(scene.upstream(), "");
    scene.push(&[]).ok();
    assert_eq!(scene.upstream(), scene.head());
    assert_eq!(tries(), 1, "there is a pause before the next try");
}
