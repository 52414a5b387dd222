//! Manifests of lines: Cargo, Poetry, uv, pip, Go, yarn, pnpm, Bundler, Gradle, and SPDX in its form of tags and values.

use std::ops::Range;

use bstr::ByteSlice;

use super::{Named, Told};

/// What the lines of a text mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Cargo, Poetry, uv, and others in TOML.
    Toml,
    /// pip.
    Requirements,
    GoMod,
    GoSum,
    /// yarn, old and new, and pnpm.
    Yaml,
    Bundler,
    Gradle,
    /// Locks of Gradle: `group:name:version=configurations`.
    GradleLock,
    Spdx,
}

/// Bytes of a line that are looked at.
const LINE: usize = 4096;
/// Lines that are looked at to know a form.
const FIRST: usize = 16;

/// The form of a text, by its first lines. Every text is asked, so each of them is looked at once, by its first byte.
pub(super) fn form(head: &[u8]) -> Option<Form> {
    let first = head.lines().next()?;
    if is_go_sum(first) {
        return Some(Form::GoSum);
    }
    if is_requirements(head) {
        return Some(Form::Requirements);
    }
    head.lines().take(FIRST).find_map(|line| {
        let starts = |with: &[u8]| line.starts_with(with);
        match line.first()? {
            b'[' => is_section(line).then_some(Form::Toml),
            b'#' if starts(b"# yarn lockfile v1") => Some(Form::Yaml),
            b'#' if starts(b"# This is a Gradle generated file") => Some(Form::GradleLock),
            b'_' => starts(b"__metadata:").then_some(Form::Yaml),
            b'l' => starts(b"lockfileVersion:").then_some(Form::Yaml),
            b'S' => starts(b"SPDXVersion:").then_some(Form::Spdx),
            b'G' => (line == b"GEM" && head.contains_str("\n  remote:")).then_some(Form::Bundler),
            b's' => (starts(b"source 'http") || starts(b"source \"http")).then_some(Form::Bundler),
            b'm' if starts(b"module ") => {
                let has = |word| head.contains_str(word);
                (has("\ngo 1") || has("\nrequire ")).then_some(Form::GoMod)
            }
            b'r' => starts(b"repositories {").then_some(Form::Gradle),
            b'd' if starts(b"dependencies {") => {
                let mut lines = head.lines();
                let has = lines.any(|line| coordinates(line).is_some());
                has.then_some(Form::Gradle)
            }
            _ => None,
        }
    })
}

/// Whether a section of TOML says that the text is a manifest or a lock file.
fn is_section(line: &[u8]) -> bool {
    let name = line.trim_ascii().trim_start_with(|first| first == '[');
    let starts = [
        "package]",
        "project]",
        "workspace",
        "tool.poetry",
        "tool.uv",
    ];
    starts
        .iter()
        .any(|start| name.starts_with(start.as_bytes()))
        || name.contains_str("dependencies")
}

fn is_go_sum(line: &[u8]) -> bool {
    let mut parts = line.split_str(" ");
    parts.next().is_some_and(|module| module.contains(&b'.'))
        && parts
            .next()
            .is_some_and(|version| version.starts_with(b"v"))
        && parts.next().is_some_and(|sum| sum.starts_with(b"h1:"))
}

/// Whether nearly nothing but requirements of pip stands in the first lines.
fn is_requirements(head: &[u8]) -> bool {
    let lines = head.lines().take(FIRST).map(<[u8]>::trim_ascii);
    let mut lines = lines
        .filter(|line| !line.is_empty() && !line.starts_with(b"#") && !line.starts_with(b"--hash"));
    let mut some = false;
    let all = lines.all(|line| {
        let is_option = line.starts_with(b"-");
        some |= !is_option || line.contains_str("index-url");
        is_option || is_requirement(line)
    });
    all && some
}

fn is_requirement(line: &[u8]) -> bool {
    let name = name_length(line);
    let behind = line.get(name..).unwrap_or_default().trim_ascii_start();
    let behind = match behind.find_byte(b']') {
        Some(end) if behind.starts_with(b"[") => behind.get(end + 1..).unwrap_or_default(),
        _ => behind,
    };
    let mut versions = ["==", ">=", "~=", "<=", "!="].iter();
    let version = versions.find_map(|sign| behind.strip_prefix(sign.as_bytes()));
    let is_version = version.is_some_and(|version| {
        let first = version.trim_ascii_start().first();
        first.is_some_and(u8::is_ascii_digit)
    });
    name > 0 && (is_version || behind.starts_with(b"@ http") || behind.starts_with(b"@ git+"))
}

/// Bytes of the name of a package of Python that `text` begins with.
fn name_length(text: &[u8]) -> usize {
    let is_of_name = |byte: &&u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
    text.iter().take_while(is_of_name).count()
}

/// Where coordinates of Maven stand in a line of Gradle: `implementation 'group:name:version'`.
fn coordinates(line: &[u8]) -> Option<Range<usize>> {
    let start = line.find_byteset(b"'\"")? + 1;
    let length = line.get(start..)?.find_byteset(b"'\"")?;
    let name = line.get(start..start + length)?;
    let is_name =
        name.find_iter(":").count() >= 1 && !name.contains_str("/") && !name.contains(&b' ');
    is_name.then_some(start..start + length)
}

/// Tells what the text names.
pub(super) fn read(told: &mut Told<'_>, form: Form) {
    let text = told.text;
    let mut state = State {
        licence: Named::Licence,
        is_list: false,
        in_array: false,
    };
    let mut at = 0;
    for line in text.lines_with_terminator() {
        let start = at;
        at += line.len();
        let line = line.get(..LINE).unwrap_or(line).trim_ascii_end();
        let blank = line.len() - line.trim_ascii_start().len();
        let line = line.trim_ascii_start();
        if line.is_empty() || line.starts_with(b"#") || line.starts_with(b"//") {
            continue;
        }
        let mut line = Line {
            told,
            line,
            start: start + blank,
            blank,
        };
        match form {
            Form::Toml => line.toml(&mut state),
            Form::Requirements => line.requirement(),
            Form::GoMod => line.go_mod(),
            Form::GoSum => line.first_word(Named::Package),
            Form::Yaml => line.yaml(),
            Form::Bundler => line.bundler(),
            Form::Gradle => line.gradle(),
            Form::GradleLock => line.gradle_lock(),
            Form::Spdx => line.spdx(),
        }
    }
}

/// What earlier lines say of a line of TOML.
struct State {
    /// Whose licence one would be.
    licence: Named,
    /// Keys of this section are names of packages.
    is_list: bool,
    /// The lines are strings of an array of requirements.
    in_array: bool,
}

struct Line<'l, 't> {
    told: &'l mut Told<'t>,
    /// Without the blanks around it.
    line: &'t [u8],
    start: usize,
    /// Blanks before it.
    blank: usize,
}

impl<'t> Line<'_, 't> {
    fn tell(&mut self, named: Named, range: Range<usize>) {
        let text = self.line.get(range.clone()).unwrap_or_default();
        let inner = text.trim_with(|quote| matches!(quote, '"' | '\'' | ' ' | ','));
        let before = text.len()
            - text
                .trim_start_with(|quote| matches!(quote, '"' | '\'' | ' ' | ','))
                .len();
        let start = self.start + range.start + before;
        self.told.tell(named, start..start + inner.len(), false);
    }

    fn from(&self, at: usize) -> Range<usize> {
        at..self.line.len()
    }

    /// The string behind `at`, between its quotes.
    fn quoted(&self, at: usize) -> Option<Range<usize>> {
        let rest = self.line.get(at..)?;
        let start = at + rest.find_byteset(b"\"'")?;
        let quote = *self.line.get(start)?;
        let length = self.line.get(start + 1..)?.find_byte(quote)?;
        Some(start + 1..start + 1 + length)
    }

    /// Tells what stands behind the first of these words that the line begins with; `false` if it begins with none.
    fn value_behind(&mut self, words: &[(&str, Named)]) -> bool {
        let mut words = words.iter();
        let found = words.find(|(word, _)| self.line.starts_with(word.as_bytes()));
        if let Some((word, named)) = found {
            self.tell(*named, self.from(word.len()));
        }
        found.is_some()
    }

    fn first_word(&mut self, named: Named) {
        let end = self.line.find_byte(b' ').unwrap_or(self.line.len());
        self.tell(named, 0..end);
    }

    fn toml(&mut self, state: &mut State) {
        if state.in_array {
            if let Some(item) = self.quoted(0) {
                self.requirement_at(item.start);
            }
            state.in_array = !self.line.starts_with(b"]");
            return;
        }
        if self.line.starts_with(b"[") {
            let name = self.line.trim_with(|bracket| matches!(bracket, '[' | ']'));
            state.is_list = name.ends_with(b"dependencies");
            // One of many.
            state.licence = match self.line.starts_with(b"[[") {
                true => Named::DependencyLicence,
                false => Named::Licence,
            };
            // `[dependencies.NAME]`
            if let Some(at) = self.line.find(b"dependencies.") {
                let end = self.line.find_byte(b']').unwrap_or(self.line.len());
                self.tell(Named::Package, at + 13..end);
            }
            return;
        }
        let Some(equals) = self.line.find_byte(b'=') else {
            return;
        };
        let key = self.line.get(..equals).unwrap_or_default().trim_ascii();
        if state.is_list {
            self.tell(Named::Package, 0..equals);
        }
        // `{ version = "1", registry = "ours" }`
        if self.line.contains(&b'{') {
            for (word, named) in [
                ("package = ", Named::Package),
                ("registry = ", Named::Registry),
                ("url = ", Named::Registry),
                ("git = ", Named::Registry),
            ] {
                let found = self.line.find(word);
                if let Some(value) = found.and_then(|at| self.quoted(at + word.len())) {
                    self.tell(named, value);
                }
            }
        }
        match key {
            b"name" if !state.is_list => self.value(Named::Package, equals),
            b"license" => self.value(state.licence, equals),
            b"package" => self.value(Named::Package, equals),
            b"source" | b"registry" | b"url" | b"git" => self.value(Named::Registry, equals),
            b"dependencies" | b"dev" | b"requires" => {
                state.in_array = !self.line.ends_with(b"]");
                let mut at = equals;
                while let Some(item) = self.quoted(at) {
                    at = item.end + 1;
                    self.requirement_at(item.start);
                }
            }
            _ => {}
        }
    }

    fn value(&mut self, named: Named, at: usize) {
        if let Some(value) = self.quoted(at) {
            self.tell(named, value);
        }
    }

    /// Tells the name of the requirement that begins at `at`.
    fn requirement_at(&mut self, at: usize) {
        let length = name_length(self.line.get(at..).unwrap_or_default());
        self.tell(Named::Package, at..at + length);
    }

    fn requirement(&mut self) {
        for option in [
            "--index-url",
            "--extra-index-url",
            "-i ",
            "--find-links",
            "-f ",
        ] {
            if self.line.starts_with(option.as_bytes()) {
                return self.tell(
                    Named::Registry,
                    self.from(option.len() + usize::from(!option.ends_with(' '))),
                );
            }
        }
        if !self.line.starts_with(b"-") {
            self.requirement_at(0);
        }
    }

    fn go_mod(&mut self) {
        let words = ["module ", "require ", "replace ", "exclude "];
        let start = words
            .iter()
            .find(|word| self.line.starts_with(word.as_bytes()));
        let start = start.map_or(0, |word| word.len());
        let is_module = self.line.get(start..).unwrap_or_default().contains(&b'.') || start == 7;
        if is_module && !self.line.starts_with(b"go ") && !self.line.starts_with(b"toolchain") {
            let rest = self.line.get(start..).unwrap_or_default();
            let end = start + rest.find_byte(b' ').unwrap_or(rest.len());
            self.tell(Named::Package, start..end);
        }
    }

    fn yaml(&mut self) {
        let is_told = self.value_behind(&[
            ("resolved ", Named::Registry),
            ("tarball:", Named::Registry),
            ("registry:", Named::Registry),
            (
                "license:",
                match self.blank {
                    0 => Named::Licence,
                    _ => Named::DependencyLicence,
                },
            ),
        ]);
        if is_told {
            return;
        }
        if self.line.starts_with(b"resolution:") {
            if let Some(at) = self.line.find("tarball:") {
                self.tell(Named::Registry, self.from(at + 8));
            }
            return;
        }
        // `"@acme/x@npm:^1", x@^2:`, `/@acme/x@1.0.0:`, `'@acme/x':`
        if !self.line.ends_with(b":") || self.blank > 6 {
            return;
        }
        let mut at = 0;
        for item in self.line.split_str(",") {
            let start = item
                .iter()
                .take_while(|byte| matches!(byte, b'"' | b'\'' | b' ' | b'/'))
                .count();
            let name = item.get(start..).unwrap_or_default();
            let end = name
                .iter()
                .skip(1)
                .position(|byte| matches!(byte, b'@' | b':' | b'\'' | b'"'));
            let end = end.map_or(name.len(), |end| end + 1);
            self.tell(Named::Package, at + start..at + start + end);
            at += item.len() + 1;
        }
    }

    fn bundler(&mut self) {
        for key in ["remote:", "source ", "git:"] {
            if self.line.starts_with(key.as_bytes()) {
                let value = self.quoted(key.len()).unwrap_or(self.from(key.len()));
                return self.tell(Named::Registry, value);
            }
        }
        if self.line.starts_with(b"gem ") {
            return self.value(Named::Package, 4);
        }
        if self.blank >= 2 && !self.line.contains(&b':') {
            self.first_word(Named::Package);
        }
    }

    fn gradle(&mut self) {
        if let Some(name) = coordinates(self.line) {
            return self.coordinates(name);
        }
        if self.line.starts_with(b"url") || self.line.contains_str("maven(") {
            self.value(Named::Registry, 3);
        }
    }

    fn gradle_lock(&mut self) {
        let end = self.line.find_byte(b'=').unwrap_or(self.line.len());
        self.coordinates(0..end);
    }

    /// `group:name:version` without the version.
    fn coordinates(&mut self, range: Range<usize>) {
        let text = self.line.get(range.clone()).unwrap_or_default();
        let end = text.find_iter(":").nth(1).unwrap_or(text.len());
        self.tell(Named::Package, range.start..range.start + end);
    }

    fn spdx(&mut self) {
        let is_told = self.value_behind(&[
            ("PackageName:", Named::Package),
            ("PackageLicenseConcluded:", Named::DependencyLicence),
            ("PackageLicenseDeclared:", Named::DependencyLicence),
            ("PackageDownloadLocation:", Named::Registry),
        ]);
        if is_told {
            return;
        }
        if let Some(at) = self.line.find(b"pkg:") {
            let purl = self.start + at..self.start + self.line.len();
            self.told.tell_purl(purl);
        }
    }
}
