//! What people read, and how the commands end.

use clap::Parser;

use super::*;
use crate::audit::samples::{decision, digest, erasure, outcome, start};
use crate::audit::{Audit, newest};
use crate::store::Store;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    args: Args,
}

/// The exit code; 2 for an error, as `run` has it.
async fn ended(arguments: &[&str]) -> u8 {
    let line = Line::try_parse_from([&["audit"], arguments].concat()).unwrap();
    told(line.args).await.map_or(2, |(_, code)| code)
}

#[tokio::test]
async fn records_are_listed_for_people() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).await.unwrap();
    let audit = Audit::open(store.clone()).await.unwrap();
    audit.start(&start()).await.unwrap();
    let mut refused = decision("k3f9", Verdict::Refuse);
    refused.coverage.not_scannable = 1;
    audit.decide(&refused).await.unwrap();
    audit
        .decide(&decision("m2x7", Verdict::Forward))
        .await
        .unwrap();
    audit
        .outcome("m2x7", &outcome(Ending::Accepted))
        .await
        .unwrap();
    audit.erase(&[2], &erasure()).await.unwrap();
    let mut records = newest(store.records(), 10).await.unwrap();
    records[1].payload = Some(crate::audit::Payload {
        actor: Some(refused.actor),
        target: Some(refused.target),
        findings: refused.findings,
        note: None,
    });
    for record in &mut records {
        record.leaf.time = "2026-03-04T05:06:07.089Z".to_owned();
    }
    let text: String = records.iter().map(listed_text).collect();
    let expected = "     1  2026-03-04 05:06:07 UTC  server started
        version  0.1.0
        rules    RULES
     2  2026-03-04 05:06:07 UTC  push k3f9  refused
        who      ada (not verified) from 192.0.2.7
        target   github.com/org/repo
        ref      refs/heads/main new, 5555555555
        why      aws-access-key (block), 2 times
        found    src/deploy.py:12  aws-access-key  AKIA**************7Q
        rules    RULES
        read     1 commit, 3 files, 4096 bytes, 1 not readable
     3  2026-03-04 05:06:07 UTC  push m2x7  allowed
        who      ada (not verified) from 192.0.2.7
        target   github.com/org/repo
        ref      refs/heads/main new, 5555555555
        rules    RULES
        read     1 commit, 3 files, 4096 bytes
     4  2026-03-04 05:06:07 UTC  push m2x7  arrived
        note     the upstream took every ref
     5  2026-03-04 05:06:07 UTC  personal data erased
        records  2
        who      privacy office (verified)
        note     request 7
";
    assert_eq!(text.replace(&start().digests.rules, "RULES"), expected);
    records[1].payload = None;
    let erased = listed_text(&records[1]);
    assert!(erased.contains("        who      erased\n"), "{erased}");
    assert!(!erased.contains("192.0.2.7"), "{erased}");
}

#[tokio::test]
async fn long_lists_are_cut_and_strange_characters_shown() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).await.unwrap();
    let audit = Audit::open(store.clone()).await.unwrap();
    let mut held = decision("p", Verdict::Hold);
    held.findings = vec![held.findings[0].clone(); 12];
    held.target.repository = "org/\u{1b}[31m\u{202e}x".to_owned();
    audit.decide(&held).await.unwrap();
    let records = newest(store.records(), 1).await.unwrap();
    let text = listed_text(&records[0]);
    assert_eq!(text.matches("AKIA").count(), 10);
    assert!(text.contains("        found    ... and 2 more\n"), "{text}");
    assert!(
        text.contains("github.com/org/\\u{1b}[31m\\u{202e}x\n"),
        "{text}"
    );
}

#[test]
fn a_record_as_json_is_one_object() {
    let leaf = serde_json::json!({
        "version": 1, "seq": 4, "time": "2026-03-04T05:06:07.089Z", "run": "00", "monotonic_ns": 5,
        "kind": "unknown-outcome", "action": "push", "push": "p", "outcome": "unknown",
        "commitments": {},
    });
    let record = Record {
        leaf: serde_json::from_value(leaf).unwrap(),
        payload: None,
    };
    let expected = "{\"version\":1,\"seq\":4,\"time\":\"2026-03-04T05:06:07.089Z\",\"run\":\"00\",\
                    \"monotonic_ns\":5,\"kind\":\"unknown-outcome\",\"action\":\"push\",\"push\":\"p\",\
                    \"outcome\":\"unknown\",\"commitments\":{},\"payload\":null}";
    assert_eq!(serde_json::to_string(&record).unwrap(), expected);
    assert_eq!(headline(&record), "outcome unknown");
}

#[test]
fn a_verification_is_told_in_a_few_lines() {
    let root = digest('a');
    let Checkpoint(head) = format!("3:{root}").parse().unwrap();
    let mut report = audit::Report {
        people: Default::default(),
        head,
        erased: 0,
        problem: None,
    };
    assert_eq!(
        verified_text(&report, &[]),
        format!("3 records\nroot {root}\ncheckpoint 3:{root}\nOK\n")
    );
    report.erased = 1;
    assert!(
        verified_text(&report, &[]).starts_with("3 records, 1 with their personal half erased\n")
    );
    report.problem = Some(audit::Problem {
        seq: 4,
        fault: audit::Fault::Missing,
    });
    let expected = format!(
        "3 records recomputed, with root {root}\nNOT OK: record 4: the record is missing\n"
    );
    assert_eq!(verified_text(&report, &[]), expected);
    let json: serde_json::Value = serde_json::from_str(&verified_json(&report, &[])).unwrap();
    assert_eq!(json["ok"], false);
    assert_eq!(json["position"], 4);
    assert_eq!(json["problem"], "the record is missing");
}

#[tokio::test]
async fn commands_work_beside_a_server_and_end_as_promised() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let data = data.to_str().unwrap();
    assert_eq!(ended(&["verify", "--data", data]).await, 2, "no folder");

    let store = Store::open(data.as_ref()).await.unwrap();
    let audit = Audit::open(store.clone()).await.unwrap();
    audit
        .decide(&decision("p1", Verdict::Refuse))
        .await
        .unwrap();
    let file = folder.path().join("exeat.toml");
    std::fs::write(&file, "[data]\ndirectory = \"data\"\n").unwrap();
    let file = file.to_str().unwrap();
    assert_eq!(ended(&["verify", "--data", data]).await, 0);
    assert_eq!(
        ended(&["verify", "--config", file, "--format", "jsonl"]).await,
        0
    );
    assert_eq!(ended(&["list", "--config", file]).await, 0);
    assert_eq!(
        ended(&["list", "--data", data, "--push", "p1", "--format", "jsonl"]).await,
        0
    );
    let other = format!("1:{}", digest('0'));
    assert_eq!(
        ended(&["verify", "--data", data, "--checkpoint", &other]).await,
        1
    );
    store.execute("DELETE FROM audit_head").await;
    assert_eq!(ended(&["verify", "--data", data]).await, 1);
    assert_eq!(ended(&["list", "--config", "absent.toml"]).await, 2);
}
