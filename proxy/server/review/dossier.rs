//! What a case shows to those who decide on it, as it is stored and as the API tells it.
//!
//! It is made once, when the push is held, from what the inspection has masked. It is bounded whatever was pushed; what is left
//! out is counted.

use exeat_inspect::{Cover, Coverage};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

/// The version of this form.
pub const FORM: u32 = 1;

/// Bytes of JSON that a dossier has at most.
pub const MOST: usize = 256 << 10;

/// Findings that are told with the lines around them; of others there may be many.
const IN_FULL: usize = 30;

/// The letters of an entry's id.
pub(super) const LETTERS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// What was pushed and found. Every text is of characters that print, without anything that a rule takes for a secret.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct Dossier {
    pub form: u32,
    /// What was found, oldest commit first; each secret once for each place.
    pub findings: Vec<Entry>,
    /// Findings that are not listed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub more_findings: u64,
    /// What could not be read whole.
    pub unreadable: Vec<Unreadable>,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub more_unreadable: u64,
    /// Why the push should go, in its pusher's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// It was approved, and is worse now than what was approved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub returned: Option<Returned>,
    /// Why it waits.
    pub grounds: Vec<Ground>,
    /// What policy rules say about it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub messages: Vec<String>,
    /// How much was looked at.
    #[schema(value_type = Object)]
    pub coverage: Coverage,
    pub refs: Vec<RefUpdate>,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub more_refs: u64,
    /// Push options.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub more_options: u64,
    /// Newest first.
    pub commits: Vec<Commit>,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub more_commits: u64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Tag>,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub more_tags: u64,
    /// There are so many secrets that no pushed text is shown.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub withheld: bool,
}

/// A finding: one secret at one place, in however many commits.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Entry {
    /// Names it in this case.
    #[schema(example = "f-7k3m9q2x4a")]
    pub id: String,
    pub rule: String,
    pub description: String,
    pub action: String,
    pub severity: String,
    pub confidence: String,
    /// Where it lies: file, file-name, commit-message and so on.
    pub part: String,
    /// Path, ref or option.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    pub line: u64,
    pub column: u64,
    /// How often it stands there, over all commits.
    pub times: u64,
    /// The secret, but for a few characters.
    pub masked: String,
    /// Keyed hash of the secret.
    pub fingerprint: String,
    /// Hash of its line without the secret.
    pub surroundings: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<Context>,
    /// Ids of the commits that bring it, oldest first.
    pub commits: Vec<String>,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub more_commits: u64,
    /// The repository serves it already.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub existing: bool,
    /// What in the push lowered it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub excused: Option<String>,
    /// What of an imported allowlist would have hidden it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowlisted: Option<String>,
    /// Waivers that cover it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waived: Vec<String>,
    /// What a waiver of it covers: each rule that finds it, at each of its paths. Empty: it cannot be waived.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<Object>)]
    pub covers: Vec<Cover>,
}

/// An approved push that came back to its reviewers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct Returned {
    /// The names of those who had approved it.
    pub approved_by: Vec<String>,
    /// When it came back, in UTC.
    pub at: String,
    /// What stands against it now and did not when it was approved.
    pub new: Vec<String>,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub more: u64,
}

/// The lines around a finding.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Context {
    /// The number of the first line.
    pub from: u64,
    pub lines: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Unreadable {
    /// Names it in this case.
    #[schema(example = "n-7k3m9q2x4a")]
    pub id: String,
    pub what: String,
    pub why: String,
}

/// One ground on which the push waits.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Ground {
    /// findings, not-readable, existing, excused, waived, denied or review-asked.
    pub what: String,
    /// What the rules of these findings ask for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    pub count: u64,
    /// What comes of it: forward, warn, hold or refuse.
    pub disposition: String,
    /// The policy rule that says so, its file and line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RefUpdate {
    pub name: String,
    /// All zeros for a new one.
    pub old: String,
    /// All zeros for one that is deleted.
    pub new: String,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Commit {
    pub id: String,
    pub parents: Vec<String>,
    pub author: String,
    /// In UTC, as the commit says.
    pub authored: String,
    pub committer: String,
    pub committed: String,
    pub subject: String,
    /// The lines below the subject.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub message: Vec<String>,
    /// The message goes on.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cut: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Tag {
    pub id: String,
    pub target: String,
    pub name: String,
    pub tagger: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub message: Vec<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cut: bool,
}

impl Dossier {
    /// What is stored. A body that somebody else made is none.
    pub fn read(body: &str) -> Option<Self> {
        serde_json::from_str(body).ok()
    }

    /// As it is stored: JSON of at most `MOST` bytes, whatever was pushed.
    pub fn text(mut self) -> String {
        self.form = FORM;
        self.findings.iter_mut().for_each(Entry::shorten);
        let behind = self.findings.iter_mut().skip(IN_FULL);
        behind.for_each(Entry::outline);
        fit(&mut self.findings, &mut self.more_findings, 112 << 10);
        fit(&mut self.unreadable, &mut self.more_unreadable, 12 << 10);
        fit(&mut self.refs, &mut self.more_refs, 24 << 10);
        fit(&mut self.options, &mut self.more_options, 8 << 10);
        self.commits.iter_mut().for_each(Commit::shorten);
        fit(&mut self.commits, &mut self.more_commits, 64 << 10);
        fit(&mut self.tags, &mut self.more_tags, 12 << 10);
        fit(&mut self.messages, &mut 0, 4 << 10);
        fit(&mut self.grounds, &mut 0, 8 << 10);
        if let Some(returned) = &mut self.returned {
            fit(&mut returned.new, &mut returned.more, 4 << 10);
            fit(&mut returned.approved_by, &mut 0, 1 << 10);
        }
        if let Some(reason) = &mut self.reason {
            reason.truncate(boundary(reason, 4 << 10));
        }
        serde_json::to_string(&self).expect("because texts and numbers always serialise")
    }

    /// The finding of this id.
    pub fn entry(&self, id: &str) -> Option<&Entry> {
        self.findings.iter().find(|entry| entry.id == id)
    }
}

impl Entry {
    /// Two with the same id are the same finding: in this push, and in one that is judged again.
    pub fn named(mut self) -> Self {
        let path = self.path.as_deref().unwrap_or_default();
        let parts = [
            &self.rule,
            &self.part,
            path,
            &self.fingerprint,
            &self.surroundings,
        ];
        self.id = id("f-", &parts);
        self
    }

    /// What is too long to be shown beside others goes; without its covers it cannot be waived.
    fn shorten(&mut self) {
        const COVERS: usize = 16 << 10;
        let covers: usize = self.covers.iter().map(|cover| cover.path.len()).sum();
        if covers > COVERS {
            self.covers.clear();
        }
        self.description.truncate(boundary(&self.description, 500));
    }

    fn outline(&mut self) {
        const COMMITS: usize = 3;
        self.context = None;
        self.more_commits += self.commits.len().saturating_sub(COMMITS) as u64;
        self.commits.truncate(COMMITS);
    }
}

impl Unreadable {
    pub fn new(what: &str, why: &str) -> Self {
        Self {
            id: id("n-", &[what, why]),
            what: what.to_owned(),
            why: why.to_owned(),
        }
    }
}

impl Commit {
    fn shorten(&mut self) {
        const LINES: usize = 40;
        const PARENTS: usize = 16;
        self.cut |= self.message.len() > LINES;
        self.message.truncate(LINES);
        self.parents.truncate(PARENTS);
    }
}

fn id(prefix: &str, parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    let letters = hash.finalize();
    let letters = letters.iter().take(10);
    let letter = |byte: &u8| LETTERS.get(usize::from(byte % 32)).copied();
    prefix
        .chars()
        .chain(letters.filter_map(letter).map(char::from))
        .collect()
}

/// Keeps as many from the start as `room` bytes of JSON hold, and counts the others.
fn fit<T: Serialize>(list: &mut Vec<T>, more: &mut u64, room: usize) {
    let mut left = room;
    let fits = |each: &T| {
        let length = serde_json::to_string(each).map_or(usize::MAX, |text| text.len() + 1);
        match left.checked_sub(length) {
            Some(rest) => {
                left = rest;
                true
            }
            None => false,
        }
    };
    let kept = list.iter().map(fits).take_while(|fits| *fits).count();
    *more += (list.len() - kept) as u64;
    list.truncate(kept);
}

fn boundary(text: &str, most: usize) -> usize {
    (0..=most.min(text.len()))
        .rev()
        .find(|&at| text.is_char_boundary(at))
        .unwrap_or(0)
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_bounded_whatever_is_in_it() {
        let long = "\"".repeat(4_096);
        let dossier = Dossier {
            findings: vec![
                Entry {
                    path: Some(long.clone()),
                    description: long.clone(),
                    context: Some(Context {
                        from: 1,
                        lines: vec!["\\".repeat(200); 7],
                    }),
                    covers: vec![
                        Cover {
                            key: "k".into(),
                            rule: "r".into(),
                            version: "v".into(),
                            path: long.clone(),
                        };
                        64
                    ],
                    ..Entry::default()
                };
                1_000
            ],
            unreadable: vec![Unreadable::new(&long, &long); 1_000],
            reason: Some(long.clone()),
            returned: Some(Returned {
                new: vec![long.clone(); 50],
                ..Returned::default()
            }),
            messages: vec![long.clone(); 100],
            grounds: vec![
                Ground {
                    by: Some(long.clone()),
                    ..Ground::default()
                };
                100
            ],
            refs: vec![
                RefUpdate {
                    name: long.clone(),
                    ..RefUpdate::default()
                };
                500
            ],
            options: vec![long.clone(); 500],
            commits: vec![
                Commit {
                    subject: long.clone(),
                    message: vec!["\"".repeat(200); 100],
                    ..Commit::default()
                };
                200
            ],
            tags: vec![
                Tag {
                    name: long,
                    ..Tag::default()
                };
                50
            ],
            ..Dossier::default()
        };
        let text = dossier.text();
        assert!(text.len() <= MOST, "{}", text.len());
        let read = Dossier::read(&text).unwrap();
        assert_eq!(read.findings.len() as u64 + read.more_findings, 1_000);
        assert!(read.findings.len() > 5 && read.findings[0].covers.is_empty());
        assert_eq!(read.refs.len() as u64 + read.more_refs, 500);
        assert!(!read.refs.is_empty() && !read.commits.is_empty());
        assert_eq!(read.commits.len() as u64 + read.more_commits, 200);
    }

    #[test]
    fn ids_say_which_finding_it_is() {
        let entry = || Entry {
            rule: "r".into(),
            path: Some("a".into()),
            fingerprint: "f".into(),
            ..Entry::default()
        };
        let one = entry().named().id;
        assert!(one.starts_with("f-") && one.len() == 12, "{one}");
        let moved = Entry {
            line: 9,
            times: 3,
            ..entry()
        };
        assert_eq!(moved.named().id, one);
        let others = [
            Entry {
                rule: "s".into(),
                ..entry()
            },
            Entry {
                path: None,
                ..entry()
            },
            Entry {
                part: "x".into(),
                ..entry()
            },
            Entry {
                fingerprint: "g".into(),
                ..entry()
            },
            Entry {
                surroundings: "x".into(),
                ..entry()
            },
        ];
        for other in others {
            assert_ne!(other.named().id, one);
        }
    }
}
