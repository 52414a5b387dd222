//! The figures of the built-in rules on files that are made for it, which must not become worse.
//!
//! `cargo test -p exeat-inspect --test figures -- --nocapture` prints them. The corpus is written from what people write, not from what
//! the rules find: where the rules fail on it, the floors say so. No value in it was ever valid anywhere; all are made by chance from a
//! fixed seed. `EXEAT_FIGURES_LIST=1` prints every line that is missed or wrong.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on shall fail")]

mod chance;
mod corpus;
mod everyday;
mod floors;
mod fooling;
mod random;
mod score;
mod structures;
mod syntaxes;
mod values;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use exeat_rules::RuleSet;

use crate::corpus::File;
use crate::random::Random;
use crate::score::{Count, Figures, TIERS};

fn files() -> Vec<File> {
    let mut random = Random::new(0x00e8_ea70_0006);
    let mut files = syntaxes::named(&mut random, 4);
    files.extend(syntaxes::kubernetes(&mut random, 16));
    files.extend(structures::all(&mut random, 3));
    files.extend(fooling::named(&mut random, 4));
    files.extend(fooling::texts());
    files.extend(everyday::all(&mut random, 4));
    files.extend(chance::all(&mut random, 4));
    files
}

#[test]
fn the_figures_hold() {
    let rules = RuleSet::compile(&exeat_rules::builtin()).unwrap().rules;
    let figures = score::measure(&files(), &Arc::new(rules));
    println!("{}", table(&figures));
    if std::env::var_os("EXEAT_FIGURES_LIST").is_some() {
        println!("{}", list(&figures, &|_| true, usize::MAX));
    }
    let mut fallen = String::new();
    for (tier, (name, precision, recall, both)) in floors::TIERS.into_iter().enumerate() {
        let floors = [("precision", precision), ("recall", recall), ("F1", both)];
        for ((what, floor), is) in floors.into_iter().zip(figures.ratios(tier)) {
            if is < floor {
                writeln!(fallen, "{name}: {what} is {is:.3}, below {floor}").unwrap();
            }
        }
    }
    let mut kinds: Vec<&str> = Vec::new();
    for &(kind, floor) in floors::FOUND {
        let is = figures.kinds[kind].share(1);
        if is < floor {
            writeln!(fallen, "{kind}: {is:.3} found, below {floor}").unwrap();
            kinds.push(kind);
        }
    }
    for &(kind, most) in floors::FOOLED {
        let is = figures.fooling[kind].share(1);
        if is > most {
            writeln!(fallen, "{kind}: {is:.3} of the lines found, above {most}").unwrap();
            kinds.push(kind);
        }
    }
    let is_asked = |kind: &str| kinds.is_empty() || kinds.contains(&kind);
    assert!(
        fallen.is_empty(),
        "\n{fallen}\n{}",
        list(&figures, &is_asked, 12)
    );
}

/// Each kind has a floor, and there is as much that fools as there are secrets.
#[test]
fn the_corpus_is_large_and_even() {
    let files = files();
    let units: usize = files.iter().map(|file| file.units.len()).sum();
    let is_fooling =
        |line: &&(String, corpus::Label)| matches!(line.1, corpus::Label::Fooling { .. });
    let fooling: usize = files
        .iter()
        .map(|file| file.lines.iter().filter(is_fooling).count())
        .sum();
    assert!(units > 1_500 && fooling > units, "{units} {fooling}");
    let again: Vec<String> = self::files().iter().map(File::text).collect();
    assert_eq!(files.iter().map(File::text).collect::<Vec<_>>(), again);
    let mut kinds: Vec<&str> = files
        .iter()
        .flat_map(|file| file.units.iter().map(|unit| unit.kind))
        .collect();
    kinds.sort_unstable();
    kinds.dedup();
    let mut floors: Vec<&str> = floors::FOUND.iter().map(|(kind, _)| *kind).collect();
    floors.sort_unstable();
    assert_eq!(kinds, floors);
}

fn table(figures: &Figures) -> String {
    let mut out = String::new();
    writeln!(
        out,
        "\n{} lines\n\n| tier | precision | recall | F1 | unlabelled |\n|---|---|---|---|---|",
        figures.lines
    )
    .unwrap();
    for (tier, (name, _)) in TIERS.iter().enumerate() {
        let [precision, recall, both] = figures.ratios(tier);
        writeln!(
            out,
            "| {name} | {precision:.3} | {recall:.3} | {both:.3} | {} |",
            figures.unlabelled[tier]
        )
        .unwrap();
    }
    let mut counts = |title: &str, counts: &BTreeMap<&str, Count>| {
        writeln!(
            out,
            "\n| {title} | number | block | block + review |\n|---|---|---|---|"
        )
        .unwrap();
        for (kind, count) in counts {
            writeln!(
                out,
                "| {kind} | {} | {:.2} | {:.2} |",
                count.all,
                count.share(0),
                count.share(1)
            )
            .unwrap();
        }
    };
    counts("secrets by kind, found", &figures.kinds);
    counts("secrets by syntax, found", &figures.syntaxes);
    counts("lines that fool, found", &figures.fooling);
    out
}

/// Missed and wrong lines, at most `most` of a kind.
fn list(figures: &Figures, is_asked: &dyn Fn(&str) -> bool, most: usize) -> String {
    let mut out = String::new();
    for (title, lines) in [("missed", &figures.missed), ("wrong", &figures.wrong)] {
        let mut told: BTreeMap<&str, usize> = BTreeMap::new();
        for (kind, line) in lines.iter().filter(|(kind, _)| is_asked(kind)) {
            let count = told.entry(kind).or_default();
            *count += 1;
            if *count <= most {
                writeln!(out, "{title}: {kind}: {line}").unwrap();
            }
        }
    }
    out
}
