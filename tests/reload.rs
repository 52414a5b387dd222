//! SIGHUP takes a changed configuration and changed rules into a running proxy: all of it or nothing, and nobody notices.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::faults::{Ground, arrived, await_until};
use crate::harness::{Options, incompressible, prose};

/// A rule that asks for a word, and the file it stands in.
pub(crate) fn rule(word: &str) -> String {
    format!(
        "title = \"ours\"\n[[rules]]\nid = \"no-{word}\"\ndescription = \"the word {word}\"\n\
         regex = '''{word}'''\nkeywords = [\"{word}\"]\nexamples = [\"{word}\"]\n"
    )
}

/// A proxy with a rule file of its own, which forbids `word`.
fn ground(word: &str, content: impl AsRef<[u8]>) -> Ground {
    let mut ground = Ground::new(Options::default(), content);
    ground.world.stop_server();
    write(&ground, "ours.toml", &rule(word));
    // Rules are taken when a signal says so: the counts are of signals.
    let rules = "[rules]\nfiles = [\"builtin\", \"ours.toml\"]\nwatch = false\n";
    let config = read(&ground) + rules;
    write(&ground, "exeat.toml", &config);
    ground.world.start_server();
    ground
}

pub(crate) fn read(ground: &Ground) -> String {
    std::fs::read_to_string(ground.world.config()).unwrap()
}

pub(crate) fn write(ground: &Ground, name: &str, text: &str) {
    let path = ground.world.config().with_file_name(name);
    let unfinished = path.with_extension("new");
    std::fs::write(&unfinished, text).unwrap();
    std::fs::rename(unfinished, path).unwrap();
}

pub(crate) fn reloads(ground: &Ground, result: &str) -> u64 {
    ground.metric(&format!("exeat_reloads_total{{result=\"{result}\"}}"))
}

/// Signals, and waits until it has been dealt with.
#[track_caller]
fn reload(ground: &Ground, result: &str) {
    let before = reloads(ground, result);
    ground.world.server().hang_up();
    await_until(&format!("no reload that is {result}"), || {
        reloads(ground, result) > before
    });
}

#[test]
fn eight_clients_do_not_notice_twenty_reloads() {
    let ground = ground("quixotic", prose(930, 200));
    let config = read(&ground);
    let (done, served) = (AtomicBool::new(false), AtomicUsize::new(0));
    let (failures, ground) = (std::sync::Mutex::new(Vec::new()), &ground);
    std::thread::scope(|scope| {
        for lane in 0..8 {
            let (done, served, failures) = (&done, &served, &failures);
            scope.spawn(move || {
                let mut number = 0;
                while !done.load(Ordering::Relaxed) {
                    number += 1;
                    let failure = round(ground, lane, number);
                    failures.lock().unwrap().extend(failure);
                    served.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for turn in 0..20 {
            let (broken, result) = match turn % 4 {
                1 => (
                    config.replace("[limits]", "") + "[limits]\npushes = \"many\"\n",
                    "failed",
                ),
                3 => (config[..config.len() - 10].to_owned(), "failed"),
                _ => (
                    format!("{config}\n[limits]\npushes = {}\n", 40 + turn),
                    "ok",
                ),
            };
            write(ground, "exeat.toml", &broken);
            reload(ground, result);
        }
        // Every client has been served after the last one, too.
        let enough = served.load(Ordering::Relaxed) + 16;
        await_until("clients are not served", || {
            served.load(Ordering::Relaxed) >= enough
        });
        done.store(true, Ordering::Relaxed);
    });
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{failures:?}");
    assert_eq!((reloads(ground, "ok"), reloads(ground, "failed")), (10, 10));
    ground.await_idle();
}

/// A push or a fetch, by turns; what went wrong, if anything did.
fn round(ground: &Ground, lane: usize, number: usize) -> Option<String> {
    if (lane + number).is_multiple_of(2) {
        let branch = format!("lane-{lane}-{number}");
        let answer = ground.push(&branch);
        return (!arrived(&answer)).then(|| format!("{branch}: {}", answer.text()));
    }
    if lane == 0 {
        let place = ground.world.place("fetch");
        let url = ground.world.proxied_url("one");
        let run = ground.world.git(&place, &["ls-remote", &url]);
        return (run.status != 0).then(|| run.to_string());
    }
    let refs = "GET /forge.test/one.git/info/refs?service=git-upload-pack HTTP/1.1";
    let answer = ground.world.ask(refs, b"");
    (answer.status != 200).then(|| answer.text())
}

#[test]
fn new_rules_bite_and_a_push_keeps_those_it_began_with() {
    let mut noise = b"the word halcyon, and noise: ".to_vec();
    noise.extend(incompressible(931, 100_000));
    let ground = ground("quixotic", noise);
    let body = ground.body("begun-before");
    let half = body.len() / 2;
    let mut begun = ground.begin(body.len(), &body[..half]);
    await_until("it has not begun", || {
        ground.metric("exeat_places_taken") == 1
    });
    let digest = |metrics: String| -> String {
        let line = metrics
            .lines()
            .find(|line| line.starts_with("exeat_rules_info"));
        line.unwrap().to_owned()
    };
    let before = digest(ground.world.telemetry("/metrics"));
    write(&ground, "ours.toml", &rule("halcyon"));
    reload(&ground, "ok");
    assert_ne!(digest(ground.world.telemetry("/metrics")), before);

    let stopped = ground.push("begun-after");
    assert!(!arrived(&stopped), "the new rule does not bite");
    assert!(stopped.text().contains("no-halcyon"), "{}", stopped.text());
    begun.say(&body[half..]);
    let answer = begun.answer().unwrap();
    assert!(arrived(&answer), "{}", answer.text());

    // Each verdict names the rules it was made with, and the change is on record.
    let records = ground.records();
    let rules = |branch: &str| -> String {
        let made = records
            .iter()
            .find(|record| record["kind"] == "decision" && record.to_string().contains(branch));
        made.unwrap()["digests"]["rules"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert!(before.contains(&rules("begun-before")));
    assert!(!before.contains(&rules("begun-after")));
    let reloaded = records.iter().find(|record| record["kind"] == "reload");
    assert_eq!(
        reloaded.unwrap()["digests"]["rules"].as_str().unwrap(),
        rules("begun-after")
    );
    let config = ground.world.config();
    let verify = ["audit", "verify", "--config", &config.to_string_lossy()];
    ground.world.exeat(&verify).ok();
}

#[test]
fn what_is_broken_changes_nothing_and_is_told() {
    let ground = ground("quixotic", prose(932, 50));
    let config = read(&ground);
    let allowed = config.replace(
        "[upstream.\"forge.test\"]\n",
        "[upstream.\"forge.test\"]\nallow = []\n",
    );
    assert_ne!(allowed, config);
    // A good part does not come into force beside a broken one.
    write(&ground, "exeat.toml", &allowed);
    for broken in [
        "[[rules]]\nid = 3\n",
        "[[rules]\n",
        "[[rules]]\nid = \"x\"\nregex = '('\n",
    ] {
        write(&ground, "ours.toml", broken);
        reload(&ground, "failed");
    }
    let log = ground.world.server().log();
    assert!(log.contains("the one before stays in force"), "{log}");
    assert!(log.contains("ours.toml"), "the file is not named: {log}");
    let ready = ground.world.telemetry("/health/ready");
    assert!(ready.starts_with("HTTP/1.1 200"), "{ready}");
    assert!(ready.contains("the last reload failed"), "{ready}");
    ground.assert_pushed("still-allowed");
    std::fs::remove_file(ground.world.config()).unwrap();
    reload(&ground, "failed");
    ground.assert_pushed("without-a-file");

    write(&ground, "ours.toml", &rule("halcyon"));
    write(&ground, "exeat.toml", &allowed);
    reload(&ground, "ok");
    assert!(!arrived(&ground.push("not-allowed")));
    let ready = ground.world.telemetry("/health/ready");
    assert!(!ready.contains("failed"), "{ready}");
    // Back again.
    write(&ground, "exeat.toml", &config);
    reload(&ground, "ok");
    ground.assert_pushed("allowed-again");
}

#[test]
fn what_takes_a_restart_is_named_and_kept() {
    let ground = ground("quixotic", prose(933, 50));
    let config = read(&ground);
    let changed = config
        .replacen("127.0.0.1:0", "127.0.0.1:1", 1)
        .replace("directory = \"data\"", "directory = \"other\"")
        .replace(
            "[telemetry]\naddress = \"127.0.0.1:0\"",
            "[telemetry]\naddress = \"off\"",
        );
    write(&ground, "exeat.toml", &changed);
    reload(&ground, "ok");
    let log = ground.world.server().log();
    for key in ["listen.address", "telemetry.address", "data.directory"] {
        assert!(log.contains(&format!("{key} was changed")), "{key}: {log}");
    }
    assert!(!ground.world.config().with_file_name("other").exists());
    ground.assert_pushed("as-before");
    write(&ground, "exeat.toml", &config);
}

#[test]
fn a_push_ends_at_the_upstream_it_began_with() {
    let ground = ground("quixotic", incompressible(934, 100_000));
    let config = read(&ground);
    let table = "[upstream.\"forge.test\"]\n";
    let gone = config.replace(table, "[upstream.\"other.test\"]\n");
    let shut = config.replace(table, &format!("{table}allow = []\n"));
    let elsewhere = config.replace("url = \"https://127.0.0.1:", "url = \"https://127.0.0.2:");
    for (branch, changed) in [("gone", gone), ("shut", shut), ("elsewhere", elsewhere)] {
        assert_ne!(changed, config);
        let body = ground.body(branch);
        let half = body.len() / 2;
        let mut begun = ground.begin(body.len(), &body[..half]);
        await_until("it has not begun", || {
            ground.metric("exeat_places_taken") == 1
        });
        write(&ground, "exeat.toml", &changed);
        reload(&ground, "ok");
        if branch != "elsewhere" {
            // Without a body: one that is refused by its path is not read, and its sender may miss the answer.
            let refs = "GET /forge.test/one.git/info/refs?service=git-receive-pack HTTP/1.1";
            let later = ground.world.ask(refs, b"");
            let is_refused = later.status != 200 || later.text().contains("ERR ");
            assert!(is_refused, "{branch}: {}", later.text());
        }
        begun.say(&body[half..]);
        let answer = begun.answer().unwrap();
        assert!(arrived(&answer), "{branch}: {}", answer.text());
        write(&ground, "exeat.toml", &config);
        reload(&ground, "ok");
        ground.assert_pushed(&format!("{branch}-again"));
    }
    ground.await_idle();
}
