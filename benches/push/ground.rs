//! What the pushes run on: a forge, Exeat as a process of its own, a git without anybody's settings, one folder on disk.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use exeat::demo::forge::{Forge, Hash, Options};
use tempfile::TempDir;

use crate::identity::Identity;
use crate::nginx::Nginx;
use crate::recognition::Api;
use crate::relay::{Taps, slow_link};

const EXEAT: &str = env!("CARGO_BIN_EXE_exeat");
/// Beside what is built, so on the disk that builds are on.
pub(crate) const PLACE: &str = env!("CARGO_TARGET_TMPDIR");
/// No start takes longer, however slow the machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// The round trip of the link on which everything takes its time.
pub(crate) const ROUND_TRIP: Duration = Duration::from_millis(40);

/// The ways a commit goes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// To a folder on this machine: git's own floor.
    Path,
    /// The same, packed as Exeat asks git to pack: without deltas against what the other side has. Over HTTP git takes that
    /// wish from the server alone, so it is looked at here.
    PathWhole,
    Direct,
    Through,
    /// Through a plain reverse proxy.
    Nginx,
    /// Directly, with the forge `ROUND_TRIP` away.
    FarDirect,
    /// Through Exeat, with the forge `ROUND_TRIP` away from it.
    FarThrough,
}

impl Way {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Path => "to a path",
            Self::PathWhole => "to a path, --no-thin",
            Self::Direct => "direct",
            Self::Through => "through Exeat",
            Self::Nginx => "through nginx",
            Self::FarDirect => "direct, forge 40 ms away",
            Self::FarThrough => "through Exeat, forge 40 ms away",
        }
    }

    /// A repository of its own for each way, so that each has to take the same objects.
    pub(crate) fn repository(self, slug: &str) -> String {
        let way = match self {
            Self::Path => "path",
            Self::PathWhole => "path-whole",
            Self::Direct => "direct",
            Self::Through => "through",
            Self::Nginx => "nginx",
            Self::FarDirect => "far-direct",
            Self::FarThrough => "far-through",
        };
        format!("{slug}-{way}.git")
    }

    pub(crate) fn packing(self) -> &'static str {
        if self == Self::PathWhole {
            "--no-thin"
        } else {
            "--thin"
        }
    }
}

pub(crate) struct Ground {
    folder: TempDir,
    runtime: tokio::runtime::Runtime,
    forge: Forge,
    exeat: Process,
    address: SocketAddr,
    telemetry: SocketAddr,
    pub(crate) taps: Taps,
    /// Leads to the forge, late.
    far: SocketAddr,
    nginx: Option<Nginx>,
    /// Where the forge is asked who pushes.
    pub(crate) api: Api,
    client: Arc<rustls::ClientConfig>,
}

impl Ground {
    pub(crate) fn prepare() -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("bench-push-")
            .tempdir_in(PLACE)
            .with_context(|| format!("a folder in {PLACE}"))?;
        let identity = Identity::make()?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()?;
        let mut options = Options::new(folder.path().join("forge"));
        options.tls = Some(identity.server()?);
        let forge = runtime.block_on(Forge::start(options))?;
        let taps = Taps::open(forge.address())?;
        let far = slow_link(forge.address(), ROUND_TRIP)?;
        let api = Api::start(&identity)?;
        let near = Known {
            url: forge.url(),
            api: api.address,
        };
        let late = Known {
            url: format!("https://{far}"),
            api: slow_link(api.address, ROUND_TRIP)?,
        };
        let settings = [
            format!(
                "[upstream.\"tapped.test\"]\nurl = \"https://{}\"\nca = \"server.pem\"\n",
                taps.back
            ),
            format!("[upstream.\"far.test\"]\nurl = \"https://{far}\"\nca = \"server.pem\"\n"),
            near.table("known.test"),
            late.table("far-known.test"),
        ];
        write_files(folder.path(), &identity, &forge.url(), &settings.concat())?;
        let nginx = Nginx::start(folder.path(), forge.address())?;
        let (exeat, address, telemetry) = start(folder.path(), &[])?;
        taps.lead_to(address);
        Ok(Self {
            folder,
            runtime,
            forge,
            exeat,
            address,
            telemetry,
            taps,
            far,
            nginx,
            api,
            client: identity.client()?,
        })
    }

    /// A folder of this ground, made if need be.
    pub(crate) fn place(&self, name: &str) -> anyhow::Result<PathBuf> {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(&path)?;
        Ok(path)
    }

    pub(crate) fn make_repository(&self, way: Way, slug: &str) -> anyhow::Result<()> {
        self.make_named(&way.repository(slug))
    }

    pub(crate) fn make_named(&self, name: &str) -> anyhow::Result<()> {
        self.forge.create_repository(name, Hash::Sha1)?;
        Ok(())
    }

    /// Through Exeat, at an upstream of the configuration.
    pub(crate) fn url_at(&self, upstream: &str, name: &str) -> String {
        format!("https://{}/{upstream}/{name}", self.address)
    }

    /// A connection to Exeat, over TLS.
    pub(crate) fn connect(
        &self,
    ) -> anyhow::Result<rustls::StreamOwned<rustls::ClientConnection, TcpStream>> {
        let stream = TcpStream::connect(self.address)?;
        stream.set_nodelay(true)?;
        let session =
            rustls::ClientConnection::new(Arc::clone(&self.client), "127.0.0.1".try_into()?)?;
        Ok(rustls::StreamOwned::new(session, stream))
    }

    /// Exeat once more beside the first, with these settings and variables.
    pub(crate) fn second(
        &self,
        name: &str,
        settings: &str,
        variables: &[(&str, String)],
    ) -> anyhow::Result<Second> {
        let folder = self.place(name)?;
        for file in ["server.pem", "server.key"] {
            std::fs::copy(self.folder.path().join(file), folder.join(file))?;
        }
        write_config(&folder, &self.forge.url(), settings)?;
        let (process, address, telemetry) = start(&folder, variables)?;
        Ok(Second {
            process,
            address,
            telemetry,
        })
    }

    /// Gives its room on disk back.
    pub(crate) fn remove_repository(&self, way: Way, slug: &str) -> anyhow::Result<()> {
        let path = self.forge.repository_path(&way.repository(slug));
        std::fs::remove_dir_all(path).context("a repository that was pushed to")
    }

    /// Whether this way is open on this machine.
    pub(crate) fn has(&self, way: Way) -> bool {
        way != Way::Nginx || self.nginx.is_some()
    }

    pub(crate) fn url(&self, way: Way, slug: &str) -> String {
        self.url_of(way, &way.repository(slug))
    }

    /// Where a repository of this name is reached.
    pub(crate) fn url_of(&self, way: Way, name: &str) -> String {
        match way {
            Way::Path | Way::PathWhole => self.forge.repository_path(name).display().to_string(),
            Way::Direct => format!("{}/{name}", self.forge.url()),
            Way::Through => format!("https://{}/forge.test/{name}", self.address),
            Way::Nginx => {
                let address = self
                    .nginx
                    .as_ref()
                    .map_or(self.address, |nginx| nginx.address);
                format!("https://{address}/{name}")
            }
            Way::FarDirect => format!("https://{}/{name}", self.far),
            Way::FarThrough => format!("https://{}/far.test/{name}", self.address),
        }
    }

    /// Through Exeat with a tap on either side of it.
    pub(crate) fn tapped_url(&self, slug: &str) -> String {
        let name = Way::Through.repository(slug);
        format!("https://{}/tapped.test/{name}", self.taps.front)
    }

    /// Runs git; fails with what it said.
    pub(crate) fn git(&self, folder: &Path, arguments: &[&str]) -> anyhow::Result<()> {
        output(self.command().args(arguments).current_dir(folder)).map(drop)
    }

    /// Makes the clock of `peak_memory` start anew, where the system lets us (proc(5), clear_refs).
    pub(crate) fn forget_peak(&self) {
        let _ = std::fs::write(format!("/proc/{}/clear_refs", self.exeat.0.id()), "5");
    }

    /// The most memory Exeat took since, in MiB.
    pub(crate) fn peak_memory(&self) -> anyhow::Result<u64> {
        let path = format!("/proc/{}/status", self.exeat.0.id());
        let text = std::fs::read_to_string(&path).context(path)?;
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let number = line.and_then(|line| line.split_whitespace().next());
        let kilobytes: u64 = number.context("VmHWM is not told")?.parse()?;
        Ok(kilobytes / 1024)
    }

    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new("git");
        clean(&mut command);
        command
            .env("HOME", self.folder.path())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_TERMINAL_PROMPT", "0");
        command
    }

    /// Fails unless the forge has the newest commit.
    pub(crate) fn check_arrived(&self, way: Way, slug: &str, work: &Path) -> anyhow::Result<()> {
        let id = |folder: &Path| {
            let words = ["rev-parse", "refs/heads/main"];
            output(self.command().args(words).current_dir(folder))
        };
        let arrived = id(&self.forge.repository_path(&way.repository(slug)))?;
        ensure!(
            arrived == id(work)?,
            "what was pushed {} did not arrive",
            way.name()
        );
        Ok(())
    }

    /// The mean of one of Exeat's histograms.
    pub(crate) fn mean_of(&self, histogram: &str) -> anyhow::Result<Duration> {
        let sum = metric(self.telemetry, &format!("{histogram}_sum "))?;
        let count = metric(self.telemetry, &format!("{histogram}_count "))?;
        Ok(Duration::from_secs_f64(sum / count))
    }

    /// Processor time that Exeat has taken so far. The system counts it in ticks, a hundred a second (proc(5), stat).
    pub(crate) fn processor_time(&self) -> anyhow::Result<Duration> {
        let path = format!("/proc/{}/stat", self.exeat.0.id());
        let text = std::fs::read_to_string(&path).context(path)?;
        // The second field, the program's name in brackets, may hold blanks.
        let fields = text.rsplit(") ").next().unwrap_or_default();
        let ticks = fields.split(' ').skip(11).take(2);
        let ticks = ticks.filter_map(|field| field.parse::<u64>().ok());
        Ok(Duration::from_millis(ticks.sum::<u64>() * 10))
    }

    /// Asks Exeat to end, and ends with it.
    pub(crate) fn end(mut self) -> anyhow::Result<()> {
        self.exeat.end()?;
        self.runtime.block_on(self.forge.shutdown());
        Ok(())
    }
}

/// Exeat, ended at the latest when this goes.
struct Process(Child);

impl Process {
    /// Asks it to end, and waits until it has.
    fn end(&mut self) -> anyhow::Result<()> {
        let id = self.0.id().to_string();
        // The shell's own: a small machine has no program of that name.
        output(Command::new("sh").args(["-c", &format!("kill -TERM {id}")]))?;
        let status = self.0.wait()?;
        ensure!(status.success(), "exeat serve ended with {status}");
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Another Exeat before the same forge.
pub(crate) struct Second {
    process: Process,
    address: SocketAddr,
    telemetry: SocketAddr,
}

impl Second {
    pub(crate) fn url(&self, name: &str) -> String {
        format!("https://{}/forge.test/{name}", self.address)
    }

    /// The value after a metric's name, labels, and a blank; zero where it is not told yet.
    pub(crate) fn metric(&self, name: &str) -> anyhow::Result<f64> {
        metric(self.telemetry, name)
    }

    pub(crate) fn end(mut self) -> anyhow::Result<()> {
        self.process.end()
    }
}

fn metric(telemetry: SocketAddr, name: &str) -> anyhow::Result<f64> {
    let mut stream = TcpStream::connect(telemetry)?;
    write!(
        stream,
        "GET /metrics HTTP/1.1\r\nHost: {telemetry}\r\nConnection: close\r\n\r\n"
    )?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    let lines = text.lines();
    let mut values = lines.filter_map(|line| line.strip_prefix(name)?.trim().parse().ok());
    values.next().with_context(|| format!("{name} is not told"))
}

/// An upstream that is asked who pushes.
struct Known {
    url: String,
    api: SocketAddr,
}

impl Known {
    fn table(&self, name: &str) -> String {
        let Self { url, api } = self;
        format!(
            "[upstream.\"{name}\"]\nurl = \"{url}\"\nca = \"server.pem\"\nforge = \"gitea\"\napi = \"https://{api}/api/v1\"\n\
             [upstream.\"{name}\".identity]\nsources = [\"forge\"]\n"
        )
    }
}

fn write_files(
    folder: &Path,
    identity: &Identity,
    forge: &str,
    settings: &str,
) -> anyhow::Result<()> {
    let authority = folder.join("server.pem");
    let git = format!(
        "[user]\n\tname = Ada Bench\n\temail = ada@example.com\n[http]\n\tsslCAInfo = {}\n\
         [gc]\n\tauto = 0\n[maintenance]\n\tauto = false\n",
        authority.display()
    );
    std::fs::write(authority, identity.certificate.pem())?;
    std::fs::write(folder.join("server.key"), identity.key.serialize_pem())?;
    std::fs::write(folder.join(".gitconfig"), git)?;
    write_config(folder, forge, settings)
}

fn write_config(folder: &Path, forge: &str, settings: &str) -> anyhow::Result<()> {
    let config = format!(
        r#"[listen]
address = "127.0.0.1:0"
tls = {{ certificate = "server.pem", key = "server.key" }}
[telemetry]
address = "127.0.0.1:0"
[data]
directory = "data"
[upstream."forge.test"]
url = "{forge}"
ca = "server.pem"
{settings}"#
    );
    std::fs::write(folder.join("exeat.toml"), config)?;
    Ok(())
}

/// The process, where git speaks to it, and where its metrics are.
fn start(
    folder: &Path,
    variables: &[(&str, String)],
) -> anyhow::Result<(Process, SocketAddr, SocketAddr)> {
    let log = folder.join("exeat.log");
    let mut command = Command::new(EXEAT);
    clean(&mut command);
    let child = command
        .args(["serve", "--config", "exeat.toml"])
        .envs(variables.iter().map(|(name, value)| (*name, value)))
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(&log)?)
        .spawn()
        .context(EXEAT)?;
    let mut exeat = Process(child);
    let since = Instant::now();
    loop {
        if let Some((git, telemetry)) = addresses(&folder.join("data/listening.json")) {
            return Ok((exeat, git, telemetry));
        }
        if exeat.0.try_wait()?.is_some() || since.elapsed() > PATIENCE {
            bail!(
                "exeat serve does not start:\n{}",
                std::fs::read_to_string(log).unwrap_or_default()
            );
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn addresses(listening: &Path) -> Option<(SocketAddr, SocketAddr)> {
    let text = std::fs::read(listening).ok()?;
    let told: serde_json::Value = serde_json::from_slice(&text).ok()?;
    let address = |key: &str| told.get(key)?.as_str()?.parse().ok();
    Some((address("git")?, address("telemetry")?))
}

/// Takes away the environment, but for what programs need to be found and, for Exeat, how much it logs.
fn clean(command: &mut Command) {
    command.env_clear().env("LC_ALL", "C");
    for name in ["PATH", "EXEAT_LOG"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
}

pub(crate) fn output(command: &mut Command) -> anyhow::Result<String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("{command:?}"))?;
    ensure!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
