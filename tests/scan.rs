//! `exeat scan`: files, commits and packs, with the eyes of the proxy.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::harness::{EXEAT, Git, Options, Run, World, github_token, incompressible, run_program};

mod baseline;
mod commits;
mod excused;
mod inputs;
mod licences;
mod outputs;
mod same;

/// A folder to scan in, with a home of its own beside it.
struct Place {
    folder: TempDir,
    work: PathBuf,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let work = folder.path().join("work");
        fs::create_dir(&work).unwrap();
        Self { folder, work }
    }

    fn write(&self, path: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.work.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    fn scan(&self, arguments: &[&str]) -> Run {
        self.scan_in(&self.work, arguments)
    }

    fn scan_in(&self, folder: &Path, arguments: &[&str]) -> Run {
        let mut command = Command::new(EXEAT);
        command
            .arg("scan")
            .args(arguments)
            .current_dir(folder)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", self.folder.path())
            .env("GIT_CONFIG_NOSYSTEM", "1");
        run_program(&mut command)
    }

    /// The findings of a scan, after a look at the form of each.
    #[track_caller]
    fn findings(&self, arguments: &[&str]) -> Vec<Value> {
        let run = self.scan(&[&["--format", "jsonl"], arguments].concat());
        let expected = i32::from(!run.stdout.is_empty());
        assert_eq!(run.status, expected, "{run}");
        parsed(&run)
    }
}

/// Every line as an object with every key.
#[track_caller]
fn parsed(run: &Run) -> Vec<Value> {
    let findings = run.stdout.lines().map(|line| {
        let finding: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("{run}"));
        for key in [
            "rule",
            "action",
            "severity",
            "confidence",
            "masked",
            "fingerprint",
        ] {
            assert!(finding[key].is_string(), "{key}: {line}");
        }
        for key in ["line", "column", "end_line"] {
            assert!(
                finding[key].as_u64().is_some_and(|number| number > 0),
                "{key}: {line}"
            );
        }
        for key in ["path", "commit", "object"] {
            let value = finding.get(key).unwrap_or_else(|| panic!("{key}: {line}"));
            assert!(value.is_string() || value.is_null(), "{key}: {line}");
        }
        assert!(finding["via"].is_array(), "{line}");
        finding
    });
    findings.collect()
}

/// Path, line and column.
fn place(finding: &Value) -> (String, u64, u64) {
    let number = |key: &str| finding[key].as_u64().unwrap();
    let path = finding["path"].as_str().unwrap_or_default().to_owned();
    (path, number("line"), number("column"))
}

fn places(findings: &[Value]) -> Vec<(String, u64, u64)> {
    findings.iter().map(place).collect()
}

fn at(path: &str, line: u64, column: u64) -> (String, u64, u64) {
    (path.to_owned(), line, column)
}

/// Whether it is of the rule that knows the planted secrets.
fn is_github(finding: &Value) -> bool {
    let rule = finding["rule"].as_str();
    rule.is_some_and(|rule| rule.starts_with("github-pat"))
}

/// Fails if eight bytes of the secret in a row were printed.
#[track_caller]
fn assert_untold(run: &Run, secret: &str) {
    for window in secret.as_bytes().windows(8) {
        let window = std::str::from_utf8(window).unwrap();
        assert!(
            !run.stdout.contains(window) && !run.stderr.contains(window),
            "{window}: {run}"
        );
    }
}

#[test]
fn files_and_folders_in_order() {
    let place = Place::new();
    let secret = github_token(701);
    place.write("b/deep/er/x.txt", format!("one\ntwo {secret}\n"));
    place.write("a.env", format!("{secret}\n"));
    place.write("b/clean", "nothing\n");
    place.write(".git/config", &secret);
    place.write("b/.git", &secret);
    place.write("B", format!("{}\n   {secret}", "x\n".repeat(9)));
    let expected = [
        at("B", 11, 4),
        at("a.env", 1, 1),
        at("b/deep/er/x.txt", 2, 5),
    ];
    assert_eq!(places(&place.findings(&["."])), expected);
    let named = place.findings(&["b", "a.env"]);
    assert_eq!(
        places(&named),
        [at("b/deep/er/x.txt", 2, 5), at("a.env", 1, 1)]
    );
    assert!(is_github(&named[0]), "{named:?}");
    assert_eq!(named[0]["fingerprint"], named[1]["fingerprint"]);
    // Named on the command line it is read, whatever it is.
    assert_eq!(
        places(&place.findings(&[".git/config"])),
        [at(".git/config", 1, 1)]
    );
    assert!(place.findings(&["b/clean"]).is_empty());
}

#[test]
fn text_for_people_tells_where_and_never_what() {
    let place = Place::new();
    let secret = github_token(702);
    place.write("dev.env", format!("a\nb = \"{secret}\"\n"));
    place.write(&format!("by-{secret}-name/other"), format!("{secret}\n"));
    for format in ["text", "jsonl"] {
        let run = place.scan(&["--format", format, "."]);
        assert_eq!(run.status, 1, "{run}");
        assert_untold(&run, &secret);
    }
    let run = place.scan(&["dev.env"]);
    assert!(run.stdout.starts_with("dev.env:2:6: "), "{run}");
    assert!(run.stdout.contains("] block ghp_****"), "{run}");
    assert!(run.stdout.ends_with("1 finding in 49 bytes\n"), "{run}");
    let clean = place.write("clean", "nothing");
    let run = place.scan(&[clean.to_str().unwrap()]).ok();
    assert_eq!(run.stdout, "0 findings in 7 bytes\n");
}

#[test]
fn fingerprints_stay_the_same_from_scan_to_scan() {
    let place = Place::new();
    place.write("a", github_token(703));
    let first = place.findings(&["a"])[0]["fingerprint"].clone();
    assert_eq!(place.findings(&["a"])[0]["fingerprint"], first);
    place.write("b", github_token(704));
    assert_ne!(place.findings(&["b"])[0]["fingerprint"], first);
    // Nobody else can compute them.
    let other = Place::new();
    other.write("a", github_token(703));
    assert_ne!(other.findings(&["a"])[0]["fingerprint"], first);
    let key = place
        .folder
        .path()
        .join(".local/state/exeat/fingerprint.key");
    let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(key).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn links_are_read_as_git_stores_them() {
    let place = Place::new();
    let secret = github_token(705);
    let real = place.write("../outside/real", &secret);
    fs::create_dir(place.work.join("in")).unwrap();
    symlink(&real, place.work.join("in/link")).unwrap();
    symlink(format!("/home/{secret}"), place.work.join("in/telling")).unwrap();
    symlink("..", place.work.join("in/loop")).unwrap();
    // Links are not followed inside a folder, but where they point to is content.
    assert_eq!(places(&place.findings(&["in"])), [at("in/telling", 1, 7)]);
    // A link that is named is meant.
    symlink(real.parent().unwrap(), place.work.join("named")).unwrap();
    assert_eq!(
        places(&place.findings(&["named"])),
        [at("named/real", 1, 1)]
    );
    assert_eq!(places(&place.findings(&["in/link"])), [at("in/link", 1, 1)]);
}

#[test]
fn whatever_cannot_be_read_is_not_clean() {
    let place = Place::new();
    let secret = github_token(706);
    place.write("a", &secret);
    symlink("nowhere", place.work.join("dangling")).unwrap();
    for missing in ["absent", "dangling"] {
        let run = place.scan(&["--format", "jsonl", missing, "a"]);
        assert_eq!(run.status, 2, "{run}");
        assert!(run.stderr.contains(missing), "{run}");
        assert_eq!(parsed(&run).len(), 1, "the rest is scanned all the same");
    }
    place.write(
        "exeat.toml",
        "[limits]\nobject_bytes = 30\n[data]\ndirectory = \"data\"\n",
    );
    let run = place.scan(&["--config", "exeat.toml", "a"]);
    assert_eq!(run.status, 2, "{run}");
    assert!(run.stderr.contains("limits.object_bytes"), "{run}");
    // A name that is not read is shown no more than one that is.
    let run = place.scan(&[&format!("absent-{secret}")]);
    assert_eq!(run.status, 2);
    assert!(run.stderr.contains("absent-"), "{run}");
    assert_untold(&run, &secret);
}

#[test]
fn a_pipe_that_is_named_is_read() {
    let place = Place::new();
    let secret = github_token(707);
    place.write("a", &secret);
    let script = format!("cat a | '{EXEAT}' scan --format jsonl /dev/stdin");
    let mut shell = Command::new("sh");
    shell
        .args(["-c", &script])
        .current_dir(&place.work)
        .env("HOME", place.folder.path());
    let run = run_program(&mut shell);
    assert_eq!(run.status, 1, "{run}");
    assert_eq!(places(&parsed(&run)), [at("/dev/stdin", 1, 1)]);
}

#[test]
fn binary_files_and_huge_lines() {
    let place = Place::new();
    let secret = github_token(708);
    let noise = incompressible(708, 300_000);
    let binary = [noise.as_slice(), b"\0", secret.as_bytes(), b"\0", &noise].concat();
    place.write("binary", &binary);
    let line = [
        vec![b'x'; 5_000_000],
        format!(" {secret} ").into_bytes(),
        vec![b'y'; 5_000_000],
    ];
    place.write("line", line.concat());
    let findings = place.findings(&["binary", "line"]);
    assert_eq!(findings.len(), 2, "{findings:?}");
    assert_eq!(findings[0]["path"], "binary");
    assert_eq!(self::place(&findings[1]), at("line", 1, 5_000_002));
}

#[test]
fn rules_of_ones_own() {
    let place = Place::new();
    let rules = "[[rules]]\nid = \"house-key\"\ndescription = \"A key of the house\"\n\
        regex = '''house_[0-9]{6}'''\nkeywords = [\"house_\"]\naction = \"warn\"\n\
        severity = \"low\"\nconfidence = \"high\"\n";
    place.write("rules/house.toml", rules);
    let config =
        "[rules]\nfiles = [\"builtin\", \"rules/house.toml\"]\n[data]\ndirectory = \"d\"\n";
    place.write("exeat.toml", config);
    place.write("x/a", format!("house_123456 {}\n", github_token(709)));
    let findings = place.findings(&["--config", "exeat.toml", "x"]);
    let rules: Vec<_> = findings.iter().map(|finding| &finding["rule"]).collect();
    assert!(rules.iter().any(|rule| *rule == "house-key"), "{rules:?}");
    assert!(findings.iter().any(is_github), "{rules:?}");
    let house = findings
        .iter()
        .find(|finding| finding["rule"] == "house-key")
        .unwrap();
    for (key, value) in [
        ("action", "warn"),
        ("severity", "low"),
        ("confidence", "high"),
    ] {
        assert_eq!(house[key], value);
    }
    assert_eq!(place.findings(&["x"]).len(), 1);
    let run = place.scan(&["--config", "absent.toml", "x"]);
    assert_eq!(run.status, 2, "{run}");
}

#[test]
fn what_makes_no_sense_is_refused() {
    let place = Place::new();
    for arguments in [
        &[][..],
        &["--format", "xml", "."],
        &["--git", "HEAD", "--pack", "x"],
        &["--git", "HEAD", "."],
        &["--pack", "absent.pack"],
        &["--object-format", "sha256", "."],
    ] {
        assert_eq!(place.scan(arguments).status, 2, "{arguments:?}");
    }
}
