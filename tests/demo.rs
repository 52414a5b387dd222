//! The demonstration does what the README says, over a plain upstream.

use std::process::Command;

#[test]
fn three_pushes_end_as_they_must() {
    let scratch = tempfile::tempdir().unwrap();
    let folder = scratch.path().join("demo");
    let output = Command::new(env!("CARGO_BIN_EXE_exeat"))
        .arg("demo")
        .arg("--directory")
        .arg(&folder)
        .output()
        .unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{told}");
    assert_eq!(told.matches("[new branch]").count(), 1, "{told}");
    assert_eq!(
        told.matches("Nothing left the company").count(),
        2,
        "{told}"
    );
    assert_eq!(told.matches("[remote rejected]").count(), 2, "{told}");
    assert!(told.contains("What to try next"), "{told}");
    let data = folder.join("exeat-data");
    let verified = Command::new(env!("CARGO_BIN_EXE_exeat"))
        .args(["audit", "verify", "--data"])
        .arg(&data)
        .status()
        .unwrap();
    assert!(verified.success());
}

#[test]
fn a_folder_with_something_in_it_is_left_alone() {
    let scratch = tempfile::tempdir().unwrap();
    std::fs::write(scratch.path().join("mine"), "mine").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_exeat"))
        .arg("demo")
        .arg("--directory")
        .arg(scratch.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(std::fs::read_dir(scratch.path()).unwrap().count(), 1);
}
