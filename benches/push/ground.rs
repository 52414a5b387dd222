//! What the pushes run on: a forge, Exeat as a process of its own, a git without anybody's settings, one folder on disk.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use exeat::demo::forge::{Forge, Hash, Options};
use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tempfile::TempDir;

use crate::figures::{Figures, milliseconds};
use crate::tap::Taps;
use crate::text::Commits;

const EXEAT: &str = env!("CARGO_BIN_EXE_exeat");
/// Beside what is built, so on the disk that builds are on.
const PLACE: &str = env!("CARGO_TARGET_TMPDIR");
/// No start takes longer, however slow the machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// The ways a commit goes.
#[derive(Clone, Copy)]
pub(crate) enum Way {
    /// To a folder on this machine: git's own floor.
    Path,
    /// The same, packed as Exeat asks git to pack: without deltas against what the other side has. Over HTTP git takes that
    /// wish from the server alone, so it is looked at here.
    PathWhole,
    Direct,
    Through,
}

impl Way {
    pub(crate) const ALL: [Self; 4] = [Self::Path, Self::PathWhole, Self::Direct, Self::Through];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Path => "to a path (git's floor)",
            Self::PathWhole => "to a path, --no-thin",
            Self::Direct => "direct",
            Self::Through => "through Exeat",
        }
    }

    fn repository(self, slug: &str) -> String {
        match self {
            Self::Path => format!("{slug}-path.git"),
            Self::PathWhole => format!("{slug}-path-whole.git"),
            Self::Direct => format!("{slug}-direct.git"),
            Self::Through => format!("{slug}-through.git"),
        }
    }

    pub(crate) fn packing(self) -> &'static str {
        match self {
            Self::PathWhole => "--no-thin",
            Self::Path | Self::Direct | Self::Through => "--thin",
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
        write_files(folder.path(), &identity, &forge.url(), taps.back)?;
        let (exeat, address, telemetry) = start(folder.path())?;
        taps.lead_to(address);
        Ok(Self {
            folder,
            runtime,
            forge,
            exeat,
            address,
            telemetry,
            taps,
        })
    }

    /// What a reader of the figures must know of this machine.
    pub(crate) fn facts(&self) -> anyhow::Result<Vec<(&'static str, String)>> {
        let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
        let git = output(Command::new("git").arg("--version"))?;
        let kind = output(
            Command::new("df")
                .arg("--output=fstype")
                .arg(self.folder.path()),
        )?;
        let kind = kind.lines().last().unwrap_or_default().trim();
        ensure!(
            kind != "tmpfs",
            "{PLACE} is in memory, where making durable costs nothing; set CARGO_TARGET_DIR to a folder on disk"
        );
        Ok(vec![
            (
                "machine",
                format!(
                    "{cores} cores ({}), load {} at the start",
                    processor(),
                    load()
                ),
            ),
            ("git", git.trim_start_matches("git version ").to_owned()),
            (
                "exeat",
                format!("{} ({})", env!("CARGO_PKG_VERSION"), profile()),
            ),
            (
                "disk",
                format!(
                    "{kind}; a synchronised write of 4 KiB takes {}",
                    self.sync()?
                ),
            ),
        ])
    }

    /// The median of a few.
    fn sync(&self) -> anyhow::Result<String> {
        let mut file = tempfile::tempfile_in(self.folder.path())?;
        let mut times = Vec::new();
        for _ in 0..15 {
            let start = Instant::now();
            file.write_all(&[1; 4096])?;
            file.sync_data()?;
            times.push(start.elapsed());
        }
        Ok(milliseconds(Figures::of(&times).median))
    }

    /// A folder of this ground, made if need be.
    pub(crate) fn place(&self, name: &str) -> anyhow::Result<PathBuf> {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(&path)?;
        Ok(path)
    }

    pub(crate) fn make_repository(&self, way: Way, slug: &str) -> anyhow::Result<()> {
        self.forge
            .create_repository(&way.repository(slug), Hash::Sha1)?;
        Ok(())
    }

    pub(crate) fn url(&self, way: Way, slug: &str) -> String {
        let name = way.repository(slug);
        match way {
            Way::Path | Way::PathWhole => self.forge.repository_path(&name).display().to_string(),
            Way::Direct => format!("{}/{name}", self.forge.url()),
            Way::Through => format!("https://{}/forge.test/{name}", self.address),
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

    fn command(&self) -> Command {
        let mut command = Command::new("git");
        clean(&mut command);
        command
            .env("HOME", self.folder.path())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_TERMINAL_PROMPT", "0");
        command
    }

    /// Fails unless the forge has the newest commit.
    pub(crate) fn check_arrived(
        &self,
        way: Way,
        slug: &str,
        commits: &Commits<'_>,
    ) -> anyhow::Result<()> {
        let id = |folder: &Path| {
            let words = ["rev-parse", "refs/heads/main"];
            output(self.command().args(words).current_dir(folder))
        };
        let arrived = id(&self.forge.repository_path(&way.repository(slug)))?;
        ensure!(
            arrived == id(commits.folder())?,
            "what was pushed {} did not arrive",
            way.name()
        );
        Ok(())
    }

    /// The mean of one of Exeat's histograms.
    pub(crate) fn mean_of(&self, histogram: &str) -> anyhow::Result<Duration> {
        let mut stream = TcpStream::connect(self.telemetry)?;
        write!(
            stream,
            "GET /metrics HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
            self.telemetry
        )?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        let value = |name: String| {
            let lines = text.lines();
            let mut values = lines.filter_map(|line| line.strip_prefix(&name)?.trim().parse().ok());
            values.next().with_context(|| format!("{name} is not told"))
        };
        let sum: f64 = value(format!("{histogram}_sum "))?;
        let count: f64 = value(format!("{histogram}_count "))?;
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
        let id = self.exeat.0.id().to_string();
        // The shell's own: a small machine has no program of that name.
        output(Command::new("sh").args(["-c", &format!("kill -TERM {id}")]))?;
        let status = self.exeat.0.wait()?;
        ensure!(status.success(), "exeat serve ended with {status}");
        self.runtime.block_on(self.forge.shutdown());
        Ok(())
    }
}

/// Exeat, ended at the latest when this goes.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// One certificate for everything on this machine, which is its own authority.
struct Identity {
    certificate: rcgen::Certificate,
    key: KeyPair,
}

impl Identity {
    fn make() -> anyhow::Result<Self> {
        let key = KeyPair::generate()?;
        let params = CertificateParams::new(vec!["127.0.0.1".to_owned()])?;
        let certificate = params.self_signed(&key)?;
        Ok(Self { certificate, key })
    }

    fn server(&self) -> anyhow::Result<Arc<rustls::ServerConfig>> {
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(self.key.serialize_der()));
        let chain: Vec<CertificateDer<'static>> = vec![self.certificate.der().clone()];
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

fn write_files(
    folder: &Path,
    identity: &Identity,
    forge: &str,
    tap: SocketAddr,
) -> anyhow::Result<()> {
    let authority = folder.join("server.pem");
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
[upstream."tapped.test"]
url = "https://{tap}"
ca = "server.pem"
"#
    );
    let git = format!(
        "[user]\n\tname = Ada Bench\n\temail = ada@example.com\n[http]\n\tsslCAInfo = {}\n\
         [gc]\n\tauto = 0\n[maintenance]\n\tauto = false\n",
        authority.display()
    );
    std::fs::write(authority, identity.certificate.pem())?;
    std::fs::write(folder.join("server.key"), identity.key.serialize_pem())?;
    std::fs::write(folder.join("exeat.toml"), config)?;
    std::fs::write(folder.join(".gitconfig"), git)?;
    Ok(())
}

/// The process, where git speaks to it, and where its metrics are.
fn start(folder: &Path) -> anyhow::Result<(Process, SocketAddr, SocketAddr)> {
    let log = folder.join("exeat.log");
    let mut command = Command::new(EXEAT);
    clean(&mut command);
    let child = command
        .args(["serve", "--config", "exeat.toml"])
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

fn output(command: &mut Command) -> anyhow::Result<String> {
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

/// How many processes want a core, averaged over a minute: above the number of cores, times are those of a busy machine.
pub(crate) fn load() -> String {
    let told = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    told.split(' ').next().unwrap_or("unknown").to_owned()
}

fn processor() -> String {
    let told = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let mut lines = told
        .lines()
        .filter_map(|line| line.strip_prefix("model name"));
    let name = lines
        .next()
        .map(|rest| rest.trim_start_matches([' ', '\t', ':']));
    name.unwrap_or("unknown").to_owned()
}

fn profile() -> &'static str {
    if cfg!(debug_assertions) {
        "built for tests: its figures mean nothing"
    } else {
        "built for release"
    }
}
