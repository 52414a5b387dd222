//! Findings as people and programs read them.

mod csv;
mod gitlab;
mod junit;
mod sarif;

use std::{
    io::{self, StdoutLock, Write},
    sync::Arc,
    time::Instant,
};

use exeat_inspect::{Finding, Unscannable};
use exeat_rules::{Rule, RuleSet};

use super::{
    FailOn, Format,
    baseline::{Baseline, Notes},
    excused::Excused,
    progress::Progress,
};

/// What a scan came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    Clean,
    Findings,
    /// Something could not be read; whatever was found has been printed.
    Incomplete,
}

/// Prints findings: as they come where the format allows, else at the end.
pub struct Printer {
    out: StdoutLock<'static>,
    format: Format,
    fail_on: FailOn,
    rules: Arc<RuleSet>,
    baseline: Option<Baseline>,
    notes: Option<Notes>,
    excused: Excused,
    progress: Progress,
    kept: Vec<Finding>,
    missed: Vec<Unscannable>,
    findings: u64,
    failing: u64,
    hidden: u64,
    unread: u64,
    scanned: u64,
    begun: (String, Instant),
}

/// A whole scan, for formats that are written at its end.
pub struct Outcome<'a> {
    pub findings: &'a [Finding],
    pub unread: &'a [Unscannable],
    pub rules: &'a RuleSet,
    pub scanned: u64,
    pub hidden: u64,
    /// In UTC, as `2020-02-14T16:01:59`.
    pub begun: &'a str,
    pub ended: &'a str,
    pub seconds: f64,
}

impl Printer {
    /// `notes` collects the findings for a new baseline.
    pub fn new(
        format: Format,
        fail_on: FailOn,
        rules: Arc<RuleSet>,
        baseline: Option<Baseline>,
        notes: Option<Notes>,
    ) -> Self {
        Self {
            out: io::stdout().lock(),
            format,
            fail_on,
            rules,
            baseline,
            notes,
            excused: Excused::default(),
            progress: Progress::default(),
            kept: Vec::new(),
            missed: Vec::new(),
            findings: 0,
            failing: 0,
            hidden: 0,
            unread: 0,
            scanned: 0,
            begun: (now(), Instant::now()),
        }
    }

    /// The same without what is excused.
    pub fn without(self, excused: Excused) -> Self {
        Self { excused, ..self }
    }

    /// Counts a file (or a pack) of `bytes` of content.
    pub fn scanned(&mut self, bytes: u64) {
        self.scanned += bytes;
        self.progress.more(1, bytes);
    }

    /// Counts `bytes` that are on their way.
    pub fn under_way(&mut self, bytes: u64) {
        self.progress.more(0, bytes);
    }

    pub fn finding(&mut self, finding: Finding) -> anyhow::Result<()> {
        if self.excused.hides(&finding) {
            return Ok(());
        }
        if let Some(notes) = &mut self.notes {
            notes.note(&finding);
        }
        if self
            .baseline
            .as_mut()
            .is_some_and(|known| known.hides(&finding))
        {
            self.hidden += 1;
            return Ok(());
        }
        self.findings += 1;
        self.failing += u64::from(self.fail_on.fails(finding.action));
        match self.format {
            Format::Jsonl => {
                self.progress.clear();
                serde_json::to_writer(&mut self.out, &finding)?;
                writeln!(self.out)?;
            }
            Format::Text => {
                self.progress.clear();
                text(&mut self.out, &finding)?;
            }
            _ => self.kept.push(finding),
        }
        Ok(())
    }

    /// Something that was not read to its end: never silently clean.
    pub fn unread(&mut self, missed: &Unscannable) -> anyhow::Result<()> {
        self.unread += 1;
        self.progress.clear();
        writeln!(
            io::stderr(),
            "exeat: not read: {}: {}",
            missed.what,
            missed.why
        )?;
        self.missed.push(missed.clone());
        Ok(())
    }

    /// Tells entries of the baseline that hid nothing, of the paths that `covered` says were scanned.
    pub fn tell_unused(&mut self, covered: impl Fn(&str) -> bool) -> anyhow::Result<()> {
        self.progress.clear();
        for line in self
            .baseline
            .iter()
            .flat_map(|known| known.unused(&covered))
        {
            writeln!(io::stderr(), "exeat: {line}")?;
        }
        Ok(())
    }

    /// Sums up and says what the scan came to, and hands back the baseline and what is to be noted.
    pub fn finish(mut self) -> anyhow::Result<(Told, Option<Baseline>, Option<Notes>)> {
        self.progress.clear();
        self.summary()?;
        self.out.flush()?;
        self.excused.sum_up()?;
        let told = match (self.unread, self.failing) {
            (1.., _) => Told::Incomplete,
            (0, 1..) => Told::Findings,
            (0, 0) => Told::Clean,
        };
        Ok((told, self.baseline, self.notes))
    }

    fn summary(&mut self) -> anyhow::Result<()> {
        let ended = now();
        let outcome = Outcome {
            findings: &self.kept,
            unread: &self.missed,
            rules: &self.rules,
            scanned: self.scanned,
            hidden: self.hidden,
            begun: &self.begun.0,
            ended: &ended,
            seconds: self.begun.1.elapsed().as_secs_f64(),
        };
        let out = &mut self.out;
        match self.format {
            Format::Jsonl => {}
            Format::Text => {
                let findings = self.findings;
                write!(
                    out,
                    "{findings} finding{}",
                    if findings == 1 { "" } else { "s" }
                )?;
                write!(out, " in {} bytes", self.scanned)?;
                if self.hidden > 0 {
                    write!(out, "; {} known", self.hidden)?;
                }
                if self.unread > 0 {
                    write!(out, "; {} not read", self.unread)?;
                }
                writeln!(out)?;
            }
            Format::Json => json(out, &outcome)?,
            Format::Sarif => sarif::write(out, &outcome)?,
            Format::Csv => csv::write(out, &outcome)?,
            Format::Junit => junit::write(out, &outcome)?,
            Format::Gitlab => gitlab::write(out, &outcome)?,
        }
        Ok(())
    }
}

fn text(out: &mut dyn Write, finding: &Finding) -> io::Result<()> {
    let place = &finding.place;
    write!(
        out,
        "{}:{}:{}: ",
        self::place(finding),
        place.line,
        place.column
    )?;
    write!(out, "{} [{}] ", finding.description, finding.rule)?;
    write!(out, "{} {}", finding.action, finding.masked)?;
    if !finding.via.is_empty() {
        write!(out, " in {}", finding.via.join(", "))?;
    }
    if let Some(commit) = &place.commit {
        write!(out, " in {} of commit {commit}", place.part.describe())?;
    }
    writeln!(out)
}

fn json(out: &mut dyn Write, outcome: &Outcome<'_>) -> io::Result<()> {
    let whole = serde_json::json!({
        "version": env!("CARGO_PKG_VERSION"),
        "rules_digest": outcome.rules.digest(),
        "begun": format!("{}Z", outcome.begun),
        "ended": format!("{}Z", outcome.ended),
        "scanned_bytes": outcome.scanned,
        "known": outcome.hidden,
        "findings": outcome.findings,
        "unread": outcome.unread,
    });
    serde_json::to_writer_pretty(&mut *out, &whole)?;
    writeln!(out)
}

/// Path, else object, else the part in words.
fn place(finding: &Finding) -> String {
    let place = &finding.place;
    match (&place.path, &place.object) {
        (Some(path), _) => path.clone(),
        (None, Some(object)) => format!("object {object}"),
        (None, None) => place.part.describe().to_owned(),
    }
}

/// What was found, in a sentence without the secret.
fn sentence(finding: &Finding) -> String {
    let what = match finding.description.is_empty() {
        true => &finding.rule,
        false => &finding.description,
    };
    let mut text = format!("{what} in {}, line {}", place(finding), finding.place.line);
    if !finding.via.is_empty() {
        text.push_str(&format!(", in {}", finding.via.join(", ")));
    }
    if !finding.masked.as_str().is_empty() {
        text.push_str(&format!(": {}", finding.masked));
    }
    if let Some(remedy) = &finding.remedy {
        text.push_str(&format!(". {remedy}"));
    }
    text
}

/// The references of a rule that can be followed: rule files may hold any text there.
fn addresses(rule: &Rule) -> impl Iterator<Item = &str> {
    let references = rule.references.iter().map(String::as_str);
    references.filter(|reference| {
        let is_web = reference.starts_with("https://") || reference.starts_with("http://");
        is_web
            && reference.is_ascii()
            && reference
                .parse::<http::Uri>()
                .is_ok_and(|uri| uri.host().is_some())
    })
}

/// The time in UTC, in whole seconds.
fn now() -> String {
    let now = time::OffsetDateTime::now_utc();
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}",
        now.year(),
        u8::from(now.month()),
        now.day(),
        now.hour(),
        now.minute(),
        now.second()
    )
}
