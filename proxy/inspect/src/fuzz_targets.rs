//! Entry points for fuzzers of the inspection: pushes that are whole, and names that are shown.

use std::{
    io::Read,
    sync::{Arc, LazyLock, atomic::AtomicBool},
};

use exeat_gitwire::{
    HashKind,
    fuzz_targets::Target,
    pack,
    push_request::{Asked, Limits, Progress, PushRequest, Reader},
};
use exeat_rules::{RuleSet, Source};

use crate::{
    Accepted, Error, Examiner, Finding, FingerprintKey, Names, PackInspection, Pool, Report,
    Settings, Strength,
    excuse::{Baseline, IgnoreFile, comment},
    extract::{self, See, Trail},
    file, head,
    licence::header::{self, Head, Header},
    reading,
};

/// Every target with its name, which is that of its corpus.
pub const TARGETS: &[Target] = &[
    ("inspection", inspection),
    ("extract", extract),
    ("reading", other_readings),
    ("name", name),
    ("allow_comment", allow_comment),
    ("ignore_file", ignore_file),
    ("baseline", baseline),
    ("authorship", authorship),
    ("licence", licence),
    ("shown", shown),
];

/// Short secrets, so that a fuzzer finds some.
const RULES: &str = r#"
[[rules]]
id = "test-key"
description = "A key of these tests"
regex = '''key_([a-z0-9]{4})'''
keywords = ["key_"]
[[rules]]
id = "test-path"
description = "A file of keys"
path = '''(?i)\.keys$'''
"#;

fn rules() -> &'static Arc<RuleSet> {
    static RULE_SET: LazyLock<Arc<RuleSet>> = LazyLock::new(|| {
        let source = Source {
            name: "fuzz.toml".into(),
            text: RULES.into(),
        };
        let compiled = RuleSet::compile(&[source]);
        Arc::new(compiled.expect("because the rules above are valid").rules)
    });
    &RULE_SET
}

fn key() -> FingerprintKey {
    FingerprintKey::new([7; 32])
}

/// What a text says of licences: the same each time, and whatever is told can be printed.
pub fn licence(data: &[u8]) {
    static RULE_SET: LazyLock<Arc<RuleSet>> = LazyLock::new(|| {
        let pack = exeat_rules::optional("licenses").expect("because it ships");
        let compiled = RuleSet::compile(&[pack]);
        Arc::new(compiled.expect("because built-in rules are valid").rules)
    });
    let told = || {
        let mut examiner = Examiner::new(Arc::clone(&RULE_SET), key());
        examiner.ask_of_licences(Some(&Arc::new(Accepted::nothing())));
        let hits = examiner.examine(data).hits;
        let told: Vec<_> = hits.into_iter().map(|hit| hit.licence).collect();
        told
    };
    let first = told();
    for why in &first {
        let why = why.as_deref().expect("because all rules are of licences");
        assert!(why.bytes().all(|byte| matches!(byte, b' '..=b'~')), "{why}");
    }
    assert_eq!(first, told());
    header_of(data);
}

/// What a text begins with: the line that is told of it can be printed, and says the same when it is read.
fn header_of(data: &[u8]) {
    let read = header::read(data);
    assert_eq!(read, header::read(data));
    let Head::Header(Header {
        spdx: Some(spdx), ..
    }) = read
    else {
        return;
    };
    let line = spdx.line(&spdx.expression);
    assert!(
        line.bytes().all(|byte| matches!(byte, b' '..=b'~')),
        "{line}"
    );
    match header::read(line.as_bytes()) {
        Head::Header(Header {
            spdx: Some(again), ..
        }) => assert_eq!(again.expression, spdx.expression),
        other => panic!("{line} is read as {other:?}"),
    }
}

/// The people of a commit and of a tag: what is asked for is found missing, or not, the same each time.
pub fn authorship(data: &[u8]) {
    let action = Some(exeat_rules::Action::Block);
    let demands = crate::Demands {
        mail_domains: crate::MailDomain::parse("*.b.example")
            .into_iter()
            .collect(),
        mail_domains_action: action,
        not_pusher_action: action,
        sign_off_action: action,
        signature_action: action,
        bots: crate::Address::parse(b"bot@b.example")
            .into_iter()
            .collect(),
    };
    let pusher = ["a@x.b.example".to_owned()];
    for kind in [pack::Kind::Commit, pack::Kind::Tag] {
        let failed = || demands.failed(Some(&pusher), HashKind::Sha1, kind, data);
        assert_eq!(failed(), failed());
        let unknown = demands.failed(None, HashKind::Sha1, kind, data);
        assert!(unknown.is_none() <= failed().is_none());
    }
}

/// A whole push: what is told of it is printable, and the same each time.
pub fn inspection(data: &[u8]) {
    let Some((_, report)) = report(data) else {
        return;
    };
    let again = report_of(data);
    assert_eq!(again.map(|again| told(&again)), Some(told(&report)));
    assert!(
        told(&report)
            .bytes()
            .all(|byte| matches!(byte, b' '..=b'~'))
    );
}

fn report_of(data: &[u8]) -> Option<Report> {
    report(data).map(|(_, report)| report)
}

fn told(report: &Report) -> String {
    let mut told = report.refs.concat();
    for finding in &report.findings {
        let place = &finding.place;
        for text in [&place.commit, &place.path, &place.object] {
            told += text.as_deref().unwrap_or_default();
        }
        told += finding.masked.as_str();
        told += &format!("{} {}:{}", finding.rule, place.line, place.column);
    }
    for missed in &report.unscannable {
        told += &missed.what;
        told += &missed.why;
    }
    told
}

/// What stands behind the committer of a commit or is all of another object, in its other readings: no longer than three times
/// the object each, in lines that it has, and the same each time.
pub fn other_readings(data: &[u8]) {
    let id = "ce013625030ba8dba906f756967f9e9ca394464a";
    let who = "A <a@b.example> 1 +0000";
    let commit = format!("tree {id}\nauthor {who}\ncommitter {who}\n");
    let commit = [commit.as_bytes(), data].concat();
    for (kind, object) in [
        (pack::Kind::Commit, &commit[..]),
        (pack::Kind::Tag, data),
        (pack::Kind::Blob, data),
        (pack::Kind::Tree, data),
    ] {
        let (readings, unread) = reading::others(HashKind::Sha1, kind, object);
        let lines = 1 + object.iter().filter(|&&byte| byte == b'\n').count();
        for other in &readings {
            assert!(other.text.len() <= 3 * object.len());
            assert!(
                other
                    .line
                    .is_none_or(|line| (1..=lines as u64).contains(&line))
            );
            let breaks = other.text.iter().filter(|&&byte| byte == b'\n');
            assert!(kind != pack::Kind::Blob || breaks.count() < lines);
        }
        let of_armour = readings.iter().filter(|other| other.line.is_some());
        let bytes: usize = of_armour.map(|other| other.text.len()).sum();
        assert!(bytes <= object.len());
        assert_eq!(
            reading::others(HashKind::Sha1, kind, object),
            (readings, unread)
        );
    }
}

/// A text that holds others: however it contradicts itself, what comes out is within the bounds, and the same each time.
pub fn extract(data: &[u8]) {
    /// Adds up what is told.
    #[derive(Default)]
    struct Sum(u64, u64);
    impl See for Sum {
        fn text(&mut self, text: &[u8], _: &Trail<'_>) {
            self.0 += 1;
            self.1 += text.len() as u64;
        }

        fn long(&mut self, text: &mut dyn Read, _: &Trail<'_>) -> std::io::Result<()> {
            self.0 += 1;
            self.1 += std::io::copy(text, &mut std::io::sink())?;
            Ok(())
        }
    }
    let limits = extract::Limits {
        depth: 4,
        layers: 100,
        bytes: 1 << 20,
        held: 64 << 10,
        live: 128 << 10,
        large: 96 << 10,
        manifests: true,
    };
    for at in [0, data.len() / 2, data.len()] {
        let pointer = extract::json_pointer(data, at);
        assert!(pointer.is_none_or(|pointer| pointer.is_empty() || pointer.starts_with('/')));
    }
    let mut sum = Sum::default();
    let summary = extract::look_into(data, None, &limits, &mut sum);
    assert!(sum.0 <= summary.layers && summary.layers <= 100);
    assert!(sum.1 <= summary.bytes);
    // The last layer may go beyond the bound; it is told as unread.
    assert!(summary.bytes <= limits.bytes + (64 << 10) || !summary.unread.is_empty());
    assert_eq!(
        extract::look_into(data, None, &limits, &mut Sum::default()),
        summary
    );
}

/// A request and what is found in it and in its pack, whose trailer is made right.
pub fn report(data: &[u8]) -> Option<(PushRequest, Report)> {
    let mut reader = Reader::new(Limits::default());
    let Ok(Progress::Complete { consumed }) = reader.feed(data) else {
        return None;
    };
    let Ok(Asked::Push(request)) = reader.into_request() else {
        return None;
    };
    let mut examiner = Examiner::new(Arc::clone(rules()), key());
    let head = head::examine(&mut examiner, &request);
    let mut report = Report {
        findings: head.findings,
        counted: Vec::new(),
        coverage: head.coverage,
        stages: crate::Stages::default(),
        unscannable: head.unscannable,
        rules_digest: String::new(),
        refs: head.refs,
        forward: Vec::new(),
        waived_by: Vec::new(),
        objects: None,
        shown: None,
    };
    if request.expects_pack() {
        let pack = exeat_gitwire::fuzz_targets::pack::sealed(data.get(consumed..)?)?;
        match inspect(&pack) {
            Ok(found) => {
                report.findings.extend(found.findings);
                report.coverage += found.coverage;
                report.unscannable.extend(found.unscannable);
            }
            Err(error) => {
                assert!(!matches!(error, Error::WorkerFailed), "{error}");
                let text = error.to_string();
                assert!(text.bytes().all(|byte| matches!(byte, b' '..=b'~')));
                return None;
            }
        }
    }
    Some((request, report))
}

fn inspect(pack: &[u8]) -> Result<crate::Inspected<Vec<u8>>, Error> {
    static POOL: LazyLock<Option<Arc<Pool>>> = LazyLock::new(|| Pool::start(1).ok());
    let pool = Arc::clone(POOL.as_ref().ok_or(Error::Cancelled)?);
    let settings = Settings {
        rules: Arc::clone(rules()),
        key: key(),
        limits: pack::Limits {
            pack_bytes: 1 << 20,
            objects: 1000,
            object_bytes: 1 << 16,
            resolved_bytes: 1 << 20,
            ..pack::Limits::default()
        },
        most_findings: 20,
        strength: Strength::default(),
        most_paths: 20,
        demands: Arc::default(),
        licences: None,
        pusher: None,
        shown: None,
        verdicts: None,
        whole: false,
        clock: None,
        cancelled: Arc::new(AtomicBool::new(false)),
        on_batch: || (),
    };
    let mut inspection = PackInspection::start(pool, HashKind::Sha1, settings, Vec::new());
    for piece in pack.chunks(1 + pack.len() / 3) {
        inspection.feed(piece)?;
    }
    inspection.finish(None)
}

/// A name that may hold a secret: shown in characters that print, without it.
pub fn name(data: &[u8]) {
    let mut examiner = Examiner::new(Arc::clone(rules()), key());
    let shown = Names::new(&mut examiner).show(data);
    assert!(shown.chars().all(exeat_gitwire::legible::prints));
    let is_key = |secret: &[u8]| {
        let digit = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        secret.starts_with(b"key_") && secret[4..].iter().all(digit)
    };
    assert!(!shown.as_bytes().windows(8).any(is_key), "{shown}");
}

/// A text around which is read: lines that print and of bounded length, without the secrets, wherever one reads.
pub fn shown(data: &[u8]) {
    let mut examiner = Examiner::new(Arc::clone(rules()), key());
    let own = data.len() / 3..data.len() / 2;
    for line in crate::shown::lines_of(&mut examiner, data, &own) {
        assert!(line.chars().count() <= 200, "{line}");
        assert!(line.chars().all(exeat_gitwire::legible::prints));
        let is_key = |secret: &[u8]| {
            let digit = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
            secret.starts_with(b"key_") && secret[4..].iter().all(digit)
        };
        assert!(!line.as_bytes().windows(8).any(is_key), "{line}");
    }
}

/// Lines, an id before the first NUL: where nothing is said to be allowed, nothing is.
pub fn allow_comment(data: &[u8]) {
    let (rule, lines) = split(data);
    let rule = String::from_utf8_lossy(rule);
    let is_allowed = comment::allows(lines, &rule);
    assert!(
        !is_allowed || bstr::ByteSlice::find(lines, b"leaks:allow").is_some() || {
            bstr::ByteSlice::find(lines, b"exeat:allow").is_some()
        }
    );
    let others = [lines, b" gitleaks:allow"].concat();
    assert!(comment::allows(&others, &rule));
    let behind = [lines, b"\n exeat:allow -- a reason"].concat();
    assert!(comment::allows(&behind, &rule));
    let span = data.len() / 3..data.len() / 2;
    assert!(comment::lines(data, &span).len() <= 2048 + span.len());
}

const MANY: crate::excuse::Limits = crate::excuse::Limits {
    bytes: usize::MAX,
    entries: 10_000,
};

/// An ignore file, and findings before the first NUL: comments between its lines change nothing.
pub fn ignore_file(data: &[u8]) {
    let (content, text) = split(data);
    let Ok(file) = IgnoreFile::read(text, MANY) else {
        return;
    };
    let commented = [b"# a comment\n", text].concat();
    let again = IgnoreFile::read(&commented, MANY).ok();
    let named = |file: &IgnoreFile| -> Vec<bool> {
        let found = findings(content);
        found.iter().map(|finding| file.names(finding)).collect()
    };
    assert_eq!(again.as_ref().map(named), Some(named(&file)));
}

/// A baseline, and findings before the first NUL: what was read once is read again, and knows no more than it counts.
pub fn baseline(data: &[u8]) {
    let (content, text) = split(data);
    let mut baseline = match Baseline::read(text, MANY) {
        Ok(baseline) => baseline,
        Err(error) => {
            let text = error.to_string();
            assert!(text.bytes().all(|byte| matches!(byte, b' '..=b'~')));
            return;
        }
    };
    let found = findings(content);
    let known = found.iter().filter(|finding| baseline.knows(finding));
    let known = known.count() as u64;
    let counts = baseline.entries().values();
    let most = counts.fold(0_u64, |sum, known| sum.saturating_add(known.count));
    assert!(known <= most);
}

fn split(data: &[u8]) -> (&[u8], &[u8]) {
    let at = data.iter().position(|&byte| byte == 0);
    let (before, behind) = data.split_at(at.unwrap_or(0));
    (before, behind.strip_prefix(b"\0").unwrap_or(behind))
}

fn findings(content: &[u8]) -> Vec<Finding> {
    let mut examiner = Examiner::new(Arc::clone(rules()), key());
    file::examine(&mut examiner, b"a.keys", content).findings
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use exeat_gitwire::fuzz_targets::corpus;

    #[test]
    fn every_parser_of_hostile_bytes_stands_any() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
        for (name, target) in super::TARGETS {
            let mutations = if *name == "extract" { 1500 } else { 150 };
            corpus::run(&corpus::seeds(&folder.join(name)), mutations, *target);
        }
    }
}
