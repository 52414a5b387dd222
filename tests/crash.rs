//! The process dies at every named point of a push: nothing undecided was sent, no decision is lost, nothing is left.
//!
//! Five rounds a point; a hundred with `EXEAT_NIGHTLY=1`. Seeds vary the size of the push, what is in it, and how many
//! pushes went before. Where a round's process dies, the next round's starts, on the same data.

use std::collections::{BTreeMap, BTreeSet};

use crate::faults::{arrived, contains, records, spooled, whole_pack};
use crate::harness::{
    Answer, Client, EXEAT, Git, Options, World, ZERO, chance, github_token, head, incompressible,
};

/// What a push carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Clean,
    Secret,
    /// One ref of each.
    Mixed,
}

/// A pack and the commits in it that refs may be put on.
struct Cargo {
    clean: String,
    secret: Option<String>,
    pack: Vec<u8>,
}

struct Scene {
    world: World,
    clean: Vec<Cargo>,
    secret: Vec<Cargo>,
    mixed: Vec<Cargo>,
    next: u64,
    /// Branches by what the developer was told, or `None` where the process died before.
    told: BTreeMap<String, Option<bool>>,
}

impl Scene {
    fn new(seed: u64) -> Self {
        let world = World::start(Options::default());
        world.new_repository("one");
        let sizes = [100, 60_000, 700_000];
        let cargo = |kind, size| cargo(&world, kind, seed, size);
        let clean = sizes.map(|size| cargo(Kind::Clean, size)).into();
        let secret = sizes.map(|size| cargo(Kind::Secret, size)).into();
        let mixed = sizes.map(|size| cargo(Kind::Mixed, size)).into();
        Self {
            world,
            clean,
            secret,
            mixed,
            next: 0,
            told: BTreeMap::new(),
        }
    }

    /// Pushes to branches of its own; tells whether it arrived, or `None` where there was no answer to the end.
    fn push(&mut self, kind: Kind, size: usize) -> Option<bool> {
        let number = self.next;
        self.next += 1;
        let cargo = match kind {
            Kind::Clean => &self.clean[size],
            Kind::Secret => &self.secret[size],
            Kind::Mixed => &self.mixed[size],
        };
        let mut commands = Vec::new();
        let mut branches = Vec::new();
        let mut command = |what: &str, id: &str| {
            let branch = format!("refs/heads/{what}-{number:05}");
            commands.push(format!("{ZERO} {id} {branch}"));
            branches.push(branch);
        };
        if kind != Kind::Secret {
            command("clean", &cargo.clean);
        }
        if let Some(id) = &cargo.secret {
            command("secret", id);
        }
        let mut body = head(&commands, "report-status side-band-64k");
        body.extend(&cargo.pack);
        let answer = self.ask(&body);
        let told = answer.map(|answer| arrived(&answer));
        for branch in branches {
            self.told.insert(branch, told);
        }
        told
    }

    fn ask(&self, body: &[u8]) -> Option<Answer> {
        let head = format!(
            "POST /forge.test/one.git/git-receive-pack HTTP/1.1\n\
             Content-Type: application/x-git-receive-pack-request\nContent-Length: {}",
            body.len()
        );
        let mut client = Client::try_connect(self.world.address()).ok()?;
        client.say(&self.world.request(&head, body));
        client.answer()
    }

    /// What must hold whenever a process has come up after another one died.
    #[track_caller]
    fn assert_sound(&self, after: &str) {
        assert_eq!(
            spooled(&self.world),
            0,
            "{after}: files are left in the spool"
        );
        let config = self.world.config();
        let verify = ["audit", "verify", "--config", &config.to_string_lossy()];
        self.world.exeat(&verify).ok();
        let records = Recorded::read(&self.world);
        self.assert_nothing_undecided_was_sent(&records, after);
        for (branch, told) in &self.told {
            let verdict = records.verdicts.get(branch).map(String::as_str);
            match told {
                Some(true) => assert_eq!(verdict, Some("forward"), "{after}: {branch}"),
                Some(false) => assert!(
                    verdict.is_some_and(|verdict| verdict != "forward"),
                    "{after}: {branch} was refused, and {verdict:?} is on record"
                ),
                None => {}
            }
        }
        assert_eq!(
            records.cleared, records.ended,
            "{after}: each push that was to be sent has one end on record"
        );
    }

    #[track_caller]
    fn assert_nothing_undecided_was_sent(&self, records: &Recorded, after: &str) {
        let mut seen = BTreeSet::new();
        for push in self.world.witness.pushes() {
            // The head is enough, and all that is quick to look through.
            let head = push.body.get(..1024).unwrap_or(&push.body);
            for branch in self.told.keys() {
                if !contains(head, branch.as_bytes()) {
                    continue;
                }
                let verdict = records.verdicts.get(branch).map(String::as_str);
                assert_eq!(verdict, Some("forward"), "{after}: {branch} was sent");
                assert!(!branch.contains("secret"), "{after}: {branch} was sent");
                assert!(seen.insert(branch), "{after}: {branch} was sent twice");
            }
        }
    }
}

/// What the audit has.
#[derive(Default)]
struct Recorded {
    /// By branch.
    verdicts: BTreeMap<String, String>,
    /// Pushes that were to be sent.
    cleared: Vec<String>,
    /// Of these, the ones whose outcome is on record, known or not.
    ended: Vec<String>,
}

impl Recorded {
    fn read(world: &World) -> Self {
        let mut recorded = Self::default();
        for record in records(world) {
            let push = record["push"].as_str().unwrap_or_default().to_owned();
            let verdict = record["verdict"].as_str().unwrap_or_default();
            match record["kind"].as_str() {
                Some("decision") => {
                    if verdict == "forward" {
                        recorded.cleared.push(push);
                    }
                    let refs = record["payload"]["target"]["refs"].as_array();
                    for update in refs.into_iter().flatten() {
                        let name = update["name"].as_str().unwrap_or_default();
                        recorded.verdicts.insert(name.into(), verdict.into());
                    }
                }
                Some("outcome" | "unknown-outcome") => recorded.ended.push(push),
                _ => {}
            }
        }
        recorded.cleared.sort();
        // A push that was refused has an outcome as well.
        recorded
            .ended
            .retain(|push| recorded.cleared.contains(push));
        recorded.ended.sort();
        recorded
    }
}

/// A history of its own: a clean commit, one with a secret, or one of each side by side.
fn cargo(world: &World, kind: Kind, seed: u64, size: usize) -> Cargo {
    let work = world.new_work(&format!("{kind:?}-{size}"));
    let noise = incompressible(seed + size as u64, size);
    world.commit_file(&work, "noise", noise, "Begin");
    let git = Git::first();
    let clean = git.id(&work, "HEAD");
    let mut secret = None;
    if kind != Kind::Clean {
        world.git(&work, &["checkout", "-q", "-b", "other"]).ok();
        let token = github_token(seed + size as u64);
        world.commit_file(
            &work,
            "dev.env",
            format!("token = \"{token}\"\n"),
            "Settings",
        );
        secret = Some(git.id(&work, "HEAD"));
    }
    Cargo {
        clean,
        secret,
        pack: whole_pack(world, &work),
    }
}

fn rounds() -> u64 {
    match std::env::var_os("EXEAT_NIGHTLY") {
        Some(_) => 100,
        None => {
            eprintln!("5 rounds a point; EXEAT_NIGHTLY=1 runs 100");
            5
        }
    }
}

/// Whether a push that is refused comes by this point as well.
fn is_for_all(point: &str) -> bool {
    ![
        "before-connect",
        "head-sent",
        "half-sent",
        "all-sent",
        "report-begun",
        "report-read",
    ]
    .contains(&point)
}

/// One death.
struct Round {
    point: &'static str,
    /// Pushes that arrive before.
    before: u64,
    /// Which passing of the point is the last.
    nth: u64,
    kind: Kind,
    sizes: [usize; 3],
}

impl Round {
    fn new(point: &'static str, round: u64) -> Self {
        let mut numbers = chance(round * 31 + point.len() as u64);
        let mut dice = |faces: u64| numbers() % faces;
        let before = 1 + dice(2);
        let kind = match dice(4) {
            _ if !is_for_all(point) => Kind::Clean,
            0 => Kind::Secret,
            1 => Kind::Mixed,
            _ => Kind::Clean,
        };
        let nth = match point {
            // A record of the start, then two a push: the decision and the outcome.
            "audit-append" | "audit-commit" => 1 + 2 * before + 1 + dice(2),
            _ => before + 1,
        };
        Self {
            point,
            before,
            nth,
            kind,
            sizes: [0; 3].map(|_| usize::try_from(dice(3)).unwrap()),
        }
    }

    fn trap(&self) -> String {
        format!("{}:{}=kill", self.point, self.nth)
    }

    /// Whether what a start has to record, which depends on the death before, is counted as well.
    fn counts_the_start(&self) -> bool {
        self.point.starts_with("audit-")
    }
}

/// Kills the process at each point, again and again.
fn dies_at(points: &[&'static str]) {
    if !cfg!(debug_assertions) {
        eprintln!("skipped: this build has no crash points");
        return;
    }
    let mut scene = Scene::new(points.len() as u64 * 1000 + points[0].len() as u64);
    let rounds: Vec<Round> = points
        .iter()
        .flat_map(|point| (0..rounds()).map(|round| Round::new(point, round)))
        .collect();
    for (index, round) in rounds.iter().enumerate() {
        if index == 0 || round.counts_the_start() {
            scene.world.stop_server();
            let trap = round.trap();
            scene.world.set_variables(&[("EXEAT_CRASHPOINT", &trap)]);
            scene.world.start_server();
        }
        let after = format!("{} with {:?} in round {index}", round.trap(), round.kind);
        for number in 0..round.before {
            let size = round.sizes[usize::try_from(number).unwrap()];
            assert_eq!(scene.push(Kind::Clean, size), Some(true), "{after}");
        }
        scene.push(round.kind, round.sizes[2]);
        scene.world.await_death();
        // The process that comes up is the one that dies next.
        let next = rounds.get(index + 1);
        match next.filter(|next| !next.counts_the_start()) {
            Some(next) => {
                let trap = next.trap();
                scene.world.set_variables(&[("EXEAT_CRASHPOINT", &trap)]);
            }
            None => scene.world.set_variables(&[]),
        }
        scene.world.start_server();
        scene.assert_sound(&after);
    }
    assert_eq!(scene.push(Kind::Clean, 0), Some(true));
    assert_eq!(scene.push(Kind::Secret, 0), Some(false));
    scene.assert_sound("the end");
}

#[test]
fn while_a_push_arrives() {
    dies_at(&[
        "admitted",
        "head-read",
        "spool-opened",
        "first-chunk-spooled",
    ]);
}

#[test]
fn while_a_push_is_inspected_and_judged() {
    dies_at(&["last-byte-spooled", "inspected", "judged"]);
}

#[test]
fn while_a_record_is_written() {
    dies_at(&["audit-append", "audit-commit", "decision-written"]);
}

#[test]
fn while_a_push_is_sent() {
    dies_at(&["before-connect", "head-sent", "half-sent", "all-sent"]);
}

#[test]
fn while_the_answer_comes_back() {
    dies_at(&[
        "report-begun",
        "report-read",
        "outcome-written",
        "answer-sent",
    ]);
}

#[test]
fn release_builds_have_no_crash_points() {
    let variable = concat!("EXEAT_CRASH", "POINT").as_bytes();
    let binary = std::fs::read(EXEAT).unwrap();
    assert_eq!(contains(&binary, variable), cfg!(debug_assertions));
}
