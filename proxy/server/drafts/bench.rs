//! Where what is proposed is tried before anybody decides on it: exactly as a file of it would be.

use std::collections::BTreeSet;
use std::sync::Arc;

use exeat_inspect::{Engine, Excuses, FingerprintKey, Pool, shadow};
use exeat_rules::{RuleSet, Source, budget, check};
use toml::de::DeTable;

use super::draft::Kind;
use super::texts::{self, Text};
use crate::config::Config;
use crate::policy::{self, Rulebook};
use crate::{policy_files, rule_files};

/// What a draft is held against. Cheap to clone.
#[derive(Clone)]
pub struct Bench(Arc<Inner>);

struct Inner {
    config: Config,
    pool: Arc<Pool>,
    key: FingerprintKey,
    /// Of the policy and of the rules that decide about pushes.
    digests: [String; 2],
    /// The drafts among them, as messages name them.
    effective: BTreeSet<String>,
}

/// What is wrong with a text, in one line.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unfit(pub String);

impl Bench {
    pub fn new(
        config: &Config,
        rules: &RuleSet,
        book: &Rulebook,
        pool: &Arc<Pool>,
        key: &FingerprintKey,
    ) -> Self {
        let of_rules = rules.rules().iter().map(|rule| rule.origin.file.clone());
        let drafts = of_rules.filter(|file| file.starts_with(&texts::name("")));
        Self(Arc::new(Inner {
            config: config.clone(),
            pool: Arc::clone(pool),
            key: key.clone(),
            digests: [book.digest().to_owned(), rules.digest().to_owned()],
            effective: book.drafts().map(str::to_owned).chain(drafts).collect(),
        }))
    }

    /// Digest of what decides now.
    pub fn digest(&self, kind: Kind) -> &str {
        let [policy, rules] = &self.0.digests;
        match kind {
            Kind::Policy => policy,
            Kind::Rules => rules,
        }
    }

    /// Whether drafts of this kind are heeded.
    pub fn allows(&self, kind: Kind) -> bool {
        texts::is_allowed(kind, &self.0.config)
    }

    /// Whether pushes are decided by this draft now.
    pub fn is_effective(&self, id: &str) -> bool {
        self.0.effective.contains(&texts::name(id))
    }

    /// Tries all `texts` of a kind together, with the files of the configuration as they are now. What is asked of examples is
    /// asked of `new` alone. Gives what is allowed and probably not meant.
    ///
    /// # Errors
    /// With what is wrong, as it is told of a file.
    pub async fn try_out(
        &self,
        kind: Kind,
        texts: Vec<Text>,
        new: Option<String>,
    ) -> Result<Vec<String>, Unfit> {
        let bench = self.clone();
        let tried = tokio::task::spawn_blocking(move || match kind {
            Kind::Policy => bench.policy(&texts),
            Kind::Rules => bench.rules(&texts, new.as_deref()),
        });
        match tried.await {
            Ok(tried) => tried.map_err(|error| Unfit(one_line(&crate::causes::told(&error)))),
            Err(error) => Err(Unfit(format!("it could not be tried: {error}"))),
        }
    }

    fn policy(&self, texts: &[Text]) -> anyhow::Result<Vec<String>> {
        let (_, warnings) = policy_files::read(&self.0.config, texts)?;
        let ours = |warning: &&policy::file::Problem| warning.file.starts_with(&texts::name(""));
        let warnings = warnings.iter().filter(ours);
        Ok(warnings.map(ToString::to_string).collect())
    }

    fn rules(&self, texts: &[Text], new: Option<&str>) -> anyhow::Result<Vec<String>> {
        texts.iter().try_for_each(adds_only)?;
        let compiled = rule_files::read(&self.0.config.rules, texts).compiled?;
        let rules = Arc::new(compiled.rules);
        let mut news = texts.iter().filter(|text| Some(text.id.as_str()) == new);
        news.try_for_each(|draft| proven(draft, &rules))?;
        let engine = Engine {
            pool: Arc::clone(&self.0.pool),
            rules: Arc::clone(&rules),
            key: self.0.key.clone(),
            strength: policy::strength(&self.0.config.policy, Excuses::default()),
        };
        rule_files::prove(&engine)?;
        let warnings = compiled.warnings.iter().map(ToString::to_string);
        let ours = |warning: &String| warning.starts_with(&texts::name(""));
        Ok(warnings.filter(ours).collect())
    }
}

/// A rule file can take rules away, or hide what others find. A draft cannot.
fn adds_only(draft: &Text) -> anyhow::Result<()> {
    let Ok(parsed) = DeTable::parse(&draft.text) else {
        // It is told, with its line, where it is compiled.
        return Ok(());
    };
    for (key, _) in parsed.get_ref().iter() {
        let key: &str = key.get_ref();
        anyhow::ensure!(
            matches!(key, "title" | "description" | "rules" | "dictionary"),
            "{}: a draft only adds rules: it has \"title\", [[rules]] and [[dictionary]] at its top, and no {}",
            draft.name(),
            crate::config::quoted(key)
        );
    }
    Ok(())
}

/// That the rules of one draft have examples that hold, build on none but themselves, and cost what the engine grants.
fn proven(draft: &Text, all: &Arc<RuleSet>) -> anyhow::Result<()> {
    let name = draft.name();
    // Alone, because trying all rules takes a while.
    let source = Source {
        name: name.clone(),
        text: draft.text.clone(),
    };
    let ours = RuleSet::compile(&[source])?.rules;
    anyhow::ensure!(!ours.rules().is_empty(), "{name}: it has no rule");
    let report = check::check(&ours);
    let budget = budget::measure(&ours);
    let shadowed = shadow::shadowed(all);
    let hidden = shadowed.iter().filter(|fault| fault.origin.file == name);
    let mut faults = report.faults.iter().chain(&budget.faults).chain(hidden);
    if let Some(fault) = faults.next() {
        anyhow::bail!("{fault}");
    }
    if let Some(id) = report.unproven.first() {
        anyhow::bail!("{name}: rule {id}: it has no example");
    }
    Ok(())
}

fn one_line(text: &str) -> String {
    text.split('\n').collect::<Vec<_>>().join("; ")
}
