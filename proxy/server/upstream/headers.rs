//! Which headers cross the proxy: short allow-lists, in both directions.

use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{CONTENT_TYPE, ETAG, EXPIRES, LAST_MODIFIED, RETRY_AFTER, WWW_AUTHENTICATE},
};

/// Some forges answer git only to names that begin with `git/`.
pub const USER_AGENT: &str = concat!("git/2.40.0 (exeat ", env!("CARGO_PKG_VERSION"), ")");

/// Headers of an upstream's answer that reach the client besides WWW-Authenticate. No cookies,
/// nothing that leads elsewhere (Location, Link, Alt-Svc, Refresh).
const RELAYED: [HeaderName; 5] = [CONTENT_TYPE, EXPIRES, RETRY_AFTER, ETAG, LAST_MODIFIED];

/// Copies what may be relayed of an upstream's response headers.
pub fn relay(from: &HeaderMap, to: &mut HeaderMap) {
    for name in RELAYED {
        if let Some(value) = from.get(&name) {
            to.insert(name, value.clone());
        }
    }
    for value in unsigned_in(from) {
        to.append(WWW_AUTHENTICATE, value);
    }
}

/// Every WWW-Authenticate line, separately, except those that would sign in a connection: NTLM and
/// Negotiate bind the user to a connection, and connections to an upstream are shared.
pub fn unsigned_in(from: &HeaderMap) -> Vec<HeaderValue> {
    from.get_all(WWW_AUTHENTICATE)
        .iter()
        .filter(|value| !binds_connection(value))
        .cloned()
        .collect()
}

fn binds_connection(value: &HeaderValue) -> bool {
    let Ok(text) = value.to_str() else {
        return true;
    };
    let scheme = text.split([' ', ',']).next().unwrap_or_default();
    scheme.eq_ignore_ascii_case("ntlm") || scheme.eq_ignore_ascii_case("negotiate")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connection_bound_schemes_are_removed_and_others_kept_apart() {
        let mut from = HeaderMap::new();
        for value in [
            "Basic realm=\"a\"",
            "Negotiate",
            "NTLM TlRM",
            "ntlm",
            "Bearer",
        ] {
            from.append(WWW_AUTHENTICATE, HeaderValue::from_static(value));
        }
        let kept = unsigned_in(&from);
        assert_eq!(kept, ["Basic realm=\"a\"", "Bearer"]);
    }

    #[test]
    fn nothing_else_is_relayed() {
        let mut from = HeaderMap::new();
        for name in ["set-cookie", "location", "alt-svc", "refresh", "x-anything"] {
            from.append(name, HeaderValue::from_static("x"));
        }
        from.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
        let mut to = HeaderMap::new();
        relay(&from, &mut to);
        assert_eq!(to.len(), 1);
    }
}
