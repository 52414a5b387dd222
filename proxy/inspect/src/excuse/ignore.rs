//! Ignore files: one finding a line, by path, rule and line number, in the form of gitleaks' fingerprints.

use std::collections::HashMap;

use exeat_gitwire::legible::show;

use super::Limits;
use crate::finding::{Finding, Part};

/// The names of ignore files, at the root of a repository: ours, Betterleaks' and gitleaks'.
pub const NAMES: [&str; 3] = [".exeatignore", ".betterleaksignore", ".gitleaksignore"];

/// Lines that are no entries and are named.
const MOST_ODD: usize = 20;

/// Why an ignore file counts for nothing.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("the ignore file is longer than {0} bytes")]
    TooLong(usize),
    #[error("the ignore file has more than {0} entries")]
    TooManyEntries(usize),
}

/// The findings that an ignore file names: `path:rule-id:line`, or `commit:path:rule-id:line` for what one commit brings.
///
/// Read as gitleaks reads its own (`AddGitleaksIgnore` in `detect/detect.go`): blanks around a line count for nothing, lines
/// that begin with `#` are comments, a backslash in a path is a slash. Beyond it a path may hold colons.
#[derive(Debug, Default)]
pub struct IgnoreFile {
    /// By path as it is shown, rule and line: the commits, or none for all.
    entries: HashMap<(String, String, u64), Vec<Option<String>>>,
    length: usize,
    odd: Vec<usize>,
}

impl IgnoreFile {
    /// # Errors
    /// When it is longer than `limits` allow. Lines that are no entries only name nothing; they count all the same.
    pub fn read(text: &[u8], limits: Limits) -> Result<Self, Error> {
        if text.len() > limits.bytes {
            return Err(Error::TooLong(limits.bytes));
        }
        let mut file = Self::default();
        for (number, line) in (1..).zip(text.split(|&byte| byte == b'\n')) {
            let line = line.trim_ascii();
            if line.is_empty() || line.starts_with(b"#") {
                continue;
            }
            file.length += 1;
            if file.length > limits.entries {
                return Err(Error::TooManyEntries(limits.entries));
            }
            match entry(line) {
                Some((key, commit)) => file.entries.entry(key).or_default().push(commit),
                None if file.odd.len() < MOST_ODD => file.odd.push(number),
                None => {}
            }
        }
        Ok(file)
    }

    /// How many entries it has.
    pub fn length(&self) -> usize {
        self.length
    }

    /// The first lines that are neither entries nor comments, counted from 1.
    pub fn odd_lines(&self) -> &[usize] {
        &self.odd
    }

    /// Whether it names `finding`: by the line of the secret, or as gitleaks does by that in which the match begins.
    pub fn names(&self, finding: &Finding) -> bool {
        let place = &finding.place;
        let Some(path) = &place.path else {
            return false;
        };
        if !matches!(place.part, Part::File | Part::FileName) {
            return false;
        }
        let mut key = (path.clone(), finding.rule.clone(), 0);
        let mut at = |line| {
            key.2 = line;
            let commits = self.entries.get(&key).into_iter().flatten();
            let is_here = |commit: &Option<String>| match commit {
                Some(_) => commit == &place.commit,
                None => true,
            };
            commits.into_iter().any(is_here)
        };
        at(place.line) || (finding.first_line != place.line && at(finding.first_line))
    }
}

type Entry = ((String, String, u64), Option<String>);

/// From the right, since paths may hold colons. gitleaks counts the line of a rule about paths alone as 0.
fn entry(line: &[u8]) -> Option<Entry> {
    let mut parts = line.rsplitn(3, |&byte| byte == b':');
    let number = str::from_utf8(parts.next()?).ok()?;
    let is_number = (1..=19).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit());
    let number: u64 = number.parse().ok().filter(|_| is_number)?;
    let rule = str::from_utf8(parts.next()?).ok()?;
    let path = parts.next()?;
    let (commit, path) = match path.iter().position(|&byte| byte == b':') {
        Some(at) if is_commit(&path[..at]) => (Some(&path[..at]), &path[at + 1..]),
        _ => (None, path),
    };
    if path.is_empty() || rule.is_empty() {
        return None;
    }
    let path: Vec<u8> = path
        .iter()
        .map(|&byte| if byte == b'\\' { b'/' } else { byte })
        .collect();
    let commit = commit.map(|id| show(&id.to_ascii_lowercase()));
    Some(((show(&path), rule.to_owned(), number.max(1)), commit))
}

fn is_commit(word: &[u8]) -> bool {
    matches!(word.len(), 40 | 64) && word.iter().all(u8::is_ascii_hexdigit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Fingerprint, FingerprintKey, Place};

    fn finding(path: &str, rule: &str, line: u64, commit: Option<&str>) -> Finding {
        let key = FingerprintKey::new([0; 32]);
        let fingerprint: Fingerprint = key.fingerprint(rule, b"");
        let place = Place {
            path: Some(path.to_owned()),
            commit: commit.map(str::to_owned),
            ..Place::first_line()
        };
        let rule = exeat_rules::RuleSet::compile(&[exeat_rules::Source {
            name: "t.toml".into(),
            text: format!("[[rules]]\nid = '{rule}'\npath = 'x'\n"),
        }])
        .unwrap()
        .rules
        .rule(0)
        .clone();
        let mut finding = Finding::of_path(&rule, fingerprint, place);
        finding.place.line = line;
        finding.first_line = line;
        finding
    }

    #[test]
    fn entries_name_path_rule_and_line() {
        let commit = "00ff".repeat(10);
        let text = format!(
            "# a comment\n\n  src/a.go:aws-key:7  \r\n{}:b.go:aws-key:3\nwin\\c.go:r:1\nd:e:r:2\nf:r:0\n",
            commit.to_uppercase()
        );
        let file = IgnoreFile::read(text.as_bytes(), Limits::USUAL).unwrap();
        assert!(file.odd_lines().is_empty());
        let named = |path, rule, line, commit| file.names(&finding(path, rule, line, commit));
        assert!(named("src/a.go", "aws-key", 7, None));
        assert!(named("src/a.go", "aws-key", 7, Some(&commit)));
        assert!(named("b.go", "aws-key", 3, Some(&commit)));
        assert!(!named("b.go", "aws-key", 3, Some("11")));
        assert!(!named("b.go", "aws-key", 3, None));
        assert!(named("win/c.go", "r", 1, None));
        assert!(named("d:e", "r", 2, None));
        assert!(named("f", "r", 1, None));
        for (path, rule, line) in [
            ("src/a.go", "aws-key", 8),
            ("src/a.go", "other", 7),
            ("a.go", "aws-key", 7),
        ] {
            assert!(!named(path, rule, line, None), "{path}:{rule}:{line}");
        }
    }

    #[test]
    fn the_beginning_of_the_match_counts_as_gitleaks_counts() {
        let file = IgnoreFile::read(b"a:r:4", Limits::USUAL).unwrap();
        let mut found = finding("a", "r", 5, None);
        assert!(!file.names(&found));
        found.first_line = 4;
        assert!(file.names(&found));
        found.place.part = Part::CommitMessage;
        assert!(!file.names(&found));
    }

    #[test]
    fn what_is_no_entry_names_nothing() {
        let text =
            b"a\na:r\na:r:x\na:r:+1\n:r:1\na::1\na:r:99999999999999999999\n\xff:r:1\na:\xff:1\n";
        let file = IgnoreFile::read(text, Limits::USUAL).unwrap();
        assert_eq!(file.odd_lines(), [1, 2, 3, 4, 5, 6, 7, 9]);
        assert!(file.names(&finding("\\xff", "r", 1, None)));
    }

    #[test]
    fn it_is_bounded() {
        let limits = Limits {
            bytes: 30,
            entries: 3,
        };
        let file = IgnoreFile::read(b"a:r:1\n# x\n\na:r:2\nx\n", limits).unwrap();
        assert_eq!(file.length(), 3);
        let more = IgnoreFile::read(b"a:r:1\na:r:1\na:r:1\nx", limits);
        assert_eq!(more.unwrap_err(), Error::TooManyEntries(3));
        let long = IgnoreFile::read(&[b'#'; 31], limits);
        assert_eq!(long.unwrap_err(), Error::TooLong(30));
    }
}
