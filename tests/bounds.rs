//! What the proxy's process holds in memory, whatever is pushed through it.
//!
//! The ordinary run pushes 200 MB beside 8 pushers of 3 MB; with `EXEAT_NIGHTLY=1` it is 1 GB beside 32.

use std::path::PathBuf;

use crate::harness::{Run, World, assert_refused, github_token, incompressible, prose};

const MIB: usize = 1 << 20;
/// Bytes of memory that the process may have had at most.
const MOST_MEMORY: u64 = 512 << 20;

/// What one run pushes.
struct Load {
    pushers: usize,
    /// Files of 40 MiB that nothing compresses.
    large_files: usize,
}

impl Load {
    fn chosen() -> Self {
        let (pushers, large_files) = match std::env::var_os("EXEAT_NIGHTLY") {
            Some(_) => (32, 24),
            None => {
                eprintln!("200 MB beside 8 pushers; EXEAT_NIGHTLY=1 makes it 1 GB beside 32");
                (8, 4)
            }
        };
        Self {
            pushers,
            large_files,
        }
    }
}

/// A repository at the upstream that keeps packs as they come, and a work tree to push to it.
fn lane(world: &World, name: &str) -> PathBuf {
    world.new_repository(name);
    let git = world.default_git();
    let upstream = world.upstream_path(name);
    git.plain(&upstream, &["config", "receive.unpackLimit", "1"]);
    let work = world.new_work(name);
    for setting in [["core.compression", "0"], ["core.bigFileThreshold", "1g"]] {
        world.git(&work, &[&["config"], &setting[..]].concat()).ok();
    }
    work
}

/// Large files, and three versions of another that git sends as deltas on each other.
fn large(world: &World, files: usize) -> PathBuf {
    let work = lane(world, "large");
    let noise = incompressible(1, 40 * MIB);
    std::fs::create_dir_all(work.join("plain")).unwrap();
    for number in 0..files {
        let content = [format!("{number}\n").as_bytes(), &noise].concat();
        std::fs::write(work.join(format!("plain/{number}")), content).unwrap();
    }
    let mut version = noise[..12 * MIB].to_vec();
    for number in 0..3 {
        version.splice(number * MIB..number * MIB, *b"another version\n");
        std::fs::write(work.join(format!("version-{number}")), &version).unwrap();
    }
    world.commit_file(
        &work,
        ".gitattributes",
        "plain/* -delta\n",
        "Add large files",
    );
    work
}

/// A text of 20 MiB with a token in its second half.
fn leaking(world: &World, token: &str) -> PathBuf {
    let work = lane(world, "leaking");
    let mut text = prose(1, 2000).repeat(20 * MIB / prose(1, 2000).len());
    let middle = text.len() / 3 * 2;
    let line = text[middle..].find('\n').unwrap() + middle;
    text.insert_str(line, &format!("\ntoken = \"{token}\""));
    world.commit_file(&work, "dump.sql", text, "Add a dump");
    work
}

fn small(world: &World, number: usize) -> PathBuf {
    let work = lane(world, &format!("small-{number}"));
    let noise = incompressible(number as u64, 2 * MIB);
    std::fs::write(work.join("noise"), noise).unwrap();
    for part in 0..40 {
        let text = prose(number as u64 * 40 + part, 400);
        std::fs::write(work.join(format!("text-{part}")), text).unwrap();
    }
    world.commit_file(&work, "readme", "small\n", "Add files");
    work
}

fn push(world: &World, work: &std::path::Path) -> Run {
    let name = work.file_name().unwrap().to_str().unwrap();
    world.git(work, &["push", &world.proxied_url(name), "main"])
}

/// The most bytes that the proxy's process ever held in memory.
fn peak(world: &World) -> u64 {
    let status = format!("/proc/{}/status", world.server().process_id());
    let status = std::fs::read_to_string(status).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kibibytes = peak.unwrap().trim().trim_end_matches(" kB");
    kibibytes.parse::<u64>().unwrap() << 10
}

#[test]
fn memory_stays_below_512_mib_under_parallel_and_large_pushes() {
    let load = Load::chosen();
    let world = World::start(crate::harness::Options::default());
    let token = github_token(7);
    let mut works = vec![large(&world, load.large_files)];
    works.extend((0..load.pushers).map(|number| small(&world, number)));
    let leaking = leaking(&world, &token);
    let idle = peak(&world);
    std::thread::scope(|scope| {
        for work in &works {
            let world = &world;
            scope.spawn(move || push(world, work).ok());
        }
        let refused = push(&world, &leaking);
        assert_refused(&refused, "github-pat", &token);
        assert!(refused.stderr.contains("dump.sql"), "{refused}");
    });
    let peak = peak(&world);
    eprintln!(
        "{} MiB at the start, {} at the peak",
        idle >> 20,
        peak >> 20
    );
    assert!(peak < MOST_MEMORY, "{peak} bytes");
    for work in &works {
        let name = work.file_name().unwrap().to_str().unwrap();
        let git = world.default_git();
        let there = git.plain(&world.upstream_path(name), &["rev-parse", "main"]);
        assert_eq!(there.trim(), git.id(work, "HEAD"));
    }
    let metrics = world.telemetry("/metrics");
    assert!(metrics.contains("\nexeat_spool_bytes 0\n"), "{metrics}");
}
