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

/// Rule, path and line of each finding in a file.
fn in_files(told: &[[String; 4]]) -> Vec<[String; 3]> {
    let mut files: Vec<[String; 3]> = told
        .iter()
        .filter(|[_, _, path, _]| path != "null")
        .map(|[rule, _, path, line]| [rule.clone(), path.clone(), line.clone()])
        .collect();
    files.sort();
    files
}

#[test]
fn staged_files_histories_and_standard_input_as_a_push() {
    let mut world = World::start(Options::default());
    let secrets = [821, 822, 823, 824].map(github_token);
    secrets.iter().for_each(|secret| world.forbid(secret));
    world.new_repository("one");
    let work = world.new_work("work");
    let url = world.proxied_url("one");
    fs::create_dir(work.join("b")).unwrap();
    fs::write(
        work.join("b/c"),
        format!("{}\n\n x {}\n", secrets[1], secrets[2]),
    )
    .unwrap();
    fs::write(work.join("clean"), "nothing\n").unwrap();
    fs::write(work.join(format!("by-{}", secrets[3])), "nothing\n").unwrap();
    // What would excuse it counts for nobody who does not ask for that.
    fs::write(work.join(".gitleaksignore"), "a.env:github-pat-classic:2\n").unwrap();
    let content = format!("x\n{} # exeat:allow\n", secrets[0]);
    world.commit_file(&work, "a.env", content, "Begin");
    let run = world.git(&work, &["push", &url, "main"]);
    assert_ne!(run.status, 0, "{run}");
    world.stop_server();
    let recorded = recorded(&world);
    assert_eq!(recorded.len(), 4, "{recorded:?}");

    let place = Place::new();
    let scanned = |arguments: &[&str]| -> Vec<[String; 4]> {
        let run = place.scan_in(&work, &[&["--format", "jsonl"], arguments].concat());
        assert_eq!(run.status, 1, "{run}");
        secrets
            .iter()
            .for_each(|secret| assert_untold(&run, secret));
        parsed(&run).iter().map(told).collect()
    };
    assert_eq!(scanned(&["--history"]), recorded);
    assert_eq!(in_files(&scanned(&["."])), in_files(&recorded));
    // The same files, not committed yet.
    world.git(&work, &["update-ref", "-d", "HEAD"]).ok();
    assert_eq!(in_files(&scanned(&["--staged"])), in_files(&recorded));
    let script = format!("'{EXEAT}' scan --format jsonl - < b/c");
    let mut shell = Command::new("sh");
    shell
        .args(["-c", &script])
        .current_dir(&work)
        .env("HOME", place.folder.path());
    let read = parsed(&run_program(&mut shell));
    let file = place.scan_in(&work, &["--format", "jsonl", "b/c"]);
    let facts = |finding: &Value| {
        ["rule", "line", "column", "fingerprint"].map(|key| finding[key].to_string())
    };
    let [read, file] = [&read, &parsed(&file)].map(|all| all.iter().map(facts).collect::<Vec<_>>());
    assert_eq!(read, file);
}
