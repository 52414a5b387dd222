//! What the numbers of people have in common: digits in groups, weighted sums, dates.

/// The `N` digits of `text`, between which `separators` may stand one at a time. `None` if there is anything else, or another number of
/// digits.
pub(super) fn exactly<const N: usize>(text: &[u8], separators: &[u8]) -> Option<[u32; N]> {
    let mut digits = [0; N];
    let mut places = digits.iter_mut();
    let mut after_digit = false;
    for byte in text {
        match byte {
            b'0'..=b'9' => {
                *places.next()? = u32::from(byte - b'0');
                after_digit = true;
            }
            _ if after_digit && separators.contains(byte) => after_digit = false,
            _ => return None,
        }
    }
    (after_digit && places.next().is_none()).then_some(digits)
}

/// Digits as one number.
pub(super) fn number(digits: &[u32]) -> u64 {
    digits
        .iter()
        .fold(0, |number, &digit| number * 10 + u64::from(digit))
}

/// The sum of digits by weights, as far as there are weights.
pub(super) fn weighted(digits: &[u32], weights: &[u32]) -> u32 {
    let products = digits.iter().zip(weights);
    products.map(|(digit, weight)| digit * weight).sum()
}

/// Whether the last digit is the one of ISO/IEC 7812-1, annex B.
pub(in crate::validators) fn is_luhn(digits: &[u32]) -> bool {
    let doubled = |digit: u32| if digit > 4 { 2 * digit - 9 } else { 2 * digit };
    let from_the_end = digits.iter().rev().enumerate();
    let sum: u32 = from_the_end
        .map(|(place, &digit)| match place % 2 {
            1 => doubled(digit),
            _ => digit,
        })
        .sum();
    sum.is_multiple_of(10)
}

/// Whether there is such a day in some year; the 29th of February passes.
pub(super) fn is_day(month: u64, day: u64) -> bool {
    let days = match month {
        2 => 29,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    };
    (1..=days).contains(&day)
}

/// Whether all digits are the same one.
pub(super) fn is_one_digit(digits: &[u32]) -> bool {
    digits.iter().all(|digit| Some(digit) == digits.first())
}
