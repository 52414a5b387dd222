//! A token of ours on a request of git, in the header `Exeat-Token`. It is for us alone, and goes nowhere.

use std::fmt;

use http::{HeaderMap, HeaderName};

use super::Error;

/// `git config http.<proxy>.extraHeader "Exeat-Token: ..."`.
pub const HEADER: HeaderName = HeaderName::from_static("exeat-token");

/// What stands in the header, not looked at yet.
#[derive(Clone)]
pub struct Presented(String);

impl Presented {
    pub(super) fn read(headers: &HeaderMap) -> Result<Option<Self>, Error> {
        let mut values = headers.get_all(HEADER).iter();
        let Some(value) = values.next() else {
            return Ok(None);
        };
        if values.next().is_some() {
            return Err(Error::SeveralTokens);
        }
        // What is no text is no token.
        Ok(Some(Self(value.to_str().unwrap_or_default().to_owned())))
    }

    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Presented {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Presented(..)")
    }
}
