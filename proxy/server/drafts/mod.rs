//! Policies and rules that are kept in the database: proposed by one person, in force by the word of another.
//!
//! `draft` says which changes there are, without a clock and a disk; `desk` carries them out, each in one transaction with its
//! audit record; `bench` tries what is proposed as files of it would be tried. They make nothing milder: the policy takes the
//! stricter of what it says with them and without (`policy/rulebook.rs`), and rules of theirs only add.

mod bench;
mod desk;
mod draft;
mod texts;

pub use self::bench::{Bench, Unfit};
pub use self::desk::{Drafter, Drafts, Error, NewDraft, stored};
pub use self::draft::{Deed, Draft, Kind, Refused, State, Step};
pub use self::texts::{Text, Texts};

/// Longest text of a draft, in bytes.
pub const TEXT: usize = 256 * 1024;
/// Longest title, in characters.
pub const TITLE: usize = 100;
