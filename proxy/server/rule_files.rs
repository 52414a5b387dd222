//! The rule files of a configuration: read, compiled, proven, and looked at for changes.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    fs, io,
    io::Read,
    path::{Path, PathBuf},
};

use anyhow::Context;
use exeat_inspect::{Engine, SelfTest};
use exeat_rules::{Compiled, FILE_BYTES, RuleSet, Source, check::Fault};
use sha2::{Digest, Sha256};

use crate::config::{RuleFile, Rules};
use crate::{drafts, rehearsal};

/// Faults that one message names.
const NAMED: usize = 10;

/// What rule files held when they were looked at, by path; `None` where nothing could be read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contents(BTreeMap<PathBuf, Option<[u8; 32]>>);

/// Rule files as they were read once.
#[derive(Debug)]
pub struct Reading {
    pub compiled: anyhow::Result<Compiled>,
    /// What was read for it: the files of the configuration and those that they extend, as far as it came.
    pub contents: Contents,
}

/// Reads and compiles the rules of a configuration, and the drafts beside its files, with what it overrides.
pub fn read(rules: &Rules, drafts: &[drafts::Text]) -> Reading {
    let contents = RefCell::default();
    Reading {
        compiled: compile_noting(rules, drafts, &contents),
        contents: contents.into_inner(),
    }
}

/// The same for whoever reads them once.
///
/// # Errors
/// When a file cannot be read or is no rule file, the text names file and line; or when a rule that does not exist is
/// overridden, the text names the place in the configuration.
pub fn compile(rules: &Rules) -> anyhow::Result<Compiled> {
    read(rules, &[]).compiled
}

fn compile_noting(
    rules: &Rules,
    drafts: &[drafts::Text],
    contents: &RefCell<Contents>,
) -> anyhow::Result<Compiled> {
    // Before the files, which may take rules out of them.
    let mut sources = chosen(&rules.packs);
    for file in &rules.files {
        match file {
            RuleFile::Builtin => sources.extend(exeat_rules::builtin()),
            RuleFile::File(path) => {
                let bytes = bytes(path);
                contents.borrow_mut().note(path, bytes.as_deref().ok());
                let unreadable = || format!("rules.files: {} cannot be read", path.display());
                sources.push(Source {
                    name: path.display().to_string(),
                    text: String::from_utf8(bytes.with_context(unreadable)?)
                        .with_context(unreadable)?,
                });
            }
        }
    }
    sources.extend(drafts.iter().map(source_of));
    let open = |from: &Source, path: &str| {
        // What lies beside it is nobody's who approved it.
        if drafts.iter().any(|draft| draft.name() == from.name) {
            return Err("a draft names no files: write the terms out".to_owned());
        }
        let opened = exeat_rules::beside(from, path);
        let folder = Path::new(&from.name).parent().unwrap_or(Path::new(""));
        match &opened {
            Ok(source) => {
                let (name, text) = (Path::new(&source.name), source.text.as_bytes());
                contents.borrow_mut().note(name, Some(text));
            }
            // It may be there later. One that may not be extended is none to look at.
            Err(_) if exeat_rules::is_below(path) => {
                contents.borrow_mut().look_at(&folder.join(path))
            }
            Err(_) => {}
        }
        opened
    };
    let Compiled {
        rules: set,
        warnings,
    } = RuleSet::compile_with(&sources, &open)?;
    Ok(Compiled {
        rules: rules.override_in(set)?,
        warnings,
    })
}

/// The packs of these names, of those that are off until they are chosen.
pub fn chosen(packs: &[String]) -> Vec<Source> {
    let packs = packs.iter();
    packs
        .filter_map(|name| exeat_rules::optional(name))
        .collect()
}

/// A draft, as the compiler takes it.
pub fn source_of(draft: &drafts::Text) -> Source {
    Source {
        name: draft.name(),
        text: draft.text.clone(),
    }
}

impl Contents {
    /// What the same files hold now.
    pub fn now(&self) -> Self {
        let mut now = Self::default();
        self.0.keys().for_each(|path| now.look_at(path));
        now
    }

    /// Holds these files as well.
    pub fn look_at_all(&mut self, paths: &[PathBuf]) {
        paths.iter().for_each(|path| self.look_at(path));
    }

    fn look_at(&mut self, path: &Path) {
        self.note(path, bytes(path).as_deref().ok());
    }

    fn note(&mut self, path: &Path, bytes: Option<&[u8]>) {
        let hash = bytes.map(|bytes| Sha256::digest(bytes).into());
        self.0.insert(path.to_owned(), hash);
    }
}

/// At most one byte more than a rule file may have, so that what is too long is told as that.
fn bytes(path: &Path) -> io::Result<Vec<u8>> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is not a file"));
    }
    let mut bytes = Vec::new();
    let file = fs::File::open(path)?;
    file.take(FILE_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Rules of which an example goes through the engine of pushes unseen.
#[derive(Debug, thiserror::Error)]
#[error("the self-test of the rules failed: {}", named(.0))]
pub struct Unproven(pub Vec<Fault>);

fn named(faults: &[Fault]) -> String {
    let mut named: Vec<String> = faults.iter().take(NAMED).map(Fault::to_string).collect();
    if let Some(more) = faults.len().checked_sub(NAMED).filter(|more| *more > 0) {
        named.push(format!("and {more} more (exeat rules check)"));
    }
    named.join("; ")
}

/// Runs an example of every proven rule through the engine of pushes.
///
/// # Errors
/// [`Unproven`] where an example is not told; else when the engine itself failed.
pub fn prove(engine: &Engine) -> anyhow::Result<SelfTest> {
    if rehearsal::knows(engine) {
        return Ok(engine.count());
    }
    let outcome = engine
        .test()
        .context("the self-test of the rules could not be run")?;
    match outcome.faults.is_empty() {
        true => {
            rehearsal::note(engine);
            Ok(outcome)
        }
        false => Err(Unproven(outcome.faults).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(folder: &Path) -> Rules {
        Rules {
            files: vec![RuleFile::File(folder.join("ours.toml"))],
            packs: Vec::new(),
            watch: true,
            drafts: false,
            checksums: true,
            overrides: Vec::new(),
        }
    }

    const RULE: &str = "[[rules]]\nid='a'\nregex='x'\n";

    #[test]
    fn files_that_are_extended_are_looked_at_as_well() {
        let folder = tempfile::tempdir().unwrap();
        let write =
            |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write("ours.toml", "[extend]\npath='base.toml'\n");
        let missing = read(&rules(folder.path()), &[]);
        let error = missing.compiled.unwrap_err().to_string();
        assert!(error.contains("base.toml"), "{error}");
        assert_eq!(missing.contents.0.len(), 2);
        assert_eq!(missing.contents.now(), missing.contents);

        write("base.toml", RULE);
        assert_ne!(missing.contents.now(), missing.contents);
        let good = read(&rules(folder.path()), &[]);
        assert_eq!(good.compiled.unwrap().rules.rules().len(), 1);
        assert_eq!(good.contents.now(), good.contents);
        write("base.toml", &RULE.replace("'x'", "'y'"));
        assert_ne!(good.contents.now(), good.contents);
        write("base.toml", RULE);
        assert_eq!(good.contents.now(), good.contents);
        std::fs::remove_file(folder.path().join("ours.toml")).unwrap();
        assert_ne!(good.contents.now(), good.contents);
    }

    #[test]
    fn files_of_terms_are_looked_at_and_a_draft_has_none() {
        let folder = tempfile::tempdir().unwrap();
        let write =
            |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        let words = "[[dictionary]]\nid='n'\nkind='names'\nfile='names.txt'\n";
        write("ours.toml", words);
        write("names.txt", "blue finch\n");
        let good = read(&rules(folder.path()), &[]);
        assert_eq!(good.compiled.unwrap().rules.rules().len(), 1);
        write("names.txt", "blue finch\nkestrel\n");
        assert_ne!(good.contents.now(), good.contents);
        let draft = drafts::Text {
            id: "D-1".into(),
            text: words.replace("'n'", "'m'"),
        };
        let error = read(&rules(folder.path()), &[draft]).compiled.unwrap_err();
        let error = crate::causes::told(&error);
        assert!(error.contains("a draft names no files"), "{error}");
    }

    #[test]
    fn nothing_outside_the_folder_is_looked_at_and_every_look_is_the_same() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("rules");
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(home.path().join("outside.toml"), RULE).unwrap();
        for text in [
            "[extend]\npath='../outside.toml'\n",
            "[extend]\npath='.'\n",
            "[[rules]\n",
            "\u{e9}",
        ] {
            std::fs::write(folder.join("ours.toml"), text).unwrap();
            let reading = read(&rules(&folder), &[]);
            assert_eq!(reading.contents.now(), reading.contents, "{text}");
            assert!(
                reading
                    .contents
                    .0
                    .keys()
                    .all(|path| path.starts_with(&folder))
            );
        }
        std::fs::write(folder.join("ours.toml"), b"\xff\xfe").unwrap();
        let reading = read(&rules(&folder), &[]);
        assert!(reading.compiled.is_err());
        assert_eq!(reading.contents.now(), reading.contents);
    }

    #[test]
    fn what_is_too_long_or_no_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ours.toml");
        let long = std::fs::File::create(&path).unwrap();
        long.set_len(FILE_BYTES as u64 * 3).unwrap();
        let error = compile(&rules(folder.path())).unwrap_err();
        assert!(format!("{error:#}").contains("longer than"), "{error:#}");
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
        let error = compile(&rules(folder.path())).unwrap_err();
        assert!(
            format!("{error:#}").contains("it is not a file"),
            "{error:#}"
        );
    }

    #[test]
    fn many_faults_are_counted() {
        let text = "[[rules]]\nid='a'\nregex='x'\n";
        let source = Source {
            name: "t.toml".into(),
            text: text.into(),
        };
        let rules = RuleSet::compile(&[source]).unwrap().rules;
        let fault = Fault::of(rules.rule(0), "example 1: it is not found".into());
        let all = Unproven(vec![fault; 12]).to_string();
        assert!(all.starts_with(
            "the self-test of the rules failed: t.toml:1: rule a: example 1: it is not found; "
        ));
        assert!(all.ends_with("; and 2 more (exeat rules check)"), "{all}");
    }
}
