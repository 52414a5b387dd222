//! What a pusher asks of us with push options of our own.

/// Read from the push options whose names begin with `exeat.`; they never go upstream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wishes {
    /// Why the push should go, for the reviewers.
    pub reason: Option<String>,
    /// Whether the push stays open until somebody has decided.
    pub wait: bool,
}
