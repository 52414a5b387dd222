//! No secret leaves this crate: not in a finding, not in a name, not in what `Debug` shows.

use exeat_gitwire::{
    HashKind, pktline,
    push_request::{Asked, Limits, PushRequest, Reader},
};
use exeat_inspect::{Examiner, FingerprintKey, file, finding::Part, head};

use crate::{
    repository::{Repository, Stream},
    scene::{RULE, inspect, inspect_all, inspect_in, rules, secret, settings, told},
};

/// Fails if `text` holds eight bytes of `secret` in a row.
#[track_caller]
fn assert_untold(text: &str, secret: &str) {
    for window in secret.as_bytes().windows(8) {
        let window = std::str::from_utf8(window).unwrap();
        assert!(!text.contains(window), "{window} of {secret} is in {text}");
    }
}

#[test]
fn of_whatever_kind_the_finding_is() {
    let (one, two, three) = (secret(1), secret(2), secret(3));
    let repository = Repository::new(HashKind::Sha1);
    let mut stream = Stream::default();
    stream.commit("main", &format!("{one} as subject"));
    stream.file(
        &format!("d/{two}/x.{three}.txt"),
        format!("{one}\n{two}\n{three}"),
    );
    stream.file(&format!("d/{two}/other"), format!("{three}{three} {one}"));
    repository.import(&stream.bytes);
    repository.git(&["tag", "-a", "-m", &two, "v", "main"]);
    let inspected = inspect_all(&repository, &rules(RULE));
    let told = told(&inspected.findings) + &format!("{:?}", inspected.unscannable);
    for part in ["commit-message", "file-name", "\"file\"", "\"tag\""] {
        assert!(told.contains(part), "{part} is missing: {told}");
    }
    for secret in [one, two, three] {
        assert_untold(&told, &secret);
    }
}

/// Finds a secret only where a blank or nothing stands on both sides of it.
const ALONE: &str = r#"
[[rules]]
id = "alone"
description = "d"
regex = '''(?:^|\s)([a-z0-9]{30})(?:\s|$)'''

[[rules]]
id = "other"
description = "d"
regex = '''other_[0-9]{4}'''
"#;

#[test]
fn a_name_that_is_a_secret_by_itself_is_masked_in_every_path() {
    let planted = &secret(4)[4..];
    let repository = Repository::new(HashKind::Sha1);
    let mut stream = Stream::default();
    stream.commit("main", "m");
    stream.file(&format!("d/{planted}/file"), "an other_1234");
    repository.import(&stream.bytes);
    let findings = inspect_all(&repository, &rules(ALONE)).findings;
    assert_eq!(findings.len(), 2, "{findings:#?}");
    assert_untold(&told(&findings), planted);

    let mut examiner = Examiner::new(rules(ALONE), FingerprintKey::new([1; 32]));
    let path = format!("d/{planted}/file");
    let examined = file::examine(&mut examiner, path.as_bytes(), b"an other_1234");
    assert_eq!(examined.findings.len(), 2);
    assert_untold(&told(&examined.findings), planted);
}

/// A secret that begins in one file name and ends in the next.
const ACROSS: &str = r#"
[[rules]]
id = "across"
description = "d"
regex = '''begin_[a-z0-9]{20}\n[a-z0-9]{20}_end'''

[[rules]]
id = "other"
description = "d"
regex = '''other_[0-9]{4}'''
"#;

#[test]
fn a_secret_over_two_names_is_masked_in_both() {
    let planted = &secret(5)[4..24];
    let (first, second) = (format!("begin_{planted}"), format!("{planted}_end"));
    let names = {
        let mut names = [first.as_str(), second.as_str()];
        names.sort_unstable();
        names
    };
    assert_eq!(
        names,
        [first.as_str(), second.as_str()],
        "another seed is needed"
    );
    let repository = Repository::new(HashKind::Sha1);
    let mut stream = Stream::default();
    stream.commit("main", "m");
    stream
        .file(&first, "an other_1234")
        .file(&second, "an other_5678");
    repository.import(&stream.bytes);
    let findings = inspect_all(&repository, &rules(ACROSS)).findings;
    assert_eq!(findings.len(), 3, "{findings:#?}");
    assert_untold(&told(&findings), planted);
}

#[test]
fn names_with_slashes_and_line_feeds_are_masked_too() {
    let planted = secret(6);
    let repository = Repository::new(HashKind::Sha1);
    let blob = repository.write("blob", format!("a {}", secret(7)).as_bytes());
    for name in [
        format!("a/{planted}/b"),
        format!("{planted}\nx"),
        format!("\x1b[2J {planted}"),
    ] {
        let mut entry = format!("100644 {name}\0").into_bytes();
        entry.extend(blob.as_slice());
        let tree = repository.write("tree", &entry);
        let commit = format!("tree {tree}\nauthor a <b> 1 +0000\ncommitter a <b> 1 +0000\n\nm\n");
        let commit = repository.write("commit", commit.as_bytes());
        let pack = repository.pack_of(&[commit, tree, blob]);
        let findings = inspect(&pack, HashKind::Sha1, &rules(RULE)).findings;
        assert_eq!(findings.len(), 2, "{findings:#?}");
        let told = told(&findings);
        assert_untold(&told, &planted);
        assert_untold(&told, &secret(7));
        let path = findings[0].place.path.as_ref().unwrap();
        assert!(
            path.bytes().all(|byte| (b' '..=b'~').contains(&byte)),
            "{path}"
        );
    }
}

fn request(refs: &[&str], options: &[&str]) -> PushRequest {
    let zero = "0".repeat(40);
    let one = "1".repeat(40);
    let mut bytes = Vec::new();
    for (number, name) in refs.iter().enumerate() {
        let capabilities = if number == 0 {
            "\0report-status push-options"
        } else {
            ""
        };
        pktline::encode(
            &mut bytes,
            format!("{zero} {one} {name}{capabilities}").as_bytes(),
        );
    }
    pktline::flush(&mut bytes);
    for option in options {
        pktline::encode(&mut bytes, option.as_bytes());
    }
    pktline::flush(&mut bytes);
    let mut reader = Reader::new(Limits::default());
    reader.feed(&bytes).unwrap();
    let Asked::Push(request) = reader.into_request().unwrap() else {
        panic!("no push")
    };
    request
}

#[test]
fn refs_and_options_are_scanned_and_masked() {
    let (one, two) = (secret(8), secret(9));
    let refs = [
        "refs/heads/main",
        &format!("refs/heads/x/{one}"),
        "refs/tags/v",
    ];
    let options = ["ci.skip", &format!("title=about {two}")];
    let mut examiner = Examiner::new(rules(RULE), FingerprintKey::new([1; 32]));
    let head = head::examine(&mut examiner, &request(&refs, &options));
    assert_eq!((head.coverage.refs, head.coverage.options), (3, 2));
    let places: Vec<_> = head
        .findings
        .iter()
        .map(|finding| (finding.place.part, finding.place.column))
        .collect();
    assert_eq!(places, [(Part::RefName, 14), (Part::PushOption, 13)]);
    assert_eq!(head.refs[0], "refs/heads/main");
    let told = told(&head.findings) + &format!("{:?}{:?}", head.refs, head.unscannable);
    assert_untold(&told, &one);
    assert_untold(&told, &two);
}

#[test]
fn a_ref_segment_that_is_a_secret_by_itself_is_found() {
    let planted = &secret(10)[4..];
    let refs = [
        format!("refs/heads/{planted}"),
        format!("refs/heads/{planted}/x"),
    ];
    for name in &refs {
        let mut examiner = Examiner::new(rules(ALONE), FingerprintKey::new([1; 32]));
        let head = head::examine(&mut examiner, &request(&[name], &[]));
        assert_eq!(head.findings.len(), 1, "{name}");
        assert_eq!(head.findings[0].place.column, 12);
        assert_untold(&(told(&head.findings) + &head.refs.concat()), planted);
    }
}

#[test]
fn more_matches_than_are_counted_are_not_clean() {
    let flood: String = (0..10_100).map(|seed| secret(seed) + "\n").collect();
    let repository = Repository::new(HashKind::Sha1);
    let mut stream = Stream::default();
    stream.commit("main", "m").file("flood", &flood);
    repository.import(&stream.bytes);
    let inspected = inspect_all(&repository, &rules(RULE));
    assert_eq!(inspected.findings.len(), 1000);
    assert_eq!(
        inspected.unscannable.len(),
        2,
        "{:?}",
        inspected.unscannable
    );
    assert_eq!(inspected.coverage.not_scannable, 2);

    let mut examiner = Examiner::new(rules(RULE), FingerprintKey::new([1; 32]));
    let examined = file::examine(&mut examiner, b"flood", flood.as_bytes());
    assert!(!examined.unscannable.is_empty());
    let head = head::examine(
        &mut examiner,
        &request(&["refs/heads/a"], &[&flood[..4000].replace('\n', " ")]),
    );
    assert!(head.unscannable.is_empty() && head.findings.len() > 100);
}

#[test]
fn a_flood_of_weak_findings_hides_no_strong_one() {
    let strong =
        "\n[[rules]]\nid = \"strong\"\ndescription = \"d\"\nregex = '''strong_[0-9]{4}'''\n";
    let rules = rules(&(RULE.to_owned() + "action = \"note\"\n" + strong));
    let repository = Repository::new(HashKind::Sha1);
    let mut stream = Stream::default();
    for number in 0..20 {
        let flood: String = (0..20)
            .map(|seed| secret(number * 20 + seed) + "\n")
            .collect();
        stream
            .commit("main", "m")
            .file(&format!("f{number}"), flood);
    }
    stream
        .commit("main", "m")
        .file("z", "here is strong_1234 one");
    repository.import(&stream.bytes);
    let pack = repository.pack(&[]);
    let mut all = Vec::new();
    for piece in [50, 5000] {
        let mut settings = settings(&rules);
        settings.most_findings = 10;
        let inspected = inspect_in(&pack, HashKind::Sha1, settings, None, piece).unwrap();
        assert_eq!(inspected.findings.len(), 10);
        assert!(
            inspected
                .findings
                .iter()
                .any(|finding| finding.rule == "strong")
        );
        assert_eq!(inspected.unscannable.len(), 1);
        all.push(told(&inspected.findings));
    }
    assert_eq!(all[0], all[1]);
}
