//! Every secret that a test makes up is a canary: nothing that the proxy keeps, logs or measures may ever hold it.
//!
//! A test need not say so. Whoever makes a secret plants it, and each world of the same test looks for it at its end: in
//! the data folder with its databases, in the log, and among the metrics; as it is, in base64, and in hex.

use std::cell::RefCell;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

thread_local! {
    // Each test has a thread of its own.
    static PLANTED: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Characters of a secret that are looked for. Masked forms show four at its start and two at its end, so these are from
/// within; and a secret that was cut short is found as well.
const CORE: std::ops::Range<usize> = 6..26;

/// From now on `secret`, of twelve characters at least, must not be found anywhere. Short ones are looked for whole.
pub(crate) fn plant(secret: &str) {
    PLANTED.with_borrow_mut(|planted| {
        if !planted.iter().any(|known| known == secret) {
            planted.push(secret.to_owned());
        }
    });
}

/// Plants what looks like a token of ours in the output of a command: it is shown there once and never again.
pub(crate) fn plant_tokens(output: &str) {
    let plain = |c: char| !(c.is_ascii_alphanumeric() || c == '_');
    let is_token = |word: &&str| word.starts_with("exeat_") && word.len() == 42;
    output.split(plain).filter(is_token).for_each(plant);
}

/// All forms of all that was planted in this test.
pub(crate) fn needles() -> Vec<Vec<u8>> {
    PLANTED.with_borrow(|planted| planted.iter().flat_map(|secret| forms(secret)).collect())
}

fn forms(secret: &str) -> Vec<Vec<u8>> {
    let core = secret.get(CORE).unwrap_or(secret).as_bytes();
    let mut forms = vec![core.to_vec(), hex::encode(core).into_bytes()];
    // Three bytes make four characters, so a text has three forms in base64; what its neighbours take part in is left out.
    for before in 0..3 {
        let padded = [&b"\0\0"[..before], core].concat();
        let encoded = BASE64.encode(&padded).into_bytes();
        let end = encoded.len().saturating_sub(4);
        forms.push(encoded[4..end].to_vec());
    }
    forms
}

#[test]
fn a_secret_is_found_in_every_form() {
    let secret = super::github_token(9000);
    let found = |text: &[u8]| {
        let needles = needles();
        needles
            .iter()
            .any(|needle| super::http1::find(text, needle).is_some())
    };
    assert!(found(secret.as_bytes()));
    assert!(found(&secret.as_bytes()[..30]), "a part of it");
    assert!(found(hex::encode(&secret).as_bytes()));
    for before in ["", "u", "ad", "ada:", "token "] {
        let encoded = BASE64.encode(format!("{before}{secret}\n"));
        assert!(found(encoded.as_bytes()), "{encoded}");
    }
    // What may be shown of it.
    let masked = format!("{}****{}", &secret[..4], &secret[38..]);
    assert!(!found(masked.as_bytes()));
}
