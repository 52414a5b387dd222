//! Documents: what people read in them, without what they are made with.

mod letters;
mod mail;
pub mod manifest;
mod markup;
mod notebook;
mod pdf;
mod sqlite;
mod weave;

pub use letters::{LONGEST, from_utf16, reference};
pub use mail::may_be_mail;

use super::{Opening, Stop};

/// The form of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// RFC 5322 with MIME, one message or an mbox.
    Mail,
    /// HTML, SVG, and XML of whatever kind.
    Markup,
    /// A notebook of Jupyter.
    Notebook,
    /// ISO 32000.
    Pdf,
    /// A database of SQLite 3.
    Sqlite,
    /// A write-ahead log of one.
    SqliteLog,
}

/// The form that `text` begins like.
pub fn kind(text: &[u8]) -> Option<Kind> {
    match text {
        [0x37, 0x7f, 0x06, 0x82 | 0x83, ..] => Some(Kind::SqliteLog),
        [b'%', b'P', b'D', b'F', b'-', ..] => Some(Kind::Pdf),
        _ if text.starts_with(b"SQLite format 3\0") => Some(Kind::Sqlite),
        _ if notebook::is_notebook(text) => Some(Kind::Notebook),
        _ if markup::is_markup(text) => Some(Kind::Markup),
        _ if mail::is_mail(text) => Some(Kind::Mail),
        _ => None,
    }
}

/// Tells what stands in the document.
///
/// # Errors
/// When a bound is reached.
pub fn open(opening: &mut Opening<'_, '_>, kind: Kind) -> Result<(), Stop> {
    match kind {
        Kind::Mail => mail::mail(opening),
        Kind::Markup => markup::markup(opening),
        Kind::Notebook => notebook::notebook(opening),
        Kind::Pdf => pdf::pdf(opening),
        Kind::Sqlite => sqlite::sqlite(opening),
        Kind::SqliteLog => sqlite::write_ahead_log(opening),
    }
}
