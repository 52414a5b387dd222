//! A panic in one push refuses that push and no other.

use super::*;

/// Four pushes at the same time, one of which panics at `point`: the others arrive.
fn one_of_four_falls(points: &[(&str, &str, bool)]) {
    if !cfg!(debug_assertions) {
        eprintln!("skipped: this build has no crash points");
        return;
    }
    let mut ground = Ground::new(Options::default(), crate::harness::prose(900, 2_000));
    for (point, id, may_have_left) in points {
        ground.world.stop_server();
        let trap = format!("{point}=panic");
        ground
            .world
            .set_variables(&[("EXEAT_CRASHPOINT", &trap), ("RUST_BACKTRACE", "0")]);
        ground.world.start_server();
        let answers: Vec<(String, Answer)> = std::thread::scope(|scope| {
            let pushes: Vec<_> = (0..4)
                .map(|lane| {
                    let branch = format!("{point}-{lane}");
                    let ground = &ground;
                    scope.spawn(move || {
                        let answer = ground.push(&branch);
                        (branch, answer)
                    })
                })
                .collect();
            pushes
                .into_iter()
                .map(|push| push.join().unwrap())
                .collect()
        });
        let (passed, fallen): (Vec<_>, Vec<_>) =
            answers.iter().partition(|(_, answer)| arrived(answer));
        let texts: Vec<_> = answers.iter().map(|(_, answer)| answer.text()).collect();
        assert_eq!((passed.len(), fallen.len()), (3, 1), "{point}: {texts:?}");
        let (branch, answer) = fallen[0];
        let report = answer.report();
        let text = &report.text;
        assert!(text.contains(id), "{point}: {text}");
        assert!(
            report.unpack != "ok" && report.refs.iter().all(|line| line.starts_with("ng ")),
            "{point}: {report:?}"
        );
        if *may_have_left {
            assert!(text.contains("git fetch"), "{point}: {text}");
        } else {
            assert!(text.contains("Nothing left the company"), "{point}: {text}");
            assert!(
                !ground.was_sent(branch),
                "{point}: it was sent all the same"
            );
        }
        assert_one_counted(&ground, point);
        ground.await_idle();
        ground.assert_pushed(&format!("{point}-after"));
    }
    let config = ground.world.config();
    let verify = ["audit", "verify", "--config", &config.to_string_lossy()];
    ground.world.exeat(&verify).ok();
    // No push is left without an end: each that was cleared has an outcome.
    let records = ground.records();
    let of = |kind: &str, verdict: Option<&str>| -> usize {
        let fits = |record: &&serde_json::Value| {
            record["kind"] == kind && verdict.is_none_or(|verdict| record["verdict"] == verdict)
        };
        records.iter().filter(fits).count()
    };
    assert_eq!(of("unknown-outcome", None), 0);
    assert!(of("outcome", None) >= of("decision", Some("forward")));
}

#[track_caller]
fn assert_one_counted(ground: &Ground, point: &str) {
    let counted = ["inside", "inside-sent", "outcome-unknown"]
        .map(|cause| ground.metric(&format!("exeat_refusals_total{{cause=\"{cause}\"}}")));
    assert_eq!(counted.iter().sum::<u64>(), 1, "{point}: {counted:?}");
}

#[test]
fn a_panic_before_the_pack_refuses_one_push() {
    one_of_four_falls(&[
        ("admitted", "E-5004", false),
        ("head-read", "E-5004", false),
    ]);
}

#[test]
fn row_45_a_panic_of_the_inspection_refuses_one_push() {
    one_of_four_falls(&[
        // The inspector thread, at its first and at its last.
        ("spool-opened", "E-5004", false),
        ("first-chunk-spooled", "E-5004", false),
        ("last-byte-spooled", "E-5004", false),
        // A worker of the pool.
        ("batch", "E-5004", false),
    ]);
}

#[test]
fn a_panic_of_the_conclusion_ends_one_push() {
    one_of_four_falls(&[
        ("inspected", "E-5004", false),
        ("judged", "E-5004", false),
        ("decision-written", "E-5004", false),
        ("before-connect", "E-5004", false),
    ]);
}

#[test]
fn a_panic_while_the_push_is_sent_leaves_one_outcome_unknown() {
    one_of_four_falls(&[("report-begun", "E-5013", true)]);
}

#[test]
fn a_panic_of_the_connection_before_the_last_byte_costs_nothing() {
    if !cfg!(debug_assertions) {
        eprintln!("skipped: this build has no crash points");
        return;
    }
    let mut ground = Ground::new(Options::default(), crate::harness::prose(900, 2_000));
    ground.world.stop_server();
    let trap = [
        ("EXEAT_CRASHPOINT", "head-sent=panic"),
        ("RUST_BACKTRACE", "0"),
    ];
    ground.world.set_variables(&trap);
    ground.world.start_server();
    // The upstream cannot have taken what it has not read to its end, so it is sent once more.
    ground.assert_pushed("once-more");
    assert_eq!(
        ground.metric("exeat_refusals_total{cause=\"outcome-unknown\"}"),
        0
    );
}
