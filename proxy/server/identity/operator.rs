//! Whoever works at this machine, as its kernel knows him.

use crate::audit::{Actor, ActorKind};

/// The user of this number; behind sudo also as sudo says, where that is a login.
pub fn operator(uid: u32, behind: Option<&str>) -> Actor {
    let user = named(uid);
    let name = match behind.filter(|name| is_login(name)) {
        Some(behind) => format!("{user}, sudo by {behind}"),
        None => user,
    };
    Actor {
        kind: ActorKind::Operator,
        name: Some(name),
        verified: true,
        credential: None,
        certificate: None,
        source: None,
        person: None,
        account: None,
    }
}

/// `root (uid 0)`, or the number alone where this machine has no name for it.
pub fn named(uid: u32) -> String {
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid) && is_login(name)).then_some(name)
    });
    match name {
        Some(name) => format!("{name} (uid {uid})"),
        None => format!("uid {uid}"),
    }
}

fn is_login(name: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (1..=32).contains(&name.len()) && name.bytes().all(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_login_is_left_out() {
        let name = |behind| operator(0, behind).name.unwrap();
        assert!(name(Some("ada")).ends_with("(uid 0), sudo by ada"));
        assert!(name(Some("ada\u{1b}[31m")).ends_with("(uid 0)"));
        assert!(name(None).ends_with("(uid 0)"));
        assert_eq!(named(4_294_967_000), "uid 4294967000");
    }
}
