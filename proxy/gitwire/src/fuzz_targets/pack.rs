//! Entry points for fuzzers of the pack and object readers.
