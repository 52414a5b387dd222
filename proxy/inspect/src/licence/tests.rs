//! Licences in headers, texts and manifests as an examiner tells them.

use std::sync::Arc;

use exeat_rules::{RuleSet, Source};

use super::*;
use crate::{Examiner, FingerprintKey, Hit};

fn rules() -> Arc<RuleSet> {
    let sources: [Source; 1] = [exeat_rules::optional("licenses").unwrap()];
    Arc::new(RuleSet::compile(&sources).unwrap().rules)
}

fn accepted(accept: &[&str], deny: &[&str]) -> Arc<Accepted> {
    let terms = |names: &[&str]| {
        names
            .iter()
            .map(|name| Term::parse(name).unwrap())
            .collect()
    };
    Arc::new(Accepted(vec![Accepting {
        name: "public".into(),
        accept: Some(terms(accept)),
        accept_dependencies: None,
        deny_dependencies: terms(deny),
        headers: None,
    }]))
}

fn told(text: &str, accepted: &Arc<Accepted>) -> Vec<String> {
    let mut examiner = Examiner::new(rules(), FingerprintKey::new([0; 32]));
    examiner.ask_of_licences(Some(accepted));
    let hits = examiner.examine(text.as_bytes()).hits;
    let tell = |hit: &Hit| {
        let steps = hit.via.as_ref().map_or(Vec::new(), |via| via.steps.clone());
        let why = hit.licence.as_deref().unwrap_or("no licence");
        let why = why.split("; the target").next().unwrap_or_default();
        format!("{}: {why} {}", hit.line, steps.join(", "))
            .trim()
            .to_owned()
    };
    hits.iter().map(tell).collect()
}

/// What is told of a licence where the target takes MIT alone.
fn said(text: &str) -> Vec<String> {
    told(text, &accepted(&["MIT"], &["AGPL-3.0-only"]))
}

#[test]
fn headers_that_name_a_licence_are_held_against_what_is_accepted() {
    assert_eq!(
        said("// a\n// SPDX-License-Identifier: GPL-2.0-or-later\n"),
        ["2: Licence: GPL-2.0-or-later"]
    );
    assert_eq!(
        said("/* SPDX-License-Identifier: LicenseRef-Example-Internal */"),
        ["1: Licence: LicenseRef-Example-Internal"]
    );
    assert_eq!(
        said("# SPDX-License-Identifier: Proprietary\n"),
        ["1: Licence: something that is no SPDX expression"]
    );
    for fine in [
        "// SPDX-License-Identifier: MIT\n",
        "/* SPDX-License-Identifier: MIT OR Apache-2.0 */",
        "<!-- SPDX-License-Identifier: (MIT OR GPL-2.0-only) -->",
        "\"SPDX-License-Identifier: {}\"",
    ] {
        assert_eq!(said(fine), [""; 0], "{fine}");
    }
}

#[test]
fn the_message_says_what_is_accepted_and_by_which_table() {
    let accepted = accepted(&["MIT", "Apache-2.0"], &[]);
    let mut examiner = Examiner::new(rules(), FingerprintKey::new([0; 32]));
    examiner.ask_of_licences(Some(&accepted));
    let examined = examiner.examine(b"# SPDX-License-Identifier: GPL-3.0-only\n");
    assert_eq!(
        examined.hits[0].licence.as_deref(),
        Some("Licence: GPL-3.0-only; the target accepts MIT, Apache-2.0 (public)")
    );
}

#[test]
fn nobody_is_told_who_does_not_ask() {
    let mut examiner = Examiner::new(rules(), FingerprintKey::new([0; 32]));
    let text = b"# SPDX-License-Identifier: GPL-3.0-only\n";
    assert!(examiner.examine(text).hits.is_empty());
    examiner.ask_of_licences(Some(&accepted(&["MIT"], &[])));
    assert_eq!(examiner.examine(text).hits.len(), 1);
    examiner.ask_of_licences(None);
    assert!(examiner.examine(text).hits.is_empty());
}

const GPL_2_OR_LATER: &str = "This program is free software; you can redistribute it and/or modify
it under the terms of the GNU General Public License as published by
the Free Software Foundation; either version 2 of the License, or
(at your option) any later version.

This program is distributed in the hope that it will be useful,
but WITHOUT ANY WARRANTY; without even the implied warranty of
MERCHANTABILITY or FITNESS FOR A PARTICULAR PURPOSE.  See the
GNU General Public License for more details.
";

const MIT: &str = "Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the \"Software\"), to deal in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit persons to
whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
Software.

THE SOFTWARE IS PROVIDED \"AS IS\", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE,
ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
";

/// A text as a comment of this leader, behind a line that says whose it is.
fn comment(text: &str, leader: &str) -> String {
    let lines = text
        .lines()
        .map(|line| format!("{leader} {line}").trim_end().to_owned() + "\n");
    format!(
        "{leader} Copyright (C) 2024 Example Ltd.\n{}\nint a;\n",
        lines.collect::<String>()
    )
}

#[test]
fn notices_and_texts_are_recognised_in_any_comment() {
    let nothing = accepted(&[], &[]);
    for leader in ["//", "#", " *", "--", ";", "%", ""] {
        let gpl = told(&comment(GPL_2_OR_LATER, leader), &nothing);
        assert_eq!(gpl.len(), 1, "{leader}: {gpl:?}");
        assert!(
            gpl[0].ends_with("Text of a licence: GPL-2.0-or-later"),
            "{leader}: {gpl:?}"
        );
        let mit = told(&comment(MIT, leader), &nothing);
        assert_eq!(mit.len(), 1, "{leader}: {mit:?}");
        assert!(
            mit[0].ends_with("Text of a licence: MIT"),
            "{leader}: {mit:?}"
        );
        assert_eq!(said(&comment(MIT, leader)), [""; 0], "{leader}");
    }
    let only = GPL_2_OR_LATER
        .replace(
            "either version 2 of the License, or\n",
            "version 2 of the License.\n",
        )
        .replace("(at your option) any later version.\n", "");
    assert_eq!(
        told(&only, &nothing),
        ["2: Text of a licence: GPL-2.0-only"]
    );
    let three = GPL_2_OR_LATER.replace("version 2", "version 3");
    assert_eq!(
        told(&three, &nothing),
        ["2: Text of a licence: GPL-3.0-or-later"]
    );
    let lesser = GPL_2_OR_LATER
        .replace("GNU General", "GNU Lesser General")
        .replace("program", "library")
        .replace("version 2 ", "version 2.1 ");
    assert_eq!(
        told(&lesser, &nothing),
        ["2: Text of a licence: LGPL-2.1-or-later"]
    );
}

#[test]
fn a_text_among_others_is_recognised() {
    let nothing = accepted(&[], &[]);
    let both =
        format!("Parts are of others.\n\nTheir licence:\n\n{MIT}\n\nAnd\n\n{GPL_2_OR_LATER}\n");
    let told = told(&both, &nothing);
    assert!(told.iter().any(|told| told.ends_with(": MIT")), "{told:?}");
    assert!(
        told.iter().any(|told| told.ends_with(": GPL-2.0-or-later")),
        "{told:?}"
    );
}

#[test]
fn a_mention_is_no_licence() {
    let nothing = accepted(&[], &[]);
    for mention in [
        "We chose the Apache License, and others the GNU General Public License.\n",
        "# Creative Commons\nA page about licences in general, and how to choose one among them, with many words that say \
         nothing that a licence would say, so that there is enough of them to be compared with anything at all, if need be.\n",
    ] {
        assert_eq!(told(mention, &nothing), [""; 0], "{mention}");
    }
}

#[test]
fn floods_of_phrases_are_compared_a_few_times_and_the_rest_is_told_as_unread() {
    let phrase = "Permission is hereby granted, number ";
    let filler = "and a paragraph of other words that has nothing to do with it, long enough to be looked at by anybody. ";
    let flood: String = (0..2000)
        .map(|number| format!("{phrase}{number}, {}\n\n", filler.repeat(4)))
        .collect();
    let mut texts = texts::Texts::default();
    let mut looked = texts::Looked::default();
    for (number, (at, _)) in flood.match_indices(phrase).enumerate() {
        let expected = match number < texts::MOST_PARTS {
            true => texts::Around::Nothing,
            false => texts::Around::Unread,
        };
        let around = texts.recognise(flood.as_bytes(), at, &mut looked);
        assert_eq!(around, expected, "{number}");
    }
    assert_eq!(looked.parts(), texts::MOST_PARTS);
    let told = said(&flood);
    assert!(
        matches!(&told[..], [one] if one.ends_with("Texts of licences behind the first 24, which nobody compared")),
        "{told:?}"
    );
}
