//! Fuzzes the one target that `EXEAT_FUZZ_TARGET` names; `list` prints the names of all.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;

type Target = (&'static str, fn(&[u8]));

fn all() -> impl Iterator<Item = Target> {
    [
        exeat_rules::fuzz_targets::TARGETS,
        exeat_gitwire::fuzz_targets::TARGETS,
        exeat_inspect::fuzz_targets::TARGETS,
        exeat::fuzz_targets::TARGETS,
    ]
    .into_iter()
    .flatten()
    .copied()
}

static TARGET: LazyLock<fn(&[u8])> = LazyLock::new(|| {
    let wanted = std::env::var("EXEAT_FUZZ_TARGET").unwrap_or_default();
    let target = all().find(|(name, _)| *name == wanted);
    target.expect("EXEAT_FUZZ_TARGET names a target").1
});

fuzz_target!(
    init: {
        if std::env::var("EXEAT_FUZZ_TARGET").is_ok_and(|wanted| wanted == "list") {
            all().for_each(|(name, _)| println!("{name}"));
            std::process::exit(0);
        }
    },
    |data: &[u8]| TARGET(data)
);
