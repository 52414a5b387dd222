//! Entry points for fuzzers of what the server reads of strangers: each also checks what must hold for any input.

use std::{net::Ipv4Addr, sync::LazyLock};

use exeat_gitwire::fuzz_targets::Target;
use exeat_inspect::FingerprintKey;
use http::{
    HeaderMap, HeaderValue, Method, Request, Uri,
    header::{AUTHORIZATION, HOST, WWW_AUTHENTICATE},
};

use crate::{
    config::{Config, Disposition, Forge},
    door::{self, Errand},
    gzip,
    identity::{self, Actor},
    lfs,
    listen::strict::{Step, Strict},
    people::Account,
    policy, push,
    upstream::{self, Upstreams},
};

/// Every target with its name, which is that of its corpus.
pub const TARGETS: &[Target] = &[
    ("http1", http1),
    ("gzip_body", gzip_body),
    ("door", door),
    ("config_file", config_file),
    ("policy_file", policy_file),
    ("credential", credential),
    ("forge_user", forge_user),
    ("challenge", challenge),
    ("lfs_batch", lfs_batch),
    ("push", push),
    ("push_options", crate::push::fuzz_options),
    ("quarantined", crate::quarantine::fuzz),
    ("smtp_reply", crate::notify::fuzz),
];

/// A configuration with two forges, one of them at a host of its own.
fn served() -> &'static (Config, Upstreams) {
    static SERVED: LazyLock<(Config, Upstreams)> = LazyLock::new(|| {
        let text = "[upstream.forge]\nurl = \"https://forge.example\"\nhost = \"forge.exeat.example\"\n\
                    [upstream.other]\nurl = \"https://other.example\"\nforge = \"github\"\n";
        let read = Config::of_text(text).map(|(config, _)| config);
        let config = read.expect("because the text above is a valid configuration");
        let upstreams = Upstreams::new(&config.upstreams, &config.limits);
        let upstreams = upstreams.expect("because the forges above need nothing from outside");
        (config, upstreams)
    });
    &SERVED
}

/// What a forge says of a user, behind a byte for which forge it is: an id that an account can have, or nobody.
pub fn forge_user(data: &[u8]) {
    let Some((forge, answer)) = data.split_first() else {
        return;
    };
    let forges = [Forge::GitHub, Forge::GitLab, Forge::Gitea, Forge::Bitbucket];
    let forge = forges[usize::from(*forge) % forges.len()];
    if let Some(id) = identity::account(forge, answer) {
        assert!(Account::new("forge", &id).is_ok());
        assert_eq!(identity::account(forge, answer), Some(id));
    }
}

/// Bytes of an HTTP/1 connection: in any pieces the same is refused, what passes is what came, and passes again.
pub fn http1(data: &[u8]) {
    let (passed, sound) = judged(data, data.len().max(1));
    let (by_one, sound_by_one) = judged(data, 1);
    assert_eq!(sound, sound_by_one);
    // Of what is refused, the pieces before it may have passed.
    assert!(by_one.starts_with(&passed) && (!sound || by_one == passed));
    assert!(data.starts_with(&by_one));
    if sound {
        assert!(judged(&passed, 7).1);
    }
}

fn judged(data: &[u8], size: usize) -> (Vec<u8>, bool) {
    let mut strict = Strict::default();
    let mut passed = Vec::new();
    for mut piece in data.chunks(size) {
        while !piece.is_empty() {
            let used = match strict.step(piece) {
                Ok(Step::Pass(used)) => {
                    passed.extend(piece.get(..used).unwrap_or_default());
                    used
                }
                Ok(Step::Head(used)) => {
                    passed.extend(strict.take_head());
                    used
                }
                Ok(Step::Held(used)) => used,
                Err(_) => return (passed, false),
            };
            assert!(used > 0 && used <= piece.len());
            piece = piece.get(used..).unwrap_or_default();
        }
    }
    (passed, true)
}

/// A compressed body.
pub fn gzip_body(data: &[u8]) {
    gzip::fuzzed(data);
}

/// A request line and a host, one on each line: what is let in has a path that no server reads in another way.
pub fn door(data: &[u8]) {
    let mut lines = data.split(|byte| *byte == b'\n');
    let mut words = lines.next().unwrap_or_default().split(|byte| *byte == b' ');
    let method = Method::from_bytes(words.next().unwrap_or_default());
    let target = Uri::try_from(words.next().unwrap_or_default());
    let (Ok(method), Ok(target)) = (method, target) else {
        return;
    };
    let mut request = Request::new(());
    *request.method_mut() = method;
    *request.uri_mut() = target;
    for line in lines {
        if let Ok(host) = HeaderValue::from_bytes(line) {
            request.headers_mut().append(HOST, host);
        }
    }
    let (_, upstreams) = served();
    let knock = match door::open(&request.into_parts().0, upstreams) {
        Ok(knock) => knock,
        Err(shut) => {
            assert!(shut.status.is_client_error());
            assert!(shut.text.bytes().all(|byte| matches!(byte, b' '..=b'~')));
            return;
        }
    };
    let mut paths = vec![knock.repository.encoded()];
    if let Errand::DumbFetch(file) = &knock.errand {
        paths.push(file.join("/"));
    }
    for path in paths {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~@+%/".contains(&byte);
        assert!(path.bytes().all(plain), "{path}");
        let odd = |part: &str| matches!(part, "" | "." | "..");
        assert!(!path.split('/').any(odd), "{path}");
        for hidden in ["%2F", "%5C", "%25", "%00", "%0A", "%3B"] {
            assert!(!path.contains(hidden), "{path}");
        }
        let url = format!("https://forge.example/{path}/info/refs");
        let url: Uri = url.parse().expect("because the path is plain");
        assert_eq!(url.host(), Some("forge.example"));
    }
    let shown = knock.repository.to_string();
    assert!(shown.bytes().all(|byte| matches!(byte, b' '..=b'~')));
}

/// A configuration file: refused, or one whose own words give it again.
pub fn config_file(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let Ok((config, warnings)) = Config::of_text(&text) else {
        return;
    };
    warnings
        .iter()
        .for_each(|warning| drop(warning.to_string()));
    let shown = config.show();
    if let Ok((again, _)) = Config::of_text(&shown) {
        assert_eq!(again.show(), shown);
    }
}

/// A policy file: refused in plain words, or one that judges every push the same way twice, and as it is explained.
pub fn policy_file(data: &[u8]) {
    let source = policy::file::Text {
        name: "policy.toml".to_owned(),
        text: String::from_utf8_lossy(data).into_owned(),
    };
    let read = || policy::file::read(std::slice::from_ref(&source), &served().0);
    let (book, warnings) = match read() {
        Ok(read) => read,
        Err(error) => {
            let plain = |byte: u8| matches!(byte, b' '..=b'~' | b'\n');
            assert!(error.to_string().bytes().all(plain), "{error}");
            assert!(error.0.iter().all(|problem| problem.line > 0));
            return;
        }
    };
    for warning in warnings {
        assert!(
            warning
                .to_string()
                .bytes()
                .all(|byte| matches!(byte, b' '..=b'~'))
        );
    }
    let updates = [policy::Update {
        name: b"refs/heads/main",
        change: policy::Change::Unknown,
    }];
    let push = policy::Push {
        upstream: "forge",
        repository: "org/repo.wiki",
        updates: &updates,
    };
    let facts = policy::Facts::default();
    let clean = exeat_inspect::Report::default();
    let verdict = policy::judge(push, &clean, &facts, &book);
    let again = read().map(|(again, _)| policy::judge(push, &clean, &facts, &again));
    let again = again.expect("because it was read before");
    assert_eq!(verdict.reasons(), again.reasons());
    let told = policy::explain::explain(push, &facts, Default::default(), &book);
    let strongest = verdict.reasons().iter().map(|reason| reason.disposition);
    assert_eq!(
        told.verdict,
        strongest.max().unwrap_or(Disposition::Forward)
    );
    if policy::denied(push, &facts, &book).is_some() {
        assert_eq!(told.verdict, Disposition::Refuse);
    }
}

/// An Authorization header: never told, and bound to the forge that its form names.
pub fn credential(data: &[u8]) {
    let Ok(value) = HeaderValue::from_bytes(data) else {
        return;
    };
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, value);
    let key = FingerprintKey::new([7; 32]);
    let actor = match Actor::read(&headers, Ipv4Addr::LOCALHOST.into(), &key) {
        Ok(actor) => actor,
        Err(error) => {
            let text = error.to_string();
            assert!(text.bytes().all(|byte| matches!(byte, b' '..=b'~')));
            return;
        }
    };
    let credential = actor.credential.as_ref();
    let credential = credential.expect("because there was a header");
    assert!(credential.header.is_sensitive());
    let claimed = credential.claimed.as_deref().unwrap_or_default();
    assert!(claimed.bytes().all(|byte| matches!(byte, b' '..=b'~')));
    for forge in [Forge::GitHub, Forge::GitLab, Forge::Gitea, Forge::Bitbucket] {
        let presented = identity::presented(forge, &credential.header);
        assert!(presented.is_none_or(|header| header.is_sensitive()));
    }
    for upstream in ["forge", "other"] {
        let forge = served().1.by_name(upstream).map(|upstream| upstream.forge);
        let forge = forge.expect("because it is configured");
        let fits = actor.fits(forge, upstream).is_ok();
        assert_eq!(fits, credential.forge.is_none_or(|named| named == forge));
    }
}

/// An upstream's WWW-Authenticate: what is kept is kept again, and signs in no connection.
pub fn challenge(data: &[u8]) {
    let Ok(value) = HeaderValue::from_bytes(data) else {
        return;
    };
    let mut headers = HeaderMap::new();
    headers.insert(WWW_AUTHENTICATE, value);
    let kept = upstream::unsigned_in(&headers);
    for value in kept {
        let text = value.to_str().expect("because only text is kept");
        let first = text.trim_start_matches([' ', '\t', ',']);
        let first = first.split([' ', '\t', ',']).next().unwrap_or_default();
        let bound = ["ntlm", "negotiate"];
        assert!(
            !bound.iter().any(|name| first.eq_ignore_ascii_case(name)),
            "{text}"
        );
        let mut again = HeaderMap::new();
        again.insert(WWW_AUTHENTICATE, value.clone());
        assert_eq!(upstream::unsigned_in(&again), [value]);
    }
}

/// A batch that goes on holds nothing but fixed words, digits and ids.
pub fn lfs_batch(data: &[u8]) {
    let Some(batch) = lfs::rewritten(data) else {
        return;
    };
    assert_eq!(lfs::rewritten(&batch).as_ref(), Some(&batch));
    let text = String::from_utf8_lossy(&batch);
    let frame = "{\"operation\":\"download\",\"transfers\":[\"basic\"],\"objects\":[";
    assert!(text.starts_with(frame) && text.ends_with("]}"), "{text}");
    let known = "{}[]\",:oidsize0123456789abcdef";
    let rest = text.get(frame.len()..).unwrap_or_default();
    assert!(rest.chars().all(|letter| known.contains(letter)), "{text}");
}

/// A push, inspected, judged and told of.
pub fn push(data: &[u8]) {
    let (config, upstreams) = served();
    push::fuzzed::push(data, config, upstreams);
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use exeat_gitwire::fuzz_targets::corpus;

    #[test]
    fn every_parser_of_hostile_bytes_stands_any() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("proxy/server/fuzz/corpus");
        for (name, target) in super::TARGETS {
            corpus::run(&corpus::seeds(&folder.join(name)), 150, *target);
        }
    }
}
