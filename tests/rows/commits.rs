//! Rows 7 to 10: commits and tags, in each of their lines.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::HEADS;
use super::forged::{Forgery, RULE};
use crate::harness::gits;

#[test]
fn row_07_in_a_message_and_behind_its_end() {
    let mut scene = Forgery::new();
    let token = scene.token(701);
    scene.world.commit_file(&scene.work, "a", "a\n", "Begin");
    let message = format!("Add\n\nwith {token}");
    let amend = ["commit", "-q", "--amend", "-m", &message];
    for git in gits() {
        scene.world.git_with(git, &scene.work, &amend).ok();
        scene.git_refused(&["main"], RULE, "in the commit message, line 3");
    }
    // git shows nothing behind a zero byte, and the commit holds it all the same.
    for message in [
        format!("Add\0{token}"),
        format!("\0\0\0{token}\n"),
        format!("Add\n\nx\0y\n{token}\0"),
    ] {
        scene.commit_refused("", message, &[RULE, "in the commit message"]);
    }
}

#[test]
fn row_07_in_the_names_and_addresses_of_people() {
    let mut scene = Forgery::new();
    let token = scene.token(702);
    let who = "Ada Test <ada@example.com> 1700000000 +0000";
    let (blob, tree) = scene.plain();
    for line in [
        format!("{token} <ada@example.com> 1700000000 +0000"),
        format!("Ada <{token}@example.com> 1700000000 +0000"),
        format!("Ada <ada@example.com> {token} 1700000000 +0000"),
        format!("Ada <ada@example.com> 1700000000 {token}"),
        format!("Ada <ada@example.com> 1700000000 +0000 {token}"),
        format!("Ada <a> <{token}> 1700000000 +0000"),
    ] {
        for (author, committer) in [(line.as_str(), who), (who, &line)] {
            let commit = scene.commit_by(&tree, author, committer, "", "Begin\n");
            scene.refused(HEADS, &[&commit, &tree, &blob], &[RULE, "author"]);
        }
    }
    scene.world.commit_file(&scene.work, "a", "a\n", "Begin");
    for setting in [
        format!("user.name=Ada {token}"),
        format!("user.email=ada@{token}.example"),
        format!("author.name={token}"),
        format!("committer.email={token}"),
    ] {
        let amend = ["commit", "-q", "--amend", "--reset-author", "--no-edit"];
        scene.git(&[&["-c", setting.as_str()], &amend[..]].concat());
        scene.git_refused(&["main"], RULE, "author");
    }
}

#[test]
fn row_08_in_headers_known_and_unknown() {
    let mut scene = Forgery::new();
    let token = scene.token(801);
    let armour = |begin: &str, lines: &str| {
        format!("{begin}\n {lines}\n =abcd\n -----END PGP SIGNATURE-----\n")
    };
    let begin = "-----BEGIN PGP SIGNATURE-----";
    for headers in [
        format!("x-note {token}\n"),
        format!("{token} x\n"),
        format!("{token}\n"),
        format!("encoding {token}\n"),
        format!(
            "gpgsig {}",
            armour(begin, &format!("Comment: {token}\n \n iQ"))
        ),
        format!("gpgsig-sha256 {}", armour(begin, &format!("\n {token}"))),
        format!("gpgsig {token}\n"),
        format!(
            "mergetag object {}\n type commit\n tag v1\n \n {token}\n",
            "1".repeat(40)
        ),
        format!("HG:extra {token}\n"),
        format!("parent {token}\n"),
    ] {
        scene.commit_refused(&headers, "Begin\n", &[RULE, "in the commit header"]);
    }
}

#[test]
fn row_08_in_what_the_armour_of_a_signature_holds() {
    let mut scene = Forgery::new();
    let token = scene.token(802);
    // Three ways in which the letters may fall into groups of three, and lines of any length.
    for (before, length) in [("", 64), ("x", 70), ("xy", 7)] {
        let digits = BASE64.encode(format!("{before}\x01\x02{token}\x03"));
        let lines: Vec<_> = digits.as_bytes().chunks(length).collect();
        let body = lines.join(&b"\n "[..]);
        let body = String::from_utf8(body).unwrap();
        for (header, kind) in [
            ("gpgsig", "PGP"),
            ("gpgsig", "SSH"),
            ("gpgsig-sha256", "PGP"),
        ] {
            let (begin, end) = (format!("-----BEGIN {kind} SIGNATURE-----"), "-----END");
            let headers = format!("{header} {begin}\n \n {body}\n {end} {kind} SIGNATURE-----\n");
            let told = &[RULE, "in the commit header, line"];
            scene.commit_refused(&headers, "Begin\n", told);
        }
        let (blob, tree) = scene.plain();
        let commit = scene.commit(&tree, "", "Begin\n");
        let body = body.replace("\n ", "\n");
        let tag = format!(
            "object {commit}\ntype commit\ntag v1\n\nOne\n-----BEGIN PGP SIGNATURE-----\n\n{body}\n-----END"
        );
        let tag = scene.object("tag", tag);
        let told = &[RULE, "in tag", "line"];
        scene.refused("refs/tags/v1", &[&tag, &commit, &tree, &blob], told);
    }
}

#[test]
fn row_08_headers_that_git_does_not_write_are_not_readable() {
    let mut scene = Forgery::new();
    let word = "nothing-that-a-rule-knows";
    scene.plant(word);
    for headers in [
        format!("x-note {word}\n"),
        format!("{word}\n"),
        format!("Encoding {word}\n"),
        format!("author {word} <a@example.com> 1700000000 +0000\n"),
        format!("parent {word}\n"),
        format!("gpgsig -----BEGIN\n x\ntree {word}\n"),
    ] {
        let told = &[
            "needs review",
            "not readable",
            "is a header that git does not write there",
        ];
        scene.commit_refused(&headers, "Begin\n", told);
    }
}

/// What a message says in this many bytes for each letter, the first byte first or last.
fn wide(text: &str, bytes: usize, is_big: bool) -> Vec<u8> {
    let letter = |byte: u8| {
        let mut letter = vec![0; bytes];
        letter[if is_big { bytes - 1 } else { 0 }] = byte;
        letter
    };
    text.bytes().flat_map(letter).collect()
}

#[test]
fn row_09_messages_in_an_encoding_of_their_own() {
    let mut scene = Forgery::new();
    let token = scene.token(901);
    let found = &[RULE, "in the commit message"];
    for (label, bytes) in [("UTF-16", 2), ("UTF-16LE", 2), ("UTF-32", 4), ("UTF-8", 2)] {
        for is_big in [true, false] {
            let message = wide(&format!("Add\n\n{token}\n"), bytes, is_big);
            let headers = format!("encoding {label}\n");
            scene.commit_refused(&headers, message.clone(), found);
            // Also where nothing says so, and shifted by a byte.
            scene.commit_refused("", [&b"x"[..], &message].concat(), found);
        }
    }
    for label in ["ISO-8859-1", "koi8-r", "SHIFT_JIS", "cp850"] {
        let message = [b"Gr\xf6\xdfe: ", token.as_bytes(), b"\n"].concat();
        scene.commit_refused(&format!("encoding {label}\n"), message, found);
    }
    // git itself, whose message is written in the encoding that it is told.
    scene.world.commit_file(&scene.work, "a", "a\n", "Begin");
    let message = format!("Größe: {token}");
    let settings = ["-c", "i18n.commitEncoding=ISO-8859-1"];
    let amend = ["commit", "-q", "--amend", "-m", &message];
    scene.git(&[&settings[..], &amend].concat());
    scene.git_refused(&["main"], RULE, "in the commit message, line 1");
}

#[test]
fn row_09_what_cannot_be_decoded_is_not_readable() {
    let mut scene = Forgery::new();
    let word = "nothing-that-a-rule-knows";
    scene.plant(word);
    // In EBCDIC, and in UTF-7: no rule would find a word there.
    for label in ["IBM037", "UTF-7", "ISO-2022-KR", "x-of-our-own"] {
        let told = &[
            "needs review",
            "not readable",
            "has an encoding that is not known here",
        ];
        scene.commit_refused(&format!("encoding {label}\n"), word, told);
    }
}

#[test]
fn row_07_times_are_bounded_and_hold_no_words() {
    // What a number means nobody can see; so it is of the length that a time has, and nothing else stands there.
    let scene = Forgery::new();
    let (blob, tree) = scene.plain();
    let by = |time: &str| {
        let line = format!("Ada <ada@example.com> {time}");
        scene.commit_by(&tree, &line, &line, "", "Begin\n")
    };
    let digits: String = b"a plan".iter().map(u8::to_string).collect();
    for time in [
        format!("{digits} +0000"),
        "1700000000 +000000000000000".into(),
        "1700000000 +0000 1700000000 +0000".into(),
        "1700000000".into(),
        "-1700000000 +0000".into(),
    ] {
        let told = &["not readable", "does not end with a time as git writes it"];
        scene.refused(HEADS, &[&by(&time), &tree, &blob], told);
    }
    for (number, time) in (1..).zip(["0 +0000", "1700000000 +1400", "4102444800 -1200"]) {
        let name = format!("refs/heads/t{number}");
        let answer = scene.push(&name, &[&by(time), &tree, &blob]);
        assert_eq!(answer.report().unpack, "ok", "{time}: {}", answer.text());
    }
}

#[test]
fn row_10_in_tags_of_everything() {
    let mut scene = Forgery::new();
    let token = scene.token(1001);
    scene.world.commit_file(&scene.work, "a", "a\n", "Begin");
    let message = format!("one\n\nwith {token}");
    for target in ["HEAD", "HEAD:a", "HEAD^{tree}"] {
        scene.git(&["tag", "-f", "-a", "-m", &message, "v1", target]);
        scene.git_refused(&["v1"], RULE, "in tag");
    }
    // A tag of a tag, where the inner one says it and no ref names that.
    scene.git(&["tag", "-f", "-a", "-m", "harmless", "outer", "v1"]);
    scene.git(&["update-ref", "-d", "refs/tags/v1"]);
    scene.git_refused(&["outer"], RULE, "in tag");

    let (blob, tree) = scene.plain();
    let commit = scene.commit(&tree, "", "Begin\n");
    let start = format!("object {commit}\ntype commit\n");
    let tagger = "tagger Ada <ada@example.com> 1700000000 +0000\n";
    for rest in [
        format!("tag {token}\n{tagger}\nx\n"),
        format!("tag v1\ntagger {token} <ada@example.com> 1700000000 +0000\n\nx\n"),
        format!("tag v1\ntagger Ada <{token}> 1700000000 +0000\n\nx\n"),
        format!("tag v1\n{tagger}x-note {token}\n\nx\n"),
        format!("tag v1\n{tagger}gpgsig-sha256 -----BEGIN\n {token}\n\nx\n"),
        format!("tag v1\n{tagger}\nx\0{token}\n"),
        format!("tag v1\n{tagger}\nx\n-----BEGIN PGP SIGNATURE-----\nComment: {token}\n"),
        format!("tag v1\n\n{token}"),
    ] {
        let tag = scene.object("tag", format!("{start}{rest}"));
        let told = &[RULE, "in tag"];
        scene.refused("refs/tags/v1", &[&tag, &commit, &tree, &blob], told);
    }
}
