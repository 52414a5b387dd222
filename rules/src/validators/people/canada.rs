//! Social insurance numbers of Canada.
//!
//! Source: Service Canada, "Social Insurance Number: code of practice". The check digit is that of Luhn; no number begins with 0 or 8.

use super::digits::{exactly, is_luhn, is_one_digit};

pub(super) fn is_sin(secret: &[u8]) -> bool {
    exactly::<9>(secret, b"- ").is_some_and(|digits| {
        !matches!(digits.first(), Some(0 | 8)) && is_luhn(&digits) && !is_one_digit(&digits)
    })
}
