//! When a policy rule holds: its conditions, asked of one ref update of one push.
//!
//! What is not known yet is neither true nor false. A condition over it is not known either, and whoever asks says what
//! that means: `None` is never silently taken for "no".

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use serde::Serialize;

use crate::config::Repositories;

/// All that are given must hold.
#[derive(Debug, Clone, Default)]
pub struct Conditions {
    /// Names of upstreams, compared exactly.
    pub upstream: Option<Vec<String>>,
    pub repository: Option<RepositoryGlobs>,
    pub reference: Option<RefGlobs>,
    /// The pusher is known and in one of these groups.
    pub group: Option<Vec<String>>,
    /// The pusher is known and one of these persons.
    pub person: Option<Vec<String>>,
    /// The pack has more bytes than this.
    pub larger_than: Option<u64>,
    /// One of these events has happened.
    pub event: Option<Vec<Event>>,
}

/// Something about a push that is not in its names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// The first push of this person through this proxy.
    FirstPush,
    /// The first push to this repository through this proxy.
    NewProject,
    /// A ref is moved to where its old commit is no longer in its history, or an existing tag is moved at all.
    ForcedUpdate,
    /// A ref below `refs/tags/` is made.
    NewTag,
    /// A ref below `refs/heads/` is made.
    NewBranch,
    /// A ref is deleted.
    Delete,
    /// Something in the push could not be read.
    Unscannable,
}

impl Event {
    /// Every event with its word in policy files.
    pub const WORDS: [(&str, Self); 7] = [
        ("first-push", Self::FirstPush),
        ("new-project", Self::NewProject),
        ("forced-update", Self::ForcedUpdate),
        ("new-tag", Self::NewTag),
        ("new-branch", Self::NewBranch),
        ("delete", Self::Delete),
        ("unscannable", Self::Unscannable),
    ];
}

/// Who pushes, where that is known.
#[derive(Debug, Clone, Copy)]
pub struct Pusher<'a> {
    pub person: &'a str,
    pub groups: &'a [String],
}

/// What conditions are asked of: one ref update, as far as it is known.
#[derive(Debug, Clone, Copy)]
pub struct Situation<'a> {
    pub upstream: &'a str,
    /// In the form allow-lists compare.
    pub repository: &'a str,
    /// Whether the upstream takes names without regard to case.
    pub folds_case: bool,
    /// Whether a wiki is held by patterns that do not end in `.wiki`. Not decided: it is asked both ways.
    pub wiki: Option<bool>,
    /// The full name of the ref.
    pub reference: Option<&'a [u8]>,
    /// `None` is a pusher whom nobody knows, which is known for certain.
    pub pusher: Option<Pusher<'a>>,
    pub pack_bytes: Option<u64>,
    /// By event: whether it has happened.
    pub events: [Option<bool>; Event::WORDS.len()],
}

impl Conditions {
    /// Whether all of them hold; `None` where that turns on something that is not known.
    pub fn hold(&self, situation: &Situation<'_>) -> Option<bool> {
        match self.of_push(situation) {
            Some(false) => Some(false),
            of_push => all([of_push, self.of_ref(situation)]),
        }
    }

    /// The same for the conditions that differ from ref to ref. Names are compared last: that takes longest.
    pub fn of_ref(&self, situation: &Situation<'_>) -> Option<bool> {
        let event = self.event.as_ref().map_or(Some(true), |events| {
            any(events.iter().map(|event| situation.events[*event as usize]))
        });
        if event == Some(false) {
            return event;
        }
        let name = self.reference.as_ref().map_or(Some(true), |globs| {
            situation.reference.map(|name| globs.contain(name))
        });
        all([event, name])
    }

    /// The same for the conditions that are alike for every ref of a push.
    pub fn of_push(&self, situation: &Situation<'_>) -> Option<bool> {
        let named = |names: &Option<Vec<String>>, is: &dyn Fn(&String) -> bool| {
            Some(names.as_ref().is_none_or(|names| names.iter().any(is)))
        };
        let pusher = situation.pusher;
        all([
            named(&self.upstream, &|name| name == situation.upstream),
            named(&self.person, &|name| {
                pusher.is_some_and(|pusher| pusher.person == name)
            }),
            named(&self.group, &|name| {
                pusher.is_some_and(|pusher| pusher.groups.contains(name))
            }),
            self.repository
                .as_ref()
                .map_or(Some(true), |globs| globs.contain(situation)),
            self.larger_than
                .map_or(Some(true), |most| Some(situation.pack_bytes? > most)),
        ])
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.upstream.is_none()
            && self.repository.is_none()
            && self.reference.is_none()
            && self.group.is_none()
            && self.person.is_none()
            && self.larger_than.is_none()
            && self.event.is_none()
    }
}

fn all(parts: impl IntoIterator<Item = Option<bool>>) -> Option<bool> {
    let mut known = Some(true);
    for part in parts {
        match part {
            Some(false) => return Some(false),
            Some(true) => {}
            None => known = None,
        }
    }
    known
}

fn any(parts: impl IntoIterator<Item = Option<bool>>) -> Option<bool> {
    all(parts.into_iter().map(|part| part.map(|holds| !holds))).map(|none| !none)
}

/// Repositories as allow-lists name them, for forges that fold case and for those that do not.
#[derive(Debug, Clone)]
pub struct RepositoryGlobs {
    folding: Repositories,
    exact: Repositories,
}

impl RepositoryGlobs {
    /// # Errors
    /// With the pattern that is none, and what was expected in its place.
    pub fn new(patterns: Vec<String>) -> Result<Self, (String, &'static str)> {
        Ok(Self {
            folding: Repositories::new(patterns.clone(), true)?,
            exact: Repositories::new(patterns, false)?,
        })
    }

    pub fn patterns(&self) -> &[String] {
        self.exact.patterns()
    }

    fn contain(&self, situation: &Situation<'_>) -> Option<bool> {
        let set = match situation.folds_case {
            true => &self.folding,
            false => &self.exact,
        };
        // What allow-lists hold of a wiki is held for certain; the rest as the situation says.
        if set.contains(situation.repository) {
            return Some(true);
        }
        match set.contains_with_wikis(situation.repository) {
            true => situation.wiki,
            false => Some(false),
        }
    }
}

/// Full ref names: `*` stays within a segment, `**` as a whole segment crosses.
#[derive(Debug, Clone)]
pub struct RefGlobs {
    patterns: Vec<String>,
    set: GlobSet,
}

impl RefGlobs {
    /// # Errors
    /// With the pattern that is none, and what was expected in its place.
    pub fn new(patterns: Vec<String>) -> Result<Self, (String, &'static str)> {
        let mut set = GlobSetBuilder::new();
        for pattern in &patterns {
            let bad = |why| (pattern.clone(), why);
            if !pattern.starts_with("refs/") {
                return Err(bad("a full ref name such as refs/heads/main"));
            }
            let mut segments = pattern.split('/');
            if segments.clone().any(str::is_empty) {
                return Err(bad("segments between single slashes, none of them empty"));
            }
            if segments.any(|segment| segment.contains("**") && segment != "**") {
                return Err(bad(
                    "** as a whole segment, as in refs/heads/**; within a segment * does it",
                ));
            }
            let glob = GlobBuilder::new(pattern).literal_separator(true).build();
            set.add(glob.map_err(|_| bad("a pattern whose brackets and braces are closed"))?);
        }
        match set.build() {
            Ok(set) => Ok(Self { patterns, set }),
            Err(_) => Err((patterns.join(", "), "patterns that are smaller together")),
        }
    }

    pub fn patterns(&self) -> &[String] {
        &self.patterns
    }

    /// Ref names are bytes; git compares them as such.
    pub fn contain(&self, name: &[u8]) -> bool {
        self.set.is_match(OsStr::from_bytes(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn situation(repository: &str) -> Situation<'_> {
        Situation {
            upstream: "forge",
            repository,
            folds_case: false,
            wiki: None,
            reference: Some(b"refs/heads/main"),
            pusher: None,
            pack_bytes: Some(10),
            events: [Some(false); 7],
        }
    }

    #[test]
    fn what_is_not_known_is_neither_true_nor_false() {
        assert_eq!(all([Some(true), None]), None);
        assert_eq!(all([Some(false), None]), Some(false));
        assert_eq!(any([Some(true), None]), Some(true));
        assert_eq!(any([Some(false), None]), None);
        assert_eq!((all([]), any([])), (Some(true), Some(false)));
    }

    #[test]
    fn refs_are_compared_as_bytes_and_segments() {
        let globs = |pattern: &str| RefGlobs::new(vec![pattern.to_owned()]).unwrap();
        assert!(globs("refs/heads/*").contain(b"refs/heads/main"));
        assert!(!globs("refs/heads/*").contain(b"refs/heads/a/b"));
        assert!(globs("refs/heads/**").contain(b"refs/heads/a/b"));
        assert!(globs("refs/heads/*").contain(b"refs/heads/\xff"));
        assert!(!globs("refs/heads/main").contain(b"refs/heads/Main"));
        assert!(!globs("refs/heads/main").contain(b"refs/heads/main\n"));
        for wrong in ["main", "refs//x", "refs/heads/a**", "refs/heads/{a"] {
            assert!(RefGlobs::new(vec![wrong.to_owned()]).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_wiki_is_held_for_certain_only_by_a_pattern_for_wikis() {
        let hold = |pattern: &str, repository: &str| {
            let conditions = Conditions {
                repository: Some(RepositoryGlobs::new(vec![pattern.to_owned()]).unwrap()),
                ..Conditions::default()
            };
            conditions.hold(&situation(repository))
        };
        assert_eq!(hold("org/*", "org/repo"), Some(true));
        assert_eq!(hold("org/*", "org/repo.wiki"), None);
        assert_eq!(hold("org/*.wiki", "org/repo.wiki"), Some(true));
        assert_eq!(hold("org/repo", "org/repo.wiki"), Some(false));
        assert_eq!(hold("org/**", "other/repo.wiki"), Some(false));
    }

    #[test]
    fn an_unknown_pusher_is_nobody() {
        let group = Conditions {
            group: Some(vec!["staff".into()]),
            ..Conditions::default()
        };
        assert_eq!(group.hold(&situation("one")), Some(false));
        let groups = ["staff".to_owned()];
        let known = Situation {
            pusher: Some(Pusher {
                person: "ada",
                groups: &groups,
            }),
            ..situation("one")
        };
        assert_eq!(group.hold(&known), Some(true));
    }
}
