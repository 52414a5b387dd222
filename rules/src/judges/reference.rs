//! Values that are no secret but say where one is, or stand where one will: variables, calls, paths, placeholders.

use super::Subject;
use super::chance::Makeup;
use super::published::is_published;
use crate::validators::is_real;

/// Words that a placeholder is made of, besides those of the validator `not-placeholder`.
const STAND_INS: &[&[u8]] = &[
    b"your",
    b"example",
    b"sample",
    b"dummy",
    b"fake",
    b"insert",
    b"enter",
    b"todo",
    b"fixme",
    b"change",
    b"replace",
    b"foobar",
    b"foo",
    b"bar",
    b"baz",
    b"xxx",
    b"...",
    b"***",
    b"test",
    b"none",
    b"null",
    b"undefined",
    b"some",
    b"invalid",
    b"wrong",
    b"bogus",
    b"mock",
    b"here",
    b"hidden",
    b"redacted",
    b"removed",
    b"default",
    b"template",
    b"placeholder",
    b"deadbeef",
    b"cafebabe",
    b"00010203",
    b"0123456789",
    b"11223344",
    b"lorem",
    b"blah",
    b"asdf",
    b"abc123",
    b"not-a-real",
    b"notreal",
    b"notareal",
    b"required",
];

/// "Password", "secret" and "token" as the languages of translations have them: whole values, in lower case.
const OTHER_LANGUAGES: &[&str] = &[
    "passwort",
    "kennwort",
    "geheimnis",
    "zugangscode",
    "contrase\u{f1}a",
    "contrasena",
    "clave",
    "secreto",
    "senha",
    "segredo",
    "motdepasse",
    "jeton",
    "parola",
    "segreto",
    "wachtwoord",
    "geheim",
    "heslo",
    "has\u{142}o",
    "haslo",
    "salasana",
    "l\u{f6}senord",
    "losenord",
    "adgangskode",
    "passord",
    "jelsz\u{f3}",
    "\u{15f}ifre",
    "sifre",
    "lozinka",
    "geslo",
    "\u{43f}\u{430}\u{440}\u{43e}\u{43b}\u{44c}",
    "\u{5bc6}\u{7801}",
    "\u{5bc6}\u{78bc}",
    "\u{30d1}\u{30b9}\u{30ef}\u{30fc}\u{30c9}",
    "\u{be44}\u{bc00}\u{bc88}\u{d638}",
];

/// What a reference begins with.
const BEGINNINGS: &[&[u8]] = &[
    b"$",
    b"%(",
    b"%{",
    b"%s",
    b"{{",
    b"{%",
    b"#{",
    b"<%",
    b"<",
    b"@",
    b"!",
    b"&",
    b"env(",
    b"env.",
    b"process.env",
    b"os.environ",
    b"os.getenv",
    b"getenv",
    b"system.getenv",
    b"config.",
    b"settings.",
    b"self.",
    b"this.",
    b"args.",
    b"options.",
    b"params.",
    b"request.",
    b"req.",
    b"var.",
    b"local.",
    b"data.",
    b"secrets.",
    b"vault:",
    b"vault.",
    b"arn:",
    b"enc[",
    b"ssm:",
    b"secretsmanager:",
    b"op://",
    b"file:",
    b"null",
    b"none",
    b"nil",
    b"true",
    b"false",
    b"function",
    b"new ",
    b"async ",
    b"lambda",
];

/// Whether `value` is, or begins with, what names a secret instead of being one.
pub(super) fn is_reference(value: &[u8]) -> bool {
    let lower = value.to_ascii_lowercase();
    BEGINNINGS.iter().any(|begin| lower.starts_with(begin))
        || contains(&lower, b"${")
        || contains(&lower, b"{{")
        || contains(&lower, b"#{")
        || contains(&lower, b"%s")
        || contains(&lower, b"()")
        || contains(&lower, b"](")
        || contains(&lower, b"[0-9")
        || contains(&lower, b"[a-z")
        || is_variable(value)
        || is_path(value)
        || is_mostly_escaped(value)
}

/// `SMTP_PASS`: what variables of the environment are called that hold a secret.
fn is_variable(value: &[u8]) -> bool {
    const WORDS: [&[u8]; 5] = [b"PASS", b"PWD", b"TOKEN", b"SECRET", b"KEY"];
    is_constant(value) && WORDS.iter().any(|word| contains(value, word))
}

/// Percent signs and hex digits make up half of it.
fn is_mostly_escaped(value: &[u8]) -> bool {
    let escaped = |window: &&[u8]| {
        let (sign, digits) = window.split_at(1);
        sign == b"%" && digits.iter().all(u8::is_ascii_hexdigit)
    };
    value.windows(3).filter(escaped).count() * 6 >= value.len().max(1)
}

/// Whether `value` holds a word that stands for a secret to come.
pub(super) fn is_stand_in(value: &[u8]) -> bool {
    let lower = value.to_ascii_lowercase();
    !is_real(value)
        || is_published(value)
        || STAND_INS.iter().any(|word| contains(&lower, word))
        || is_of_other_language(value)
}

fn is_of_other_language(value: &[u8]) -> bool {
    str::from_utf8(value)
        .is_ok_and(|text| OTHER_LANGUAGES.contains(&text.trim().to_lowercase().as_str()))
}

/// A path or an address.
fn is_path(value: &[u8]) -> bool {
    value.starts_with(b"./")
        || value.starts_with(b"../")
        || value.starts_with(b"~/")
        || contains(value, b"://")
        || value.starts_with(b"/") && value.iter().filter(|byte| **byte == b'/').count() >= 2
}

/// Whether an unquoted value is a name of program text: `password = user.password;`.
pub(super) fn is_code(subject: &Subject<'_>) -> bool {
    if subject.is_quoted()
        || subject
            .opening()
            .is_some_and(|byte| matches!(byte, b'"' | b'\'' | b'`' | b'>' | b';'))
    {
        return false;
    }
    let value = subject.secret();
    if is_number(value)
        || is_constant(value)
        || is_statement(subject)
        || subject.after().trim_ascii_start().starts_with(b"=")
    {
        return true;
    }
    let is_name = |byte: &u8| {
        byte.is_ascii_alphanumeric()
            || matches!(
                byte,
                b'_' | b'.' | b':' | b'$' | b'?' | b'!' | b'-' | b'*' | b'&'
            )
    };
    let starts = value.first().is_some_and(|byte| {
        byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'*' | b'&' | b'$')
    });
    if !starts || !value.iter().all(is_name) {
        return false;
    }
    let closing = subject.closing();
    let before = subject.before().trim_ascii_end();
    let is_spaced = before.len() < subject.before().len();
    let is_assigned = before.ends_with(b"=");
    let made = Makeup::of(value);
    let is_wild = made.digits >= 2 && made.turns >= 4 && made.share_in_words() < 0.3;
    let ends = subject.after().trim_ascii();
    if is_wild {
        return false;
    }
    // A call, a list, a statement; or two things that are compared or assigned with blanks around the sign.
    closing.is_some_and(|byte| matches!(byte, b'(' | b')' | b',' | b'[' | b']' | b'}' | b'\\'))
        || closing == Some(b';') && ends.len() <= 1
        || is_spaced && is_assigned && made.digits < 2
        || is_spaced && !ends.is_empty() && made.digits < 2
        || contains(value, b"::")
        || contains(value, b"->")
}

/// `case "password":a=b;`.
fn is_statement(subject: &Subject<'_>) -> bool {
    let is_name = |name: &[u8]| {
        let is_part =
            |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | b'.');
        name.first().is_some_and(|byte| !byte.is_ascii_digit()) && name.iter().all(is_part)
    };
    let mut sides = subject.secret().splitn(2, |byte| *byte == b'=');
    subject.closing() == Some(b';')
        && sides.next().is_some_and(is_name)
        && sides.next().is_some_and(is_name)
}

/// `0x04`, `86u32`, `1_000`.
fn is_number(value: &[u8]) -> bool {
    value.first().is_some_and(u8::is_ascii_digit)
        && value.len() <= 16
        && (value.starts_with(b"0x")
            || value
                .iter()
                .filter(|byte| byte.is_ascii_alphabetic())
                .count()
                <= 3)
        && value.iter().all(|byte| {
            byte.is_ascii_hexdigit()
                || matches!(byte, b'x' | b'_' | b'u' | b'i' | b'L' | b'U' | b'.')
        })
}

/// `ERROR_CODE`.
fn is_constant(value: &[u8]) -> bool {
    value.first().is_some_and(u8::is_ascii_uppercase)
        && value.contains(&b'_')
        && value
            .iter()
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'_')
}

/// Whether the value is already there on its line, as in tables of names.
pub(super) fn is_repeated(subject: &Subject<'_>) -> bool {
    contains(subject.before(), subject.secret())
}

/// Whether the line is of a file that is no text.
pub(super) fn is_binary(subject: &Subject<'_>) -> bool {
    subject
        .line()
        .iter()
        .any(|byte| *byte < b'\t' || (14..27).contains(byte))
}

/// Whether the line says that it is a test, an example or a comment about one.
pub(super) fn is_test(subject: &Subject<'_>) -> bool {
    const WORDS: &[&[u8]] = &[
        b"test", b"example", b"mock", b"fake", b"dummy", b"sample", b"fixture", b"assert",
        b"expect",
    ];
    let lower = subject.line().to_ascii_lowercase();
    WORDS.iter().any(|word| contains(&lower, word))
}

pub(super) fn contains(text: &[u8], word: &[u8]) -> bool {
    !word.is_empty() && text.windows(word.len()).any(|window| window == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_and_stand_ins() {
        for value in [
            "${PASSWORD}",
            "process.env.KEY",
            "getToken()",
            "/etc/app/key.pem",
            "a{{ b }}",
            "[0-9a-f]{32}",
            "^(?=.*[A-Z])[A-Za-z]{8}$",
            "SMTP_PASS",
        ] {
            assert!(is_reference(value.as_bytes()), "{value}");
        }
        for value in [
            "your-key",
            "changeme",
            "xxxx",
            "required|string|min:8",
            "Passwort",
            "Contrase\u{f1}a",
        ] {
            assert!(is_stand_in(value.as_bytes()), "{value}");
        }
        for value in [
            "hunter2",
            "kq7Zx2vPwJ9",
            "P@ss/w0rd!",
            "K7_PW4",
            "Heslo2024",
        ] {
            assert!(
                !is_reference(value.as_bytes()) && !is_stand_in(value.as_bytes()),
                "{value}"
            );
        }
    }
}
