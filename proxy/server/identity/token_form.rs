//! Which forge a token belongs to, going by the prefix the forge gives its tokens.
//!
//! Sources: GitHub, "GitHub's token formats"; GitLab, "Token prefixes" in its token overview;
//! Atlassian, "Using access tokens" and "App passwords" of Bitbucket Cloud.

use crate::config::Forge;

const PREFIXES: &[(&str, Forge)] = &[
    ("ghp_", Forge::GitHub),
    ("gho_", Forge::GitHub),
    ("ghu_", Forge::GitHub),
    ("ghs_", Forge::GitHub),
    ("ghr_", Forge::GitHub),
    ("github_pat_", Forge::GitHub),
    ("glpat-", Forge::GitLab),
    ("gloas-", Forge::GitLab),
    ("gldt-", Forge::GitLab),
    ("glrt-", Forge::GitLab),
    ("glcbt-", Forge::GitLab),
    ("glptt-", Forge::GitLab),
    ("glft-", Forge::GitLab),
    ("glimt-", Forge::GitLab),
    ("glagent-", Forge::GitLab),
    ("glsoat-", Forge::GitLab),
    ("glffct-", Forge::GitLab),
    ("ATBB", Forge::Bitbucket),
    ("ATCTT3", Forge::Bitbucket),
];

/// The forge that `token` names by its form, if any. Short words that happen to begin like a
/// token are none.
pub fn forge_of(token: &str) -> Option<Forge> {
    if token.len() < 16 {
        return None;
    }
    PREFIXES
        .iter()
        .find(|(prefix, _)| token.starts_with(prefix))
        .map(|(_, forge)| *forge)
}

/// The forge's name as people write it.
pub fn title(forge: Forge) -> &'static str {
    match forge {
        Forge::GitHub => "GitHub",
        Forge::GitLab => "GitLab",
        Forge::Bitbucket => "Bitbucket",
        Forge::Gitea => "Gitea",
        Forge::Other => "another forge's",
    }
}

/// The forge's word in the configuration key `upstream.NAME.forge`.
pub fn key(forge: Forge) -> &'static str {
    match forge {
        Forge::GitHub => "github",
        Forge::GitLab => "gitlab",
        Forge::Bitbucket => "bitbucket",
        Forge::Gitea => "gitea",
        Forge::Other => "other",
    }
}
