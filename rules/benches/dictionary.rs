//! What 5,000 terms cost on top of the secret rules' one pass, on one thread.
//!
//! `cargo bench -p exeat-rules --bench dictionary`. `EXEAT_CORPUS` names folders with `:` between them; without it the sources of this
//! crate are taken, in one round, to see that it works. Each file is scanned in turns without dictionaries, with them, and with hashed
//! values; of each way and file the smallest time of all rounds counts.

use std::{
    hint::black_box,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use exeat_rules::{RuleSet, Scratch, Source, builtin, keyed};

const TERMS: usize = 5_000;
const ROUNDS: usize = 5;

fn main() {
    let named = std::env::var_os("EXEAT_CORPUS");
    let folders: Vec<PathBuf> = match &named {
        Some(named) => std::env::split_paths(named).collect(),
        None => vec![env!("CARGO_MANIFEST_DIR").into()],
    };
    let rounds = if named.is_some() { ROUNDS } else { 1 };
    let sets = [None, Some(dictionaries()), Some(people())].map(compile);
    println!(
        "| corpus | MB | rules MB/s | 5,000 terms MB/s on top | terms found | 5,000 hashed values MB/s on top |"
    );
    println!("|---|---:|---:|---:|---:|---:|");
    for folder in folders {
        let mut files = Vec::new();
        read(&folder, &mut files);
        let bytes: usize = files.iter().map(Vec::len).sum();
        let mut least = [(); 3].map(|()| vec![Duration::MAX; files.len()]);
        let mut scratches = sets.each_ref().map(Scratch::new);
        let mut found = 0;
        for _ in 0..=rounds {
            found = 0;
            for (at, text) in files.iter().enumerate() {
                for (way, (set, scratch)) in sets.iter().zip(&mut scratches).enumerate() {
                    let mut matches = Vec::new();
                    let start = Instant::now();
                    let _ = black_box(set.scan(text, scratch, &mut matches));
                    let time = start.elapsed();
                    least[way][at] = least[way][at].min(time);
                    if way == 1 {
                        found += matches
                            .iter()
                            .filter(|found| set.rule(found.rule).dictionary.is_some())
                            .count();
                    }
                }
            }
        }
        let [rules, terms, hashed] =
            least.map(|times| times.iter().sum::<Duration>().as_secs_f64());
        let megabytes = bytes as f64 / 1e6;
        println!(
            "| {} | {megabytes:.1} | {:.0} | {:.0} | {found} | {:.0} |",
            folder.file_name().unwrap_or_default().to_string_lossy(),
            megabytes / rules,
            megabytes / (terms - rules),
            megabytes / (hashed - rules),
        );
    }
}

/// The rules that ship, and a file beside them, with a file of hashes and its key.
fn compile(more: Option<(String, String)>) -> RuleSet {
    let mut sources = builtin();
    let (text, hashes) = more.unwrap_or_default();
    sources.push(Source {
        name: "words.toml".into(),
        text,
    });
    let open = |_: &Source, name: &str| {
        let text = if name == "key" { key() } else { hashes.clone() };
        Ok(Source {
            name: name.into(),
            text,
        })
    };
    match RuleSet::compile_with(&sources, &open) {
        Ok(compiled) => compiled.rules,
        Err(error) => panic!("{error}"),
    }
}

fn key() -> String {
    "0123456789abcdef".repeat(4)
}

/// Names that nobody has, half of them of two words, and hosts, and prefixes of tickets.
fn dictionaries() -> (String, String) {
    let mut next = chance();
    let list = |terms: Vec<String>| format!("{terms:?}");
    let one = (0..TERMS / 2).map(|_| coined(&mut next, 3)).collect();
    let two = (0..TERMS * 3 / 10)
        .map(|_| format!("{} {}", coined(&mut next, 2), coined(&mut next, 2)))
        .collect();
    let hosts = (0..TERMS / 10)
        .map(|_| format!("{}.{}.internal", coined(&mut next, 2), coined(&mut next, 2)))
        .collect();
    let tickets = (0..TERMS / 10)
        .map(|_| coined(&mut next, 2).to_uppercase())
        .collect();
    let mut text = String::new();
    for (kind, terms) in [
        ("names", list(one)),
        ("customers", list(two)),
        ("hosts", list(hosts)),
        ("tickets", list(tickets)),
    ] {
        text += &format!("[[dictionary]]\nid='{kind}'\nkind='{kind}'\nterms={terms}\n");
    }
    (text, String::new())
}

/// Hashes of names of people.
fn people() -> (String, String) {
    let mut next = chance();
    let values: String = (0..TERMS)
        .map(|_| format!("{} {}\n", coined(&mut next, 2), coined(&mut next, 3)))
        .collect();
    let locked = keyed::Key::read(&key()).map(|key| keyed::lock(&values, &key));
    let Ok(Ok(hashes)) = locked else {
        panic!("the values cannot be hashed");
    };
    (
        "[[dictionary]]\nid='people'\nkind='people'\nfile='hashes'\nkey_file='key'\n".into(),
        hashes,
    )
}

fn coined(next: &mut impl FnMut(usize) -> usize, syllables: usize) -> String {
    let mut word = String::new();
    for _ in 0..syllables {
        word.push(char::from(b"bcdfghklmnprstvwz"[next(17)]));
        word.push(char::from(b"aeiou"[next(5)]));
        if next(3) == 0 {
            word.push(char::from(b"lnrst"[next(5)]));
        }
    }
    word
}

fn chance() -> impl FnMut(usize) -> usize {
    let mut state = 1_u32;
    move |below| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 12) as usize % below
    }
}

fn read(folder: &Path, files: &mut Vec<Vec<u8>>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let is_hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        match entry.file_type() {
            Ok(kind) if kind.is_dir() && !is_hidden => read(&entry.path(), files),
            Ok(kind) if kind.is_file() && !is_hidden => {
                let content = std::fs::read(entry.path()).unwrap_or_default();
                if content.len() <= 8 << 20 {
                    files.push(content);
                }
            }
            _ => {}
        }
    }
}
