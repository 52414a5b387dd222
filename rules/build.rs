//! Lists the rule packs, so that adding a pack is adding a file, and finds out what can be known of their regexes beforehand.

// What reads and plans regexes is the crate's own.
#[path = "src/beginnings/determine.rs"]
mod determine;
#[allow(dead_code, reason = "the crate needs more of it")]
#[path = "src/dialect.rs"]
mod dialect;
#[path = "src/beginnings/nodes.rs"]
mod nodes;
#[allow(dead_code, reason = "the crate needs more of it")]
#[path = "src/plan.rs"]
mod plan;
#[allow(dead_code, reason = "the crate needs more of it")]
#[path = "src/printable.rs"]
mod printable;

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::{env, fs};

use determine::{Beginning, Table};
use plan::Outline;
use toml::de::{DeTable, DeValue};

fn main() -> Result<(), Box<dyn Error>> {
    for read in [
        "packs",
        "build.rs",
        "src/beginnings/determine.rs",
        "src/beginnings/nodes.rs",
        "src/dialect.rs",
        "src/plan.rs",
        "src/printable.rs",
    ] {
        println!("cargo::rerun-if-changed={read}");
    }
    let packs = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("packs");
    let out = env::var("OUT_DIR")?;
    let out = Path::new(&out);
    let mut prepared = BTreeMap::new();
    for (folder, list) in [
        (packs.clone(), "packs.rs"),
        (packs.join("optional"), "optional.rs"),
    ] {
        fs::write(out.join(list), listed(&folder, &mut prepared)?)?;
    }
    write_beginnings(&prepared, out)?;
    let prepared: String = prepared.iter().map(written).collect();
    let prepared = format!("&[\n{prepared}]\n");
    fs::write(out.join("prepared.rs"), prepared)?;
    Ok(())
}

/// The source text of a list of the packs of a folder, whose rules are prepared.
fn listed(packs: &Path, prepared: &mut Prepared) -> Result<String, Box<dyn Error>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(packs)? {
        let name = entry?
            .file_name()
            .into_string()
            .map_err(|name| format!("{name:?} is not a name for a pack"))?;
        if name.ends_with(".toml") {
            names.push(name);
        }
    }
    names.sort();

    let mut list = String::from("&[\n");
    for name in names {
        let path = packs.join(&name);
        println!("cargo::rerun-if-changed={}", path.display());
        list += &format!(
            "    ({name:?}, include_str!({:?})),\n",
            path.display().to_string()
        );
        prepare(&fs::read_to_string(&path)?, prepared);
    }
    list += "]\n";
    Ok(list)
}

/// By regex and keywords.
type Prepared = BTreeMap<(String, Vec<String>), Outline<'static>>;

/// Adds the rules of a pack. What is wrong with one is left to whoever compiles the rules: he knows how to say it.
fn prepare(pack: &str, prepared: &mut Prepared) {
    let Ok(pack) = DeTable::parse(pack) else {
        return;
    };
    let rules = pack.get_ref().get("rules").map(|rules| rules.get_ref());
    for rule in rules.and_then(DeValue::as_array).into_iter().flatten() {
        let value = |key: &str| Some(rule.get_ref().as_table()?.get(key)?.get_ref());
        let Some(regex) = value("regex").and_then(DeValue::as_str) else {
            continue;
        };
        // Their words stand everywhere, and would take the place of others for those who do not ask for licences.
        if value("license").is_some() {
            continue;
        }
        let mut keywords: Vec<String> = Vec::new();
        for keyword in value("keywords")
            .and_then(DeValue::as_array)
            .into_iter()
            .flatten()
        {
            let keyword = keyword.get_ref().as_str().unwrap_or_default();
            let keyword = keyword.to_ascii_lowercase();
            if !keywords.contains(&keyword) {
                keywords.push(keyword);
            }
        }
        let Ok(read) = dialect::parse(regex) else {
            continue;
        };
        if read.properties().minimum_len() != Some(0) {
            let outline = Outline::of(&read, &keywords);
            prepared.insert((regex.to_owned(), keywords), outline);
        }
    }
}

/// The source text of an entry.
fn written(((regex, keywords), outline): (&(String, Vec<String>), &Outline<'static>)) -> String {
    let Outline {
        groups,
        name,
        max_length,
        split,
        openings,
    } = outline;
    format!(
        "Prepared {{ regex: {regex:?}, keywords: &{keywords:?}, outline: Outline {{ groups: {groups}, name: {name:?}, \
         max_length: {max_length:?}, split: {split:?}, openings: Cow::Borrowed(&{openings:?}) }} }},\n"
    )
}

/// The automaton over the beginnings of what is prepared.
fn write_beginnings(prepared: &Prepared, out: &Path) -> Result<(), Box<dyn Error>> {
    let mut beginnings = Vec::new();
    for ((regex, keywords), outline) in prepared {
        beginnings.push(beginning(regex, keywords, outline)?);
    }
    let table = Table::of(&beginnings);
    let bytes = |numbers: &[u16]| -> Vec<u8> {
        let bytes = numbers.iter().flat_map(|number| number.to_le_bytes());
        bytes.collect()
    };
    fs::write(out.join("beginnings.next"), bytes(&table.next))?;
    fs::write(
        out.join("beginnings.answers"),
        bytes(&table.answers_of_rows),
    )?;
    let starts: String = table
        .starts
        .iter()
        .map(|((keyword, before), at)| {
            format!("Start {{ keyword: {keyword:?}, before: {before}, at: {at:?} }},\n")
        })
        .collect();
    let answers: String = table
        .answers
        .iter()
        .map(|answer| format!("&{answer:?},\n"))
        .collect();
    let source = format!(
        "Beginnings {{ classes: &{:?}, width: {}, next: include_bytes!({:?}), answers_of_rows: include_bytes!({:?}), \
         answers: &[{answers}], starts: &[{starts}] }}\n",
        table.classes,
        table.width,
        out.join("beginnings.next"),
        out.join("beginnings.answers"),
    );
    fs::write(out.join("beginnings.rs"), source)?;
    Ok(())
}

/// What the automaton has to know of an entry: nothing of one that may match anywhere.
fn beginning(
    regex: &str,
    keywords: &[String],
    outline: &Outline<'static>,
) -> Result<Beginning, dialect::Error> {
    let read = dialect::parse(regex)?;
    let Some(split) = outline.split else {
        return Ok(Beginning {
            core: read,
            openings: Vec::new(),
        });
    };
    let openings = outline.openings.iter();
    let openings = openings.filter_map(|it| Some((keywords.get(it.keyword)?.clone(), it.offset)));
    Ok(Beginning {
        core: plan::core(&read, split.at),
        openings: openings.collect(),
    })
}
