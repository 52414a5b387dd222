//! Manifests in JSON: npm, Composer, Pipenv, NuGet, CycloneDX and SPDX. One reader knows what their keys mean.
//!
//! No document is built: the text is walked once, with the keys around each string at hand.

use std::{fmt::Write, ops::Range};

use bstr::ByteSlice;

use super::{super::notebook::string_end, Named, Told};

/// Objects and arrays in each other at most.
const DEEPEST: usize = 4096;

/// An object or array that is open.
#[derive(Clone, Debug)]
struct Frame {
    /// Its key in the one around, between the quotes.
    key: Range<usize>,
    /// Of an array, the number of the value at hand.
    index: Option<u32>,
}

/// Where a walk through a text is.
struct Walk<'t> {
    text: &'t [u8],
    at: usize,
    frames: Vec<Frame>,
    /// The key of the value at hand.
    key: Range<usize>,
}

/// A string that was come to, between its quotes.
enum Token {
    Key(Range<usize>),
    Value(Range<usize>),
    TooDeep,
}

impl<'t> Walk<'t> {
    fn new(text: &'t [u8]) -> Self {
        Self {
            text,
            at: 0,
            frames: Vec::new(),
            key: 0..0,
        }
    }

    /// The next string; none behind the last one.
    fn next(&mut self) -> Option<Token> {
        loop {
            let rest = self.text.get(self.at..)?;
            let here = self.at + rest.find_byteset(b"\"[]{},")?;
            self.at = here + 1;
            match self.text.get(here)? {
                b'"' => return Some(self.string(here + 1)),
                b',' => {
                    self.key = 0..0;
                    if let Some(index) = self.frames.last_mut().and_then(|last| last.index.as_mut())
                    {
                        *index += 1;
                    }
                }
                open @ (b'{' | b'[') => {
                    if self.frames.len() >= DEEPEST {
                        return Some(Token::TooDeep);
                    }
                    let key = std::mem::take(&mut self.key);
                    let index = (*open == b'[').then_some(0);
                    self.frames.push(Frame { key, index });
                }
                _ => {
                    self.frames.pop();
                    self.key = 0..0;
                }
            }
        }
    }

    fn string(&mut self, start: usize) -> Token {
        let end = string_end(self.text, start);
        self.at = end + 1;
        let is_in_object = self.frames.last().is_some_and(|last| last.index.is_none());
        let behind = self.text.get(self.at..).unwrap_or_default();
        let blank = behind
            .iter()
            .take_while(|byte| byte.is_ascii_whitespace())
            .count();
        if is_in_object && behind.get(blank) == Some(&b':') {
            self.key = start..end;
            return Token::Key(start..end);
        }
        Token::Value(start..end)
    }

    fn bytes(&self, range: &Range<usize>) -> &'t [u8] {
        self.text.get(range.clone()).unwrap_or_default()
    }

    /// The key of the value at hand; of one in an array that of the array.
    fn own_key(&self) -> &'t [u8] {
        match self.frames.last() {
            Some(Frame {
                index: Some(_),
                key,
            }) => self.bytes(key),
            _ => self.bytes(&self.key),
        }
    }

    /// The key of the object that the value at hand is in, or of the array that this object is in.
    fn around(&self) -> &'t [u8] {
        let own = usize::from(self.frames.last().is_some_and(|last| last.index.is_some()));
        let mut frames = self.frames.iter().rev().skip(own);
        let named = frames.find(|frame| !frame.key.is_empty());
        named.map_or(&[], |frame| self.bytes(&frame.key))
    }
}

impl Walk<'_> {
    /// Whose licence a licence is that is come to: of the document itself where it stands at its top, in its metadata, or in the package of
    /// a lock file that has no name because it is the one around.
    fn licence(&self) -> Named {
        let key = |at: usize| self.frames.get(at).map(|frame| self.bytes(&frame.key));
        let is_own = match (key(1), key(2)) {
            (None | Some(b"license" | b"licenses" | b"metadata"), _) => true,
            (Some(b"packages"), Some(b"")) => {
                let packages = self.frames.get(1);
                packages.is_some_and(|packages| packages.index.is_none())
            }
            _ => false,
        };
        match is_own {
            true => Named::Licence,
            false => Named::DependencyLicence,
        }
    }
}

/// Keys below which each key is the name of a package.
const PACKAGES: [&[u8]; 13] = [
    b"dependencies",
    b"devDependencies",
    b"peerDependencies",
    b"optionalDependencies",
    b"bundledDependencies",
    b"bundleDependencies",
    b"requires",
    b"require",
    b"require-dev",
    b"packages",
    b"default",
    b"develop",
    b"resolutions",
];

/// Tells what the text names; none if it is nested too deep to be read to its end.
pub(super) fn read(told: &mut Told<'_>) -> Option<()> {
    let mut walk = Walk::new(told.text);
    while let Some(token) = walk.next() {
        match token {
            Token::TooDeep => return None,
            Token::Key(key) => {
                // The object that the key is in has its name.
                let object = walk
                    .frames
                    .last()
                    .map_or(&[][..], |frame| walk.bytes(&frame.key));
                let is_of_target = || {
                    // NuGet has the framework in between.
                    let above = walk.frames.iter().rev().nth(1);
                    above.is_some_and(|above| walk.bytes(&above.key) == b"dependencies")
                };
                if PACKAGES.contains(&object) || is_of_target() {
                    let name = walk.bytes(&key);
                    let module = name.rfind(b"node_modules/").map_or(0, |at| at + 13);
                    told.tell(Named::Package, key.start + module..key.end, true);
                }
            }
            Token::Value(value) => tell(told, &walk, value),
        }
    }
    Some(())
}

fn tell(told: &mut Told<'_>, walk: &Walk<'_>, value: Range<usize>) {
    let text = walk.bytes(&value);
    match walk.own_key() {
        b"purl" | b"software_packageUrl" | b"packageUrl" => told.tell_purl(value),
        b"referenceLocator" if text.starts_with(b"pkg:") => told.tell_purl(value),
        b"id" | b"name" if walk.around() == b"license" => told.tell(walk.licence(), value, true),
        b"name" | b"group" => told.tell(Named::Package, value, true),
        b"license"
        | b"licenses"
        | b"licenseConcluded"
        | b"licenseDeclared"
        | b"expression"
        | b"simplelicensing_licenseExpression" => told.tell(walk.licence(), value, true),
        b"type" if walk.around() == b"licenses" => told.tell(walk.licence(), value, true),
        b"bundledDependencies" | b"bundleDependencies" => {
            told.tell(Named::Package, value, true);
        }
        b"resolved" | b"registry" | b"url" | b"downloadLocation" | b"tarball" => {
            told.tell(Named::Registry, value, true);
        }
        _ => {}
    }
}

/// Characters of a pointer that are told.
const POINTER: usize = 300;

/// The JSON pointer (RFC 6901) of the string that holds byte `at` of `text`, or that is the key of a member; none where there is no string.
pub fn pointer(text: &[u8], at: usize) -> Option<String> {
    let mut walk = Walk::new(text);
    while let Some(token) = walk.next() {
        let range = match token {
            Token::Key(range) | Token::Value(range) => range,
            Token::TooDeep => return None,
        };
        if range.end < at {
            continue;
        }
        if range.start > at {
            return None;
        }
        let mut pointer = String::new();
        let keys = walk.frames.iter().skip(1);
        for (frame, inside) in walk.frames.iter().zip(keys.map(Some).chain([None])) {
            let key = inside.map_or(&walk.key, |inside| &inside.key);
            match frame.index {
                Some(index) => write!(pointer, "/{index}").ok()?,
                None => {
                    let key = walk.bytes(key).to_str_lossy();
                    write!(pointer, "/{}", key.replace('~', "~0").replace('/', "~1")).ok()?;
                }
            }
            if pointer.len() > POINTER {
                return None;
            }
        }
        return Some(pointer);
    }
    None
}
