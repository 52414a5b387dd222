//! Pieces of pushed text on their way to be shown: what any rule takes for a secret is cut out, here and wherever it stands again.

use std::{collections::HashSet, ops::Range};

use aho_corasick::{AhoCorasick, MatchKind};
use exeat_gitwire::legible::{self, show};

use crate::examine::Examiner;

/// What stands for a secret. Nothing of it is shown.
pub const MASK: &str = "****";
/// Characters of a line that are shown.
const COLUMNS: usize = 200;
/// Shown of a long line before the place that matters.
const AHEAD: usize = 80;
/// Shorter secrets are masked where a rule finds them only: as a word they may stand anywhere.
const KNOWN_FROM: usize = 8;
/// Longer ones are masked where a rule finds them only.
const KNOWN_TO: usize = 256;
/// Secrets of one push that are looked for in all its texts. Where there are more, no text is shown.
const MOST_KNOWN: usize = 2_000;
/// Bytes of them: an automaton over them takes some fifty times as much.
const KNOWN_BYTES: usize = 128 << 10;

/// Every secret that was found in any text that is shown, so that it is masked in all of them. Never told.
#[derive(Default)]
pub struct Known {
    secrets: HashSet<Vec<u8>>,
    bytes: usize,
    automaton: Option<AhoCorasick>,
    /// There are more than are looked for, or a text could not be read to its end.
    overflowed: bool,
}

/// Bytes with the places of their secrets.
pub struct Raw {
    bytes: Vec<u8>,
    /// Sorted; what lies outside is cut off.
    secrets: Vec<Range<usize>>,
}

impl Known {
    /// Takes the secrets of `text`, and tells where they are; nothing where there are too many of them.
    pub fn examine(&mut self, examiner: &mut Examiner, text: &[u8]) -> Option<Vec<Range<usize>>> {
        let examined = examiner.examine(text);
        if examined.truncated {
            return None;
        }
        let spans: Vec<_> = examined
            .hits
            .into_iter()
            .map(|hit| hit.found.secret)
            .collect();
        self.note(text, &spans);
        Some(spans)
    }

    /// The same for a name of several segments.
    pub fn examine_name(&mut self, examiner: &mut Examiner, name: &[u8]) -> Vec<Range<usize>> {
        let spans = examiner.secrets_of_name(name);
        self.note(name, &spans);
        spans
    }

    /// Looks for what was noted from now on, and for no more.
    pub fn settle(&mut self) {
        let automaton = AhoCorasick::builder()
            .match_kind(MatchKind::Standard)
            .build(&self.secrets);
        self.overflowed |= automaton.is_err();
        self.automaton = automaton.ok();
        self.secrets = HashSet::new();
    }

    /// Whether nothing at all may be shown.
    pub fn overflowed(&self) -> bool {
        self.overflowed
    }

    /// Takes the secrets of a text that somebody else examined.
    pub fn note(&mut self, text: &[u8], spans: &[Range<usize>]) {
        for span in spans {
            let secret = text.get(span.clone()).unwrap_or_default().trim_ascii();
            if !(KNOWN_FROM..=KNOWN_TO).contains(&secret.len()) {
                continue;
            }
            if self.secrets.contains(secret) {
                continue;
            }
            if self.secrets.len() >= MOST_KNOWN || self.bytes + secret.len() > KNOWN_BYTES {
                self.overflowed = true;
                return;
            }
            self.bytes += secret.len();
            self.secrets.insert(secret.to_vec());
        }
    }

    fn find(&self, text: &[u8]) -> Vec<Range<usize>> {
        let Some(automaton) = &self.automaton else {
            return Vec::new();
        };
        let found = automaton.find_overlapping_iter(text);
        found.map(|found| found.start()..found.end()).collect()
    }
}

impl Raw {
    /// `window` of `text`, whose secrets are at `spans`.
    pub fn of(text: &[u8], spans: &[Range<usize>], window: Range<usize>) -> Self {
        let clip = |span: &Range<usize>| {
            let start = span.start.max(window.start);
            let end = span.end.min(window.end);
            (start < end).then(|| start - window.start..end - window.start)
        };
        Self {
            secrets: spans.iter().filter_map(clip).collect(),
            bytes: text.get(window.clone()).unwrap_or_default().to_vec(),
        }
    }

    /// The lines of `part` without their secrets. A secret of several lines is one mask in one line. `own` is what matters in it: of a long
    /// line what stands around it is shown, of others how they begin.
    pub fn lines(
        &self,
        known: &Known,
        part: &Range<usize>,
        own: Option<&Range<usize>>,
    ) -> Vec<String> {
        if known.overflowed() {
            return Vec::new();
        }
        let mut spans = self.secrets.clone();
        spans.extend(known.find(&self.bytes));
        let mut lines = Lines::new(own.map_or(part.start, |own| own.start));
        let mut at = part.start;
        for span in joined(spans) {
            if span.end <= part.start || span.start >= part.end {
                continue;
            }
            lines.text(self.bytes.get(at..span.start).unwrap_or_default(), at);
            lines.mask(&span);
            at = span.end.max(at);
        }
        lines.text(self.bytes.get(at..part.end).unwrap_or_default(), at);
        lines.finish()
    }

    /// The same on one line.
    pub fn line(&self, known: &Known, part: &Range<usize>) -> String {
        let lines = self.lines(known, part, None);
        cut(lines.join(" ").trim(), 0)
    }

    /// All of it as one line of at most `most` characters: a name.
    pub fn name(&self, known: &Known, most: usize) -> String {
        let mut spans = self.secrets.clone();
        spans.extend(known.find(&self.bytes));
        let mut shown = String::new();
        let mut at = 0;
        for span in joined(spans) {
            shown.push_str(&show(self.bytes.get(at..span.start).unwrap_or_default()));
            shown.push_str(MASK);
            at = span.end;
        }
        shown.push_str(&show(self.bytes.get(at..).unwrap_or_default()));
        legible::cut(&mut shown, most);
        match known.overflowed() {
            true => MASK.to_owned(),
            false => shown,
        }
    }
}

/// Lines in the making.
struct Lines {
    done: Vec<String>,
    line: String,
    /// Where the place that matters lies in the line, in characters.
    marked: Option<usize>,
    /// The place that matters, in the text.
    place: usize,
}

impl Lines {
    fn new(place: usize) -> Self {
        Self {
            done: Vec::new(),
            line: String::new(),
            marked: None,
            place,
        }
    }

    /// Text that begins at `at`.
    fn text(&mut self, text: &[u8], mut at: usize) {
        let mut is_first = true;
        for line in text.split(|&byte| byte == b'\n') {
            if !std::mem::replace(&mut is_first, false) {
                self.end();
            }
            if (at..=at + line.len()).contains(&self.place) && self.marked.is_none() {
                let before = line.get(..self.place - at).unwrap_or_default();
                self.marked = Some(length(&self.line) + length(&show(before)));
            }
            at += line.len() + 1;
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            let line = show(line).replace("\\x09", "    ");
            self.line.push_str(&line);
        }
    }

    fn mask(&mut self, span: &Range<usize>) {
        if span.contains(&self.place) && self.marked.is_none() {
            self.marked = Some(length(&self.line));
        }
        self.line.push_str(MASK);
    }

    fn end(&mut self) {
        let line = std::mem::take(&mut self.line);
        let place = self.marked.take().unwrap_or(0);
        self.done.push(cut(&line, place));
    }

    fn finish(mut self) -> Vec<String> {
        if !self.line.is_empty() {
            self.end();
        }
        self.done
    }
}

fn length(text: &str) -> usize {
    text.chars().count()
}

/// At most as many characters of a line as are shown, with `place` among them.
fn cut(line: &str, place: usize) -> String {
    if length(line) <= COLUMNS {
        return line.to_owned();
    }
    let from = match place > COLUMNS - AHEAD {
        true => place - AHEAD,
        false => 0,
    };
    let room = COLUMNS - if from > 0 { 3 } else { 0 };
    let mut rest: String = line.chars().skip(from).collect();
    legible::cut(&mut rest, room);
    match from {
        0 => rest,
        _ => format!("...{rest}"),
    }
}

/// Spans that overlap or touch become one.
fn joined(mut spans: Vec<Range<usize>>) -> Vec<Range<usize>> {
    spans.sort_unstable_by_key(|span| span.start);
    let mut joined: Vec<Range<usize>> = Vec::with_capacity(spans.len());
    for span in spans {
        match joined.last_mut() {
            Some(last) if span.start <= last.end => last.end = last.end.max(span.end),
            _ => joined.push(span),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use std::slice::from_ref;

    use super::*;

    fn known(secrets: &[&str]) -> Known {
        let mut known = Known::default();
        for secret in secrets {
            known.note(secret.as_bytes(), from_ref(&(0..secret.len())));
        }
        known.settle();
        known
    }

    fn lines(text: &str, secrets: &[&str], own: Option<&str>) -> Vec<String> {
        let raw = Raw::of(text.as_bytes(), &[], 0..text.len());
        let own = own.map(|own| text.find(own).unwrap());
        raw.lines(
            &known(secrets),
            &(0..text.len()),
            own.map(|at| at..at + 1).as_ref(),
        )
    }

    #[test]
    fn a_secret_is_masked_wherever_it_stands() {
        let shown = lines("a secret12 b\nxsecret12secret12y\n", &["secret12"], None);
        assert_eq!(shown, ["a **** b", "x****y"]);
        // One that goes over lines is one mask, and what follows stays.
        assert_eq!(
            lines("a\nsec\nret 1234\nb", &["sec\nret 1234"], None),
            ["a", "****", "b"]
        );
        // Of two that overlap neither shows a half.
        let shown = lines("abcdefgh12345678", &["abcdefgh12", "gh12345678"], None);
        assert_eq!(shown, ["****"]);
    }

    #[test]
    fn masks_hold_at_the_ends_of_a_window() {
        let text = b"before SECRETSECRET after";
        let raw = Raw::of(text, from_ref(&(7..19)), 10..22);
        assert_eq!(raw.lines(&known(&[]), &(0..12), None), ["**** af"]);
        let raw = Raw::of(text, from_ref(&(7..19)), 0..12);
        assert_eq!(raw.lines(&known(&[]), &(0..12), None), ["before ****"]);
        // A part of the window that a secret goes beyond.
        let raw = Raw::of(text, from_ref(&(7..19)), 0..25);
        assert_eq!(raw.lines(&known(&[]), &(10..25), None), ["**** after"]);
        assert_eq!(raw.lines(&known(&[]), &(0..9), None), ["before ****"]);
    }

    #[test]
    fn long_lines_show_what_matters() {
        let text = format!("{}KEY{}", "a".repeat(5_000), "b".repeat(5_000));
        let shown = lines(&text, &[], Some("KEY"));
        assert_eq!(shown.len(), 1);
        assert!(
            length(&shown[0]) <= COLUMNS && shown[0].contains("KEY"),
            "{}",
            shown[0]
        );
        let shown = lines(&text, &[], None);
        assert!(shown[0].len() <= COLUMNS && !shown[0].contains("KEY"));
        let wide = format!("{}KEY{}", "\u{e4}".repeat(500), "\u{6f22}".repeat(500));
        let shown = lines(&wide, &[], Some("KEY"));
        assert!(shown[0].contains("\u{e4}KEY\u{6f22}") && length(&shown[0]) == COLUMNS);
        let end = format!("{}KEY", "a".repeat(5_000));
        assert!(lines(&end, &[], Some("KEY"))[0].ends_with("KEY"));
    }

    #[test]
    fn everything_prints() {
        let shown = lines("a\t\u{1b}[2J\r\n\u{202e}x\0", &[], None);
        assert_eq!(shown, ["a    \\x1b[2J", "\\xe2\\x80\\xaex\\x00"]);
        let shown = lines("F\u{fc}ge secret12\u{fc} hinzu", &["secret12"], None);
        assert_eq!(shown, ["F\u{fc}ge ****\u{fc} hinzu"]);
        // A mask may begin within a character: what is left of it is no character.
        let text = "a\u{e4}secret".as_bytes();
        let raw = Raw::of(text, from_ref(&(2..text.len())), 0..text.len());
        assert_eq!(
            raw.lines(&known(&[]), &(0..text.len()), None),
            ["a\\xc3****"]
        );
    }

    #[test]
    fn too_many_secrets_show_nothing() {
        let mut known = Known::default();
        for number in 0..=MOST_KNOWN {
            let secret = format!("secret-{number:08}");
            known.note(secret.as_bytes(), from_ref(&(0..secret.len())));
        }
        known.settle();
        let raw = Raw::of(b"text", &[], 0..4);
        assert!(raw.lines(&known, &(0..4), None).is_empty());
        assert_eq!(raw.name(&known, 100), MASK);
    }
}
