//! A small forge: serves a folder of bare repositories through the machine's own `git http-backend`.
//!
//! It is the upstream of `exeat demo` and of the tests, never part of the serving path. Bodies stream both ways,
//! so a push of any size needs no more memory here than a pipe holds.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

mod cgi;

/// How a forge is to be served.
pub struct Options {
    /// The folder the repositories live in; it is made if it is absent.
    pub folder: PathBuf,
    /// The user and password every request must carry as Basic credentials; `None` lets everyone in.
    pub credentials: Option<(String, String)>,
    /// TLS to serve with; `None` serves plain http.
    pub tls: Option<Arc<rustls::ServerConfig>>,
    /// The git whose `http-backend` serves, and which makes the repositories: a path, or a name looked up in `PATH`.
    pub git: PathBuf,
}

impl Options {
    /// A forge for everyone over plain http, served by the first git in `PATH`.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            credentials: None,
            tls: None,
            git: PathBuf::from("git"),
        }
    }
}

/// The object format of a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hash {
    /// Ids of 40 hex digits, git's default.
    Sha1,
    /// Ids of 64 hex digits.
    Sha256,
}

/// A forge that is being served, on a free port of 127.0.0.1.
pub struct Forge {
    address: SocketAddr,
    secure: bool,
    backend: Arc<cgi::Backend>,
    git: PathBuf,
    stop: CancellationToken,
    connections: TaskTracker,
}

/// Why a forge could not be served, or a repository not be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The git program is not on this machine.
    #[error("{git} cannot be run ({source}): install git (Debian and Ubuntu: apt install git)")]
    NoGit {
        /// What was tried.
        git: String,
        /// What the system answered.
        source: io::Error,
    },
    /// This git came without its CGI program.
    #[error("git http-backend is not at {}: install git's own package for it (Debian: git; Alpine: git-daemon)", .0.display())]
    NoBackend(PathBuf),
    /// A folder or the listening socket.
    #[error("{what}: {source}")]
    Io {
        /// What was attempted.
        what: String,
        /// What the system answered.
        source: io::Error,
    },
    /// A repository name that leads out of the folder.
    #[error("{0:?} is not a repository name: use segments of letters, digits, '-', '_' and '.'")]
    Name(String),
    /// `git init` or `git config` did not succeed.
    #[error("git {command}: {message}")]
    Git {
        /// The command that failed.
        command: String,
        /// Its own words.
        message: String,
    },
}

impl Forge {
    /// Starts to serve; when it returns, connections are accepted.
    ///
    /// # Errors
    /// When git or its `http-backend` is missing (the error names what to install), or the folder or the socket
    /// cannot be made.
    pub async fn start(options: Options) -> Result<Self, Error> {
        let program = backend_program(&options.git).await?;
        let folder = made(&options.folder)?;
        let listening = |source| Error::Io {
            what: "listening on 127.0.0.1".into(),
            source,
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .map_err(listening)?;
        let address = listener.local_addr().map_err(listening)?;
        let backend = Arc::new(cgi::Backend {
            program,
            folder,
            credentials: options.credentials,
        });
        let forge = Self {
            address,
            secure: options.tls.is_some(),
            backend: Arc::clone(&backend),
            git: options.git,
            stop: CancellationToken::new(),
            connections: TaskTracker::new(),
        };
        let tls = options.tls.map(TlsAcceptor::from);
        let accepting = accept(
            listener,
            tls,
            backend,
            forge.stop.clone(),
            forge.connections.clone(),
        );
        forge.connections.spawn(accepting);
        Ok(forge)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its base, without a slash at the end: `http://127.0.0.1:41234`.
    pub fn url(&self) -> String {
        let scheme = if self.secure { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// Where the repository of this name lies or would lie on disk.
    pub fn repository_path(&self, name: &str) -> PathBuf {
        self.backend.folder.join(name)
    }

    /// Makes an empty bare repository with `main` as its default branch, which takes pushes, push options and
    /// filtered fetches. The name is used as it is: say `org/repo.git` where the URL shall end so.
    ///
    /// # Errors
    /// When the name leads out of the folder or git cannot make it (git before 2.29 knows no sha256).
    pub fn create_repository(&self, name: &str, hash: Hash) -> Result<PathBuf, Error> {
        if !is_repository_name(name) {
            return Err(Error::Name(name.to_owned()));
        }
        let path = self.repository_path(name);
        let format = match hash {
            Hash::Sha1 => "--object-format=sha1",
            Hash::Sha256 => "--object-format=sha256",
        };
        let template = "--template=";
        let init = [
            "init",
            "--quiet",
            "--bare",
            "--initial-branch=main",
            template,
            format,
        ];
        self.run(&init, Some(&path))?;
        for (key, value) in REPOSITORY_CONFIG {
            let file = path.join("config");
            self.run(
                &["config", "--file", &file.to_string_lossy(), key, value],
                None,
            )?;
        }
        Ok(path)
    }

    /// Stops accepting, waits until every open request has been answered, and is gone.
    pub async fn shutdown(self) {
        self.stop.cancel();
        self.connections.close();
        self.connections.wait().await;
    }

    fn run(&self, arguments: &[&str], path: Option<&Path>) -> Result<(), Error> {
        let output = std::process::Command::new(&self.git)
            .args(arguments)
            .args(path)
            .envs(CLEAN_CONFIG)
            .env_remove("GIT_DIR")
            .env_remove("GIT_WORK_TREE")
            .stdin(Stdio::null())
            .output()
            .map_err(|source| no_git(&self.git, source))?;
        if output.status.success() {
            return Ok(());
        }
        let message = String::from_utf8_lossy(&output.stderr)
            .trim()
            .escape_default()
            .to_string();
        Err(Error::Git {
            command: arguments.join(" "),
            message,
        })
    }
}

impl Drop for Forge {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// What every repository of the forge is set to, in the order it is written.
const REPOSITORY_CONFIG: [(&str, &str); 6] = [
    ("http.receivepack", "true"),
    ("receive.advertisePushOptions", "true"),
    ("uploadpack.allowFilter", "true"),
    ("uploadpack.allowAnySHA1InWant", "true"),
    // Packing in the background would change the folder while somebody looks at it.
    ("receive.autogc", "false"),
    ("gc.auto", "0"),
];

/// Keeps the machine's and the user's own settings out, so that the forge is the same everywhere.
const CLEAN_CONFIG: [(&str, &str); 2] = [
    ("GIT_CONFIG_NOSYSTEM", "1"),
    ("GIT_CONFIG_GLOBAL", "/dev/null"),
];

async fn backend_program(git: &Path) -> Result<PathBuf, Error> {
    let output = tokio::process::Command::new(git)
        .arg("--exec-path")
        .stdin(Stdio::null())
        .output()
        .await
        .map_err(|source| no_git(git, source))?;
    let folder = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let program = Path::new(&folder).join("git-http-backend");
    if program.is_file() {
        Ok(program)
    } else {
        Err(Error::NoBackend(program))
    }
}

fn no_git(git: &Path, source: io::Error) -> Error {
    Error::NoGit {
        git: git.display().to_string(),
        source,
    }
}

fn made(folder: &Path) -> Result<PathBuf, Error> {
    let failed = |source| Error::Io {
        what: format!("the forge's folder {}", folder.display()),
        source,
    };
    std::fs::create_dir_all(folder).map_err(failed)?;
    folder.canonicalize().map_err(failed)
}

fn is_repository_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    name.split('/').all(|segment| {
        !segment.is_empty() && segment != "." && segment != ".." && segment.chars().all(plain)
    })
}

async fn accept(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    backend: Arc<cgi::Backend>,
    stop: CancellationToken,
    connections: TaskTracker,
) {
    loop {
        let stream = tokio::select! {
            () = stop.cancelled() => return,
            // A connection that went away before it was accepted is nobody's loss.
            accepted = listener.accept() => match accepted { Ok((stream, _)) => stream, Err(_) => continue },
        };
        connections.spawn(connection(
            stream,
            tls.clone(),
            Arc::clone(&backend),
            stop.clone(),
            connections.clone(),
        ));
    }
}

/// A connection that fails is dropped without a word: the client at its other end sees it, and says so.
async fn connection(
    stream: TcpStream,
    tls: Option<TlsAcceptor>,
    backend: Arc<cgi::Backend>,
    stop: CancellationToken,
    tasks: TaskTracker,
) {
    let _ = stream.set_nodelay(true);
    match tls {
        None => serve(stream, backend, stop, tasks).await,
        Some(acceptor) => {
            if let Ok(stream) = acceptor.accept(stream).await {
                serve(stream, backend, stop, tasks).await;
            }
        }
    }
}

async fn serve<S>(
    stream: S,
    backend: Arc<cgi::Backend>,
    stop: CancellationToken,
    tasks: TaskTracker,
) where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    let service = hyper::service::service_fn(move |request| {
        let backend = Arc::clone(&backend);
        let tasks = tasks.clone();
        async move { Ok::<_, Infallible>(backend.answer(request, &tasks).await) }
    });
    let io = hyper_util::rt::TokioIo::new(stream);
    let connection = hyper::server::conn::http1::Builder::new().serve_connection(io, service);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        _ = connection.as_mut() => return,
        () = stop.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_inside_the_folder() {
        for name in ["repo", "repo.git", "org/team/repo.git", "a..b"] {
            assert!(is_repository_name(name), "{name}");
        }
        for name in [
            "", "/repo", "repo/", "..", "a/../b", "a//b", "./a", "a b", "-\\x", "a\0",
        ] {
            assert!(!is_repository_name(name), "{name}");
        }
    }

    #[tokio::test]
    async fn a_missing_git_is_named_with_what_to_install() {
        let folder = tempfile::tempdir().unwrap();
        let mut options = Options::new(folder.path());
        options.git = PathBuf::from("/nowhere/git");
        let error = Forge::start(options).await.err().unwrap().to_string();
        assert!(
            error.contains("/nowhere/git") && error.contains("apt install git"),
            "{error}"
        );
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_push_arrives_and_is_cloned_back() {
        let folder = tempfile::tempdir().unwrap();
        let forge = Forge::start(Options::new(folder.path().join("forge")))
            .await
            .unwrap();
        for (name, hash) in [("org/one.git", Hash::Sha1), ("two.git", Hash::Sha256)] {
            forge.create_repository(name, hash).unwrap();
            let format = if hash == Hash::Sha1 { "sha1" } else { "sha256" };
            let work = folder.path().join(format);
            let url = format!("{}/{name}", forge.url());
            let content = vec![b'x'; 3 << 20];
            git(
                folder.path(),
                &[
                    "init",
                    "-q",
                    "-b",
                    "main",
                    &format!("--object-format={format}"),
                    format,
                ],
            )
            .unwrap();
            std::fs::write(work.join("file"), content).unwrap();
            git(&work, &["add", "."]).unwrap();
            git(&work, &["commit", "-qm", "one"]).unwrap();
            // A small buffer makes git probe and then send its pack chunked.
            git(
                &work,
                &[
                    "-c",
                    "http.postBuffer=65536",
                    "-c",
                    "core.compression=0",
                    "push",
                    "-q",
                    &url,
                    "main",
                ],
            )
            .unwrap();
            let back = format!("{format}-back");
            git(folder.path(), &["clone", "-q", &url, &back]).unwrap();
            assert_eq!(
                std::fs::read(folder.path().join(back).join("file"))
                    .unwrap()
                    .len(),
                3 << 20
            );
        }
        forge.shutdown().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn only_the_right_password_opens() {
        let folder = tempfile::tempdir().unwrap();
        let mut options = Options::new(folder.path().join("forge"));
        options.credentials = Some(("ada".into(), "open sesame".into()));
        let forge = Forge::start(options).await.unwrap();
        forge.create_repository("one.git", Hash::Sha1).unwrap();
        let at = |user: &str| format!("http://{user}{}/one.git", forge.address());
        let refused = git(folder.path(), &["ls-remote", &at("")]).unwrap_err();
        assert!(refused.contains("could not read Username"), "{refused}");
        let refused = git(folder.path(), &["ls-remote", &at("ada:wrong@")]).unwrap_err();
        assert!(refused.contains("Authentication failed"), "{refused}");
        git(folder.path(), &["ls-remote", &at("ada:open%20sesame@")]).unwrap();
    }

    fn git(folder: &Path, arguments: &[&str]) -> Result<(), String> {
        let output = std::process::Command::new("git")
            .args(["-c", "user.name=Ada", "-c", "user.email=ada@example.com"])
            .args(arguments)
            .current_dir(folder)
            .envs(CLEAN_CONFIG)
            .env("GIT_TERMINAL_PROMPT", "0")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        if output.status.success() {
            Ok(())
        } else {
            Err(said)
        }
    }
}
