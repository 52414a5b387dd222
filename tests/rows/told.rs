//! Row 40: nothing that a developer is shown can give orders to a terminal, whoever wrote it.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

use super::{CAPABILITIES, HEADS, Scene, in_one_line, told};
use crate::harness::{Options, Run, Stub, World, ZERO, flush, github_token, gits, head, packet};

/// What terminals obey: colours, a title, the clipboard, a bell, C1 controls, overrides of direction, lone returns.
const ORDERS: [&[u8]; 9] = [
    b"\x1b[31m",
    b"\x1b]0;owned\x07",
    b"\x1b]52;c;cm0gLXJmIH4=\x1b\\",
    b"\x1bP$q\"p\x1b\\",
    b"\x07\x08\x0b\x0c",
    b"\xc2\x9b31m\xc2\x9d0;x\xc2\x9c",
    b"\x9b31m",
    "\u{202e}\u{2066}\u{200f}".as_bytes(),
    b"\x7f\x00",
];

/// What git printed of others holds no order: printable ASCII, line ends, and what git itself writes to clear lines.
#[track_caller]
fn assert_plain(run: &Run) {
    for line in run.stderr.split('\n') {
        // The names of the developer's own refs git writes itself; the last bracket holds the reason.
        let line = match line.starts_with("remote") {
            true => line.replace("\u{1b}[K", ""),
            false => line
                .rsplit_once('(')
                .map_or("", |(_, reason)| reason)
                .into(),
        };
        let plain = line
            .bytes()
            .all(|byte| matches!(byte, b' '..=b'~' | b'\r' | b'\t'));
        assert!(plain, "{line:?}");
    }
}

/// No control byte reached the log.
#[track_caller]
fn assert_log_is_plain(world: &World) {
    let log = world.server().log();
    assert!(!log.is_empty());
    let plain = log.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\n'));
    assert!(plain, "{log:?}");
}

#[test]
fn row_40_paths_and_words_of_a_refused_push() {
    let mut scene = Scene::new();
    let token = github_token(4001);
    scene.world.forbid(&token);
    let url = scene.world.proxied_url("one");
    let text = format!("token = {token}\n");
    for (number, order) in ORDERS.iter().enumerate() {
        let name: Vec<u8> = order.iter().copied().filter(|&byte| byte != 0).collect();
        let name = [b"a", &name[..], b"\n[32mz.env"].concat();
        std::fs::write(scene.work.join(OsStr::from_bytes(&name)), &text).unwrap();
        let message = format!("Use {token}{}", String::from_utf8_lossy(order));
        let message = message.replace('\0', "");
        scene.world.git(&scene.work, &["add", "-A"]).ok();
        let commit = ["commit", "-q", "--cleanup=verbatim", "-m", &message];
        scene.world.git(&scene.work, &commit).ok();
        let branch = format!("HEAD:refs/heads/b{number}");
        let run = scene.world.git(&scene.work, &["push", &url, &branch]);
        assert_ne!(run.status, 0, "{run}");
        assert_plain(&run);
        let told = told(&run.stderr);
        assert!(told.contains("\\x0a[32mz.env:1"), "{told}");
        std::fs::remove_file(scene.work.join(OsStr::from_bytes(&name))).unwrap();
    }
    scene.assert_empty();
    assert_log_is_plain(&scene.world);
    let config = scene.world.config();
    let show = ["audit", "list", "--config", &config.to_string_lossy()];
    let listed = scene.world.exeat(&show);
    let plain = listed
        .stdout
        .bytes()
        .all(|byte| matches!(byte, b' '..=b'~' | b'\n'));
    assert!(plain, "{listed}");
}

#[test]
fn row_40_ref_names_and_options_of_a_refused_push() {
    let mut scene = Scene::new();
    let token = github_token(4002);
    scene.world.forbid(&token);
    let orders = "\u{9b}31m\u{202e}";
    let name = format!("refs/heads/{orders}{token}{orders}");
    let command = format!("{ZERO} {} {name}", scene.id);
    let asked = format!("{CAPABILITIES} push-options");
    let mut option = ORDERS[..8].concat();
    option.extend(format!(" {token}").into_bytes());
    let body = [
        head(&[command], &asked),
        packet(&option),
        flush(),
        scene.pack.clone(),
    ];
    let answer = scene.refused(
        &[&body.concat()],
        "in the name refs/heads/\\xc2\\x9b31m\\xe2",
    );
    let report = answer.report();
    let reason = report.unpack.bytes();
    assert!(reason.into_iter().all(|byte| matches!(byte, b' '..=b'~')));
    assert!(report.text.contains("push option 1"), "{}", report.text);
    // By a real git, with a name that it takes itself.
    let url = scene.world.proxied_url("one");
    let refs = format!("main:refs/heads/{orders}{token}");
    assert_plain(&scene.world.git(&scene.work, &["push", &url, &refs]));
    // Heads that are not understood are told without a word of theirs.
    let bad = format!("{ZERO} {} refs/heads/\u{1b}[31m{token}", scene.id);
    scene.refused(
        &[&head(&[bad], CAPABILITIES), &scene.pack],
        "the ref name of command 1 is not valid",
    );
    let format = format!("{CAPABILITIES} object-format=\u{1b}[31m\u{9b}");
    scene.refused(
        &[
            &head(std::slice::from_ref(&scene.command), &format),
            &scene.pack,
        ],
        "the object format is not known",
    );
    scene.assert_empty();
    assert_log_is_plain(&scene.world);
}

fn band(number: u8, data: &[u8]) -> Vec<u8> {
    packet([&[number], data].concat())
}

fn answer(kind: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/x-git-receive-pack-{kind}\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

fn advertisement(refs: &[u8]) -> Vec<u8> {
    let body = [
        packet("# service=git-receive-pack\n"),
        flush(),
        refs.to_vec(),
    ];
    answer("advertisement", &body.concat())
}

/// A world before an upstream that answers a push to `<number>.git` with the result of this number.
fn before(results: Vec<Vec<u8>>) -> World {
    let capabilities = "report-status side-band-64k delete-refs";
    let offer = packet(format!("{ZERO} capabilities^{{}}\0{capabilities}\n"));
    let offer = advertisement(&[offer, flush()].concat());
    let stub = Stub::start(move |line| match line.starts_with("GET") {
        true => offer.clone(),
        false => answer("result", &results[number_in(line)]),
    });
    World::start(Options {
        behind: Some(stub.address),
        ..Options::default()
    })
}

/// The number of the repository in a request line.
fn number_in(line: &str) -> usize {
    let path = line.split('/').nth(1).unwrap_or_default();
    path.trim_end_matches(".git").parse().unwrap_or_default()
}

/// Each git pushes to the repository of this number; what each has printed.
fn pushes(world: &World, number: usize) -> Vec<Run> {
    let work = world.new_work(&format!("work-{number}"));
    world.commit_file(&work, "a", "a\n", "Begin");
    let url = world.proxied_url(&number.to_string());
    let push = |git| world.git_with(git, &work, &["push", &url, "main"]);
    gits().iter().map(push).collect()
}

#[test]
fn row_40_what_an_upstream_says_of_a_push() {
    let orders = ORDERS.concat();
    let words = [b"word ", &orders[..], b" end\n"].concat();
    let line = |text: &[u8]| packet([text, &orders[..], b"\n"].concat());
    let taken = [
        packet("unpack ok\n"),
        packet(format!("ok {HEADS}\n")),
        flush(),
    ];
    let failed = [
        line(b"unpack failed "),
        line(format!("ng {HEADS} because ").as_bytes()),
        flush(),
    ];
    let another = [
        packet("unpack ok\n"),
        packet(format!("ok {HEADS}\n")),
        line(b"ng refs/heads/other because "),
        flush(),
    ];
    // Orders in pieces must not come together again.
    let pieces: Vec<u8> = orders.iter().flat_map(|byte| band(2, &[*byte])).collect();
    let cases = [
        (
            [band(2, &words), band(1, &taken.concat()), flush()].concat(),
            Some(0),
        ),
        (
            [pieces, band(1, &taken.concat()), flush()].concat(),
            Some(0),
        ),
        ([band(1, &failed.concat()), flush()].concat(), Some(1)),
        ([band(1, &another.concat()), flush()].concat(), None),
        ([band(3, &words)].concat(), None),
        (line(b"ERR no "), None),
    ];
    let world = before(cases.iter().map(|(result, _)| result.clone()).collect());
    for (number, (_, status)) in cases.iter().enumerate() {
        for run in pushes(&world, number) {
            assert_plain(&run);
            if let Some(status) = status {
                assert_eq!(run.status, *status, "{run}");
            }
            let text = in_one_line(&run.stderr.replace("\u{1b}[K", ""));
            assert!(!text.contains('\u{1b}'), "{text:?}");
        }
    }
    assert_log_is_plain(&world);
}

#[test]
fn row_40_what_an_upstream_says_in_place_of_its_refs() {
    let orders = ORDERS.concat();
    let err = packet([b"ERR no \x1b", &orders[..]].concat());
    let plain = |status: &str| {
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            orders.len() + 5
        );
        [head.as_bytes(), b"word ", &orders].concat()
    };
    let name = |name: &[u8]| {
        let id = "1".repeat(40);
        let line = [
            format!("{id} refs/heads/").as_bytes(),
            name,
            b"\0report-status\n",
        ]
        .concat();
        advertisement(&[packet(line), flush()].concat())
    };
    let answers = [
        advertisement(&[err, flush()].concat()),
        plain("403 Forbidden"),
        plain("404 Not Found"),
        plain("500 Broken"),
        name(b"\x1b[31mx"),
        name(b"\x07"),
        answer("advertisement", &orders),
    ];
    let count = answers.len();
    let stub = Stub::start(move |line| answers[number_in(line)].clone());
    let world = World::start(Options {
        behind: Some(stub.address),
        ..Options::default()
    });
    for number in 0..count {
        for run in pushes(&world, number) {
            assert_ne!(run.status, 0, "{run}");
            let text = run.stderr.replace("\u{1b}[K", "");
            let is_plain = |byte| matches!(byte, b' '..=b'~' | b'\n' | b'\r' | b'\t');
            assert!(text.bytes().all(is_plain), "{text:?}");
        }
    }
    assert_log_is_plain(&world);
}
