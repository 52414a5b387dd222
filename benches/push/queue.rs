//! What the review queue costs: sealing a pack, and gathering what reviewers see of a push.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use exeat::quarantine::{Keys, MasterKey, Quarantine};

use crate::Scale;
use crate::content::noise;
use crate::figures::{Figures, milliseconds};
use crate::ground::{Ground, Second};
use crate::record::{Goal, Record};

/// Made up here and for this: 64 hexadecimal digits.
fn key() -> String {
    "5e".repeat(32)
}

/// Puts a pack into a quarantine, and copies it into a file; durably both.
pub(crate) fn sealing(ground: &Ground, scale: &Scale, record: &mut Record) -> anyhow::Result<()> {
    let folder = ground.place("sealing")?;
    let (pack, copy) = (folder.join("pack"), folder.join("copy"));
    let mut file = File::create(&pack)?;
    for number in 0..scale.history_megabytes {
        file.write_all(&noise(number as u64 + 1))?;
    }
    let length = file.metadata()?.len();
    let key = MasterKey::read(&key()).context("a key")?;
    let quarantine = Quarantine::open(&folder, Keys::new(Some(key), Vec::new()), u64::MAX / 4)?;
    let mut times = [Vec::new(), Vec::new()];
    for round in 0..=scale.rounds {
        for step in 0..2 {
            let sealed = (round + step) % 2;
            let start = Instant::now();
            match sealed {
                0 => copied(&pack, &copy)?,
                _ => drop(quarantine.put("P-BENCH", b"head", File::open(&pack)?, length)?),
            }
            if round > 0 {
                times[sealed].push(start.elapsed());
            }
        }
        std::fs::remove_file(&copy)?;
        quarantine.remove("P-BENCH")?;
    }
    let megabytes = length / 1_000_000;
    record.compare_named(
        &format!("a pack of {megabytes} MB into the quarantine, speed"),
        ("copied", &times[0]),
        ("sealed", &times[1]),
        Goal::Speed,
    );
    let speed = |times: &[Duration]| {
        let time = Figures::of(times).median.as_secs_f64();
        length as f64 / 1e6 / time
    };
    record.note(format!(
        "Sealing moved {:.0} MB/s, copying {:.0} MB/s, each with a synchronised end.",
        speed(&times[1]),
        speed(&times[0])
    ));
    Ok(())
}

/// By reading and writing: what the system could do without looking at the bytes is no measure.
fn copied(from: &Path, to: &Path) -> anyhow::Result<()> {
    let (mut from, mut to) = (File::open(from)?, File::create(to)?);
    let mut buffer = vec![0; 64 << 10];
    while let read @ 1.. = from.read(&mut buffer)? {
        to.write_all(&buffer[..read])?;
    }
    Ok(to.sync_all()?)
}

/// Pushes that are refused where there is no quarantine (nothing is gathered), refused where there is one, and held.
pub(crate) fn shown(ground: &Ground, scale: &Scale, record: &mut Record) -> anyhow::Result<()> {
    let quarantine = "[quarantine]\nkey = \"env:BENCH_KEY\"\n";
    let settings = |block: &str| {
        format!("[policy]\nblock = \"{block}\"\nquiet_after = 0\n[limits]\nheld_per_user = 1000\n")
    };
    let variables = [("BENCH_KEY", key())];
    let plain = ground.second("plain", &settings("refuse"), &[])?;
    let gathering = ground.second("gathering", &(settings("refuse") + quarantine), &variables)?;
    let holding = ground.second("holding", &(settings("hold") + quarantine), &variables)?;
    ground.make_named("shown.git")?;
    for (what, every) in [
        ("a finding in one", scale.shown_files),
        ("a finding in each", 1),
    ] {
        let files = scale.shown_files;
        let folder = leaking(ground, files, every)?;
        let mut whole = [Vec::new(), Vec::new(), Vec::new()];
        let mut inspected = [Vec::new(), Vec::new(), Vec::new()];
        let servers = [&plain, &gathering, &holding];
        for round in 0..=scale.rounds {
            for step in 0..servers.len() {
                let index = (round + step) % servers.len();
                let branch = format!("main:refs/heads/every{every}-{round}");
                let (took, phase) = stopped(ground, servers[index], &folder, &branch)?;
                if round > 0 {
                    whole[index].push(took);
                    inspected[index].push(phase);
                }
            }
        }
        let row = format!("push of {files} files, {what}");
        record.compare_named(
            &format!("{row}, what is shown is gathered"),
            ("refused", &whole[0]),
            ("gathered and refused", &whole[1]),
            Goal::None,
        );
        record.compare_named(
            &format!("{row}, and held"),
            ("refused", &whole[0]),
            ("held", &whole[2]),
            Goal::None,
        );
        let [without, with, _] = inspected.map(|times| Figures::of(&times).median);
        record.note(format!(
            "{row}: its inspection took {} with and {} without what reviewers are shown, so gathering takes {}.",
            milliseconds(with),
            milliseconds(without),
            milliseconds(with.saturating_sub(without))
        ));
    }
    plain.end()?;
    gathering.end()?;
    holding.end()
}

/// A push that must not arrive: how long it took, and its inspection as Exeat measured it.
fn stopped(
    ground: &Ground,
    server: &Second,
    folder: &Path,
    refs: &str,
) -> anyhow::Result<(Duration, Duration)> {
    const INSPECTED: &str = "exeat_push_duration_seconds_sum{phase=\"inspect\"} ";
    let before = server.metric(INSPECTED)?;
    let url = server.url("shown.git");
    let mut command = ground.command();
    command.args(["push", "--quiet", &url, refs]);
    let start = Instant::now();
    let output = command.current_dir(folder).output()?;
    let took = start.elapsed();
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(
        said.contains("Nothing left the company"),
        "it was not stopped: {said}"
    );
    let inspected = server.metric(INSPECTED)? - before;
    Ok((took, Duration::from_secs_f64(inspected.max(0.0))))
}

/// A work tree with files of a kilobyte in one commit, every so many of them with a token of its own.
fn leaking(ground: &Ground, files: usize, every: usize) -> anyhow::Result<std::path::PathBuf> {
    let folder = ground.place(&format!("work-shown-{every}"))?;
    ground.git(&folder, &["init", "--quiet", "--initial-branch=main"])?;
    for file in 0..files {
        let place = folder.join(format!("module{}", file % 32));
        std::fs::create_dir_all(&place)?;
        let mut text = crate::content::source(700_000 + file as u64, 1_000);
        if file % every == 0 {
            text.push_str(&format!("\nlet token = \"{}\";\n", token(file as u64)));
        }
        std::fs::write(place.join(format!("part{file}.rs")), text)?;
    }
    ground.git(&folder, &["add", "--all"])?;
    ground.git(&folder, &["commit", "--quiet", "--message", "Add modules"])?;
    Ok(folder)
}

/// Looks like a token of GitHub's, checksum and all, and was never one.
fn token(seed: u64) -> String {
    const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let digit = |number: usize| char::from(BASE62[number % 62]);
    let noise = noise(seed + 77);
    let body: String = noise
        .iter()
        .take(30)
        .map(|&byte| digit(byte.into()))
        .collect();
    let mut rest = crc32fast::hash(body.as_bytes()) as usize;
    let mut checksum = ['0'; 6];
    for place in checksum.iter_mut().rev() {
        *place = digit(rest);
        rest /= 62;
    }
    let checksum: String = checksum.iter().collect();
    format!("gh{}_{body}{checksum}", "p")
}
