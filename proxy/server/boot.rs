//! Builds the parts in order, hands each only what it needs, and takes them down in reverse.

mod changing;
mod console;

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use anyhow::Context;
use exeat_inspect::{FingerprintKey, Pool, Verdicts};
use exeat_rules::RuleSet;
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use tokio::{sync::watch, task::JoinHandle};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::changing::RuleFiles;
use crate::{
    advertisement,
    answer::{Body, plain},
    audit::{self, Audit},
    config::{self, Config},
    console::{Console, Memory, Names},
    crashpoint,
    door::{self, Errand, Knock},
    drafts::{Drafts, Texts},
    fetch::Fetches,
    identity::{self, Accepted, Accounts, Actor, Recognition, Unknown},
    lfs::Lfs,
    listen::{self, Certificates, Door, Listener},
    metrics::Metrics,
    notify::{Notifier, Receivers},
    people::People,
    policy::Rulebook,
    push::{self, Keeper, Latest, Places, Pushes, Shares, SpoolRoom, Stops, Waiters},
    quarantine::Quarantine,
    rehearsal,
    reload::Standing,
    review::{Desk, Times},
    searched::Searched,
    store::Store,
    telemetry::{Readiness, Telemetry},
    upstream::Upstreams,
};

/// A proxy that accepts connections.
pub struct Running {
    /// Where git clients come in.
    pub git: SocketAddr,
    /// Whether they come in over TLS.
    pub tls: bool,
    /// Where metrics and health are.
    pub telemetry: Option<SocketAddr>,
    /// Where people come in, and whether over TLS.
    pub console: Option<(SocketAddr, bool)>,
    /// What renews the listeners' certificates at once; none where TLS is off.
    pub certificates: Vec<Certificates>,
    stop: CancellationToken,
    serving: Vec<JoinHandle<()>>,
    observing: Option<JoinHandle<()>>,
    keeping: JoinHandle<()>,
    carrying: JoinHandle<()>,
    stop_observing: CancellationToken,
    readiness: Readiness,
    standing: Arc<Standing<House>>,
    config: Config,
    rule_files: RuleFiles,
    draft_changes: watch::Receiver<u64>,
    notifier: Notifier,
    parts: Parts,
}

/// What outlives a change of the configuration.
struct Parts {
    store: Store,
    audit: Audit,
    metrics: Metrics,
    /// That the proxy is about to stop.
    stop: CancellationToken,
    latest: Arc<Latest>,
    waiters: Arc<Waiters>,
    concluding: TaskTracker,
    key: FingerprintKey,
    pool: Arc<Pool>,
    verdicts: Arc<Verdicts>,
    room: Arc<SpoolRoom>,
    places: Arc<Places>,
    shares: Arc<Shares>,
    stops: Arc<Stops>,
    people: People,
    drafts: Drafts,
    desk: Desk,
    quarantine: Quarantine,
    /// Those of the console, where it listens.
    names: Option<Names>,
    memory: Memory,
}

/// Starts everything a configuration asks for.
///
/// # Errors
/// With what could not be started and the way out; nothing is left running.
pub async fn start(config: &Config) -> anyhow::Result<Running> {
    crashpoint::check().map_err(anyhow::Error::msg)?;
    let data = &config.data.directory;
    // Rules are compiled while the disk is waited for, unless some of them are there.
    let none = Texts::default();
    let early = async {
        match config.rules.drafts {
            true => None,
            false => Some(changing::read(config, &none).await),
        }
    };
    let (store, reading) = tokio::join!(Store::open(data), early);
    let store = store?;
    let texts = Texts::in_force(store.records(), config).await?;
    let reading = match reading {
        Some(reading) => reading?,
        None => changing::read(config, &texts).await?,
    };
    let key = FingerprintKey::new(*store.fingerprint_key().expose());
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let pool = Pool::start(threads).context("no threads for the inspection")?;
    let proven = changing::prove(config, reading.compiled?, &pool, &key).await?;
    let rules = Arc::clone(&proven.rules);
    let metrics = Metrics::new();
    let book = changing::policy(config, &texts).await?;
    book.needs_rules(&rules)?;
    let digests = digests(config, &rules, &book);
    let audit = open_audit(&store, &digests).await?;
    let readiness = Readiness::new(store.clone());
    let stop_observing = CancellationToken::new();
    let (telemetry, observing) = observe(config, &metrics, &readiness, &stop_observing).await?;
    let bound = console::bind(config, data, &metrics).await?;
    let names = bound.as_ref().map(|bound| bound.names.clone());
    let parts = Parts::new(config, store, audit, metrics, key, pool, names)?;
    let draft_changes = parts.drafts.changes();
    let roads = Roads::new(config)?;
    let receivers = Receivers::new(config)?;
    let house = House::new(config, rules, book, digests, &parts, roads);
    parts.take(config, &house);
    parts.tell(&proven);
    let keeper = parts.keeper();
    keeper.recover().await?;
    let keeping = tokio::spawn(keeper.run(parts.stop.clone()));
    let metrics = parts.metrics.clone();
    let hosts = virtual_hosts(config);
    let limits = Arc::new(config.limits.clone());
    let listener = Listener::bind(Door::Git, &config.listen, data, &hosts, limits, metrics).await?;
    let git = listener
        .address()
        .context("the listening address is not known")?;
    let tls = listener.is_tls();
    let mut certificates = Vec::from_iter(listener.certificates());
    let console = bound
        .as_ref()
        .map(|bound| (bound.address, bound.listener.is_tls()));
    announce(data, git, telemetry, console.map(|(address, _)| address))?;
    let stop = parts.stop.clone();
    let standing = Standing::new(house);
    let carrying = carrying(&standing, &parts);
    let doors = Arc::clone(&standing);
    let answering = move |request, peer| {
        let house = doors.now();
        async move { house.answer(request, peer).await }
    };
    let mut serving = vec![tokio::spawn(listener.serve(answering, stop.clone()))];
    serving.push(console::serve_here(data, &standing, &stop)?);
    if let Some(bound) = bound {
        certificates.extend(bound.listener.certificates());
        serving.push(bound.serve(&standing, &stop));
    }
    let notifier = parts.notifier(receivers);
    readiness.set(true);
    tracing::info!(%git, ?telemetry, ?console, tls, "ready");
    Ok(Running {
        git,
        tls,
        telemetry,
        console,
        certificates,
        stop,
        serving,
        observing,
        keeping,
        carrying,
        stop_observing,
        readiness,
        standing,
        config: config.clone(),
        rule_files: RuleFiles::new(reading.contents),
        draft_changes,
        notifier,
        parts,
    })
}

impl Running {
    /// Where people on this machine reach the console, if it listens.
    pub fn console_url(&self) -> Option<String> {
        let (address, tls) = self.console?;
        let scheme = if tls { "https" } else { "http" };
        Some(format!("{scheme}://{address}"))
    }

    /// Stops accepting, lets pushes finish within `limits.drain_seconds`, and closes the store.
    pub async fn stop(self) {
        tracing::info!("draining");
        self.readiness.set(false);
        self.stop.cancel();
        for serving in self.serving {
            let _ = serving.await;
        }
        let _ = self.keeping.await;
        let parts = self.parts;
        parts.concluding.close();
        let drain = self.config.limits.drain_seconds;
        let _ = self.carrying.await;
        if tokio::time::timeout(drain, parts.concluding.wait())
            .await
            .is_err()
        {
            tracing::warn!("pushes were still under way; their outcome is noted at the next start");
        }
        self.notifier.stop().await;
        parts.audit.close().await;
        parts.store.close().await;
        self.stop_observing.cancel();
        if let Some(observing) = self.observing {
            let _ = observing.await;
        }
        tracing::info!("stopped");
    }
}

/// A key that nobody knows.
fn by_chance() -> anyhow::Result<[u8; 32]> {
    let mut key = [0; 32];
    getrandom::fill(&mut key).context("the system gives no random bytes")?;
    Ok(key)
}

impl Parts {
    fn new(
        config: &Config,
        store: Store,
        audit: Audit,
        metrics: Metrics,
        key: FingerprintKey,
        pool: Arc<Pool>,
        names: Option<Names>,
    ) -> anyhow::Result<Self> {
        let limits = &config.limits;
        Ok(Self {
            room: SpoolRoom::open(&config.data.directory, limits.spool_bytes, &metrics)
                .context("the spool folder cannot be made")?,
            places: Places::new(limits.pushes, &metrics),
            shares: Shares::new(limits.pushes_per_user),
            stops: Stops::new(config.quiet),
            people: People::new(&store, &audit),
            drafts: Drafts::new(&store, &audit),
            desk: Desk::new(store.clone(), audit.clone(), times(config)),
            quarantine: Quarantine::open(
                &config.data.directory,
                config.quarantine.keys.clone(),
                config.quarantine.bytes,
            )?,
            names,
            memory: Memory::default(),
            stop: CancellationToken::new(),
            latest: Arc::default(),
            waiters: Arc::default(),
            concluding: TaskTracker::new(),
            key,
            pool,
            verdicts: Arc::new(Verdicts::holding(limits.verdict_bytes, by_chance()?)),
            store,
            audit,
            metrics,
        })
    }

    /// What tells of held pushes.
    fn notifier(&self, receivers: Receivers) -> Notifier {
        Notifier::start(
            self.store.clone(),
            self.audit.clone(),
            self.metrics.clone(),
            receivers,
            self.desk.changes(),
        )
    }

    fn keeper(&self) -> Keeper {
        Keeper {
            desk: self.desk.clone(),
            quarantine: self.quarantine.clone(),
        }
    }

    /// What is shared by all pushes follows the configuration of `house`.
    fn take(&self, config: &Config, house: &House) {
        self.metrics.set_rules_digest(house.pushes.rules.digest());
        self.metrics.set_limits(&config.limits);
        self.room.set_limit(config.limits.spool_bytes);
        self.verdicts.set_limit(config.limits.verdict_bytes);
        self.places.set_number(config.limits.pushes);
        self.shares.set_each(config.limits.pushes_per_user);
        self.stops.follow(config.quiet);
        let config::Quarantine { keys, bytes, .. } = &config.quarantine;
        self.quarantine.follow(keys.clone(), *bytes);
        self.desk.follow(times(config));
        self.latest.set(&house.pushes, &house.roads.upstreams);
    }
}

fn times(config: &Config) -> Times {
    let millis = |time: Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
    Times {
        case: millis(config.quarantine.patience()),
        grant: millis(config.limits.approval_seconds),
        contents: millis(config.quarantine.memory()),
    }
}

/// Sends approved pushes by themselves, with what is configured at the time.
fn carrying(standing: &Arc<Standing<House>>, parts: &Parts) -> JoinHandle<()> {
    let standing = Arc::clone(standing);
    let look = move |tried: Arc<push::Tried>| {
        let house = standing.now();
        async move {
            let upstreams = &house.roads.upstreams;
            house.pushes.carry_approved(upstreams, &tried).await;
        }
    };
    tokio::spawn(push::carry(parts.desk.clone(), parts.stop.clone(), look))
}

fn digests(config: &Config, rules: &RuleSet, book: &Rulebook) -> audit::Digests {
    audit::Digests {
        rules: rules.digest().to_owned(),
        policy: book.digest().to_owned(),
        config: config.digest(),
    }
}

async fn open_audit(store: &Store, digests: &audit::Digests) -> anyhow::Result<Audit> {
    let audit = Audit::open(store.clone()).await?;
    for push in audit.recover().await? {
        tracing::warn!(push, "the outcome of this push is unknown: fetch to check");
    }
    let start = audit::Start {
        version: env!("CARGO_PKG_VERSION").into(),
        digests: digests.clone(),
    };
    audit.start(&start).await?;
    Ok(audit)
}

async fn observe(
    config: &Config,
    metrics: &Metrics,
    readiness: &Readiness,
    stop: &CancellationToken,
) -> anyhow::Result<(Option<SocketAddr>, Option<JoinHandle<()>>)> {
    let Some(address) = config.telemetry.address else {
        return Ok((None, None));
    };
    let telemetry = Telemetry::bind(address).await?;
    let bound = telemetry.address();
    let serving = telemetry.serve(metrics.clone(), readiness.clone(), stop.clone());
    Ok((Some(bound), Some(tokio::spawn(serving))))
}

fn virtual_hosts(config: &Config) -> Vec<String> {
    config
        .upstreams
        .iter()
        .filter_map(|upstream| upstream.host.clone())
        .collect()
}

/// Writes the bound addresses beside the data, for whoever started this with port 0.
fn announce(
    data: &Path,
    git: SocketAddr,
    telemetry: Option<SocketAddr>,
    console: Option<SocketAddr>,
) -> anyhow::Result<()> {
    let text = serde_json::json!({
        "git": git.to_string(),
        "telemetry": telemetry.map(|address| address.to_string()),
        "console": console.map(|address| address.to_string()),
    });
    let unfinished = data.join("listening.json.new");
    let path = data.join("listening.json");
    std::fs::write(&unfinished, format!("{text}\n"))
        .and_then(|()| std::fs::rename(&unfinished, &path))
        .with_context(|| format!("{} cannot be written", path.display()))
}

/// The doors behind the listener.
struct House {
    roads: Roads,
    key: FingerprintKey,
    pushes: Arc<Pushes>,
    recognition: Arc<Recognition>,
    /// Of the addresses that clients call us by.
    scheme: &'static str,
    fetches: Fetches,
    lfs: Lfs,
    searched: Searched,
    console: Console,
    metrics: Metrics,
}

/// The ways to the upstreams.
#[derive(Clone)]
struct Roads {
    upstreams: Arc<Upstreams>,
    /// What the upstreams have accepted: known of these addresses alone.
    accepted: Arc<Accepted>,
    /// Whose credentials they have said these are.
    accounts: Arc<Accounts>,
}

impl Roads {
    fn new(config: &Config) -> anyhow::Result<Self> {
        Ok(Self {
            upstreams: Arc::new(Upstreams::new(&config.upstreams, &config.limits)?),
            accepted: Arc::default(),
            accounts: Arc::default(),
        })
    }
}

impl House {
    fn new(
        config: &Config,
        rules: Arc<RuleSet>,
        book: Arc<Rulebook>,
        digests: audit::Digests,
        parts: &Parts,
        roads: Roads,
    ) -> Self {
        // The first pushes shall not wait for what can be done beforehand; nothing waits for it either.
        let warming = Arc::clone(&rules);
        if !rehearsal::is_on() {
            tokio::task::spawn_blocking(move || warming.warm_up());
        }
        let limits = Arc::new(config.limits.clone());
        let metrics = parts.metrics.clone();
        let recognition = Arc::new(Recognition::new(
            &parts.people,
            &roads.accounts,
            &parts.audit,
            &metrics,
        ));
        let console = console::furnish(config, &rules, &book, parts);
        let searched = Searched::new(Arc::clone(&rules));
        let pushes = Pushes {
            limits: Arc::clone(&limits),
            policy: book,
            digests,
            rules,
            key: parts.key.clone(),
            pool: Arc::clone(&parts.pool),
            verdicts: Arc::clone(&parts.verdicts),
            room: Arc::clone(&parts.room),
            places: Arc::clone(&parts.places),
            shares: Arc::clone(&parts.shares),
            stops: Arc::clone(&parts.stops),
            accepted: Arc::clone(&roads.accepted),
            audit: parts.audit.clone(),
            people: parts.people.clone(),
            recognition: Arc::clone(&recognition),
            store: parts.store.clone(),
            desk: parts.desk.clone(),
            quarantine: parts.quarantine.clone(),
            latest: Arc::clone(&parts.latest),
            waiters: Arc::clone(&parts.waiters),
            stopping: parts.stop.clone(),
            metrics: metrics.clone(),
            concluding: parts.concluding.clone(),
        };
        Self {
            roads,
            key: parts.key.clone(),
            pushes: Arc::new(pushes),
            recognition,
            scheme: match config.listen.tls {
                config::Tls::Off => "http",
                config::Tls::Development | config::Tls::Files(_) => "https",
            },
            console,
            fetches: Fetches {
                limits: Arc::clone(&limits),
                metrics: metrics.clone(),
                searched: searched.clone(),
            },
            searched,
            lfs: Lfs {
                limits,
                metrics: metrics.clone(),
            },
            metrics,
        }
    }

    async fn answer(&self, request: Request<Incoming>, peer: SocketAddr) -> Response<Body> {
        let (parts, body) = request.into_parts();
        let opened = door::open(&parts, &self.roads.upstreams);
        let request = Request::from_parts(parts, body);
        let knock = match opened {
            Ok(knock) => knock,
            Err(shut) => return self.shut(&shut, peer),
        };
        self.count(&knock.errand);
        if let Some(rule) = self.searched.finds(&named(&knock)) {
            return self.refuse_name(&knock, &rule);
        }
        let actor = match self.actor(&knock, &request, peer) {
            Ok(actor) => actor,
            Err(error) => return refuse_credential(&knock.errand, &error),
        };
        match &knock.errand {
            Errand::Advertise(exeat_gitwire::advertise::Service::ReceivePack) => {
                self.pushes.advertise(&knock, &actor, &request).await
            }
            Errand::Push => self.pushes.serve(knock, actor, request).await,
            _ if let Some(refused) = self.refuse_token(&knock, &actor).await => refused,
            Errand::Advertise(_) | Errand::Fetch | Errand::DumbFetch(_) => {
                self.fetches.serve(&knock, &actor, request).await
            }
            Errand::LfsBatch => self.lfs.serve(&knock, &actor, request).await,
        }
    }

    /// Who asks, if the credential may go to this upstream.
    fn actor(
        &self,
        knock: &Knock,
        request: &Request<Incoming>,
        peer: SocketAddr,
    ) -> Result<Actor, identity::Error> {
        let mut actor = Actor::read(request.headers(), peer.ip(), &self.key)?;
        actor.certificate = listen::certificate_of(request);
        actor.proxy = format!("{}://{}", self.scheme, called(request));
        actor
            .fits(knock.upstream.forge, &knock.upstream.name)
            .inspect_err(|_| {
                self.metrics
                    .refusals_total
                    .with_label_values(&["other-forge"])
                    .inc();
            })?;
        Ok(actor)
    }

    /// A name that a rule finds something in goes to nobody, not even to ask whether there is such a repository.
    fn refuse_name(&self, knock: &Knock, rule: &str) -> Response<Body> {
        let refusals = &self.metrics.refusals_total;
        refusals.with_label_values(&["name"]).inc();
        tracing::info!(upstream = knock.upstream.name, rule, "a name refused");
        let text = format!(
            "Nothing left the company. The name of the repository holds something that rule {rule} finds."
        );
        match knock.errand {
            Errand::Advertise(service) => advertisement::refuse(service, &text),
            _ => plain(StatusCode::FORBIDDEN, &text),
        }
    }

    /// A token that comes along with a fetch is needed for nothing, and must hold all the same. Where that cannot be looked up,
    /// nothing leaves by a fetch.
    async fn refuse_token(&self, knock: &Knock, actor: &Actor) -> Option<Response<Body>> {
        let unknown = match self.recognition.by_token(&knock.upstream, actor).await {
            Ok(_) | Err(Unknown::People(_)) => return None,
            Err(unknown) => unknown,
        };
        let refusals = &self.metrics.refusals_total;
        refusals.with_label_values(&[unknown.cause()]).inc();
        let text = unknown.text(&knock.upstream.name, &actor.proxy);
        Some(match knock.errand {
            Errand::Advertise(service) => advertisement::refuse(service, &text),
            _ => plain(StatusCode::FORBIDDEN, &text),
        })
    }

    fn shut(&self, shut: &door::Shut, peer: SocketAddr) -> Response<Body> {
        self.metrics
            .refusals_total
            .with_label_values(&["door"])
            .inc();
        tracing::info!(source = %peer.ip(), status = shut.status.as_u16(), "request refused");
        match shut.service {
            Some(service) => advertisement::refuse(service, &shut.text),
            None => plain(shut.status, &shut.text),
        }
    }

    fn count(&self, errand: &Errand) {
        let kind = match errand {
            Errand::Advertise(_) => "advertise",
            Errand::Push => "push",
            Errand::Fetch => "fetch",
            Errand::DumbFetch(_) => "dumb-fetch",
            Errand::LfsBatch => "lfs",
        };
        self.metrics.requests_total.with_label_values(&[kind]).inc();
    }
}

/// Host and port by which the client calls us; the door has read them.
fn called(request: &Request<Incoming>) -> &str {
    let header = request.headers().get(http::header::HOST);
    let header = header.and_then(|host| host.to_str().ok());
    let target = request.uri().authority().map(http::uri::Authority::as_str);
    header.or(target).unwrap_or("PROXY")
}

/// What of its address leaves with a request.
fn named(knock: &Knock) -> Vec<u8> {
    let mut segments = knock.repository.segments().to_vec();
    if let Errand::DumbFetch(file) = &knock.errand {
        segments.extend_from_slice(file);
    }
    segments.join("/").into_bytes()
}

fn refuse_credential(errand: &Errand, error: &identity::Error) -> Response<Body> {
    let text = format!("Nothing left the company: {error}.");
    match errand {
        Errand::Advertise(service) => advertisement::refuse(*service, &text),
        _ => plain(StatusCode::FORBIDDEN, &text),
    }
}
