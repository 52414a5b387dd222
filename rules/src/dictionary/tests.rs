//! Dictionaries as rule files have them: what they find, what they leave, and what is refused.

use super::*;
use crate::random::Random;
use crate::{Marks, Match, RuleSet, Scratch, Source};

fn set(text: &str) -> RuleSet {
    let source = Source {
        name: "words.toml".into(),
        text: text.into(),
    };
    match RuleSet::compile(&[source]) {
        Ok(compiled) => compiled.rules,
        Err(error) => panic!("{error}"),
    }
}

/// The rule and the words of everything found.
fn found<'t>(rules: &RuleSet, text: &'t str) -> Vec<(String, &'t str)> {
    let mut matches = Vec::new();
    let scan = rules.scan(text.as_bytes(), &mut Scratch::new(rules), &mut matches);
    assert!(!scan.truncated);
    let told = |found: &Match| {
        (
            rules.rule(found.rule).id.clone(),
            text.get(found.span.clone()).unwrap(),
        )
    };
    matches.iter().map(told).collect()
}

fn words<'t>(rules: &RuleSet, text: &'t str) -> Vec<&'t str> {
    found(rules, text)
        .into_iter()
        .map(|(_, word)| word)
        .collect()
}

const NAMES: &str = "[[dictionary]]\nid='n'\nkind='names'\nterms=['Blue Finch', 'kestrel', 'K8s', 'M\u{fc}ller Bau', '\u{98ce}\u{66b4}', 'CVE-2026-12345']\n";

#[test]
fn names_are_found_however_they_are_written() {
    let rules = set(NAMES);
    let with_mark = "Mueller Bau".replace("ue", "\u{fc}");
    for text in [
        "blue finch",
        "BlueFinch",
        "blueFinch",
        "BLUE_FINCH",
        "blue-finch",
        "blue.finch",
        "blue/finch",
        "blue  \t finch",
        "bluefinch",
        "blue\nfinch",
        "kestrel",
        "KESTREL",
        "k8s",
        &with_mark,
        "muller_bau",
        "\u{98ce}\u{66b4}",
        "CVE-2026-12345",
        "cve_2026_12345",
        "k\u{435}strel",
        "kes\u{200b}trel",
        "\u{ff4b}estrel",
        "blue\u{a0}finch",
        "Ke\u{301}strel",
    ] {
        assert_eq!(words(&rules, text), [text], "{}", text.escape_unicode());
        for around in [
            "// {}, and so on",
            "let {}=1;",
            "{}7",
            "x_{}_y",
            "a\u{fc} {} \u{e9}",
        ] {
            let whole = around.replace("{}", text);
            if text.ends_with(char::is_numeric) && whole.ends_with('7') {
                continue;
            }
            assert_eq!(words(&rules, &whole), [text], "{}", whole.escape_unicode());
        }
    }
    for text in [
        "bluefinching",
        "unkestrel",
        "kestrels",
        "blue, finch",
        "blue and finch",
        "blue         finch",
        "CVE-2026-123456",
        "\u{e9}kestrel\u{e9}",
        "xkes\u{200b}trel",
        "kestre",
        "",
    ] {
        assert_eq!(words(&rules, text), [""; 0], "{}", text.escape_unicode());
    }
    assert_eq!(
        words(&rules, "blueFinchEnabled && HTTPKestrel"),
        ["blueFinch", "Kestrel"]
    );
    assert_eq!(
        words(&rules, "\u{8ba1}\u{5212}\u{98ce}\u{66b4}\u{542f}\u{52a8}"),
        ["\u{98ce}\u{66b4}"]
    );
}

#[test]
fn hosts_are_found_whole_and_by_their_end() {
    let rules = set(
        "[[dictionary]]\nid='h'\nkind='hosts'\nterms=['*.corp.example', 'acme.internal', 'example']\n\
        [[dictionary]]\nid='r'\nkind='registries'\nterms=['https://npm.acme.dev/private/']\n",
    );
    let of = |text| found(&rules, text);
    assert_eq!(
        of("https://db-7.eu.corp.example:5432/x"),
        [("h".to_owned(), "db-7.eu.corp.example")]
    );
    assert_eq!(of("ACME.Internal"), [("h".to_owned(), "ACME.Internal")]);
    assert_eq!(
        of("resolved \"https://npm.acme.dev/private/a.tgz\""),
        [("r".to_owned(), "npm.acme.dev/private")]
    );
    for text in [
        "https://npm.acme.dev/public",
        "corp.example.org",
        "notcorp.examples",
        "acme.internals",
        "myacme.internal",
    ] {
        assert_eq!(of(text), [], "{text}");
    }
    assert_eq!(
        words(&rules, "a.corp.example b.corp.example"),
        ["a.corp.example", "b.corp.example"]
    );
}

#[test]
fn tickets_have_a_number() {
    let rules = set("[[dictionary]]\nid='t'\nkind='tickets'\nterms=['IT', 'BANK', 'PAY_EU']\n");
    assert_eq!(
        words(&rules, "fix IT-7, BANK-123: pay_eu-4 and feature/bank-99_x"),
        ["IT-7", "BANK-123", "pay_eu-4", "bank-99"]
    );
    for text in [
        "UTF-8",
        "UNIT-7",
        "IT-",
        "IT-a",
        "IT-1234567890",
        "RFC-2119",
        "IT 7",
    ] {
        assert_eq!(words(&rules, text), [""; 0], "{text}");
    }
}

#[test]
fn ordinary_words_need_a_capital_and_context_or_each_other() {
    let rules = set(
        "[[dictionary]]\nid='o'\nkind='names'\nweight='ordinary'\nwithin=40\nterms=['osprey', 'falcon', 'harrier']\n",
    );
    for text in [
        "Project Osprey starts",
        "the codename is Osprey",
        "OSPREY_PROJECT",
        "osprey and falcon",
        "code-name: Falcon",
    ] {
        assert!(!words(&rules, text).is_empty(), "{text}");
    }
    for text in [
        "an osprey flies",
        "Osprey",
        "project osprey",
        "osprey, osprey",
        "projection of the Osprey",
        "Osprey is far from the word that says what it is: project",
    ] {
        assert_eq!(words(&rules, text), [""; 0], "{text}");
    }
    let near = set("[[dictionary]]\nid='o'\nkind='names'\nterms=['osprey']\nnear=['launch']\n");
    assert_eq!(words(&near, "the osprey launch"), ["osprey"]);
    assert_eq!(words(&near, "the osprey"), [""; 0]);
}

fn keyed_set(key: &keyed::Key, key_text: &str, values: &str) -> Result<RuleSet, String> {
    let file = keyed::lock(values, key).unwrap();
    let source = Source {
        name: "people.toml".into(),
        text: "[[dictionary]]\nid='p'\nkind='people'\nfile='people.keyed'\nkey_file='people.key'\n"
            .into(),
    };
    let open = |_: &Source, name: &str| {
        let text = if name == "people.key" {
            key_text.to_owned()
        } else {
            file.clone()
        };
        Ok(Source {
            name: name.into(),
            text,
        })
    };
    let compiled = RuleSet::compile_with(&[source], &open);
    compiled
        .map(|compiled| compiled.rules)
        .map_err(|error| error.to_string())
}

#[test]
fn keyed_values_are_found_and_told_by_nobody() {
    let text = "0123456789abcdef".repeat(4);
    let key = keyed::Key::read(&text).unwrap();
    let values =
        "# staff\nErika Mustermann\nerika@corp.example\n+49 170 1234567\nJos\u{e9} M\u{fc}ller\n";
    let rules = keyed_set(&key, &text, values).unwrap();
    for (text, word) in [
        ("Dear Erika Mustermann,", "Erika Mustermann"),
        ("erika.mustermann", "erika.mustermann"),
        ("ERIKA_MUSTERMANN", "ERIKA_MUSTERMANN"),
        ("mail=erika@corp.example;", "erika@corp.example"),
        ("tel: 49-170-1234567", "49-170-1234567"),
        ("by Jos\u{e9} M\u{fc}ller.", "Jos\u{e9} M\u{fc}ller"),
        ("by Jose Muller", "Jose Muller"),
    ] {
        assert_eq!(words(&rules, text), [word], "{text}");
    }
    for text in [
        "Erika Musterfrau",
        "Erika\nMustermann",
        "Erika and Mustermann",
        "xerika mustermann",
        "49 170 12345678",
    ] {
        assert_eq!(words(&rules, text), [""; 0], "{text}");
    }
    let shown = format!("{rules:?}").to_lowercase();
    assert!(!shown.contains("mustermann") && !shown.contains(&text));
    assert_eq!(
        rules
            .rule(0)
            .dictionary
            .as_ref()
            .map(|terms| (terms.count, terms.keyed)),
        Some((4, true))
    );
    let other = "f".repeat(64);
    let error = keyed_set(&key, &other, values).unwrap_err();
    assert!(
        error.contains("another key") && !error.contains(&other),
        "{error}"
    );
    assert!(
        keyed_set(&key, "secret key", values)
            .unwrap_err()
            .contains("64 hexadecimal digits")
    );
    assert_eq!(keyed::lock("a b", &key).unwrap_err().0, 1);
}

#[test]
fn what_is_no_dictionary_is_named() {
    let refused = |text: &str| {
        let source = Source {
            name: "w.toml".into(),
            text: text.into(),
        };
        RuleSet::compile(&[source])
            .map(|_| ())
            .unwrap_err()
            .to_string()
    };
    assert!(
        refused("[[dictionary]]\nid='x'\nterms=['abc']")
            .contains("\"kind\" is missing; it is one of names, customers")
    );
    assert!(refused("[[dictionary]]\nid='x'\nkind='names'").contains("\"terms\" or \"file\""));
    assert!(
        refused("[[dictionary]]\nid='x'\nkind='names'\nterms=['ab']")
            .starts_with("w.toml:4: rule x: ab: a term needs")
    );
    assert!(
        refused("[[dictionary]]\nid='x'\nkind='nam'\nterms=['abc']").contains("names, customers")
    );
    assert!(
        refused("[[dictionary]]\nid='x'\nkind='names'\nterm=['abc']")
            .contains("did you mean \"terms\"?")
    );
    assert!(
        refused("[[dictionary]]\nid='x'\nkind='names'\nterms=['abc']\nwithin=0")
            .contains("from 1 to")
    );
    assert!(
        refused("[[dictionary]]\nid='x'\nkind='people'\nterms=['abc']\nkey_file='k'")
            .contains("exeat rules key")
    );
    assert!(
        refused("[[dictionary]]\nid='x'\nkind='names'\nfile='names.txt'").contains("names.txt")
    );
}

#[test]
fn terms_of_a_file_are_read_and_named_by_its_lines() {
    let source = Source {
        name: "w.toml".into(),
        text: "[[dictionary]]\nid='x'\nkind='names'\nterms=['alpha one']\nfile='names.txt'\n"
            .into(),
    };
    let with = |text: &'static str| {
        let open = move |_: &Source, name: &str| {
            Ok(Source {
                name: format!("d/{name}"),
                text: text.into(),
            })
        };
        RuleSet::compile_with(std::slice::from_ref(&source), &open)
    };
    let rules = with("# ours\n\n Blue Finch \nbluefinch\nblue-finch\n")
        .unwrap()
        .rules;
    assert_eq!(
        words(&rules, "alpha-one, blue finch"),
        ["alpha-one", "blue finch"]
    );
    assert_eq!(
        rules.rule(0).dictionary.as_ref().map(|terms| terms.count),
        Some(3)
    );
    let error = with("good name\n\nx\n").unwrap_err().to_string();
    assert!(error.starts_with("d/names.txt:3: rule x: x: "), "{error}");
    let digest = |text| with(text).unwrap().rules.digest().to_owned();
    assert_ne!(digest("one name"), digest("other name"));
    let version = |text| with(text).unwrap().rules.version(0);
    assert_ne!(version("one name"), version("other name"));
    assert_eq!(version("one name"), version("# same\none name"));
}

const PIECES: [&str; 20] = [
    "blue finch",
    "Kestrel",
    "kes\u{200b}trel",
    "k\u{435}strel",
    "osprey",
    "Osprey",
    "Project",
    "falcon",
    "db.corp.example",
    "BANK-12",
    " ",
    "_",
    ".",
    "\u{fc}",
    "x",
    "\n",
    "blue",
    "finch",
    "plain words that say nothing at all and go on for some time ",
    "\u{200b}",
];

fn all() -> RuleSet {
    set(&format!(
        "{NAMES}[[dictionary]]\nid='o'\nkind='names'\nweight='ordinary'\nterms=['osprey', 'falcon']\n\
        [[dictionary]]\nid='h'\nkind='hosts'\nterms=['corp.example']\n[[dictionary]]\nid='t'\nkind='tickets'\nterms=['BANK']\n"
    ))
}

fn text_of(random: &mut Random, pieces: usize) -> String {
    (0..pieces)
        .map(|_| PIECES[random.below(PIECES.len())])
        .collect()
}

#[test]
fn a_text_built_from_another_has_the_same_terms() {
    let rules = all();
    let mut random = Random::from_word("built dictionaries");
    let mut scratch = Scratch::new(&rules);
    let mut count = 0;
    for _ in 0..1500 {
        let pieces = 60 + random.below(200);
        let base = text_of(&mut random, pieces).into_bytes();
        let mut plain: Vec<Match> = Vec::new();
        let (_, marks): (_, Option<Marks>) =
            rules.scan_built(&base, None, &mut scratch, &mut plain);
        let Some(marks) = marks else {
            continue;
        };
        let mut text = Vec::new();
        let mut copied = Vec::new();
        for _ in 0..1 + random.below(4) {
            let from = random.below(base.len());
            let length = random.below(base.len() - from) + 1;
            copied.push(crate::Copied {
                from,
                to: text.len(),
                length,
            });
            text.extend_from_slice(&base[from..from + length]);
            let pieces = random.below(4);
            text.extend(text_of(&mut random, pieces).into_bytes());
        }
        let (mut whole, mut built) = (Vec::new(), Vec::new());
        let _ = rules.scan(&text, &mut scratch, &mut whole);
        let _ = rules.scan_built(&text, Some((&marks, &copied)), &mut scratch, &mut built);
        count += whole.len();
        assert_eq!(built, whole, "{:?}", String::from_utf8_lossy(&text));
    }
    assert!(count > 10_000, "{count}");
}

#[test]
fn any_bytes_are_looked_through() {
    let rules = all();
    let mut random = Random::from_word("dictionaries of any bytes");
    let mut scratch = Scratch::new(&rules);
    for _ in 0..2000 {
        let pieces = random.below(30);
        let mut text = text_of(&mut random, pieces).into_bytes();
        for _ in 0..random.below(6) {
            if !text.is_empty() {
                let at = random.below(text.len());
                text[at] = random.below(256) as u8;
            }
        }
        text.truncate(random.below(text.len() + 1));
        let mut found: Vec<Match> = Vec::new();
        let _ = rules.scan(&text, &mut scratch, &mut found);
        assert!(
            found
                .iter()
                .all(|found| found.span.end <= text.len() && !found.span.is_empty())
        );
    }
}
