//! A push as it is read in a terminal, line for line.

use serde_json::json;

use super::*;

fn sample() -> Value {
    json!({
        "id": "P-AAAA1111", "revision": 2, "state": "open", "upstream": "github.com", "repository": "org/repo",
        "pusher": {"person": "dev", "account": null, "you": false},
        "needed": 2, "approvals": 1, "created": "2026-01-02T03:04:05Z", "expires": "2026-01-16T03:04:05Z",
        "groups": [["legal", "ospo"]], "missing_groups": [["legal", "ospo"]], "four_eyes": true, "grant_expires": null, "superseded_by": null, "yours_to_decide": true,
        "decisions": [{"by": "rev", "verdict": "approve", "words": "Fine.", "at": "2026-01-02T04:00:00Z"}],
        "contents": {
            "findings": [{
                "id": "f-1", "rule": "github-pat", "description": "A token of GitHub.", "action": "block", "severity": "high",
                "part": "file", "path": "src/a\u{1b}[2J.txt", "line": 3, "masked": "ghp_****",
                "context": {"from": 2, "lines": ["before", "token = ghp_****"]}, "commits": ["0123456789abcdef"],
            }],
            "more_findings": 4, "reason": "Needed for the release.",
            "returned": {"approved_by": ["ann"], "at": "2026-01-02T03:30:00Z", "new": ["A word (rule w), a.txt:1"]},
            "unreadable": [{"id": "n-1", "what": "big.bin", "why": "too large"}],
            "grounds": [{"what": "findings", "count": 1, "disposition": "hold", "by": "policy.toml:3"}],
            "refs": [{"name": "refs/heads/main", "old": "0".repeat(40), "new": "a".repeat(40)}],
            "commits": [{"id": "0123456789abcdef", "author": "Dev <d@x>", "authored": "2026-01-01T00:00:00Z",
                "committer": "Dev <d@x>", "subject": "Add it", "message": ["More."], "cut": true}],
            "coverage": {"commits": 1, "blobs": 2, "tags": 0},
        },
    })
}

#[test]
fn findings_come_first_and_nothing_moves_the_cursor() {
    let mut sample = sample();
    sample["comments"] =
        json!([{"by": "dev", "words": "Why?\nGrün?\u{7}", "at": "2026-01-02T05:00:00Z"}]);
    sample["finding_decisions"] = json!([
        {"finding": "f-1", "judgement": "must-fix", "words": "It is real.", "by": "sue", "at": "2026-01-02T04:30:00Z"},
        {"finding": "n-1", "judgement": "accepted-risk", "words": "", "by": "sue", "at": "2026-01-02T04:30:00Z"},
    ]);
    let text = review(&sample, "p-bbbb2222");
    assert!(!text.contains('\u{1b}'), "{text}");
    let order = [
        "push       P-AAAA1111",
        "           (p-bbbb2222 is the same, pushed later)",
        "revision   2",
        "approvals  1 of 2; somebody of legal or ospo is missing",
        "decides    the role reviewer for github.com/org/repo, somebody of legal or",
        "           ospo among them; nobody for a push of their own",
        "for        you to decide",
        "reason     Needed for the release.",
        "returned   2026-01-02 03:30 UTC was approved by ann; new since:\n           A word (rule w), a.txt:1\n",
        "Findings (5)",
        "  github-pat (block, high)  f-1",
        "    at src/a\\x1b[2J.txt:3  ghp_****",
        "    in commit 0123456789ab",
        "    2026-01-02 04:30 UTC sue says: must fix: It is real.",
        "          3 | token = ghp_****",
        "  and 4 more",
        "Not readable",
        "    2026-01-02 04:30 UTC sue says: accepted risk",
        "Why it waits",
        "  1 findings: hold (policy.toml:3)",
        "  refs/heads/main  new, at aaaaaaaaaaaa",
        "Commits (1)",
        "      ...",
        "Looked at",
        "  2026-01-02 04:00 UTC rev approved: Fine.",
        "  2026-01-02 05:00 UTC dev said: Why?\n    Grün?\\x07\n",
    ];
    let mut at = 0;
    for line in order {
        let found = text[at..].find(line);
        at += found.unwrap_or_else(|| panic!("{line} is not in its place:\n{text}"));
    }
    assert!(
        text.lines().all(|line| line.chars().count() <= 80),
        "{text}"
    );
}

#[test]
fn lists_say_whose_turn_it_is() {
    let now = 1_767_330_000_000;
    let text = list(&[sample()], "open", now);
    let row = text.lines().nth(1).unwrap();
    let cells: Vec<&str> = row.split_whitespace().collect();
    let expected = [
        "P-AAAA1111",
        "open",
        "1/2+legal|ospo",
        "115m",
        "dev",
        "you",
        "github.com/org/repo",
    ];
    assert_eq!(cells, expected, "{text}");
    assert!(list(&[], "open", now).starts_with("Nothing waits"));
}

#[test]
fn what_is_missing_is_left_out() {
    let bare = json!({"id": "P-1", "contents": {"form": 1}});
    assert!(review(&bare, "P-1").contains("Findings (0)\n  none"));
    assert!(review(&json!({}), "").contains("not yours to see"));
    assert_eq!(
        decided(&sample()),
        "P-AAAA1111 has 1 approval(s); needs 1 more; somebody of legal or ospo is missing.\n"
    );
    let over = review(&json!({"id": "P-1", "contents_kept": false}), "P-1");
    assert!(over.contains("not kept any more"), "{over}");
    assert_eq!(
        decided(&json!({"id": "P-1", "state": "sent"})),
        "P-1 is sent.\n"
    );
}
