//! Values that are no secret but say where one is, or stand where one will: variables, calls, paths, placeholders.

use crate::validators;

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
    b"lorem",
    b"blah",
    b"asdf",
    b"abc123",
    b"not-a-real",
    b"notreal",
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
        || is_path(value)
}

/// Whether `value` holds a word that stands for a secret to come.
pub(super) fn is_stand_in(value: &[u8]) -> bool {
    let real = validators::find("not-placeholder").is_none_or(|validator| (validator.check)(value));
    let lower = value.to_ascii_lowercase();
    !real || STAND_INS.iter().any(|word| contains(&lower, word))
}

/// A path or an address.
fn is_path(value: &[u8]) -> bool {
    value.starts_with(b"./")
        || value.starts_with(b"../")
        || value.starts_with(b"~/")
        || contains(value, b"://")
        || value.starts_with(b"/") && value.iter().filter(|byte| **byte == b'/').count() >= 2
}

pub(super) fn contains(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|window| window == word)
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
        ] {
            assert!(is_reference(value.as_bytes()), "{value}");
        }
        for value in ["your-key", "changeme", "xxxx"] {
            assert!(is_stand_in(value.as_bytes()), "{value}");
        }
        for value in ["hunter2", "kq7Zx2vPwJ9", "P@ss/w0rd!"] {
            assert!(
                !is_reference(value.as_bytes()) && !is_stand_in(value.as_bytes()),
                "{value}"
            );
        }
    }
}
