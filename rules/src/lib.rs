//! What a leak is: rule files in gitleaks' format, compiled once and matched against bytes.
//!
//! The path of a text is long: [`Source`] files are read ([`RuleSet::compile`]), a text is scanned for its content alone
//! ([`RuleSet::scan`]), and whether a match counts at one path is asked afterwards ([`RuleSet::standing`]), because a blob
//! is scanned once and may lie at many paths. `FORMAT.md` beside this crate describes the files.

mod allowlist;
mod beginnings;
pub mod budget;
mod builtin;
pub mod catalogue;
pub mod check;
mod compile;
mod dialect;
mod dictionary;
mod engine;
mod entropy;
mod explain;
mod extend;
mod filter;
mod finder;
mod format;
#[doc(hidden)]
pub mod fuzz_targets;
pub mod judges;
mod keywords;
mod overrides;
mod plan;
mod prefilter;
mod printable;
mod probe;
mod random;
pub mod rewrite;
mod rule;
mod sample_path;
mod stretch;
pub mod template;
pub mod validators;
mod version;

pub use allowlist::{Hiding, Site, Standing, line};
pub use builtin::{builtin, optional, optional_packs, shipped};
pub use compile::{Compiled, Error, PathRules, RuleSet};
pub use dictionary::{keyed, vet};
pub use engine::{
    Carried, Copied, Cost, Costs, Dropped, MAX_MATCHES, Marks, Match, Scan, Scratch, Trial, Tried,
    Window,
};
pub use explain::{Excuse, Facts};
pub use extend::{beside, is_below};
pub use finder::Work;
pub use format::{Error as FormatError, FILE_BYTES, Warning};
pub use overrides::Override;
pub use rule::{
    Action, Confidence, DictionaryKind, LicenseSaid, Origin, Required, Rule, RuleIndex, Severity,
    Terms, Weight,
};

/// One rule file: TOML text, and the name under which errors speak about it.
#[derive(Clone, Debug)]
pub struct Source {
    pub name: String,
    pub text: String,
}
