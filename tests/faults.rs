//! What goes wrong has its own words, a stable id and a metric, takes nothing with it, and leaves nothing behind.

mod egress;
mod forge;
mod framing;
mod ours;
mod panics;
mod redirects;
mod upstream;

use std::path::{Path, PathBuf};

use crate::harness::{Answer, Client, Git, Options, World, ZERO, head, pack_of};

/// A repository at the upstream, and a work tree with one commit that anybody may push to a branch of its own.
pub(crate) struct Ground {
    pub(crate) world: World,
    work: PathBuf,
    id: String,
    pack: Vec<u8>,
}

impl Ground {
    pub(crate) fn new(options: Options, content: impl AsRef<[u8]>) -> Self {
        let world = World::start(options);
        world.new_repository("one");
        let work = world.new_work("work");
        world.commit_file(&work, "file", content, "Begin");
        let git = Git::first();
        let id = git.id(&work, "HEAD");
        let pack = whole_pack(&world, &work);
        Self {
            world,
            work,
            id,
            pack,
        }
    }

    /// The head of a push of this commit to a branch that is not there yet.
    fn head(&self, branch: &str) -> Vec<u8> {
        head(
            &[format!("{ZERO} {} refs/heads/{branch}", self.id)],
            "report-status side-band-64k",
        )
    }

    pub(crate) fn body(&self, branch: &str) -> Vec<u8> {
        let mut body = self.head(branch);
        body.extend(&self.pack);
        body
    }

    pub(crate) fn push(&self, branch: &str) -> Answer {
        self.world.ask_push("one", &self.body(branch))
    }

    #[track_caller]
    pub(crate) fn assert_pushed(&self, branch: &str) {
        let answer = self.push(branch);
        assert!(
            arrived(&answer),
            "{branch}: {} {}",
            answer.status,
            answer.text()
        );
    }

    /// Whether the upstream was sent a push to this branch.
    fn was_sent(&self, branch: &str) -> bool {
        let name = format!("refs/heads/{branch}");
        let pushes = self.world.witness.pushes();
        pushes
            .iter()
            .any(|push| contains(&push.body, name.as_bytes()))
    }

    /// The value of a metric's line; 0 where there is none yet.
    pub(crate) fn metric(&self, line: &str) -> u64 {
        metric(&self.world, line)
    }

    /// Waits until no push holds anything any more: no place, no byte of the spool, no flight.
    #[track_caller]
    pub(crate) fn await_idle(&self) {
        await_until("pushes hold something for good", || {
            [
                "exeat_pushes_in_flight",
                "exeat_places_taken",
                "exeat_spool_bytes",
            ]
            .iter()
            .all(|gauge| self.metric(gauge) == 0)
        });
        assert_eq!(spooled(&self.world), 0, "files are left in the spool");
    }

    /// The records of the audit, oldest first.
    pub(crate) fn records(&self) -> Vec<serde_json::Value> {
        records(&self.world)
    }

    /// A connection on which the beginning of a push has been said.
    pub(crate) fn begin(&self, length: usize, said: &[u8]) -> Client {
        let head = format!(
            "POST /forge.test/one.git/git-receive-pack HTTP/1.1\n\
             Content-Type: application/x-git-receive-pack-request\nContent-Length: {length}"
        );
        let mut client = Client::connect(self.world.address());
        client.say(&self.world.request(&head, said));
        client
    }
}

/// Whether every ref of a push was taken.
pub(crate) fn arrived(answer: &Answer) -> bool {
    let report = answer.report();
    answer.status == 200
        && report.unpack == "ok"
        && report.refs.iter().all(|line| line.starts_with("ok "))
}

pub(crate) fn whole_pack(world: &World, work: &Path) -> Vec<u8> {
    let objects = world
        .git(
            work,
            &["rev-list", "--objects", "--no-object-names", "--all"],
        )
        .ok()
        .stdout;
    pack_of(world, work, &objects.lines().collect::<Vec<_>>())
}

pub(crate) fn metric(world: &World, line: &str) -> u64 {
    let metrics = world.telemetry("/metrics");
    let value = metrics
        .lines()
        .find_map(|found| found.strip_prefix(line)?.strip_prefix(' '));
    value.map_or(0, |value| value.parse().unwrap())
}

pub(crate) fn records(world: &World) -> Vec<serde_json::Value> {
    let config = world.config();
    let config = config.to_string_lossy();
    let words = [
        "audit", "list", "--format", "jsonl", "--limit", "100000", "--config", &config,
    ];
    let lines = world.exeat(&words).ok().stdout;
    lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

pub(crate) fn spooled(world: &World) -> usize {
    std::fs::read_dir(world.data().join("spool"))
        .map(Iterator::count)
        .unwrap_or_default()
}

/// For needles of ASCII. The library's own search is optimised in every build.
pub(crate) fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    String::from_utf8_lossy(bytes).contains(&*String::from_utf8_lossy(needle))
}

/// Waits for something that comes, however slow the machine.
#[track_caller]
pub(crate) fn await_until(what: &str, condition: impl Fn() -> bool) {
    let start = std::time::Instant::now();
    while !condition() {
        assert!(start.elapsed().as_secs() < 60, "{what}");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}
