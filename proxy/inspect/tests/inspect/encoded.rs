//! Secrets of the built-in rules in each encoding, and in four that lie in each other.

use std::sync::Arc;

use base64::Engine as _;
use exeat_inspect::{Examiner, FingerprintKey};
use exeat_rules::{RuleSet, template};

/// An encoder with what it is called on the way in.
type Encoder = (&'static str, fn(&str) -> String);

fn base64(text: &str) -> String {
    base64::engine::general_purpose::STANDARD.encode(text)
}

fn each(text: &str, form: fn(u8) -> String) -> String {
    text.bytes().map(form).collect()
}

const ENCODERS: [Encoder; 12] = [
    ("base64", base64),
    ("base64", |text| {
        let run = base64(text).into_bytes();
        let lines: Vec<_> = run.chunks(64).map(String::from_utf8_lossy).collect();
        lines.join("\n")
    }),
    ("hex", |text| each(text, |byte| format!("{byte:02x}"))),
    ("hex", |text| each(text, |byte| format!("{byte:02X}"))),
    ("hex bytes", |text| {
        each(text, |byte| format!("0x{byte:02x}, "))
    }),
    ("hex dump", |text| each(text, |byte| format!("{byte:02x} "))),
    ("decimal bytes", |text| {
        format!("[{}]", each(text, |byte| format!("{byte}, ")))
    }),
    ("escapes", |text| {
        each(text, |byte| format!("\\x{byte:02x}"))
    }),
    ("escapes", |text| {
        each(text, |byte| format!("\\u{byte:04x}"))
    }),
    ("escapes", |text| each(text, |byte| format!("\\{byte:03o}"))),
    ("percent", |text| each(text, |byte| format!("%{byte:02X}"))),
    ("entities", |text| each(text, |byte| format!("&#{byte};"))),
];

fn next(state: &mut u64) -> usize {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    (*state >> 33) as usize
}

#[test]
fn a_secret_is_found_in_every_encoding_and_in_four_at_once() {
    let rules = Arc::new(RuleSet::compile(&exeat_rules::builtin()).unwrap().rules);
    let mut examiner = Examiner::new(Arc::clone(&rules), FingerprintKey::new([1; 32]));
    let mut ids = |text: &str| -> Vec<(String, Vec<String>)> {
        let hits = examiner.examine(text.as_bytes()).hits;
        let hits = hits.into_iter().map(|hit| {
            let steps = hit.via.map_or(Vec::new(), |via| via.steps);
            (rules.rule(hit.found.rule).id.clone(), steps)
        });
        hits.collect()
    };
    let wanted = [
        "github-pat-classic",
        "github-pat-fine-grained",
        "aws-secret-access-key",
        "gitlab-pat",
        "slack-bot-token",
        "stripe-secret-key",
        "npm-access-token",
        "private-key-pem",
        "sendgrid-api-key",
        "openai-api-key",
    ];
    let of = |id: &str| rules.rules().iter().find(|rule| rule.id == id);
    let examples: Vec<(String, String)> = wanted
        .iter()
        .filter_map(|id| of(id))
        .map(|rule| {
            (
                rule.id.clone(),
                template::expand(&rule.examples[0]).unwrap(),
            )
        })
        .filter(|(id, text)| ids(text).iter().any(|(found, _)| found == id))
        .collect();
    assert!(examples.len() == wanted.len(), "{}", examples.len());
    let mut state = 0x0e8e_a7e8_ea7e_8ea7;
    for (id, example) in &examples {
        for (kind, encode) in ENCODERS {
            let text = format!("a = {}\n", encode(example));
            let found = ids(&text);
            assert!(
                found
                    .iter()
                    .any(|(rule, steps)| rule == id && steps == &[kind]),
                "{id} {kind} {found:?}\n{text}"
            );
        }
        for _ in 0..10 {
            let (mut text, mut way) = (example.clone(), Vec::new());
            for _ in 0..4 {
                let (kind, encode) = ENCODERS[next(&mut state) % ENCODERS.len()];
                text = format!("b: {}\n", encode(&text));
                way.insert(0, kind);
            }
            let found = ids(&text);
            // Behind another name another rule may speak.
            assert!(
                found.iter().any(|(_, steps)| *steps == way),
                "{id} {way:?} {found:?}"
            );
        }
    }
}
