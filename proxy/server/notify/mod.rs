//! Tells people and programs what becomes of held pushes: webhooks and mail.
//!
//! A deed and what is to be told of it are written in one transaction (`review/telling.rs`); from there on it is this module's.
//! What is told has a link, and no code, findings, names of files or words of people. Connections are made by `upstream`.

mod address;
mod event;
mod fate;
mod letter;
mod receivers;
mod reply;
mod retry;
mod sender;
mod smtp;
mod webhook;

pub use self::address::is_mail_address;
pub use self::event::{Facts, Kind};
pub use self::receivers::{Receivers, Tried};
pub use self::retry::{Error as RetryError, retry};
pub use self::sender::Notifier;

/// What a mail server answers, for fuzzers.
#[doc(hidden)]
pub fn fuzz(data: &[u8]) {
    reply::fuzz(data);
}

#[cfg(test)]
mod tests;
