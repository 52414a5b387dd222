//! Exeat: a smart-git proxy that inspects every push before it leaves.
//!
//! The modules in reading order: how the process comes up, how a request comes in, who stands at
//! the door, and what becomes of a push or a fetch. `proxy/ARCHITECTURE.md` is the map.

pub mod cli;
pub mod config;

pub mod boot;
pub mod listen;
mod policy_files;
mod reload;
mod rule_files;

pub mod door;
pub mod identity;
pub mod upstream;

pub mod drafts;
pub mod fetch;
pub mod lfs;
pub mod notify;
pub mod policy;
mod poll;
pub mod push;
pub mod quarantine;
pub mod review;

pub mod console;
pub mod control;

pub mod audit;
pub mod metrics;
pub mod people;
pub mod process;

pub mod store;
pub mod telemetry;

pub mod demo;

#[doc(hidden)]
pub mod fuzz_targets;

mod advertisement;
mod answer;
mod arriving;
mod causes;
mod crashpoint;
mod gzip;
mod percent;
mod rehearsal;
mod searched;
