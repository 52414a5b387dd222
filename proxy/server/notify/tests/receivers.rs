//! Webhooks of the tests: they answer, refuse, or say nothing, and remember what they heard.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use aws_lc_rs::hmac;
use base64::{Engine, prelude::BASE64_STANDARD};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

pub(super) const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

#[derive(Debug, Clone)]
pub(super) struct Heard {
    pub(super) id: String,
    pub(super) is_signed: bool,
    pub(super) json: serde_json::Value,
    pub(super) status: u16,
}

pub(super) struct Hook {
    address: SocketAddr,
    heard: Arc<Mutex<Vec<Heard>>>,
    asked: Arc<Notify>,
}

impl Hook {
    /// Answers the nth request, from 1, with this status.
    pub(super) async fn start(status: impl Fn(usize) -> u16 + Send + Sync + 'static) -> Self {
        Self::answering(move |tries| Some((status(tries), String::new()))).await
    }

    /// Takes requests and never answers.
    pub(super) async fn silent() -> Self {
        Self::answering(|_| None).await
    }

    pub(super) async fn redirecting(elsewhere: &Self) -> Self {
        let location = format!("Location: http://{}/\r\n", elsewhere.address);
        Self::answering(move |_| Some((302, location.clone()))).await
    }

    /// Nobody listens there.
    pub(super) fn nowhere() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        Self {
            address: listener.local_addr().unwrap(),
            heard: Arc::default(),
            asked: Arc::default(),
        }
    }

    async fn answering(
        answer: impl Fn(usize) -> Option<(u16, String)> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let hook = Self {
            address: listener.local_addr().unwrap(),
            heard: Arc::default(),
            asked: Arc::default(),
        };
        let (heard, asked) = (Arc::clone(&hook.heard), Arc::clone(&hook.asked));
        let answer = Arc::new(answer);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (heard, asked) = (Arc::clone(&heard), Arc::clone(&asked));
                let answer = Arc::clone(&answer);
                tokio::spawn(async move { serve(stream, &heard, &asked, &*answer).await });
            }
        });
        hook
    }

    pub(super) fn heard(&self) -> Vec<Heard> {
        self.heard.lock().unwrap().clone()
    }

    /// Waits for the first request.
    pub(super) async fn asked(&self) {
        self.asked.notified().await;
    }

    /// A configuration in which this is the webhook `name`.
    pub(super) fn table(&self, name: &str, settings: &str) -> String {
        format!("[notify]\n{settings}{}", self.more(name))
    }

    pub(super) fn more(&self, name: &str) -> String {
        format!(
            "[notify.webhook.{name}]\nurl = \"http://{}/hook\"\nsecret = \"file:secret\"\nplaintext = true\nvia = \"off\"\n",
            self.address
        )
    }
}

async fn serve(
    mut stream: TcpStream,
    heard: &Mutex<Vec<Heard>>,
    asked: &Notify,
    answer: &(dyn Fn(usize) -> Option<(u16, String)> + Send + Sync),
) {
    let mut bytes = Vec::new();
    let (head, body) = loop {
        let mut piece = [0; 4096];
        let read = stream.read(&mut piece).await.unwrap_or(0);
        bytes.extend_from_slice(&piece[..read]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length: usize = header(head, "content-length").parse().unwrap();
            if body.len() >= length {
                break (head.to_owned(), body.to_owned());
            }
        }
        if read == 0 {
            return;
        }
    };
    assert!(head.starts_with("POST /hook HTTP/1.1\r\n"), "{head}");
    assert_eq!(header(&head, "content-type"), "application/json");
    let signed = format!(
        "{}.{}.{body}",
        header(&head, "webhook-id"),
        header(&head, "webhook-timestamp")
    );
    let secret = BASE64_STANDARD.decode(&SECRET["whsec_".len()..]).unwrap();
    let tag = hmac::sign(
        &hmac::Key::new(hmac::HMAC_SHA256, &secret),
        signed.as_bytes(),
    );
    let signature = format!("v1,{}", BASE64_STANDARD.encode(tag));
    let tries = heard.lock().unwrap().len() + 1;
    let answer = answer(tries);
    heard.lock().unwrap().push(Heard {
        id: header(&head, "webhook-id"),
        is_signed: header(&head, "webhook-signature") == signature,
        json: serde_json::from_str(&body).unwrap(),
        status: answer.as_ref().map_or(0, |(status, _)| *status),
    });
    asked.notify_one();
    let Some((status, headers)) = answer else {
        return std::future::pending().await;
    };
    let answer =
        format!("HTTP/1.1 {status} x\r\n{headers}Content-Length: 0\r\nConnection: close\r\n\r\n");
    let _ = stream.write_all(answer.as_bytes()).await;
}

fn header(head: &str, name: &str) -> String {
    let mut lines = head.lines().filter_map(|line| line.split_once(": "));
    let found = lines.find(|(key, _)| key.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.to_owned()).unwrap_or_default()
}
