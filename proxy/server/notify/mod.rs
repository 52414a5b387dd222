//! Tells people and programs what becomes of held pushes: webhooks and mail.

mod event;

pub use self::event::{Facts, Kind};
