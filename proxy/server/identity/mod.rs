//! Who stands at the door: the credential of a request, held in memory and never told.

mod accepted;
mod forge;
mod known;
pub mod operator;
mod presented;
mod recognition;
mod token_form;
mod unknown;

use std::{fmt, net::IpAddr};

use base64::{Engine, prelude::BASE64_STANDARD};
use exeat_inspect::FingerprintKey;
use http::{HeaderMap, HeaderValue, header::AUTHORIZATION};

pub use accepted::Accepted;
pub use forge::Accounts;
pub(crate) use forge::{account, presented};
pub use known::Known;
pub use presented::Presented;
pub use recognition::Recognition;
pub use unknown::Unknown;

use crate::{audit, config::Forge};

/// Who asks, as far as a request can say. Nothing in it is verified but the certificate: see [`Recognition`].
#[derive(Clone, Debug)]
pub struct Actor {
    pub credential: Option<Credential>,
    /// What came as a token of ours.
    pub presented: Option<Presented>,
    /// Scheme, host and port by which the client calls us, for the commands that it is told.
    pub proxy: String,
    /// Whose client certificate the listener verified, where it asks for one.
    pub certificate: Option<String>,
    pub source: IpAddr,
}

/// An Authorization header on its way to the forge.
#[derive(Clone)]
pub struct Credential {
    /// The header as it came, marked sensitive.
    pub header: HeaderValue,
    /// `basic`, `bearer`, ...
    pub scheme: String,
    /// The user name of a Basic credential, unless it looks like a secret itself.
    pub claimed: Option<String>,
    /// A keyed hash by which two uses of one credential are recognised.
    pub hash: String,
    /// The forge whose token this is, going by its form.
    pub forge: Option<Forge>,
}

impl fmt::Debug for Credential {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Credential")
            .field("scheme", &self.scheme)
            .field("hash", &self.hash)
            .finish_non_exhaustive()
    }
}

/// Why a credential is not passed on.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    #[error("the request has more than one Authorization header")]
    Several,
    #[error(
        "the request has more than one Exeat-Token header; see git config --show-origin --get-all http.extraHeader, \
         and the same for http.<url>.extraHeader"
    )]
    SeveralTokens,
    #[error("the Authorization header is malformed")]
    Malformed,
    /// NTLM and Negotiate authenticate a connection, and connections to the forge are shared.
    #[error("{0} signs in a connection, which cannot pass a proxy; use a token")]
    ConnectionBound(&'static str),
    #[error(
        "the credential has the form of a {token} token and is not sent to {upstream}, which is \
         not known to be {token}; if it is, its entry in the configuration needs forge = \"{key}\""
    )]
    OtherForge {
        token: &'static str,
        key: &'static str,
        upstream: String,
    },
}

impl Actor {
    /// Who brings nothing and comes from this machine.
    pub fn of_ourselves(credential: Option<Credential>) -> Self {
        Self {
            credential,
            presented: None,
            proxy: String::new(),
            certificate: None,
            source: std::net::Ipv4Addr::LOCALHOST.into(),
        }
    }

    /// Reads the credential of a request.
    ///
    /// # Errors
    /// When the header is malformed or of a kind that cannot pass.
    pub fn read(headers: &HeaderMap, source: IpAddr, key: &FingerprintKey) -> Result<Self, Error> {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        let credential = values
            .next()
            .map(|value| Credential::read(value, key))
            .transpose()?;
        if values.next().is_some() {
            return Err(Error::Several);
        }
        Ok(Self {
            credential,
            presented: Presented::read(headers)?,
            proxy: String::new(),
            certificate: None,
            source,
        })
    }

    /// As it is recorded, as long as nobody is known.
    pub fn recorded(&self) -> audit::Actor {
        let credential = self.credential.as_ref();
        let kind = match credential.map(|credential| credential.scheme.as_str()) {
            None => audit::ActorKind::Anonymous,
            Some("basic") => audit::ActorKind::User,
            Some(_) => audit::ActorKind::Token,
        };
        audit::Actor {
            kind,
            name: credential.and_then(|credential| credential.claimed.clone()),
            credential: credential.map(|credential| credential.hash.clone()),
            certificate: self.certificate.clone(),
            source: Some(self.source.to_string()),
            ..audit::Actor::default()
        }
    }

    /// The credential's hash, or a word for its absence.
    pub fn credential_hash(&self) -> &str {
        self.credential
            .as_ref()
            .map_or("anonymous", |credential| &credential.hash)
    }

    /// Refuses to send a credential to a forge that its form does not name.
    ///
    /// # Errors
    /// When the form names another forge than `forge`, the kind of `upstream`.
    pub fn fits(&self, forge: Forge, upstream: &str) -> Result<(), Error> {
        let named = self
            .credential
            .as_ref()
            .and_then(|credential| credential.forge);
        match named {
            Some(named) if named != forge => Err(Error::OtherForge {
                token: token_form::title(named),
                key: token_form::key(named),
                upstream: upstream.to_owned(),
            }),
            _ => Ok(()),
        }
    }
}

impl Credential {
    /// Of the organisation itself. None where it cannot stand in a header.
    pub fn of_organisation(user: &str, token: &[u8], key: &FingerprintKey) -> Option<Self> {
        let plain = [user.as_bytes(), b":", token].concat();
        let text = format!(
            "Basic {}",
            BASE64_STANDARD.encode(zeroize::Zeroizing::new(plain).as_slice())
        );
        Self::read(&HeaderValue::from_str(&text).ok()?, key).ok()
    }

    fn read(value: &HeaderValue, key: &FingerprintKey) -> Result<Self, Error> {
        let text = value.to_str().map_err(|_| Error::Malformed)?;
        let (scheme, rest) = text.trim().split_once(' ').ok_or(Error::Malformed)?;
        let scheme = scheme.to_ascii_lowercase();
        if scheme.is_empty()
            || !scheme.bytes().all(|byte| byte.is_ascii_alphanumeric())
            || scheme.len() > 16
        {
            return Err(Error::Malformed);
        }
        for (name, title) in [("ntlm", "NTLM"), ("negotiate", "Negotiate")] {
            if scheme == name {
                return Err(Error::ConnectionBound(title));
            }
        }
        let (user, secret) = match scheme.as_str() {
            "basic" => basic(rest)?,
            _ => (String::new(), rest.trim().to_owned()),
        };
        let mut header = value.clone();
        header.set_sensitive(true);
        // As git writes it: other capitals or spaces make no other credential, and no other user with a share of its own.
        let (first, others) = scheme.split_at(1);
        let canonical = format!("{}{others} {}", first.to_ascii_uppercase(), rest.trim());
        Ok(Self {
            header,
            claimed: claimed_name(&user, &secret),
            hash: key.keyed_hash("credential", canonical.as_bytes()),
            forge: token_form::forge_of(&user).or_else(|| token_form::forge_of(&secret)),
            scheme,
        })
    }
}

fn basic(encoded: &str) -> Result<(String, String), Error> {
    let decoded = BASE64_STANDARD
        .decode(encoded.trim())
        .map_err(|_| Error::Malformed)?;
    let decoded = String::from_utf8_lossy(&decoded).into_owned();
    let (user, password) = decoded.split_once(':').ok_or(Error::Malformed)?;
    Ok((user.to_owned(), password.to_owned()))
}

/// Tokens without a prefix also stand in the name's place, with any password: a run of twenty letters and digits or more.
fn reads_like_a_token(user: &str) -> bool {
    let run = user.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let digits = user.bytes().any(|byte| byte.is_ascii_digit());
    user.len() >= 20 && run && digits
}

/// The user name, where it can be told: some tools put a token in its place.
fn claimed_name(user: &str, password: &str) -> Option<String> {
    let token_as_name = password.is_empty()
        || matches!(password, "x-oauth-basic" | "x-access-token")
        || token_form::forge_of(user).is_some()
        || reads_like_a_token(user)
        || user.len() > 64;
    (!user.is_empty() && !token_as_name).then(|| exeat_gitwire::text::escape(user.as_bytes()))
}

#[cfg(test)]
mod tests;
