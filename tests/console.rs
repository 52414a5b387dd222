//! The console: a listener of its own, for people, that answers to its own names alone.

mod command;
mod crash;
mod decide;
mod hostile;
mod socket;

use std::net::SocketAddr;
use std::process::Command;

use serde_json::Value;

use crate::harness::{Answer, Client, EXEAT, Options, Run, World, clean, run_program};

const SETTINGS: &str = "[console]\naddress = \"127.0.0.1:0\"\ntls = { certificate = \"server.pem\", key = \"server.key\" }\n\
                        [limits]\nheader_seconds = 2\n";

/// A world with a console.
pub(crate) struct House {
    pub(crate) world: World,
}

impl House {
    pub(crate) fn open() -> Self {
        let world = World::start(Options {
            settings: SETTINGS,
            ..Options::default()
        });
        Self { world }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.world.server().console.expect("the console listens")
    }

    /// `exeat review` in the name of a token.
    pub(crate) fn review(&self, token: &str, words: &[&str]) -> Run {
        let server = format!("https://{}", self.address());
        let ca = self.world.certificate_authority();
        let mut command = Command::new(EXEAT);
        clean(&mut command);
        command
            .arg("review")
            .args(words)
            .args(["--ca", &ca.to_string_lossy()])
            .env("EXEAT_SERVER", server)
            .env("EXEAT_TOKEN", token);
        run_program(&mut command)
    }

    /// A command on this world's data folder.
    pub(crate) fn exeat(&self, words: &str) -> Run {
        let config = self.world.config();
        let mut words: Vec<&str> = words.split(' ').collect();
        let config = config.to_string_lossy();
        words.extend(["--config", &config]);
        self.world.exeat(&words)
    }

    /// A new person's token; it must not be found anywhere afterwards.
    pub(crate) fn person(&mut self, name: &str, roles: &[&str], scopes: &[&str]) -> String {
        let roles: String = roles.iter().map(|role| format!(" --role {role}")).collect();
        self.exeat(&format!("user add {name}{roles}")).ok();
        self.token(name, scopes, "")
    }

    pub(crate) fn token(&mut self, name: &str, scopes: &[&str], more: &str) -> String {
        let scopes: String = scopes
            .iter()
            .map(|scope| format!(" --scope {scope}"))
            .collect();
        let made = self.exeat(&format!("token create --user {name}{scopes}{more}"));
        let token = made.ok().stdout.trim().to_owned();
        self.world.forbid(&token);
        token
    }

    /// One request of the console: `head` is the request line and headers, without the Host.
    pub(crate) fn ask(&self, head: &str, body: &str) -> Answer {
        self.ask_of(&self.address().to_string(), head, body)
    }

    pub(crate) fn ask_of(&self, host: &str, head: &str, body: &str) -> Answer {
        let head = head.trim_end().replace('\n', "\r\n");
        let length = match body.is_empty() && !head.starts_with("POST") {
            true => String::new(),
            false => format!("Content-Length: {}\r\n", body.len()),
        };
        let request = format!("{head}\r\nHost: {host}\r\n{length}\r\n{body}");
        Client::ask(self.address(), request.as_bytes())
    }

    pub(crate) fn get(&self, path: &str, token: &str) -> (u16, Value) {
        let head = format!("GET {path} HTTP/1.1\nAuthorization: Bearer {token}");
        told(&self.ask(&head, ""))
    }

    /// A POST with a key of its own; none where there is no answer.
    pub(crate) fn keyed(
        &self,
        path: &str,
        token: &str,
        key: &str,
        body: &Value,
    ) -> Option<(u16, Value)> {
        let (address, body) = (self.address(), body.to_string());
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\nIdempotency-Key: {key}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut client = Client::connect(address);
        client.say(request.as_bytes());
        client.answer().map(|answer| told(&answer))
    }

    pub(crate) fn post(&self, path: &str, token: &str, body: &Value) -> (u16, Value) {
        let head = format!(
            "POST {path} HTTP/1.1\nAuthorization: Bearer {token}\nContent-Type: application/json"
        );
        told(&self.ask(&head, &body.to_string()))
    }
}

/// Status and JSON of an answer, which is a problem document exactly where it is an error.
#[track_caller]
pub(crate) fn told(answer: &Answer) -> (u16, Value) {
    let kind = answer.message.header("content-type").unwrap_or_default();
    let expected = match answer.status < 400 {
        true => "application/json",
        false => "application/problem+json",
    };
    assert_eq!(kind, expected, "{answer:?}");
    assert_eq!(answer.message.header("cache-control"), Some("no-store"));
    for name in ["access-control-allow-origin", "set-cookie", "location"] {
        assert_eq!(answer.message.header(name), None);
    }
    let value = serde_json::from_slice(answer.body());
    (answer.status, value.expect("JSON"))
}

#[track_caller]
pub(crate) fn assert_problem((status, problem): &(u16, Value), expected: u16, code: &str) {
    assert_eq!(
        (*status, &problem["code"]),
        (expected, &code.into()),
        "{problem}"
    );
    assert_eq!(problem["status"], expected);
}
