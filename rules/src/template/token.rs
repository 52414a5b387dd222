//! Tokens whose checksum is right: `{{token KIND SEED}}`.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use super::generate::{BASE62, BASE64URL};
use crate::random::Random;
use crate::validators::sums;

/// How to write it, with every kind.
pub(super) const USAGE: &str = "token KIND SEED; KIND is npm, glpat, glrt, gldt, glagent, glsa, ATATT, ATCTT, ATBB, cfk, cfut, cfat, zpka, wif, xprv, age, nsec, stellar, 8Q, +ASt, ACDb, +AEh, +ASb, \
     +ARm, AzSe or AzFu";

/// A token that was never issued, or none if there is no such kind.
pub(super) fn token(kind: &str, seed: &str) -> Option<String> {
    let mut random = Random::from_word(&format!("{kind} {seed}"));
    Some(match kind {
        "npm" => {
            let text = random.text(30, BASE62);
            format!("npm_{text}{}", text_of(&sums::base62(text.as_bytes())))
        }
        "glpat" | "glrt" | "gldt" | "glagent" => gitlab(kind, &mut random),
        "glsa" => {
            let covered = format!("glsa_{}", random.text(32, BASE62));
            format!("{covered}_{}", sums::grafana(covered.as_bytes()))
        }
        "ATATT" => atlassian(format!("ATATT3xFfGF0{}=", random.text(171, BASE64URL))),
        "ATCTT" => atlassian(format!("ATCTT3xFfGN0{}=", random.text(171, BASE64URL))),
        "ATBB" => atlassian(format!("ATBB{}", random.text(24, BASE62))),
        "cfk" | "cfut" | "cfat" => {
            let text = random.text(40, BASE62);
            format!("{kind}_{text}{}", sums::hex(text.as_bytes()))
        }
        "zpka" => {
            let text = random.text(32, "0123456789abcdef");
            format!("zpka_{text}_{}", sums::hex(text.as_bytes()))
        }
        "8Q" => {
            let covered = format!("{}8Q~{}", random.text(3, BASE62), random.text(31, BASE62));
            format!("{covered}{}", text_of(&sums::entra(covered.as_bytes())))
        }
        "wif" => sums::base58(&[&[0x80], random.bytes(32).as_slice(), &[1]].concat()),
        // The version, depth, parent, index, chain code and a key behind its zero.
        "xprv" => {
            let version = [0x04, 0x88, 0xad, 0xe4].as_slice();
            let start = [version, &[0; 9], &random.bytes(32), &[0], &random.bytes(32)];
            sums::base58(&start.concat())
        }
        "age" => sums::bech32("age-secret-key-", &random.bytes(52)).to_ascii_uppercase(),
        "nsec" => sums::bech32("nsec", &random.bytes(52)),
        "stellar" => sums::stellar(&random.bytes(32)),
        _ => azure(kind, &mut random)?,
    })
}

fn gitlab(prefix: &str, random: &mut Random) -> String {
    let payload = [random.bytes(16).as_slice(), b"o:1\nu:1a", &[8]].concat();
    // 25 bytes are 34 letters, which is `0y` in base 36.
    let covered = format!("{prefix}-{}.01.0y", URL_SAFE_NO_PAD.encode(payload));
    let sum = text_of(&sums::base36(covered.as_bytes()));
    covered + &sum
}

fn atlassian(covered: String) -> String {
    let sum = sums::atlassian(covered.as_bytes());
    covered + &sum
}

/// A key with the mark, where the service has it. The sum's letters depend on chance; a key in use has no `+` or `/` there.
fn azure(mark: &str, random: &mut Random) -> Option<String> {
    let seed = sums::azure_seed(mark)?;
    let before = match mark {
        "+ASt" | "ACDb" => 76,
        "AzFu" => 44,
        "AzSe" => 42,
        _ => 33,
    };
    // The mark may end within a byte, whose other bits are zero; the sum begins with the next.
    let covered = (before + mark.len()) * 6;
    let groups = covered.div_ceil(24);
    (0..1000).find_map(|_| {
        let letters = format!("{}{mark}", random.text(before, BASE62));
        let mut bytes = STANDARD
            .decode(format!("{letters:A<0$}", groups * 4))
            .ok()?;
        bytes.truncate(covered.div_ceil(8));
        bytes.extend_from_slice(&sums::azure(&bytes, seed));
        let key = STANDARD.encode(bytes);
        let sum = key.get(letters.len()..)?;
        (!sum.contains(['+', '/'])).then_some(key)
    })
}

fn text_of(digits: &[u8]) -> String {
    digits.iter().map(|&digit| char::from(digit)).collect()
}
