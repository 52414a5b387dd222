//! Merges the file and the environment into one tree, and remembers where each key came from.
//!
//! The `config` crate does the merging. Both sources are read here instead of by that crate, because its own file source
//! forgets lines and its own environment source cannot name an upstream whose name holds a dot.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use config::{ConfigError, Map, Source, Value, ValueKind};
use toml::de::{DeTable, DeValue};

use super::Error;
use super::section::{Origin, Reader};

/// The variables that are read: `EXEAT__LISTEN__ADDRESS` sets `listen.address`.
pub(super) const PREFIX: &str = "EXEAT__";

/// A configuration has a few hundred lines; a megabyte is something else given by mistake.
const FILE_BYTES: u64 = 1024 * 1024;

/// Everything hangs below this one key, so that no name in the file is taken for a path expression of the `config` crate.
const ROOT: &str = "exeat";

/// The text of a configuration file.
pub(super) struct File {
    path: PathBuf,
    text: String,
}

impl File {
    pub(super) fn read(path: &Path) -> Result<Self, Error> {
        let unreadable = |source| Error::Unreadable {
            path: path.to_owned(),
            source,
        };
        Ok(Self {
            path: path.to_owned(),
            text: text_of(path).map_err(unreadable)?,
        })
    }

    /// A file of this text.
    pub(super) fn of_text(text: &str) -> Self {
        Self {
            path: PathBuf::from("exeat.toml"),
            text: text.to_owned(),
        }
    }
}

/// A pipe or a device has no content that a reload could read again, and opening one may wait for ever.
fn text_of(path: &Path) -> std::io::Result<String> {
    if !std::fs::metadata(path)?.is_file() {
        return Err(std::io::Error::other("it is not a file"));
    }
    let mut text = String::new();
    let file = std::fs::File::open(path)?;
    file.take(FILE_BYTES + 1).read_to_string(&mut text)?;
    match text.len() as u64 > FILE_BYTES {
        true => Err(std::io::Error::other("larger than 1 MiB")),
        false => Ok(text),
    }
}

/// The merged tree below the root; environment wins over file.
pub(super) fn merge(
    file: Option<File>,
    environment: impl Iterator<Item = (String, String)>,
    reader: &mut Reader,
) -> Result<Map<String, Value>, Error> {
    let from_file = match file {
        Some(file) => file_layer(&file, reader)?,
        None => Map::new(),
    };
    let from_environment = environment_layer(environment, &from_file, reader);
    let merged = config::Config::builder()
        .add_source(Layer(from_file))
        .add_source(Layer(from_environment))
        .build()?;
    match merged.collect()?.remove(ROOT).map(|value| value.kind) {
        Some(ValueKind::Table(tree)) => Ok(tree),
        _ => Ok(Map::new()),
    }
}

#[derive(Debug, Clone)]
struct Layer(Map<String, Value>);

impl Source for Layer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, ConfigError> {
        let kind = ValueKind::Table(self.0.clone());
        Ok(Map::from_iter([(ROOT.to_owned(), Value::new(None, kind))]))
    }
}

fn file_layer(file: &File, reader: &mut Reader) -> Result<Map<String, Value>, Error> {
    let table = DeTable::parse(&file.text).map_err(|error| Error::Syntax {
        path: file.path.clone(),
        line: line_of(&file.text, error.span().map_or(0, |span| span.start)),
        // The message alone: the error's full text would quote the line, which may hold a secret.
        message: error.message().replace('\n', ", "),
    })?;
    Ok(converted(
        &file.text,
        table.get_ref(),
        &mut Vec::new(),
        reader,
    ))
}

fn converted(
    text: &str,
    table: &DeTable<'_>,
    path: &mut Vec<String>,
    reader: &mut Reader,
) -> Map<String, Value> {
    let mut map = Map::new();
    for (key, value) in table {
        path.push(key.get_ref().to_string());
        let line = line_of(text, key.span().start);
        reader.note_origin(path, Origin::Line(line));
        let kind = kind_of(text, value.get_ref(), path, reader);
        map.insert(key.get_ref().to_string(), Value::new(None, kind));
        path.pop();
    }
    map
}

/// The depth is the file's own nesting, which the TOML parser bounds.
fn kind_of(
    text: &str,
    value: &DeValue<'_>,
    path: &mut Vec<String>,
    reader: &mut Reader,
) -> ValueKind {
    match value {
        DeValue::String(string) => ValueKind::String(string.to_string()),
        DeValue::Boolean(flag) => ValueKind::Boolean(*flag),
        DeValue::Integer(integer) => i64::from_str_radix(integer.as_str(), integer.radix())
            .map_or(ValueKind::Float(f64::NAN), ValueKind::I64),
        DeValue::Float(float) => ValueKind::Float(float.as_str().parse().unwrap_or(f64::NAN)),
        // No key takes a date; `Nil` is refused by every reader with what it expected instead.
        DeValue::Datetime(_) => ValueKind::Nil,
        DeValue::Array(items) => ValueKind::Array(
            items
                .iter()
                .map(|item| Value::new(None, kind_of(text, item.get_ref(), path, reader)))
                .collect(),
        ),
        DeValue::Table(table) => ValueKind::Table(converted(text, table, path, reader)),
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    let before = text.as_bytes().get(..offset).unwrap_or(text.as_bytes());
    before.iter().filter(|byte| **byte == b'\n').count() + 1
}

fn environment_layer(
    environment: impl Iterator<Item = (String, String)>,
    file: &Map<String, Value>,
    reader: &mut Reader,
) -> Map<String, Value> {
    // Sorted, so that what is reported does not depend on the order in which the system hands variables over.
    let variables: BTreeMap<String, String> = environment
        .filter(|(name, _)| name.starts_with(PREFIX))
        .collect();
    let mut layer = Map::new();
    for (name, value) in variables {
        let path = key_path(&name, file);
        if path.iter().any(String::is_empty) {
            reader.refuse(
                Origin::Variable(name),
                &path,
                "expected EXEAT__SECTION__KEY, such as EXEAT__LISTEN__ADDRESS".to_owned(),
            );
            continue;
        }
        for depth in 1..=path.len() {
            reader.note_origin(&path[..depth], Origin::Variable(name.clone()));
        }
        if !insert(&mut layer, &path, value) {
            reader.refuse(
                Origin::Variable(name),
                &path,
                "another variable sets the same key or a part of it".to_owned(),
            );
        }
    }
    layer
}

/// The tables below which names stand that the user chose.
const NAMED: [&[&str]; 3] = [
    &["upstream"],
    &["rules", "override"],
    &["notify", "webhook"],
];

/// `EXEAT__UPSTREAM__GITHUB_COM__URL` means `upstream."github.com".url` where the file has that upstream: variable names
/// cannot hold dots or dashes, so an underscore stands for any of the three. So it is with the rules that are overridden and
/// with webhooks.
fn key_path(variable: &str, file: &Map<String, Value>) -> Vec<String> {
    let rest = variable.strip_prefix(PREFIX).unwrap_or_default();
    let mut path: Vec<String> = rest.split("__").map(str::to_ascii_lowercase).collect();
    let plain = |name: &str| name.to_ascii_lowercase().replace(['.', '-'], "_");
    for table in NAMED {
        let depth = table.len();
        if path.len() > depth + 1
            && path.iter().take(depth).eq(table)
            && let Some(name) = path.get_mut(depth)
            && let Some(known) = names(file, table).find(|known| plain(known) == plain(name))
        {
            *name = known.clone();
        }
    }
    path
}

/// The names in the table at `path`.
fn names<'f>(file: &'f Map<String, Value>, path: &[&str]) -> impl Iterator<Item = &'f String> {
    let mut table = Some(file);
    for part in path {
        table = match table
            .and_then(|table| table.get(*part))
            .map(|value| &value.kind)
        {
            Some(ValueKind::Table(inner)) => Some(inner),
            _ => None,
        };
    }
    table.into_iter().flat_map(Map::keys)
}

/// Whether there was room: a key is either a value or a table, and is set once.
fn insert(layer: &mut Map<String, Value>, path: &[String], value: String) -> bool {
    let Some((last, parents)) = path.split_last() else {
        return false;
    };
    let mut table = layer;
    for parent in parents {
        let child = table
            .entry(parent.clone())
            .or_insert_with(|| Value::new(None, ValueKind::Table(Map::new())));
        let ValueKind::Table(inner) = &mut child.kind else {
            return false;
        };
        table = inner;
    }
    let free = !table.contains_key(last);
    if free {
        table.insert(last.clone(), Value::new(None, ValueKind::String(value)));
    }
    free
}
