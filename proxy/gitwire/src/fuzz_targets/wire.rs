//! Entry points for fuzzers of the wire parsers.
