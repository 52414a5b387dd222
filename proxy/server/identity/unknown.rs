//! Why it is not known who pushes where it has to be, and what is to be done about it.

use super::forge;
use crate::people::{self, Account};

/// Nothing in the texts says whose something is, or why a token does not hold.
#[derive(Debug, thiserror::Error)]
pub enum Unknown {
    #[error("the token does not hold")]
    Token,
    #[error("there is no token")]
    NoToken,
    #[error("there is no client certificate")]
    NoCertificate,
    /// With its subject.
    #[error("nobody is known by the certificate")]
    Certificate(String),
    #[error("there is no credential")]
    NoCredential,
    #[error("the forge knows no account by the credential")]
    NoAccount,
    #[error("the forge does not say whose the credential is: {0}")]
    Silent(forge::Error),
    #[error("nobody is known by the account")]
    Account(Account),
    #[error("what came with the push names two persons")]
    TwoPersons,
    #[error("people could not be looked up: {0}")]
    People(#[from] people::Error),
}

impl Unknown {
    /// One word for the metric of refusals.
    pub fn cause(&self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::TwoPersons => "two-persons",
            Self::Silent(_) | Self::People(_) => "pusher-unclear",
            Self::NoToken
            | Self::NoCertificate
            | Self::Certificate(_)
            | Self::NoCredential
            | Self::NoAccount
            | Self::Account(_) => "pusher-unknown",
        }
    }

    /// What the developer reads: what is missing, and the command that mends it. `proxy` is the address that he pushes to.
    pub fn text(&self, upstream: &str, proxy: &str) -> String {
        let (what, mend) = match self {
            Self::Token => (
                "The Exeat token that came with it does not hold.".to_owned(),
                token(proxy),
            ),
            Self::NoToken => (
                format!("A push to {upstream} needs your Exeat token, and there is none."),
                token(proxy),
            ),
            Self::NoCertificate => (
                format!("A push to {upstream} needs your client certificate, and there is none."),
                format!(
                    "Tell git where it is:\n  git config --global http.{proxy}/.sslCert FILE\n  \
                     git config --global http.{proxy}/.sslKey FILE"
                ),
            ),
            Self::Certificate(subject) => (
                "Nobody is known by your client certificate.".to_owned(),
                operator(&format!("--certificate {}", quoted(subject))),
            ),
            Self::Account(account) => (
                format!(
                    "Nobody is known by your account on {upstream}, which has the number {}.",
                    account.id
                ),
                operator(&format!(
                    "--upstream {} --account {}",
                    account.upstream,
                    quoted(&account.id)
                )),
            ),
            Self::NoCredential => (
                format!("A push to {upstream} needs a credential, and git sent none."),
                "Set the remote to an address with your user name, so that git asks for one.".to_owned(),
            ),
            Self::NoAccount => (
                format!("{upstream} does not say whose the credential of this push is."),
                "Tokens of a repository, a deployment or a job belong to no user. Push with a token of \
                 your own that may read your user."
                    .to_owned(),
            ),
            Self::Silent(error) => (
                format!("{upstream} did not say whose the credential of this push is: {error}."),
                "Try again later; if it stays, tell whoever runs Exeat.".to_owned(),
            ),
            Self::TwoPersons => (
                "What came with this push (credential, token, certificate) names two persons."
                    .to_owned(),
                format!(
                    "Push with your own. The token, if there is one, stands here:\n  git config \
                     --show-origin --get-all http.{proxy}/.extraHeader"
                ),
            ),
            Self::People(_) => (
                "Who pushes could not be looked up.".to_owned(),
                "Try again later; if it stays, tell whoever runs Exeat.".to_owned(),
            ),
        };
        format!("{what} Nothing left the company.\n{mend}")
    }
}

/// Typed blind, so that it gets into no history.
fn token(proxy: &str) -> String {
    format!(
        "Whoever runs Exeat gives you one (scope push). Then type it where nobody sees it:\n  \
         read -rs TOKEN\n  \
         git config --global http.{proxy}/.extraHeader \"Exeat-Token: $TOKEN\"; unset TOKEN"
    )
}

fn operator(link: &str) -> String {
    format!("Whoever runs Exeat can say who you are:\n  exeat user link NAME {link}")
}

/// For a shell. Of what is quoted all is printable.
fn quoted(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    match text.bytes().all(plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_text_says_what_to_do() {
        let proxy = "https://exeat.example:8443";
        let text = |unknown: Unknown| unknown.text("github.com", proxy);
        let account = Account::new("github.com", "583231").unwrap();
        for (unknown, expected) in [
            (
                Unknown::NoToken,
                "git config --global http.https://exeat.example:8443/.extraHeader \"Exeat-Token: $TOKEN\"",
            ),
            (Unknown::Token, "read -rs TOKEN\n"),
            (
                Unknown::Account(account),
                "exeat user link NAME --upstream github.com --account 583231",
            ),
            (
                Unknown::Certificate("O=Example, CN=o'neill".into()),
                r"exeat user link NAME --certificate 'O=Example, CN=o'\''neill'",
            ),
            (
                Unknown::NoCertificate,
                "http.https://exeat.example:8443/.sslCert FILE",
            ),
            (
                Unknown::TwoPersons,
                "--get-all http.https://exeat.example:8443/.extraHeader",
            ),
            (Unknown::NoAccount, "a token of your own"),
            (
                Unknown::Silent(forge::Error::Status(503)),
                "it answered 503",
            ),
            (Unknown::NoCredential, "needs a credential"),
        ] {
            let text = text(unknown);
            assert!(text.contains(expected), "{text}");
            assert!(text.contains("Nothing left the company."), "{text}");
            assert!(text.is_ascii() && text.len() < 1000, "{text}");
        }
    }
}
