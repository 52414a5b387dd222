//! Bytes to git: the wire of a push, its pack and its objects, read from what is handed in and from nowhere else.
//!
//! The crate opens no socket and no file, asks no clock and knows no user. Every parser in it reads
//! bytes of strangers: a declared length is a claim, checked against a limit before memory is reserved.

pub mod advertise;
pub mod fetch_answer;
pub mod fetch_request;
pub mod history;
pub mod legible;
pub mod objects;
pub mod pack;
pub mod pktline;
pub mod push_report;
pub mod push_request;
pub mod refname;
pub mod text;
pub mod upload_request;

#[doc(hidden)]
pub mod fuzz_targets;

pub use gix_hash::{Kind as HashKind, ObjectId};
