//! Names as they may be shown: printable, and masked where a rule takes part of them for a
//! secret.

use exeat_gitwire::text::escape;

use crate::{examine::Examiner, mask::Masked};

/// Shows paths, refs, authors and options. Each name passes the rules itself, so that a secret
/// in a path is masked also where another finding only mentions that path.
pub struct Names<'a> {
    examiner: &'a mut Examiner,
}

impl<'a> Names<'a> {
    pub fn new(examiner: &'a mut Examiner) -> Self {
        Self { examiner }
    }

    /// `name` in printable ASCII without any secret a rule knows.
    pub fn show(&mut self, name: &[u8]) -> String {
        let mut spans = self.examiner.secret_spans(name);
        spans.sort_by_key(|span| (span.start, std::cmp::Reverse(span.end)));
        let mut shown = String::new();
        let mut position = 0;
        for span in spans {
            if span.end <= position {
                continue;
            }
            let start = span.start.max(position);
            shown.push_str(&escape(name.get(position..start).unwrap_or_default()));
            let secret = name.get(span.clone()).unwrap_or_default();
            shown.push_str(Masked::new(secret).as_str());
            position = span.end;
        }
        shown.push_str(&escape(name.get(position..).unwrap_or_default()));
        shown
    }
}
