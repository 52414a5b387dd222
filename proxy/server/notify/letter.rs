//! The mail about a held push: short, calm, with a link; no code, no findings, and nobody's words.
//!
//! Everything that goes into a header is printable ASCII on one line, whatever a repository is called.

use exeat_gitwire::text::escape_short;
use time::OffsetDateTime;

use super::event::Kind;
use super::webhook::Told;
use crate::people::time as text;

/// Bytes of a repository's name that are written.
const NAME: usize = 120;

/// Why somebody gets a letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Who may decide.
    Reviewer,
    /// Who pushed.
    Pusher,
    /// An address of the configuration.
    Listed,
}

/// Who writes to whom, about which notice.
#[derive(Debug, Clone, Copy)]
pub(super) struct Envelope<'a> {
    pub(super) from: &'a str,
    pub(super) to: &'a str,
    /// Of the notice: the same for every try.
    pub(super) id: &'a str,
    /// Unix seconds.
    pub(super) now: i64,
}

/// The letter with its headers, lines ended by CR LF.
pub(super) fn letter(envelope: &Envelope<'_>, told: &Told<'_>, role: Role) -> String {
    let facts = told.facts;
    let place = escape_short(
        format!("{}/{}", facts.upstream, facts.repository).as_bytes(),
        NAME,
    );
    let case = escape_short(told.case.as_bytes(), 40);
    let (subject, first, next) = sentences(told.kind, &place, &case);
    let mut lines: Vec<String> = first.lines().map(str::to_owned).collect();
    lines.extend([String::new(), format!("  Push       {case}")]);
    if matches!(told.kind, Kind::Opened | Kind::Decided | Kind::Returned) {
        lines.push(format!(
            "  Approvals  {} of {}",
            facts.approvals,
            facts.needed.max(1)
        ));
        lines.push(format!("  Ends       {}", minute(facts.expires)));
    }
    if matches!(told.kind, Kind::Approved | Kind::NotTaken) {
        lines.push(format!("  Valid to   {}", minute(facts.expires)));
    }
    lines.push(String::new());
    if role == Role::Pusher || !waits(told.kind) {
        lines.extend(next.lines().map(str::to_owned));
    } else {
        lines.push("Nothing of it has left the company.".to_owned());
    }
    lines.push(String::new());
    lines.push(format!("See it:  exeat review show {case}"));
    lines.extend(told.link().map(|link| format!("         {link}")));
    lines.push(String::new());
    lines.push(why(role).to_owned());
    lines.push("Exeat puts no code and no findings into mail.".to_owned());
    framed(envelope, &format!("{subject} ({case})"), &case, &lines)
}

/// A letter that says nothing but that letters arrive.
pub(super) fn trial(envelope: &Envelope<'_>) -> String {
    let lines = [
        "This is a test of the mail that Exeat sends about held pushes.",
        "",
        "It was asked for by the operator with: exeat notify test",
    ];
    let lines = lines.map(str::to_owned);
    framed(envelope, "Exeat: a test", "test", &lines)
}

fn waits(kind: Kind) -> bool {
    matches!(kind, Kind::Opened | Kind::Decided | Kind::Returned)
}

/// The subject, the first sentence, and what its pusher does next.
fn sentences(kind: Kind, place: &str, case: &str) -> (String, String, String) {
    let (subject, first, next) = match kind {
        Kind::Opened => (
            "a push to {} waits for review",
            "A push to {} waits for a decision.",
            "Nothing of it has left the company. You are told when it is decided.",
        ),
        Kind::Decided => (
            "a push to {} has an approval",
            "A push to {} was approved once and needs more approvals.",
            "Nothing of it has left the company.",
        ),
        Kind::Approved => (
            "a push to {} was approved",
            "A push to {} was approved.",
            "The same push may now go upstream once: push again, unless it goes by itself.",
        ),
        Kind::Rejected => (
            "a push to {} was rejected",
            "A push to {} was rejected. Nothing of it has left the company.",
            "The reason is with the push; it is not sent by mail.",
        ),
        Kind::Returned => (
            "a push to {} waits for review again",
            "A push to {} was approved and waits again:\nrules or policy have changed since, and it is not as it was judged then.",
            "Nothing of it has left the company.",
        ),
        Kind::Withdrawn => (
            "a push to {} was withdrawn",
            "A push to {} was withdrawn. There is nothing to decide any more.",
            "Nothing of it has left the company.",
        ),
        Kind::Expired => (
            "a push to {} has expired",
            "A push to {} has expired:\nnobody decided on it, or used the approval, in time.",
            "Nothing of it has left the company. Push again to ask anew.",
        ),
        Kind::Superseded => (
            "a push to {} was replaced",
            "A push to {} was replaced by a newer one.",
            "Nothing of it has left the company.",
        ),
        Kind::Sent => (
            "a push to {} went upstream",
            "A push to {} was approved and has gone upstream.",
            "There is nothing left to do.",
        ),
        Kind::NotTaken => (
            "a push to {} was not taken",
            "A push to {} was approved, and the upstream did not take it.",
            "The approval holds: push again.",
        ),
        Kind::Unknown => (
            "a push to {} ended unclear",
            "A push to {} was on its way when something broke.\nWhat the upstream has of it is not known.",
            "Fetch to see whether it is there before you push again.",
        ),
    };
    let next = match (kind, case) {
        (Kind::Rejected, case) => format!("{next}\nRead it with: exeat review show {case}"),
        _ => next.to_owned(),
    };
    (
        format!("Exeat: {}", subject.replace("{}", place)),
        first.replace("{}", place),
        next,
    )
}

fn why(role: Role) -> &'static str {
    match role {
        Role::Reviewer => "You get this because you may decide on pushes to this repository.",
        Role::Pusher => "You get this because it was pushed by an account that is yours.",
        Role::Listed => "This address is named in the configuration of Exeat.",
    }
}

fn framed(envelope: &Envelope<'_>, subject: &str, thread: &str, lines: &[String]) -> String {
    let Envelope { from, to, id, now } = envelope;
    let host = from.rsplit_once('@').map_or("localhost", |(_, host)| host);
    let headers = [
        format!("Date: {}", date(*now)),
        format!("From: Exeat <{from}>"),
        format!("To: <{to}>"),
        format!("Subject: {subject}"),
        format!("Message-ID: <{id}@{host}>"),
        format!("References: <{thread}.exeat@{host}>"),
        "Auto-Submitted: auto-generated".to_owned(),
        "MIME-Version: 1.0".to_owned(),
        "Content-Type: text/plain; charset=us-ascii".to_owned(),
        "Content-Transfer-Encoding: 7bit".to_owned(),
        String::new(),
    ];
    let mut letter = String::new();
    for line in headers.iter().chain(lines) {
        // One line stays one line, of ASCII: whatever came in, nothing begins a header or a letter of its own.
        let plain = line.chars().filter(|one| (' '..='~').contains(one));
        letter.extend(plain.take(900));
        letter.push_str("\r\n");
    }
    letter
}

/// `2026-01-02 03:04 UTC`.
fn minute(milliseconds: i64) -> String {
    let text = text::text(milliseconds);
    match (text.get(..10), text.get(11..16)) {
        (Some(day), Some(hour)) => format!("{day} {hour} UTC"),
        _ => text,
    }
}

/// RFC 5322 section 3.3, in UTC.
fn date(seconds: i64) -> String {
    let time = OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let short = |name: String| name.chars().take(3).collect::<String>();
    format!(
        "{}, {:02} {} {:04} {:02}:{:02}:{:02} +0000",
        short(time.weekday().to_string()),
        time.day(),
        short(time.month().to_string()),
        time.year(),
        time.hour(),
        time.minute(),
        time.second()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notify::Facts;

    const ENVELOPE: Envelope<'static> = Envelope {
        from: "exeat@bank.example",
        to: "ada@bank.example",
        id: "n-0123456789",
        now: 1_767_323_045,
    };

    fn facts(repository: &str) -> Facts {
        Facts {
            state: "open".into(),
            upstream: "github.com".into(),
            repository: repository.into(),
            approvals: 0,
            needed: 2,
            opened: 0,
            expires: 1_767_323_045_000,
            person: None,
            account: None,
        }
    }

    fn told(facts: &Facts, kind: Kind) -> Told<'_> {
        Told {
            case: "P-7F3K9-QXA2M-4HDW8",
            revision: 1,
            kind,
            at: 0,
            facts,
            console: None,
        }
    }

    #[test]
    fn a_letter_reads_like_this() {
        let facts = facts("org/repo");
        let letter = letter(&ENVELOPE, &told(&facts, Kind::Opened), Role::Reviewer);
        let expected = "Date: Fri, 02 Jan 2026 03:04:05 +0000\r\n\
            From: Exeat <exeat@bank.example>\r\n\
            To: <ada@bank.example>\r\n\
            Subject: Exeat: a push to github.com/org/repo waits for review (P-7F3K9-QXA2M-4HDW8)\r\n\
            Message-ID: <n-0123456789@bank.example>\r\n\
            References: <P-7F3K9-QXA2M-4HDW8.exeat@bank.example>\r\n\
            Auto-Submitted: auto-generated\r\n\
            MIME-Version: 1.0\r\n\
            Content-Type: text/plain; charset=us-ascii\r\n\
            Content-Transfer-Encoding: 7bit\r\n\
            \r\n\
            A push to github.com/org/repo waits for a decision.\r\n\
            \r\n  Push       P-7F3K9-QXA2M-4HDW8\r\n\
            \x20 Approvals  0 of 2\r\n\
            \x20 Ends       2026-01-02 03:04 UTC\r\n\
            \r\n\
            Nothing of it has left the company.\r\n\
            \r\n\
            See it:  exeat review show P-7F3K9-QXA2M-4HDW8\r\n\
            \r\n\
            You get this because you may decide on pushes to this repository.\r\n\
            Exeat puts no code and no findings into mail.\r\n";
        assert_eq!(letter, expected);
    }

    #[test]
    fn every_kind_has_a_letter_of_short_ascii_lines() {
        let facts = facts("org/repo");
        for kind in Kind::ALL {
            for role in [Role::Reviewer, Role::Pusher, Role::Listed] {
                let letter = letter(&ENVELOPE, &told(&facts, kind), role);
                assert!(letter.is_ascii() && !letter.contains("{}"), "{letter}");
                for line in letter.split("\r\n") {
                    assert!(line.len() <= 100, "{line}");
                    assert!(!line.contains(['\r', '\n']), "{line}");
                }
            }
        }
    }

    #[test]
    fn names_cannot_write_headers_or_end_a_letter() {
        for name in [
            "a\r\nBcc: eve@evil.example\r\n\r\nHello",
            "a\n.\nMAIL FROM:<eve@evil.example>",
            "a\u{2028}b\u{e4}\u{202e}",
            "\r\n.\r\n",
            &"long/".repeat(1_000),
        ] {
            let facts = facts(name);
            let honest = letter(
                &ENVELOPE,
                &told(&self::facts("a"), Kind::Opened),
                Role::Listed,
            );
            let letter = letter(&ENVELOPE, &told(&facts, Kind::Opened), Role::Listed);
            assert!(letter.is_ascii());
            assert_eq!(letter.lines().count(), honest.lines().count(), "{letter}");
            assert!(
                !letter
                    .lines()
                    .any(|line| line.starts_with("Bcc") || line == ".")
            );
            assert!(letter.lines().all(|line| line.len() < 300));
        }
    }
}
