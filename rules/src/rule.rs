//! A rule as people see it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Override;

/// Position of a rule in [`RuleSet::rules`](crate::RuleSet::rules).
pub type RuleIndex = usize;

/// What a rule says about itself. The compiled part lives beside it in the set.
#[derive(Clone, Debug, Serialize)]
pub struct Rule {
    /// Unique in its set; printable ASCII without spaces.
    pub id: String,
    pub description: String,
    pub action: Action,
    pub severity: Severity,
    pub confidence: Confidence,
    pub tags: Vec<String>,
    /// In lower case. Empty: the rule reads every text whole.
    pub keywords: Vec<String>,
    /// As written in the file, in Go's dialect.
    pub regex: Option<String>,
    /// As written in the file, in Go's dialect.
    pub path: Option<String>,
    /// 0: the first group that took part, else the whole match.
    pub secret_group: usize,
    /// The secret's entropy must be greater, in bits per byte.
    pub entropy: Option<f64>,
    /// Name of the built-in check that the secret must pass.
    pub validator: Option<String>,
    /// Name of the judge that says how certain it is that the secret is one.
    pub judge: Option<String>,
    /// From this certainty on, in percent, a judged find leads to the rule's action.
    pub block_from: u8,
    /// From this certainty on a judged find leads to a review at most.
    pub review_from: u8,
    /// From this certainty on a judged find is noted at most; what is below all three is none.
    pub note_from: u8,
    /// Of a dictionary, what its terms are.
    pub dictionary: Option<Terms>,
    /// Loaded, but reports nothing: it is a part of other rules, or nothing at all.
    pub skip_report: bool,
    /// Rules that must match nearby for a match of this one to count.
    pub required: Vec<Required>,
    /// Matches count only if they begin in the first so many lines of their text.
    pub head: Option<usize>,
    /// Matches count only if so many different secrets stand in one text; one finding is told, at the first.
    pub at_least: Option<usize>,
    /// Its matches say a licence: they are told only where a target does not accept that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub license: Option<LicenseSaid>,
    /// What whoever holds such a secret can do.
    pub impact: Option<String>,
    /// What to do with a leaked secret of this kind.
    pub remedy: Option<String>,
    /// What looks like such a secret and is none.
    pub false_positives: Option<String>,
    /// Addresses that document the secret's form.
    pub references: Vec<String>,
    /// Texts the rule must find, templates not yet expanded.
    pub examples: Vec<String>,
    /// Texts the rule must not find, templates not yet expanded.
    pub counter_examples: Vec<String>,
    pub origin: Origin,
    /// What the file says of the values that the configuration overrides.
    pub overridden: Override,
}

impl Rule {
    /// Whether a path itself is its finding.
    pub fn is_about_path(&self) -> bool {
        self.regex.is_none() && self.dictionary.is_none()
    }

    /// Whether it goes by names and places and does not say whose secret it finds: tagged `generic`, or called so by its id, as
    /// in files of gitleaks and of others.
    pub fn is_generic(&self) -> bool {
        let id = self.id.as_bytes();
        self.tags.iter().any(|tag| tag == "generic")
            || id
                .windows(7)
                .any(|part| part.eq_ignore_ascii_case(b"generic"))
    }
}

/// What a dictionary says about its terms.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Terms {
    pub kind: DictionaryKind,
    pub weight: Weight,
    /// Words of which one must stand nearby.
    pub near: Vec<String>,
    /// How near, in bytes.
    pub within: usize,
    /// How many terms there are.
    pub count: usize,
    /// They are known by keyed hashes alone.
    pub keyed: bool,
    /// Hexadecimal SHA-256 over what is looked for.
    pub digest: String,
}

/// What a composite rule asks for besides its own match.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Required {
    pub id: String,
    /// Lines between the beginnings of the two matches, at most; `None` is no bound.
    pub within_lines: Option<usize>,
    /// Bytes between the columns at which the two matches begin, at most; `None` is no bound.
    pub within_columns: Option<usize>,
}

/// Where a rule was defined.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Origin {
    pub file: String,
    /// Counted from 1.
    pub line: usize,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// A closed set of words in rule files: the type, its words in order, and the order itself.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "lowercase")]
        pub enum $name { $($(#[$variant_doc])* $variant),+ }

        impl $name {
            /// Every word a rule file may use, weakest first.
            pub const WORDS: &'static [&'static str] = &[$($word),+];

            /// The value for a word, in lower case.
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)+ _ => None }
            }

            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}

words! {
    /// What a finding leads to. Ordered by strength: `Block` is the greatest.
    Action {
        /// Recorded, and no more.
        Note = "note",
        /// The pusher is told; the push goes on.
        Warn = "warn",
        /// A person decides.
        Review = "review",
        /// The push is refused.
        Block = "block",
    }
}

words! {
    /// How bad a leak of this kind is. `Critical` is the greatest.
    Severity {
        Info = "info",
        Low = "low",
        Medium = "medium",
        High = "high",
        Critical = "critical",
    }
}

words! {
    /// How sure the rule is of what it finds. `High` is the greatest.
    Confidence {
        Low = "low",
        Medium = "medium",
        High = "high",
    }
}

words! {
    /// What the terms of a dictionary are.
    DictionaryKind {
        /// Names of products, projects, places, in however many words.
        Names = "names",
        /// Names of customers.
        Customers = "customers",
        /// Names, addresses and numbers of people.
        People = "people",
        /// Domains that only the inside knows; every host below one is found.
        Hosts = "hosts",
        /// Registries and proxies of packages: hosts, with a path if there is one.
        Registries = "registries",
        /// Names of packages that manifests, lock files and bills of materials name.
        Packages = "packages",
        /// Prefixes of tickets, which a hyphen and a number follow.
        Tickets = "tickets",
    }
}

words! {
    /// How much one term says by itself.
    Weight {
        /// An ordinary word as well: it counts with a capital beside a word of context, or beside another term.
        Ordinary = "ordinary",
        /// Nothing else is called so.
        Unique = "unique",
    }
}

words! {
    /// How a match says a licence.
    LicenseSaid {
        /// The secret is an SPDX expression.
        Expression = "expression",
        /// The match stands in the text of a licence, or in a notice of one.
        Text = "text",
        /// The same as an expression, of what a manifest describes; only there.
        Manifest = "manifest",
        /// The same of what a manifest, a lock file or a bill of materials names; only there.
        Dependency = "dependency",
    }
}

impl LicenseSaid {
    /// Whether the words of a match are all that it says; of a text it matters where it stands.
    pub(crate) fn by_words(self) -> bool {
        self != Self::Text
    }
}

impl DictionaryKind {
    /// What was found, for people, where the file does not say it.
    pub(crate) fn description(self) -> &'static str {
        match self {
            Self::Names => "Internal name",
            Self::Customers => "Name of a customer",
            Self::People => "Personal data",
            Self::Hosts => "Internal host or domain",
            Self::Registries => "Internal package registry",
            Self::Packages => "Internal package",
            Self::Tickets => "Internal ticket",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_ordered_by_strength_and_read_back() {
        assert!(
            Action::Block > Action::Review
                && Action::Review > Action::Warn
                && Action::Warn > Action::Note
        );
        assert!(Severity::Critical > Severity::High && Confidence::High > Confidence::Low);
        for word in Action::WORDS {
            assert_eq!(Action::from_word(word).unwrap().to_string(), *word);
        }
        assert_eq!(Action::from_word("Block"), None);
    }
}
