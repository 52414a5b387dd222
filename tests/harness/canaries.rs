//! Every secret that a test makes up is a canary: nothing that the proxy keeps, logs, measures or tells may ever hold it.
//!
//! A test need not say so. Whoever makes a secret plants it, and each world of the same test looks for it at its end: in the
//! data folder with its databases and packs, in the log, in the export of the audit, and among the metrics. What programs print,
//! servers answer, and mail servers and webhooks receive is looked at when it comes (`told.rs`, `witness.rs`). A canary is
//! looked for as it is, in base64, in hex, and as addresses have it.

use std::cell::{Cell, RefCell};
use std::sync::{Arc, Mutex, MutexGuard};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD as BASE64, URL_SAFE as BASE64_URL};

/// How far a canary may get.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reach {
    /// It is part of a push: upstream goes what the policy lets through.
    Pushed,
    /// The address of a receiver of notices: it stands in the first lines of requests to it.
    Address,
    /// A credential of a forge: it stands in headers of requests to forges that are there for it.
    Forge,
    /// A credential of ours: it goes to nobody.
    Ours,
}

struct Canary {
    secret: Vec<u8>,
    reach: Reach,
}

/// The canaries of a test.
#[derive(Clone, Default)]
pub(crate) struct Planted(Arc<Mutex<Vec<Canary>>>);

thread_local! {
    // Each test has a thread of its own; others join it.
    static HERE: RefCell<Planted> = RefCell::default();
    static MEANT: Cell<bool> = const { Cell::new(false) };
}

/// Characters of a secret that are looked for. Masked forms show four at its start and two at its end, so these are from
/// within; and a secret that was cut short is found as well.
const CORE: std::ops::Range<usize> = 6..26;

impl Planted {
    /// Those of the test that this thread belongs to.
    pub(crate) fn here() -> Self {
        HERE.with_borrow(Self::clone)
    }

    /// From now on this thread belongs to the test whose canaries these are.
    pub(crate) fn join(&self) {
        HERE.set(self.clone());
    }

    /// All forms of all that may get as far as `least`, or less far.
    pub(crate) fn needles(&self, least: Reach) -> Vec<Vec<u8>> {
        let canaries = self.canaries();
        let wanted = canaries.iter().filter(|canary| canary.reach >= least);
        wanted.flat_map(|canary| forms(&canary.secret)).collect()
    }

    /// All forms of those that may get exactly as far.
    pub(crate) fn needles_of(&self, reach: Reach) -> Vec<Vec<u8>> {
        let canaries = self.canaries();
        let wanted = canaries.iter().filter(|canary| canary.reach == reach);
        wanted.flat_map(|canary| forms(&canary.secret)).collect()
    }

    fn plant(&self, secret: &[u8], reach: Reach) {
        assert!(
            secret.len() >= 12,
            "other texts may have it too: {secret:?}"
        );
        let mut canaries = self.canaries();
        match canaries.iter_mut().find(|known| known.secret == secret) {
            Some(known) => known.reach = known.reach.max(reach),
            None => canaries.push(Canary {
                secret: secret.to_vec(),
                reach,
            }),
        }
    }

    fn canaries(&self) -> MutexGuard<'_, Vec<Canary>> {
        self.0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// From now on `secret`, of twelve bytes at least, must not be found anywhere that it may not reach. Short ones are looked
/// for whole.
pub(crate) fn plant(secret: impl AsRef<[u8]>, reach: Reach) {
    HERE.with_borrow(|planted| planted.plant(secret.as_ref(), reach));
}

/// A password or the like for this slot, which no other text has; the same each time. It is a canary.
pub(crate) fn credential(slot: &str, reach: Reach) -> String {
    let secret = made_up(slot);
    plant(&secret, reach);
    secret
}

/// Bytes of a key of ours for this slot; the same each time. Their text in hex and in base64 is a form of them.
pub(crate) fn key<const N: usize>(slot: &str) -> [u8; N] {
    let mut numbers = super::chance(seed(slot));
    let key = std::array::from_fn(|_| numbers().to_le_bytes()[0]);
    plant(key, Reach::Ours);
    key
}

/// The text alone, not planted: for servers of a test that have to know it.
pub(crate) fn made_up(slot: &str) -> String {
    let mut numbers = super::chance(seed(slot));
    (0..36).map(|_| super::secrets::base62(numbers())).collect()
}

fn seed(slot: &str) -> u64 {
    u64::from(crc32fast::hash(slot.as_bytes()))
}

/// Plants what looks like a token of ours in the output of a command: it is shown there once and never again.
pub(crate) fn plant_tokens(output: &str) {
    let plain = |c: char| !(c.is_ascii_alphanumeric() || c == '_');
    let is_token = |word: &&str| word.starts_with("exeat_") && word.len() == 42;
    let tokens = output.split(plain).filter(is_token);
    tokens.for_each(|token| plant(token, Reach::Ours));
}

/// What is told meanwhile may hold canaries: a forge says them itself, or somebody hears his own words again.
pub(crate) fn meant<T>(told: impl FnOnce() -> T) -> T {
    let before = MEANT.replace(true);
    let result = told();
    MEANT.set(before);
    result
}

/// What must not be told now: all forms of all that was planted in this test.
pub(crate) fn untold() -> Vec<Vec<u8>> {
    match MEANT.get() {
        true => Vec::new(),
        false => needles(),
    }
}

/// All forms of all that was planted in this test.
pub(crate) fn needles() -> Vec<Vec<u8>> {
    Planted::here().needles(Reach::Pushed)
}

/// A secret as it may be written.
pub(super) fn forms(secret: &[u8]) -> Vec<Vec<u8>> {
    let core = secret.get(CORE).unwrap_or(secret);
    let hex = hex::encode(core);
    let mut forms = vec![
        core.to_vec(),
        hex.to_uppercase().into_bytes(),
        hex.into_bytes(),
    ];
    forms.extend([
        percent(core, "%02X"),
        percent(core, "%02x"),
        percent(core, "+"),
    ]);
    // Three bytes make four characters, so a text has three forms in base64; what its neighbours take part in is left out.
    for before in 0..3 {
        let padded = [&b"\0\0"[..before], core].concat();
        for engine in [&BASE64, &BASE64_URL] {
            let encoded = engine.encode(&padded).into_bytes();
            let end = encoded.len().saturating_sub(4);
            forms.push(encoded[4..end].to_vec());
        }
    }
    forms.sort();
    forms.dedup();
    forms
}

/// As it stands in an address, in a form (`+` for a blank), or with small letters.
fn percent(text: &[u8], how: &str) -> Vec<u8> {
    let mut encoded = Vec::new();
    for &byte in text {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(byte)
            }
            b' ' if how == "+" => encoded.push(b'+'),
            _ if how == "%02x" => encoded.extend(format!("%{byte:02x}").bytes()),
            _ => encoded.extend(format!("%{byte:02X}").bytes()),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::{github_token, http1};

    fn found(text: impl AsRef<[u8]>) -> bool {
        let needles = needles();
        let mut needles = needles.iter();
        needles.any(|needle| http1::find(text.as_ref(), needle).is_some())
    }

    #[test]
    fn a_secret_is_found_in_every_form() {
        let secret = github_token(9000);
        assert!(found(&secret));
        assert!(found(&secret[..30]), "a part of it");
        assert!(found(hex::encode(&secret)));
        assert!(found(hex::encode_upper(&secret)));
        for before in ["", "u", "ad", "ada:", "token "] {
            let encoded = BASE64.encode(format!("{before}{secret}\n"));
            assert!(found(&encoded), "{encoded}");
            assert!(found(BASE64_URL.encode(format!("{before}{secret}\n"))));
        }
        // What may be shown of it.
        let masked = format!("{}****{}", &secret[..4], &secret[38..]);
        assert!(!found(masked));
    }

    #[test]
    fn a_short_one_is_found_in_addresses_and_forms() {
        plant("p@ss through/it", Reach::Ours);
        for form in [
            "p%40ss%20through%2Fit",
            "p%40ss%20through%2fit",
            "p%40ss+through%2Fit",
        ] {
            assert!(found(form), "{form}");
        }
        assert!(found(BASE64.encode("\0exeat\0p@ss through/it")));
    }

    #[test]
    fn keys_are_found_in_what_is_written_of_them() {
        let key: [u8; 32] = key("a key");
        assert!(found(key) && found(hex::encode(key)) && found(BASE64.encode(key)));
    }

    #[test]
    fn another_thread_of_the_test_joins_it() {
        let secret = github_token(9001);
        let planted = Planted::here();
        let (alone, joined) = std::thread::scope(|scope| {
            let ask = || {
                let alone = found(&secret);
                planted.join();
                (alone, found(&secret))
            };
            scope.spawn(ask).join().unwrap()
        });
        assert_eq!((alone, joined), (false, true));
    }
}
