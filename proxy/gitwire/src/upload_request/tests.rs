//! What is read of requests to upload-pack, what goes on, and what is refused.

use super::*;
use crate::HashKind;
use crate::fetch_request::{Fetch, Filter, ls_refs};

const ID: &str = "0123456789abcdef0123456789abcdef01234567";

/// Lines of text, where `0000`, `0001` and `0002` are markers.
fn wire(lines: &[&str]) -> Vec<u8> {
    let mut wire = Vec::new();
    for line in lines {
        match *line {
            "0000" | "0001" | "0002" => wire.extend_from_slice(line.as_bytes()),
            line => pktline::encode(&mut wire, line.replace("ID", ID).as_bytes()),
        }
    }
    wire
}

fn read(wire: &[u8]) -> Result<(), Error> {
    let mut reader = Reader::default();
    reader.feed(wire, &mut Passed::default())?;
    reader.finish()
}

/// What goes on of these lines, and the words in it.
fn passed(lines: &[&str]) -> (Vec<u8>, String) {
    let mut passed = Passed::default();
    let mut reader = Reader::default();
    for byte in wire(lines) {
        reader.feed(&[byte], &mut passed).unwrap();
    }
    reader.finish().unwrap();
    (passed.onward, String::from_utf8(passed.words).unwrap())
}

#[test]
fn row_22_what_clients_say_of_themselves_does_not_go_on() {
    let lines = [
        "want ID multi_ack_detailed side-band-64k note agent=git/2.47 session-id=x object-format=sha1\n",
        "want ID\n",
        "0000",
        "have ID\n",
        "done\n",
    ];
    let mut expected = lines;
    expected[0] = "want ID multi_ack_detailed side-band-64k object-format=sha1\n";
    assert_eq!(passed(&lines), (wire(&expected), String::new()));
    assert_eq!(
        passed(&["want ID \n", "0000"]).0,
        wire(&["want ID\n", "0000"])
    );
    let lines = [
        "command=ls-refs\n",
        "agent=git/2.47",
        "session-id=x",
        "object-format=sha1",
        "server-option=to whom",
        "0001",
        "peel\n",
        "ref-prefix refs/heads/x\n",
        "ref-prefix HEAD",
        "0000",
    ];
    let kept: Vec<_> = [&lines[..1], &lines[3..]].concat();
    let words = "to whom\nrefs/heads/x\nHEAD".to_owned();
    assert_eq!(passed(&lines), (wire(&kept), words));
}

#[test]
fn row_22_ids_that_spell_a_text_are_words() {
    let [one, two] = ["a secret that is hidd", "en in two of these id"].map(|text| {
        let digits: String = text
            .bytes()
            .take(20)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        digits
    });
    let lines = [
        "command=fetch",
        "0001",
        &format!("want {one}"),
        &format!("have {two}"),
        "have ID",
        &format!("shallow {one}"),
        "0000",
    ];
    let (onward, words) = passed(&lines);
    assert_eq!(onward, wire(&lines));
    assert_eq!(
        words,
        "a secret that is hiden in two of these i\na secret that is hid"
    );
}

#[track_caller]
fn refused(lines: &[&str], words: &str) {
    let said = read(&wire(lines)).expect_err("a refusal").to_string();
    assert!(said.contains(words), "{lines:?}: {said}");
}

#[test]
fn what_clients_ask_is_read() {
    for lines in [
        &["0000"][..],
        &[
            "want ID multi_ack side-band-64k agent=git/2.47\n",
            "want ID\n",
            "0000",
            "done\n",
        ],
        // JGit leaves the line feed out, libgit2 the space before capabilities that are none.
        &["want ID side-band", "shallow ID", "deepen 1", "0000"],
        &[
            "want ID \n",
            "0000",
            "have ID\n",
            "0000",
            "have ID\n",
            "done\n",
            "0000",
        ],
        &[
            "want ID\n",
            "deepen-since 1700000000",
            "deepen-not refs/heads/ä",
            "0000",
            "0000",
        ],
        &[
            "shallow ID\n",
            "want ID filter\n",
            "filter sparse:oid=main:a b\n",
            "0000",
            "done\n",
        ],
        &["command=ls-refs\n", "0000"],
        &[
            "command=ls-refs\n",
            "agent=x\n",
            "server-option=a b=c\n",
            "0001",
            "peel\n",
            "unborn",
            "ref-prefix refs/\n",
            "0000",
        ],
        &[
            "command=fetch",
            "object-format=sha1",
            "0001",
            "thin-pack",
            "want ID\n",
            "have ID\n",
            "want-ref refs/heads/a b",
            "wait-for-done",
            "deepen-relative",
            "done\n",
            "0000",
        ],
        &["command=object-info", "0001", "size", "oid ID", "0000"],
    ] {
        assert_eq!(read(&wire(lines)), Ok(()), "{lines:?}");
    }
}

#[test]
fn what_we_ask_ourselves_is_read() {
    for hash in [HashKind::Sha1, HashKind::Sha256] {
        let wants = [hash.empty_blob()];
        for filter in [Filter::Everything, Filter::Alone, Filter::NoBlobs] {
            let fetch = Fetch {
                hash,
                wants: &wants,
                filter,
                shallow: true,
            };
            assert_eq!(read(&fetch.encode()), Ok(()));
        }
        assert_eq!(read(&ls_refs(hash, &["HEAD", "refs/heads/"])), Ok(()));
    }
}

#[test]
fn what_is_for_another_service_is_not_read() {
    for wire in [
        &b""[..],
        b"000",
        b"0001",
        b"PACK",
        b"0004",
        b"0009done\n",
        b"0032have 0123456789abcdef0123456789abcdef01234567\n",
        b"00820000000000",
        b"001fpush-cert\0",
        b"0014 command=fetch\n",
        b"0014command=receive\n",
        b"0017command=bundle-uri\n",
        b"0032WANT 0123456789abcdef0123456789abcdef01234567\n",
    ] {
        assert_eq!(
            read(wire),
            Err(Error::NotARequest),
            "{}",
            wire.escape_ascii()
        );
    }
}

#[test]
fn lines_that_are_none_of_gits() {
    for line in [
        "want",
        "want ",
        "want 01",
        "want ID ",
        "want ID more",
        "want  ID",
        "wantID",
        "have ID",
        "note to self",
        "deepen",
        "deepen x",
        "deepen -1",
        "deepen 123456789012345678901",
        "filter",
        "filter ",
        "filter x",
        "filter blob:none x",
        "deepen-not a\u{7}",
        "filter a\0b",
        "want ID\n",
        "deepen-relative",
        "shallow ID\r",
        "",
        "\n",
    ] {
        // Two line feeds are one too many.
        let line = format!("{line}\n");
        refused(&["want ID\n", &line, "0000"], "line 2 is none of git's");
    }
    for line in [
        "want ID",
        "deepen 1",
        "Have ID",
        "done x",
        "done ",
        "flush",
        "have 0123",
    ] {
        refused(
            &["want ID", "0000", line, "0000"],
            "line 3 is none of git's",
        );
    }
    for line in [
        "agent",
        "agent=",
        "note=x",
        "peel",
        "agent=a\u{1b}[31m",
        "object-format=md5",
        "object-format=sha1 x",
    ] {
        refused(&["command=fetch", line, "0000"], "line 2 is none of git's");
    }
    for line in [
        "peel",
        "packfile-uris https",
        "ref-prefix a",
        "want ID agent=x",
        "done no",
        "x",
    ] {
        refused(
            &["command=fetch", "0001", line, "0000"],
            "line 3 is none of git's",
        );
    }
    refused(&["want ID a\0b", "0000"], "not a request");
    refused(
        &["command=fetch", "0001", "x\u{1b}[31m", "0000"],
        "line 3 is none of git's",
    );
}

#[test]
fn an_end_is_an_end() {
    for lines in [
        &["0000", "0000"][..],
        &["0000", "want ID\n"],
        &["want ID", "0000", "done", "done"],
        &["want ID", "0000", "done", "0000", "0000"],
        &["want ID", "0000", "done", "any text"],
        &["command=ls-refs", "0000", "command=fetch"],
        &["command=ls-refs", "0001", "0000", "0000"],
    ] {
        refused(lines, "follow the end");
    }
    for lines in [
        &["want ID"][..],
        &["command=fetch"],
        &["command=fetch", "0001", "want ID", "done"],
    ] {
        refused(lines, "ends before");
    }
    let mut torn = wire(&["want ID\n", "0000", "done\n"]);
    torn.pop();
    assert_eq!(read(&torn), Err(Error::Cut));
    refused(&["want ID", "0001"], "line 2 is a delimiter");
    refused(&["command=fetch", "0001", "0001"], "line 3 is a delimiter");
    refused(&["command=fetch", "0002"], "line 2 is a response end");
    let upper = [wire(&["want ID"]), b"000Adone12".to_vec()].concat();
    assert!(read(&upper).is_err_and(|error| error.to_string().contains("upper-case")));
}
