//! What can go wrong with us: each with words that say what became of the push, an id, a metric, and an end.

use super::*;
use crate::harness::{Report, incompressible, prose};

/// Restarts the proxy with traps; false where this build has none.
fn armed(ground: &mut Ground, traps: &str) -> bool {
    if !cfg!(debug_assertions) {
        eprintln!("skipped: this build has no crash points");
        return false;
    }
    ground.world.stop_server();
    let variables = [("EXEAT_CRASHPOINT", traps), ("RUST_BACKTRACE", "0")];
    ground.world.set_variables(&variables);
    ground.world.start_server();
    true
}

/// Checks that a push was refused for a reason of ours and that nothing of it was sent.
#[track_caller]
fn assert_stopped(ground: &Ground, branch: &str, answer: &Answer, id: &str, says: &[&str]) {
    let report = answer.report();
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(
        report.unpack != "ok" && report.refs.iter().all(|line| line.starts_with("ng ")),
        "{report:?}"
    );
    let text = words(&report);
    let state = "Nothing left the company";
    for words in [&[state, id], says].concat() {
        assert!(text.contains(words), "`{words}` is not said: {text}");
    }
    assert!(
        report.unpack.contains(id),
        "the reason has no id: {report:?}"
    );
    assert!(!ground.was_sent(branch), "it was sent all the same");
}

/// What is said, without the line breaks.
fn words(report: &Report) -> String {
    report.text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The reads and the health that must go on whatever happens to pushes.
#[track_caller]
fn assert_reads_work(ground: &Ground) {
    let refs = "GET /forge.test/one.git/info/refs?service=git-upload-pack HTTP/1.1";
    assert_eq!(ground.world.ask(refs, b"").status, 200);
    for path in ["/health/live", "/metrics"] {
        let answer = ground.world.telemetry(path);
        assert!(answer.starts_with("HTTP/1.1 200"), "{path}: {answer}");
    }
}

#[track_caller]
fn assert_failed_closed(ground: &Ground, cause: &str, times: u64) {
    let line = format!("exeat_failclosed_total{{cause=\"{cause}\"}}");
    assert_eq!(ground.metric(&line), times, "{line}");
}

/// The last decision on record.
fn last_decision(ground: &Ground) -> serde_json::Value {
    let mut decisions = ground.records();
    decisions.retain(|record| record["kind"] == "decision");
    // Newest first or last: the position tells.
    let newest = decisions
        .into_iter()
        .max_by_key(|record| record["seq"].as_u64());
    newest.expect("a decision")
}

#[test]
fn a_client_that_goes_leaves_nothing_behind_but_a_record() {
    let ground = Ground::new(Options::default(), incompressible(910, 300_000));
    let (head, body) = (ground.head("gone"), ground.body("gone"));
    let decisions = || {
        let records = ground.records();
        let decided = |record: &&serde_json::Value| record["kind"] == "decision";
        records.iter().filter(decided).count()
    };
    let phases = [
        ("before the head", 0, false),
        ("inside the head", head.len() / 2, false),
        ("inside the pack", head.len() + ground.pack.len() / 2, true),
    ];
    for (number, (phase, said, understood)) in (1_u64..).zip(phases) {
        let before = decisions();
        drop(ground.begin(body.len(), &body[..said]));
        await_until(phase, || {
            ground.metric("exeat_refusals_total{cause=\"client-gone\"}") == number
        });
        ground.await_idle();
        assert_eq!(decisions(), before + 1, "{phase}");
        let decision = last_decision(&ground);
        let text = decision.to_string();
        assert_eq!(decision["verdict"], "refuse", "{phase}: {text}");
        assert!(text.contains("E-1008 client-gone"), "{phase}: {text}");
        assert_eq!(
            decision["payload"]["target"]["refs"].is_array(),
            understood,
            "{phase}: {text}"
        );
    }
    assert!(!ground.was_sent("gone"));

    // From the last byte on the push is carried out, whoever listens.
    let received = "exeat_push_duration_seconds_count{phase=\"receive\"}";
    let before = ground.metric(received);
    let client = ground.begin(body.len(), &body);
    await_until("the last byte did not come", || {
        ground.metric(received) > before
    });
    drop(client);
    await_until("the push did not arrive", || ground.was_sent("gone"));
    ground.await_idle();
    await_until("no outcome", || {
        let records = ground.records();
        records.iter().any(|record| record["outcome"] == "accepted")
    });
    assert_eq!(last_decision(&ground)["verdict"], "forward");
}

#[test]
fn a_client_that_goes_while_the_answer_runs_changes_nothing() {
    let ground = Ground::new(Options::default(), prose(911, 100));
    let upstream = ground.world.upstream_path("one");
    let hook = upstream.join("hooks/pre-receive");
    std::fs::create_dir_all(upstream.join("hooks")).unwrap();
    let waiting = "#!/bin/sh\ntouch arrived\nwhile ! test -e go-on; do sleep 0.05; done\n";
    std::fs::write(&hook, waiting).unwrap();
    std::fs::set_permissions(&hook, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let body = ground.body("main");
    let client = ground.begin(body.len(), &body);
    await_until("it did not arrive", || upstream.join("arrived").exists());
    assert_eq!(ground.metric("exeat_pushes_in_flight"), 1);
    drop(client);
    std::fs::write(upstream.join("go-on"), "").unwrap();
    await_until("no outcome", || {
        let records = ground.records();
        records.iter().any(|record| record["outcome"] == "accepted")
    });
    ground.await_idle();
    assert!(
        ground
            .world
            .upstream_state("one")
            .contains("refs/heads/main")
    );
}

#[test]
fn row_45_a_full_disk_refuses_a_push_until_there_is_room() {
    let mut ground = Ground::new(Options::default(), incompressible(912, 200_000));
    // The record of the start is the first that is written.
    for (point, id, cause, says) in [
        ("spool-opened", "E-5006", "spool-disk", "has to make room"),
        ("spool-write", "E-5006", "spool-disk", "has to make room"),
        (
            "spool-write:3",
            "E-5006",
            "spool-disk",
            "disk of the proxy is full",
        ),
        ("last-byte-spooled", "E-5006", "spool-disk", "push again"),
        (
            "audit-append:2",
            "E-5008",
            "audit-full",
            "could not be recorded",
        ),
        (
            "audit-commit:2",
            "E-5008",
            "audit-full",
            "disk of the proxy is full",
        ),
    ] {
        if !armed(&mut ground, &format!("{point}=enospc")) {
            return;
        }
        let branch = point.replace(':', "-");
        let answer = ground.push(&branch);
        assert_stopped(&ground, &branch, &answer, id, &[says]);
        assert_failed_closed(&ground, cause, 1);
        assert_reads_work(&ground);
        assert!(
            ground
                .world
                .telemetry("/health/ready")
                .starts_with("HTTP/1.1 200")
        );
        ground.await_idle();
        ground.assert_pushed(&branch);
    }
    let config = ground.world.config();
    let verify = ["audit", "verify", "--config", &config.to_string_lossy()];
    ground.world.exeat(&verify).ok();
}

#[test]
fn row_45_an_inspection_that_takes_too_long_refuses_the_push() {
    let options = Options {
        settings: "[limits]\ninspect_seconds = 1\n",
        ..Options::default()
    };
    let mut ground = Ground::new(options, prose(913, 100));
    if !armed(&mut ground, "batch=delay") {
        return;
    }
    let answer = ground.push("slow");
    let says = ["limits.inspect_seconds", "Try again later"];
    assert_stopped(&ground, "slow", &answer, "E-5005", &says);
    assert_failed_closed(&ground, "inspection-time", 1);
    ground.await_idle();
    ground.assert_pushed("slow");
}

#[test]
fn a_slow_disk_is_waited_for() {
    let mut ground = Ground::new(Options::default(), prose(914, 100));
    if !armed(&mut ground, "audit-append:2=delay") {
        return;
    }
    let begun = std::time::Instant::now();
    ground.assert_pushed("patient");
    assert!(
        begun.elapsed().as_secs() >= 5,
        "the record was not waited for"
    );
    ground.await_idle();
}

#[test]
fn an_audit_database_that_another_program_holds_refuses_pushes_until_it_lets_go() {
    let ground = Ground::new(Options::default(), prose(915, 100));
    let held = Held::take(&ground);
    let answer = ground.push("locked");
    let says = [
        "another program holds the audit database",
        "push again in a minute",
    ];
    assert_stopped(&ground, "locked", &answer, "E-5009", &says);
    assert_failed_closed(&ground, "audit-locked", 1);
    assert_reads_work(&ground);
    held.let_go();
    ground.assert_pushed("locked");
    ground.await_idle();
}

/// The write lock of the audit database, in other hands.
struct Held(sqlx::SqliteConnection);

impl Held {
    fn take(ground: &Ground) -> Self {
        use sqlx::Connection as _;
        let url = format!(
            "sqlite://{}",
            ground.world.data().join("exeat.db").display()
        );
        crate::harness::runtime().block_on(async {
            let mut connection = sqlx::SqliteConnection::connect(&url).await.unwrap();
            let begin = sqlx::raw_sql("BEGIN IMMEDIATE");
            begin.execute(&mut connection).await.unwrap();
            Self(connection)
        })
    }

    fn let_go(mut self) {
        crate::harness::runtime().block_on(async {
            let end = sqlx::raw_sql("ROLLBACK");
            end.execute(&mut self.0).await.unwrap();
        });
    }
}

#[test]
fn an_audit_database_that_was_taken_away_refuses_pushes_until_it_is_back() {
    let ground = Ground::new(Options::default(), prose(916, 100));
    let database = ground.world.data().join("exeat.db");
    let aside = ground.world.data().join("aside.db");
    std::fs::rename(&database, &aside).unwrap();
    let answer = ground.push("gone");
    let says = [
        "audit database is gone or damaged",
        "Without a record nothing is sent",
    ];
    assert_stopped(&ground, "gone", &answer, "E-5010", &says);
    assert_failed_closed(&ground, "audit-damaged", 1);
    assert_reads_work(&ground);
    let ready = ground.world.telemetry("/health/ready");
    assert!(ready.starts_with("HTTP/1.1 503"), "{ready}");
    // Another file of that name is not the one whose chain this is.
    std::fs::copy(&aside, &database).unwrap();
    let answer = ground.push("gone");
    assert_stopped(&ground, "gone", &answer, "E-5010", &[]);
    std::fs::rename(&aside, &database).unwrap();
    ground.assert_pushed("gone");
    ground.await_idle();
}

#[test]
fn a_damaged_database_is_named_at_the_start() {
    let mut ground = Ground::new(Options::default(), prose(917, 100));
    ground.world.stop_server();
    let database = ground.world.data().join("exeat.db");
    let kept = std::fs::read(&database).unwrap();
    std::fs::write(&database, incompressible(917, kept.len())).unwrap();
    let config = ground.world.config();
    let run = ground
        .world
        .exeat(&["serve", "--config", &config.to_string_lossy()]);
    assert_eq!(run.status, 2, "{run}");
    assert!(run.stderr.contains("exeat.db"), "{run}");
    std::fs::write(&database, kept).unwrap();
    ground.world.start_server();
    ground.assert_pushed("again");
}

#[test]
fn a_port_in_use_is_named() {
    let ground = Ground::new(Options::default(), prose(918, 100));
    let address = ground.world.address().to_string();
    let text = std::fs::read_to_string(ground.world.config()).unwrap();
    let text = text
        .replacen("127.0.0.1:0", &address, 1)
        .replace("directory = \"data\"", "directory = \"other\"");
    let config = ground.world.config().with_file_name("second.toml");
    std::fs::write(&config, text).unwrap();
    let run = ground
        .world
        .exeat(&["serve", "--config", &config.to_string_lossy()]);
    assert_eq!(run.status, 2, "{run}");
    for words in [&address, "listen.address", "another program"] {
        assert!(run.stderr.contains(words), "{words} is not told: {run}");
    }
}

#[test]
fn too_many_pushes_are_asked_to_come_again() {
    for (settings, id, cause, says) in [
        (
            "[limits]\npushes = 1\n",
            "E-5001",
            "busy",
            ["(limits.pushes)", "Push again in a minute"],
        ),
        (
            "[limits]\npushes = 2\npushes_per_user = 1\n",
            "E-5014",
            "busy-user",
            ["(limits.pushes_per_user)", "Wait until your other pushes"],
        ),
    ] {
        is_asked_to_come_again(settings, id, cause, &says);
    }
}

fn is_asked_to_come_again(settings: &'static str, id: &str, cause: &str, says: &[&str]) {
    let options = Options {
        settings,
        ..Options::default()
    };
    let ground = Ground::new(options, incompressible(919, 100_000));
    let body = ground.body("first");
    let mut first = ground.begin(body.len(), &body[..body.len() - 1000]);
    await_until("the first has no place", || {
        ground.metric("exeat_places_taken") == 1
    });
    let answer = ground.push("second");
    assert_stopped(&ground, "second", &answer, id, says);
    assert_failed_closed(&ground, cause, 1);
    let recorded = format!("{id} {cause}");
    assert!(last_decision(&ground).to_string().contains(&recorded));
    first.say(&body[body.len() - 1000..]);
    assert!(arrived(&first.answer().unwrap()));
    ground.assert_pushed("second");
    ground.await_idle();
}

#[test]
fn a_full_spool_and_a_pack_that_is_too_large_are_told_apart() {
    let options = Options {
        settings: "[limits]\npack_bytes = 300000\nspool_bytes = 300000\n",
        ..Options::default()
    };
    let ground = Ground::new(options, incompressible(920, 200_000));
    let body = ground.body("first");
    let mut first = ground.begin(body.len(), &body[..body.len() - 1000]);
    await_until("the first is not in the spool", || {
        ground.metric("exeat_places_taken") == 1
    });
    let answer = ground.push("second");
    let says = ["limits.spool_bytes", "in a few minutes"];
    assert_stopped(&ground, "second", &answer, "E-5007", &says);
    assert_failed_closed(&ground, "spool-total", 1);
    first.say(&body[body.len() - 1000..]);
    assert!(arrived(&first.answer().unwrap()));
    ground.assert_pushed("second");

    let world = &ground.world;
    world.commit_file(&ground.work, "more", incompressible(921, 200_000), "More");
    let id = Git::first().id(&ground.work, "HEAD");
    let command = format!("{ZERO} {id} refs/heads/large");
    let mut body = head(&[command], "report-status side-band-64k");
    body.extend(whole_pack(world, &ground.work));
    let answer = world.ask_push("one", &body);
    let says = ["limits.pack_bytes", "Push fewer commits at a time"];
    assert_stopped(&ground, "large", &answer, "E-1009", &says);
    let refused = ground.metric("exeat_refusals_total{cause=\"pack-bytes\"}");
    assert_eq!(refused, 1);
    ground.await_idle();
}

/// A small disk of its own under a folder, where this machine lets a test mount one.
struct SmallDisk(std::path::PathBuf);

impl SmallDisk {
    fn mount(folder: &Path) -> Option<Self> {
        let mounted = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=2m", "tmpfs"])
            .arg(folder)
            .output();
        let is_mounted = mounted.is_ok_and(|output| output.status.success());
        is_mounted.then(|| Self(folder.to_owned()))
    }

    /// Takes what room is left but for so many bytes.
    fn fill(&self, leave: usize) {
        use std::io::Write as _;
        let path = self.0.join("filler");
        let mut file = std::fs::File::create(&path).unwrap();
        let mut filled = 0;
        while file.write_all(&[0; 4096]).is_ok() {
            filled += 4096_u64;
        }
        file.set_len(filled.saturating_sub(leave as u64)).unwrap();
    }

    fn free(&self) {
        std::fs::remove_file(self.0.join("filler")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: a proxy may still have files open on it.
        let _ = std::process::Command::new("umount")
            .arg("-l")
            .arg(&self.0)
            .output();
    }
}

#[test]
fn row_45_a_disk_that_is_really_full_refuses_pushes_until_there_is_room() {
    let mut ground = Ground::new(Options::default(), incompressible(922, 300_000));
    ground.world.stop_server();
    let Some(disk) = SmallDisk::mount(&ground.world.data()) else {
        eprintln!("skipped: no disk may be mounted here");
        ground.world.start_server();
        return;
    };
    ground.world.start_server();
    ground.assert_pushed("before");
    disk.fill(100_000);
    let answer = ground.push("spool");
    assert_stopped(&ground, "spool", &answer, "E-5006", &["make room"]);
    disk.free();
    ground.assert_pushed("spool");
    ground.await_idle();

    // A push that only deletes needs no spool, and a record all the same.
    disk.fill(0);
    let command = format!("{} {ZERO} refs/heads/before", ground.id);
    let body = head(&[command], "report-status side-band-64k delete-refs");
    let answers: Vec<Answer> = (0..40)
        .map(|_| ground.world.ask_push("one", &body))
        .take_while(|answer| !answer.text().contains("E-5008"))
        .collect();
    assert!(answers.len() < 40, "the audit never ran out of room");
    assert_reads_work(&ground);
    disk.free();
    ground.assert_pushed("after");
    ground.await_idle();
    let config = ground.world.config();
    let verify = ["audit", "verify", "--config", &config.to_string_lossy()];
    ground.world.exeat(&verify).ok();
    ground.world.stop_server();
    drop(disk);
    ground.world.start_server();
}
