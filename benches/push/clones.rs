//! Clones: directly, through Exeat, and through a plain reverse proxy.

use std::time::Instant;

use crate::Scale;
use crate::ground::{Ground, Way};
use crate::record::{Goal, Record};

const WAYS: [Way; 3] = [Way::Direct, Way::Through, Way::Nginx];

/// `repository` is the name of one at the forge.
pub(crate) fn run(
    ground: &Ground,
    scale: &Scale,
    repository: &str,
    record: &mut Record,
) -> anyhow::Result<()> {
    let place = ground.place("clones")?;
    let mut times = WAYS.map(|_| Vec::new());
    for round in 0..=scale.history_rounds {
        for step in 0..WAYS.len() {
            let index = (round + step) % WAYS.len();
            let way = WAYS[index];
            if !ground.has(way) {
                continue;
            }
            let url = ground.url_of(way, repository);
            let start = Instant::now();
            ground.git(&place, &["clone", "--quiet", "--bare", &url, "clone.git"])?;
            let took = start.elapsed();
            std::fs::remove_dir_all(place.join("clone.git"))?;
            if round > 0 || scale.history_rounds == 0 {
                times[index].push(took);
            }
        }
    }
    let [direct, through, nginx] = &times;
    record.compare(
        "clone of it",
        (Way::Direct, direct.as_slice()),
        (Way::Through, through.as_slice()),
        Goal::None,
    );
    if ground.has(Way::Nginx) {
        record.compare(
            "clone of it, speed",
            (Way::Nginx, nginx.as_slice()),
            (Way::Through, through.as_slice()),
            Goal::Least(0.95),
        );
    } else {
        record.note("Clones through nginx were passed over: it is not installed.".into());
    }
    Ok(())
}
