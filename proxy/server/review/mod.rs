//! Pushes that wait for a human: what they are, who decided, and what an approval gives.
//!
//! `case` says which changes there are, without a clock and a disk; `binding` says what an approval is good for; `desk` carries
//! changes out, each in one transaction with its audit record. Nothing here knows git's wire or HTTP.

pub mod binding;
pub mod case;
mod comments;
pub mod desk;
pub mod dossier;
mod filed;
mod judgement;
mod remedy;
mod telling;
mod terms;
mod turn;
pub mod waiver;

pub use self::binding::Bound;
pub use self::case::{Case, Decision, Ending, Pusher, Refused, State, Verdict, WORDS};
pub use self::comments::{Comment, Comments, Error as CommentError};
pub use self::desk::{Desk, Error, Fallen, Grant, Held, Instead, Reviewer, Saying, Times};
pub use self::filed::{Filed, NewCase};
pub use self::judgement::{Judged, Judgement};
pub use self::remedy::ToFix;
pub use self::terms::{Basis, Missing, Terms};
pub use self::turn::Turn;
pub use self::waiver::{InForce, Waiver};

/// Milliseconds since 1970 in UTC.
pub type Millis = i64;
