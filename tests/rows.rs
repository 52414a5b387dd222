//! The numbered ways out: each has tests that begin with its number.
//!
//! | row | what | where |
//! |---|---|---|
//! | 1-3, 5, 6, 28 | where in a pack a secret stands | `rows/objects.rs` |
//! | 4 | what contents hold in another form | `rows/contents.rs` |
//! | 7-10 | lines of commits and tags | `rows/commits.rs` |
//! | 11-15 | names, modes, links, submodules, refs beside branches and tags | `rows/trees.rs` |
//! | 16-19 | ref names, push options, certificates, what clients say of themselves | `rows/words.rs` |
//! | 20, 30 | bytes too many, pkt-line oddities | `rows/framing.rs` |
//! | 21 | LFS | `rows/lfs.rs` |
//! | 22 | what fetches ask | `rows/fetches.rs` |
//! | 23-27 | bombs and lies of size | `rows/bombs.rs` |
//! | 29, 33 | object formats, versions and kinds of packs | `rows/formats.rs` |
//! | 31, 34, 38, 39 | codings, paths, verbs, services | `front/doors.rs` |
//! | 32 | desync, in HTTP/1 and HTTP/2 | `front/desync.rs`, `front/http2.rs` |
//! | 35-37, 44 | aliases, addresses, redirects, credentials | `faults/redirects.rs` |
//! | 40 | what a terminal would obey | `rows/told.rs` |
//! | 41 | answers from which rules could be learnt | `rows/oracle.rs` |
//! | 42 | races of verdicts | `rows/races.rs` |
//! | 43 | what the quarantine keeps | `rows/kept.rs` |
//! | 45 | failing open | `faults/ours.rs`, `faults/panics.rs` |
//!
//! Many have further tests beside the parser that is concerned, by the same numbers.

mod bombs;
mod commits;
mod contents;
#[path = "../proxy/gitwire/tests/packs/crafted.rs"]
#[allow(
    dead_code,
    reason = "the builder is shared with the pack reader's own tests"
)]
mod crafted;
mod fetches;
mod forged;
mod formats;
mod framing;
mod kept;
mod lfs;
mod objects;
mod oracle;
mod races;
mod told;
mod trees;
mod words;

use std::path::PathBuf;

use crate::harness::{
    Answer, Options, World, ZERO, assert_refused_by_hand, head, pack_of, packet, remote_lines,
};

const CAPABILITIES: &str = "report-status side-band-64k";
const HEADS: &str = "refs/heads/main";

/// A world with an empty repository, a commit in a work tree, and the parts of the push that would send it.
struct Scene {
    world: World,
    work: PathBuf,
    id: String,
    /// `<zeros> <id> refs/heads/main`
    command: String,
    pack: Vec<u8>,
}

impl Scene {
    fn new() -> Self {
        Self::with("")
    }

    /// With these tables in the proxy's configuration.
    fn with(settings: &'static str) -> Self {
        let world = World::start(Options {
            settings,
            ..Options::default()
        });
        world.new_repository("one");
        let work = world.new_work("work");
        world.commit_file(&work, "a", "a\n", "Begin");
        let git = world.default_git();
        let objects = ["HEAD", "HEAD^{tree}", "HEAD:a"].map(|name| git.id(&work, name));
        let pack = pack_of(&world, &work, &objects.each_ref().map(String::as_str));
        let id = objects[0].clone();
        let command = format!("{ZERO} {id} {HEADS}");
        Self {
            world,
            work,
            id,
            command,
            pack,
        }
    }

    /// The head that goes with the pack.
    fn head(&self) -> Vec<u8> {
        head(std::slice::from_ref(&self.command), CAPABILITIES)
    }

    /// Sends these parts as one push, which must be refused with words that hold `why`, and not arrive.
    #[track_caller]
    fn refused(&self, parts: &[&[u8]], why: &str) -> Answer {
        let answer = self.world.ask_push("one", &parts.concat());
        assert_refused_for(&self.world, &answer, why);
        answer
    }

    /// Nothing has arrived in the repository, and nothing was sent there.
    #[track_caller]
    fn assert_empty(&self) {
        assert_eq!(self.world.upstream_state("one"), "---\n", "it arrived");
        assert!(self.world.witness.pushes().is_empty());
    }

    /// The push that it was all made from still passes, and arrives byte for byte.
    #[track_caller]
    fn assert_passes(&self) {
        let body = [self.head(), self.pack.clone()].concat();
        assert_eq!(self.world.ask_push("one", &body).report().unpack, "ok");
        let expected = forwarded(
            std::slice::from_ref(&self.command),
            "report-status side-band-64k",
            &self.pack,
        );
        let pushes = self.world.witness.pushes();
        assert_eq!(pushes.last().map(|push| &push.body), Some(&expected));
    }
}

/// What reaches the upstream of such a push: a head of our own, and the pack as it is.
fn forwarded(commands: &[String], capabilities: &str, pack: &[u8]) -> Vec<u8> {
    let agent = concat!("agent=exeat/", env!("CARGO_PKG_VERSION"));
    let mut body = Vec::new();
    for (number, command) in commands.iter().enumerate() {
        match number {
            0 => body.extend(packet(format!("{command}\0 {capabilities} {agent}"))),
            _ => body.extend(packet(command)),
        }
    }
    body.extend(b"0000");
    body.extend(pack);
    body
}

/// Refused as a whole, for this reason (a sentence begins with a capital), in lines that any terminal shows as they are.
#[track_caller]
fn assert_refused_for(world: &World, answer: &Answer, why: &str) {
    assert_refused_by_hand(world, answer);
    let report = answer.report();
    let text = match answer.status {
        200 => report.text.clone(),
        _ => answer.text(),
    };
    assert!(
        in_one_line(&text)
            .to_lowercase()
            .contains(&why.to_lowercase()),
        "not refused for {why:?}: {} {report:?} {text}",
        answer.status
    );
    assert!(
        text.bytes().all(|b| matches!(b, b'\n' | b' '..=b'~')),
        "{text:?}"
    );
}

/// Text without its line ends.
fn in_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What git showed of ours, without line ends.
fn told(stderr: &str) -> String {
    in_one_line(&remote_lines(stderr).join("\n"))
}

#[test]
fn every_row_has_a_test_of_its_number() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut sources = String::new();
    read_sources(&root.join("tests"), &mut sources);
    let page = std::fs::read_to_string(root.join("proxy/handbook/ways-out.md")).unwrap();
    for row in 1..=45 {
        let line = page
            .lines()
            .find(|line| line.starts_with(&format!("| {row} |")));
        let names = line.and_then(|line| line.split('|').nth(4));
        let names: Vec<_> = names
            .unwrap_or_default()
            .split('`')
            .skip(1)
            .step_by(2)
            .collect();
        assert!(!names.is_empty(), "the handbook names no test of row {row}");
        for name in names {
            let is_there = sources.contains(&format!("\nfn {name}()"));
            let is_of_row = name.starts_with(&format!("row_{row:02}_"));
            assert!(is_there && is_of_row, "row {row}: there is no {name}");
        }
    }
}

fn read_sources(folder: &std::path::Path, sources: &mut String) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            read_sources(&path, sources);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            sources.push_str(&std::fs::read_to_string(&path).unwrap());
        }
    }
}
