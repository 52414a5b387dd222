//! What a scan asks of what commits and tags say of people.

use std::sync::Arc;

use anyhow::bail;
use exeat_inspect::Demands;

use crate::config::Config;

/// The same without whether they are who pushes, where it is not said who does: here nobody is signed in.
pub fn demands(asked: &Arc<Demands>, pusher: Option<&[String]>) -> Arc<Demands> {
    match pusher {
        Some(_) => Arc::clone(asked),
        None => Arc::new(Demands {
            not_pusher_action: None,
            ..Demands::clone(asked)
        }),
    }
}

/// What the upstream of this name asks.
///
/// # Errors
/// When the configuration has no such upstream.
pub fn of_upstream<'c>(config: &'c Config, name: &str) -> anyhow::Result<&'c Arc<Demands>> {
    match config.upstream(name) {
        Some(upstream) => Ok(&upstream.identity),
        None => {
            let names = config.upstreams.iter().map(|upstream| &*upstream.name);
            let names: Vec<&str> = names.collect();
            bail!(
                "--upstream {name}: the configuration has none of that name; it has {}",
                names.join(", ")
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upstream_that_there_is_not_asks_nothing() {
        let text = "[upstream.b]\nurl = \"https://b.example\"\n\
                    [upstream.b.identity]\nsignature_action = \"warn\"\n";
        let (config, _) = Config::of_text(text).unwrap();
        assert!(
            of_upstream(&config, "b")
                .unwrap()
                .signature_action
                .is_some()
        );
        assert!(of_upstream(&config, "c").is_err());
    }
}
