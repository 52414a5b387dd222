//! Commits and packs, as git makes them.

use std::fs;

use super::{Git, Place, Value, at, github_token, parsed, place, places};

impl Place {
    pub(super) fn git(&self, arguments: &[&str]) -> String {
        let who = [
            "-c",
            "user.name=Ada Test",
            "-c",
            "user.email=ada@example.com",
        ];
        Git::first()
            .plain(&self.work, &[&who, arguments].concat())
            .trim()
            .to_owned()
    }

    /// A repository here.
    pub(super) fn begin(&self, format: &str) {
        self.git(&[
            "init",
            "-q",
            "-b",
            "main",
            &format!("--object-format={format}"),
        ]);
    }

    pub(super) fn commit(&self, path: &str, content: &str) -> String {
        self.write(path, content);
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "-m", &format!("Write {path}")]);
        self.git(&["rev-parse", "HEAD"])
    }
}

fn commits(findings: &[Value]) -> Vec<&str> {
    findings
        .iter()
        .filter_map(|finding| finding["commit"].as_str())
        .collect()
}

#[test]
fn any_range_that_git_knows() {
    for format in ["sha1", "sha256"] {
        let place = Place::new();
        place.begin(format);
        place.commit("a", "a\n");
        let [one, two, three] = [801, 802, 803]
            .map(|seed| place.commit(&format!("f{seed}"), &format!("\n {}\n", github_token(seed))));
        place.git(&["rm", "-q", "f802"]);
        place.git(&["commit", "-q", "-m", "Remove"]);
        place.git(&["branch", "side", &one]);
        place.git(&["update-ref", "refs/remotes/origin/main", &one]);
        let all = [one.as_str(), &two, &three];
        for (range, expected) in [
            ("HEAD", &all[..]),
            ("main", &all),
            ("HEAD~3..HEAD", &all[1..]),
            ("side..", &all[1..]),
            ("HEAD~1^!", &all[2..]),
            ("side...main", &all[1..]),
            (&format!("{one}..{two}"), &all[1..2]),
            (&format!("{one}..{two} HEAD"), &all[1..]),
            (&format!("{three} ^{two}"), &all[2..]),
            ("--all --not --remotes", &all[1..]),
            ("--branches=s*", &all[..1]),
            ("HEAD..HEAD", &[]),
            ("HEAD@{0 seconds ago}", &all),
        ] {
            let findings = place.findings(&["--git", range]);
            assert_eq!(commits(&findings), expected, "{range}");
            for finding in &findings {
                assert_eq!((super::place(finding).1, super::place(finding).2), (2, 2));
                let blob = finding["object"].as_str().unwrap();
                let text = place.git(&["cat-file", "blob", blob]);
                assert!(
                    text.contains("ghp_"),
                    "{blob} is not the blob that holds it"
                );
            }
        }
    }
}

#[test]
fn ranges_that_are_none() {
    let place = Place::new();
    let outside = place.scan(&["--git", "HEAD"]);
    assert_eq!(outside.status, 2, "{outside}");
    assert!(outside.stderr.contains("not a git repository"), "{outside}");
    place.begin("sha1");
    let unborn = place.scan(&["--git", "HEAD"]);
    assert_eq!(unborn.status, 2, "{unborn}");
    place.commit("a", "a\n");
    for range in [
        "absent",
        "absent..HEAD",
        "HEAD absent",
        "",
        " ",
        "--output=x",
        "-p",
        "--help",
        &"1".repeat(40),
    ] {
        let run = place.scan(&["--git", range]);
        assert_eq!(run.status, 2, "{range}: {run}");
        assert!(!run.stderr.is_empty(), "{range} fails without a word");
    }
    // Objects that are gone make a scan that is not whole.
    let tree = place.git(&["rev-parse", "HEAD^{tree}"]);
    let file = format!(".git/objects/{}/{}", &tree[..2], &tree[2..]);
    fs::remove_file(place.work.join(file)).unwrap();
    let run = place.scan(&["--git", "HEAD"]);
    assert_eq!(run.status, 2, "{run}");
}

#[test]
fn below_the_root_and_beside_the_work_tree() {
    let place = Place::new();
    place.begin("sha1");
    place.commit("deep/er/a", &github_token(804));
    let run = place.scan_in(
        &place.work.join("deep/er"),
        &["--format", "jsonl", "--git", "HEAD"],
    );
    assert_eq!(places(&parsed(&run)), [at("deep/er/a", 1, 1)]);
    let run = place.scan_in(
        &place.work.join(".git"),
        &["--format", "jsonl", "--git", "main"],
    );
    assert_eq!(places(&parsed(&run)), [at("deep/er/a", 1, 1)]);
}

#[test]
fn pack_files_of_both_formats() {
    for format in ["sha1", "sha256"] {
        let home = Place::new();
        home.begin(format);
        let commit = home.commit("x/a", &format!("\n\n{}", github_token(805)));
        home.git(&["repack", "-adq"]);
        let folder = home.work.join(".git/objects/pack");
        let mut packs = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path());
        let pack = packs.find(|path| path.extension().is_some_and(|end| end == "pack"));
        let pack = pack.unwrap().display().to_string();
        let findings = home.findings(&["--pack", &pack, "--object-format", format]);
        assert_eq!(place(&findings[0]), at("x/a", 3, 1));
        assert_eq!(commits(&findings), [commit]);

        let other = if format == "sha1" { "sha256" } else { "sha1" };
        let run = home.scan(&["--pack", &pack, "--object-format", other]);
        assert_eq!(run.status, 2, "{run}");
        assert!(run.stderr.contains("--object-format"), "{run}");
        if format == "sha1" {
            assert_eq!(home.findings(&["--pack", &pack]).len(), 1);
        }
        let whole = fs::read(&pack).unwrap();
        for broken in [&whole[..whole.len() - 5], &whole[3..], b""] {
            let broken = home.write("broken.pack", broken);
            let path = broken.display().to_string();
            let run = home.scan(&["--pack", &path, "--object-format", format]);
            assert_eq!(run.status, 2, "{run}");
        }
    }
}
