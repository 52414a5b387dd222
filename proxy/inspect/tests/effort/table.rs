//! What may be done at most. The counts are nearly the same in every run: what is above them by a few percent is room for the order in
//! which things come to the worker.

use crate::Did;

/// What may be done at most for each byte of all objects, and for each object.
pub struct Most {
    /// For each byte.
    inflated: f64,
    built: f64,
    scanned: f64,
    sought: f64,
    searched: f64,
    looked_into: f64,
    decoded: f64,
    /// For each object.
    again: f64,
    asked: f64,
    allocations: f64,
}

/// Files in which a little changes: nearly all that is read for keywords is what changed.
pub const PLAIN: Most = Most {
    inflated: 0.068,
    built: 0.98,
    scanned: 1.04,
    sought: 0.137,
    searched: 0.225,
    looked_into: 1.0,
    decoded: 0.045,
    again: 0.0,
    asked: 0.0,
    allocations: 70.0,
};

/// The same, and it was inspected before.
pub const KNOWN: Most = Most {
    scanned: 0.0,
    sought: 0.0,
    searched: 0.0,
    looked_into: 0.0,
    allocations: 5.5,
    ..PLAIN
};

/// Half of the versions have to be built from what is no longer at hand.
pub const MINGLED: Most = Most {
    inflated: 1.0,
    built: 0.82,
    sought: 0.48,
    searched: 0.28,
    decoded: 0.05,
    again: 0.5,
    allocations: 85.0,
    ..PLAIN
};

/// With findings, and no object is read again to tell where they are.
pub const LEAKY: Most = Most {
    allocations: 115.0,
    ..PLAIN
};

/// With a large file, which is read again to look into it.
pub const PACKED: Most = Most {
    inflated: 1.95,
    built: 0.0,
    scanned: 1.5,
    sought: 1.5,
    searched: 3.45,
    looked_into: 1.0,
    decoded: 0.46,
    again: 0.025,
    asked: 0.025,
    allocations: 5260.0,
};

impl Most {
    /// Prints what was done, and tells what of it was more than may be.
    pub fn exceeded(&self, name: &str, did: &Did) -> Vec<String> {
        let (coverage, effort) = (&did.coverage, &did.effort);
        assert_eq!(effort.hashed, coverage.bytes, "{name}: once each");
        assert!(effort.sought <= effort.scanned, "{name}: {effort:?}");
        let (size, count) = (coverage.bytes, coverage.objects());
        println!(
            "{name}: {count} objects of {size} bytes, {} findings",
            did.findings
        );
        let byte = |done: u64| done as f64 / size as f64;
        let object = |done: u64| done as f64 / count as f64;
        let rows = [
            ("inflated", byte(effort.inflated), self.inflated),
            ("built", byte(effort.built), self.built),
            ("scanned", byte(effort.scanned), self.scanned),
            ("sought", byte(effort.sought), self.sought),
            ("searched", byte(effort.searched), self.searched),
            ("looked_into", byte(effort.looked_into), self.looked_into),
            ("decoded", byte(coverage.decoded), self.decoded),
            ("again", object(effort.again), self.again),
            ("asked", object(effort.asked), self.asked),
            ("allocations", object(did.allocations), self.allocations),
        ];
        let mut exceeded = Vec::new();
        for (what, is, most) in rows {
            println!("    {what}: {is:.4} of {most:.4}");
            if is > most {
                exceeded.push(format!("{name}, {what}: {is:.4}, at most {most:.4}"));
            }
        }
        exceeded
    }
}
