//! Packs that real git makes, inspected; git itself says what they hold and where.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on shall fail")]

mod authorship;
mod conditions;
mod coverage;
mod covers;
mod encoded;
mod excuses;
mod existing;
mod feeding;
mod floods;
mod forward;
mod generated;
mod headers;
mod held;
mod lengths;
#[path = "../made/mod.rs"]
#[allow(dead_code, reason = "other tests take the rest")]
mod made;
mod masking;
mod memory;
mod order;
mod packed;
mod planted;
mod properties;
mod reached;
mod repository;
mod scene;
mod shown;
mod streamed;
mod verdicts;
mod versions;
