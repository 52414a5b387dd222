//! A scan before a push says what the proxy says of the push.

use super::*;

/// What the audit record and the scan both tell of a finding.
fn told(finding: &Value) -> [String; 4] {
    ["rule", "commit", "path", "line"].map(|key| finding[key].to_string())
}

/// The findings in the audit record of the last push.
fn recorded(world: &World) -> Vec<[String; 4]> {
    let config = world.config();
    let config = config.to_string_lossy();
    let arguments = ["audit", "list", "--format", "jsonl", "--config", &config];
    let listed = world.exeat(&arguments).ok().stdout;
    let records: Vec<Value> = listed
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let mut lists = Vec::new();
    records
        .iter()
        .for_each(|record| collect(record, &mut lists));
    lists
        .last()
        .unwrap_or_else(|| panic!("no findings in {listed}"))
        .clone()
}

/// Every non-empty list of findings in a record, wherever the record keeps it.
fn collect(value: &Value, lists: &mut Vec<Vec<[String; 4]>>) {
    let inner: Vec<&Value> = match value {
        Value::Object(fields) => {
            if let Some(Value::Array(findings)) = fields.get("findings")
                && !findings.is_empty()
            {
                lists.push(findings.iter().map(told).collect());
            }
            fields.values().collect()
        }
        Value::Array(values) => values.iter().collect(),
        _ => Vec::new(),
    };
    inner.into_iter().for_each(|value| collect(value, lists));
}

#[test]
fn as_a_push_of_the_same_commits() {
    let mut world = World::start(Options::default());
    let secrets = [811, 812, 813, 814].map(github_token);
    secrets.iter().for_each(|secret| world.forbid(secret));
    world.new_repository("one");
    let work = world.new_work("work");
    let url = world.proxied_url("one");
    world.commit_file(&work, "a", "a\n", "Begin");
    world.git(&work, &["push", "-q", &url, "main"]).ok();
    world.commit_file(
        &work,
        "dev.env",
        format!("x\n{}\n", secrets[0]),
        "Add settings",
    );
    world.commit_file(
        &work,
        "b/c",
        format!("{} {}", secrets[1], secrets[2]),
        "Add more",
    );
    world.git(&work, &["mv", "b/c", "d"]).ok();
    world.commit_file(&work, "dev.env", "x\n", "Remove them");
    world.commit_file(
        &work,
        &format!("e-{}", secrets[3]),
        format!("\n\n{}", secrets[0]),
        "Name it",
    );
    let run = world.git(&work, &["push", &url, "main"]);
    assert_ne!(run.status, 0, "{run}");
    world.stop_server();

    let place = Place::new();
    let run = place.scan_in(&work, &["--format", "jsonl", "--git", "HEAD~4..HEAD"]);
    assert_eq!(run.status, 1, "{run}");
    let scanned: Vec<_> = parsed(&run).iter().map(told).collect();
    assert!(scanned.len() >= 4, "{run}");
    assert_eq!(scanned, recorded(&world));
    for secret in &secrets {
        assert_untold(&run, secret);
    }
}
