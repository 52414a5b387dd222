//! Which forge a token belongs to, going by the prefix the forge gives its tokens.
//!
//! Sources: GitHub, "GitHub's token formats"; GitLab, "Token prefixes" in its token overview;
//! Atlassian, "Using access tokens", "App passwords" and "API tokens" of Bitbucket Cloud.

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
    ("glwt-", Forge::GitLab),
    ("ATBB", Forge::Bitbucket),
    ("ATCTT3", Forge::Bitbucket),
    ("ATATT3", Forge::Bitbucket),
];

/// Bytes from which on a word is long enough for a token; shorter ones only happen to begin like one.
const SHORTEST: usize = 16;

/// The forge that a token in `text` names by its form, if any. The token may stand in quotes or behind a name, as in
/// `token="..."`.
pub fn forge_of(text: &str) -> Option<Forge> {
    let within = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-');
    text.split(|letter| !within(letter))
        .filter(|word| word.len() >= SHORTEST)
        .find_map(forge_of_word)
}

fn forge_of_word(word: &str) -> Option<Forge> {
    PREFIXES
        .iter()
        .find(|(prefix, _)| word.starts_with(prefix))
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
