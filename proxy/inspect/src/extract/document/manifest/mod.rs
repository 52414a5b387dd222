//! Manifests, lock files and bills of materials: which packages they name, where from, and under which licences.
//!
//! What they say is told as one layer of lines, `package: NAME`, `registry: URL`, `license: EXPRESSION` of what it describes and
//! `dependency-license: EXPRESSION` of what it names, so that rules about packages and
//! licences need not know the forms. Recognised is what a text says of itself, never its name. Three readers know all forms: of JSON
//! ([`json`]), of XML ([`xml`]), and of lines ([`lines`]: TOML, YAML and forms of their own).

mod json;
mod lines;
mod xml;

use std::ops::Range;

use bstr::ByteSlice;

use super::{
    super::{Opening, Step, Stop, Why},
    notebook,
    weave::{Take, Weave},
};

pub use json::pointer;

/// Bytes of the head of a text that say whether it is one.
const HEAD: usize = 32 * 1024;

/// What reads a manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reader {
    Json,
    Xml,
    Lines(lines::Form),
}

/// How the layer of a manifest is called, and of one in JSON.
pub const OTHER: &str = "manifest";
pub const JSON: &str = "manifest json";

/// A thing that a manifest names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Named {
    Package,
    Registry,
    /// Of what the manifest describes.
    Licence,
    /// Of what it names.
    DependencyLicence,
}

/// Words of which one stands in the head of a manifest in JSON.
const JSON_WORDS: [&str; 9] = [
    "\"lockfileVersion\"",
    "\"dependencies\"",
    "\"devDependencies\"",
    "\"peerDependencies\"",
    "\"require\"",
    "\"bomFormat\"",
    "\"spdxVersion\"",
    "spdx.org/rdf/3",
    "\"pipfile-spec\"",
];

/// And of one in XML.
const XML_WORDS: [&str; 7] = [
    "maven.apache.org/POM",
    "<groupId>",
    "<PackageReference",
    "<packages>",
    "<packageSources>",
    "cyclonedx.org/schema/bom",
    "<dependencies>",
];

fn reader(text: &[u8]) -> Option<Reader> {
    let head = text.get(..HEAD).unwrap_or(text);
    let has = |words: &[&str]| words.iter().any(|word| head.contains_str(word));
    let start = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    match start.trim_ascii_start().first() {
        Some(b'{') => has(&JSON_WORDS).then_some(Reader::Json),
        Some(b'<') => has(&XML_WORDS).then_some(Reader::Xml),
        _ => lines::form(start).map(Reader::Lines),
    }
}

/// Tells what a manifest names, if the text is one.
///
/// # Errors
/// When a bound is reached.
pub fn read(opening: &mut Opening<'_, '_>) -> Result<(), Stop> {
    let Some(reader) = reader(opening.text) else {
        return Ok(());
    };
    let mut told = Told {
        text: opening.text,
        weave: Weave::new(opening.text),
    };
    let kind = match reader {
        Reader::Json => {
            if json::read(&mut told).is_none() {
                opening.unread(Some(Step::of(JSON)), Why::TooDeep);
            }
            JSON
        }
        Reader::Xml => {
            xml::read(&mut told);
            OTHER
        }
        Reader::Lines(form) => {
            lines::read(&mut told, form);
            OTHER
        }
    };
    match told.weave.finish(true) {
        Some((text, map)) => opening.mapped(kind, &text, &map),
        None => Ok(()),
    }
}

/// The lines of the layer.
struct Told<'t> {
    text: &'t [u8],
    weave: Weave<'t>,
}

impl Told<'_> {
    /// Tells what stands at `range`; with its escapes undone if it is a string of JSON.
    fn tell(&mut self, named: Named, range: Range<usize>, is_json: bool) {
        let word: &[u8] = match named {
            Named::Package => b"package: ",
            Named::Registry => b"registry: ",
            Named::Licence => b"license: ",
            Named::DependencyLicence => b"dependency-license: ",
        };
        if range.is_empty() {
            return;
        }
        self.weave.part(b'\n');
        self.weave.put(range.start..range.start, word);
        match is_json {
            true => notebook::string(&mut self.weave, self.text, range.start, range.end),
            false => self.weave.copy(range),
        }
        self.weave.part(b'\n');
    }

    /// Tells the name in a package URL (<https://github.com/package-url/purl-spec>): `pkg:npm/%40acme/x@1?a=b`.
    fn tell_purl(&mut self, range: Range<usize>) {
        let Some(text) = self.text.get(range.clone()) else {
            return;
        };
        let rest = text.strip_prefix(b"pkg:").unwrap_or_default();
        let Some(slash) = rest.find_byte(b'/') else {
            return;
        };
        let start = range.start + (text.len() - rest.len()) + slash + 1;
        let name = self.text.get(start..range.end).unwrap_or_default();
        let end = name
            .iter()
            .skip(1)
            .position(|byte| matches!(byte, b'@' | b'?' | b'#'));
        let end = start + end.map_or(name.len(), |end| end + 1);
        self.weave.part(b'\n');
        self.weave.put(start..start, b"package: ");
        let mut at = start;
        // `%40` is the `@` of a scope.
        while let Some(found) = self.text.get(at..end).and_then(|rest| rest.find(b"%40")) {
            self.weave.copy(at..at + found);
            self.weave.put(at + found..at + found + 3, b"@");
            at += found + 3;
        }
        self.weave.copy(at..end);
        self.weave.part(b'\n');
    }
}

#[cfg(test)]
mod tests;
