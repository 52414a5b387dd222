//! What a pusher asks of us with push options of our own.

use std::sync::Arc;

use exeat_gitwire::{advertise::Offer, push_request::PushRequest};
use exeat_inspect::{Examiner, Names};

use super::{Fault, Pushes};
use crate::{config::nearest, door::Knock};

/// Longest reason, in characters.
const REASON_LENGTH: usize = 500;
const REASON: &str = "exeat.reason";
const WAIT: &str = "exeat.wait";
const NAMES: [&str; 2] = [REASON, WAIT];
/// Longest name of an option that is repeated to its author or compared with ours, in bytes.
const LONGEST_NAME: usize = 40;

/// Read from the push options whose names begin with `exeat.`; they never go upstream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wishes {
    /// Why the push should go, for the reviewers: 1 to 500 printable characters, what rules take for a secret masked.
    pub reason: Option<String>,
    /// Whether the push stays open until somebody has decided.
    pub wait: bool,
}

impl Pushes {
    /// What the options of a push ask of us.
    ///
    /// # Errors
    /// When that is not to be understood, or others are for an upstream that takes none.
    pub(super) fn wishes(
        &self,
        request: &PushRequest,
        knock: &Knock,
        offer: Offer,
    ) -> Result<Wishes, Fault> {
        let options = &request.options;
        if options.is_empty() {
            return Ok(Wishes::default());
        }
        let mut examiner = Examiner::new(Arc::clone(&self.rules), self.key.clone());
        let mut names = Names::new(&mut examiner);
        let mut mask = |text: &str| names.prose(text);
        let wishes = Wishes::read(options, &mut mask)?;
        if !offer.push_options {
            check_lost(options, &knock.upstream.name, &mut mask)?;
        }
        Ok(wishes)
    }
}

/// Why a push with these options is refused.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    #[error("{option} is none that Exeat knows{}", hint(.nearest))]
    Unknown {
        option: String,
        nearest: Option<&'static str>,
    },
    #[error("push option {0} is given twice")]
    Twice(&'static str),
    #[error("push option exeat.reason has no text")]
    NoReason,
    #[error("the reason of the push has more than {REASON_LENGTH} characters")]
    LongReason,
    #[error("the reason of the push is not UTF-8, or has characters that do not print")]
    OddReason,
    #[error("push option exeat.wait takes no value")]
    WaitValue,
    #[error("{upstream} takes no push options, so {option} would be lost")]
    Lost { upstream: String, option: String },
}

fn hint(nearest: &Option<&'static str>) -> String {
    match nearest {
        Some(nearest) => format!("; did you mean {nearest}?"),
        None => format!("; there are {REASON} and {WAIT}"),
    }
}

impl Wishes {
    /// Reads the options that are ours. `mask` gives a text back without what rules take for a secret.
    ///
    /// # Errors
    /// When one of them is unknown, doubled or has no proper value.
    pub fn read(options: &[Vec<u8>], mut mask: impl FnMut(&str) -> String) -> Result<Self, Error> {
        let mut wishes = Self::default();
        for (index, option) in options.iter().enumerate() {
            if !is_ours(option) {
                continue;
            }
            let (name, value) = split(option);
            if name.eq_ignore_ascii_case(REASON.as_bytes()) {
                let reason = reason(option, value, &mut mask)?;
                if wishes.reason.replace(reason).is_some() {
                    return Err(Error::Twice(REASON));
                }
            } else if name.eq_ignore_ascii_case(WAIT.as_bytes()) {
                if value.is_some() {
                    return Err(Error::WaitValue);
                }
                if std::mem::replace(&mut wishes.wait, true) {
                    return Err(Error::Twice(WAIT));
                }
            } else {
                return Err(Error::Unknown {
                    option: named(index, option, &mut mask),
                    nearest: nearest(&String::from_utf8_lossy(known_part(name)), &NAMES),
                });
            }
        }
        Ok(wishes)
    }
}

/// Refuses options for an upstream that takes none: git itself never sends them there.
///
/// # Errors
/// Names the first that would be lost.
pub fn check_lost(
    options: &[Vec<u8>],
    upstream: &str,
    mut mask: impl FnMut(&str) -> String,
) -> Result<(), Error> {
    match options.iter().position(|option| !is_ours(option)) {
        None => Ok(()),
        Some(index) => Err(Error::Lost {
            upstream: upstream.to_owned(),
            option: named(
                index,
                options.get(index).map_or(&[], Vec::as_slice),
                &mut mask,
            ),
        }),
    }
}

/// Whether an option is meant for us, whatever its author made of the name: such an option never goes upstream.
pub fn is_ours(option: &[u8]) -> bool {
    let (name, _) = split(option);
    let name = known_part(name).to_ascii_lowercase();
    let behind = name.strip_prefix(b"exeat");
    if behind.is_some_and(|rest| {
        rest.first()
            .is_none_or(|byte| !byte.is_ascii_alphanumeric())
    }) {
        return true;
    }
    let name = String::from_utf8_lossy(&name);
    NAMES
        .iter()
        .any(|ours| strsim::damerau_levenshtein(&name, ours) <= 1)
}

/// The name, and the value if there is one.
fn split(option: &[u8]) -> (&[u8], Option<&[u8]>) {
    let mut parts = option.splitn(2, |byte| *byte == b'=');
    (parts.next().unwrap_or_default(), parts.next())
}

/// As much of a name as can be one of ours.
fn known_part(name: &[u8]) -> &[u8] {
    let name = name.trim_ascii();
    name.get(..LONGEST_NAME).unwrap_or(name)
}

fn reason(
    option: &[u8],
    value: Option<&[u8]>,
    mask: &mut impl FnMut(&str) -> String,
) -> Result<String, Error> {
    let value = std::str::from_utf8(value.unwrap_or_default()).map_err(|_| Error::OddReason)?;
    if value.trim().is_empty() {
        return Err(Error::NoReason);
    }
    if value.trim().chars().count() > REASON_LENGTH {
        return Err(Error::LongReason);
    }
    if value.chars().any(deceives) {
        return Err(Error::OddReason);
    }
    // Rules look at the words around a secret, and the option was inspected as a whole.
    let whole = mask(&String::from_utf8_lossy(option));
    let masked = whole.split_once('=').map_or("****", |(_, masked)| masked);
    Ok(mask(masked.trim()))
}

/// An option in a message: by its number, and by its name where that is a plain word without a secret.
fn named(index: usize, option: &[u8], mask: &mut impl FnMut(&str) -> String) -> String {
    let number = format!("push option {}", index + 1);
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    let (name, _) = split(option);
    let is_plain = (1..=LONGEST_NAME).contains(&name.len()) && name.iter().all(plain);
    let name = String::from_utf8_lossy(name);
    match is_plain && mask(&name) == name {
        true => format!("{number} ({name})"),
        false => number,
    }
}

/// What does not print, or makes what follows print elsewhere (Unicode's bidirectional controls).
fn deceives(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

/// Options of anybody, one a line: what is read is fit to be shown, and what goes on is none of ours.
pub fn fuzz(data: &[u8]) {
    let options: Vec<Vec<u8>> = data.split(|byte| *byte == b'\n').map(Vec::from).collect();
    match Wishes::read(&options, str::to_owned) {
        Ok(wishes) => {
            let reason = wishes.reason.unwrap_or_else(|| "none".to_owned());
            assert!((1..=REASON_LENGTH).contains(&reason.chars().count()));
            assert!(!reason.chars().any(deceives));
        }
        Err(error) => assert_plain(&error),
    }
    if let Err(error) = check_lost(&options, "forge", str::to_owned) {
        assert_plain(&error);
    }
    for option in options.iter().filter(|option| !is_ours(option)) {
        let start = option.get(..6).unwrap_or_default();
        assert!(!start.eq_ignore_ascii_case(b"exeat."));
    }
}

fn assert_plain(error: &Error) {
    let text = error.to_string();
    assert!(text.len() < 160 && text.bytes().all(|byte| matches!(byte, b' '..=b'~')));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(options: &[&str]) -> Vec<Vec<u8>> {
        options
            .iter()
            .map(|option| option.as_bytes().to_vec())
            .collect()
    }

    fn read(given: &[&str]) -> Result<Wishes, String> {
        Wishes::read(&options(given), str::to_owned).map_err(|error| error.to_string())
    }

    #[test]
    fn a_reason_and_the_wish_to_wait() {
        assert_eq!(read(&[]), Ok(Wishes::default()));
        assert_eq!(
            read(&["ci.skip", "topic=exeat.wait"]),
            Ok(Wishes::default())
        );
        let both = Wishes {
            reason: Some("a sample = never valid, für Tests".into()),
            wait: true,
        };
        let given = [
            "exeat.reason= a sample = never valid, für Tests ",
            "x",
            "Exeat.WAIT",
        ];
        assert_eq!(read(&given), Ok(both));
        let longest = "ß".repeat(REASON_LENGTH);
        let reason = read(&[&format!("EXEAT.Reason={longest}")]).unwrap().reason;
        assert_eq!(reason, Some(longest));
    }

    #[test]
    fn what_is_wrong_is_said() {
        let long = format!("exeat.reason={}", "x".repeat(REASON_LENGTH + 1));
        for (given, words) in [
            (
                &["a", "exeat.raeson=text"][..],
                "push option 2 (exeat.raeson) is none that Exeat knows; did you mean exeat.reason?",
            ),
            (
                &["exaet.wait"],
                "push option 1 (exaet.wait) is none that Exeat knows; did you mean exeat.wait?",
            ),
            (
                &["exeat-frobnicate"],
                "push option 1 (exeat-frobnicate) is none that Exeat knows; there are exeat.reason and exeat.wait",
            ),
            (
                &[" exeat.wait"],
                "push option 1 is none that Exeat knows; did you mean exeat.wait?",
            ),
            (
                &["exeat.wait", "exeat.Wait"],
                "push option exeat.wait is given twice",
            ),
            (
                &["exeat.reason=a", "exeat.reason=a"],
                "push option exeat.reason is given twice",
            ),
            (&["exeat.reason"], "push option exeat.reason has no text"),
            (&["exeat.reason="], "push option exeat.reason has no text"),
            (
                &["exeat.reason= \u{a0}"],
                "push option exeat.reason has no text",
            ),
            (
                &[&long],
                "the reason of the push has more than 500 characters",
            ),
            (
                &["exeat.reason=a\u{1b}[31m"],
                "the reason of the push is not UTF-8, or has characters that do not print",
            ),
            (
                &["exeat.reason=a\u{202e}b"],
                "the reason of the push is not UTF-8, or has characters that do not print",
            ),
            (&["exeat.wait=1"], "push option exeat.wait takes no value"),
        ] {
            assert_eq!(read(given), Err(words.to_owned()), "{given:?}");
        }
        let not_text = vec![b"exeat.reason=\xff".to_vec()];
        assert_eq!(
            Wishes::read(&not_text, str::to_owned),
            Err(Error::OddReason)
        );
    }

    #[test]
    fn what_looks_like_ours_never_goes_on() {
        for ours in [
            "exeat",
            "exeat.",
            "EXEAT.x",
            "exeat_reason=x",
            "exeat:wait",
            "exeat reason",
            "exeat=x",
            " exeat.reason=x",
            "\texeat.wait",
            "exeta.reason=x",
            "exeatreason=x",
            "exeat.reason\u{a0}=x",
        ] {
            assert!(is_ours(ours.as_bytes()), "{ours}");
        }
        for other in [
            "",
            "=",
            "=exeat.wait",
            "ci.skip",
            "exeats",
            "exact.wait",
            "reason=exeat.wait",
            "text.reason=x",
            "merge_request.create",
            "topic=exeat",
        ] {
            assert!(!is_ours(other.as_bytes()), "{other}");
        }
        let given = options(&["exeat.wait", "ci.skip=1", "b c"]);
        let lost = check_lost(&given, "forge", str::to_owned).unwrap_err();
        assert_eq!(
            lost.to_string(),
            "forge takes no push options, so push option 2 (ci.skip) would be lost"
        );
        assert_eq!(check_lost(&given[..1], "forge", str::to_owned), Ok(()));
        let unnamed = check_lost(&given[2..], "forge", str::to_owned).unwrap_err();
        assert!(unnamed.to_string().contains("so push option 1 would"));
    }

    #[test]
    fn no_secret_is_repeated() {
        let mask = |text: &str| text.replace("s3cret", "****");
        let read = |given: &[&str]| Wishes::read(&options(given), mask);
        let reason = read(&["exeat.reason=it is s3cret"]).unwrap().reason;
        assert_eq!(reason.as_deref(), Some("it is ****"));
        let unknown = read(&["exeat.s3cret"]).unwrap_err().to_string();
        assert!(unknown.starts_with("push option 1 is none"), "{unknown}");
        // A mask that swallows the name leaves nothing to be shown.
        let swallowed = Wishes::read(&options(&["exeat.reason=x"]), |_| "****".to_owned());
        assert_eq!(swallowed.unwrap().reason.as_deref(), Some("****"));
    }
}
