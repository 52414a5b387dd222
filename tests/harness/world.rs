//! A world of one's own for each test: forge, witness, proxy, and a developer's machine.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use exeat::demo::forge::{self, Forge, Hash};
use tempfile::TempDir;

use super::canaries::{self, Planted, Reach};
use super::server::{self, Server};
use super::{Answer, Client, Git, Run, Witness, authority, forbidden, git, runtime, told};

/// What is not the same in every world.
#[derive(Default)]
pub(crate) struct Options {
    /// The forge asks for these, and git has a helper that knows them.
    pub(crate) credentials: Option<(&'static str, &'static str)>,
    /// Further tables for the proxy's configuration.
    pub(crate) settings: &'static str,
    /// Further keys for the upstream's table.
    pub(crate) upstream: &'static str,
    /// What stands behind the witness in place of the forge.
    pub(crate) behind: Option<SocketAddr>,
    /// Variables of the proxy's environment.
    pub(crate) variables: Vec<(String, String)>,
}

pub(crate) struct World {
    server: Option<Server>,
    pub(crate) witness: Witness,
    forge: Forge,
    /// What must not be kept, logged or told.
    planted: Planted,
    forbidden: Vec<Vec<u8>>,
    address: SocketAddr,
    variables: Vec<(String, String)>,
    folder: TempDir,
}

impl World {
    pub(crate) fn start(options: Options) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("exeat-test-")
            .tempdir()
            .expect("a scratch folder");
        if let Some((_, password)) = options.credentials {
            canaries::plant(password, Reach::Forge);
        }
        let mut forge = forge::Options::new(folder.path().join("forge"));
        forge.git = Git::first().program;
        forge.credentials = options
            .credentials
            .map(|(user, password)| (user.into(), password.into()));
        let forge = runtime().block_on(Forge::start(forge)).expect("a forge");
        let witness = Witness::start(options.behind.unwrap_or(forge.address()));
        write_proxy_files(folder.path(), &witness, &options);
        write_home(folder.path(), options.credentials);
        let server = start_server(folder.path(), &options.variables);
        let address = server.address;
        Self {
            server: Some(server),
            witness,
            forge,
            planted: Planted::here(),
            forbidden: Vec::new(),
            address,
            variables: options.variables,
            folder,
        }
    }

    /// These bytes must never reach the upstream, the log or the data folder; checked when the world ends.
    pub(crate) fn forbid(&mut self, needle: impl AsRef<[u8]>) {
        self.forbidden.push(needle.as_ref().to_vec());
    }

    // --- repositories at the upstream

    /// An empty repository at the upstream, reached as `<name>.git`.
    pub(crate) fn new_repository(&self, name: &str) {
        self.new_repository_with(name, Hash::Sha1);
    }

    pub(crate) fn new_repository_with(&self, name: &str, hash: Hash) {
        self.forge
            .create_repository(&format!("{name}.git"), hash)
            .expect("a repository");
    }

    /// Where the upstream keeps it.
    pub(crate) fn upstream_path(&self, name: &str) -> PathBuf {
        self.forge.repository_path(&format!("{name}.git"))
    }

    /// Straight to the upstream.
    pub(crate) fn direct_url(&self, name: &str) -> String {
        format!("{}/{name}.git", self.forge.url())
    }

    /// Through the proxy.
    pub(crate) fn proxied_url(&self, name: &str) -> String {
        format!("https://{}/forge.test/{name}.git", self.address)
    }

    /// Everything the upstream has in this repository: refs, objects (reachable or not), and what fsck says.
    pub(crate) fn upstream_state(&self, name: &str) -> String {
        let path = self.upstream_path(name);
        let git = Git::first();
        let refs = git.plain(
            &path,
            &[
                "for-each-ref",
                "--format=%(refname) %(objectname) %(objecttype)",
            ],
        );
        let objects = git.plain(&path, &["cat-file", "--batch-all-objects", "--batch-check"]);
        git.plain(&path, &["fsck", "--full", "--no-dangling", "--no-progress"]);
        format!("{refs}---\n{objects}")
    }

    // --- git on a developer's machine

    /// The git that tests use where the version does not matter.
    pub(crate) fn default_git(&self) -> Git {
        Git::first()
    }

    /// A folder of this world, made if need be.
    pub(crate) fn place(&self, name: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(&path).expect("a folder");
        path
    }

    pub(crate) fn git(&self, folder: &Path, arguments: &[&str]) -> Run {
        self.git_with(&self.default_git(), folder, arguments)
    }

    pub(crate) fn git_with(&self, git: &Git, folder: &Path, arguments: &[&str]) -> Run {
        self.git_where(git, folder, arguments, &[])
    }

    /// The same with environment variables.
    pub(crate) fn git_where(
        &self,
        git: &Git,
        folder: &Path,
        arguments: &[&str],
        variables: &[(&str, &str)],
    ) -> Run {
        let mut command = self.git_command(git, folder);
        command.args(arguments).envs(variables.iter().copied());
        git::run(&mut command, b"")
    }

    /// The developer's git, to be run otherwise than to its end.
    pub(crate) fn git_command(&self, git: &Git, folder: &Path) -> Command {
        self.planted.join();
        let home = self.place("home");
        let mut command = git.command(folder);
        command
            .env("GIT_CONFIG_GLOBAL", home.join(".gitconfig"))
            .env("HOME", home);
        command
    }

    /// A new work tree on branch `main`, without a remote.
    pub(crate) fn new_work(&self, name: &str) -> PathBuf {
        self.new_work_with(name, Hash::Sha1)
    }

    pub(crate) fn new_work_with(&self, name: &str, hash: Hash) -> PathBuf {
        let path = self.place(name);
        let format = if hash == Hash::Sha256 {
            "--object-format=sha256"
        } else {
            "--object-format=sha1"
        };
        self.git(&path, &["init", "-q", "-b", "main", format]).ok();
        path
    }

    /// A clone made through the proxy.
    pub(crate) fn clone_work(&self, repository: &str, name: &str) -> PathBuf {
        let url = self.proxied_url(repository);
        self.git(self.folder.path(), &["clone", "-q", &url, name])
            .ok();
        self.folder.path().join(name)
    }

    /// Writes a file and commits it.
    pub(crate) fn commit_file(
        &self,
        folder: &Path,
        path: &str,
        content: impl AsRef<[u8]>,
        message: &str,
    ) {
        let file = folder.join(path);
        std::fs::create_dir_all(file.parent().expect("a file is in a folder")).expect("a folder");
        std::fs::write(file, content).expect("a file");
        self.git(folder, &["add", "-A"]).ok();
        self.git(folder, &["commit", "-q", "-m", message]).ok();
    }

    // --- the proxy

    /// Where git speaks to the proxy.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// A GET from the telemetry listener: head and body.
    pub(crate) fn telemetry(&self, path: &str) -> String {
        self.planted.join();
        let answer = server::get(self.server().telemetry, path).expect("an answer");
        told::nothing_in(answer.as_bytes(), "told by telemetry");
        answer
    }

    /// One request made by hand: `head` is the request line and headers, without the Host and the empty line.
    pub(crate) fn ask(&self, head: &str, body: &[u8]) -> Answer {
        self.planted.join();
        Client::ask(self.address, &self.request(head, body))
    }

    /// The bytes of such a request.
    pub(crate) fn request(&self, head: &str, body: &[u8]) -> Vec<u8> {
        let head = head.trim_end().replace('\n', "\r\n");
        let mut request = format!("{head}\r\nHost: {}\r\n\r\n", self.address).into_bytes();
        request.extend(body);
        request
    }

    /// A push request made by hand, with a Content-Length.
    pub(crate) fn ask_push(&self, repository: &str, body: &[u8]) -> Answer {
        let length = body.len();
        let head = format!(
            "POST /forge.test/{repository}.git/git-receive-pack HTTP/1.1\n\
             Content-Type: application/x-git-receive-pack-request\nContent-Length: {length}"
        );
        self.ask(&head, body)
    }

    /// Another command of the binary, with this world's configuration.
    pub(crate) fn exeat(&self, arguments: &[&str]) -> Run {
        self.planted.join();
        git::run(&mut server::command(arguments, &self.config()), b"")
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.folder.path().join("exeat.toml")
    }

    /// The file that holds what clients must trust.
    pub(crate) fn certificate_authority(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub(crate) fn server(&self) -> &Server {
        self.server.as_ref().expect("it is running")
    }

    /// Asks the proxy to end and waits for it; fails the test where it does not end well.
    pub(crate) fn stop_server(&mut self) {
        self.server().terminate();
        self.await_end();
    }

    /// Waits for a proxy that was asked to end.
    pub(crate) fn await_end(&mut self) {
        let mut server = self.server.take().expect("it is running");
        let status = server.wait();
        assert!(
            status.is_some_and(|status| status.success()),
            "SIGTERM ended it with {status:?}:\n{}",
            server.log()
        );
        self.assert_nothing_kept();
    }

    /// Starts it again on the same data, on new ports.
    pub(crate) fn start_server(&mut self) {
        let server = start_server(self.folder.path(), &self.variables);
        self.address = server.address;
        self.server = Some(server);
    }

    /// The proxy's environment from its next start on.
    pub(crate) fn set_variables(&mut self, variables: &[(&str, &str)]) {
        self.variables = variables
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()))
            .collect();
    }

    /// Waits for a proxy that is about to die, and is no part of this world from then on.
    pub(crate) fn await_death(&mut self) {
        let mut server = self.server.take().expect("it is running");
        let status = server.wait();
        assert!(
            status.is_some_and(|status| !status.success()),
            "it did not die: {status:?}"
        );
        self.assert_nothing_kept();
    }

    fn problems(&mut self) -> Vec<String> {
        let mut problems = Vec::new();
        let mut measured = String::new();
        if let Some(mut server) = self.server.take() {
            measured = server::get(server.telemetry, "/metrics").unwrap_or_default();
            server.terminate();
            match server.wait() {
                Some(status) if status.success() => {}
                status => problems.push(format!("SIGTERM ended the proxy with {status:?}")),
            }
        }
        let log = self.log();
        problems.extend(
            log.lines()
                .filter(|line| line.contains("panicked at") && !line.contains("crashpoint.rs"))
                .map(str::to_owned),
        );
        problems.extend(forbidden::received(&self.witness, &self.forbidden));
        problems.extend(self.witness.astray());
        let unstored = self.unstored();
        problems.extend(forbidden::seen(
            measured.as_bytes(),
            &unstored,
            "among the metrics",
        ));
        problems.extend(self.kept(&unstored));
        problems.extend(self.exported(&unstored));
        problems
    }

    /// What must not be in what is kept, logged, measured and exported.
    fn unstored(&self) -> Vec<Vec<u8>> {
        [&self.forbidden[..], &self.planted.needles(Reach::Pushed)].concat()
    }

    /// Which of these are in the data folder or in the log.
    fn kept(&self, unstored: &[Vec<u8>]) -> Vec<String> {
        let mut found = forbidden::stored(&self.data(), unstored);
        found.extend(forbidden::stored(&self.folder.path().join("log"), unstored));
        found
    }

    /// Fails where the proxy keeps a canary now.
    #[track_caller]
    pub(crate) fn assert_nothing_kept(&self) {
        let kept = self.kept(&self.unstored());
        assert!(kept.is_empty(), "it keeps what it must not: {kept:?}");
    }

    /// Which of these are in the export of the audit.
    fn exported(&self, unstored: &[Vec<u8>]) -> Vec<String> {
        if unstored.is_empty() || !self.data().exists() {
            return Vec::new();
        }
        let config = self.config();
        let words = [
            "audit", "list", "--format", "jsonl", "--limit", "100000", "--config",
        ];
        let mut command = server::command(&words, &config);
        // Where the database was spoiled on purpose there is none.
        let export = canaries::meant(|| git::run(command.arg(&config), b""));
        forbidden::seen(
            export.stdout.as_bytes(),
            unstored,
            "in the export of the audit",
        )
    }

    fn log(&self) -> String {
        std::fs::read_to_string(log_file(self.folder.path())).unwrap_or_default()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- the proxy's log\n{}", self.log());
            return;
        }
        let problems = self.problems();
        assert!(
            problems.is_empty(),
            "at the end of this world:\n{}\n--- the proxy's log\n{}",
            problems.join("\n"),
            self.log()
        );
    }
}

fn start_server(folder: &Path, variables: &[(String, String)]) -> Server {
    Server::start(
        &folder.join("exeat.toml"),
        &folder.join("data"),
        &log_file(folder),
        variables,
    )
}

fn log_file(folder: &Path) -> PathBuf {
    folder.join("log/server.log")
}

fn write_proxy_files(folder: &Path, witness: &Witness, options: &Options) {
    std::fs::create_dir_all(folder.join("log")).expect("a folder");
    let identity = authority().identity(&[]);
    let config = format!(
        r#"[listen]
address = "127.0.0.1:0"
tls = {{ certificate = "server.pem", key = "server.key" }}
[telemetry]
address = "127.0.0.1:0"
[data]
directory = "data"
[upstream."forge.test"]
url = "{}"
ca = "ca.pem"
{}
{}
"#,
        witness.url(),
        options.upstream,
        options.settings
    );
    let files = [
        ("exeat.toml", config.as_str()),
        ("server.pem", &identity.certificate),
        ("server.key", &identity.key),
        ("ca.pem", authority().pem()),
    ];
    for (name, content) in files {
        std::fs::write(folder.join(name), content).expect("a file");
    }
}

fn write_home(folder: &Path, credentials: Option<(&str, &str)>) {
    let home = folder.join("home");
    std::fs::create_dir_all(&home).expect("a folder");
    let ca = folder.join("ca.pem");
    let mut config = format!(
        "[user]\n\tname = Ada Test\n\temail = ada@example.com\n[init]\n\tdefaultBranch = main\n\
         [http]\n\tsslCAInfo = {}\n[gc]\n\tauto = 0\n[advice]\n\tdetachedHead = false\n",
        ca.display()
    );
    if let Some((user, password)) = credentials {
        config.push_str(&format!(
            "[credential]\n\thelper = \"!f() {{ echo username={user}; echo password={password}; }}; f\"\n"
        ));
    }
    std::fs::write(home.join(".gitconfig"), config).expect("a file");
}
