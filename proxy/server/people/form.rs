//! What names, mail addresses and accounts may look like.

/// Longest display name, description or login, in characters.
const PLAIN: usize = 100;
/// Longest name of a person or group.
const NAME: usize = 64;
/// Longest mail address: RFC 5321, section 4.5.3.1.3, without its angle brackets.
const MAIL: usize = 254;
/// Longest subject of a certificate that is told whole.
const SUBJECT: usize = 1000;

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    #[error(
        "\"{0}\" is no name: at most 64 of a-z, 0-9, \".\", \"_\" and \"-\", a letter or digit first"
    )]
    Name(String),
    #[error("\"{0}\" is no mail address such as ada@bank.example")]
    Mail(String),
    #[error("a {what} has at most 100 characters, at least one, and none that does not print")]
    Plain { what: &'static str },
    #[error("\"{0}\" is no upstream's name: at most 100 of A-Z, a-z, 0-9, \".\", \"_\" and \"-\"")]
    Upstream(String),
    #[error(
        "\"{0}\" is no account id: the number (on Bitbucket the {{uuid}}) by which the forge knows it, not its login"
    )]
    Account(String),
    #[error(
        "\"{0}\" is no certificate's subject, such as O=Example, CN=ada: write it as the log and the audit of the proxy do"
    )]
    Certificate(String),
    #[error("there is no role \"{0}\"; there are {names}", names = super::person::role_names())]
    Role(String),
    #[error(
        "the role {0} holds everywhere; only a reviewer's can be limited, as in reviewer:github.com/org/*"
    )]
    Unlimited(&'static str),
    #[error("\"{pattern}\" is no pattern for repositories: expected {expected}")]
    Pattern {
        pattern: String,
        expected: &'static str,
    },
    #[error("there is no scope \"{0}\"; there are push, read, decide, admin")]
    Scope(String),
    #[error("\"{0}\" is no lifetime from 1h to 366d, such as 90d, 12h or 4w")]
    Lifetime(String),
}

/// A person's or group's own name.
pub(super) fn name(text: &str) -> Result<String, Error> {
    let first = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let later = |byte: &u8| first(byte) || matches!(byte, b'.' | b'_' | b'-');
    let good = text.len() <= NAME
        && text.as_bytes().first().is_some_and(first)
        && text.as_bytes().iter().all(later);
    match good {
        true => Ok(text.to_owned()),
        false => Err(Error::Name(shown(text))),
    }
}

/// A text for people to read: a display name, a description, a login.
pub(super) fn plain(what: &'static str, text: &str) -> Result<String, Error> {
    let text = text.trim();
    let fits = (1..=PLAIN).contains(&text.chars().count());
    match fits && !text.chars().any(deceives) {
        true => Ok(text.to_owned()),
        false => Err(Error::Plain { what }),
    }
}

/// A mail address, and the form in which two are compared: the domain without case, the local part as it is, since only
/// its own domain knows what case means there (RFC 5321, section 2.4).
pub(super) fn mail(text: &str) -> Result<(String, String), Error> {
    let wrong = || Error::Mail(shown(text));
    let (local, domain) = text.rsplit_once('@').ok_or_else(wrong)?;
    let bad = |character: char| {
        deceives(character)
            || character.is_whitespace()
            || matches!(character, '<' | '>' | ',' | ';' | '"')
    };
    let good = !local.is_empty()
        && !domain.is_empty()
        && !local.contains('@')
        && text.len() <= MAIL
        && !text.chars().any(bad);
    match good {
        true => Ok((
            text.to_owned(),
            format!("{local}@{}", domain.to_ascii_lowercase()),
        )),
        false => Err(wrong()),
    }
}

/// The name of an upstream in the configuration.
pub(super) fn upstream(text: &str) -> Result<String, Error> {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    let good = (1..=100).contains(&text.len()) && text.bytes().all(known) && !text.starts_with('.');
    match good {
        true => Ok(text.to_owned()),
        false => Err(Error::Upstream(shown(text))),
    }
}

/// The forge's own id of an account: a number, or on Bitbucket a UUID in braces or an Atlassian account id. One that begins
/// with a letter would be a login: those change hands.
pub(super) fn account(text: &str) -> Result<String, Error> {
    let known =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b':' | b'{' | b'}' | b'-');
    let first =
        |text: &str| text.starts_with('{') || text.starts_with(|c: char| c.is_ascii_digit());
    match (1..=64).contains(&text.len()) && text.bytes().all(known) && first(text) {
        true => Ok(text.to_owned()),
        false => Err(Error::Account(shown(text))),
    }
}

/// The subject of a client certificate as the listener reads it: printable ASCII. One that it cut short is longer, and could
/// be two.
pub(super) fn certificate(text: &str) -> Result<String, Error> {
    let prints = text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    match (1..=SUBJECT).contains(&text.len()) && prints && text.contains('=') {
        true => Ok(text.to_owned()),
        false => Err(Error::Certificate(shown(text))),
    }
}

/// What does not print, or makes what follows print elsewhere (Unicode's bidirectional controls).
fn deceives(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// A wrong text in an error, as printable ASCII and not endless.
fn shown(text: &str) -> String {
    let short: String = text.chars().take(80).collect();
    short.escape_default().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for good in ["a", "ada", "0x", "a.b_c-d", &"a".repeat(64)] {
            assert_eq!(name(good).as_deref(), Ok(good));
        }
        for bad in [
            "",
            "Ada",
            "-a",
            ".a",
            "_a",
            "a b",
            "a/b",
            "ä",
            &"a".repeat(65),
        ] {
            assert!(name(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn mails_are_compared_without_the_case_of_their_domain() {
        let (kept, compared) = mail("Ada.L@Bank.Example").unwrap();
        assert_eq!(kept, "Ada.L@Bank.Example");
        assert_eq!(compared, "Ada.L@bank.example");
        for bad in [
            "",
            "ada",
            "@x",
            "ada@",
            "a@b@c",
            "a b@c",
            "<a@b>",
            "a@b\n",
            "a,b@c",
            "a\u{202e}@b",
            &format!("{}@b", "a".repeat(254)),
        ] {
            assert!(mail(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn accounts_are_ids_and_no_logins() {
        for good in [
            "1",
            "583231",
            "{123e4567-e89b-12d3-a456-426614174000}",
            "557058:c0",
        ] {
            assert_eq!(account(good).as_deref(), Ok(good));
        }
        for bad in ["", "octocat", "1 2", "1/2", "{\"", &"1".repeat(65)] {
            assert!(account(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn subjects_are_whole_and_print() {
        for good in ["CN=ada", "O=Example, CN=ada\\, of old"] {
            assert_eq!(certificate(good).as_deref(), Ok(good));
        }
        let cut = format!("CN={}...", "a".repeat(997));
        for bad in ["", "ada", "CN=\u{e4}", "CN=a\n", &cut] {
            assert!(certificate(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn texts_print() {
        assert_eq!(
            plain("display name", " Ada Lovelace ").as_deref(),
            Ok("Ada Lovelace")
        );
        assert_eq!(plain("display name", "Zoë 王").as_deref(), Ok("Zoë 王"));
        for bad in [
            "",
            " ",
            "a\u{1b}[2J",
            "a\nb",
            "a\u{202e}b",
            &"a".repeat(101),
        ] {
            assert!(plain("display name", bad).is_err(), "{bad:?}");
        }
    }
}
