//! RPM packages: a lead, two headers that stand there as text, and a packed payload (rpm.org, "RPM V4 Package format").

use super::super::{Opening, Step, Stop, Why};

/// What it begins with.
pub const MAGIC: &[u8] = &[0xed, 0xab, 0xee, 0xdb];

const LEAD: usize = 96;

/// The payload, whatever it is packed with.
///
/// # Errors
/// When a bound is reached.
pub fn rpm(opening: &mut Opening<'_, '_>) -> Result<(), Stop> {
    let text = opening.text;
    let signatures = past_header(text, LEAD).and_then(|end| end.checked_next_multiple_of(8));
    let payload = signatures.and_then(|start| past_header(text, start));
    let Some(payload) = payload.filter(|&start| start < text.len()) else {
        opening.unread(Some(Step::of("rpm")), Why::Broken);
        return Ok(());
    };
    let rest = text.get(payload..).unwrap_or_default();
    opening.ends(text.len());
    opening.contained(Step::of("rpm payload"), payload..text.len(), rest)
}

/// Where the header that begins at `start` ends, as it says.
fn past_header(text: &[u8], start: usize) -> Option<usize> {
    let header = text.get(start..)?.first_chunk::<16>()?;
    let &[0x8e, 0xad, 0xe8, _, _, _, _, _, a, b, c, d, e, f, g, h] = header else {
        return None;
    };
    let entries = usize::try_from(u32::from_be_bytes([a, b, c, d])).ok()?;
    let bytes = usize::try_from(u32::from_be_bytes([e, f, g, h])).ok()?;
    let end = start
        .checked_add(16)?
        .checked_add(entries.checked_mul(16)?)?;
    end.checked_add(bytes).filter(|&end| end <= text.len())
}
