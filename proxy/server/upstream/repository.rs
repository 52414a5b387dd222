//! The path of a repository below its forge: one or more plain segments, rebuilt from its parts.

use std::fmt;

use crate::{config::Forge, percent};

/// A repository path as decoded segments, none of them empty, `.` or `..`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Repository {
    segments: Vec<String>,
}

impl Repository {
    /// `None` without any segment.
    pub fn new(segments: Vec<String>) -> Option<Self> {
        (!segments.is_empty()).then_some(Self { segments })
    }

    /// Reads the path of a URL, which begins with a slash; `None` where it is not in its plain form.
    pub fn from_path(path: &str) -> Option<Self> {
        plain_segments(path).and_then(Self::new)
    }

    /// The segments of its path, decoded.
    pub fn segments(&self) -> &[String] {
        &self.segments
    }

    /// The path for a URL. Everything but unreserved characters (RFC 3986 §2.3) and the `~`, `@`
    /// and `+` that forges use is percent-encoded.
    pub fn encoded(&self) -> String {
        let encoded: Vec<String> = self.segments.iter().map(|part| encode(part)).collect();
        encoded.join("/")
    }

    /// The form in which allow-lists, policies and caches compare: without `.git`, in lower case
    /// where the forge takes names without regard to case.
    pub fn comparable(&self, forge: Forge) -> String {
        let joined = self.segments.join("/");
        let plain = joined.strip_suffix(".git").unwrap_or(&joined);
        if forge.folds_case() {
            plain.to_ascii_lowercase()
        } else {
            plain.to_owned()
        }
    }
}

/// As it may be shown: printable ASCII.
impl fmt::Display for Repository {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&exeat_gitwire::text::escape(
            self.segments.join("/").as_bytes(),
        ))
    }
}

/// Splits the path of a URL and decodes each segment exactly once. `None` where another decoding would change it, or a
/// server further on could read it as something else (`..`, `%2f`, `\\`, `;`, `//`).
pub fn plain_segments(path: &str) -> Option<Vec<String>> {
    let segments = path.strip_prefix('/')?.split('/');
    segments
        .map(|segment| percent::decode(segment).filter(|plain| is_plain(plain)))
        .collect()
}

fn is_plain(segment: &str) -> bool {
    !segment.is_empty()
        && segment != "."
        && segment != ".."
        && !segment
            .chars()
            .any(|c| c.is_control() || matches!(c, '/' | '\\' | '%' | ';' | '?' | '#'))
}

fn encode(segment: &str) -> String {
    let mut encoded = String::with_capacity(segment.len());
    for byte in segment.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'@' | b'+' => {
                encoded.push(char::from(byte));
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repository(path: &str) -> Repository {
        Repository::new(path.split('/').map(str::to_owned).collect()).unwrap()
    }

    #[test]
    fn is_rebuilt_from_its_parts() {
        assert_eq!(repository("org/a b.git").encoded(), "org/a%20b.git");
        assert_eq!(repository("~me/x+y").encoded(), "~me/x+y");
        assert_eq!(repository("o/\u{e9}").encoded(), "o/%C3%A9");
    }

    #[test]
    fn compares_without_suffix_and_case_where_the_forge_folds() {
        assert_eq!(
            repository("Org/Repo.git").comparable(Forge::GitHub),
            "org/repo"
        );
        assert_eq!(
            repository("Org/Repo.git").comparable(Forge::Other),
            "Org/Repo"
        );
    }
}
