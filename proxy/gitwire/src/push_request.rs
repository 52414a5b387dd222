//! The head of a push: commands, capabilities, options; it ends where the pack begins.
