//! What becomes of a push without a network or a disk: for fuzzers.

use std::{sync::Arc, time::Instant};

use exeat_gitwire::{legible, push_report};

use super::{Order, Wishes, id::PushId, message, record};
use crate::{
    config::Config,
    door::{Errand, Knock},
    identity::{Actor, Known},
    policy::{self, Facts, Rulebook, Verdict},
    upstream::{Repository, Upstreams},
};

/// Inspects, judges, words and records a push: nothing that a developer or an auditor sees can be obeyed by a terminal.
pub fn push(data: &[u8], config: &Config, upstreams: &Upstreams) {
    let Some((request, report)) = exeat_inspect::fuzz_targets::report(data) else {
        return;
    };
    let (Some(upstream), Ok(id)) = (upstreams.by_name("forge"), PushId::random()) else {
        return;
    };
    let Some(repository) = Repository::new(vec!["one.git".into()]) else {
        return;
    };
    let order = Order {
        id,
        knock: Knock {
            upstream: Arc::clone(&upstream),
            repository,
            errand: Errand::Push,
        },
        actor: Actor {
            credential: None,
            presented: None,
            proxy: String::new(),
            certificate: None,
            source: std::net::Ipv4Addr::LOCALHOST.into(),
        },
        known: Known::default(),
        past: super::Past::default(),
        wishes: Wishes::default(),
        by_itself: false,
        request,
        since: Instant::now(),
        progress: super::Progress::default(),
    };
    let asked = super::about::Asked::new(&order, &order.knock);
    let (facts, book) = (Facts::default(), Rulebook::of_table(config.policy));
    let verdict = policy::judge(
        asked.push(&asked.updates(Some(&report))),
        &report,
        &facts,
        &book,
    );
    let decision = record::decision(&order, &report, &verdict, &Default::default());
    let told = match &verdict {
        Verdict::Forward(_) => {
            assert_plain(&message::let_go(&order, &report));
            return;
        }
        Verdict::Hold(stopped) => message::not_held(&order, &report, stopped),
        Verdict::Refuse(stopped) => message::refused(&order, &report, stopped),
    };
    assert_plain(&told.text);
    assert!(!told.reason.contains('\n'));
    let recorded = format!("{decision:?}");
    assert!(recorded.chars().all(legible::prints));
    let answer = push_report::refusal(&order.request, &told.text, &told.reason);
    assert_eq!(
        answer.is_empty(),
        !push_report::can_report(&order.request),
        "a refusal is told where it can be"
    );
}

/// Lines of characters that print and that fit a terminal of 72 columns.
fn assert_plain(text: &str) {
    for line in text.lines() {
        assert!(line.chars().count() <= 72, "{line:?}");
        assert!(line.chars().all(legible::prints), "{line:?}");
    }
}
