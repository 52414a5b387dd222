//! Heads as clients write them, as nobody should, and every limit.

use super::*;
use crate::fuzz_targets::corpus::Random;

const A: &str = "1111111111111111111111111111111111111111";
const B: &str = "2222222222222222222222222222222222222222";
const ZERO: &str = "0000000000000000000000000000000000000000";
const A256: &str = "1111111111111111111111111111111111111111111111111111111111111111";
const B256: &str = "2222222222222222222222222222222222222222222222222222222222222222";

fn lines(payloads: &[&str]) -> Vec<u8> {
    let mut wire = Vec::new();
    payloads
        .iter()
        .for_each(|payload| pktline::encode(&mut wire, payload.as_bytes()));
    wire
}

/// Lines, then a flush.
fn head(payloads: &[&str]) -> Vec<u8> {
    [lines(payloads), b"0000".to_vec()].concat()
}

fn parse_with(wire: &[u8], limits: Limits, size: usize) -> Result<(Asked, usize), Error> {
    let mut reader = Reader::new(limits);
    let mut used = 0;
    for chunk in wire.chunks(size) {
        match reader.feed(chunk)? {
            Progress::NeedMore => used += chunk.len(),
            Progress::Complete { consumed } => used += consumed,
        }
    }
    Ok((reader.into_request()?, used))
}

/// Parses whole and byte by byte; both must agree.
fn parse(wire: &[u8]) -> Result<(Asked, usize), Error> {
    let whole = parse_with(wire, Limits::default(), wire.len().max(1));
    assert_eq!(parse_with(wire, Limits::default(), 1), whole);
    whole
}

fn push(wire: &[u8]) -> PushRequest {
    match parse(wire).unwrap() {
        (Asked::Push(request), used) => {
            assert_eq!(used, wire.len());
            request
        }
        (Asked::Probe, _) => panic!("a probe"),
    }
}

fn update(name: &str) -> String {
    format!("{A} {B} {name}")
}

fn refused(payloads: &[&str], expected: Error) {
    assert_eq!(
        parse(&head(payloads)).unwrap_err(),
        expected,
        "{payloads:?}"
    );
}

#[test]
fn reads_what_git_sends() {
    let first = format!(
        "{A} {B} refs/heads/main\0 report-status-v2 side-band-64k quiet object-format=sha1 agent=git/2.47.3"
    );
    let second = format!("{ZERO} {B} refs/tags/v1");
    let request = push(&head(&[&format!("shallow {A}\n"), &first, &second]));
    assert_eq!(request.hash, HashKind::Sha1);
    assert_eq!(request.shallow.len(), 1);
    assert_eq!(request.commands.len(), 2);
    assert_eq!(request.commands[0].name, b"refs/heads/main");
    assert!(!request.commands[0].is_create() && request.commands[1].is_create());
    let wanted = &request.capabilities;
    assert!(
        wanted.report_status_v2 && wanted.side_band_64k && wanted.quiet && wanted.object_format
    );
    assert!(!wanted.report_status && !wanted.atomic && !wanted.push_options);
    assert!(wanted.dropped.is_empty() && request.expects_pack());
}

#[test]
fn reads_what_other_clients_send() {
    let libgit2 = format!("{ZERO} {B} refs/heads/main\0 report-status side-band-64k\n");
    let dulwich = format!(
        "{A} {B} refs/heads/main\0report-status side-band-64k delete-refs ofs-delta agent=dulwich/1.2"
    );
    let jgit =
        format!("{A} {B} refs/heads/main\0 report-status delete-refs ofs-delta side-band-64k");
    let plain = format!("{A} {B} refs/heads/main\n");
    for first in [&libgit2, &dulwich, &jgit] {
        let request = push(&head(&[first]));
        assert!(request.capabilities.report_status && request.capabilities.side_band_64k);
        assert_eq!(request.commands[0].name, b"refs/heads/main");
    }
    assert_eq!(push(&head(&[&plain])).capabilities, Capabilities::default());
}

#[test]
fn ends_where_the_pack_begins() {
    let wire = head(&[&update("refs/heads/main")]);
    let with_pack = [&wire[..], b"PACK\0\0\0\x02"].concat();
    assert_eq!(parse(&with_pack).unwrap().1, wire.len());
}

#[test]
fn reads_options_only_when_they_were_requested() {
    let first = format!("{}\0 push-options", update("refs/heads/main"));
    let wire = [head(&[&first]), head(&["ci.skip", "two\n", ""])].concat();
    let request = push(&wire);
    assert_eq!(
        request.options,
        [b"ci.skip".to_vec(), b"two".to_vec(), Vec::new()]
    );
    assert_eq!(
        push(&[head(&[&first]), head(&[])].concat()).options.len(),
        0
    );
    assert_eq!(parse(&head(&[&first])), Err(Error::Ended));

    let without = head(&[&update("refs/heads/main")]);
    assert_eq!(
        parse(&[without.clone(), head(&["x"])].concat()).unwrap().1,
        without.len()
    );
}

#[test]
fn reads_sha256_when_it_is_requested() {
    let first = format!("{A256} {B256} refs/heads/main\0 object-format=sha256");
    let request = push(&head(&[&format!("shallow {A256}"), &first]));
    assert_eq!(request.hash, HashKind::Sha256);
    let sha256 = "refs/heads/main\0 object-format=sha256";
    refused(&[&update(sha256)], Error::WrongHash(HashKind::Sha256));
    refused(
        &[&format!("{A256} {B256} refs/heads/main")],
        Error::WrongHash(HashKind::Sha1),
    );
    refused(
        &[&format!("{A256} {B} refs/heads/main")],
        Error::WrongHash(HashKind::Sha1),
    );
    refused(
        &[&format!("shallow {A256}"), &update("refs/heads/main")],
        Error::WrongHash(HashKind::Sha1),
    );
    let unknown = update("refs/heads/main\0 object-format=\x1bmd5");
    refused(&[&unknown], Error::UnknownObjectFormat);
    refused(
        &[&update("refs/x/y\0object-format=sha1 object-format=sha1")],
        Error::TwoObjectFormats,
    );
}

#[test]
fn a_lone_flush_is_a_probe_and_nothing_may_follow_it() {
    assert_eq!(parse(b"0000"), Ok((Asked::Probe, 4)));
    assert_eq!(parse(b"0000PACK"), Err(Error::AfterProbe));
    assert_eq!(parse(b"00000000"), Err(Error::AfterProbe));
    assert_eq!(parse(b""), Err(Error::Ended));
}

#[test]
fn the_head_must_be_whole() {
    let wire = head(&[&update("refs/heads/main")]);
    for end in 0..wire.len() {
        assert_eq!(
            parse(&wire[..end]),
            Err(Error::Ended),
            "cut after {end} bytes"
        );
    }
    let no_flush = [lines(&[&update("refs/heads/main")]), b"PACK".to_vec()].concat();
    assert_eq!(parse(&no_flush), Err(pktline::Error::NotALength.into()));
}

#[test]
fn only_a_flush_ends_a_list() {
    let commands = lines(&[&update("refs/heads/main\0push-options")]);
    for marker in [&b"0001"[..], b"0002"] {
        let wire = [&commands[..], marker].concat();
        assert_eq!(parse(&wire), Err(Error::Terminator(Section::Commands)));
        let wire = [&commands[..], b"0000", marker].concat();
        assert_eq!(parse(&wire), Err(Error::Terminator(Section::Options)));
    }
    let reserved = [&commands[..], b"0003"].concat();
    assert_eq!(parse(&reserved), Err(pktline::Error::ReservedLength.into()));
    assert_eq!(parse(b"0001"), Err(Error::Terminator(Section::Commands)));
}

#[test]
fn only_the_canonical_form_passes() {
    let main = update("refs/heads/main");
    refused(
        &[&main, &update("refs/heads/b\0 atomic")],
        Error::LateCapabilities(2),
    );
    refused(
        &[&main, &update("refs/heads/b\0")],
        Error::LateCapabilities(2),
    );
    refused(&[&main, &main], Error::DuplicateRef(2));
    refused(
        &[&format!("{} {B} refs/heads/x", "A".repeat(40))],
        Error::UpperCaseId(1),
    );
    refused(&[&main, &format!("shallow {A}")], Error::LateShallow);
    refused(&[&format!("shallow {A}")], Error::NothingAsked);
    refused(&[&format!("shallow {A} {B}"), &main], Error::BadShallow);
    refused(&["shallow 123", &main], Error::BadShallow);
    refused(&[&format!("unshallow {A}"), &main], Error::Unshallow);
    refused(&["push-cert\0 report-status\n"], Error::PushCertificate);
    refused(&[&main, "push-cert"], Error::PushCertificate);
    refused(
        &[&update("refs/heads/main\0push-cert=1")],
        Error::PushCertificate,
    );
    refused(
        &[&format!("{ZERO} {ZERO} refs/heads/gone")],
        Error::BothZero(1),
    );
    refused(
        &[&update("refs/heads/main\0atomic\0quiet")],
        Error::ZeroByte,
    );
    refused(&[""], Error::BadCommand(1));
    refused(&[&main, "\n"], Error::BadCommand(2));
    refused(&[&format!("{A} {B}")], Error::BadCommand(1));
    refused(
        &[&format!("{A}  {B} refs/heads/main")],
        Error::BadCommand(1),
    );
    refused(&[&format!(" {main}")], Error::BadCommand(1));
    refused(
        &[&format!("{} {B} refs/heads/x", "1".repeat(39))],
        Error::BadCommand(1),
    );
}

#[test]
fn ref_names_follow_git_s_rules() {
    let bad = |name: &str, reason| {
        refused(&[&update(name)], Error::BadRefName { number: 1, reason });
    };
    bad("HEAD", refname::Error::OutsideRefs);
    bad("refs/heads/../x", refname::Error::LeadingDot);
    bad("refs/heads/\x1b]0;", refname::Error::Forbidden);
    bad("refs/heads/main\n\0 atomic", refname::Error::Forbidden);
    bad("refs/heads/main\n\n", refname::Error::Forbidden);
    bad("refs/heads/main ", refname::Error::Forbidden);
}

#[test]
fn refusals_repeat_nothing_of_the_request() {
    let word = "word0that0shall0not0be0told";
    let named = format!("refs/heads/{word}");
    let main = update("refs/heads/main");
    for lines in [
        vec![update(&format!("{named}..x"))],
        vec![update(word)],
        vec![update(&named), update(&named)],
        vec![format!("{ZERO} {ZERO} {named}")],
        vec![format!("{word} {word} {named}")],
        vec![format!("refs/heads/main\0 object-format={word}")],
        vec![update(&format!("refs/heads/main\0 object-format={word}"))],
        vec![format!("{main}\0 push-cert={word}")],
        vec![main.clone(), format!("{main}\0 {word}")],
        vec![format!("shallow {word}")],
    ] {
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let error = Reader::new(Limits::default())
            .feed(&head(&lines))
            .unwrap_err();
        assert!(!error.to_string().contains(word), "{error}");
    }
}

#[test]
fn equal_ids_pass_and_deletions_expect_no_pack() {
    assert!(push(&head(&[&format!("{A} {A} refs/heads/same")])).expects_pack());
    let delete = format!("{A} {ZERO} refs/heads/old");
    assert!(!push(&head(&[&delete])).expects_pack());
    assert!(push(&head(&[&delete, &update("refs/heads/new")])).expects_pack());
}

#[test]
fn every_limit_is_named() {
    let ample = Limits::default();
    let limited = |limits: Limits, wire: &[u8]| parse_with(wire, limits, wire.len()).unwrap_err();
    let two = head(&[
        &update("refs/heads/a\0push-options"),
        &update("refs/heads/b"),
    ]);
    let wire = [two, head(&["one", "two2"])].concat();
    assert!(
        parse_with(
            &wire,
            Limits {
                head_bytes: wire.len(),
                ..ample
            },
            3
        )
        .is_ok()
    );
    assert_eq!(
        limited(
            Limits {
                head_bytes: 90,
                ..ample
            },
            &wire
        ),
        Error::HeadTooLong(90)
    );
    assert_eq!(
        limited(
            Limits {
                head_bytes: wire.len() - 1,
                ..ample
            },
            &wire
        ),
        Error::HeadTooLong(wire.len() - 1)
    );
    assert_eq!(
        limited(
            Limits {
                commands: 1,
                ..ample
            },
            &wire
        ),
        Error::TooManyCommands(1)
    );
    let shallow = format!("shallow {A}");
    assert_eq!(
        limited(
            Limits {
                commands: 1,
                ..ample
            },
            &head(&[
                &shallow,
                &format!("shallow {B}"),
                &update("refs/heads/main")
            ])
        ),
        Error::TooManyShallow(1)
    );
    assert_eq!(
        limited(
            Limits {
                ref_name_bytes: 11,
                ..ample
            },
            &wire
        ),
        Error::RefNameTooLong(11)
    );
    assert_eq!(
        limited(
            Limits {
                options: 1,
                ..ample
            },
            &wire
        ),
        Error::TooManyOptions(1)
    );
    assert_eq!(
        limited(
            Limits {
                option_bytes: 3,
                ..ample
            },
            &wire
        ),
        Error::OptionTooLong {
            number: 2,
            limit: 3
        }
    );
    let bad = [
        head(&[&update("refs/heads/a\0push-options")]),
        head(&["a\nb"]),
    ]
    .concat();
    assert_eq!(parse(&bad), Err(Error::BadOption(1)));
    let bad = [
        head(&[&update("refs/heads/a\0push-options")]),
        head(&["a\0b"]),
    ]
    .concat();
    assert_eq!(parse(&bad), Err(Error::BadOption(1)));
}

#[test]
fn a_refused_request_can_still_be_answered() {
    let first = update("refs/heads/a\0report-status side-band-64k");
    let bad_name = update("refs/heads/..\0report-status side-band-64k");
    let certificate = "push-cert\0report-status side-band-64k\n";
    let cases = [
        (&[&first[..], "x"][..], 1),
        (&[&bad_name], 0),
        (&[certificate], 0),
    ];
    for (payloads, commands) in cases {
        let mut reader = Reader::new(Limits::default());
        assert!(reader.feed(&head(payloads)).is_err());
        let request = reader.so_far();
        assert_eq!(request.commands.len(), commands);
        assert!(request.capabilities.report_status && request.capabilities.side_band_64k);
    }
}

#[test]
fn an_error_is_final() {
    let mut reader = Reader::new(Limits::default());
    assert!(reader.feed(b"0001").is_err());
    assert_eq!(reader.feed(b"0000"), Err(Error::Refused));
    assert_eq!(reader.into_request(), Err(Error::Refused));
}

#[test]
fn unknown_capabilities_are_listed_and_never_forwarded() {
    let list = "\0 atomic quiet=1 session-id=s3cret frob\x1b agent=me no-thin report-status\tquiet push-options";
    let wire = [
        head(&[&update(&format!("refs/heads/main{list}"))]),
        head(&["o"]),
    ]
    .concat();
    let request = push(&wire);
    assert_eq!(
        request.capabilities.dropped,
        ["quiet=1", "frob\\x1b", "report-status\\x09quiet"]
    );
    let expected = [
        head(&[&update(
            "refs/heads/main\0 atomic push-options agent=exeat/1",
        )]),
        head(&["o"]),
    ]
    .concat();
    assert_eq!(
        request.canonical_head("exeat/1").escape_ascii().to_string(),
        expected.escape_ascii().to_string()
    );
    let many = push(&head(&[&update(&format!(
        "refs/heads/main\0{}",
        "x ".repeat(1000)
    ))]));
    assert_eq!(many.capabilities.dropped.len(), Capabilities::DROPPED);
}

#[test]
fn the_canonical_agent_is_one_printable_word() {
    let request = push(&head(&[&update("refs/heads/main")]));
    let wire = request.canonical_head("a b\n\0\u{202e}");
    assert_eq!(wire, head(&[&update("refs/heads/main\0 agent=a.b...")]));
    assert_eq!(
        request.canonical_head(""),
        head(&[&update("refs/heads/main\0")])
    );
    assert!(request.canonical_head(&"x".repeat(100_000)).len() < 400);
}

#[test]
fn the_canonical_head_of_any_request_reads_back_equal() {
    let mut random = Random::new(11);
    for _ in 0..2000 {
        let request = any_request(&mut random);
        let wire = request.canonical_head("exeat/1");
        let again = push(&wire);
        assert_eq!(again, request);
        assert_eq!(again.canonical_head("exeat/1"), wire);
    }
}

#[test]
fn a_head_keeps_the_chosen_options_and_nothing_says_that_there_were_others() {
    let mut random = Random::new(12);
    let mut bare = 0;
    for _ in 0..2000 {
        let request = any_request(&mut random);
        let most = random.below(10);
        let keep = |option: &[u8]| option.len() < most;
        let mut expected = request.clone();
        expected.options.retain(|option| keep(option));
        expected.capabilities.push_options = !expected.options.is_empty();
        let head = request.canonical_head_keeping("exeat/1", keep);
        assert_eq!(head, expected.canonical_head("exeat/1"));
        assert_eq!(push(&head), expected);
        bare += usize::from(!request.options.is_empty() && expected.options.is_empty());
    }
    assert!(bare > 50, "{bare}");
}

fn any_request(random: &mut Random) -> PushRequest {
    let hash = if random.below(2) == 0 {
        HashKind::Sha1
    } else {
        HashKind::Sha256
    };
    let mut flags = [false; 8];
    flags
        .iter_mut()
        .for_each(|flag| *flag = random.below(2) == 0);
    let [
        report_status,
        report_status_v2,
        side_band_64k,
        quiet,
        atomic,
        ofs_delta,
        delete_refs,
        push_options,
    ] = flags;
    let object_format = hash == HashKind::Sha256 || random.below(2) == 0;
    let capabilities = Capabilities {
        report_status,
        report_status_v2,
        side_band_64k,
        quiet,
        atomic,
        ofs_delta,
        delete_refs,
        push_options,
        object_format,
        dropped: Vec::new(),
    };
    let commands = (0..=random.below(4))
        .map(|number| any_command(number, hash, random))
        .collect();
    let options = if push_options {
        (0..random.below(4)).map(|_| any_option(random)).collect()
    } else {
        Vec::new()
    };
    let shallow = (0..random.below(3)).map(|_| any_id(hash, random)).collect();
    PushRequest {
        hash,
        shallow,
        commands,
        capabilities,
        options,
    }
}

fn any_command(number: usize, hash: HashKind, random: &mut Random) -> Command {
    let (old, new) = match random.below(3) {
        0 => (hash.null(), any_id(hash, random)),
        1 => (any_id(hash, random), hash.null()),
        _ => (any_id(hash, random), any_id(hash, random)),
    };
    let mut name = format!("refs/heads/{number}-").into_bytes();
    name.extend((0..random.below(9)).map(|_| b"a-_/9\xff%@"[random.below(8)]));
    name.extend_from_slice(b"e");
    let name = if refname::check(&name).is_ok() {
        name
    } else {
        format!("refs/heads/{number}").into_bytes()
    };
    Command { old, new, name }
}

fn any_option(random: &mut Random) -> Vec<u8> {
    (0..random.below(9))
        .map(|_| b"\x01 =\xff\r[;x"[random.below(8)])
        .collect()
}

fn any_id(hash: HashKind, random: &mut Random) -> ObjectId {
    let mut id = hash.null();
    id.as_mut_slice()
        .iter_mut()
        .for_each(|byte| *byte = random.below(256) as u8);
    id
}
