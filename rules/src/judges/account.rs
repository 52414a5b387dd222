//! Is a value the password of the account it is written with: in a URL, a login call, a credentials file?
//!
//! Such a form leaves little doubt that a password stands there. What is left to ask is whether it is one, or a word in its place.

use super::Subject;
use super::chance::Makeup;
use super::reference::{is_reference, is_stand_in};
use crate::validators::is_real;

/// A value that chance made, in percent.
const BY_CHANCE: u8 = 94;
/// A value that someone thought of, with more than letters in it.
const CHOSEN: u8 = 70;
/// A word, or several.
const WORDS: u8 = 55;
/// What nobody who wants to keep it would choose.
pub(super) const WEAK: u8 = 30;
/// What is written in examples as often as in use.
const TYPED: [&[u8]; 5] = [b"secret", b"sekret", b"sekrit", b"hunter2", b"letmein"];

/// Certainty in percent, for values in the open. Beside a host that exists in documentation alone it stays below a block.
pub(super) fn certainty(subject: &Subject<'_>) -> u8 {
    let value = subject.secret();
    if TYPED.contains(&value) {
        return WEAK;
    }
    let certainty = opens(&unescaped(value));
    let is_nobodys = is_documentation(subject.after());
    if is_nobodys || is_name_again(value, subject.before()) {
        return certainty.min(WORDS);
    }
    let is_weak = value.len() >= 4 && !is_empty(value) && !is_reference(value);
    certainty.max(if is_weak { WEAK } else { 0 })
}

/// Certainty in percent, for files in which programs keep credentials: what someone made of a word is one too.
pub(super) fn stored(subject: &Subject<'_>) -> u8 {
    let value = subject.secret();
    if is_empty(value) {
        return 0;
    }
    opens(value).max(WORDS)
}

/// Whether the password is the name before it, as in `guest:guest`: what an installer sets.
fn is_name_again(value: &[u8], before: &[u8]) -> bool {
    let name = before.strip_suffix(b":").unwrap_or_default();
    name.len() > value.len()
        && name.ends_with(value)
        && name
            .get(name.len() - value.len() - 1)
            .is_some_and(|byte| !byte.is_ascii_alphanumeric())
}

/// `%40` is `@`. Source: RFC 3986 section 2.1.
pub(super) fn unescaped(value: &[u8]) -> Vec<u8> {
    let hex = |byte: Option<&u8>| {
        let digit = char::from(*byte?).to_digit(16)?;
        u8::try_from(digit).ok()
    };
    let mut out = Vec::with_capacity(value.len());
    let mut at = 0;
    while let Some(&byte) = value.get(at) {
        let pair = hex(value.get(at + 1)).zip(hex(value.get(at + 2)));
        match pair.filter(|_| byte == b'%') {
            Some((high, low)) => {
                out.push(high << 4 | low);
                at += 3;
            }
            None => {
                out.push(byte);
                at += 1;
            }
        }
    }
    out
}

/// Digits and signs that are written for letters, as in `s3cr3t` and `p4$$`.
fn spelled(value: &[u8]) -> Vec<u8> {
    let letter = |byte: &u8| match byte {
        b'0' => b'o',
        b'1' | b'!' => b'i',
        b'3' => b'e',
        b'4' | b'@' => b'a',
        b'5' | b'$' => b's',
        b'7' => b't',
        other => *other,
    };
    value.iter().map(letter).collect()
}

/// How certain it is that `value` is a password where one belongs, in percent.
pub(super) fn opens(value: &[u8]) -> u8 {
    if value.len() < 3 || is_reference(value) || !is_real(value) {
        return 0;
    }
    let made = Makeup::of(value);
    let is_spelled = Makeup::of(&spelled(value)).share_in_words() > 0.5 || is_walked(value);
    if is_by_chance(&made) && !is_spelled {
        return BY_CHANCE;
    }
    let is_mixed = made.letters() > 0 && made.digits + made.other > 0;
    match is_mixed && !is_stand_in(value) {
        true => CHOSEN,
        false => WORDS,
    }
}

/// Whether hardly anyone would think of it.
pub(super) fn is_by_chance(made: &Makeup) -> bool {
    let words = made.share_in_words();
    if made.length < 6 || made.distinct < 4 || made.letters() == 0 || words > 0.5 {
        return false;
    }
    if made.digits == 0 {
        return made.letters() >= 6 && words < 0.4 && made.surprise > 4.7;
    }
    made.surprise > 4.4 || made.turns * 3 >= made.length && words < 0.3
}

/// Whether most of it are keys side by side on a keyboard, or letters as they follow in the alphabet.
fn is_walked(value: &[u8]) -> bool {
    const ROWS: [&[u8]; 5] = [
        b"qwertyuiop",
        b"asdfghjkl",
        b"zxcvbnm",
        b"1234567890",
        b"abcdefghijklmnopqrstuvwxyz",
    ];
    let lower = value.to_ascii_lowercase();
    let walks = |pair: &&[u8]| {
        let near = |row: &&[u8]| row.windows(2).any(|keys| keys == *pair);
        ROWS.iter().any(near)
    };
    lower.windows(2).filter(walks).count() * 2 > value.len()
}

/// Nothing, a slot for a value, or the same byte again and again.
pub(super) fn is_empty(value: &[u8]) -> bool {
    let lower = value.to_ascii_lowercase();
    let slot = |begin: &[u8], end: &[u8]| lower.starts_with(begin) && lower.ends_with(end);
    let words: [&[u8]; 9] = [
        b"null",
        b"none",
        b"nil",
        b"true",
        b"false",
        b"undefined",
        b"changeme",
        b"change_me",
        b"redacted",
    ];
    Makeup::of(value).distinct < 3
        || words.contains(&lower.as_slice())
        || lower.starts_with(b"your")
        || lower.starts_with(b"$") && !value.iter().skip(1).any(|byte| !is_name(*byte))
        || [
            (&b"<"[..], &b">"[..]),
            (b"${", b""),
            (b"$(", b""),
            (b"{{", b""),
            (b"{", b"}"),
            (b"#{", b""),
            (b"%", b"%"),
            (b"<%", b""),
            (b"[", b"]"),
            (b"@", b"@"),
            (b"__", b"__"),
            (b"!", b""),
            (b"env(", b""),
            (b"process.env", b""),
        ]
        .iter()
        .any(|(begin, end)| slot(begin, end))
        || crate::judges::reference::contains(&lower, b"xxxx")
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'{' | b'}' | b':' | b'-' | b'.')
}

/// Whether `behind`, what follows a password in a URL, begins with a host that is nobody's. Source: RFC 2606, RFC 6761.
fn is_documentation(behind: &[u8]) -> bool {
    let Some(host) = behind.strip_prefix(b"@") else {
        return false;
    };
    let end = host
        .iter()
        .position(|byte| !byte.is_ascii_alphanumeric() && !matches!(byte, b'.' | b'-' | b'_'));
    let host = host
        .get(..end.unwrap_or(host.len()))
        .unwrap_or_default()
        .to_ascii_lowercase();
    let names: [&[u8]; 8] = [
        b"host",
        b"hostname",
        b"server",
        b"servername",
        b"domain",
        b"domain.com",
        b"host.com",
        b"foo",
    ];
    let ends: [&[u8]; 6] = [
        b"example.com",
        b"example.org",
        b"example.net",
        b"example",
        b".invalid",
        b"foo.com",
    ];
    names.contains(&host.as_slice()) || ends.iter().any(|end| host.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chance_choice_and_words_are_told_apart() {
        for chance in [
            "kq7Zx2vPwJ9",
            "jfuztzlyu",
            "W9fno6tf",
            "haqgqg",
            "xKq#9zLp!2",
        ] {
            assert_eq!(opens(chance.as_bytes()), BY_CHANCE, "{chance}");
        }
        for chosen in ["hunter22", "Summer2024!", "RedisPass1!"] {
            assert_eq!(opens(chosen.as_bytes()), CHOSEN, "{chosen}");
        }
        for words in ["opensesame", "salesforcepassword", "testpass", "admin"] {
            assert_eq!(opens(words.as_bytes()), WORDS, "{words}");
        }
        for none in [
            "",
            "ab",
            "${PASSWORD}",
            "<password>",
            "%s",
            "{{ pw }}",
            "****",
        ] {
            assert_eq!(opens(none.as_bytes()), 0, "{none}");
        }
    }

    #[test]
    fn files_of_credentials_keep_weak_ones() {
        for value in ["password", "admin", "ExamplePas123", "dummy-pass"] {
            assert!(!is_empty(value.as_bytes()), "{value}");
        }
        for value in [
            "", "xxxxxxx", "$DB_PASS", "${DB}", "<pw>", "null", "{cipher}", "your_key",
        ] {
            assert!(is_empty(value.as_bytes()), "{value}");
        }
    }

    #[test]
    fn escapes_and_names_again() {
        assert_eq!(unescaped(b"%3A%40c%4"), b":@c%4");
        assert!(is_name_again(b"guest", b"amqp://guest:"));
        assert!(!is_name_again(b"guest", b"amqp://aguest:"));
        assert!(!is_name_again(b"guest", b"guest:"));
        assert!(!is_name_again(b"", b""));
    }

    #[test]
    fn hosts_of_documentation() {
        for behind in [
            "@example.com/x",
            "@db.example.org:1",
            "@host:port",
            "@host.com",
            "@h.invalid",
        ] {
            assert!(is_documentation(behind.as_bytes()), "{behind}");
        }
        for behind in ["@localhost/", "@db.corp.test", "example.com", "@hosting.io"] {
            assert!(!is_documentation(behind.as_bytes()), "{behind}");
        }
    }
}
