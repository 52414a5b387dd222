//! One file outside git: scanned with its path, for `exeat scan PATH`.

use std::io::{self, Read};

use exeat_rules::Site;

use crate::{
    examine::{Examined, Examiner},
    excuse::Excuse,
    extract::{Alone, LONGEST, Why},
    finding::{Finding, Part, Place},
    layers::Decoded,
    missed::{self, Reason},
    names::Names,
    overlap,
    report::Unscannable,
    stream::StreamedText,
};

/// Texts up to this many bytes are held whole; longer ones pass in windows.
const WHOLE: usize = 8 << 20;
/// Bytes read at once of a text that is not held.
const CHUNK: usize = 512 << 10;

/// Findings of one file, with what could not be read of it.
#[derive(Debug, Default)]
pub struct ExaminedFile {
    pub findings: Vec<Finding>,
    pub unscannable: Vec<Unscannable>,
    /// Length of the content.
    pub bytes: u64,
    /// What was decoded of it.
    pub decoded: Decoded,
}

/// Most files are no longer. Where there is no room yet, reading begins with 32 bytes and goes on in steps twice as long.
const USUAL: usize = 64 * 1024;

/// Scans `content` as the file `path`; the path conditions of rules are judged on it.
pub fn examine(examiner: &mut Examiner, path: &[u8], content: &[u8]) -> ExaminedFile {
    let contained = examiner.examine(content);
    judge(examiner, path, contained, content.len() as u64)
}

/// The same of what `content` gives, of which at most some ten mebibytes are held.
///
/// # Errors
/// When it cannot be read, or is longer than `most` bytes; then nothing is told of it.
pub fn examine_reader(
    examiner: &mut Examiner,
    path: &[u8],
    content: &mut dyn Read,
    most: u64,
) -> io::Result<ExaminedFile> {
    let mut content = content.take(most.saturating_add(1));
    let mut held = Vec::with_capacity(USUAL);
    (&mut content)
        .take(WHOLE as u64 + 1)
        .read_to_end(&mut held)?;
    let too_long = || {
        Err(io::Error::other(format!(
            "larger than {most} bytes (limits.object_bytes)"
        )))
    };
    if held.len() as u64 > most {
        return too_long();
    }
    if held.len() <= WHOLE {
        return Ok(examine(examiner, path, &held));
    }
    // One at a time, so that memory has a bound.
    let alone = Alone::wait();
    (&mut content)
        .take((LONGEST - WHOLE) as u64)
        .read_to_end(&mut held)?;
    if held.len() <= LONGEST {
        if held.len() as u64 > most {
            return too_long();
        }
        let mut contained = examiner.scan(&held);
        examiner.look_into(&held, Some(alone), &mut contained);
        return Ok(judge(examiner, path, contained, held.len() as u64));
    }
    drop(alone);
    let mut text = StreamedText::new(examiner);
    let mut bytes = held.len() as u64;
    text.feed(examiner, &held);
    held.truncate(CHUNK);
    held.shrink_to_fit();
    loop {
        let read = match content.read(&mut held) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        bytes += read as u64;
        text.feed(examiner, held.get(..read).unwrap_or_default());
    }
    if bytes > most {
        return too_long();
    }
    let mut contained = text.finish(examiner);
    contained.unread.push((Vec::new(), Why::TooLong));
    Ok(judge(examiner, path, contained, bytes))
}

fn judge(
    examiner: &mut Examiner,
    path: &[u8],
    mut contained: Examined,
    bytes: u64,
) -> ExaminedFile {
    let named = examiner.examine_name(path);
    let shown = Names::new(examiner).show(path);
    let site = Site {
        path: Some(path),
        commit: None,
    };
    contained.truncated |= named.truncated;
    let unread = |(steps, why): (&[String], Reason)| {
        missed::unscannable(shown.clone(), steps, why, bytes, vec![shown.clone()])
    };
    let mut result = ExaminedFile {
        findings: path_findings(examiner, path, &shown),
        unscannable: missed::reasons(&contained).map(unread).collect(),
        decoded: contained.decoded,
        bytes,
    };
    let rules = examiner.rules();
    let named = named.hits.into_iter().map(|hit| (Part::FileName, hit));
    let contained = contained.hits.into_iter().map(|hit| (Part::File, hit));
    let mut standing = Vec::new();
    for (part, hit) in named.chain(contained) {
        let standing_here = rules.standing(&hit.found, &site);
        if let Some(hiding) = examiner.strength().finds(standing_here) {
            let place = Place::outside_history(part, shown.clone(), &hit);
            let mut finding = Finding::of_hit(rules, &hit, place).hidden_by(hiding);
            let is_heeded = examiner.strength().takes(Excuse::Comment, finding.action);
            finding.excused = (is_heeded && finding.commented).then_some(Excuse::Comment);
            standing.push(overlap::Standing {
                text: (part, hit.scope()),
                secret: hit.in_scope(),
                is_generic: rules.rule(hit.found.rule).is_generic(),
                finding,
            });
        }
    }
    // What a comment allows it allows at every path.
    overlap::share_excuses(&mut standing, examiner.strength(), |_, _, _| true);
    result
        .findings
        .extend(overlap::strongest(standing, examiner.strength()));
    result
}

fn path_findings(examiner: &Examiner, path: &[u8], shown: &str) -> Vec<Finding> {
    let rules = examiner.rules();
    let mut matched = Vec::new();
    rules.match_path(path, &mut matched);
    matched
        .into_iter()
        .map(|index| {
            let rule = rules.rule(index);
            let place = Place {
                path: Some(shown.to_owned()),
                ..Place::first_line()
            };
            Finding::of_path(rule, examiner.fingerprint(&rule.id, path), place)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use exeat_rules::{RuleSet, Source};

    use super::*;
    use crate::FingerprintKey;

    fn examiner() -> Examiner {
        let source = Source {
            name: "t.toml".into(),
            text: "[[rules]]\nid='key'\nregex='''key_[0-9]{20}'''\nkeywords=['key_']\n\
                   [[rules]]\nid='line'\nregex='''(?m)^from (\\w+) to \\w+$'''\nkeywords=['from ']\n"
                .into(),
        };
        let rules = RuleSet::compile(&[source]).unwrap().rules;
        Examiner::new(Arc::new(rules), FingerprintKey::new([0; 32]))
    }

    /// Gives few bytes at a time.
    struct Drops<'a>(&'a [u8]);

    impl Read for Drops<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let most = buffer.len().min(77_777);
            buffer
                .get_mut(..most)
                .map_or(Ok(0), |part| self.0.read(part))
        }
    }

    #[test]
    fn a_large_file_is_told_as_in_one_piece() {
        let mut content = Vec::new();
        let mut number = 0_u64;
        while content.len() <= WHOLE + (3 << 20) {
            number += 1;
            let line = match number % 5_000 {
                0 => format!("x = key_{number:020}\n"),
                1 => format!("from here{number} to there\n"),
                _ => "the quick brown fox jumps over the lazy dog\n".to_owned(),
            };
            content.extend_from_slice(line.as_bytes());
        }
        let mut examiner = examiner();
        let whole = examine(&mut examiner, b"a", &content);
        let most = content.len() as u64;
        let pieces = examine_reader(&mut examiner, b"a", &mut Drops(&content), most).unwrap();
        assert!(whole.findings.len() > 90, "{}", whole.findings.len());
        assert_eq!(pieces.findings, whole.findings);
        assert_eq!((pieces.bytes, pieces.unscannable), (most, Vec::new()));
        let error =
            examine_reader(&mut examiner, b"a", &mut Drops(&content), most - 1).unwrap_err();
        assert!(error.to_string().contains("limits.object_bytes"), "{error}");
    }

    #[test]
    fn a_limit_below_what_is_held_holds_too() {
        let mut examiner = examiner();
        let mut read = |most| examine_reader(&mut examiner, b"a", &mut &b"12345"[..], most);
        assert_eq!(read(5).unwrap().bytes, 5);
        assert!(read(4).is_err());
    }
}
