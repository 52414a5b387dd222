//! The ref advertisement, with only those capabilities that can be inspected.
