//! The pack of a push, read as it arrives.
