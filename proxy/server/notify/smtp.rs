//! Hands a letter to a mail server (RFC 5321), after STARTTLS (RFC 3207) and signing in (RFC 4954) where that is asked for.
//!
//! Written here and not taken from a library, because connections are opened in one place that judges addresses, what a server
//! sends is bounded before it is kept, and nothing that came before TLS may count after it.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use base64::{Engine, prelude::BASE64_STANDARD};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use zeroize::Zeroizing;

use super::fate::Fate;
use super::reply::{Malformed, Reply};
use crate::config::{self, Login, MailTls};
use crate::upstream::{self, Duplex, Line};

/// Bytes of a server's answer that are read at once, and kept of answers nobody asked for.
const READ: usize = 4_096;
const UNREAD: usize = 64 * 1_024;

/// A mail server.
pub(super) struct Server {
    line: Line,
    tls: MailTls,
    login: Option<Login>,
    /// For each answer.
    patience: Duration,
}

/// Why a letter was not taken.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("the mail server cannot be reached: {0}")]
    Way(#[from] upstream::Error),
    #[error("the connection to the mail server was lost")]
    Lost,
    #[error("the mail server did not answer in time")]
    Time,
    #[error("the mail server answers what cannot be understood: {0}")]
    Malformed(#[from] Malformed),
    #[error("the mail server offers no TLS (STARTTLS), and nothing is sent without it")]
    NoTls,
    #[error("the mail server spoke before TLS was there")]
    Early,
    #[error("the mail server offers no way to sign in that is known here (PLAIN, LOGIN)")]
    NoLogin,
    /// At a step that is the same for every letter.
    #[error("the mail server refused {step}: {}", reply.shown())]
    Refused { step: &'static str, reply: Reply },
    /// This letter, or this address.
    #[error("the mail server refused {step}: {}", reply.shown())]
    Letter { step: &'static str, reply: Reply },
}

impl Server {
    /// # Errors
    /// When certificate authorities cannot be read or the TLS set-up fails.
    pub(super) fn new(mail: &config::Mail, patience: Duration) -> Result<Self, upstream::Error> {
        Ok(Self {
            line: Line::new(&mail.reach, patience)?,
            tls: mail.tls,
            login: mail.login.clone(),
            patience,
        })
    }

    /// Hands over one letter, lines ended by CR LF, for one address. Both addresses are of plain form.
    pub(super) async fn send(&self, from: &str, to: &str, letter: &str) -> Fate {
        match self.deliver(from, to, letter).await {
            Ok(()) => Fate::Delivered,
            // What one server refuses today because of its set-up it may take tomorrow; a letter refused for good it will not.
            Err(Error::Letter { step, reply }) if reply.code >= 500 => {
                Fate::Never(Error::Letter { step, reply }.to_string())
            }
            Err(error) => Fate::later(error.to_string()),
        }
    }

    async fn deliver(&self, from: &str, to: &str, letter: &str) -> Result<(), Error> {
        let mut session = self.begin().await?;
        let from = format!("MAIL FROM:<{from}>");
        session.letter("the sender", &from, 250).await?;
        let to = format!("RCPT TO:<{to}>");
        session.letter("the recipient", &to, 250).await?;
        session.letter("the letter", "DATA", 354).await?;
        session.letter("the letter", &stuffed(letter), 250).await?;
        // It has the letter, whatever becomes of the connection.
        let _ = session.write("QUIT").await;
        Ok(())
    }

    /// A session in which letters are taken.
    async fn begin(&self) -> Result<Session, Error> {
        let (mut stream, own) = self.line.open().await?;
        if self.tls == MailTls::Wrapped {
            stream = self.line.secure(stream).await?;
        }
        let mut session = Session::new(stream, self.patience);
        session.expect("the connection", 220).await?;
        let hello = format!("EHLO {}", literal(own));
        let mut offers = session.ask("the greeting", &hello, 250).await?;
        if self.tls == MailTls::Start {
            if offers.extension("STARTTLS").is_none() {
                return Err(Error::NoTls);
            }
            session.ask("TLS", "STARTTLS", 220).await?;
            if !session.unread.is_empty() {
                return Err(Error::Early);
            }
            let stream = self.line.secure(session.stream).await?;
            session = Session::new(stream, self.patience);
            offers = session.ask("the greeting", &hello, 250).await?;
        }
        if let Some(login) = &self.login {
            session.sign_in(login, &offers).await?;
        }
        Ok(session)
    }
}

struct Session {
    stream: Box<dyn Duplex>,
    unread: Vec<u8>,
    patience: Duration,
}

impl Session {
    fn new(stream: Box<dyn Duplex>, patience: Duration) -> Self {
        Self {
            stream,
            unread: Vec::new(),
            patience,
        }
    }

    async fn sign_in(&mut self, login: &Login, offers: &Reply) -> Result<(), Error> {
        let offered: Vec<String> = offers
            .extension("AUTH")
            .into_iter()
            .flatten()
            .map(str::to_ascii_uppercase)
            .collect();
        let offers = |way: &str| offered.iter().any(|offered| offered == way);
        let encoded = |bytes: &[u8]| Zeroizing::new(BASE64_STANDARD.encode(bytes));
        const STEP: &str = "the user name or password";
        if offers("PLAIN") {
            let (user, password) = (login.user.as_bytes(), login.password.expose());
            let both = Zeroizing::new([b"\0", user, b"\0", password].concat());
            let line = Zeroizing::new(format!("AUTH PLAIN {}", *encoded(&both)));
            self.ask(STEP, &line, 235).await?;
            return Ok(());
        }
        if !offers("LOGIN") {
            return Err(Error::NoLogin);
        }
        self.ask(STEP, "AUTH LOGIN", 334).await?;
        self.ask(STEP, &encoded(login.user.as_bytes()), 334).await?;
        self.ask(STEP, &encoded(login.password.expose()), 235)
            .await?;
        Ok(())
    }

    /// A command about this letter.
    async fn letter(&mut self, step: &'static str, line: &str, code: u16) -> Result<(), Error> {
        match self.ask(step, line, code).await {
            Err(Error::Refused { step, reply }) => Err(Error::Letter { step, reply }),
            asked => asked.map(drop),
        }
    }

    async fn ask(&mut self, step: &'static str, line: &str, code: u16) -> Result<Reply, Error> {
        self.write(line).await?;
        self.expect(step, code).await
    }

    async fn write(&mut self, line: &str) -> Result<(), Error> {
        let writing = async {
            self.stream.write_all(line.as_bytes()).await?;
            self.stream.write_all(b"\r\n").await?;
            self.stream.flush().await
        };
        let written = tokio::time::timeout(self.patience, writing).await;
        written.map_err(|_| Error::Time)?.map_err(|_| Error::Lost)
    }

    /// The server's next answer, which must begin as `code` does.
    async fn expect(&mut self, step: &'static str, code: u16) -> Result<Reply, Error> {
        let reply = tokio::time::timeout(self.patience, self.reply()).await;
        let reply = reply.map_err(|_| Error::Time)??;
        match reply.code / 100 == code / 100 {
            true => Ok(reply),
            false => Err(Error::Refused { step, reply }),
        }
    }

    async fn reply(&mut self) -> Result<Reply, Error> {
        let mut piece = [0; READ];
        loop {
            if let Some((reply, used)) = Reply::read(&self.unread)? {
                self.unread.drain(..used);
                return Ok(reply);
            }
            if self.unread.len() > UNREAD {
                return Err(Malformed::Endless.into());
            }
            let read = self.stream.read(&mut piece).await;
            match read.map_err(|_| Error::Lost)? {
                0 => return Err(Error::Lost),
                read => self.unread.extend(piece.iter().take(read)),
            }
        }
    }
}

/// Who we are to a server: our own address, since this machine's name may be nobody's business (RFC 5321 section 4.1.3).
fn literal(own: Option<SocketAddr>) -> String {
    match own.map(|own| own.ip().to_canonical()) {
        Some(IpAddr::V4(address)) => format!("[{address}]"),
        Some(IpAddr::V6(address)) => format!("[IPv6:{address}]"),
        None => "[127.0.0.1]".to_owned(),
    }
}

/// A letter and its end, with no line that a server would take for the end (RFC 5321 section 4.5.2).
fn stuffed(letter: &str) -> String {
    let mut text = String::with_capacity(letter.len() + 64);
    for line in letter.lines() {
        if line.starts_with('.') {
            text.push('.');
        }
        text.push_str(line);
        text.push_str("\r\n");
    }
    text.push('.');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_of_a_letter_ends_it() {
        assert_eq!(stuffed("a\r\n.\r\n..b\r\nc"), "a\r\n..\r\n...b\r\nc\r\n.");
    }

    #[test]
    fn we_are_our_address() {
        let of = |text: &str| literal(Some(text.parse().unwrap()));
        assert_eq!(of("192.0.2.1:9"), "[192.0.2.1]");
        assert_eq!(of("[::1]:9"), "[IPv6:::1]");
        assert_eq!(of("[::ffff:192.0.2.1]:9"), "[192.0.2.1]");
    }
}
