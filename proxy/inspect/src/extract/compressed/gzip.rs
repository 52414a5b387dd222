//! gzip (RFC 1952): members one behind the other, each with what its header says.

use std::io::{self, Read};

use flate2::bufread::GzDecoder;

use super::{
    super::{Opening, Step, Stop},
    frames::{self, Feed, Form},
};

const FORM: Form = Form {
    goes_on: |left| left.starts_with(&[0x1f, 0x8b]),
    open,
};

fn open<'c>(left: Feed<'c, 'c>) -> io::Result<Box<dyn Read + 'c>> {
    Ok(Box::new(GzDecoder::new(left)))
}

/// All members of a gzip file, which readers take for one text, and what the header of the first says beside its name.
///
/// # Errors
/// When a bound is reached.
pub fn gzip(opening: &mut Opening<'_, '_>) -> Result<(), Stop> {
    let text = opening.text;
    let decoder = GzDecoder::new(text);
    let header = decoder.header();
    let name = header.and_then(|header| header.filename());
    let said = [
        header.and_then(|header| header.comment()),
        header.and_then(|header| header.extra()),
    ];
    let said = said.into_iter().flatten().collect::<Vec<_>>().join(&b'\n');
    opening.contained(Step::of("gzip header"), 0..text.len(), &said)?;
    let step = Step { kind: "gzip", name };
    frames::tell(opening, step, &FORM)
}
