//! Ignore files: one finding a line, by path, rule and line number, in the form of gitleaks' fingerprints.

use std::collections::HashMap;

use exeat_gitwire::text::escape;

use crate::finding::{Finding, Part};

/// The names of ignore files, at the root of a repository: ours, Betterleaks' and gitleaks'.
pub const NAMES: [&str; 3] = [".exeatignore", ".betterleaksignore", ".gitleaksignore"];

/// Bytes of an ignore file at most.
pub const MOST_BYTES: u64 = 1 << 20;
/// Entries of one at most.
pub const MOST_ENTRIES: usize = 10_000;
/// Lines that are no entries and are named.
const MOST_ODD: usize = 20;

/// Why an ignore file counts for nothing.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the ignore file is longer than {MOST_BYTES} bytes")]
    TooLong,
    #[error("the ignore file has more than {MOST_ENTRIES} entries")]
    TooManyEntries,
}

/// The findings that an ignore file names: `path:rule-id:line`, or `commit:path:rule-id:line` for what one commit brings.
///
/// Read as gitleaks reads its own (`AddGitleaksIgnore` in `detect/detect.go`): blanks around a line count for nothing, lines
/// that begin with `#` are comments, a backslash in a path is a slash. Beyond it a path may hold colons.
#[derive(Debug, Default)]
pub struct IgnoreFile {
    /// By path as it is shown, rule and line: the commits, or none for all.
    entries: HashMap<(String, String, u64), Vec<Option<String>>>,
    odd: Vec<usize>,
}

impl IgnoreFile {
    /// # Errors
    /// When it is longer than is read. Lines that are no entries only name nothing.
    pub fn read(text: &[u8]) -> Result<Self, Error> {
        if text.len() as u64 > MOST_BYTES {
            return Err(Error::TooLong);
        }
        let mut file = Self::default();
        let mut entries = 0;
        for (number, line) in (1..).zip(text.split(|&byte| byte == b'\n')) {
            let line = line.trim_ascii();
            if line.is_empty() || line.starts_with(b"#") {
                continue;
            }
            entries += 1;
            if entries > MOST_ENTRIES {
                return Err(Error::TooManyEntries);
            }
            match entry(line) {
                Some((key, commit)) => file.entries.entry(key).or_default().push(commit),
                None if file.odd.len() < MOST_ODD => file.odd.push(number),
                None => {}
            }
        }
        Ok(file)
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
        let at = |line| {
            let key = (path.clone(), finding.rule.clone(), line);
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
    let commit = commit.map(|id| escape(&id.to_ascii_lowercase()));
    Some(((escape(&path), rule.to_owned(), number.max(1)), commit))
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
        let file = IgnoreFile::read(text.as_bytes()).unwrap();
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
        let file = IgnoreFile::read(b"a:r:4").unwrap();
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
        let file = IgnoreFile::read(text).unwrap();
        assert_eq!(file.odd_lines(), [1, 2, 3, 4, 5, 6, 7, 9]);
        assert!(file.names(&finding("\\xff", "r", 1, None)));
    }

    #[test]
    fn it_is_bounded() {
        let many = "a:r:1\n".repeat(MOST_ENTRIES);
        assert!(IgnoreFile::read(many.as_bytes()).is_ok());
        let more = many + "x";
        let error = IgnoreFile::read(more.as_bytes()).unwrap_err();
        assert!(matches!(error, Error::TooManyEntries));
        let long = vec![b'#'; MOST_BYTES as usize + 1];
        assert!(matches!(IgnoreFile::read(&long), Err(Error::TooLong)));
    }
}
