//! Which licences a scan accepts: those that somebody names, or those that the policy accepts where a push would go.

use std::sync::Arc;

use exeat_inspect::{Accepted, Accepting, LicenceTerm};
use exeat_rules::RuleSet;

use crate::{
    cli::target::Target,
    config::{Config, quoted},
    policy::{Facts, Push},
    policy_files,
};

/// The pack whose rules say licences.
pub const PACK: &str = "licenses";

/// A licence of `--licenses`.
pub fn term(name: &str) -> Result<LicenceTerm, String> {
    LicenceTerm::parse(name)
        .map_err(|expected| format!("expected {expected}, found {}", quoted(name)))
}

/// What accepts these of files and packages, and of dependencies any.
pub fn named(accept: &[LicenceTerm]) -> Arc<Accepted> {
    Arc::new(Accepted(vec![Accepting {
        name: "--licenses".to_owned(),
        accept: Some(accept.to_vec()),
        accept_dependencies: None,
        deny_dependencies: Vec::new(),
        headers: None,
    }]))
}

/// What the policy files accept there, as the proxy asks them.
///
/// # Errors
/// When they cannot be read or are wrong, or no rule says licences though they ask for some.
pub fn at(
    config: &Config,
    rules: &RuleSet,
    target: &Target<'_>,
) -> anyhow::Result<Option<Arc<Accepted>>> {
    if config.policy_files.is_empty() {
        return Ok(None);
    }
    let (book, _) = policy_files::read(config, &[])?;
    book.needs_rules(rules)?;
    let push = Push {
        upstream: &target.upstream.name,
        repository: &target.comparable(),
        updates: &[],
    };
    Ok(book.licences(push, &Facts::default()))
}
