//! Mail servers: a real one in Python, and scripts that answer whatever a test wants.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::harness::canaries::Planted;
use crate::harness::{authority, by_letters};

/// Writes a file that its owner alone can read.
pub(crate) fn keep(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    path
}

/// aiosmtpd on a port of its own.
pub(crate) struct MailServer {
    child: Child,
    folder: tempfile::TempDir,
    pub(crate) port: u16,
    planted: Planted,
}

impl MailServer {
    /// `arguments` are those of `tests/clients/mail_server.py`.
    pub(crate) fn start(python: &Path, login: Option<(&str, &str)>, arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let identity = authority().identity(&[]);
        let certificate = keep(folder.path(), "certificate.pem", &identity.certificate);
        let key = keep(folder.path(), "key.pem", &identity.key);
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/mail_server.py");
        let mut command = Command::new(python);
        command
            .env_clear()
            .arg(script)
            .arg(folder.path().join("letters"));
        command
            .arg("--certificate")
            .arg(certificate)
            .arg("--key")
            .arg(key);
        if let Some((user, password)) = login {
            command.args(["--user", user, "--password", password]);
        }
        let child = command.args(arguments).stdout(Stdio::piped()).spawn();
        let mut child = child.expect("Python runs");
        let mut line = String::new();
        let said = child.stdout.take().expect("it is piped");
        BufReader::new(said).read_line(&mut line).unwrap();
        let port = line.trim().parse().expect("the mail server tells its port");
        Self {
            child,
            folder,
            port,
            planted: Planted::here(),
        }
    }

    /// What it took.
    pub(crate) fn letters(&self) -> Vec<serde_json::Value> {
        let text = self.text();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    fn text(&self) -> String {
        let text = std::fs::read_to_string(self.folder.path().join("letters"));
        text.unwrap_or_default()
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if !std::thread::panicking() {
            let found = by_letters(&self.planted, &self.text());
            assert!(found.is_empty(), "in what was mailed: {found:?}");
        }
    }
}

/// A server that says one of these after another, each once something was said to it, but for the first; then it hangs up.
pub(crate) fn scripted(answers: &[&str]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let answers: Vec<String> = answers.iter().map(|&answer| answer.to_owned()).collect();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        for (turn, answer) in answers.iter().enumerate() {
            if turn > 0 && stream.read(&mut [0; 1024]).unwrap_or(0) == 0 {
                return;
            }
            if stream.write_all(answer.as_bytes()).is_err() {
                return;
            }
        }
        // What is still said is read, so that the end is no reset.
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let _ = std::io::copy(&mut stream, &mut std::io::sink());
    });
    port
}
