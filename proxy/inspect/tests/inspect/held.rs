//! What a finding keeps: a few hundred bytes, and no text.

use std::{thread, time::Duration};

use exeat_gitwire::HashKind;
use exeat_inspect::{
    Examiner, Finding, FingerprintKey, PackInspection, Place, Pool, StreamedText, examine::Hit,
};

use crate::{
    repository::{Random, Repository, Stream},
    scene::{rules, secret, settings},
};

/// Matches of any length, one of them with groups.
const LONG: &str = r"
[[rules]]
id = 'test-long'
description = 'A long secret of these tests'
regex = '''--BEGIN LONG--([0-9A-Za-z+/\n]{64,}?)--END LONG--'''
keywords = ['--begin long']
[[rules]]
id = 'test-key'
description = 'A key of these tests'
regex = '''key_[a-z0-9]{30}'''
keywords = ['key_']
";

/// Most bytes that a finding copies of what it was found in: paths, masked excerpt and hashes.
const MOST: usize = 300;

/// Bytes on the heap that depend on the text. Every field is named, so that a new one has to be thought of here.
fn held(finding: &Finding) -> usize {
    let Finding {
        rule: _,
        description: _,
        remedy: _,
        action: _,
        severity: _,
        confidence: _,
        place,
        via,
        masked,
        fingerprint: _,
        surroundings: _,
        existing: _,
        allowlisted: _,
        excused: _,
        covers,
        waived,
        // Of 200 findings at most, and only where somebody asks for it (`shown`).
        context: _,
        commented: _,
        first_line: _,
        says_licence: _,
        is_help: _,
    } = finding;
    let Place {
        part: _,
        path,
        line: _,
        column: _,
        end_line: _,
        commit,
        object,
        root: _,
        character: _,
    } = place;
    let texts = [path, commit, object].into_iter().flatten();
    let texts: usize = texts.map(String::capacity).sum();
    // Paths and hashes once more; of a whole push at most a mebibyte (`cover.rs`).
    let covers: usize = covers.iter().map(|cover| cover.path.len()).sum();
    texts
        + via.iter().map(String::capacity).sum::<usize>()
        + masked.as_str().len()
        + covers
        + waived.len()
}

fn long(random: &mut Random, length: usize) -> Vec<u8> {
    let mut text = b"--BEGIN LONG--".to_vec();
    let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef";
    text.extend((0..length).map(|_| letters[random.below(letters.len())]));
    text.extend(b"--END LONG--\n");
    text
}

/// The text is gone when the hits are looked at, which the compiler checks; and they do not hold copies of it.
#[test]
fn a_hit_of_a_megabyte_holds_none_of_it() {
    let rules = rules(LONG);
    let mut examiner = Examiner::new(rules, FingerprintKey::new([1; 32]));
    let mut random = Random::new(1);
    let hits: Vec<Hit> = {
        let text = long(&mut random, 1 << 20);
        examiner.examine(&text).hits
    };
    let [hit] = &hits[..] else {
        panic!("{} hits", hits.len())
    };
    assert_eq!(hit.found.secret.len(), 1 << 20);
    assert!(size_of::<Hit>() <= 512, "{}", size_of::<Hit>());
    // What it says of itself is all that it holds.
    let told = format!("{hit:?}").len();
    assert!(told < 1000, "{told}");
}

#[test]
fn a_hit_in_64_mib_holds_none_of_them() {
    let rules = rules(LONG);
    let mut examiner = Examiner::new(rules, FingerprintKey::new([1; 32]));
    let mut streamed = StreamedText::new(&examiner);
    let piece = vec![b'.'; 1 << 20];
    for number in 0..64 {
        streamed.feed(&mut examiner, &piece);
        if number % 20 == 0 {
            streamed.feed(&mut examiner, secret(number).as_bytes());
            streamed.feed(&mut examiner, &long(&mut Random::new(number), 200 << 10));
        }
    }
    let examined = streamed.finish(&mut examiner);
    assert!(!examined.cut && !examined.truncated);
    assert_eq!(examined.hits.len(), 8);
    let told: usize = examined
        .hits
        .iter()
        .map(|hit| format!("{hit:?}").len())
        .sum();
    assert!(told < 8 * 1000, "{told}");
}

#[test]
fn findings_of_a_push_are_small() {
    let rules = rules(LONG);
    let repository = Repository::new(HashKind::Sha1);
    let mut random = Random::new(3);
    let mut content = vec![b'.'; 12 << 20];
    content.extend(long(&mut random, 100 << 10));
    let mut stream = Stream::default();
    let commit = stream.commit("main", "long secrets\n");
    commit.file("large", content);
    commit.file("whole", long(&mut random, 2 << 20));
    repository.import(&stream.bytes);
    let inspected = crate::scene::inspect_all(&repository, &rules);
    assert_eq!(inspected.findings.len(), 2, "{:?}", inspected.unscannable);
    for finding in &inspected.findings {
        assert!(
            held(finding) <= MOST,
            "{} bytes: {finding:?}",
            held(finding)
        );
        assert!(size_of::<Finding>() <= 512, "{}", size_of::<Finding>());
    }
}

/// A rule whose states are too many to be kept, on a text that needs them all.
#[test]
fn fallbacks_of_the_workers_are_counted() {
    let rules = rules(
        "[[rules]]\nid = 'states'\ndescription = 'd'\nkeywords = ['key']\n\
         regex = '''[ab]{0,200}a[ab]{200}key'''\n",
    );
    let mut random = Random::new(5);
    let mut text = Vec::new();
    for _ in 0..200 {
        text.extend((0..900).map(|_| b"ab"[random.below(2)]));
        text.extend(b"key ");
    }
    let repository = Repository::new(HashKind::Sha1);
    let mut stream = Stream::default();
    stream.commit("main", "many states\n").file("states", text);
    repository.import(&stream.bytes);
    let pool = Pool::start(1).unwrap();
    assert_eq!(pool.take_fallbacks(), 0);
    let pack = repository.pack(&[]);
    let settings = settings(&rules);
    let mut inspection = PackInspection::start(pool.clone(), HashKind::Sha1, settings, Vec::new());
    inspection.feed(&pack).unwrap();
    assert!(inspection.finish(None).is_ok());
    // A worker adds them after it has told what it found.
    for _ in 0..2000 {
        if pool.take_fallbacks() > 0 {
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("no fallback was counted");
}
