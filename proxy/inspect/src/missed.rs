//! Content of a pack that was not read, and where it lies.

use std::collections::HashSet;

use exeat_gitwire::{ObjectId, history::Places, objects::custom::Oddity};

use crate::{
    examine::Examined,
    extract::Why,
    names::Names,
    report::{CUT, Opaque, TRUNCATED, Unscannable},
};

/// Paths of one object that are told with it.
const MOST_PATHS: usize = 64;

/// An object, or a part of it, that was not read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Missed {
    /// The object's entry in the pack.
    pub entry: u32,
    pub id: ObjectId,
    /// The way to the part; empty for all of the object.
    pub steps: Vec<String>,
    pub why: Reason,
    /// Length of the object.
    pub bytes: u64,
}

/// Why it was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// A limit of the scan, in words.
    Limit(&'static str),
    /// What is in it.
    Part(Why),
    /// Git does not write it so: nobody can say who reads what in it.
    Odd(Oddity),
}

impl Reason {
    /// Whether the content is of a kind that no inspection reads, so that a limit hid nothing.
    pub fn is_opaque(self) -> bool {
        matches!(self, Self::Part(why) if why.opaque().is_some())
    }

    fn describe(self) -> String {
        match self {
            Self::Limit(why) => why.to_owned(),
            Self::Part(why) => why.describe().to_owned(),
            Self::Odd(odd) => odd.to_string(),
        }
    }
}

/// Why parts of a text were not read, with the way to each; none for all of it.
pub fn reasons(examined: &Examined) -> impl Iterator<Item = (&[String], Reason)> {
    let whole = [(examined.truncated, TRUNCATED), (examined.cut, CUT)];
    let whole = whole.into_iter().filter(|(holds, _)| *holds);
    let parts = examined.unread.iter();
    whole
        .map(|(_, why)| (&[][..], Reason::Limit(why)))
        .chain(parts.map(|(steps, why)| (&steps[..], Reason::Part(*why))))
}

/// Tells what was missed by the paths that it lies at.
pub fn tell(
    mut missed: Vec<Missed>,
    places: &Places,
    bare: &HashSet<ObjectId>,
    names: &mut Names<'_>,
) -> Vec<Unscannable> {
    missed.sort_unstable();
    missed.dedup();
    let mut tell = |missed: Missed| {
        let found = places.by_id.get(&missed.id).map_or(&[][..], Vec::as_slice);
        let mut paths: Vec<String> = found
            .iter()
            .take(MOST_PATHS)
            .map(|place| names.show(&place.path))
            .collect();
        let name = match paths.first() {
            // The topmost folder has no name.
            Some(path) if !path.is_empty() => path.clone(),
            _ => format!("object {}", missed.id),
        };
        let is_known = places.complete && found.len() <= MOST_PATHS && !bare.contains(&missed.id);
        if !is_known {
            paths.clear();
        }
        Unscannable {
            object: Some(missed.id.to_string()),
            ..unscannable(name, &missed.steps, missed.why, missed.bytes, paths)
        }
    };
    missed.into_iter().map(&mut tell).collect()
}

/// The same of one thing that has a name; `paths` are all at which it lies, if they are known.
pub fn unscannable(
    name: String,
    steps: &[String],
    why: Reason,
    bytes: u64,
    paths: Vec<String>,
) -> Unscannable {
    let what = match steps {
        [] => name,
        _ => format!("{name}, in {}", steps.join(", ")),
    };
    let kind = match why {
        Reason::Limit(_) | Reason::Odd(_) => None,
        Reason::Part(why) => why.opaque(),
    };
    Unscannable {
        what,
        why: why.describe(),
        object: None,
        opaque: kind.map(|kind| Opaque { kind, bytes, paths }),
    }
}
