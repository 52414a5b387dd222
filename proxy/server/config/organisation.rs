//! `[upstream.NAME.organisation]`: a credential of ours, for pushes that people have approved.

use zeroize::Zeroizing;

use super::secret::{self, KeySource, Secret};
use super::section::{Section, quoted};
use super::{Forge, Repositories};

const A_TOKEN: &str = "a token of the forge, one line of printable ASCII";

/// What approved pushes go with where their pushers need not push again.
#[derive(Clone, Debug)]
pub struct Organisation {
    /// The user name of the credential; forges ignore it beside most tokens. Default `exeat`.
    pub user: String,
    /// The token itself.
    pub token: Secret,
    /// Where it comes from, for people.
    pub source: KeySource,
    /// The repositories that it is for. Required: a token may reach further than people want.
    pub repositories: Repositories,
}

impl Organisation {
    /// None where the table is absent.
    pub(super) fn read(mut section: Section<'_>, forge: Forge) -> Option<Self> {
        if !["user", "token", "repositories"]
            .iter()
            .any(|key| section.has(key))
        {
            section.finish();
            return None;
        }
        let user = section.parsed("user", "a user name without a colon", user_name);
        let user = user.unwrap_or_else(|| "exeat".to_owned());
        let token = section.parsed("token", secret::SOURCES, |text| Some(text.to_owned()));
        if token.is_none() {
            section.miss("token", secret::SOURCES);
        }
        let token = token.and_then(|text| secret::read(&mut section, "token", &text, A_TOKEN));
        let patterns = section.list("repositories");
        if patterns.is_none() {
            section.miss("repositories", "a list of repositories such as [\"org/*\"]");
        }
        let repositories = patterns.and_then(|patterns| {
            let read = Repositories::new(patterns, forge.folds_case());
            read.map_err(|(pattern, expected)| {
                let text = format!("expected {expected}, found {}", quoted(&pattern));
                section.refuse("repositories", text);
            })
            .ok()
        });
        let (source, token) = token?;
        let token = token.trim().to_owned();
        if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            section.refuse("token", format!("expected {A_TOKEN} there"));
            section.finish();
            return None;
        }
        section.finish();
        Some(Self {
            user,
            token: Secret::new(Zeroizing::new(token.into_bytes())),
            source,
            repositories: repositories?,
        })
    }
}

fn user_name(text: &str) -> Option<String> {
    let is_plain = |byte: u8| byte.is_ascii_graphic() && byte != b':';
    (!text.is_empty() && text.bytes().all(is_plain)).then(|| text.to_owned())
}
