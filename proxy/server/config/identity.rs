//! `[identity]`: by what pushers are known, and what is asked of what commits and tags say of people.

use std::fmt::Display;
use std::sync::Arc;

use exeat_inspect::{Address, Demands, MailDomain};
use exeat_rules::Action;
use serde::Serialize;

use super::section::{Section, quoted};
use super::sources::{self, Sources};

/// A whole table.
#[derive(Debug, Clone, Default)]
pub(super) struct Identity {
    pub(super) demands: Arc<Demands>,
    pub(super) sources: Sources,
}

/// What becomes of a commit or tag that fails; `off` asks nothing.
const ACTIONS: [(&str, Option<Action>); 5] = [
    ("off", None),
    ("note", Some(Action::Note)),
    ("warn", Some(Action::Warn)),
    ("review", Some(Action::Review)),
    ("block", Some(Action::Block)),
];

/// Reads `[identity]`, or the table of that name of an upstream: what a key does not say is as in `otherwise`.
pub(super) fn read(mut section: Section<'_>, otherwise: &Identity) -> Identity {
    let sources = sources::read(&mut section, &otherwise.sources);
    let otherwise = &otherwise.demands;
    let expected = "a domain such as bank.example, or *.bank.example for those below it";
    let domains = items(&mut section, "mail_domains", expected, MailDomain::parse);
    let expected = "an address such as bot@ci.example";
    let bots = items(&mut section, "bots", expected, |text| {
        Address::parse(text.as_bytes())
    });
    let mut action = |key, default| section.word(key, &ACTIONS).unwrap_or(default);
    let demands = Demands {
        mail_domains_action: action("mail_domains_action", otherwise.mail_domains_action),
        not_pusher_action: action("not_pusher_action", otherwise.not_pusher_action),
        sign_off_action: action("sign_off_action", otherwise.sign_off_action),
        signature_action: action("signature_action", otherwise.signature_action),
        mail_domains: domains.unwrap_or_else(|| otherwise.mail_domains.clone()),
        bots: bots.unwrap_or_else(|| otherwise.bots.clone()),
    };
    if demands.mail_domains.is_empty() && demands.mail_domains_action.is_some() {
        section.refuse(
            "mail_domains",
            "expected at least one domain, since mail_domains_action asks for one".to_owned(),
        );
    }
    if !demands.mail_domains.is_empty() && demands.mail_domains_action.is_none() {
        section.warn(
            "mail_domains",
            "nothing is made of them while mail_domains_action is off".to_owned(),
        );
    }
    section.finish();
    Identity {
        demands: Arc::new(demands),
        sources,
    }
}

fn items<T>(
    section: &mut Section<'_>,
    key: &'static str,
    expected: &str,
    parse: impl Fn(&str) -> Option<T>,
) -> Option<Vec<T>> {
    let texts = section.list(key)?;
    let mut items = Vec::new();
    for text in texts {
        match parse(&text) {
            Some(item) => items.push(item),
            None => section.refuse(key, format!("expected {expected}, found {}", quoted(&text))),
        }
    }
    Some(items)
}

/// The table as it is written.
#[derive(Serialize)]
pub(super) struct Shown {
    #[serde(flatten)]
    sources: sources::Shown,
    mail_domains: Vec<String>,
    mail_domains_action: &'static str,
    not_pusher_action: &'static str,
    sign_off_action: &'static str,
    signature_action: &'static str,
    bots: Vec<String>,
}

pub(super) fn shown(demands: &Demands, sources: &Sources) -> Shown {
    fn texts<T: Display>(items: &[T]) -> Vec<String> {
        items.iter().map(ToString::to_string).collect()
    }
    let word = |action| {
        let known = ACTIONS.iter().find(|(_, known)| *known == action);
        known.map_or("off", |(word, _)| *word)
    };
    Shown {
        sources: sources::shown(sources),
        mail_domains: texts(&demands.mail_domains),
        mail_domains_action: word(demands.mail_domains_action),
        not_pusher_action: word(demands.not_pusher_action),
        sign_off_action: word(demands.sign_off_action),
        signature_action: word(demands.signature_action),
        bots: texts(&demands.bots),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Config;
    use super::*;

    #[test]
    fn upstreams_say_what_differs() {
        let text = "[identity]\nmail_domains = [\"bank.example\", \".Ci.example\"]\n\
                    mail_domains_action = \"block\"\nbots = [\"bot@ci.example\"]\n\
                    [upstream.a]\nurl = \"https://a.example\"\n\
                    [upstream.b]\nurl = \"https://b.example\"\n[upstream.b.identity]\n\
                    mail_domains_action = \"off\"\nsign_off_action = \"review\"\nbots = []\n";
        let (config, warnings) = Config::of_text(text).unwrap();
        assert_eq!(warnings.len(), 1);
        let of = |name: &str| Arc::clone(&config.upstream(name).unwrap().identity);
        assert_eq!(of("a"), config.identity);
        assert_eq!(of("b").sign_off_action, Some(Action::Review));
        assert_eq!(of("b").mail_domains_action, None);
        assert_eq!(of("b").mail_domains.len(), 2);
        assert!(of("b").bots.is_empty());
        let (again, _) = Config::of_text(&config.show()).unwrap();
        assert_eq!(again.show(), config.show());
        assert_eq!(again.upstream("b").unwrap().identity, of("b"));
    }

    #[test]
    fn what_cannot_be_asked_is_refused() {
        for (text, why) in [
            ("mail_domains_action = \"block\"", "at least one domain"),
            ("mail_domains = [\"a@b.example\"]", "a domain such as"),
            ("bots = [\"dependabot\"]", "an address such as"),
            ("sign_off_action = \"refuse\"", "\"block\""),
            (
                "signoff_action = \"block\"",
                "did you mean \"sign_off_action\"?",
            ),
        ] {
            let refused = Config::of_text(&format!("[identity]\n{text}\n"));
            let error = refused.expect_err(text).to_string();
            assert!(error.contains(why), "{error}");
        }
    }
}
