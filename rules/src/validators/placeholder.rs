//! Stand-ins for a secret: what documentation and templates write where the real one goes.

/// Words no random secret holds by chance. All have six letters or more: shorter ones would excuse real passwords.
const WORDS: [&[u8]; 15] = [
    b"example",
    b"changeme",
    b"change_me",
    b"change-me",
    b"placeholder",
    b"replaceme",
    b"replace_me",
    b"replace-me",
    b"redacted",
    b"your_token",
    b"your-token",
    b"your_secret",
    b"your-secret",
    b"insert_your",
    b"xxxxxx",
];

/// Runs that fingers make and generators do not.
const RUNS: [&[u8]; 4] = [b"01234567", b"12345678", b"abcdefgh", b"qwertyui"];

/// What a variable or a slot begins and ends with.
const SLOTS: [(&[u8], &[u8]); 9] = [
    (b"<", b">"),
    (b"${", b"}"),
    (b"$(", b")"),
    (b"{{", b"}}"),
    (b"#{", b"}"),
    (b"%(", b")s"),
    (b"%", b"%"),
    (b"__", b"__"),
    (b"[", b"]"),
];

/// Whether `secret` may be a real one.
pub fn is_real(secret: &[u8]) -> bool {
    let bare = secret.trim_ascii();
    let lower = bare.to_ascii_lowercase();
    let contains = |word: &&[u8]| lower.windows(word.len()).any(|window| window == *word);
    let is_slot = |(begin, end): &(&[u8], &[u8])| {
        lower.len() >= begin.len() + end.len() && lower.starts_with(begin) && lower.ends_with(end)
    };
    !(distinct(bare) <= 2
        || SLOTS.iter().any(is_slot)
        || is_shell_variable(bare)
        || WORDS.iter().any(contains)
        || RUNS.iter().any(contains))
}

/// `$NAME`.
fn is_shell_variable(text: &[u8]) -> bool {
    text.strip_prefix(b"$").is_some_and(|name| {
        name.first()
            .is_some_and(|first| first.is_ascii_alphabetic() || *first == b'_')
            && name
                .iter()
                .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'_')
    })
}

fn distinct(text: &[u8]) -> usize {
    let mut seen = [false; 256];
    for &byte in text {
        seen[usize::from(byte)] = true;
    }
    seen.iter().filter(|seen| **seen).count()
}

#[cfg(test)]
mod tests {
    use super::is_real;

    #[test]
    fn stand_ins_are_told_from_secrets() {
        for stand_in in [
            "",
            "****",
            "xXxXxXxX",
            "changeme",
            "<your token>",
            "${TOKEN}",
            "$TOKEN",
            "{{ token }}",
            "%TOKEN%",
            "__TOKEN__",
            concat!("wJalrXUtnFEMI/K7MDENG/", "bPxRfiCYEXAMPLEKEY"),
            "1234567890",
            "#{token}",
            "%(token)s",
            "[token]",
        ] {
            assert!(!is_real(stand_in.as_bytes()), "{stand_in}");
        }
        for real in ["hunter2", "$2y$10$abc", "kJ8s-2hook-9dLq", "P%a%", "<3pw"] {
            assert!(is_real(real.as_bytes()), "{real}");
        }
    }
}
