//! The social security number of France (NIR).
//!
//! Source: INSEE, "Numéro d'inscription au répertoire"; décret 82-103. The key is 97 less the remainder of the number by 97; the departments of Corsica
//! count as 19 (2A) and 18 (2B).

use super::digits::number;

pub(super) fn is_nir(secret: &[u8]) -> bool {
    let mut letters = Vec::with_capacity(15);
    for byte in secret {
        match byte {
            b' ' | b'.' | b'-' => {}
            _ if letters.len() < 15 => letters.push(byte.to_ascii_uppercase()),
            _ => return false,
        }
    }
    if letters.len() != 15 {
        return false;
    }
    let department = match letters.get_mut(5..7) {
        Some(department) if department == b"2A" => Some((department, b"19")),
        Some(department) if department == b"2B" => Some((department, b"18")),
        _ => None,
    };
    if let Some((department, counts_as)) = department {
        department.copy_from_slice(counts_as);
    }
    if !letters.iter().all(u8::is_ascii_digit) {
        return false;
    }
    let digits: Vec<u32> = letters.iter().map(|byte| u32::from(byte - b'0')).collect();
    let (body, key) = digits.split_at(13);
    let body = number(body);
    let month = body / 100_000_000 % 100;
    let is_month = matches!(month, 1..=12 | 20..=42 | 50..=99);
    let sex = body / 1_000_000_000_000;
    matches!(sex, 1..=4 | 7 | 8) && is_month && 97 - body % 97 == number(key)
}
