//! Which mail addresses are written to: plain ones, that mean the same in every header and command they stand in.

/// Bytes of an address without its angle brackets, and of the part before the `@` (RFC 5321 section 4.5.3.1).
const LONGEST: usize = 254;
const LONGEST_LOCAL: usize = 64;

/// Whether an address is a dot-atom and a domain of letters, digits and dashes (RFC 5322 section 3.2.3): nothing quoted, no
/// comment, no address literal, nothing beyond ASCII.
pub fn is_mail_address(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else {
        return false;
    };
    let atom = |atom: &str| {
        let plain =
            |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte);
        !atom.is_empty() && atom.bytes().all(plain)
    };
    let label = |label: &str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        let edged = label.starts_with('-') || label.ends_with('-');
        (1..=63).contains(&label.len()) && !edged && label.bytes().all(plain)
    };
    text.len() <= LONGEST
        && local.len() <= LONGEST_LOCAL
        && local.split('.').all(atom)
        && domain.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_addresses_are_written_to_and_nothing_else() {
        for good in [
            "ada@bank.example",
            "a.b+c@x.example",
            "o'neil@localhost",
            "49+bot@users.example",
        ] {
            assert!(is_mail_address(good), "{good}");
        }
        for bad in [
            "",
            "ada",
            "@x",
            "ada@",
            "a b@x.example",
            "a@x.example\r\nBcc: b@x.example",
            "a@x.example\n",
            "<a@x.example>",
            "\"a\"@x.example",
            "a@[127.0.0.1]",
            "a@-x.example",
            "a..b@x.example",
            ".a@x.example",
            "\u{e4}@x.example",
            "a@\u{e4}.example",
            "a,b@x.example",
            "a@x..example",
            &format!("{}@x.example", "a".repeat(65)),
            &format!("a@{}", "b.".repeat(130)),
        ] {
            assert!(!is_mail_address(bad), "{bad}");
        }
    }
}
