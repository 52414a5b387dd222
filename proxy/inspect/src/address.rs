//! Mail addresses as commits hold them, and the domains that they may be of.

use std::fmt;

/// Bytes of an address; RFC 5321 section 4.5.3.1 leaves room for 64 and 255 beside the `@`.
const LONGEST: usize = 320;

/// A mail address: one `@`, no blanks, no control characters, no angle brackets. Equal where the domains are the same
/// in any ASCII case and the parts before them are the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    local: Vec<u8>,
    /// In lower case.
    domain: Vec<u8>,
}

impl Address {
    /// Reads an address that stands alone. Quoted local parts with an `@` are none: who reads them reads them differently.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let odd = |byte: &u8| *byte <= b' ' || *byte == 0x7f || matches!(*byte, b'<' | b'>');
        if text.len() > LONGEST || text.iter().any(odd) {
            return None;
        }
        let mut parts = text.split(|&byte| byte == b'@');
        match (parts.next(), parts.next(), parts.next()) {
            (Some(local), Some(domain), None) if !local.is_empty() && !domain.is_empty() => {
                Some(Self {
                    local: local.to_vec(),
                    domain: domain.to_ascii_lowercase(),
                })
            }
            _ => None,
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (local, domain) = (&self.local, &self.domain);
        let text = String::from_utf8_lossy;
        write!(formatter, "{}@{}", text(local), text(domain))
    }
}

/// Domains of addresses: one, or those below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailDomain {
    /// In lower case.
    name: String,
    /// Every domain below it, and not itself.
    below: bool,
}

impl MailDomain {
    /// `bank.example` is that one; `.bank.example` and `*.bank.example` are all below it. Letters, digits, dashes and dots.
    pub fn parse(text: &str) -> Option<Self> {
        let below = text.strip_prefix("*.").or_else(|| text.strip_prefix('.'));
        let name = below.unwrap_or(text);
        let label = |label: &str| {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
            !label.is_empty() && label.bytes().all(plain)
        };
        (name.len() < LONGEST && name.split('.').all(label)).then(|| Self {
            name: name.to_ascii_lowercase(),
            below: below.is_some(),
        })
    }

    /// Whether the address is of such a domain.
    pub fn holds(&self, address: &Address) -> bool {
        let name = self.name.as_bytes();
        match self.below {
            false => address.domain == name,
            true => {
                let above = address.domain.strip_suffix(name);
                above.is_some_and(|above| above.len() > 1 && above.ends_with(b"."))
            }
        }
    }
}

impl fmt::Display for MailDomain {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.below { "*." } else { "" };
        write!(formatter, "{sign}{}", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_hold_their_own_or_those_below() {
        let holds = |domain: &str, address: &str| {
            let address = Address::parse(address.as_bytes());
            address.is_some_and(|address| MailDomain::parse(domain).unwrap().holds(&address))
        };
        assert!(holds("bank.example", "a@Bank.Example"));
        for other in [
            "a@x.bank.example",
            "a@evilbank.example",
            "a@bank.example.",
            "a@bank.example@x",
        ] {
            assert!(!holds("bank.example", other), "{other}");
        }
        for below in [".bank.example", "*.Bank.example"] {
            assert!(holds(below, "a@x.bank.example") && holds(below, "a@x.y.bank.example"));
            assert!(!holds(below, "a@bank.example") && !holds(below, "a@.bank.example"));
            assert!(!holds(below, "a@xbank.example"));
        }
        for wrong in ["", ".", "*", "*.", "a..b", "a@b", "b.", "a b"] {
            assert_eq!(MailDomain::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_no_address() {
        for wrong in [
            "", "a", "@b", "a@", "a@b@c", "a b@c", "<a@b>", "a@b\n", "a\0@b",
        ] {
            assert_eq!(Address::parse(wrong.as_bytes()), None, "{wrong}");
        }
        assert!(Address::parse("\u{e4}@b".as_bytes()).is_some());
        assert_ne!(Address::parse(b"A@b"), Address::parse(b"a@b"));
    }
}
