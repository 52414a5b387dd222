//! The answer to a push, as a git client prints it.
