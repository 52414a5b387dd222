//! Tax numbers of Brazil: CPF of people, CNPJ of firms.
//!
//! Sources: Receita Federal, "Cálculo do dígito verificador"; of a CNPJ with letters, Instrução Normativa RFB 2.229/2024 (a letter counts its
//! ASCII code less 48).

use super::digits::{exactly, is_one_digit, weighted};

pub(super) fn is_cpf(secret: &[u8]) -> bool {
    let Some(digits) = exactly::<11>(secret, b".-") else {
        return false;
    };
    let [.., first, second] = digits;
    check(&digits, &[10, 9, 8, 7, 6, 5, 4, 3, 2]) == first
        && check(&digits, &[11, 10, 9, 8, 7, 6, 5, 4, 3, 2]) == second
        && !is_one_digit(&digits)
}

pub(super) fn is_cnpj(secret: &[u8]) -> bool {
    let mut values = Vec::with_capacity(14);
    for byte in secret {
        match byte.to_ascii_uppercase() {
            letter @ (b'0'..=b'9' | b'A'..=b'Z') if values.len() < 14 => {
                values.push(u32::from(letter - b'0'));
            }
            b'.' | b'-' | b'/' => {}
            _ => return false,
        }
    }
    let [.., first, second] = values[..] else {
        return false;
    };
    values.len() == 14
        && check(&values, &[5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2]) == first
        && check(&values, &[6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2]) == second
        && !is_one_digit(&values)
}

fn check(digits: &[u32], weights: &[u32]) -> u32 {
    match weighted(digits, weights) % 11 {
        0 | 1 => 0,
        remainder => 11 - remainder,
    }
}
