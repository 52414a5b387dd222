//! Rule files that change while the proxy runs are taken by themselves: proven first, all of them or none.

use crate::faults::{Ground, arrived, await_until};
use crate::harness::{EXEAT, Options, PROVEN, incompressible, prose, run_program};
use crate::reload::{read, reloads, rule, write};

const OURS: &str = "title = \"ours\"\n[extend]\npath = \"base.toml\"\n";

/// A proxy whose rules stand in a file that another extends; they forbid `word`.
fn ground(word: &str, content: impl AsRef<[u8]>, more: &str) -> Ground {
    let mut ground = Ground::new(Options::default(), content);
    ground.world.stop_server();
    write(&ground, "base.toml", &rule(word));
    write(&ground, "ours.toml", OURS);
    let rules = "[rules]\nfiles = [\"builtin\", \"ours.toml\"]\n";
    write(&ground, "exeat.toml", &(read(&ground) + rules + more));
    // What these tests are about is that rules are proven.
    ground.world.set_variables(&[(PROVEN, "")]);
    ground.world.start_server();
    ground
}

fn digest(ground: &Ground) -> String {
    let metrics = ground.world.telemetry("/metrics");
    let line = metrics
        .lines()
        .find_map(|line| line.strip_prefix("exeat_rules_info{digest=\""));
    line.unwrap().split('"').next().unwrap().to_owned()
}

fn refused(ground: &Ground) -> u64 {
    ground.metric("exeat_reload_refused{what=\"rules\"}")
}

#[test]
fn a_push_before_a_change_and_one_after_it_name_different_rules() {
    let mut noise = b"the word halcyon, and noise: ".to_vec();
    noise.extend(incompressible(951, 100_000));
    let ground = ground("quixotic", noise, "");
    let before = digest(&ground);
    let proven = ground.metric("exeat_rules{proof=\"proven\"}");
    assert!(proven > 60, "{proven}");
    ground.assert_pushed("before");
    let body = ground.body("under-way");
    let half = body.len() / 2;
    let mut begun = ground.begin(body.len(), &body[..half]);
    await_until("it has not begun", || {
        ground.metric("exeat_places_taken") == 1
    });

    write(&ground, "base.toml", &rule("halcyon"));
    await_until("the change is not taken", || digest(&ground) != before);
    await_until("it is not counted", || reloads(&ground, "ok") == 1);
    let stopped = ground.push("after");
    assert!(!arrived(&stopped), "the new rule does not bite");
    assert!(stopped.text().contains("no-halcyon"), "{}", stopped.text());
    begun.say(&body[half..]);
    let answer = begun.answer().unwrap();
    assert!(arrived(&answer), "{}", answer.text());

    let records = ground.records();
    let rules = |branch: &str| {
        let made = records
            .iter()
            .find(|record| record["kind"] == "decision" && record.to_string().contains(branch));
        made.unwrap()["digests"]["rules"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(
        [rules("before"), rules("under-way")],
        [before.clone(), before.clone()]
    );
    assert_eq!(rules("after"), digest(&ground));
    assert_ne!(rules("after"), before);
    let reloaded: Vec<_> = records
        .iter()
        .filter(|record| record["kind"] == "reload")
        .collect();
    assert_eq!(reloaded.len(), 1);
    assert_eq!(reloaded[0]["digests"]["rules"], rules("after"));
    assert_eq!(ground.metric("exeat_rules{proof=\"proven\"}"), proven);
}

#[test]
fn what_cannot_be_used_is_told_once_and_mending_it_ends_the_alarm() {
    let kept = "[rules.override.\"no-quixotic\"]\nseverity = \"low\"\n";
    let ground = ground("quixotic", prose(952, 50), kept);
    let before = digest(&ground);
    let good = rule("quixotic");
    let unseen = good.replace(
        "examples = [\"quixotic\"]",
        "examples = [\"an example of ours\"]",
    );
    let broken = [
        (
            "base.toml:1: not TOML",
            "base.toml",
            Some("[[rules]\n".to_owned()),
        ),
        (
            "rule no-quixotic: example 1: it is not found",
            "base.toml",
            Some(unseen),
        ),
        (
            "rules.override.no-quixotic: no rule has this id",
            "base.toml",
            Some(rule("halcyon")),
        ),
        ("ours.toml cannot be read", "ours.toml", None),
    ];
    for (number, (said, name, text)) in broken.into_iter().enumerate() {
        match text {
            Some(text) => write(&ground, name, &text),
            None => std::fs::remove_file(ground.world.config().with_file_name(name)).unwrap(),
        }
        await_until(said, || reloads(&ground, "failed") == number as u64 + 1);
        await_until(said, || refused(&ground) == 1);
        let log = ground.world.server().log();
        assert!(log.contains(said), "{said}: {log}");
        assert!(!log.contains("an example of ours"), "{log}");
        let ready = ground.world.telemetry("/health/ready");
        assert!(ready.starts_with("HTTP/1.1 200"), "{ready}");
        assert!(ready.contains("the rule files cannot be used"), "{ready}");
    }
    assert_eq!(ground.metric("exeat_selftest_faults_total"), 1);
    // A few more looks: what is known to be broken is not told again.
    std::thread::sleep(std::time::Duration::from_secs(5));
    assert_eq!((reloads(&ground, "failed"), reloads(&ground, "ok")), (4, 0));
    assert_eq!(digest(&ground), before);
    ground.assert_pushed("with-the-rules-before");

    write(&ground, "base.toml", &good);
    write(&ground, "ours.toml", OURS);
    await_until("the alarm stays", || refused(&ground) == 0);
    let ready = ground.world.telemetry("/health/ready");
    assert!(ready.ends_with("ready\n"), "{ready}");
    // The same rules as ever: nothing to put on record.
    assert_eq!(digest(&ground), before);
    assert!(
        ground
            .records()
            .iter()
            .all(|record| record["kind"] != "reload")
    );
}

#[test]
fn a_signal_and_the_watch_tell_of_the_same_files_once() {
    let ground = ground("quixotic", prose(953, 50), "");
    write(&ground, "base.toml", "[[rules]\n");
    ground.world.server().hang_up();
    await_until("it is not refused", || refused(&ground) == 1);
    assert_eq!(
        ground.metric("exeat_reload_refused{what=\"configuration\"}"),
        0
    );
    // Mended, and the watch is enough: the configuration was never in doubt.
    write(&ground, "base.toml", &rule("halcyon"));
    await_until("the alarm stays", || refused(&ground) == 0);
    assert!(ground.world.telemetry("/health/ready").ends_with("ready\n"));
    // A broken configuration is not mended by good rules.
    let config = read(&ground);
    write(&ground, "exeat.toml", &(config.clone() + "nonsense = 1\n"));
    ground.world.server().hang_up();
    let configuration = || ground.metric("exeat_reload_refused{what=\"configuration\"}");
    await_until("it is not refused", || configuration() == 1);
    let before = digest(&ground);
    write(&ground, "base.toml", &rule("quixotic"));
    await_until("the change is not taken", || digest(&ground) != before);
    assert_eq!((configuration(), refused(&ground)), (1, 0));
    write(&ground, "exeat.toml", &config);
    ground.world.server().hang_up();
    await_until("the alarm stays", || configuration() == 0);
}

#[test]
fn rules_that_do_not_hold_are_not_started_with() {
    let folder = tempfile::tempdir().unwrap();
    let text = rule("quixotic").replace(
        "examples = [\"quixotic\"]",
        "examples = [\"an example of ours\"]",
    );
    std::fs::write(folder.path().join("ours.toml"), text).unwrap();
    let config = "[rules]\nfiles = [\"builtin\", \"ours.toml\"]\n[listen]\naddress = \"127.0.0.1:0\"\n\
                  [telemetry]\naddress = \"off\"\n[data]\ndirectory = \"data\"\n";
    std::fs::write(folder.path().join("exeat.toml"), config).unwrap();
    for command in [&["serve"][..], &["config", "check"]] {
        let mut process = std::process::Command::new(EXEAT);
        process
            .args(command)
            .args(["--config", "exeat.toml"])
            .current_dir(folder.path());
        let run = run_program(&mut process);
        assert_eq!(run.status, 2, "{run}");
        let said = "the self-test of the rules failed: ours.toml:2: rule no-quixotic: example 1: it is not found";
        assert!(run.stderr.contains(said), "{run}");
        assert!(!run.stderr.contains("an example of ours"), "{run}");
    }
}
