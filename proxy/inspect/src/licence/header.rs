//! Whether a file begins with a header: a line that says its licence as SPDX does, or a notice of a licence or a copyright.
//!
//! Which marks make a line a comment is not asked: what stands before the first word of a line is passed over, so that any language's
//! comments are read. A copyright is claimed at the start of a line; the phrases of notices are long enough to stand anywhere, and may go
//! on in the next line.

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;
use bstr::ByteSlice;

use super::terms::Said;

/// Lines and bytes at the start of a file that are looked at.
const LINES: usize = 60;
const BYTES: usize = 4096;
/// Characters of an expression that is taken for one.
const EXPRESSION: usize = 120;

const TAG: &str = "SPDX-License-Identifier:";
const COPYRIGHT_TAG: &str = "spdx-filecopyrighttext:";
/// Without one of these words there is no header.
const HINTS: [&str; 10] = [
    "spdx-",
    "licen",
    "copyright",
    "(c)",
    "©",
    "reserved",
    "permission",
    "redistribution",
    "free",
    "domain",
];
/// What notices of licences say, in lower case.
const PHRASES: [&str; 18] = [
    "licensed under",
    "licenced under",
    "licensed to the",
    "license as published",
    "licence as published",
    "under the terms of",
    "under the license",
    "under the mit",
    "distributed under the",
    "released under the",
    "subject to the terms",
    "permission is hereby granted",
    "permission to use, copy",
    "redistribution and use in",
    "is free software",
    "the public domain",
    "license information",
    "license that can be found",
];
/// How comments of a line begin, and how they end then. The last one is a line within a comment that began before.
const DRESSES: [(&str, &str); 22] = [
    ("//", ""),
    ("///", ""),
    ("//!", ""),
    ("#", ""),
    ("##", ""),
    ("--", ""),
    (";", ""),
    (";;", ""),
    ("%", ""),
    ("%%", ""),
    ("!", ""),
    ("'", ""),
    ("..", ""),
    ("::", ""),
    ("dnl", ""),
    ("rem", ""),
    ("REM", ""),
    ("/*", " */"),
    ("<!--", " -->"),
    ("(*", " *)"),
    ("{-", " -}"),
    ("*", " */"),
];

/// What a file begins with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Head {
    /// Nothing that a header could be asked of: no text, or none but blanks.
    Blank,
    Bare,
    Header(Header),
}

/// What a header says; at least one of the three.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    pub spdx: Option<Spdx>,
    /// A notice of a licence.
    pub licence: bool,
    /// Whose it is.
    pub copyright: bool,
}

/// A line that says the licence as SPDX does.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Spdx {
    /// Canonical.
    pub expression: String,
    /// What makes the line a comment, before and behind; nothing where that is not known.
    pub dress: (&'static str, &'static str),
}

impl Spdx {
    /// The whole line, with this for its expression.
    pub fn line(&self, expression: &str) -> String {
        let (before, behind) = match self.dress {
            ("*", behind) => ("/*", behind),
            dress => dress,
        };
        let gap = if before.is_empty() { "" } else { " " };
        format!("{before}{gap}{TAG} {expression}{behind}")
    }
}

/// What `text` begins with.
pub fn read(text: &[u8]) -> Head {
    let head = head(text);
    if head.contains(&0) || head.trim_ascii().is_empty() {
        return Head::Blank;
    }
    if !is_hinted(head) {
        return Head::Bare;
    }
    match header(head) {
        header if header == Header::default() => Head::Bare,
        header => Head::Header(header),
    }
}

fn head(text: &[u8]) -> &[u8] {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let text = text.get(..BYTES).unwrap_or(text);
    match text.find_iter(b"\n").nth(LINES - 1) {
        Some(end) => text.get(..end).unwrap_or(text),
        None => text,
    }
}

fn is_hinted(head: &[u8]) -> bool {
    static WORDS: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
        let mut words = AhoCorasick::builder();
        words.ascii_case_insensitive(true).build(HINTS).ok()
    });
    WORDS.as_ref().is_none_or(|words| words.is_match(head))
}

fn header(head: &[u8]) -> Header {
    let mut header = Header::default();
    let mut words = String::new();
    for line in head.lines() {
        let line = line.to_str_lossy();
        let bare = bare(&line);
        match tagged(&line) {
            Some(Ok(spdx)) => drop(header.spdx.get_or_insert(spdx)),
            // It says one in words of its own.
            Some(Err(())) => header.licence = true,
            None => {
                header.copyright |= claims_copyright(bare);
                header.licence |= names_licence(bare);
                words.push_str(&bare.to_ascii_lowercase());
                words.push(' ');
            }
        }
    }
    header.copyright |= words.contains("all rights reserved");
    header.licence |= PHRASES.iter().any(|phrase| words.contains(phrase));
    header
}

/// A line without what makes it a comment, a string or an assignment.
fn bare(line: &str) -> &str {
    let is_mark = |letter: char| !letter.is_alphanumeric() && letter != '©';
    let line = line.trim_matches(is_mark);
    ["dnl ", "rem ", "REM "]
        .iter()
        .find_map(|word| line.strip_prefix(word))
        .unwrap_or(line)
}

/// What stands behind the tag of SPDX; an error where that is no expression.
fn tagged(line: &str) -> Option<Result<Spdx, ()>> {
    let at = find(line, TAG)?;
    let said = line.get(at + TAG.len()..)?;
    let mut said = said.trim();
    for end in ["*/", "-->", "*)", "-}", "\"", "'"] {
        said = said.strip_suffix(end).unwrap_or(said).trim_end();
    }
    if said.is_empty() {
        return None;
    }
    let is_plain = |text: &String| {
        text.len() <= EXPRESSION && text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
    };
    let read = match said.len() <= EXPRESSION {
        true => Said::read(said)
            .map(|said| said.canonical())
            .filter(is_plain),
        false => None,
    };
    let before = line.get(..at).unwrap_or_default().trim();
    let dress = DRESSES.iter().find(|(begin, _)| *begin == before);
    Some(read.ok_or(()).map(|expression| Spdx {
        expression,
        dress: dress.copied().unwrap_or_default(),
    }))
}

/// Where `word` stands in `line`, whatever its case.
fn find(line: &str, word: &str) -> Option<usize> {
    let folded = line.to_ascii_lowercase();
    folded.find(&word.to_ascii_lowercase())
}

/// Whether a line says whose something is: behind the word comes a year, a sign or a name, not the rest of a sentence.
fn claims_copyright(line: &str) -> bool {
    let folded = line.to_ascii_lowercase();
    if folded.starts_with(COPYRIGHT_TAG) || line.starts_with('©') {
        return true;
    }
    // Its bracket has gone with the marks before it.
    if let Some(rest) = folded.strip_prefix("c) ") {
        return rest.starts_with(|letter: char| letter.is_ascii_digit())
            || line.chars().nth(3).is_some_and(char::is_uppercase);
    }
    let Some(rest) = folded.strip_prefix("copyright") else {
        return false;
    };
    let said = line.get("copyright".len()..).unwrap_or_default();
    let said = said.trim_start_matches([' ', '\t', ':', '_', '=', '"', '\'']);
    let begins = |first: char| {
        first.is_ascii_digit()
            || first.is_uppercase()
            || matches!(first, '(' | '©' | '$' | '{' | '<')
    };
    let is_claim = said.starts_with(begins)
        || rest.starts_with(" by ")
        || rest.starts_with(" the ") && (rest.contains("author") || rest.contains("contributor"));
    is_claim
        && !rest.starts_with(|letter: char| letter.is_alphanumeric() && !letter.is_ascii_digit())
}

/// Whether a line is the name of a licence behind the word, such as `@license MIT`.
fn names_licence(line: &str) -> bool {
    let folded = line.to_ascii_lowercase();
    let rest = ["license", "licence"]
        .iter()
        .find_map(|word| folded.strip_prefix(word));
    let Some(rest) = rest else { return false };
    let said = line.get("license".len()..).unwrap_or_default();
    let said = said.trim_start_matches([' ', '\t', ':', '_', '=', '"', '\'']);
    said.len() < rest.len() && said.starts_with(|first: char| first.is_uppercase() || first == '<')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn spdx(text: &str) -> (String, String) {
        match read(text.as_bytes()) {
            Head::Header(Header {
                spdx: Some(spdx), ..
            }) => (spdx.expression.clone(), spdx.line("X")),
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn lines_of_spdx_are_read_in_any_comment() {
        for (line, again) in [
            (
                "// SPDX-License-Identifier: MIT",
                "// SPDX-License-Identifier: X",
            ),
            (
                "//! SPDX-License-Identifier: MIT",
                "//! SPDX-License-Identifier: X",
            ),
            (
                "# SPDX-License-Identifier: MIT",
                "# SPDX-License-Identifier: X",
            ),
            (
                "#SPDX-License-Identifier:MIT",
                "# SPDX-License-Identifier: X",
            ),
            (
                "-- spdx-license-identifier: mit",
                "-- SPDX-License-Identifier: X",
            ),
            (
                ";; SPDX-License-Identifier: MIT",
                ";; SPDX-License-Identifier: X",
            ),
            (
                "REM SPDX-License-Identifier: MIT",
                "REM SPDX-License-Identifier: X",
            ),
            (
                "/* SPDX-License-Identifier: MIT */",
                "/* SPDX-License-Identifier: X */",
            ),
            (
                "/*\n * SPDX-License-Identifier: MIT\n */",
                "/* SPDX-License-Identifier: X */",
            ),
            (
                "<!-- SPDX-License-Identifier: MIT -->",
                "<!-- SPDX-License-Identifier: X -->",
            ),
            (
                "(* SPDX-License-Identifier: MIT *)",
                "(* SPDX-License-Identifier: X *)",
            ),
            (
                "{- SPDX-License-Identifier: MIT -}",
                "{- SPDX-License-Identifier: X -}",
            ),
            (
                ".. SPDX-License-Identifier: MIT",
                ".. SPDX-License-Identifier: X",
            ),
            (
                "(a) SPDX-License-Identifier: MIT",
                "SPDX-License-Identifier: X",
            ),
        ] {
            for text in [
                format!("{line}\ncode();\n"),
                format!("#!/bin/sh\n{line}\n"),
                format!("#!/usr/bin/env python\n# -*- coding: utf-8 -*-\n\n{line}\r\n"),
                format!("\u{feff}{line}\n"),
                format!("<?xml version=\"1.0\"?>\n{line}\n"),
                format!("<?php\n{line}"),
            ] {
                assert_eq!(spdx(&text), ("MIT".to_owned(), again.to_owned()), "{text}");
            }
        }
        let (expression, _) = spdx("# SPDX-License-Identifier: (Apache 2.0 OR mit)\n");
        assert_eq!(expression, "(Apache-2.0 OR MIT)");
    }

    #[track_caller]
    fn notices(text: &str) -> (bool, bool) {
        match read(text.as_bytes()) {
            Head::Header(Header {
                spdx: None,
                licence,
                copyright,
            }) => (licence, copyright),
            Head::Bare => (false, false),
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn notices_of_licences_and_copyrights_are_told_apart() {
        for text in [
            "// Copyright 2024 Example Ltd.\n",
            "/*\n * Copyright (c) Example and others\n */",
            "# Copyright The Example Authors\n",
            "# copyright the example authors\n",
            "# (c) 2011 Example\n",
            "# (C) Example\n",
            "# © Example\n",
            "-- All rights\n-- reserved.\n",
            "__copyright__ = \"Copyright 2024, Example\"\n",
            "/**\n * @copyright 2024 Example\n */",
            "; SPDX-FileCopyrightText: 2024 Example\n",
            "dnl Copyright 2024 Example\n",
        ] {
            assert_eq!(notices(text), (false, true), "{text}");
        }
        for text in [
            "// Licensed under the Apache License, Version 2.0\n",
            "# Permission is hereby\n# granted, free of charge, to any person\n",
            "/* Use of this source code is governed by a BSD-style\n * license that can be found in the LICENSE file. */",
            "\"\"\"This file is free software.\"\"\"\n",
            "/** @license MIT */",
            "// SPDX-License-Identifier: Proprietary\n",
        ] {
            assert_eq!(notices(text), (true, false), "{text}");
        }
        let both = "// Copyright 2024 Example Ltd.\n// Licensed under the MIT licence.\n";
        assert_eq!(notices(both), (true, true));
    }

    #[test]
    fn what_only_speaks_of_them_is_none() {
        for text in [
            "fn main() {}\n",
            "// Tells whose copyright it is.\n",
            "// Copyright is asked elsewhere.\n",
            "let copyright = owner();\n",
            "copyrighted(work);\n",
            "// (c) of the list below\n",
            "licenses: Vec<License>,\n",
            "license(file);\n",
            "# SPDX-License-Identifier:\n",
        ] {
            assert_eq!(notices(text), (false, false), "{text}");
        }
    }

    #[test]
    fn only_the_head_is_looked_at() {
        let line = "// SPDX-License-Identifier: MIT\n";
        assert!(matches!(
            read(format!("{}{line}", "a\n".repeat(59)).as_bytes()),
            Head::Header(_)
        ));
        assert_eq!(
            read(format!("{}{line}", "a\n".repeat(60)).as_bytes()),
            Head::Bare
        );
        assert_eq!(
            read(format!("{}\n{line}", "a".repeat(4096)).as_bytes()),
            Head::Bare
        );
    }

    #[test]
    fn what_is_no_text_is_asked_nothing() {
        for text in [
            &b""[..],
            b" \n\t\n",
            b"\xef\xbb\xbf\n",
            b"GIF\0Copyright 2024 A",
        ] {
            assert_eq!(read(text), Head::Blank);
        }
    }
}
