//! Who is told what becomes of held pushes, with a real mail server.

mod held;
mod mail_server;

use std::path::Path;
use std::process::Command;

use crate::clients::python;
use crate::harness::{EXEAT, Run, Stub, Witness, authority, run_program, stranger};
use mail_server::{MailServer, keep};

const PASSWORD: &str = "correct horse battery";

/// A folder with what a configuration names, and the command that tries it out.
struct Desk {
    folder: tempfile::TempDir,
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        keep(folder.path(), "password", PASSWORD);
        keep(folder.path(), "ca.pem", authority().pem());
        keep(folder.path(), "stranger.pem", stranger().pem());
        Self { folder }
    }

    /// `exeat notify test` with these keys of `[notify.mail]`.
    fn try_out(&self, port: u16, keys: &str) -> Run {
        let text = format!(
            "[notify.mail]\nserver = \"localhost:{port}\"\nfrom = \"exeat@bank.example\"\n{keys}\n"
        );
        keep(self.path(), "exeat.toml", &text);
        let mut command = Command::new(EXEAT);
        command
            .args(["notify", "test", "--to", "ada@bank.example", "--config"])
            .arg(self.path().join("exeat.toml"));
        let run = run_program(&mut command);
        assert!(!format!("{run}").contains(PASSWORD), "{run}");
        run
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
        let server = MailServer::start(&python, Some(("exeat", PASSWORD)), arguments);
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
        let server = MailServer::start(&python, Some(("exeat", PASSWORD)), &["--tls", how]);
        let keys = format!("tls = \"{how}\"\n{SIGNED_IN}").replace("ca.pem", "stranger.pem");
        let run = desk.try_out(server.port, &keys);
        assert!(run.stdout.contains("certificate is not trusted"), "{run}");
        assert!(server.letters().is_empty());
    }
    // One without TLS gets neither a letter nor the password.
    let server = MailServer::start(&python, Some(("exeat", PASSWORD)), &[]);
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
    let secret = keep(desk.path(), "secret", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    let witness = Witness::start(Stub::start(|_| answer.to_vec()).address);
    let try_out = |ca: &str| {
        let text = format!(
            "[notify.webhook.chat]\nurl = \"{}/a?b\"\nsecret = \"file:{}\"\nca = \"{ca}\"\nvia = \"off\"\n",
            witness.url(),
            secret.display()
        );
        // With a query it stands in a file.
        let url = keep(desk.path(), "url", &format!("{}/a?b", witness.url()));
        let inline = format!("url = \"{}/a?b\"", witness.url());
        let text = text.replace(&inline, &format!("url = \"file:{}\"", url.display()));
        keep(desk.path(), "exeat.toml", &text);
        let mut command = Command::new(EXEAT);
        command.args(["notify", "test", "--config"]);
        run_program(command.arg(desk.path().join("exeat.toml")))
    };
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
    assert_eq!(request.first_line, "POST /a?b HTTP/1.1");
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
