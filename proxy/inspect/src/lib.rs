//! Everything a push carries, turned into findings: scanned, masked, located and counted.
//!
//! This crate knows the rules and git, and nothing of networks, users or clocks. The text of
//! a secret never leaves it: what it hands out are masked excerpts and keyed fingerprints.

pub mod address;
mod ancestry;
mod attribute;
pub mod authorship;
mod batch;
pub mod cover;
pub mod coverage;
mod effort;
pub mod examine;
pub mod excuse;
mod existing;
pub mod extract;
pub mod file;
pub mod finding;
pub mod fingerprint;
mod forward;
mod gather;
pub mod head;
mod headers;
mod ids;
mod journal;
mod lanes;
mod large;
mod layers;
mod licence;
pub mod mask;
mod missed;
pub mod names;
mod naming;
mod overlap;
pub mod pack;
mod pointer;
pub mod pool;
mod reading;
mod references;
pub mod report;
mod runs;
pub mod selftest;
mod served;
pub mod shadow;
pub mod shown;
mod stages;
mod stored;
pub mod stream;
mod submodules;
pub mod surroundings;
mod verdicts;
mod versions;

#[doc(hidden)]
pub mod fuzz_targets;

pub use address::{Address, MailDomain};
pub use authorship::{Demand, Demands};
pub use cover::Cover;
pub use coverage::Coverage;
pub use effort::Effort;
pub use examine::{Examiner, Hit};
pub use excuse::{Excuse, Excuses};
pub use finding::{Finding, Place};
pub use fingerprint::{Fingerprint, FingerprintKey};
pub use forward::Move;
pub use layers::{Decoded, Via};
pub use licence::{Accepted, Accepting, Term as LicenceTerm};
pub use mask::Masked;
pub use names::Names;
pub use overlap::Strength;
pub use pack::{Error, Inspected, MOST_PATHS, PackInspection, Settings};
pub use pool::Pool;
pub use report::{Kind as OpaqueKind, Opaque, Report, Unscannable};
pub use selftest::{Engine, SelfTest};
pub use served::{Served, Tips};
pub use shown::{Shown, Wanted};
pub use stages::Stages;
pub use stream::StreamedText;
pub use surroundings::Surroundings;
pub use verdicts::Verdicts;
