//! tar: v7, ustar, pax and GNU's long names (POSIX pax, section "ustar Interchange Format"; GNU tar manual, "Basic Tar Format").

use super::{
    super::{Opening, Step, Stop, Why},
    Names, number, stored, until_nul,
};

const BLOCK: usize = 512;

/// Whether a header with a sum that holds is at the beginning of `text`.
pub fn is_tar(text: &[u8]) -> bool {
    text.get(..BLOCK).is_some_and(is_header)
}

fn is_header(block: &[u8]) -> bool {
    let Some(field) = block.get(148..156) else {
        return false;
    };
    let digits = field.trim_ascii_start();
    if !digits
        .first()
        .is_some_and(|byte| matches!(byte, b'0'..=b'7'))
    {
        return false;
    }
    if !field
        .iter()
        .all(|byte| matches!(byte, b'0'..=b'7' | b' ' | 0))
    {
        return false;
    }
    let claimed = i64::try_from(number(field, 8));
    // The field itself counts as blanks.
    let blanks = 8 * i64::from(b' ');
    let sum = |bytes: &[u8]| i64::from(bytes.iter().map(|&byte| u32::from(byte)).sum::<u32>());
    let plain = sum(block) - sum(field) + blanks;
    // Some old programs took bytes for signed.
    let high = |bytes: &[u8]| bytes.iter().map(|&byte| u32::from(byte >> 7)).sum::<u32>();
    let signed = plain - 256 * i64::from(high(block));
    claimed == Ok(plain) || claimed == Ok(signed)
}

/// What headers say of the member behind them.
#[derive(Default)]
struct Ahead {
    name: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    size: Option<u64>,
}

/// All members, links and whatever else has a name.
///
/// # Errors
/// When a bound is reached.
pub fn tar(opening: &mut Opening<'_, '_>) -> Result<(), Stop> {
    let text = opening.text;
    let mut names = Names::default();
    let mut ahead = Ahead::default();
    let mut at = 0;
    let mut end = 0;
    let mut is_whole = true;
    let mut after_end = false;
    while let Some(block) = text.get(at..at + BLOCK) {
        if block.iter().all(|&byte| byte == 0) {
            after_end = true;
            at += BLOCK;
            continue;
        }
        if !is_header(block) {
            if after_end {
                break;
            }
            is_whole = false;
            at += BLOCK;
            continue;
        }
        after_end = false;
        let start = past_maps(text, at, block);
        let kind = block.get(156).copied().unwrap_or_default();
        let size = match kind {
            b'L' | b'K' | b'x' | b'g' | b'X' => size_of(block),
            _ => ahead.size.unwrap_or_else(|| size_of(block)),
        };
        let size = match kind {
            // Links have the size of what they lead to; few writers put that behind them.
            b'1' | b'2' if text.get(start..).is_some_and(is_tar) => 0,
            b'3'..=b'6' => 0,
            _ => size,
        };
        one(opening, &mut names, &mut ahead, (kind, block, start, size))?;
        let blocks = size.div_ceil(BLOCK as u64).saturating_mul(BLOCK as u64);
        at = start.saturating_add(usize::try_from(blocks).unwrap_or(usize::MAX));
        end = at.min(text.len());
        let Some(next) = at.checked_add(BLOCK) else {
            break;
        };
        if next > text.len() {
            break;
        }
    }
    names.tell(opening, "tar names", 0..end)?;
    // One that ends too early hides nothing: what there is of its last member stands there as it is.
    if !is_whole {
        opening.unread(Some(Step::of("tar")), Why::Broken);
    }
    opening.ends(end);
    Ok(())
}

/// One member, or what one says of the next.
fn one(
    opening: &mut Opening<'_, '_>,
    names: &mut Names,
    ahead: &mut Ahead,
    (kind, block, start, size): (u8, &[u8], usize, u64),
) -> Result<(), Stop> {
    let rest = opening.text.get(start..).unwrap_or_default();
    let most = usize::try_from(size).unwrap_or(usize::MAX);
    let content = rest.get(..most).unwrap_or(rest);
    match kind {
        b'L' => ahead.name = Some(until_nul(content).to_vec()),
        b'K' => ahead.link = Some(until_nul(content).to_vec()),
        b'x' | b'X' => read_pax(content, ahead),
        b'g' => {}
        _ => {
            let said = std::mem::take(ahead);
            let name = said.name.unwrap_or_else(|| name_of(block));
            let link = field(block, 157, 100);
            names.add(&name);
            names.add(said.link.as_deref().unwrap_or(link));
            let step = Step {
                kind: "tar",
                name: Some(&name),
            };
            stored(opening, step, start, size)?;
        }
    }
    Ok(())
}

/// Where the content begins: behind the header, and behind the maps of an old sparse file.
fn past_maps(text: &[u8], at: usize, block: &[u8]) -> usize {
    let mut start = at + BLOCK;
    let is_sparse = block.get(156) == Some(&b'S');
    let mut goes_on = is_sparse && block.get(482).is_some_and(|&more| more != 0);
    while goes_on {
        goes_on = text.get(start + 504).is_some_and(|&more| more != 0);
        start += BLOCK;
    }
    start
}

/// The records of a pax header: `25 path=a name`, each with its length and a line end.
fn read_pax(content: &[u8], ahead: &mut Ahead) {
    let mut left = content;
    while let Some(blank) = left.iter().take(21).position(|&byte| byte == b' ') {
        let length = usize::try_from(number(left, 10)).unwrap_or(usize::MAX);
        let Some(record) = left.get(blank + 1..length) else {
            return;
        };
        let record = record.strip_suffix(b"\n").unwrap_or(record);
        if let Some(equals) = record.iter().position(|&byte| byte == b'=') {
            let (key, value) = record.split_at(equals);
            let value = value.get(1..).unwrap_or_default();
            match key {
                b"path" | b"GNU.sparse.name" => ahead.name = Some(value.to_vec()),
                b"linkpath" => ahead.link = Some(value.to_vec()),
                b"size" => ahead.size = Some(number(value, 10)),
                _ => {}
            }
        }
        left = left.get(length..).unwrap_or_default();
    }
}

fn name_of(block: &[u8]) -> Vec<u8> {
    let name = field(block, 0, 100);
    let prefix = match block.get(257..263) {
        Some(b"ustar\0") => field(block, 345, 155),
        // GNU keeps times there.
        _ => b"",
    };
    match prefix {
        b"" => name.to_vec(),
        prefix => [prefix, b"/", name].concat(),
    }
}

fn field(block: &[u8], at: usize, length: usize) -> &[u8] {
    until_nul(block.get(at..at + length).unwrap_or_default())
}

/// In octal, or in base 256 where that does not do.
fn size_of(block: &[u8]) -> u64 {
    let field = block.get(124..136).unwrap_or_default();
    match field {
        [0x80..=0xff, rest @ ..] => rest
            .iter()
            .try_fold(0_u64, |value, &byte| {
                value.checked_mul(256)?.checked_add(u64::from(byte))
            })
            .unwrap_or(u64::MAX),
        _ => number(field, 8),
    }
}
