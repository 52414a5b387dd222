//! The example file: it loads to the defaults, and shows every key there is.

use super::super::*;
use super::load_in;

const EXAMPLE: &str = include_str!("../../../../deploy/exeat.example.toml");

/// The example with the keys uncommented that it shows as comments: `#key = ...`, no space between.
fn uncommented() -> String {
    let mut lines: Vec<&str> = Vec::new();
    for line in EXAMPLE.lines() {
        let key = line.strip_prefix('#').filter(|rest| {
            let name = rest.split(" = ").next().unwrap_or_default();
            rest.contains(" = ")
                && name
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte == b'_')
        });
        let Some(key) = key else {
            lines.push(line);
            continue;
        };
        // The other value stands right below the default.
        let name = key.split(" = ").next().unwrap_or_default();
        if lines
            .last()
            .is_some_and(|last| last.split(" = ").next() == Some(name))
        {
            lines.pop();
        }
        lines.push(key);
    }
    lines.join("\n")
}

#[test]
fn the_example_is_the_defaults() {
    let folder = tempfile::tempdir().unwrap();
    let (config, warnings) = load_in(folder.path(), EXAMPLE, &[]).unwrap();
    assert!(warnings.is_empty(), "{warnings:?}");
    let base = format!("{}/", folder.path().display());
    assert_eq!(
        config.show().replace(&base, ""),
        Config::defaults().unwrap().show()
    );
}

#[test]
fn the_example_has_every_key_that_is_known() {
    let folder = tempfile::tempdir().unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(Vec::new())
        .unwrap()
        .self_signed(&key)
        .unwrap();
    for name in [
        "exeat.pem",
        "exeat-key.pem",
        "clients.pem",
        "revoked.pem",
        "corp-ca.pem",
        "more.toml",
        "policy.toml",
    ] {
        std::fs::write(folder.path().join(name), certificate.pem()).unwrap();
    }
    std::fs::write(folder.path().join("proxy-credentials"), "user:password\n").unwrap();
    for name in [
        "quarantine.key",
        "quarantine-2025.key",
        "chat-secret",
        "chat-old-secret",
        "mail-password",
        "github.token",
    ] {
        use std::os::unix::fs::PermissionsExt;
        let path = folder.path().join(name);
        // Good for all of them: 32 bytes in hexadecimal, 48 in base64, and a line.
        std::fs::write(&path, "07".repeat(32)).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
    let path = folder.path().join("exeat.toml");
    let text = uncommented();
    std::fs::write(&path, &text).unwrap();
    let mut reader = Reader::new(Some(&path));
    let file = raw::File::read(&path).unwrap();
    let tree = raw::merge(Some(file), std::iter::empty(), &mut reader).unwrap();
    Config::check(
        Section::root(&mut reader, tree),
        &via::Surroundings::default(),
    );
    let asked = reader.asked().clone();
    let (problems, warnings) = reader.finish();
    assert!(
        problems.is_empty() && warnings.is_empty(),
        "{problems:?} {warnings:?}"
    );

    let example: toml::Table = text.parse().unwrap();
    let example = toml::Value::Table(example);
    assert!(asked.len() > 40, "{asked:?}");
    for path in asked {
        let mut value = Some(&example);
        let chosen = match path.starts_with("upstream.") {
            true => "github.com",
            false if path.starts_with("notify.") => "chat",
            false => "house-key",
        };
        for part in path.split('.') {
            let part = if part == "*" { chosen } else { part };
            value = value.and_then(|value| value.get(part));
        }
        assert!(value.is_some(), "{path} is not in the example");
    }
}

#[test]
fn the_example_of_a_policy_is_right_and_shows_every_key() {
    const POLICY: &str = include_str!("../../../../deploy/policy.example.toml");
    let (config, _) = Config::of_text(EXAMPLE).unwrap();
    let text = crate::policy::file::Text {
        name: "policy.example.toml".to_owned(),
        text: POLICY.to_owned(),
    };
    let (book, warnings) = crate::policy::file::read(&[text], &config).unwrap();
    assert_eq!(book.rules().len(), 6);
    assert!(warnings.is_empty(), "{warnings:?}");
    let keys = [
        "name",
        "upstream",
        "repository",
        "ref",
        "group",
        "person",
        "larger_than",
        "event",
        "do",
        "block",
        "review",
        "warn",
        "note",
        "unscannable",
        "opaque",
        "existing",
        "approvers",
        "reviewers",
        "four_eyes",
        "message",
    ];
    for key in keys {
        assert!(POLICY.contains(key), "{key} is not in the example");
    }
    for (event, _) in crate::policy::Event::WORDS {
        assert!(
            POLICY.contains(&format!("\"{event}\"")),
            "{event} is not in the example"
        );
    }
}
