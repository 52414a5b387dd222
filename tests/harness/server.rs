//! The built proxy as a process.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use super::{EXEAT, git};

pub(crate) struct Server {
    child: Child,
    log: PathBuf,
    /// Where git speaks to it.
    pub(crate) address: SocketAddr,
    /// Where metrics and health are.
    pub(crate) telemetry: SocketAddr,
    /// Where people come in, if they do.
    pub(crate) console: Option<SocketAddr>,
}

/// Longer than any start or drain on a slow machine; 30 s is what a drain may take.
const PATIENCE: Duration = Duration::from_secs(60);

impl Server {
    /// Runs `exeat serve` with this configuration, whose data folder is `data`, and waits until it is ready.
    pub(crate) fn start(
        config: &Path,
        data: &Path,
        log: &Path,
        variables: &[(String, String)],
    ) -> Self {
        // A file of an earlier run would name ports that are gone.
        let listening = data.join("listening.json");
        let _ = std::fs::remove_file(&listening);
        let mut child = command(&["serve", "--config", &config.to_string_lossy()], config);
        let child = child
            .envs(variables.iter().cloned())
            .stdin(Stdio::null())
            .stdout(appending(log))
            .stderr(appending(log))
            .spawn();
        let mut child = child.expect("the built binary runs");
        let start = Instant::now();
        loop {
            if let Some((address, telemetry, console)) =
                addresses(&listening).filter(|(_, telemetry, _)| is_ready(*telemetry))
            {
                return Self {
                    child,
                    log: log.to_owned(),
                    address,
                    telemetry,
                    console,
                };
            }
            let ended = child.try_wait().expect("it is our child");
            if ended.is_some() || start.elapsed() > PATIENCE {
                let _ = child.kill();
                let _ = child.wait();
                let log = std::fs::read_to_string(log).unwrap_or_default();
                panic!("exeat serve does not become ready ({ended:?}):\n{log}");
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Asks it to end; `wait` then tells how it did.
    pub(crate) fn terminate(&self) {
        self.signal("TERM");
    }

    /// How it ended; `None` where it had to be killed, because it did not end by itself.
    pub(crate) fn wait(&mut self) -> Option<ExitStatus> {
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait().expect("it is our child") {
                return Some(status);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        None
    }

    /// The number of its process.
    pub(crate) fn process_id(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to read its configuration again.
    pub(crate) fn hang_up(&self) {
        self.signal("HUP");
    }

    /// Ends it at once, as a power failure would.
    pub(crate) fn kill(&self) {
        self.signal("KILL");
    }

    /// The shell's own `kill`: a small machine has no program of that name.
    fn signal(&self, name: &str) {
        let order = format!("kill -{name} {}", self.child.id());
        // One that has ended by itself cannot be signalled, and need not be.
        let _ = Command::new("sh").args(["-c", &order]).status();
    }

    /// All it has logged and printed, over all its runs in this world.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The variable that names the file with the rules that need not be proven again; empty: all are.
pub(crate) const PROVEN: &str = "EXEAT_PROVEN";

/// The built binary with a clean environment, run where its configuration is.
pub(crate) fn command(arguments: &[&str], config: &Path) -> Command {
    let mut command = Command::new(EXEAT);
    git::clean(&mut command);
    let folder = config.parent().expect("a file is in a folder");
    command
        .args(arguments)
        .current_dir(folder)
        .env("HOME", folder.join("home"))
        // All worlds have nearly the same rules, and the first proves them for the others.
        .env(PROVEN, concat!(env!("CARGO_TARGET_TMPDIR"), "/proven"))
        .env("RUST_BACKTRACE", "1");
    command
}

/// A plain GET of this path from the telemetry listener: the whole answer, head and body.
pub(crate) fn get(address: SocketAddr, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

fn is_ready(telemetry: SocketAddr) -> bool {
    get(telemetry, "/health/ready").is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
}

/// The git and the telemetry address, and the console's if there is one, once the server has written them.
fn addresses(listening: &Path) -> Option<(SocketAddr, SocketAddr, Option<SocketAddr>)> {
    let text = std::fs::read(listening).ok()?;
    let addresses: serde_json::Value = serde_json::from_slice(&text).ok()?;
    let address = |key: &str| addresses.get(key)?.as_str()?.parse().ok();
    Some((address("git")?, address("telemetry")?, address("console")))
}

fn appending(log: &Path) -> File {
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(log)
        .expect("a log file")
}
