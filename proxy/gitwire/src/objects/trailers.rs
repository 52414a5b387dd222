//! The trailers of a message, such as `Signed-off-by: A <a@example.com>`, exactly as git takes them.
//!
//! It is `trailer.c` of git 2.47 in its default configuration: `git interpret-trailers --parse` and
//! `git log --format='%(trailers:only,unfold)'`. The message is read a few times, never quadratically; nothing is copied.

/// git's own lines: with one of them a last paragraph may hold other text as well.
const GENERATED: [&[u8]; 2] = [b"Signed-off-by: ", b"(cherry picked from commit "];
/// What `git commit --verbose` puts before the diff it shows.
const SCISSORS: &[u8] = b"# ------------------------ >8 ------------------------\n";
const COMMENT: u8 = b'#';
const SEPARATOR: u8 = b':';

/// One trailer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trailer<'a> {
    /// What stands before the colon, without blanks around it. Letters, digits and dashes. git compares it without case.
    pub key: &'a [u8],
    /// What stands behind it, without blanks around it, with the line ends of a folded value.
    folded: &'a [u8],
}

impl Trailer<'_> {
    /// The value in one line: each line end becomes a space, and the blanks behind it go.
    pub fn value(&self) -> Vec<u8> {
        let mut value = Vec::with_capacity(self.folded.len());
        let mut at_start_of_line = false;
        for &byte in self.folded {
            match byte {
                b'\n' if !at_start_of_line => {
                    value.push(b' ');
                    at_start_of_line = true;
                }
                byte if at_start_of_line && is_space(byte) => {}
                byte => {
                    value.push(byte);
                    at_start_of_line = false;
                }
            }
        }
        value
    }
}

/// Iterates over the trailers of a message, in order.
#[derive(Debug, Clone)]
pub struct Trailers<'a> {
    rest: &'a [u8],
}

impl<'a> Trailers<'a> {
    /// Of a commit's message, as `git log` shows them. Most have none. It ends at a NUL, as for git.
    pub fn of_commit(message: &'a [u8]) -> Self {
        let mut message = until_nul(message);
        while !message.is_empty() && is_blank(message) {
            message = message.get(line_length(message)..).unwrap_or_default();
        }
        Self::of_block(message)
    }

    /// Of a text as `git interpret-trailers` reads it: it ends at a line of three dashes, as a patch sent by mail does.
    pub fn of_patch(text: &'a [u8]) -> Self {
        Self::of_block(before_divider(until_nul(text)))
    }

    fn of_block(message: &'a [u8]) -> Self {
        let message = without_ignored(message);
        let start = block_start(message);
        Self {
            rest: message.get(start..).unwrap_or_default(),
        }
    }
}

impl<'a> Iterator for Trailers<'a> {
    type Item = Trailer<'a>;

    fn next(&mut self) -> Option<Trailer<'a>> {
        while !self.rest.is_empty() {
            let block = self.rest;
            let mut end = line_length(block);
            let Some(at) = separator(block).filter(|&at| at > 0) else {
                self.rest = block.get(end..).unwrap_or_default();
                continue;
            };
            while block.get(end).is_some_and(|&byte| is_space(byte)) {
                end += line_length(block.get(end..).unwrap_or_default());
            }
            self.rest = block.get(end..).unwrap_or_default();
            return Some(Trailer {
                key: trim(block.get(..at).unwrap_or_default()),
                folded: trim(block.get(at + 1..end).unwrap_or_default()),
            });
        }
        None
    }
}

/// Where the last paragraph begins, if it is one of trailers; the end of the message otherwise.
fn block_start(message: &[u8]) -> usize {
    let title = title_length(message);
    let mut counted = Counted::default();
    let mut in_text = false;
    let mut end = message.len();
    while end > 0 {
        let begin = last_line(message.get(..end).unwrap_or_default());
        if begin < title {
            break;
        }
        let line = message.get(begin..).unwrap_or_default();
        end = begin;
        if line.first() == Some(&COMMENT) {
            counted.others += std::mem::take(&mut counted.maybe_folded);
        } else if is_blank(line) {
            if !in_text {
                continue;
            }
            counted.others += counted.maybe_folded;
            return match counted.is_block() {
                true => begin + line_length(line),
                false => message.len(),
            };
        } else {
            in_text = true;
            counted.line(line);
        }
    }
    message.len()
}

/// The lines of a paragraph that may be one of trailers, counted from its end.
#[derive(Default)]
struct Counted {
    trailers: usize,
    others: usize,
    /// Lines that begin with a blank: part of the trailer above them, if one is there.
    maybe_folded: usize,
    generated: bool,
}

impl Counted {
    fn line(&mut self, line: &[u8]) {
        let starts_blank = line.first().is_some_and(|&byte| is_space(byte));
        if GENERATED.iter().any(|words| line.starts_with(words)) {
            self.trailers += 1;
            self.maybe_folded = 0;
            self.generated = true;
        } else if starts_blank {
            self.maybe_folded += 1;
        } else if separator(line).is_some_and(|at| at > 0) {
            self.trailers += 1;
            self.maybe_folded = 0;
        } else {
            self.others += 1 + std::mem::take(&mut self.maybe_folded);
        }
    }

    /// All are trailers, or at least a quarter is and git itself has written one.
    fn is_block(&self) -> bool {
        let quarter = self.trailers.saturating_mul(3) >= self.others;
        (self.generated && quarter) || (self.trailers > 0 && self.others == 0)
    }
}

/// The first paragraph is the title, whatever it looks like.
fn title_length(message: &[u8]) -> usize {
    let mut at = 0;
    while at < message.len() {
        let line = message.get(at..).unwrap_or_default();
        if line.first() != Some(&COMMENT) && is_blank(line) {
            break;
        }
        at += line_length(line);
    }
    at
}

fn before_divider(message: &[u8]) -> &[u8] {
    let mut at = 0;
    while at < message.len() {
        let line = message.get(at..).unwrap_or_default();
        let behind = line.strip_prefix(b"---").and_then(<[u8]>::first);
        if behind.is_some_and(|&byte| is_space(byte)) {
            break;
        }
        at += line_length(line);
    }
    message.get(..at).unwrap_or_default()
}

/// Without what git passes over at the end: empty lines, comments, the list of conflicts that it once wrote there, and
/// everything below the scissors.
fn without_ignored(message: &[u8]) -> &[u8] {
    let cut = before_scissors(message);
    // As git has it, 0 stands for none: a comment that the message begins with begins nothing.
    let mut ignored_from = 0;
    let mut in_conflicts = false;
    let mut at = 0;
    while at < cut {
        let line = message.get(at..).unwrap_or_default();
        let first = line.first().copied();
        if first == Some(COMMENT) || first == Some(b'\n') {
            ignored_from = if ignored_from == 0 { at } else { ignored_from };
        } else if line.starts_with(b"Conflicts:\n") {
            in_conflicts = true;
            ignored_from = if ignored_from == 0 { at } else { ignored_from };
        } else if ignored_from != 0 && !(in_conflicts && first == Some(b'\t')) {
            ignored_from = 0;
            in_conflicts = false;
        }
        at += line_length(line);
    }
    let end = if ignored_from == 0 { cut } else { ignored_from };
    message.get(..end).unwrap_or_default()
}

fn before_scissors(message: &[u8]) -> usize {
    if message.starts_with(SCISSORS) {
        return 0;
    }
    let mut at = 0;
    while at < message.len() {
        let line = message.get(at..).unwrap_or_default();
        if line.starts_with(SCISSORS) {
            break;
        }
        at += line_length(line);
    }
    at
}

/// Where the colon of a line stands: behind letters, digits and dashes, and blanks after them.
fn separator(line: &[u8]) -> Option<usize> {
    let mut blank_seen = false;
    for (at, &byte) in line.iter().enumerate() {
        match byte {
            SEPARATOR => return Some(at),
            _ if !blank_seen && (byte.is_ascii_alphanumeric() || byte == b'-') => {}
            b' ' | b'\t' if at > 0 => blank_seen = true,
            _ => return None,
        }
    }
    None
}

/// Where the last line of `text` begins; a line feed at its end belongs to it.
fn last_line(text: &[u8]) -> usize {
    let ahead = text
        .split_last()
        .map(|(_, ahead)| ahead)
        .unwrap_or_default();
    ahead
        .iter()
        .rposition(|&byte| byte == b'\n')
        .map_or(0, |at| at + 1)
}

/// Of the first line, with its line feed.
fn line_length(text: &[u8]) -> usize {
    let end = text.iter().position(|&byte| byte == b'\n');
    end.map_or(text.len(), |end| end + 1)
}

fn is_blank(line: &[u8]) -> bool {
    let mut telling = line
        .iter()
        .filter(|&&byte| byte == b'\n' || !is_space(byte));
    telling.next().is_none_or(|&byte| byte == b'\n')
}

fn until_nul(text: &[u8]) -> &[u8] {
    let end = text.iter().position(|&byte| byte == 0);
    text.get(..end.unwrap_or(text.len())).unwrap_or_default()
}

/// What git takes for white space.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

fn trim(text: &[u8]) -> &[u8] {
    let Some(first) = text.iter().position(|&byte| !is_space(byte)) else {
        return &[];
    };
    let last = text.iter().rposition(|&byte| !is_space(byte));
    text.get(first..=last.unwrap_or(first)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_commit(message: &str) -> Vec<String> {
        let shown = |trailer: Trailer<'_>| {
            let value = String::from_utf8_lossy(&trailer.value()).into_owned();
            format!("{}={value}", String::from_utf8_lossy(trailer.key))
        };
        Trailers::of_commit(message.as_bytes()).map(shown).collect()
    }

    #[test]
    fn the_last_paragraph_holds_them() {
        assert_eq!(
            of_commit("title\n\nA: b\n\nSigned-off-by: A <a@b>\nAcked-by:c\n  d\n\n"),
            ["Signed-off-by=A <a@b>", "Acked-by=c d"]
        );
        assert_eq!(of_commit("title\n\nA: b\n\ntext\n"), [""; 0]);
        assert_eq!(of_commit("Signed-off-by: A <a@b>\n"), [""; 0]);
    }

    #[test]
    fn of_mixed_paragraphs_a_quarter_must_be_trailers_of_which_git_wrote_one() {
        let mixed = |line: &str, others: usize| {
            let text = "text\n".repeat(others);
            of_commit(&format!("title\n\n{text}{line}\n")).len()
        };
        assert_eq!(mixed("Signed-off-by: a", 3), 1);
        assert_eq!(mixed("Signed-off-by: a", 4), 0);
        assert_eq!(mixed("signed-off-by: a", 1), 0);
        assert_eq!(mixed("signed-off-by: a", 0), 1);
    }

    #[test]
    fn three_dashes_end_a_patch_and_no_commit() {
        let text = "title\n\nA: b\n---\nx | 2 +-\n\nC: d\n";
        let of_patch: Vec<_> = Trailers::of_patch(text.as_bytes()).collect();
        assert_eq!(of_patch.len(), 1);
        assert_eq!(of_patch[0].key, b"A");
        assert_eq!(of_commit(text), ["C=d"]);
    }
}
