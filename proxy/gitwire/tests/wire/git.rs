//! Real git at both ends: a repository behind `git http-backend`, and `git send-pack` as git's HTTP layer runs it.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};

use tempfile::TempDir;

/// `git` in `folder`, without the configuration of this machine.
pub fn command(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new("git");
    command
        .current_dir(folder)
        .args(["-c", "user.name=a", "-c", "user.email=a@example.com"])
        .args(args);
    command
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env_remove("GIT_PROTOCOL");
    command
}

/// Runs git, which must succeed, and returns what it printed, trimmed.
pub fn git(folder: &Path, args: &[&str]) -> String {
    let output = command(folder, args).output().unwrap();
    assert!(
        output.status.success(),
        "git {args:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// A bare repository.
pub struct Upstream {
    folder: TempDir,
}

impl Upstream {
    pub fn new(format: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        git(
            folder.path(),
            &["init", "-q", "--bare", "--object-format", format, "r.git"],
        );
        let upstream = Self { folder };
        for (key, value) in [
            ("receive.certNonceSeed", "x"),
            ("receive.advertisePushOptions", "true"),
            ("transfer.advertiseSID", "true"),
        ] {
            git(&upstream.path(), &["config", key, value]);
        }
        upstream
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join("r.git")
    }

    pub fn resolve(&self, name: &str) -> String {
        git(&self.path(), &["rev-parse", "--verify", name])
    }

    pub fn refs(&self) -> String {
        git(&self.path(), &["for-each-ref", "--format=%(refname)"])
    }

    pub fn hook(&self, name: &str, script: &str) {
        use std::os::unix::fs::PermissionsExt;
        let file = self.path().join("hooks").join(name);
        std::fs::write(&file, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// The body of `GET info/refs`.
    pub fn advertisement(&self, service: &str, protocol: &str) -> Vec<u8> {
        let mut backend = self.backend("GET", "/r.git/info/refs");
        backend
            .env("QUERY_STRING", format!("service={service}"))
            .env("GIT_PROTOCOL", protocol);
        body_of(backend.output().unwrap())
    }

    /// The body of the answer to `POST git-receive-pack`.
    pub fn receive(&self, body: &[u8]) -> Vec<u8> {
        let mut backend = self.backend("POST", "/r.git/git-receive-pack");
        backend.env("CONTENT_TYPE", "application/x-git-receive-pack-request");
        backend.env("CONTENT_LENGTH", body.len().to_string());
        let mut child = backend
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(body).unwrap();
        body_of(child.wait_with_output().unwrap())
    }

    fn backend(&self, method: &str, path: &str) -> Command {
        let mut backend = command(self.folder.path(), &["http-backend"]);
        backend
            .env("REQUEST_METHOD", method)
            .env("PATH_INFO", path)
            .env("REMOTE_USER", "a");
        backend
            .env("GIT_PROJECT_ROOT", self.folder.path())
            .env("GIT_HTTP_EXPORT_ALL", "1");
        backend
    }
}

fn body_of(output: Output) -> Vec<u8> {
    let text = output.stdout;
    let end = text
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .expect("a CGI header");
    let header = String::from_utf8_lossy(&text[..end]);
    assert!(
        !header.contains("Status:"),
        "{header}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    text[end + 4..].to_vec()
}

/// A repository with a work tree.
pub struct Client {
    folder: TempDir,
}

impl Client {
    pub fn new(format: &str) -> Self {
        let client = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        git(
            client.path(),
            &["init", "-q", "--object-format", format, "-b", "main", "."],
        );
        client
    }

    /// A clone of depth 1.
    pub fn shallow(upstream: &Upstream) -> Self {
        let client = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        let url = format!("file://{}", upstream.path().display());
        git(
            client.path(),
            &["clone", "-q", "--depth", "1", "-b", "main", &url, "."],
        );
        client
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Commits `text` as the file `name` and returns the commit.
    pub fn commit(&self, name: &str, text: &str) -> String {
        std::fs::write(self.path().join(name), text).unwrap();
        git(self.path(), &["add", name]);
        git(self.path(), &["commit", "-q", "-m", name]);
        git(self.path(), &["rev-parse", "HEAD"])
    }

    /// Starts a push as git's HTTP layer does, with the advertisement it got.
    pub fn send_pack(&self, args: &[&str], advertisement: &[u8]) -> Sending {
        let mut send = command(
            self.path(),
            &["send-pack", "--stateless-rpc", "--thin", "http://upstream/"],
        );
        send.args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = send.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(advertisement).unwrap();
        let stdout = child.stdout.take().unwrap();
        Sending {
            child,
            stdin,
            stdout,
        }
    }
}

/// A push under way.
pub struct Sending {
    child: Child,
    stdin: ChildStdin,
    stdout: ChildStdout,
}

impl Sending {
    /// The body of its POST: send-pack hands it over in pkt-lines up to a flush.
    pub fn request(&mut self) -> Vec<u8> {
        let mut body = Vec::new();
        loop {
            let mut digits = [0; 4];
            self.stdout.read_exact(&mut digits).expect("a request");
            let length = usize::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap();
            if length == 0 {
                return body;
            }
            let start = body.len();
            body.resize(start + length - 4, 0);
            self.stdout.read_exact(&mut body[start..]).unwrap();
        }
    }

    /// Hands over the answer and waits for git's own verdict.
    pub fn finish(mut self, answer: &[u8]) -> Pushed {
        // Git may hang up before it read all; what it says and returns is what counts.
        drop(self.stdin.write_all(answer));
        drop(self.stdin);
        std::io::copy(&mut self.stdout, &mut std::io::sink()).unwrap();
        let output = self.child.wait_with_output().unwrap();
        Pushed {
            succeeded: output.status.success(),
            printed: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// How a push ended for the one who pushed.
#[derive(Debug)]
pub struct Pushed {
    pub succeeded: bool,
    pub printed: String,
}
