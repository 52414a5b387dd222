//! Records to test with.

use super::*;

pub(crate) fn digest(digit: char) -> String {
    digit.to_string().repeat(64)
}

pub(crate) fn actor() -> Actor {
    Actor {
        kind: ActorKind::User,
        name: Some("ada".to_owned()),
        credential: Some(digest('c')),
        source: Some("192.0.2.7".to_owned()),
        ..Actor::default()
    }
}

pub(crate) fn decision(push: &str, verdict: Verdict) -> Decision {
    let refused = verdict != Verdict::Forward;
    let reason = Reason {
        cause: "aws-access-key".to_owned(),
        action: Some("block".to_owned()),
        count: 2,
    };
    let finding = Finding {
        rule: "aws-access-key".to_owned(),
        action: "block".to_owned(),
        path: Some("src/deploy.py".to_owned()),
        line: Some(12),
        commit: Some("5".repeat(40)),
        via: Vec::new(),
        masked: "AKIA**************7Q".to_owned(),
        fingerprint: digest('f'),
        existing: false,
        allowlisted: None,
        excused: None,
        waived: Vec::new(),
    };
    Decision {
        push: push.to_owned(),
        actor: actor(),
        target: Target {
            upstream: "github.com".to_owned(),
            repository: "org/repo".to_owned(),
            refs: vec![RefUpdate {
                name: "refs/heads/main".to_owned(),
                old: "0".repeat(40),
                new: "5".repeat(40),
            }],
        },
        request: Some(digest('a')),
        verdict,
        case: None,
        reasons: refused.then_some(reason).into_iter().collect(),
        findings: refused.then_some(finding).into_iter().collect(),
        coverage: Coverage {
            commits: 1,
            trees: 1,
            blobs: 3,
            bytes: 4_096,
            refs: 1,
            ..Coverage::default()
        },
        digests: digests(),
    }
}

pub(crate) fn digests() -> Digests {
    Digests {
        rules: digest('1'),
        policy: digest('2'),
        config: digest('3'),
    }
}

pub(crate) fn outcome(ending: Ending) -> Outcome {
    Outcome {
        ending,
        forwarded_bytes: 512,
        note: "the upstream took every ref".to_owned(),
    }
}

pub(crate) fn start() -> Start {
    Start {
        version: "0.1.0".to_owned(),
        digests: digests(),
    }
}

pub(crate) fn erasure() -> Erasure {
    Erasure {
        actor: Actor {
            kind: ActorKind::Operator,
            name: Some("privacy office".to_owned()),
            verified: true,
            ..Actor::default()
        },
        reason: "request 7".to_owned(),
    }
}

pub(crate) fn deed(action: &'static str) -> Deed {
    Deed {
        kind: Kind::Person,
        action,
        actor: actor(),
        case: None,
        subject: Some("u-7k2m9q4x1c".to_owned()),
        before: None,
        after: Some(digest('e')),
        note: Some("adds grace".to_owned()),
    }
}
