//! The engine against plain runs on generated text of the imported catalogues, and on a tree that somebody names.

use std::path::Path;

use super::linear::spelled;
use super::plain::{Plain, compare, compare_tree};
use super::real_files::load;
use super::*;
use crate::builtin;
use crate::random::Random;

/// Texts in which what the rules' own regexes spell is cut, joined and repeated.
fn compare_generated(rules: &RuleSet, rounds: usize) {
    let mut random = Random::from_word("generated");
    let mut pieces: Vec<Vec<u8>> = Vec::new();
    for rule in rules.rules() {
        pieces.extend(rule.keywords.iter().map(|word| word.clone().into_bytes()));
        for many in [false, false, true] {
            pieces.extend(spelled(rule, many, &mut random).filter(|piece| piece.len() < 4000));
        }
    }
    pieces.retain(|piece| !piece.is_empty());
    let (mut scratch, mut plain) = (Scratch::new(rules), Plain::new(rules));
    let mut found = 0;
    for _ in 0..rounds {
        let mut text = Vec::new();
        for _ in 0..1 + random.below(10) {
            let piece = &pieces[random.below(pieces.len())];
            let from = match random.below(4) {
                0 => random.below(piece.len()),
                _ => 0,
            };
            let to = match random.below(4) {
                0 => from + random.below(piece.len() - from),
                _ => piece.len(),
            };
            text.extend_from_slice(&piece[from..to]);
            text.extend_from_slice([b"".as_slice(), b"\n", b" ", b"\"", b"= "][random.below(5)]);
        }
        found += compare(rules, &mut scratch, &mut plain, &text, "generated");
    }
    println!("{found} found in {rounds} texts");
    assert!(found > rounds / 10, "{found}");
}

#[test]
fn builtin_rules_on_generated_text() {
    compare_generated(&RuleSet::compile(&builtin()).unwrap().rules, 400);
}

#[test]
fn imported_rules_on_generated_text() {
    for file in ["gitleaks.toml", "betterleaks.toml"] {
        if let Some(compiled) = load(file) {
            compare_generated(&compiled.rules, 300);
        }
    }
}

/// The folder that `EXEAT_CORPUS` names, with every catalogue.
#[test]
fn all_rules_on_a_tree_that_is_named() {
    let Some(root) = std::env::var_os("EXEAT_CORPUS") else {
        println!("skipped: EXEAT_CORPUS names no folder");
        return;
    };
    let shipped = RuleSet::compile(&builtin()).unwrap().rules;
    let imported = ["gitleaks.toml", "betterleaks.toml"].into_iter();
    let imported = imported.filter_map(|file| Some((file, load(file)?.rules)));
    for (name, rules) in std::iter::once(("built-in", shipped)).chain(imported) {
        let (files, bytes, found) = compare_tree(&rules, Path::new(&root), usize::MAX);
        println!("{name}: {found} found in {files} files of {bytes} bytes");
        assert!(files > 0);
    }
}
