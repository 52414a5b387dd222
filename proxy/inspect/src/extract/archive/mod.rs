//! Several files in one: each member is told with its name, and the names as a text of their own.

mod ar;
mod cpio;
mod foreign;
mod pack;
mod rpm;
mod seven;
mod tar;
mod zip;

#[cfg(test)]
mod tests;

use std::ops::Range;

use super::{Opening, Step, Stop};

pub use self::{
    ar::{MAGIC as AR, ar},
    cpio::{cpio, is_cpio},
    foreign::foreign,
    pack::{BUNDLES, PACK, bundle, pack},
    rpm::{MAGIC as RPM, rpm},
    seven::{MAGIC as SEVEN, seven},
    tar::{is_tar, tar},
    zip::{EMPTY as EMPTY_ZIP, MAGIC as ZIP, zip},
};

/// The names of an archive, one a line.
#[derive(Default)]
struct Names(Vec<u8>);

impl Names {
    fn add(&mut self, name: &[u8]) {
        if !name.is_empty() {
            self.0.extend_from_slice(name);
            self.0.push(b'\n');
        }
    }

    fn tell(
        &self,
        opening: &mut Opening<'_, '_>,
        kind: &'static str,
        range: Range<usize>,
    ) -> Result<(), Stop> {
        opening.contained(Step::of(kind), range, &self.0)
    }
}

/// Tells a member that stands in the text as it is: of `size` bytes from `start`, or as many as there are. Tells whether all are.
fn stored(
    opening: &mut Opening<'_, '_>,
    step: Step<'_>,
    start: usize,
    size: u64,
) -> Result<bool, Stop> {
    let text = opening.text;
    let rest = text.get(start..).unwrap_or_default();
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    let member = rest.get(..size).unwrap_or(rest);
    opening.contained(step, start..start + member.len(), member)?;
    Ok(member.len() == size)
}

/// `field` up to its first NUL.
fn until_nul(field: &[u8]) -> &[u8] {
    let end = field.iter().position(|&byte| byte == 0);
    field.get(..end.unwrap_or(field.len())).unwrap_or_default()
}

/// A number in digits of `base`, after blanks and before whatever ends it; 0 if there is none.
fn number(field: &[u8], base: u32) -> u64 {
    let digits = field.trim_ascii_start();
    let mut value = 0_u64;
    for &digit in digits {
        let Some(digit) = char::from(digit).to_digit(base) else {
            break;
        };
        value = value
            .saturating_mul(u64::from(base))
            .saturating_add(u64::from(digit));
    }
    value
}
