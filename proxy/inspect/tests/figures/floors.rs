//! What the rules must reach on the corpus. All floors of the test stand here, a hair under what was measured.

/// Tier, precision, recall, F1. Wanted in any case: block with a precision of 0.95 at a recall of 0.30, block and review with an F1 of 0.65
/// at a precision of 0.80.
pub const TIERS: [(&str, f64, f64, f64); 2] = [
    ("block", 0.99, 0.80, 0.88),
    ("block + review", 0.99, 0.90, 0.94),
];

/// Share of each kind of secret that block and review find.
pub const FOUND: &[(&str, f64)] = &[
    ("AWS pair", 0.96),
    ("Basic header", 0.93),
    ("Bearer header", 0.96),
    ("JWK", 0.83),
    ("JWT", 0.91),
    ("Kubernetes secret", 0.95),
    ("URL credentials", 0.97),
    ("connection string", 0.93),
    ("key in a command", 0.77),
    ("key in a header or query", 0.95),
    ("key, base64", 0.92),
    ("key, base64 for URLs", 0.90),
    ("key, hex", 0.91),
    ("key, letters and digits", 0.90),
    ("password in SQL", 0.88),
    ("password in a call", 0.53),
    ("password in a command", 0.68),
    ("password, chosen", 0.83),
    ("password, generated", 0.91),
    ("private key", 0.98),
    ("stored login", 0.97),
    ("vendor's token", 0.95),
];

/// Share of the lines of each kind that fools on which block and review may find something.
pub const FOOLED: &[(&str, f64)] = &[
    ("URLs without a password", 0.02),
    ("checksums of builds", 0.02),
    ("checksums of lock files", 0.02),
    ("code and types", 0.02),
    ("highlighters and lexers", 0.02),
    ("ids and hashes", 0.02),
    ("ids called key or token", 0.02),
    ("logs", 0.02),
    ("manifests and workflows", 0.02),
    ("migrations and interfaces", 0.02),
    ("minified code", 0.02),
    ("pictures and colours", 0.02),
    ("placeholder", 0.02),
    ("prose and documentation", 0.02),
    ("public identifiers", 0.16),
    ("public keys and certificates", 0.02),
    ("published examples", 0.02),
    ("reference", 0.02),
    ("sealed values", 0.02),
    ("settings about secrets", 0.02),
    ("tests of code", 0.02),
    ("words for people", 0.04),
];
