//! One finding: which rule, where, and the masked excerpt; never the secret itself.

use exeat_rules::{Action, Confidence, Hiding, Rule, RuleSet, Severity};
use serde::{Serialize, Serializer};

use crate::{
    cover::Cover, examine::Hit, excuse::Excuse, fingerprint::Fingerprint, mask::Masked,
    shown::Context, surroundings::Surroundings,
};

/// A rule that matched, at the place a developer can go to. Every text in it is one
/// line of characters that print, and names that hold a match are masked.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// Id of the rule, as in its file.
    pub rule: String,
    /// What the rule looks for, in plain words.
    #[serde(skip)]
    pub description: String,
    /// What to do about a secret of this kind; from the rule.
    #[serde(skip)]
    pub remedy: Option<String>,
    #[serde(serialize_with = "shown")]
    pub action: Action,
    #[serde(serialize_with = "shown")]
    pub severity: Severity,
    #[serde(serialize_with = "shown")]
    pub confidence: Confidence,
    #[serde(flatten)]
    pub place: Place,
    /// The decoders between the object and the text that matched; empty for plain text.
    pub via: Vec<String>,
    pub masked: Masked,
    pub fingerprint: Fingerprint,
    /// The lines around the secret, for baselines.
    #[serde(skip)]
    pub surroundings: Surroundings,
    /// The repository that is pushed to serves the same bytes at the same path already.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub existing: bool,
    /// What of an imported allowlist would have hidden it.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "shown_if")]
    pub allowlisted: Option<Hiding>,
    /// What in the pushed content excuses it, where that is heeded.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "shown_if")]
    pub excused: Option<Excuse>,
    /// What somebody has to cover who waives it; nothing where it cannot be waived.
    #[serde(skip)]
    pub covers: Vec<Cover>,
    /// The ids of the waivers that cover all of it; it stops nothing then.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub waived: Vec<String>,
    /// The lines around it, where they are gathered for reviewers.
    #[serde(skip)]
    pub context: Option<Context>,
    /// It lies in a file, and a comment on one of its lines allows it.
    #[serde(skip)]
    pub commented: bool,
    /// The line in which the match begins, which is at or before that of the secret.
    #[serde(skip)]
    pub first_line: u64,
    /// It is about a licence, and no secret.
    #[serde(skip)]
    pub says_licence: bool,
    /// It helps whoever pushes and stops nothing, whatever the policy makes of its action.
    #[serde(skip)]
    pub is_help: bool,
}

impl Finding {
    /// A finding of `hit` at `place`, told in the rule's words.
    pub fn of_hit(rules: &RuleSet, hit: &Hit, place: Place) -> Self {
        let rule = rules.rule(hit.found.rule);
        Self {
            surroundings: hit.surroundings,
            commented: hit.commented && place.part == Part::File,
            first_line: match place.part {
                Part::File => hit.first_line,
                _ => place.line,
            },
            action: rules.action(&hit.found),
            confidence: rules.confidence(&hit.found),
            via: hit.via.as_ref().map_or(Vec::new(), |via| via.steps.clone()),
            says_licence: hit.licence.is_some(),
            description: match &hit.licence {
                Some(why) => why.to_string(),
                None => rule.description.clone(),
            },
            ..Self::of_rule(rule, place, hit.masked.clone(), hit.fingerprint)
        }
    }

    /// A finding of this rule without a match, of which no more is known.
    pub fn new(rule: &str, action: Action, place: Place, fingerprint: Fingerprint) -> Self {
        Self {
            rule: rule.to_owned(),
            description: String::new(),
            remedy: None,
            action,
            severity: Severity::High,
            confidence: Confidence::High,
            first_line: place.line,
            place,
            via: Vec::new(),
            masked: Masked::nothing(),
            fingerprint,
            surroundings: Surroundings::none(),
            existing: false,
            allowlisted: None,
            excused: None,
            covers: Vec::new(),
            waived: Vec::new(),
            context: None,
            commented: false,
            says_licence: false,
            is_help: false,
        }
    }

    /// A finding of a rule that judges the path alone: the path says it all.
    pub fn of_path(rule: &Rule, fingerprint: Fingerprint, place: Place) -> Self {
        Self::of_rule(rule, place, Masked::nothing(), fingerprint)
    }

    /// What it asks for: its rule's action; where it is excused a person's decision at most, and where it is waived that
    /// the pusher is told.
    pub fn asks(&self) -> Action {
        match self.excused {
            _ if self.is_waived() => self.action.min(Action::Warn),
            Some(_) => self.action.min(Action::Review),
            None => self.action,
        }
    }

    /// Whether it can stop a push, whatever the policy makes of its action.
    pub fn may_stop(&self) -> bool {
        !self.is_waived() && !self.is_help
    }

    pub fn is_waived(&self) -> bool {
        !self.waived.is_empty()
    }

    /// The same as told of what an allowlist would have hidden: for a person to decide, at most.
    pub(crate) fn hidden_by(mut self, hiding: Option<Hiding>) -> Self {
        if hiding.is_some() {
            self.action = self.action.min(Action::Review);
        }
        self.allowlisted = hiding;
        self
    }

    fn of_rule(rule: &Rule, place: Place, masked: Masked, fingerprint: Fingerprint) -> Self {
        Self {
            description: rule.description.clone(),
            remedy: rule.remedy.clone(),
            severity: rule.severity,
            confidence: rule.confidence,
            masked,
            ..Self::new(&rule.id, rule.action, place, fingerprint)
        }
    }
}

/// Where a finding stands. Lines and columns count from 1; columns are bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Place {
    pub part: Part,
    /// Path, ref name or option name; escaped, and masked where it holds a match.
    pub path: Option<String>,
    pub line: u64,
    pub column: u64,
    /// The column in characters of UTF-8, for those that count them.
    #[serde(skip)]
    pub character: u64,
    pub end_line: u64,
    /// The commit that brings it, as hex.
    pub commit: Option<String>,
    /// The object that holds it, as hex.
    pub object: Option<String>,
    /// The commit has no parent, so history is rewritten from its very beginning.
    #[serde(skip)]
    pub root: bool,
}

impl Place {
    /// A file as such: what is said of it as a whole stands at its first line.
    pub fn first_line() -> Self {
        Self {
            line: 1,
            column: 1,
            character: 1,
            end_line: 1,
            ..Self::default()
        }
    }

    /// The place of `hit` in a text that stands in no commit; `path` as it may be shown.
    pub fn outside_history(part: Part, path: String, hit: &Hit) -> Self {
        Self {
            part,
            path: Some(path),
            line: hit.line,
            column: hit.column,
            character: hit.character,
            end_line: hit.end_line,
            commit: None,
            object: None,
            root: false,
        }
    }
}

/// Which part of a push a finding lies in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    #[default]
    File,
    FileName,
    Author,
    CommitHeader,
    CommitMessage,
    Tag,
    RefName,
    PushOption,
}

impl Part {
    /// In words, as they stand in a sentence.
    pub fn describe(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::FileName => "file name",
            Self::Author => "author or committer",
            Self::CommitHeader => "commit header",
            Self::CommitMessage => "commit message",
            Self::Tag => "tag",
            Self::RefName => "branch or tag name",
            Self::PushOption => "push option",
        }
    }
}

fn shown_if<T: std::fmt::Display, S: Serializer>(
    value: &Option<T>,
    to: S,
) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => to.collect_str(value),
        None => to.serialize_none(),
    }
}

fn shown<T: std::fmt::Display, S: Serializer>(value: &T, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(value)
}
