//! Names of refs: git check-ref-format for full names.
