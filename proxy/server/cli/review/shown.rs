//! Held pushes as people read them in a terminal: what was found first, then what else would leave.
//!
//! Everything here came over the network and much of it from the pusher, so nothing is printed as it came.

use std::fmt::Write as _;

use serde_json::Value;

use super::super::people::table;
use super::super::reach::{shown as safe, shown_lines};

/// Columns of a terminal.
const WIDTH: usize = 78;

/// The text of a field, safe to print; empty where there is none.
fn text(value: &Value, field: &str) -> String {
    match value.get(field) {
        Some(Value::String(text)) => safe(text),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    }
}

/// The same of words that may have several lines.
fn words(value: &Value, field: &str) -> String {
    let words = value.get(field).and_then(Value::as_str);
    words.map(shown_lines).unwrap_or_default()
}

fn number(value: &Value, field: &str) -> u64 {
    value.get(field).and_then(Value::as_u64).unwrap_or(0)
}

fn is_set(value: &Value, field: &str) -> bool {
    value.get(field).and_then(Value::as_bool) == Some(true)
}

fn items<'v>(value: &'v Value, field: &str) -> &'v [Value] {
    let items = value.get(field).and_then(Value::as_array);
    items.map_or(&[], Vec::as_slice)
}

fn texts(value: &Value, field: &str) -> Vec<String> {
    let items = items(value, field).iter();
    items.filter_map(Value::as_str).map(safe).collect()
}

/// A table of pushes.
pub fn list(found: &[Value], state: &str, now: i64) -> String {
    if found.is_empty() {
        return match state {
            "open" => "Nothing waits for a decision that you may see.\n".to_owned(),
            _ => "There is no such push that you may see.\n".to_owned(),
        };
    }
    let rows: Vec<[String; 7]> = found.iter().map(|review| row(review, now)).collect();
    let titles = ["id", "state", "has", "age", "pusher", "for", "repository"];
    table(titles, &rows)
}

fn row(review: &Value, now: i64) -> [String; 7] {
    let yours = match is_set(review, "yours_to_decide") {
        true => "you",
        false => "-",
    };
    [
        text(review, "id"),
        text(review, "state"),
        has(review),
        age(&text(review, "created"), now),
        pusher(review),
        yours.to_owned(),
        target(review),
    ]
}

/// Approvals that it has and needs, and the groups that are missing beside them.
fn has(review: &Value) -> String {
    let (has, needed) = (number(review, "approvals"), number(review, "needed"));
    let groups = lists(review, "missing_groups").join("+");
    match groups.is_empty() || text(review, "state") != "open" {
        true => format!("{has}/{needed}"),
        false => format!("{has}/{needed}+{}", groups.replace(" or ", "|")),
    }
}

/// Lists of groups, each as `a or b`.
fn lists(review: &Value, field: &str) -> Vec<String> {
    let lists = items(review, field).iter();
    let lists = lists.map(|list| {
        let names = list.as_array().into_iter().flatten();
        let names: Vec<String> = names.filter_map(Value::as_str).map(safe).collect();
        names.join(" or ")
    });
    lists.collect()
}

/// What is missing before it may go; empty where nothing is.
fn lacks(review: &Value) -> String {
    let has = number(review, "approvals");
    let mut lacks: Vec<String> = Vec::new();
    match number(review, "needed").saturating_sub(has) {
        0 => {}
        missing => lacks.push(format!("needs {missing} more")),
    }
    let groups = lists(review, "missing_groups").into_iter();
    lacks.extend(groups.map(|list| format!("somebody of {list} is missing")));
    lacks.join("; ")
}

/// Who decides.
fn decides(review: &Value) -> String {
    let mut decides = format!("the role reviewer for {}", target(review));
    let groups = lists(review, "groups");
    if !groups.is_empty() {
        let groups: Vec<String> = groups
            .iter()
            .map(|list| format!("somebody of {list}"))
            .collect();
        decides.push_str(&format!(", {} among them", groups.join(" and ")));
    }
    if is_set(review, "four_eyes") {
        decides.push_str("; nobody for a push of their own");
    }
    decides
}

fn target(review: &Value) -> String {
    format!(
        "{}/{}",
        text(review, "upstream"),
        text(review, "repository")
    )
}

fn pusher(review: &Value) -> String {
    let Some(pusher) = review.get("pusher") else {
        return "-".to_owned();
    };
    let name = match (text(pusher, "person"), text(pusher, "account")) {
        (person, _) if !person.is_empty() => person,
        (_, account) if !account.is_empty() => format!("account {account}"),
        _ => "not known".to_owned(),
    };
    match is_set(pusher, "you") {
        true => format!("{name} (you)"),
        false => name,
    }
}

/// How long ago, in the unit that says enough.
fn age(created: &str, now: i64) -> String {
    use time::{OffsetDateTime, format_description::well_known::Rfc3339};
    let Ok(then) = OffsetDateTime::parse(created, &Rfc3339) else {
        return "-".to_owned();
    };
    let seconds = now.div_euclid(1000) - then.unix_timestamp();
    match seconds.max(0) {
        seconds @ 0..120 => format!("{seconds}s"),
        seconds @ 120..7_200 => format!("{}m", seconds / 60),
        seconds @ 7_200..172_800 => format!("{}h", seconds / 3_600),
        seconds => format!("{}d", seconds / 86_400),
    }
}

/// After a decision: how it stands, and what happens next.
pub fn decided(review: &Value) -> String {
    let id = text(review, "id");
    let has = number(review, "approvals");
    match text(review, "state").as_str() {
        "open" => format!("{id} has {has} approval(s); {}.\n", lacks(review)),
        "approved" => format!(
            "{id} is approved until {}. It goes at once where its pusher keeps the push open or that is set up, \
             else when it is pushed again.\n",
            minute(&text(review, "grant_expires"))
        ),
        "rejected" => format!("{id} is rejected. The developer reads your reason.\n"),
        "withdrawn" => format!("{id} is withdrawn. Nothing of it left.\n"),
        state => format!("{id} is {state}.\n"),
    }
}

fn minute(time: &str) -> String {
    match (time.get(..10), time.get(11..16)) {
        (Some(day), Some(hour)) => format!("{day} {hour} UTC"),
        _ => time.to_owned(),
    }
}

/// One push, in full, as it was asked for by `asked`.
pub fn review(review: &Value, asked: &str) -> String {
    let mut page = Page::default();
    summary(&mut page, review, asked);
    let judged = items(review, "finding_decisions");
    if let Some(contents) = review.get("contents") {
        findings(&mut page, contents, judged);
        unreadable(&mut page, contents, judged);
        grounds(&mut page, contents);
        outbound(&mut page, contents);
        commits(&mut page, contents);
        coverage(&mut page, contents);
    } else if review.get("contents_kept").and_then(Value::as_bool) == Some(false) {
        page.title("Contents");
        page.line("What was in it is not kept any more: it has been over for long. Who decided what stays on record.");
    } else {
        page.title("Contents");
        page.line("What is in it is not yours to see.");
    }
    said(&mut page, review);
    page.0
}

#[derive(Default)]
struct Page(String);

impl Page {
    fn title(&mut self, title: &str) {
        let _ = writeln!(self.0, "\n{title}");
    }

    fn line(&mut self, text: &str) {
        self.wrapped("  ", text);
    }

    fn field(&mut self, name: &str, value: &str) {
        if !value.is_empty() {
            self.wrapped_from(&format!("{name:<11}"), "           ", value);
        }
    }

    fn wrapped(&mut self, indent: &str, text: &str) {
        self.wrapped_from(indent, indent, text);
    }

    /// Words below one another; what has no blank goes on past the width, so that it can be copied.
    fn wrapped_from(&mut self, first: &str, later: &str, text: &str) {
        let mut begin = first;
        for line in text.split('\n') {
            self.wrapped_line(begin, later, line);
            begin = later;
        }
    }

    fn wrapped_line(&mut self, first: &str, later: &str, text: &str) {
        let mut line = first.to_owned();
        let mut is_fresh = true;
        for word in text.split(' ') {
            let width = line.chars().count() + 1 + word.chars().count();
            if !is_fresh && width > WIDTH {
                let _ = writeln!(self.0, "{}", line.trim_end());
                line = later.to_owned();
                is_fresh = true;
            }
            if !is_fresh {
                line.push(' ');
            }
            line.push_str(word);
            is_fresh = false;
        }
        let _ = writeln!(self.0, "{}", line.trim_end());
    }

    fn more(&mut self, contents: &Value, field: &str) {
        let more = number(contents, field);
        if more > 0 {
            self.line(&format!("and {more} more"));
        }
    }
}

fn summary(page: &mut Page, review: &Value, asked: &str) {
    let id = text(review, "id");
    page.field("push", &id);
    if !id.is_empty() && !asked.eq_ignore_ascii_case(&id) {
        page.field("", &format!("({} is the same, pushed later)", safe(asked)));
    }
    page.field("revision", &text(review, "revision"));
    let state = text(review, "state");
    let superseded = text(review, "superseded_by");
    page.field(
        "state",
        &match superseded.is_empty() {
            true => state.clone(),
            false => format!("{state} by {superseded}"),
        },
    );
    page.field("to", &target(review));
    page.field("pusher", &pusher(review));
    let has = number(review, "approvals");
    let groups = match lists(review, "missing_groups") {
        groups if groups.is_empty() || state != "open" => String::new(),
        groups => format!("; somebody of {} is missing", groups.join(", of ")),
    };
    page.field(
        "approvals",
        &format!("{has} of {}{groups}", number(review, "needed")),
    );
    page.field("decides", &decides(review));
    page.field("since", &minute(&text(review, "created")));
    page.field("until", &minute(&text(review, "expires")));
    let grant = text(review, "grant_expires");
    if state == "approved" {
        page.field("approved", &format!("until {}", minute(&grant)));
    }
    if is_set(review, "yours_to_decide") {
        page.field("for", "you to decide");
    }
    let reason = review
        .get("contents")
        .map(|contents| words(contents, "reason"));
    page.field("reason", &reason.unwrap_or_default());
    page.field("returned", &returned(review));
}

/// What is new in a push that was approved, a line each.
fn returned(review: &Value) -> String {
    let contents = review.get("contents");
    let Some(returned) = contents.and_then(|contents| contents.get("returned")) else {
        return String::new();
    };
    let mut lines = vec![format!(
        "{} was approved by {}; new since:",
        minute(&text(returned, "at")),
        texts(returned, "approved_by").join(", ")
    )];
    lines.extend(texts(returned, "new"));
    match number(returned, "more") {
        0 => {}
        more => lines.push(format!("and {more} more")),
    }
    lines.join("\n")
}

fn findings(page: &mut Page, contents: &Value, judged: &[Value]) {
    let found = items(contents, "findings");
    page.title(&format!(
        "Findings ({})",
        found.len() as u64 + number(contents, "more_findings")
    ));
    if found.is_empty() {
        page.line("none");
    }
    for (index, finding) in found.iter().enumerate() {
        if index > 0 {
            page.0.push('\n');
        }
        one_finding(page, finding, judged);
    }
    page.more(contents, "more_findings");
}

fn one_finding(page: &mut Page, finding: &Value, judged: &[Value]) {
    let action = [text(finding, "action"), text(finding, "severity")];
    let action = action.into_iter().filter(|word| !word.is_empty());
    let id = text(finding, "id");
    page.line(&format!(
        "{} ({}){}",
        text(finding, "rule"),
        action.collect::<Vec<_>>().join(", "),
        if id.is_empty() { id } else { format!("  {id}") }
    ));
    let description = text(finding, "description");
    if !description.is_empty() {
        page.wrapped("    ", &description);
    }
    let place = match (text(finding, "path"), text(finding, "part")) {
        (path, part) if path.is_empty() => part.replace('-', " "),
        (path, _) => path,
    };
    let line = number(finding, "line");
    let at = match line {
        0 => place,
        line => format!("{place}:{line}"),
    };
    page.wrapped("    ", &format!("at {at}  {}", text(finding, "masked")));
    for note in notes(finding) {
        page.wrapped("    ", &note);
    }
    judgement(page, finding, judged);
    if let Some(context) = finding.get("context") {
        let from = number(context, "from");
        for (number, line) in (from..).zip(texts(context, "lines")) {
            let _ = writeln!(page.0, "      {number:>5} | {line}");
        }
    }
}

/// What somebody said of this finding, in whose words, and what waives it since.
fn judgement(page: &mut Page, finding: &Value, judged: &[Value]) {
    let id = text(finding, "id");
    let mut judged = judged.iter();
    let Some(said) = judged.find(|said| !id.is_empty() && text(said, "finding") == id) else {
        return;
    };
    let what = text(said, "judgement").replace('-', " ");
    page.wrapped_from("    ", "      ", &entry(said, &format!("says: {what}")));
    let waiver = text(said, "waiver");
    if !waiver.is_empty() {
        page.wrapped("    ", &format!("that is the waiver {waiver}"));
    }
}

fn notes(finding: &Value) -> Vec<String> {
    let mut notes = Vec::new();
    let commits = texts(finding, "commits");
    if let Some(first) = commits.first() {
        let others = commits.len() as u64 - 1 + number(finding, "more_commits");
        notes.push(match others {
            0 => format!("in commit {}", short(first)),
            others => format!("in commit {} and {others} more", short(first)),
        });
    }
    if is_set(finding, "existing") {
        notes.push("the repository serves it already".to_owned());
    }
    let excused = text(finding, "excused");
    if !excused.is_empty() {
        notes.push(format!("excused by the push itself: {excused}"));
    }
    let waived = texts(finding, "waived");
    if !waived.is_empty() {
        notes.push(format!("waived by {}", waived.join(", ")));
    }
    notes
}

fn unreadable(page: &mut Page, contents: &Value, judged: &[Value]) {
    let unread = items(contents, "unreadable");
    if unread.is_empty() {
        return;
    }
    page.title("Not readable");
    for item in unread {
        let (id, what, why) = (text(item, "id"), text(item, "what"), text(item, "why"));
        page.line(format!("{what}: {why}  {id}").trim_end());
        judgement(page, item, judged);
    }
    page.more(contents, "more_unreadable");
}

fn grounds(page: &mut Page, contents: &Value) {
    let grounds = items(contents, "grounds");
    let messages = texts(contents, "messages");
    if grounds.is_empty() && messages.is_empty() {
        return;
    }
    page.title("Why it waits");
    for ground in grounds {
        let what = text(ground, "what").replace('-', " ");
        let count = match number(ground, "count") {
            0 => String::new(),
            count => format!("{count} "),
        };
        let by = text(ground, "by");
        let by = if by.is_empty() {
            by
        } else {
            format!(" ({by})")
        };
        page.line(&format!(
            "{count}{what}: {}{by}",
            text(ground, "disposition")
        ));
    }
    for message in messages {
        page.line(&message);
    }
}

/// Names that leave: refs and push options.
fn outbound(page: &mut Page, contents: &Value) {
    page.title("Refs");
    for update in items(contents, "refs") {
        let (old, new) = (text(update, "old"), text(update, "new"));
        let is_zero = |id: &str| !id.is_empty() && id.bytes().all(|byte| byte == b'0');
        let how = match (is_zero(&old), is_zero(&new)) {
            (true, _) => format!("new, at {}", short(&new)),
            (_, true) => "deleted".to_owned(),
            _ => format!("{} to {}", short(&old), short(&new)),
        };
        page.line(&format!("{}  {how}", text(update, "name")));
    }
    page.more(contents, "more_refs");
    let options = texts(contents, "options");
    if !options.is_empty() {
        page.title("Push options");
        options.iter().for_each(|option| page.line(option));
        page.more(contents, "more_options");
    }
}

fn commits(page: &mut Page, contents: &Value) {
    let commits = items(contents, "commits");
    page.title(&format!(
        "Commits ({})",
        commits.len() as u64 + number(contents, "more_commits")
    ));
    if is_set(contents, "withheld") {
        page.line("There are so many secrets in this push that no text of it is shown.");
    }
    for commit in commits {
        page.line(&format!(
            "{} {}",
            short(&text(commit, "id")),
            text(commit, "subject")
        ));
        let (author, committer) = (text(commit, "author"), text(commit, "committer"));
        page.wrapped("    ", &format!("{author}, {}", text(commit, "authored")));
        if committer != author && !committer.is_empty() {
            page.wrapped("    ", &format!("committed by {committer}"));
        }
        message(page, commit);
    }
    page.more(contents, "more_commits");
    for tag in items(contents, "tags") {
        page.line(&format!(
            "tag {} of {}, by {}",
            text(tag, "name"),
            short(&text(tag, "target")),
            text(tag, "tagger")
        ));
        message(page, tag);
    }
    page.more(contents, "more_tags");
}

fn message(page: &mut Page, of: &Value) {
    for line in texts(of, "message") {
        page.wrapped("      ", &line);
    }
    if is_set(of, "cut") {
        page.wrapped("      ", "...");
    }
}

fn coverage(page: &mut Page, contents: &Value) {
    let Some(Value::Object(coverage)) = contents.get("coverage") else {
        return;
    };
    let counts = coverage.iter().filter_map(|(name, count)| {
        let count = count.as_u64().filter(|count| *count > 0)?;
        Some(format!("{count} {}", safe(name).replace('_', " ")))
    });
    let counts: Vec<String> = counts.collect();
    if !counts.is_empty() {
        page.title("Looked at");
        page.line(&counts.join(", "));
    }
}

/// What people said: decisions and comments, in the order of time.
fn said(page: &mut Page, review: &Value) {
    let decisions = items(review, "decisions").iter();
    let mut said: Vec<(String, String)> = decisions
        .map(|decision| {
            let verdict = match text(decision, "verdict").as_str() {
                "approve" => "approved".to_owned(),
                "reject" => "rejected".to_owned(),
                other => other.to_owned(),
            };
            (text(decision, "at"), entry(decision, &verdict))
        })
        .collect();
    said.extend(
        items(review, "comments")
            .iter()
            .map(|comment| (text(comment, "at"), entry(comment, "said"))),
    );
    if said.is_empty() {
        return;
    }
    said.sort();
    page.title("Said");
    for (_, line) in said {
        page.wrapped_from("  ", "    ", &line);
    }
}

fn entry(value: &Value, verb: &str) -> String {
    let words = words(value, "words");
    let words = if words.is_empty() {
        words
    } else {
        format!(": {words}")
    };
    format!(
        "{} {} {verb}{words}",
        minute(&text(value, "at")),
        text(value, "by")
    )
}

fn short(id: &str) -> &str {
    id.get(..12).unwrap_or(id)
}

#[cfg(test)]
mod tests;
