//! The one end-to-end test binary: a file for each theme, and the harness they stand on.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on shall fail")]

mod advisories;
mod audit;
mod bounds;
mod certificates;
mod clients;
mod console;
mod crash;
mod demo;
mod deploy;
mod excuses;
mod existing;
mod faults;
mod front;
mod harness;
mod hook;
mod identity_data;
mod imported;
mod known;
mod observe;
mod options;
mod pass;
mod people;
mod policy;
mod redteam;
mod refuse;
mod reload;
mod rows;
mod rules;
mod scan;
mod setup;
mod stop;
mod thin;
mod tidy;
mod timing;
mod watch;
