//! What a stopped developer must be told, and must not.

use super::{Answer, Run, World};

/// Checks a push that git made: it failed, and what git printed says what was found, under which rule, that nothing
/// left, and a push id, in lines a terminal shows whole; the secret is not repeated.
pub(crate) fn assert_refused(run: &Run, rule: &str, secret: &str) {
    assert_ne!(run.status, 0, "the push was not stopped: {run}");
    let lines = remote_lines(&run.stderr);
    let text = lines.join("\n");
    assert!(
        text.contains("Nothing left the company"),
        "the state is not told: {run}"
    );
    assert!(text.contains(rule), "the rule {rule} is not named: {run}");
    assert!(has_push_id(&text), "no push id: {run}");
    assert!(!text.contains(secret), "the secret is repeated: {run}");
    for line in lines {
        assert!(
            line.len() <= 72,
            "longer than 72 columns: {line:?} in {run}"
        );
        assert!(
            line.chars().all(|c| c == ' ' || c.is_ascii_graphic()),
            "not printable ASCII: {line:?}"
        );
    }
    let others = run
        .stderr
        .lines()
        .filter(|line| !line.starts_with("remote: "));
    for line in others.filter(|line| line.contains(secret)) {
        // git itself names the refs of a push. The last bracket holds our reason, and there it must not be.
        let reason = line.rsplit_once('(').map_or("", |(_, reason)| reason);
        assert!(!reason.contains(secret), "the secret is repeated: {line}");
    }
}

/// Checks a push request made by hand: refused as a whole, in a form every client takes for a failure.
pub(crate) fn assert_refused_by_hand(world: &World, answer: &Answer) {
    let report = answer.report();
    let refused = match answer.status {
        200 => {
            !report.unpack.is_empty()
                && report.unpack != "ok"
                && report.refs.iter().all(|line| line.starts_with("ng "))
        }
        status => (400..500).contains(&status),
    };
    assert!(
        refused,
        "not refused: {} {report:?} {}",
        answer.message.first_line,
        answer.text()
    );
    let pushes: Vec<_> = world
        .witness
        .pushes()
        .into_iter()
        .map(|push| push.first_line)
        .collect();
    assert!(pushes.is_empty(), "sent on all the same: {pushes:?}");
}

/// What follows `remote: `; git pads these lines with spaces to clear what stood there before.
pub(crate) fn remote_lines(stderr: &str) -> Vec<&str> {
    stderr
        .lines()
        .filter_map(|line| line.strip_prefix("remote: "))
        .map(str::trim_end)
        .collect()
}

fn has_push_id(text: &str) -> bool {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'))
        .any(|word| {
            word.strip_prefix("P-").is_some_and(|id| {
                let groups: Vec<&str> = id.split('-').collect();
                let is_group = |group: &&str| {
                    let plain = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit();
                    group.len() == 5 && group.chars().all(plain)
                };
                groups.len() == 3 && groups.iter().all(is_group)
            })
        })
}
