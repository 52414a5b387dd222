//! The process dies while a push is held or let go: nothing is lost, nothing is sent twice, and the way on is open.

use super::{Scene, case_id, until};

/// Lets the proxy die at `point` of the next push.
fn dies_at(scene: &mut Scene, point: &str) {
    let world = &mut scene.house.world;
    world.stop_server();
    let strike = format!("{point}=kill");
    world.set_variables(&[("EXEAT_CRASHPOINT", &strike)]);
    world.start_server();
    let run = scene.push(&[]);
    assert_ne!(run.status, 0, "{point}: {run}");
    let world = &mut scene.house.world;
    world.await_death();
    world.set_variables(&[]);
    world.start_server();
}

#[test]
fn while_it_is_put_away() {
    for point in ["decision-written", "quarantine-written", "pack-kept"] {
        let mut scene = Scene::new();
        scene.commit(1);
        dies_at(&mut scene, point);
        // No pack without a case, no case without a pack.
        assert_eq!(scene.kept(), Vec::<String>::new(), "{point}");
        let id = case_id(&scene.push(&[]));
        assert_eq!(scene.kept(), [format!("{id}.pack")]);
        scene.approve(&id);
        scene.push(&[]).ok();
        assert_eq!(scene.upstream(), scene.head(), "{point}");
        scene.house.exeat("audit verify").ok();
    }
}

#[test]
fn while_it_is_let_go() {
    // The approval is taken, and nothing decided: it can be used again. Once it is decided nobody knows, and an approval is
    // not used twice.
    for (point, state) in [("judged", "approved"), ("before-connect", "unknown")] {
        let mut scene = Scene::new();
        scene.commit(1);
        let id = case_id(&scene.push(&[]));
        scene.approve(&id);
        dies_at(&mut scene, point);
        assert_eq!(scene.case(&id)["state"], state, "{point}");
        assert_eq!(scene.upstream(), "", "{point}");
        if state == "unknown" {
            let again = case_id(&scene.push(&[]));
            assert_ne!(again, id);
            scene.approve(&again);
        }
        scene.push(&[]).ok();
        assert_eq!(scene.upstream(), scene.head(), "{point}");
        until("the packs are gone", || scene.kept().is_empty());
        scene.house.exeat("audit verify").ok();
    }
}
