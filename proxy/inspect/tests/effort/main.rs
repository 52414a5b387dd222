//! What an inspection does for packs that are made for it, counted: a change that makes it do more fails here, however fast the
//! machine is.
//!
//! `cargo test -p exeat-inspect --test effort -- --nocapture` prints the table as it is. Where less is done than before, the table
//! is to follow, so that it does not creep up again.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on shall fail")]

#[path = "../made/mod.rs"]
mod made;
mod shapes;
mod table;

use std::{alloc::System, sync::Arc};

use exeat_gitwire::{HashKind, pack};
use exeat_inspect::{
    Coverage, Effort, FingerprintKey, Inspected, PackInspection, Pool, Settings, Strength, Verdicts,
};
use exeat_rules::{RuleSet, Source, builtin};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

use shapes::Shape;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// What one inspection did.
struct Did {
    coverage: Coverage,
    effort: Effort,
    findings: usize,
    allocations: u64,
}

/// Who inspects: one worker, so that the order of things is nearly always the same.
struct Bench {
    pool: Arc<Pool>,
    settings: Settings,
}

impl Bench {
    fn new() -> Self {
        let own = Source {
            name: "test.toml".into(),
            text: shapes::RULE.into(),
        };
        let rules = RuleSet::compile(&[builtin(), vec![own]].concat()).unwrap();
        let settings = Settings {
            rules: Arc::new(rules.rules),
            key: FingerprintKey::new([7; 32]),
            limits: pack::Limits::default(),
            most_findings: 1_000,
            strength: Strength::default(),
            most_paths: 1_000,
            demands: Arc::default(),
            licences: None,
            pusher: None,
            shown: None,
            verdicts: None,
            whole: false,
            clock: None,
            cancelled: Arc::default(),
            on_batch: || (),
        };
        Self {
            pool: Pool::start(1).unwrap(),
            settings,
        }
    }

    fn remembering(&self) -> Self {
        let verdicts = Verdicts::holding(64 << 20, [7; 32]);
        Self {
            pool: Arc::clone(&self.pool),
            settings: Settings {
                verdicts: Some(Arc::new(verdicts)),
                ..self.settings.clone()
            },
        }
    }

    fn inspect(&self, shape: &Shape) -> Did {
        let region = Region::new(ALLOCATOR);
        let inspected = self.inspected(shape);
        let change = region.change();
        Did {
            coverage: inspected.coverage,
            effort: inspected.stages.effort,
            findings: inspected.findings.len(),
            allocations: (change.allocations + change.reallocations) as u64,
        }
    }

    fn inspected(&self, shape: &Shape) -> Inspected<Vec<u8>> {
        let spool = Vec::with_capacity(shape.pack.len());
        let pool = Arc::clone(&self.pool);
        let settings = self.settings.clone();
        let mut inspection = PackInspection::start(pool, HashKind::Sha1, settings, spool);
        for chunk in shape.pack.chunks(64 << 10) {
            inspection.feed(chunk).unwrap();
        }
        inspection.finish(shape.targets.as_deref()).unwrap()
    }
}

/// One test for all, since allocations are counted of the whole process.
#[test]
fn no_more_is_done_than_before() {
    let bench = Bench::new();
    let plain = shapes::plain();
    // The first texts wait until rules are compiled.
    bench.inspect(&plain);
    let mut exceeded = table::PLAIN.exceeded("plain", &bench.inspect(&plain));
    let remembering = bench.remembering();
    remembering.inspect(&plain);
    exceeded.extend(table::KNOWN.exceeded("known", &remembering.inspect(&plain)));
    drop(plain);
    exceeded.extend(table::MINGLED.exceeded("mingled", &bench.inspect(&shapes::mingled())));
    let leaky = bench.inspect(&shapes::leaky());
    assert!(leaky.findings > 100, "{}", leaky.findings);
    exceeded.extend(table::LEAKY.exceeded("leaky", &leaky));
    exceeded.extend(table::PACKED.exceeded("packed", &bench.inspect(&shapes::packed())));
    assert!(exceeded.is_empty(), "{exceeded:#?}");
}
