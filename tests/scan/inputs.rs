//! Where content comes from: standard input, large files, work trees, the index, whole histories.

use super::*;

fn many(count: usize) -> Place {
    let place = Place::new();
    for number in 0..count {
        let content = match number % 7 {
            0 => format!("x {}\n", github_token(1000 + number as u64)),
            _ => "nothing\n".repeat(number % 50),
        };
        place.write(&format!("{}/{number:04}", number % 13), content);
    }
    place
}

#[test]
fn standard_input() {
    let place = Place::new();
    let secret = github_token(731);
    place.write("a", format!("one\n{secret}\n"));
    let script = format!("'{EXEAT}' scan --format jsonl - < a");
    let mut shell = Command::new("sh");
    shell
        .args(["-c", &script])
        .current_dir(&place.work)
        .env("HOME", place.folder.path());
    let run = run_program(&mut shell);
    assert_eq!(run.status, 1, "{run}");
    let findings = parsed(&run);
    assert_eq!(places(&findings), [at("-", 2, 1)]);
    // As of a file with that content.
    assert_eq!(
        place.findings(&["a"])[0]["fingerprint"],
        findings[0]["fingerprint"]
    );
}

#[test]
fn a_reader_that_closes_the_pipe_ends_the_scan() {
    let place = many(20);
    for format in ["text", "jsonl", "sarif"] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let ended = Command::new(EXEAT)
            .args(["scan", "--format", format, "."])
            .current_dir(&place.work)
            .env("HOME", place.folder.path())
            .stdout(writer)
            .output()
            .unwrap();
        assert_eq!(ended.status.code(), Some(2), "{ended:?}");
        assert!(ended.stderr.is_empty(), "{ended:?}");
    }
}

#[test]
fn many_files_in_the_same_order_every_time() {
    let place = many(400);
    let first = place.findings(&["."]);
    assert_eq!(first.len(), 400_usize.div_ceil(7));
    let mut sorted = places(&first);
    sorted.sort();
    assert_eq!(places(&first), sorted);
    assert_eq!(first, place.findings(&["."]));
}

#[test]
fn a_large_file_is_read_in_pieces() {
    let place = Place::new();
    let secret = github_token(732);
    let line = "the quick brown fox jumps over the lazy dog\n";
    let mut content = line.repeat(250_000);
    let at_line = 240_000_usize;
    content.insert_str(at_line * line.len(), &format!("{secret}\n"));
    place.write("large", &content);
    assert!(content.len() > 10 << 20);
    let findings = place.findings(&["large"]);
    assert_eq!(places(&findings), [at("large", at_line as u64 + 1, 1)]);
    place.write(
        "exeat.toml",
        "[limits]\nobject_bytes = 10000000\n[data]\ndirectory = \"data\"\n",
    );
    let run = place.scan(&["--config", "exeat.toml", "large"]);
    assert_eq!(run.status, 2, "{run}");
    assert!(run.stderr.contains("limits.object_bytes"), "{run}");
}

#[test]
fn what_git_ignores_can_be_left_out() {
    let place = Place::new();
    place.begin("sha1");
    let tokens: Vec<String> = (740..746).map(github_token).collect();
    place.write(".gitignore", "*.log\nbuild/\n");
    place.write("kept.log", &tokens[0]);
    place.git(&["add", "-f", "kept.log", ".gitignore"]);
    place.write("new", &tokens[1]);
    place.write("a.log", &tokens[2]);
    place.write("build/x", &tokens[3]);
    place.write("sub/.gitignore", "inner\n");
    place.write("sub/inner", &tokens[4]);
    // A repository inside is asked itself.
    place.write("other/y.log", &tokens[5]);
    let other = place.work.join("other");
    Git::first().plain(&other, &["init", "-q"]);
    place.write("gone", "");
    place.git(&["add", "gone"]);
    fs::remove_file(place.work.join("gone")).unwrap();
    let paths = |arguments: &[&str]| -> Vec<String> {
        let findings = place.findings(arguments);
        places(&findings).into_iter().map(|place| place.0).collect()
    };
    assert_eq!(
        paths(&["--gitignore", "."]),
        ["kept.log", "new", "other/y.log"]
    );
    assert_eq!(paths(&["."]).len(), 6);
    assert_eq!(paths(&["--gitignore", "sub"]), [""; 0]);
    // What is named is meant.
    assert_eq!(paths(&["--gitignore", "a.log"]), ["a.log"]);
    let outside = place.folder.path().join("outside");
    fs::create_dir(&outside).unwrap();
    let run = place.scan_in(&outside, &["--gitignore", "."]);
    assert_eq!(run.status, 2, "{run}");
    assert!(run.stderr.contains("not a git repository"), "{run}");
}

#[test]
fn what_the_next_commit_holds() {
    for format in ["sha1", "sha256"] {
        let place = Place::new();
        place.begin(format);
        let staged = |expected: &[(String, u64, u64)]| {
            assert_eq!(places(&place.findings(&["--staged"])), expected, "{format}");
        };
        staged(&[]);
        let secret = github_token(751);
        place.write("b/old", format!("{secret}\n"));
        place.git(&["add", "-A"]);
        // Before the first commit.
        staged(&[at("b/old", 1, 1)]);
        place.git(&["commit", "-q", "-m", "Begin"]);
        staged(&[]);
        place.write("a new", format!("\nx {}\n", github_token(752)));
        place.write("not staged", github_token(753));
        place.git(&["add", "a new"]);
        place.git(&["add", "-N", "not staged"]);
        // Gone from the work tree, and still in the index.
        fs::remove_file(place.work.join("a new")).unwrap();
        symlink(format!("/x/{}", github_token(754)), place.work.join("link")).unwrap();
        place.git(&["add", "link"]);
        place.git(&["mv", "b/old", "b/moved"]);
        staged(&[at("a new", 2, 3), at("b/moved", 1, 1), at("link", 1, 4)]);
        // From a folder below as well, and with another name for what is there.
        let run = place.scan_in(&place.work.join("b"), &["--staged", "--format", "jsonl"]);
        assert_eq!(parsed(&run).len(), 3, "{run}");
    }
    let place = Place::new();
    let run = place.scan(&["--staged"]);
    assert_eq!(run.status, 2, "{run}");
    // What stands in for an object here is not what is committed.
    place.begin("sha1");
    place.write("a", github_token(755));
    place.git(&["add", "a"]);
    let bad = place.git(&["hash-object", "a"]);
    place.write("b", "clean");
    let clean = place.git(&["hash-object", "-w", "b"]);
    place.git(&["replace", &bad, &clean]);
    assert_eq!(places(&place.findings(&["--staged"])), [at("a", 1, 1)]);
    place.git(&["commit", "-q", "-m", "Begin"]);
    assert_eq!(places(&place.findings(&["--git", "HEAD"])), [at("a", 1, 1)]);
}

#[test]
fn the_whole_history() {
    let place = Place::new();
    place.begin("sha1");
    assert!(place.findings(&["--history"]).is_empty());
    place.commit("a", &github_token(761));
    place.commit("a", "gone\n");
    place.git(&["checkout", "-q", "-b", "side"]);
    place.commit("b", &github_token(762));
    place.git(&["tag", "-a", "-m", &github_token(763), "v1"]);
    place.git(&["checkout", "-q", "--detach", "main"]);
    place.commit("c", &github_token(764));
    place.git(&["branch", "-D", "-q", "side"]);
    let findings = place.findings(&["--history"]);
    assert_eq!(findings.len(), 4, "{findings:?}");
    assert_eq!(place.findings(&["--all"]), findings);
}

#[test]
fn packs_that_are_off_can_be_asked_for() {
    let place = Place::new();
    let line = exeat_rules::template::expand("ssn: {{id us-ssn scanned}}\n").unwrap();
    place.write("staff.txt", line);
    assert!(place.findings(&["."]).is_empty());
    let found = place.findings(&["--packs", "personal-data-uk,personal-data-us", "."]);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["rule"], "us-social-security-number");
    let run = place.scan(&["--packs", "personal-data-usa", "."]);
    assert_eq!(run.status, 2, "{run}");
    assert!(
        run.stderr.contains("did you mean \"personal-data-us\"?"),
        "{run}"
    );
}
