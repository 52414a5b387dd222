//! What is told to people and programs: no canary may be in it.
//!
//! It is looked at where it is read, so a test fails where the words came. [`canaries::meant`] is for words that are meant.

use std::ffi::OsStr;

use super::canaries::{self, Planted, Reach};
use super::http1::Message;
use super::{EXEAT, Report, Run, forbidden, report};

/// Looks at what a program printed: of ours everything, of git what servers told it. A token that ours made is shown there
/// once; from then on it is a canary.
#[track_caller]
pub(super) fn by_program(program: &OsStr, run: &Run) {
    if program == EXEAT {
        nothing_in(run.stdout.as_bytes(), "printed by exeat");
        nothing_in(run.stderr.as_bytes(), "printed by exeat");
        return canaries::plant_tokens(&run.stdout);
    }
    by_remote(&run.stderr);
}

/// Looks at what servers said to git.
#[track_caller]
pub(crate) fn by_remote(stderr: &str) {
    for line in stderr.lines().filter(|line| line.starts_with("remote:")) {
        nothing_in(line.as_bytes(), "told by the remote");
    }
}

/// Looks at an answer of the proxy, of either listener. A new token in it is a canary from then on.
#[track_caller]
pub(super) fn by_answer(answer: &Message) {
    nothing_in(answer.first_line.as_bytes(), "in an answer's first line");
    for (name, value) in &answer.headers {
        nothing_in(format!("{name}: {value}").as_bytes(), "in an answer's head");
    }
    match answer.header("content-type") {
        Some("application/x-git-receive-pack-result") => by_report(&report(&answer.body)),
        _ => nothing_in(&answer.body, "in an answer"),
    }
    if answer.target() == "201" {
        canaries::plant_tokens(&String::from_utf8_lossy(&answer.body));
    }
}

/// Looks at the report of a push but for the names of its refs: git wants them back as it sent them.
#[track_caller]
fn by_report(report: &Report) {
    let reasons = report
        .refs
        .iter()
        .filter_map(|line| line.splitn(3, ' ').nth(2));
    for words in [&*report.text, &*report.unpack].into_iter().chain(reasons) {
        nothing_in(words.as_bytes(), "in an answer's report");
    }
}

/// Fails where one of this test's canaries is in what was just told.
#[track_caller]
pub(crate) fn nothing_in(told: &[u8], place: &str) {
    let found = forbidden::seen(told, &canaries::untold(), place);
    assert!(
        found.is_empty(),
        "a canary was told: {found:?} in {}",
        String::from_utf8_lossy(told)
    );
}

/// Which canaries are in letters, as they were handed over.
pub(crate) fn by_letters(planted: &Planted, letters: &str) -> Vec<String> {
    // A line of quoted-printable goes on after a soft break (RFC 2045 6.7).
    let joined = letters.replace("=\\r\\n", "").replace("\\r\\n ", "");
    let needles = planted.needles(Reach::Pushed);
    let mut found = forbidden::seen(letters.as_bytes(), &needles, "in a letter");
    found.extend(forbidden::seen(
        joined.as_bytes(),
        &needles,
        "in a letter, joined",
    ));
    found
}
