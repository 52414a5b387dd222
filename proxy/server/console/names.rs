//! By which names the console answers: a page that another name leads here is not ours, and may be somebody's trap.
//!
//! A browser sends the name that it looked up. Who owns a name can let it lead to any address (DNS rebinding); refusing all names
//! but ours is what stands against that (RFC 9110 section 7.4). Tokens are in a header that pages elsewhere cannot set, and
//! cookies are not read, so `Origin` is one more lock, not the only one.

use std::net::{IpAddr, SocketAddr};

use http::{HeaderMap, StatusCode, header, request::Parts};
use url::Url;

use super::problem::Problem;

/// The authorities and origins of one listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    /// As a `Host` header would hold them.
    hosts: Vec<String>,
    /// As an `Origin` header would.
    origins: Vec<String>,
}

impl Names {
    /// Those of a listener at `bound` that people reach by `url`, if it has one.
    pub fn new(url: Option<&Url>, bound: SocketAddr, tls: bool) -> Self {
        let mut names = Self {
            hosts: Vec::new(),
            origins: Vec::new(),
        };
        if let Some(url) = url
            && let Some(host) = url.host_str()
        {
            let port = url.port_or_known_default().unwrap_or_default();
            names.add(url.scheme(), host, port);
        }
        let scheme = if tls { "https" } else { "http" };
        let ip = bound.ip();
        if !ip.is_unspecified() {
            names.add(scheme, &bracketed(ip), bound.port());
        }
        if ip.is_loopback() || ip.is_unspecified() {
            for near in ["localhost", "127.0.0.1", "[::1]"] {
                names.add(scheme, near, bound.port());
            }
        }
        names
    }

    fn add(&mut self, scheme: &str, host: &str, port: u16) {
        let usual = if scheme == "https" { 443 } else { 80 };
        self.hosts.push(format!("{host}:{port}"));
        if port == usual {
            self.hosts.push(host.to_owned());
            self.origins.push(format!("{scheme}://{host}"));
        } else {
            self.origins.push(format!("{scheme}://{host}:{port}"));
        }
    }

    /// Whether a request is for us and of us.
    ///
    /// # Errors
    /// With what it is not.
    pub(super) fn check(&self, request: &Parts) -> Result<(), Problem> {
        // HTTP/2 and absolute targets name it in the target; that both agree has been judged where HTTP/1 is read.
        let target = request.uri.authority().map(http::uri::Authority::as_str);
        let named = single(&request.headers, header::HOST)?;
        let is_ours = |name: &str| {
            self.hosts
                .iter()
                .any(|host| host.eq_ignore_ascii_case(name))
        };
        let named = [target, named];
        if named.iter().all(Option::is_none) || !named.into_iter().flatten().all(is_ours) {
            return Err(Problem::new(
                StatusCode::MISDIRECTED_REQUEST,
                "other-host",
                "This is not the host you asked for",
                "The console answers to the host of console.url only. Ask it by that name.",
            ));
        }
        let origin = single(&request.headers, header::ORIGIN)?;
        let is_own = |origin: &str| self.origins.iter().any(|own| own == origin);
        match origin {
            Some(origin) if !is_own(origin) => Err(Problem::new(
                StatusCode::FORBIDDEN,
                "other-origin",
                "Pages of other origins may not ask here",
                "Only programs and the console's own pages may.",
            )),
            Some(_) | None => Ok(()),
        }
    }
}

fn single(headers: &HeaderMap, name: header::HeaderName) -> Result<Option<&str>, Problem> {
    let mut values = headers.get_all(&name).iter();
    let first = values.next().map(|value| value.to_str());
    match (first, values.next()) {
        (None, _) => Ok(None),
        (Some(Ok(value)), None) => Ok(Some(value)),
        _ => Err(Problem::bad(format!("The header {name} is malformed."))),
    }
}

fn bracketed(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn check(names: &Names, fields: &[(&str, &str)], target: &str) -> u16 {
        let mut request = Request::builder().uri(target);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        names
            .check(&parts)
            .map_or_else(|problem| problem.status, |()| 200)
    }

    #[test]
    fn it_answers_to_its_own_names_with_their_ports() {
        let url = Url::parse("https://exeat.bank.example").unwrap();
        let names = Names::new(Some(&url), "10.0.0.1:8444".parse().unwrap(), true);
        for (host, status) in [
            ("exeat.bank.example", 200),
            ("Exeat.Bank.Example:443", 200),
            ("10.0.0.1:8444", 200),
            ("exeat.bank.example:8444", 421),
            ("10.0.0.1", 421),
            ("localhost:8444", 421),
            ("127.0.0.1:8444", 421),
            ("evil.example", 421),
            ("exeat.bank.example.evil.example", 421),
            ("a@exeat.bank.example", 421),
            ("exeat.bank.example.", 421),
            ("", 421),
        ] {
            assert_eq!(check(&names, &[("host", host)], "/"), status, "{host}");
        }
        assert_eq!(check(&names, &[], "/"), 421);
        assert_eq!(check(&names, &[], "https://exeat.bank.example/"), 200);
        assert_eq!(check(&names, &[], "https://evil.example/"), 421);
        let two = [
            ("host", "exeat.bank.example"),
            ("host", "exeat.bank.example"),
        ];
        assert_eq!(check(&names, &two, "/"), 400);
    }

    #[test]
    fn on_this_machine_it_answers_to_loopback_names() {
        for bound in ["127.0.0.1:81", "0.0.0.0:81", "[::]:81", "[::1]:81"] {
            let names = Names::new(None, bound.parse().unwrap(), false);
            for host in ["localhost:81", "127.0.0.1:81", "[::1]:81"] {
                assert_eq!(check(&names, &[("host", host)], "/"), 200, "{bound} {host}");
            }
            assert_eq!(check(&names, &[("host", "localhost")], "/"), 421);
        }
    }

    #[test]
    fn pages_from_elsewhere_are_refused() {
        let url = Url::parse("https://exeat.bank.example").unwrap();
        let names = Names::new(Some(&url), "127.0.0.1:8444".parse().unwrap(), true);
        for (origin, status) in [
            ("https://exeat.bank.example", 200),
            ("https://localhost:8444", 200),
            ("http://exeat.bank.example", 403),
            ("https://exeat.bank.example:8444", 403),
            ("https://evil.example", 403),
            ("null", 403),
            ("", 403),
        ] {
            let fields = [("host", "exeat.bank.example"), ("origin", origin)];
            assert_eq!(check(&names, &fields, "/"), status, "{origin}");
        }
    }
}
