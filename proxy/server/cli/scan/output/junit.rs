//! Findings as a JUnit report, for build servers: each finding is a test that failed.
//!
//! Elements and attributes are those of Apache Ant's reports, in their order.

use std::io::{self, Write};

use super::{Outcome, sentence};

pub fn write(out: &mut dyn Write, outcome: &Outcome<'_>) -> io::Result<()> {
    let failures = outcome.findings.len();
    let errors = outcome.unread.len();
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    writeln!(out, "<testsuites>")?;
    writeln!(
        out,
        "  <testsuite id=\"0\" package=\"exeat\" name=\"exeat scan\" timestamp=\"{}\" hostname=\"localhost\" \
         tests=\"{}\" failures=\"{failures}\" errors=\"{errors}\" time=\"{:.3}\">",
        outcome.begun,
        (failures + errors).max(1),
        outcome.seconds
    )?;
    writeln!(
        out,
        "    <properties><property name=\"rules.digest\" value=\"{}\"/></properties>",
        outcome.rules.digest()
    )?;
    if failures + errors == 0 {
        writeln!(
            out,
            "    <testcase name=\"no findings\" classname=\"exeat\" time=\"0\"/>"
        )?;
    }
    for finding in outcome.findings {
        let text = escaped(&sentence(finding));
        let case = escaped(&format!("{} in {}", finding.rule, super::place(finding)));
        writeln!(
            out,
            "    <testcase name=\"{case}\" classname=\"exeat.{}\" time=\"0\"><failure type=\"{}\" message=\"{text}\">{text}\
             \nfingerprint {}</failure></testcase>",
            escaped(&finding.rule),
            finding.action,
            finding.fingerprint
        )?;
    }
    for missed in outcome.unread {
        let (what, why) = (escaped(&missed.what), escaped(&missed.why));
        writeln!(
            out,
            "    <testcase name=\"not read: {what}\" classname=\"exeat\" time=\"0\"><error type=\"unread\" message=\"{why}\">{why}</error></testcase>"
        )?;
    }
    writeln!(
        out,
        "    <system-out/>\n    <system-err/>\n  </testsuite>\n</testsuites>"
    )
}

/// Text for attributes and elements. What may be shown holds nothing that XML 1.0 does not.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            ' '..='~' => out.push(character),
            other if !other.is_control() => out.push(other),
            // XML 1.0 has no way to write most of them.
            _ => out.push('?'),
        }
    }
    out
}
