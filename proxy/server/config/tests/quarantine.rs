//! Where the key of the quarantine comes from, and that it is never told.

use std::os::unix::fs::PermissionsExt;

use super::*;

const KEY: &str = "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20";

fn key_file(folder: &Path, text: &str, mode: u32) {
    let path = folder.join("q.key");
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_key_of_a_file_is_read_and_not_shown() {
    let folder = tempfile::tempdir().unwrap();
    key_file(folder.path(), &format!("{KEY}\n"), 0o600);
    let text = "[quarantine]\nkey = \"file:q.key\"\nold_keys = [\"file:q.key\"]\ndays = 3\ncontents_days = 7\n";
    let (config, _) = load_in(folder.path(), text, &[]).unwrap();
    assert!(config.quarantine.keys.current().is_some());
    assert_eq!(config.quarantine.patience().as_secs(), 3 * 86_400);
    assert_eq!(config.quarantine.memory().as_secs(), 7 * 86_400);
    let shown = config.show();
    let path = folder.path().join("q.key");
    assert!(
        shown.contains(&format!("key = \"file:{}\"", path.display())),
        "{shown}"
    );
    assert!(!shown.contains(&KEY[..16]) && !format!("{config:?}").contains(&KEY[..16]));
}

#[test]
fn a_key_that_cannot_be_used_is_named_and_not_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |value: &str| {
        let text = format!("[quarantine]\nkey = \"{value}\"\n");
        let problems = load_in(folder.path(), &text, &[]).unwrap_err().to_string();
        assert!(!problems.contains(&KEY[..16]), "{problems}");
        problems
    };
    assert!(refused(KEY).contains("quarantine.key: expected \"file:PATH\", "));
    assert!(refused("file:").contains("expected \"file:PATH\""));
    assert!(refused("file:absent").contains("quarantine.key: cannot read this file: "));
    assert!(refused("env:EXEAT_TEST_NO_SUCH_KEY").contains("this variable is not set"));
    assert!(refused("credential:../key").contains("quarantine.key: "));
    key_file(folder.path(), KEY, 0o640);
    assert!(refused("file:q.key").contains("others can read this file; chmod 600 it"));
    for text in [
        "",
        "too short",
        &KEY[2..],
        &format!("{KEY}00"),
        &"x".repeat(5_000),
    ] {
        key_file(folder.path(), text, 0o600);
        assert!(refused("file:q.key").contains("expected 32 bytes as 64 hexadecimal digits"));
    }
}
