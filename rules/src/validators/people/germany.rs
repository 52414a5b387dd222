//! The tax number of people in Germany (steuerliche Identifikationsnummer).
//!
//! Source: § 139b AO and § 1 StIdV; Bundeszentralamt für Steuern, "Prüfziffernberechnung". The check digit is that of ISO 7064, MOD 11,10; of the
//! first ten digits exactly one stands there twice or three times.

use super::digits::exactly;

pub(super) fn is_tax_id(secret: &[u8]) -> bool {
    let Some(digits) = exactly::<11>(secret, b" /") else {
        return false;
    };
    let [body @ .., check] = digits;
    let product = body.iter().fold(10, |product, digit| {
        let sum = match (digit + product) % 10 {
            0 => 10,
            sum => sum,
        };
        sum * 2 % 11
    });
    body.first() != Some(&0) && repeats_one(&body) && (11 - product) % 10 == check
}

fn repeats_one(body: &[u32; 10]) -> bool {
    let counts = (0..10).map(|digit| body.iter().filter(|each| **each == digit).count());
    let repeated: Vec<usize> = counts.filter(|count| *count > 1).collect();
    matches!(repeated.as_slice(), [2 | 3])
}
