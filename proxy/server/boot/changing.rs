//! Takes a changed configuration and changed rules into the running proxy: read, compiled, proven, recorded, and only then
//! in force. One change at a time: whoever calls owns the proxy meanwhile.

use std::sync::Arc;

use anyhow::Context;
use exeat_inspect::{Engine, Excuses, FingerprintKey, Pool, SelfTest};
use exeat_rules::{Compiled, RuleSet};

use super::{House, Parts, Roads, Running, digests};
use crate::{
    config::Config,
    drafts,
    notify::Receivers,
    policy::{self, Rulebook},
    policy_files,
    poll::{Looks, POLL},
    reload,
    rule_files::{self, Contents, Reading, Unproven},
    telemetry::Change,
};

/// Rules that have shown in the engine of pushes that they find what they are for.
pub(super) struct Proven {
    pub(super) rules: Arc<RuleSet>,
    outcome: SelfTest,
}

/// The rule files and policy files that are watched.
pub(super) struct RuleFiles {
    /// What they held when they were tried last, in force or refused: what failed once is not tried and told every time.
    tried: Contents,
    looks: Looks<Contents>,
}

impl RuleFiles {
    pub(super) fn new(contents: Contents) -> Self {
        Self {
            looks: Looks::new(contents.clone()),
            tried: contents,
        }
    }

    async fn changed(&mut self, watch: bool) {
        if !watch {
            return std::future::pending().await;
        }
        loop {
            tokio::time::sleep(POLL).await;
            let known = self.tried.clone();
            let now = tokio::task::spawn_blocking(move || known.now());
            if let Ok(now) = now.await
                && self.looks.are_settled(now, &self.tried)
            {
                return;
            }
        }
    }
}

/// What could not be taken.
struct Refused(Change, anyhow::Error);

impl Running {
    /// Takes a configuration that was read anew, and the rules and certificates it names: all of it or, where
    /// something cannot be used, nothing. Says so in the log, the metrics and the answer of `/health/ready`.
    pub async fn reload(&mut self, config: anyhow::Result<Config>) {
        let taken = match config {
            Ok(config) => self.take(config).await,
            Err(error) => Err(Refused(Change::Configuration, error)),
        };
        self.count(taken.is_ok());
        match taken {
            Ok(()) => {
                self.clear(Change::Configuration);
                self.clear(Change::Rules);
                tracing::info!("configuration reloaded");
            }
            Err(Refused(change, error)) => {
                if change == Change::Rules {
                    // The file itself is the one in force.
                    self.clear(Change::Configuration);
                }
                self.refuse(change, &error);
                tracing::error!(
                    error = crate::causes::told(&error),
                    "the changed configuration cannot be used; the one before stays in force"
                );
            }
        }
    }

    /// Waits until the rule files hold something else than was tried last, twice the same, or until a draft was put into force
    /// or out of it. May be dropped at any time; without `rules.watch` it waits for drafts alone.
    pub async fn rules_changed(&mut self) {
        let watch = self.config.rules.watch;
        tokio::select! {
            Ok(()) = self.draft_changes.changed() => {}
            () = self.rule_files.changed(watch) => {}
        }
    }

    /// Takes the rule files of the configuration in force and the drafts beside them as they are now, or, where they cannot be
    /// used, keeps the rules there are. Says so once, like [`Running::reload`].
    pub async fn reload_rules(&mut self) {
        let taken = self.take_rules().await;
        self.count(taken.is_ok());
        match taken {
            Ok(digest) => {
                self.clear(Change::Rules);
                tracing::info!(digest, "changed rules taken");
            }
            Err(error) => {
                self.refuse(Change::Rules, &error);
                tracing::error!(
                    error = crate::causes::told(&error),
                    "the changed rule files or drafts cannot be used; the rules before stay in force"
                );
            }
        }
    }

    async fn take(&mut self, mut config: Config) -> Result<(), Refused> {
        for key in reload::keep(&self.config, &mut config) {
            tracing::warn!("{key} was changed: that takes a restart, and is kept until then");
        }
        let refused = |error| Refused(Change::Configuration, error);
        let texts = self.texts(&config).await.map_err(refused)?;
        let reading = read(&config, &texts).await.map_err(refused)?;
        let Reading { compiled, contents } = reading;
        let ready = match compiled {
            Ok(compiled) => self.ready(&config, &texts, compiled).await,
            Err(error) => Err(error),
        };
        let (proven, book) = match ready {
            Ok(ready) => ready,
            Err(error) if config.digest() == self.config.digest() => {
                // Told here; the watch need not tell it again.
                self.rule_files.tried = contents;
                return Err(Refused(Change::Rules, error));
            }
            Err(error) => return Err(refused(error)),
        };
        let roads = Roads::new(&config).map_err(refused)?;
        let receivers = Receivers::new(&config).map_err(|error| refused(error.into()))?;
        self.put_in_force(config, &proven, book, roads, true)
            .await
            .map_err(refused)?;
        self.notifier.follow(receivers);
        self.rule_files = RuleFiles::new(contents);
        Ok(())
    }

    /// The digest of the rules then in force.
    async fn take_rules(&mut self) -> anyhow::Result<String> {
        let config = self.config.clone();
        let texts = self.texts(&config).await?;
        let Reading { compiled, contents } = read(&config, &texts).await?;
        self.rule_files.tried = contents;
        let compiled = compiled?;
        let house = self.standing.now();
        let digest = compiled.rules.digest().to_owned();
        let (proven, book) = self.ready(&config, &texts, compiled).await?;
        let same_rules = digest == house.pushes.rules.digest();
        if same_rules && book.digest() == house.pushes.policy.digest() {
            // As they were before somebody broke them.
            return Ok(digest);
        }
        self.put_in_force(config, &proven, book, house.roads.clone(), false)
            .await?;
        Ok(digest)
    }

    /// The drafts that are in force by this configuration.
    async fn texts(&self, config: &Config) -> anyhow::Result<drafts::Texts> {
        let texts = self.parts.drafts.in_force(config).await;
        texts.context("the drafts in force are not known")
    }

    /// Rules that hold and the policy of the configuration.
    async fn ready(
        &self,
        config: &Config,
        texts: &drafts::Texts,
        compiled: Compiled,
    ) -> anyhow::Result<(Proven, Arc<Rulebook>)> {
        let book = policy(config, texts).await?;
        book.needs_rules(&compiled.rules)?;
        let proven = prove(config, compiled, &self.parts.pool, &self.parts.key).await?;
        Ok((proven, book))
    }

    async fn put_in_force(
        &mut self,
        config: Config,
        proven: &Proven,
        book: Arc<Rulebook>,
        roads: Roads,
        with_certificates: bool,
    ) -> anyhow::Result<()> {
        let digests = digests(&config, &proven.rules, &book);
        let rules = Arc::clone(&proven.rules);
        let house = House::new(&config, rules, book, digests.clone(), &self.parts, roads);
        let certificates = match with_certificates {
            true => self.certificates.clone(),
            false => Vec::new(),
        };
        for certificates in certificates {
            tokio::task::spawn_blocking(move || certificates.reload()).await??;
        }
        // On record before it is in force, as everything that decides.
        self.parts.audit.reload(&digests).await?;
        self.parts.take(&config, &house);
        self.parts.tell(proven);
        self.standing.swap(house);
        self.config = config;
        Ok(())
    }

    fn count(&self, is_ok: bool) {
        let result = if is_ok { "ok" } else { "failed" };
        let reloads = &self.parts.metrics.reloads_total;
        reloads.with_label_values(&[result]).inc();
    }

    fn clear(&self, change: Change) {
        self.readiness.set_refused(change, false);
        self.parts.metrics.set_refused(change.name(), false);
    }

    fn refuse(&self, change: Change, error: &anyhow::Error) {
        self.readiness.set_refused(change, true);
        let metrics = &self.parts.metrics;
        metrics.set_refused(change.name(), true);
        if let Some(Unproven(faults)) = error.downcast_ref() {
            metrics.selftest_faults_total.inc_by(faults.len() as u64);
        }
    }
}

impl Parts {
    /// What the self-test showed of the rules in force.
    pub(super) fn tell(&self, proven: &Proven) {
        let SelfTest {
            tried, unproven, ..
        } = proven.outcome;
        self.metrics.set_rules(tried, unproven);
        tracing::info!(
            rules = proven.rules.rules().len(),
            tried,
            unproven,
            digest = proven.rules.digest(),
            "the rules hold"
        );
    }
}

/// Reads the rules; what is looked at from then on are their files and those of the policy.
pub(super) async fn read(config: &Config, texts: &drafts::Texts) -> anyhow::Result<Reading> {
    let (rules, policy_files) = (config.rules.clone(), config.policy_files.clone());
    let texts = texts.rules.clone();
    let reading = tokio::task::spawn_blocking(move || {
        let mut reading = rule_files::read(&rules, &texts);
        // Before they are read: what changes meanwhile is another look's.
        reading.contents.look_at_all(&policy_files);
        reading
    });
    reading.await.context("the rules were not read")
}

/// The policy of a configuration; what is probably not meant in it is told in the log.
pub(super) async fn policy(
    config: &Config,
    texts: &drafts::Texts,
) -> anyhow::Result<Arc<Rulebook>> {
    let (config, texts) = (config.clone(), texts.policy.clone());
    let reading = tokio::task::spawn_blocking(move || policy_files::read(&config, &texts));
    let (book, warnings) = reading.await.context("the policy was not read")??;
    for warning in &warnings {
        tracing::warn!("{warning}");
    }
    Ok(Arc::new(book))
}

/// Says in the log what of the files is not honoured, and tries the rules in the engine that pushes meet.
///
/// # Errors
/// As [`rule_files::prove`].
pub(super) async fn prove(
    config: &Config,
    compiled: Compiled,
    pool: &Arc<Pool>,
    key: &FingerprintKey,
) -> anyhow::Result<Proven> {
    for warning in &compiled.warnings {
        tracing::warn!("{warning}");
    }
    let rules = Arc::new(compiled.rules);
    let engine = Engine {
        pool: Arc::clone(pool),
        rules: Arc::clone(&rules),
        key: key.clone(),
        strength: policy::strength(&config.policy, Excuses::default()),
    };
    let outcome = tokio::task::spawn_blocking(move || rule_files::prove(&engine));
    Ok(Proven {
        rules,
        outcome: outcome.await.context("the self-test did not end")??,
    })
}
