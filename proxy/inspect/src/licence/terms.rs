//! SPDX expressions, and whether licences that a policy names satisfy them.

use spdx::{AdditionItem, Expression, LicenseItem, LicenseReq, Licensee, ParseMode, lexer};

/// A licence that a policy names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    written: String,
    licence: Licence,
    addition: Option<AdditionItem>,
}

/// A licence without what is added to it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Licence {
    /// Of one that has versions, what comes before that.
    family: String,
    version: Vec<u32>,
    /// And any later version.
    or_later: bool,
}

impl Term {
    /// Reads one licence such as `MIT`, `GPL-2.0-or-later` or `Apache-2.0 WITH LLVM-exception`.
    ///
    /// # Errors
    /// With what was expected in its place.
    pub fn parse(text: &str) -> Result<Self, String> {
        let licensee = Licensee::parse_mode(text, ParseMode::STRICT)
            .or_else(|_| Licensee::parse_mode(text, DEPRECATED));
        let Ok(licensee) = licensee else {
            let near = spdx::imprecise_license_id(text);
            let near = near.filter(|(_, length)| *length == text.len());
            let near = near.map(|(id, _)| id.name).or_else(|| nearest(text));
            return Err(match near {
                Some(name) => format!("an SPDX identifier; did you mean \"{name}\"?"),
                None => "an SPDX identifier such as Apache-2.0, or LicenseRef-NAME".to_owned(),
            });
        };
        let requirement = licensee.into_req();
        Ok(Self {
            written: text.to_owned(),
            licence: Licence::of(&requirement.license),
            addition: requirement.addition,
        })
    }

    pub fn written(&self) -> &str {
        &self.written
    }

    /// Whether whoever accepts this may take what asks for `requirement`. An exception of the list allows more than the licence
    /// that it is added to.
    fn satisfies(&self, requirement: &LicenseReq) -> bool {
        let asked = Licence::of(&requirement.license);
        let is_added = match (&self.addition, &requirement.addition) {
            (None, Some(AdditionItem::Spdx(_))) => true,
            (own, other) => own == other,
        };
        let is_version = match asked.or_later {
            true => self.licence.version >= asked.version,
            false => self.licence.version == asked.version && !self.licence.or_later,
        };
        is_added && is_version && self.licence.family == asked.family
    }

    /// Whether `requirement` is for this very licence, with or without later versions.
    fn names(&self, requirement: &LicenseReq) -> bool {
        let asked = Licence::of(&requirement.license);
        self.licence.family == asked.family
            && self.licence.version == asked.version
            && (self.addition.is_none() || self.addition == requirement.addition)
    }
}

/// Longest name that is compared with those of licences.
const LONGEST_NAME: usize = 40;

/// The identifier that differs from `text` in so few letters that it may have been meant.
fn nearest(text: &str) -> Option<&'static str> {
    let lower = text.to_ascii_lowercase();
    if lower.len() > LONGEST_NAME {
        return None;
    }
    let distance = |name: &&str| strsim::damerau_levenshtein(&lower, &name.to_ascii_lowercase());
    let names = spdx::identifiers::LICENSES
        .iter()
        .map(|licence| licence.name);
    let near = names.min_by_key(distance)?;
    (distance(&near) <= (near.len() / 4).max(1)).then_some(near)
}

/// Older names of licences are known; names that are none are not.
const DEPRECATED: ParseMode = ParseMode {
    allow_deprecated: true,
    allow_postfix_plus_on_gpl: true,
    ..ParseMode::STRICT
};

impl Licence {
    fn of(item: &LicenseItem) -> Self {
        let LicenseItem::Spdx { id, or_later } = item else {
            return Self {
                family: item.to_string(),
                version: Vec::new(),
                or_later: false,
            };
        };
        let is_later = |name: &str| name.ends_with("-or-later") || name.ends_with('+');
        let or_later = *or_later || id.is_gnu() && is_later(id.name);
        let name = match id.is_gnu() {
            true => ["-or-later", "-only", "+"]
                .iter()
                .find_map(|end| id.name.strip_suffix(end))
                .unwrap_or(id.name),
            false => id.name,
        };
        // `Apache-2.0`, and not `BSD-3-Clause`.
        let version = name.rsplit_once('-').and_then(|(family, version)| {
            let numbers: Option<Vec<u32>> =
                version.split('.').map(|part| part.parse().ok()).collect();
            let numbers = numbers.filter(|numbers| numbers.len() > 1)?;
            Some((family.to_owned(), numbers))
        });
        let (family, version) = version.unwrap_or_else(|| (name.to_owned(), Vec::new()));
        Self {
            family,
            version,
            or_later,
        }
    }
}

/// What a text says of its licence.
#[derive(Clone, Debug)]
pub struct Said(Expression);

impl Said {
    /// Reads as much of the beginning of `text` as is an expression; what follows may be anything. Only names of licences that exist, and
    /// references, are licences.
    pub fn read(text: &str) -> Option<Self> {
        let text = expression(text);
        let read = Expression::parse_mode(text, ParseMode::LAX).ok();
        read.or_else(|| by_full_name(text)).map(Self)
    }

    /// As it is written.
    pub fn shown(&self) -> String {
        self.0.to_string()
    }

    /// The same in the words of SPDX, where it can be said in them.
    pub fn canonical(&self) -> String {
        let shown = self.shown();
        let canonical = Expression::canonicalize(&shown).ok().flatten();
        let is_strict = |text: &String| Expression::parse_mode(text, ParseMode::STRICT).is_ok();
        canonical.filter(is_strict).unwrap_or(shown)
    }

    pub fn is_accepted(&self, terms: &[Term]) -> bool {
        self.0
            .evaluate(|asked| terms.iter().any(|term| term.satisfies(asked)))
    }

    /// Whether there is no way to use it without one of these.
    pub fn is_denied(&self, terms: &[Term]) -> bool {
        !self
            .0
            .evaluate(|asked| !terms.iter().any(|term| term.names(asked)))
    }

    /// Whether it names a licence that is not on the list.
    pub fn has_reference(&self) -> bool {
        let mut requirements = self.0.requirements();
        requirements.any(|each| matches!(each.req.license, LicenseItem::Other(_)))
    }
}

/// The beginning of `text` up to where an expression ends: two licences without a word between them are none.
fn expression(text: &str) -> &str {
    let text = text.trim();
    let mut end = 0;
    let mut is_term = false;
    for token in lexer::Lexer::new_mode(text, ParseMode::LAX) {
        let Ok(token) = token else { break };
        use lexer::Token;
        let joins = matches!(
            token.token,
            Token::And | Token::Or | Token::With | Token::OpenParen
        );
        let follows = matches!(token.token, Token::Plus | Token::CloseParen);
        if is_term && !joins && !follows {
            break;
        }
        if !joins {
            is_term = true;
            end = token.span.end;
        } else {
            is_term = false;
        }
    }
    match end {
        0 => text,
        end => text.get(..end).unwrap_or(text),
    }
}

/// `The Apache License, Version 2.0`, as Maven's manifests say it.
fn by_full_name(text: &str) -> Option<Expression> {
    let plain = |name: &str| {
        let kept = name
            .chars()
            .filter(|letter| letter.is_alphanumeric() || *letter == '.');
        let kept: String = kept.flat_map(char::to_lowercase).collect();
        let kept = kept.replace("version", "").replace("software", "");
        let kept = kept.strip_prefix("the").unwrap_or(&kept).to_owned();
        kept.strip_prefix("gnu").unwrap_or(&kept).to_owned()
    };
    let wanted = plain(text);
    let mut all = spdx::identifiers::LICENSES.iter();
    let found = all.find(|licence| plain(licence.full_name) == wanted)?;
    Expression::parse_mode(found.name, ParseMode::LAX).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(names: &[&str]) -> Vec<Term> {
        names
            .iter()
            .map(|name| Term::parse(name).unwrap())
            .collect()
    }

    #[track_caller]
    fn accepted(expression: &str, names: &[&str]) -> bool {
        Said::read(expression).unwrap().is_accepted(&terms(names))
    }

    #[test]
    fn expressions_are_satisfied_by_what_is_accepted() {
        let ours = ["MIT", "Apache-2.0", "GPL-2.0-only"];
        for yes in [
            "MIT",
            "MIT OR GPL-3.0-only",
            "MIT AND Apache-2.0",
            "(MIT AND Apache-2.0) OR LicenseRef-x",
            "GPL-2.0",
            "GPL-2.0+",
            "GPL-2.0-or-later",
            "GPL-1.0-or-later",
            "Apache-2.0 WITH LLVM-exception",
            "MIT/Apache-2.0",
            "mit",
            "Apache 2.0",
            "Apache License, Version 2.0",
            "The Apache Software License, Version 2.0",
            "MIT in the head of every file",
        ] {
            assert!(accepted(yes, &ours), "{yes}");
        }
        for no in [
            "GPL-3.0-only",
            "GPL-3.0-or-later",
            "LGPL-2.0-only",
            "MIT AND GPL-3.0-only",
            "LicenseRef-Example-Internal",
            "MIT WITH AdditionRef-x",
            "BSD-3-Clause",
            "Apache-1.1",
        ] {
            assert!(!accepted(no, &ours), "{no}");
        }
        assert!(accepted("LicenseRef-Ours", &["LicenseRef-Ours"]));
        assert!(accepted("GPL-2.0-or-later", &["GPL-3.0-or-later"]));
        assert!(!accepted("GPL-2.0-only", &["GPL-2.0-or-later"]));
    }

    #[test]
    fn what_is_denied_has_no_other_way() {
        let denied = |expression: &str| {
            let said = Said::read(expression).unwrap();
            said.is_denied(&terms(&["AGPL-3.0-only", "SSPL-1.0"]))
        };
        for yes in [
            "AGPL-3.0-or-later",
            "AGPL-3.0",
            "MIT AND SSPL-1.0",
            "AGPL-3.0 OR SSPL-1.0",
        ] {
            assert!(denied(yes), "{yes}");
        }
        for no in [
            "MIT",
            "MIT OR AGPL-3.0-only",
            "GPL-3.0-only",
            "AGPL-1.0-only",
        ] {
            assert!(!denied(no), "{no}");
        }
    }

    #[test]
    fn what_is_no_licence_is_none() {
        for no in [
            "",
            "()",
            "UNLICENSED",
            "SEE LICENSE IN x",
            "AND",
            "${LICENSE}",
            "((((((",
        ] {
            assert!(Said::read(no).is_none(), "{no}");
        }
        for no in ["", "Apache 2", "GPL", "MIT OR Apache-2.0", "no such"] {
            assert!(Term::parse(no).is_err(), "{no}");
        }
        for (wrong, near) in [
            ("Apache 2.0", "\"Apache-2.0\""),
            ("MTI", "\"MIT\""),
            ("GPL-3.0-onyl", "\"GPL-3.0-only\""),
            ("BSD-3-Claus", "\"BSD-3-Clause\""),
        ] {
            let told = Term::parse(wrong).unwrap_err();
            assert!(told.contains(near), "{wrong}: {told}");
        }
        assert!(!Term::parse("Proprietary").unwrap_err().contains("mean"));
    }

    #[test]
    fn deep_expressions_are_read() {
        let deep = format!("{}MIT{}", "(".repeat(140), ")".repeat(140));
        assert!(accepted(&deep, &["MIT"]));
    }
}
