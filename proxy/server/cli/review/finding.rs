//! `exeat review finding`: what one finding of a held push is.

use serde_json::{Value, json};

use super::super::people::{print, segment};
use super::super::reach::{Server, shown as safe};

#[derive(Debug, clap::Args)]
pub struct Finding {
    /// The push's id
    id: String,
    /// The finding's id, such as f-7k3m9q2x4a; "show" prints it beside its rule
    finding: String,
    /// false-positive, test-data, accepted-risk, or must-fix: then nobody can approve the push
    judgement: String,
    /// The revision that you saw
    #[arg(long, value_name = "N")]
    revision: u64,
    /// Why; at most 500 characters, without secrets. must-fix and --waive need it
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
    /// Let it stop no push to this repository any more. You cannot approve a push that rests on it
    #[arg(long)]
    waive: bool,
    /// How long it is waived: 1 to 366 days; 90 otherwise
    #[arg(long, value_name = "N", requires = "waive")]
    days: Option<u32>,
}

impl Finding {
    /// The push that it is about.
    pub fn push(&self) -> &str {
        &self.id
    }
}

/// Says it to the server, and prints what is said of the push's findings now.
pub async fn say(server: &Server, finding: &Finding, json: bool) -> anyhow::Result<()> {
    let mut said = json!({
        "judgement": finding.judgement,
        "revision": finding.revision,
        "words": finding.reason,
        "waive": finding.waive,
    });
    if let (Some(days), Some(fields)) = (finding.days, said.as_object_mut()) {
        fields.insert("days".to_owned(), days.into());
    }
    let path = format!(
        "/api/v1/reviews/{}/findings/{}/decisions",
        segment(&finding.id),
        segment(&finding.finding)
    );
    let answer = server.post(&path, &said).await?;
    if json {
        return print(&format!("{answer}\n"));
    }
    let mut page = String::new();
    let decisions = answer.get("decisions").and_then(Value::as_array);
    for decision in decisions.into_iter().flatten() {
        let text = |field: &str| {
            let text = decision.get(field).and_then(Value::as_str);
            text.map(safe).unwrap_or_default()
        };
        let (finding, judgement, by) = (text("finding"), text("judgement"), text("by"));
        page.push_str(&format!("{finding} is {judgement}, says {by}"));
        match text("waiver") {
            waiver if waiver.is_empty() => page.push('\n'),
            waiver => page.push_str(&format!(" (waived by {waiver})\n")),
        }
    }
    let revision = answer.get("revision").and_then(Value::as_u64);
    if let Some(revision) = revision {
        page.push_str(&format!(
            "{} is at revision {revision} now.\n",
            safe(&finding.id)
        ));
    }
    print(&page)
}
