//! Manifests in XML: Maven, NuGet and CycloneDX. Elements are known by their names alone.

use std::ops::Range;

use bstr::ByteSlice;

use super::{Named, Told};

/// Bytes of a tag at most; a longer one names nothing.
const TAG: usize = 16 * 1024;

/// Tells what the text names.
pub(super) fn read(told: &mut Told<'_>) {
    let text = told.text;
    let mut at = 0;
    let mut is_licence = false;
    let mut licence = Named::Licence;
    while let Some(found) = text.get(at..).and_then(|rest| rest.find_byte(b'<')) {
        let tag = at + found + 1;
        at = tag;
        let rest = text.get(tag..text.len().min(tag + TAG)).unwrap_or_default();
        let Some(end) = rest.find_byte(b'>').map(|end| tag + end) else {
            continue;
        };
        let name = local_name(rest);
        match name {
            b"license" | b"License" => is_licence = true,
            b"/license" | b"/License" => is_licence = false,
            // What a bill of materials names; its own is in its metadata.
            b"components" => licence = Named::DependencyLicence,
            b"/components" => licence = Named::Licence,
            _ => {}
        }
        let value = end + 1..behind(text, end + 1);
        match name {
            b"groupId" | b"artifactId" | b"group" => told.tell(Named::Package, value, false),
            b"id" | b"name" if is_licence => told.tell(licence, value, false),
            b"license" if rest.get(..end - tag).is_some_and(says_expression) => {
                told.tell(licence, value, false);
            }
            b"name" => told.tell(Named::Package, value, false),
            b"expression" | b"PackageLicenseExpression" => told.tell(licence, value, false),
            b"purl" => told.tell_purl(value),
            b"url" | b"RestoreSources" => told.tell(Named::Registry, value, false),
            b"PackageReference" | b"PackageVersion" => {
                attribute(text, tag..end, b"Include", told, Named::Package);
            }
            b"package" => attribute(text, tag..end, b"id", told, Named::Package),
            b"add" => attribute(text, tag..end, b"value", told, Named::Registry),
            _ => {}
        }
        at = end;
    }
}

/// Whether the licence of a tag of NuGet is an expression, and not a file.
fn says_expression(tag: &[u8]) -> bool {
    tag.contains_str("type=\"expression\"")
}

/// The name of a tag without its prefix; of one that ends an element with its slash.
fn local_name(tag: &[u8]) -> &[u8] {
    let end = tag
        .iter()
        .position(|byte| byte.is_ascii_whitespace() || *byte == b'>');
    let name = tag.get(..end.unwrap_or(tag.len())).unwrap_or_default();
    match name.find_byte(b':') {
        Some(colon) if !name.starts_with(b"/") => name.get(colon + 1..).unwrap_or_default(),
        _ => name,
    }
}

/// Where the text that begins at `start` ends: at the next tag.
fn behind(text: &[u8], start: usize) -> usize {
    let rest = text
        .get(start..text.len().min(start + TAG))
        .unwrap_or_default();
    start + rest.find_byte(b'<').unwrap_or(0)
}

/// Tells the value of one attribute of the tag.
fn attribute(text: &[u8], tag: Range<usize>, name: &[u8], told: &mut Told<'_>, named: Named) {
    let bytes = text.get(tag.clone()).unwrap_or_default();
    let Some(found) = bytes.find([b" ", name, b"=\""].concat()) else {
        return;
    };
    let start = found + name.len() + 3;
    let rest = bytes.get(start..).unwrap_or_default();
    if let Some(end) = rest.find_byte(b'"') {
        told.tell(named, tag.start + start..tag.start + start + end, false);
    }
}
