//! One function per parser of hostile bytes; fuzzers and the corpus tests call the same ones.

pub mod pack;
pub mod wire;

#[cfg(test)]
pub(crate) mod corpus;
