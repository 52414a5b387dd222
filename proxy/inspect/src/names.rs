//! Names as they may be shown: printable, and masked where a rule takes part of them for a
//! secret.

use std::{
    collections::{HashMap, HashSet},
    ops::Range,
    sync::Arc,
};

use exeat_gitwire::legible::{self, show};

use crate::{examine::Examiner, mask::Masked};

/// Shown of one name at most, in characters. No file system takes a longer path.
const MOST_SHOWN: usize = 4096;

/// Shows paths, refs, authors and options. Each name passes the rules itself, so that a secret
/// in a path is masked also where another finding only mentions that path.
pub struct Names<'a> {
    examiner: &'a mut Examiner,
    /// Segments in which a match was found in the company of other names, with its place.
    marked: HashMap<Arc<[u8]>, Vec<Range<usize>>>,
    /// Those segments that hold a slash, which no honest name does.
    odd: HashSet<Arc<[u8]>>,
    shown: HashMap<Vec<u8>, String>,
}

impl<'a> Names<'a> {
    pub fn new(examiner: &'a mut Examiner) -> Self {
        Self {
            examiner,
            marked: HashMap::new(),
            odd: HashSet::new(),
            shown: HashMap::new(),
        }
    }

    /// Masks `secret` from now on wherever a name holds the segment `name`.
    pub fn mark(&mut self, name: &Arc<[u8]>, secret: Range<usize>) {
        if name.contains(&b'/') {
            self.odd.insert(Arc::clone(name));
        }
        self.marked
            .entry(Arc::clone(name))
            .or_default()
            .push(secret);
    }

    /// `name` on one line of characters that print, without any secret a rule knows, cut after 4096 characters.
    pub fn show(&mut self, name: &[u8]) -> String {
        if let Some(shown) = self.shown.get(name) {
            return shown.clone();
        }
        let mut spans = self.examiner.secrets_of_name(name);
        self.marked_spans(name, &mut spans);
        let shown = masked(name, joined(spans));
        self.shown.insert(name.to_vec(), shown.clone());
        shown
    }

    /// Prose for people to read, such as a reason: any secret a rule knows is masked, the rest stays as it is.
    pub fn prose(&mut self, text: &str) -> String {
        let spans = joined(self.examiner.secrets_of_name(text.as_bytes()));
        let mut shown = String::new();
        let mut position = 0;
        for span in spans {
            // Rules match bytes: a character of which one belongs to a secret belongs to it whole.
            let start = text.floor_char_boundary(span.start);
            let end = text.ceil_char_boundary(span.end);
            shown.push_str(text.get(position..start).unwrap_or_default());
            shown.push_str(
                Masked::new(text.get(start..end).unwrap_or_default().as_bytes()).as_str(),
            );
            position = end;
        }
        shown.push_str(text.get(position..).unwrap_or_default());
        shown
    }

    fn marked_spans(&self, name: &[u8], spans: &mut Vec<Range<usize>>) {
        let mut add = |start: usize, segment: &[u8]| {
            let marked = self.marked.get(segment).into_iter().flatten();
            spans.extend(marked.map(|span| start + span.start..start + span.end));
        };
        let mut start = 0;
        for segment in name.split(|&byte| byte == b'/') {
            add(start, segment);
            start += segment.len() + 1;
        }
        for odd in &self.odd {
            bstr::ByteSlice::find_iter(name, odd.as_ref()).for_each(|start| add(start, odd));
        }
    }
}

/// Spans that overlap or touch become one: shown one by one, each would show its ends.
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

fn masked(name: &[u8], secrets: Vec<Range<usize>>) -> String {
    let mut shown = String::new();
    let mut position = 0;
    for secret in secrets {
        shown.push_str(&show(name.get(position..secret.start).unwrap_or_default()));
        position = secret.end;
        shown.push_str(Masked::new(name.get(secret).unwrap_or_default()).as_str());
    }
    shown.push_str(&show(name.get(position..).unwrap_or_default()));
    legible::cut(&mut shown, MOST_SHOWN);
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_that_meet_are_masked_as_one() {
        let name = b"aaaabbbbccccddddeeeeffffgggg/rest";
        let shown = masked(name, joined(vec![8..28, 0..20]));
        assert_eq!(shown, "aaaa****gg/rest");
        assert_eq!(masked(name, joined(vec![0..9, 9..28])), "aaaa****gg/rest");
        assert_eq!(masked(name, joined(vec![4..20, 0..28])), "aaaa****gg/rest");
    }

    #[test]
    fn long_names_are_cut() {
        let shown = masked(&[7; 5000], Vec::new());
        assert_eq!(shown.len(), MOST_SHOWN);
        assert!(shown.ends_with("..."));
    }
}
