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

/// The seconds that an upstream asks to wait, where it gives a number of them.
pub fn retry_after(from: &HeaderMap) -> Option<u64> {
    from.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()
}

/// Every WWW-Authenticate line, separately, without the challenges that would sign in a connection: NTLM
/// and Negotiate bind the user to a connection, and connections to an upstream are shared.
pub fn unsigned_in(from: &HeaderMap) -> Vec<HeaderValue> {
    from.get_all(WWW_AUTHENTICATE)
        .iter()
        .filter_map(without_connection_bound)
        .collect()
}

/// One line may hold several challenges, and the parameters of a challenge are separated by commas as the
/// challenges are (RFC 9110 section 11.6.1). A line that is not text is left out.
fn without_connection_bound(value: &HeaderValue) -> Option<HeaderValue> {
    let text = value.to_str().ok()?;
    let mut kept: Vec<&str> = Vec::new();
    let mut bound = false;
    let mut removed = false;
    for part in parts(text) {
        let first = part.split([' ', '\t']).next().unwrap_or_default();
        // A parameter has its equals sign within its first word, `a = b` apart; token68 follows a space.
        let rest = part.get(first.len()..).unwrap_or_default().trim_start();
        // Clients take these names for challenges whatever comes behind the space.
        let names_bound =
            first.eq_ignore_ascii_case("ntlm") || first.eq_ignore_ascii_case("negotiate");
        let is_parameter = first.contains('=') || rest.starts_with('=');
        if names_bound || !is_parameter {
            bound = names_bound;
        }
        match bound {
            true => removed = true,
            false => kept.push(part),
        }
    }
    match (removed, kept.is_empty()) {
        (false, _) => Some(value.clone()),
        (true, true) => None,
        (true, false) => HeaderValue::from_str(&kept.join(", ")).ok(),
    }
}

/// The text between commas that do not stand within quotes.
fn parts(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut start = 0;
    let mut quoted = false;
    let mut escaped = false;
    for (at, character) in text.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            ',' if !quoted => {
                parts.push(text.get(start..at).unwrap_or_default());
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(text.get(start..).unwrap_or_default());
    parts.retain(|part| !part.trim().is_empty());
    parts.iter().map(|part| part.trim()).collect()
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
    fn connection_bound_challenges_are_taken_out_of_a_shared_line() {
        let left = |text: &'static str| {
            let mut from = HeaderMap::new();
            from.append(WWW_AUTHENTICATE, HeaderValue::from_static(text));
            let kept = unsigned_in(&from).into_iter().next();
            kept.map(|value| value.to_str().unwrap().to_owned())
        };
        let basic = "Basic realm=\"a, Negotiate\", charset=\"UTF-8\"";
        assert_eq!(left(basic).as_deref(), Some(basic));
        for line in [
            "Basic realm=\"a, Negotiate\", charset=\"UTF-8\", Negotiate",
            "Negotiate, Basic realm=\"a, Negotiate\", charset=\"UTF-8\"",
            "NTLM TlRM, x = \"y\",, Basic realm=\"a, Negotiate\", charset=\"UTF-8\" , negotiate\tab==",
        ] {
            assert_eq!(left(line).as_deref(), Some(basic), "{line}");
        }
        assert_eq!(left("Negotiate, NTLM"), None);
        for odd in ["NTLM  = \"y\"", "Basic realm=\"a\", negotiate = x"] {
            let kept = left(odd).unwrap_or_default().to_ascii_lowercase();
            assert!(
                !kept.contains("ntlm") && !kept.contains("negotiate"),
                "{kept}"
            );
        }
        assert_eq!(left("\tNegotiate"), None);
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
