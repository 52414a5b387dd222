//! ar: libraries and Debian packages, with the long names of System V and BSD (`ar(5)`, `deb(5)`).

use super::{
    super::{Opening, Step, Stop, Why},
    Names, number, stored,
};

/// What it begins with.
pub const MAGIC: &[u8] = b"!<arch>\n";

const HEADER: usize = 60;

/// All members. Symbol tables hold nothing that the members do not.
///
/// # Errors
/// When a bound is reached.
pub fn ar(opening: &mut Opening<'_, '_>) -> Result<(), Stop> {
    let text = opening.text;
    let kind = match text.get(MAGIC.len()..).unwrap_or_default() {
        rest if rest.starts_with(b"debian-binary") => "deb",
        _ => "ar",
    };
    let mut names = Names::default();
    let mut long_names: &[u8] = b"";
    let mut at = MAGIC.len();
    let mut is_whole = true;
    loop {
        let rest = text.get(at..).unwrap_or_default();
        let Some(header) = rest.get(..HEADER).filter(|header| header.ends_with(b"`\n")) else {
            // A member of odd length is followed by a line end, the last one not always.
            is_whole &= at >= text.len() || kind == "ar" && rest.len() < 2;
            break;
        };
        let field = |at: usize, length| header.get(at..at + length).unwrap_or_default();
        let size = number(field(48, 10), 10);
        let own = field(0, 16).trim_ascii_end();
        let mut start = at + HEADER;
        let mut length = size;
        let mut name = own.strip_suffix(b"/").unwrap_or(own);
        if let Some(bytes) = own.strip_prefix(b"#1/") {
            // BSD: the name stands before the content.
            let bytes = number(bytes, 10).min(size);
            let width = usize::try_from(bytes).unwrap_or(usize::MAX);
            let rest = text.get(start..).unwrap_or_default();
            name = super::until_nul(rest.get(..width).unwrap_or(rest));
            start = start.saturating_add(width);
            length = size - bytes;
        } else if let [b'/', b'0'..=b'9', ..] = own {
            let place = usize::try_from(number(own.get(1..).unwrap_or_default(), 10));
            let name_on = place.ok().and_then(|place| long_names.get(place..));
            let name_on = name_on.unwrap_or_default();
            let end = name_on.iter().position(|&byte| byte == b'\n');
            name = name_on
                .get(..end.unwrap_or(name_on.len()))
                .unwrap_or_default();
            name = name.strip_suffix(b"/").unwrap_or(name);
        }
        at = usize::try_from(size)
            .ok()
            .and_then(|size| (at + HEADER).checked_add(size))
            .unwrap_or(usize::MAX);
        match own {
            b"//" => long_names = text.get(start..at.min(text.len())).unwrap_or_default(),
            b"/" | b"/SYM64/" => {}
            _ => {
                names.add(name);
                let step = Step {
                    kind,
                    name: Some(name),
                };
                is_whole &= stored(opening, step, start, length)?;
            }
        }
        at = at.saturating_add(at % 2);
    }
    let end = at.min(text.len());
    names.tell(opening, "ar names", 0..end)?;
    if !is_whole {
        opening.unread(Some(Step::of(kind)), Why::Broken);
    }
    opening.ends(end);
    Ok(())
}
