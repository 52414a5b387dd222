//! Who is told what becomes of held pushes, with a real mail server.

mod held;
mod mail_server;

use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::clients::python;
use crate::harness::canaries::{self, Reach};
use crate::harness::{EXEAT, Run, Stub, Witness, authority, run_program, stranger};
pub(crate) use mail_server::{MailServer, keep};

/// With what we sign in at the mail server.
fn password() -> String {
    canaries::credential("mail", Reach::Ours)
}

/// With what notices to a webhook are signed, as it stands in its file.
fn webhook_secret() -> String {
    BASE64.encode(canaries::key::<24>("webhook"))
}

/// A folder with what a configuration names, and the command that tries it out.
pub(crate) struct Desk {
    folder: tempfile::TempDir,
}

impl Desk {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        keep(folder.path(), "password", &password());
        keep(folder.path(), "ca.pem", authority().pem());
        keep(folder.path(), "stranger.pem", stranger().pem());
        Self { folder }
    }

    /// `exeat notify test` with these keys of `[notify.mail]`.
    pub(crate) fn try_out(&self, port: u16, keys: &str) -> Run {
        let text = format!(
            "[notify.mail]\nserver = \"localhost:{port}\"\nfrom = \"exeat@bank.example\"\n{keys}\n"
        );
        keep(self.path(), "exeat.toml", &text);
        let mut command = Command::new(EXEAT);
        command
            .args(["notify", "test", "--to", "ada@bank.example", "--config"])
            .arg(self.path().join("exeat.toml"));
        run_program(&mut command)
    }

    /// `exeat notify test` with a webhook at this address, which stands in a file: it may be a secret.
    pub(crate) fn try_webhook(&self, url: &str, ca: &str) -> Run {
        keep(self.path(), "url", url);
        keep(self.path(), "secret", &webhook_secret());
        let text = format!(
            "[notify.webhook.chat]\nurl = \"file:url\"\nsecret = \"file:secret\"\nca = \"{ca}\"\nvia = \"off\"\n"
        );
        keep(self.path(), "exeat.toml", &text);
        let mut command = Command::new(EXEAT);
        command.args(["notify", "test", "--config"]);
        run_program(command.arg(self.path().join("exeat.toml")))
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }
}

const SIGNED_IN: &str = "user = \"exeat\"\npassword = \"file:password\"\nca = \"ca.pem\"\n";

#[test]
fn mail_is_handed_over_after_starttls_and_signing_in() {
    let Some(python) = python() else { return };
    let desk = Desk::new();
    for (arguments, keys) in [
        (&["--tls", "start"][..], "tls = \"start\"\n"),
        (&["--tls", "start", "--exclude", "PLAIN"], ""),
        (&["--tls", "wrapped"], "tls = \"wrapped\"\n"),
        (&["--tls", "off"], "tls = \"off\"\n"),
    ] {
        let server = MailServer::start(&python, Some(("exeat", &password())), arguments);
        let run = desk.try_out(server.port, &format!("{keys}{SIGNED_IN}"));
        assert_eq!(run.ok().stdout, "mail to ada@bank.example: ok\n");
        let [letter] = server.letters().try_into().unwrap();
        assert_eq!(letter["encrypted"], arguments[1] != "off");
        assert_eq!(letter["signed_in"], true);
        assert_eq!(letter["hello"], "[127.0.0.1]");
        assert_eq!(letter["from"], "exeat@bank.example");
        assert_eq!(letter["to"], serde_json::json!(["ada@bank.example"]));
        let text = letter["letter"].as_str().unwrap();
        assert!(text.contains("\r\nSubject: Exeat: a test\r\n"), "{text}");
        assert!(text.contains("exeat notify test\r\n"), "{text}");
    }
}

#[test]
fn what_a_mail_server_refuses_is_told_without_its_words() {
    let Some(python) = python() else { return };
    let desk = Desk::new();
    let server = MailServer::start(&python, Some(("exeat", "another")), &["--tls", "start"]);
    let run = desk.try_out(server.port, SIGNED_IN);
    let expected = "the mail server refused the user name or password: 535 5.7.8";
    assert_eq!(
        run.stdout,
        format!("mail to ada@bank.example: {expected}\n")
    );
    assert_eq!(run.status, 1);
    let answers = ["--answer", "550 5.1.1 <ada@bank.example> who?"];
    let server = MailServer::start(&python, None, &answers);
    let run = desk.try_out(server.port, "tls = \"off\"\n");
    let expected = "mail to ada@bank.example: the mail server refused the recipient: 550 5.1.1\n";
    assert_eq!(run.stdout, expected);
    assert!(server.letters().is_empty());
}

#[test]
fn a_mail_server_that_is_not_who_it_should_be_gets_nothing() {
    let Some(python) = python() else { return };
    let desk = Desk::new();
    for how in ["start", "wrapped"] {
        let server = MailServer::start(&python, Some(("exeat", &password())), &["--tls", how]);
        let keys = format!("tls = \"{how}\"\n{SIGNED_IN}").replace("ca.pem", "stranger.pem");
        let run = desk.try_out(server.port, &keys);
        assert!(run.stdout.contains("certificate is not trusted"), "{run}");
        assert!(server.letters().is_empty());
    }
    // One without TLS gets neither a letter nor the password.
    let server = MailServer::start(&python, Some(("exeat", &password())), &[]);
    let run = desk.try_out(server.port, SIGNED_IN);
    assert!(run.stdout.contains("offers no TLS (STARTTLS)"), "{run}");
    assert!(server.letters().is_empty());
}

#[test]
fn what_comes_before_tls_does_not_count_after_it() {
    let desk = Desk::new();
    let port = mail_server::scripted(&[
        "220 mx\r\n",
        "250-mx\r\n250 STARTTLS\r\n",
        "220 go\r\n250 injected\r\n",
    ]);
    let run = desk.try_out(port, SIGNED_IN);
    assert!(run.stdout.contains("spoke before TLS was there"), "{run}");
    let endless = "250-".to_owned() + &"a".repeat(2_000_000);
    for (script, told) in [
        (vec!["220 mx\r\n", &endless], "it answers without end"),
        (
            vec!["HTTP/1.1 400 Bad Request\r\n\r\n"],
            "it does not speak SMTP",
        ),
        (vec!["220 mx\r\n", ""], "was lost"),
        (
            vec!["554 5.7.1 go away\r\n"],
            "refused the connection: 554 5.7.1",
        ),
    ] {
        let run = desk.try_out(mail_server::scripted(&script), SIGNED_IN);
        assert!(run.stdout.contains(told), "{run}");
        assert_eq!(run.status, 1);
    }
}

#[test]
fn webhooks_are_tried_out_over_tls_that_is_verified() {
    let desk = Desk::new();
    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    let witness = Witness::of_receiver(Stub::start(|_| answer.to_vec()).address);
    // Whoever knows the address may post there.
    let place = format!(
        "/a?{}",
        canaries::credential("webhook address", Reach::Address)
    );
    let try_out = |ca: &str| desk.try_webhook(&format!("{}{place}", witness.url()), ca);
    let run = try_out("stranger.pem");
    assert_eq!(run.status, 1);
    assert!(
        run.stdout
            .starts_with("webhook chat: its TLS certificate is not trusted"),
        "{run}"
    );
    assert!(witness.requests().is_empty());
    assert_eq!(try_out("ca.pem").ok().stdout, "webhook chat: ok\n");
    let [request] = witness.requests().try_into().unwrap();
    assert_eq!(request.first_line, format!("POST {place} HTTP/1.1"));
    assert_eq!(request.header("content-type"), Some("application/json"));
    assert!(request.header("webhook-id").unwrap().starts_with("test-"));
    assert!(
        request
            .header("webhook-signature")
            .unwrap()
            .starts_with("v1,")
    );
    let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
    assert_eq!(
        (&body["type"], &body["data"]),
        (&"test".into(), &serde_json::json!({}))
    );
}
