//! The process dies while it carries something out: under a key it was done once, or is done now.

use serde_json::{Value, json};

use super::{House, assert_problem};

fn people(house: &House) -> Vec<String> {
    let listed = house.exeat("user list --format jsonl").ok().stdout;
    let name = |line: &str| {
        let person: Value = serde_json::from_str(line).unwrap();
        person["name"].as_str().unwrap().to_owned()
    };
    listed.lines().map(name).collect()
}

#[test]
fn a_crash_leaves_one_effect_or_none() {
    let mut house = House::open();
    let op = house.person("op", &["operator"], &["admin"]);
    let path = "/api/v1/people";
    for (point, name, is_done) in [
        ("audit-append", "ann", false),
        ("audit-commit", "ben", false),
        ("console-done", "cid", true),
    ] {
        let new = json!({"name": name});
        house.world.stop_server();
        // The first record of a start is its own, the second the login.
        let trap = match point {
            "console-done" => format!("{point}=kill"),
            point => format!("{point}:3=kill"),
        };
        house.world.set_variables(&[("EXEAT_CRASHPOINT", &trap)]);
        house.world.start_server();
        assert_eq!(
            house.keyed(path, &op, name, &new),
            None,
            "it did not die at {point}"
        );
        house.world.await_death();
        house.world.set_variables(&[]);
        house.world.start_server();
        let is_there = people(&house).iter().any(|known| known == name);
        assert_eq!(is_there, is_done, "{name} at {point}");

        let again = house.keyed(path, &op, name, &new).unwrap();
        match is_done {
            true => assert_problem(&again, 409, "done-before"),
            false => assert_eq!(again.0, 201, "{again:?}"),
        }
        let known = people(&house).into_iter().filter(|known| known == name);
        assert_eq!(known.count(), 1);
        // What was answered is answered the same after another restart.
        house.world.stop_server();
        house.world.start_server();
        assert_eq!(house.keyed(path, &op, name, &new), Some(again));
    }
    house.world.stop_server();
    house.exeat("audit verify").ok();
}
