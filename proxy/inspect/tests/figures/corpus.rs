//! Files with a label on each line that is a secret or fools scanners.

/// What stands on a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Label {
    /// Nothing that counts.
    Plain,
    /// Line of a secret; `unit` tells the secrets of a file apart.
    Secret { unit: usize },
    /// No secret, though it may look like one.
    Fooling { kind: &'static str },
}

/// A secret of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unit {
    /// What kind of secret it is.
    pub kind: &'static str,
    /// In which syntax it is written.
    pub syntax: &'static str,
}

#[derive(Clone, Debug)]
pub struct File {
    pub path: String,
    pub lines: Vec<(String, Label)>,
    pub units: Vec<Unit>,
}

impl File {
    pub fn new(path: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            lines: Vec::new(),
            units: Vec::new(),
        }
    }

    pub fn plain(&mut self, text: &str) {
        self.push(text, Label::Plain);
    }

    /// All lines of `text` are one secret.
    pub fn secret(&mut self, kind: &'static str, syntax: &'static str, text: &str) {
        let unit = self.units.len();
        self.units.push(Unit { kind, syntax });
        self.push(text, Label::Secret { unit });
    }

    pub fn fooling(&mut self, kind: &'static str, text: &str) {
        self.push(text, Label::Fooling { kind });
    }

    pub fn text(&self) -> String {
        let mut text = String::new();
        for (line, _) in &self.lines {
            text.push_str(line);
            text.push('\n');
        }
        text
    }

    fn push(&mut self, text: &str, label: Label) {
        let lines = text.lines().map(|line| (line.to_owned(), label));
        self.lines.extend(lines);
    }
}
