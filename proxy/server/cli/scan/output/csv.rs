//! Findings as comma-separated values (RFC 4180), safe to open in a spreadsheet.

use std::io::{self, Write};

use super::Outcome;

const HEAD: [&str; 14] = [
    "rule",
    "description",
    "action",
    "severity",
    "confidence",
    "path",
    "line",
    "column",
    "end_line",
    "part",
    "commit",
    "object",
    "masked",
    "fingerprint",
];

pub fn write(out: &mut dyn Write, outcome: &Outcome<'_>) -> io::Result<()> {
    row(out, HEAD.map(str::to_owned))?;
    for finding in outcome.findings {
        let place = &finding.place;
        row(
            out,
            [
                finding.rule.clone(),
                finding.description.clone(),
                finding.action.to_string(),
                finding.severity.to_string(),
                finding.confidence.to_string(),
                place.path.clone().unwrap_or_default(),
                place.line.to_string(),
                place.column.to_string(),
                place.end_line.to_string(),
                place.part.describe().to_owned(),
                place.commit.clone().unwrap_or_default(),
                place.object.clone().unwrap_or_default(),
                finding.masked.as_str().to_owned(),
                finding.fingerprint.to_string(),
            ],
        )?;
    }
    Ok(())
}

fn row(out: &mut dyn Write, cells: [String; 14]) -> io::Result<()> {
    let cells: Vec<String> = cells.iter().map(|text| cell(text)).collect();
    write!(out, "{}\r\n", cells.join(","))
}

/// A cell that no spreadsheet takes for a formula.
fn cell(text: &str) -> String {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = match is_formula {
        true => format!("'{text}"),
        false => text.to_owned(),
    };
    match is_formula || text.contains([',', '"', '\r', '\n']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::cell;

    #[test]
    fn formulas_are_text() {
        assert_eq!(cell("a b"), "a b");
        assert_eq!(cell("a,\"b\""), "\"a,\"\"b\"\"\"");
        for text in ["=1+1", "+1", "-1", "@x", "\tx", "\rx"] {
            assert_eq!(cell(text), format!("\"'{text}\""));
        }
        assert_eq!(cell("a=1"), "a=1");
        assert_eq!(cell(""), "");
    }
}
