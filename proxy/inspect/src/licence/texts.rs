//! Texts of licences and their standard notices, recognised whatever their lines and comments look like.
//!
//! The texts of all licences of SPDX come with the crate `spdx`, which says how much of two texts is the same. That takes milliseconds, so
//! only the part around a phrase of a licence is asked about, and what came of it is remembered: the files of a project say the same.

use std::{collections::HashMap, ops::Range, sync::LazyLock};

use spdx::detection::{LicenseType, Store, TextData};

use super::region;

/// All texts: about 50 MB, read in a fifth of a second, once somebody asks.
static STORE: LazyLock<Option<Store>> = LazyLock::new(|| Store::load_inline().ok());

/// How much of a text must be the same, and of the notice of GNU's licences, which many shorten.
const ALIKE: f32 = 0.85;
const NOTICE_ALIKE: f32 = 0.7;
/// Below it no part of a text is looked for that may be more alike.
const FAINT: f32 = 0.2;
/// Parts of one text that are compared; what the others say is not known then.
pub const MOST_PARTS: usize = 24;
/// Letters and digits of a part at least: less is a mention.
const LEAST: usize = 120;
/// Parts of which is remembered what they are.
const MOST_REMEMBERED: usize = 4096;

/// What was recognised so far.
#[derive(Default)]
pub struct Texts {
    known: HashMap<blake3::Hash, Option<Known>>,
}

/// What stands around a phrase of a licence.
#[derive(Debug, PartialEq, Eq)]
pub enum Around {
    /// The text of a licence or a notice of one, as an expression.
    Licence(String),
    /// None, or one that was told of a byte before.
    Nothing,
    /// It was not compared: too much of the text was.
    Unread,
}

#[derive(Clone)]
struct Known {
    expression: String,
    /// Lines of the part behind it.
    behind: usize,
}

/// What of one text was looked at.
#[derive(Default)]
pub struct Looked {
    parts: usize,
    /// Everything before it is.
    to: usize,
}

#[cfg(test)]
impl Looked {
    pub fn parts(&self) -> usize {
        self.parts
    }
}

impl Texts {
    /// The licence whose text, or notice, stands around byte `at` of `text`.
    pub fn recognise(&mut self, text: &[u8], at: usize, looked: &mut Looked) -> Around {
        if at < looked.to {
            return Around::Nothing;
        }
        let part = region::around(text, at);
        let part = part.start.max(looked.to)..part.end;
        let bytes = text.get(part.clone()).unwrap_or_default();
        let words = region::words(bytes);
        let letters = words.iter().flat_map(|line| line.bytes());
        if letters.filter(u8::is_ascii_alphanumeric).count() < LEAST {
            return Around::Nothing;
        }
        let joined = words.join("\n");
        let key = blake3::hash(joined.to_ascii_lowercase().as_bytes());
        let known = match self.known.get(&key) {
            Some(known) => known.clone(),
            None if looked.parts >= MOST_PARTS => return Around::Unread,
            None => {
                looked.parts += 1;
                let known = compare(&words, &joined);
                if self.known.len() >= MOST_REMEMBERED {
                    self.known.clear();
                }
                self.known.insert(key, known.clone());
                known
            }
        };
        let Some(known) = known else {
            return Around::Nothing;
        };
        looked.to = end_of(text, &part, known.behind);
        Around::Licence(known.expression)
    }
}

/// Where the last `behind` lines of a part begin.
fn end_of(text: &[u8], part: &Range<usize>, behind: usize) -> usize {
    let bytes = text.get(part.clone()).unwrap_or_default();
    let feeds = bytes.iter().enumerate().rev();
    let mut feeds = feeds.filter(|(_, byte)| **byte == b'\n');
    match behind.checked_sub(1) {
        None => part.end,
        Some(behind) => feeds
            .nth(behind)
            .map_or(part.start, |(at, _)| part.start + at),
    }
    .max(part.start + 1)
}

fn compare(words: &[String], joined: &str) -> Option<Known> {
    let store = STORE.as_ref()?;
    let text = TextData::new(joined);
    let found = store.analyze(&text);
    let least = match found.license_type {
        LicenseType::Header if found.name.contains("GPL-") => NOTICE_ALIKE,
        _ => ALIKE,
    };
    if found.score >= least {
        let expression = expression(found.name, found.license_type, joined);
        let behind = 0;
        return Some(Known { expression, behind });
    }
    if found.score < FAINT {
        return None;
    }
    let (best, score) = text.optimize_bounds(found.data);
    let (first, last) = best.lines_view();
    let part = words.get(first..last)?.join("\n");
    (score >= least).then(|| Known {
        expression: expression(found.name, found.license_type, &part),
        behind: words.len().saturating_sub(last),
    })
}

/// The licence as an expression. Those of GNU differ in a word and a number, and in whether later ones may be taken, which says little among
/// all their words; so the text itself is asked.
fn expression(name: &str, kind: LicenseType, text: &str) -> String {
    let families = ["AGPL", "LGPL", "GPL", "GFDL"];
    let Some(&family) = families.iter().find(|family| {
        let rest = name.strip_prefix(**family);
        rest.is_some_and(|rest| rest.starts_with('-') && !rest.contains("-with-"))
    }) else {
        return name.to_owned();
    };
    let words: Vec<&str> = text.split_whitespace().collect();
    let folded = words.join(" ").to_ascii_lowercase();
    let says = |word: &str| folded.contains(&format!("{word} general public licen"));
    let family = match kind {
        LicenseType::Header if says("affero") => "AGPL",
        LicenseType::Header if says("lesser") || says("library") => "LGPL",
        _ => family,
    };
    let own = name.split_once('-').map_or("", |(_, own)| own);
    let own: String = own
        .chars()
        .take_while(|letter| letter.is_ascii_digit() || *letter == '.')
        .collect();
    let version = version(&folded)
        .filter(|version| spdx::license_id(&format!("{family}-{version}-only")).is_some());
    let is_said = version.is_some();
    let name = format!("{family}-{}", version.unwrap_or(own));
    match kind {
        // A notice that names no version is for all of them, the GPL says.
        LicenseType::Header if !is_said && family == "GPL" => "GPL-1.0-or-later".to_owned(),
        // The text of a licence does not say which versions its user may take.
        LicenseType::Original | LicenseType::Alternate => format!("{name}-only OR {name}-or-later"),
        LicenseType::Header if folded.contains("any later version") => format!("{name}-or-later"),
        LicenseType::Header => format!("{name}-only"),
    }
}

/// The first number that is said to be a version, as SPDX writes it.
fn version(text: &str) -> Option<String> {
    text.match_indices("version ").find_map(|(at, word)| {
        let rest = text.get(at + word.len()..)?;
        let end = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.');
        let number = rest.get(..end.unwrap_or(rest.len()))?.trim_end_matches('.');
        match number.contains('.') {
            _ if number.is_empty() => None,
            true => Some(number.to_owned()),
            false => Some(format!("{number}.0")),
        }
    })
}
