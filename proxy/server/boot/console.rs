//! The listener of people beside that of git, and what both of its sides need.

use std::{net::SocketAddr, path::Path, sync::Arc};

use anyhow::Context;
use exeat_rules::RuleSet;
use hyper::body::Incoming;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{House, Parts};
use crate::{
    config::{self, Config},
    console::{Console, Fittings, Names, Words},
    control::Socket,
    drafts::Bench,
    listen::{Door, Listener},
    metrics::Metrics,
    policy::Rulebook,
    reload::Standing,
    review::Comments,
};

/// People and programs at once: a room full, not a crowd.
const CONNECTIONS: usize = 256;

/// The bound listener of people, if the configuration asks for one.
pub(super) struct Bound {
    pub(super) listener: Listener,
    pub(super) address: SocketAddr,
    pub(super) names: Names,
}

impl Bound {
    /// Serves people until `stop`.
    pub(super) fn serve(
        self,
        standing: &Arc<Standing<House>>,
        stop: &CancellationToken,
    ) -> JoinHandle<()> {
        let doors = Arc::clone(standing);
        let answering = move |request, peer| {
            let console = doors.now().console.clone();
            async move { console.answer::<Incoming>(request, peer).await }
        };
        tokio::spawn(self.listener.serve(answering, stop.clone()))
    }
}

/// Binds the console's address.
///
/// # Errors
/// As `Listener::bind`.
pub(super) async fn bind(
    config: &Config,
    data: &Path,
    metrics: &Metrics,
) -> anyhow::Result<Option<Bound>> {
    let section = &config.console;
    let Some(address) = section.address else {
        return Ok(None);
    };
    let listen = config::Listen {
        address,
        tls: section.tls.clone(),
    };
    let url = section.url.as_ref();
    let hosts: Vec<String> = url
        .and_then(|url| url.host_str())
        .map(|host| host.trim_matches(['[', ']']).to_owned())
        .into_iter()
        .collect();
    let limits = config::Limits {
        connections: CONNECTIONS,
        ..config.limits.clone()
    };
    let metrics = metrics.clone();
    let listener = Listener::bind(
        Door::Console,
        &listen,
        data,
        &hosts,
        Arc::new(limits),
        metrics,
    );
    let listener = listener.await?;
    let address = listener
        .address()
        .context("the console's address is not known")?;
    let names = Names::new(url, address, listener.is_tls());
    Ok(Some(Bound {
        listener,
        address,
        names,
    }))
}

/// Serves the operator of this machine until `stop`.
///
/// # Errors
/// When the socket cannot be made.
pub(super) fn serve_here(
    data: &Path,
    standing: &Arc<Standing<House>>,
    stop: &CancellationToken,
) -> anyhow::Result<JoinHandle<()>> {
    let socket = Socket::bind(data).with_context(|| {
        let name = crate::control::NAME;
        format!(
            "the control socket {name} cannot be made in {}",
            data.display()
        )
    })?;
    let doors = Arc::clone(standing);
    let answering = move |request, operator| {
        let console = doors.now().console.clone();
        async move { console.answer_here::<Incoming>(request, operator).await }
    };
    Ok(tokio::spawn(socket.serve(answering, stop.clone())))
}

/// The console by a configuration.
pub(super) fn furnish(
    config: &Config,
    rules: &Arc<RuleSet>,
    book: &Rulebook,
    parts: &Parts,
) -> Console {
    let upstreams = config.upstreams.iter();
    let folding = upstreams.map(|upstream| (upstream.name.clone(), upstream.forge.folds_case()));
    Console::new(Fittings {
        people: parts.people.clone(),
        desk: parts.desk.clone(),
        comments: Comments::new(parts.store.clone(), parts.audit.clone()),
        words: Words::new(Arc::clone(rules)),
        drafts: parts.drafts.clone(),
        bench: Bench::new(config, rules, book, &parts.pool, &parts.key),
        store: parts.store.clone(),
        memory: parts.memory.clone(),
        folding: folding.collect(),
        names: parts.names.clone(),
        patience: config.limits.header_seconds,
    })
}
