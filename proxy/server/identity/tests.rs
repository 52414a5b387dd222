//! Credentials: what is read of them, what is refused, and that none is told.

use base64::{Engine, prelude::BASE64_STANDARD};
use http::HeaderMap;

use super::*;

fn key() -> FingerprintKey {
    FingerprintKey::new([7; 32])
}

fn read(values: &[&str]) -> Result<Actor, Error> {
    let mut headers = HeaderMap::new();
    for value in values {
        headers.append(AUTHORIZATION, value.parse().unwrap());
    }
    Actor::read(&headers, "127.0.0.1".parse().unwrap(), &key())
}

fn basic(user: &str, password: &str) -> String {
    format!(
        "Basic {}",
        BASE64_STANDARD.encode(format!("{user}:{password}"))
    )
}

fn github_token() -> String {
    format!("gh{}_{}", 'p', "A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8")
}

fn forge(value: &str) -> Option<Forge> {
    read(&[value]).unwrap().credential.unwrap().forge
}

#[test]
fn tokens_are_known_wherever_they_stand() {
    let token = github_token();
    assert_eq!(forge(&basic("me", &token)), Some(Forge::GitHub));
    assert_eq!(forge(&basic(&token, "")), Some(Forge::GitHub));
    assert_eq!(forge(&basic(&token, "x-oauth-basic")), Some(Forge::GitHub));
    assert_eq!(forge(&format!("Bearer {token}")), Some(Forge::GitHub));
    assert_eq!(forge(&format!("token {token}")), Some(Forge::GitHub));
    let gitlab = format!("gl{}-{}", "pat", "A1b2C3d4E5f6G7h8I9j0");
    assert_eq!(forge(&basic("oauth2", &gitlab)), Some(Forge::GitLab));
    assert_eq!(forge(&basic("me", "a plain password")), None);
}

#[test]
fn a_token_goes_to_its_own_forge_only() {
    let actor = read(&[&basic("me", &github_token())]).unwrap();
    assert!(actor.fits(Forge::GitHub, "github.com").is_ok());
    for forge in [Forge::GitLab, Forge::Gitea, Forge::Bitbucket, Forge::Other] {
        let refused = actor.fits(forge, "elsewhere").unwrap_err();
        assert!(refused.to_string().contains("forge = \"github\""));
    }
    let plain = read(&[&basic("me", "a plain password")]).unwrap();
    assert!(plain.fits(Forge::Other, "elsewhere").is_ok());
}

#[test]
fn nothing_of_a_credential_is_told() {
    let token = github_token();
    for value in [
        basic("me", &token),
        basic(&token, ""),
        format!("Bearer {token}"),
    ] {
        let actor = read(&[&value]).unwrap();
        let shown = format!("{actor:?}");
        assert!(!shown.contains(&token), "{shown}");
        assert!(!shown.contains(value.split(' ').nth(1).unwrap()), "{shown}");
    }
    let claimed = read(&[&basic(&token, "")]).unwrap().credential.unwrap();
    assert_eq!(claimed.claimed, None);
    let claimed = read(&[&basic("me\x1b[2J", "p")])
        .unwrap()
        .credential
        .unwrap();
    assert_eq!(claimed.claimed.as_deref(), Some("me\\x1b[2J"));
}

#[test]
fn what_signs_in_a_connection_cannot_pass() {
    for value in ["NTLM TlRMTVNTUAAB", "Negotiate YIIG", "nEgOtIaTe x"] {
        assert!(
            matches!(read(&[value]), Err(Error::ConnectionBound(_))),
            "{value}"
        );
    }
}

#[test]
fn odd_headers_are_refused() {
    let one = basic("a", "b");
    assert_eq!(read(&[&one, &one]).unwrap_err(), Error::Several);
    for value in ["Basic", "Basic !!!", "Basic YQ==", "Ba/sic YTpi"] {
        assert_eq!(read(&[value]).unwrap_err(), Error::Malformed, "{value}");
    }
}

#[test]
fn a_token_names_its_forge_wherever_it_stands() {
    let token = github_token();
    let atlassian = format!("ATATT3{}", "xFfGF0a1b2c3d4e5".repeat(4));
    for credential in [
        format!("Token token=\"{token}\""),
        format!("Bearer \"{token}\""),
        format!("Digest realm=a, username={token}"),
        basic("ada", &format!("x:{token}")),
        basic(&format!(" {token}"), "x"),
        basic("ada@example.com", &atlassian),
    ] {
        let actor = read(&[&credential]).unwrap();
        assert!(
            actor.fits(Forge::Other, "forge.example").is_err(),
            "{credential}"
        );
    }
    let other = basic("ada", "my-own-ghp_passphrase-of-words");
    assert!(
        read(&[&other])
            .unwrap()
            .fits(Forge::Other, "forge.example")
            .is_ok()
    );
}

#[test]
fn a_token_without_a_prefix_is_no_name_either() {
    let claimed = |user: &str| {
        read(&[&basic(user, "x")])
            .unwrap()
            .credential
            .unwrap()
            .claimed
    };
    assert_eq!(claimed(&"0123456789abcdef".repeat(2)), None);
    assert_eq!(
        claimed("ada.lovelace-1843@example.com").as_deref(),
        Some("ada.lovelace-1843@example.com")
    );
    assert_eq!(
        claimed("adalovelaceofthemachines").as_deref(),
        Some("adalovelaceofthemachines")
    );
}

#[test]
fn one_credential_in_other_clothes_is_one() {
    let hash = |value: &str| read(&[value]).unwrap().credential_hash().to_owned();
    let plain = basic("ada", "words");
    let known = key().keyed_hash("credential", plain.as_bytes());
    assert_eq!(hash(&plain), known);
    for other in [
        plain.replace("Basic", "basic"),
        plain.replace("Basic", "BASIC"),
        plain.replace("Basic ", "Basic   "),
        format!(" {plain} "),
    ] {
        assert_eq!(hash(&other), known, "{other}");
    }
    assert_eq!(hash("bearer abc"), hash("Bearer  abc"));
    assert_ne!(hash("Bearer abc"), hash("Bearer ABC"));
    assert_ne!(hash("Bearer abc"), hash("token abc"));
    assert!(read(&[" abc"]).is_err());
}
