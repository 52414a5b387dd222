//! The identity number of Türkiye (T.C. kimlik numarası).
//!
//! Source: Nüfus ve Vatandaşlık İşleri Genel Müdürlüğü: the tenth digit by weights 7 and -1, the eleventh by the sum of the others.

use super::digits::{exactly, weighted};

pub(super) fn is_tckn(secret: &[u8]) -> bool {
    exactly::<11>(secret, b"").is_some_and(|digits| {
        let [body @ .., tenth, eleventh] = digits;
        // -1 is 9.
        let first = weighted(&body, &[7, 9, 7, 9, 7, 9, 7, 9, 7]) % 10;
        let second = (body.iter().sum::<u32>() + tenth) % 10;
        body.first() != Some(&0) && first == tenth && second == eleventh
    })
}
