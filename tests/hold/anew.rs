//! What was approved is judged again when it goes: milder stands, anything new returns it to its reviewers.

use super::wait::Waiting;
use super::{Scene, case_id, until};
use crate::harness::remote_lines;

/// Puts further words of configuration in force.
pub(super) fn reload(scene: &Scene, change: impl Fn(&str) -> String) {
    let world = &scene.house.world;
    let path = world.config();
    let before = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, change(&before)).unwrap();
    let count = || {
        world
            .server()
            .log()
            .matches("configuration reloaded")
            .count()
    };
    let reloads = count();
    world.server().hang_up();
    until("it is reloaded", || count() > reloads);
}

/// A rule that finds what the commits of these tests say besides their token.
fn with_rule(scene: &Scene) -> impl Fn(&str) -> String {
    let rules = scene.house.world.place("rules").join("more.toml");
    let rule = "[[rules]]\nid = \"word-of-ours\"\ndescription = \"A word\"\nregex = '''token = '''\nkeywords = [\"token\"]\n";
    std::fs::write(&rules, rule).unwrap();
    move |before: &str| {
        format!(
            "{before}\n[rules]\nfiles = [\"builtin\", \"{}\"]\n",
            rules.display()
        )
    }
}

#[test]
fn more_is_found_and_it_goes_back() {
    let scene = Scene::new();
    scene.commit(1);
    let id = case_id(&scene.push(&[]));
    scene.approve(&id);
    reload(&scene, with_rule(&scene));
    let told = scene.push(&[]);
    assert!(
        told.status == 1 && told.stderr.contains("went back to its reviewers"),
        "{told}"
    );
    let words = remote_lines(&told.stderr).join(" ");
    assert!(
        words.contains("It was approved by ann, ben.")
            && words.contains("* A word (rule word-of-ours), file-1.txt:1 in commit "),
        "{words}"
    );
    // It is told as long as nobody has decided anew, and its reviewers see it.
    let again = scene.push(&[]);
    assert!(again.stderr.contains("rule word-of-ours"), "{again}");
    let case = scene.case(&id);
    assert_eq!(
        (case["state"].as_str(), case["approvals"].as_u64()),
        (Some("open"), Some(0))
    );
    assert!(
        case["contents"]["returned"]["new"]
            .to_string()
            .contains("word-of-ours"),
        "{case}"
    );
    scene.approve(&id);
    scene.push(&[]).ok();
    assert_eq!(scene.upstream(), scene.head());
}

#[test]
fn who_waits_is_told_and_waits_on() {
    let scene = Scene::new();
    scene.commit(1);
    let waiting = Waiting::begin(&scene);
    let id = waiting.case();
    reload(&scene, with_rule(&scene));
    scene.approve(&id);
    until("it is told", || {
        let told = waiting.told();
        told.contains("went back to its reviewers") && told.contains("rule word-of-ours")
    });
    assert_eq!(scene.upstream(), "");
    scene.approve(&id);
    assert!(waiting.succeeded());
    assert_eq!(scene.upstream(), scene.head());
}

#[test]
fn milder_stands() {
    let scene = Scene::new();
    scene.commit(1);
    let id = case_id(&scene.push(&[]));
    reload(&scene, |before| {
        before.replace("block = \"hold\"", "block = \"warn\"")
    });
    scene.push(&[]).ok();
    assert_eq!(scene.upstream(), scene.head());
    until("the case is over", || {
        scene.case(&id)["state"] == "superseded"
    });
}

/// A rule of the policy that holds every push to the branch.
const RULE: &str =
    "[[rule]]\nname = \"asked\"\nref = \"refs/heads/main\"\ndo = \"review\"\napprovers = 1\n";

#[test]
fn another_rule_of_the_same_name_is_another_ground() {
    let scene = Scene::new();
    let file = scene.house.world.place("policy").join("policy.toml");
    let policy = |text: String| {
        std::fs::write(&file, text).unwrap();
        let words = "block = \"hold\"";
        let files = format!("{words}\nfiles = [\"{}\"]", file.display());
        reload(&scene, |before| match before.contains(&files) {
            true => before.to_owned(),
            false => before.replace(words, &files),
        });
    };
    policy(RULE.to_owned());
    scene.commit(1);
    let id = case_id(&scene.push(&[]));
    scene.approve(&id);
    // It holds for more now: that is not what was approved.
    policy(RULE.replace("heads/main", "**"));
    let told = scene.push(&[]);
    let words = remote_lines(&told.stderr).join(" ");
    assert!(
        words.contains("went back") && words.contains("policy rule asked ("),
        "{told}"
    );
    assert_eq!(scene.case(&id)["state"], "open");
    scene.approve(&id);
    // It moved, has a comment, and leaves out what is so without it.
    let rule = RULE.replace("heads/main", "**");
    policy(format!("# Why.\n\n{}", rule.replace("approvers = 1\n", "")));
    scene.push(&[]).ok();
    assert_eq!(scene.upstream(), scene.head());
    assert_eq!(scene.case(&id)["state"], "sent");
}

#[test]
fn where_nothing_may_be_pushed_any_more_an_approval_lets_nothing_go() {
    let scene = Scene::new();
    scene.commit(1);
    let waiting = Waiting::begin(&scene);
    let id = waiting.case();
    let table = "[upstream.\"forge.test\"]";
    reload(&scene, |before| {
        assert!(before.contains(table), "{before}");
        before.replace(table, &format!("{table}\nallow = [\"other\"]"))
    });
    scene.approve(&id);
    let told = waiting.ended();
    assert!(told.contains("E-1011"), "{told}");
    assert_eq!(scene.upstream(), "");
    assert_eq!(scene.case(&id)["state"], "approved");
}
