//! Erases the personal half of records. The tree keeps their leaves, whose commitments say nothing without the salt.

use super::Error;
use super::chain::Audit;
use super::record::{Erasure, Seq};
use super::seal::Entry;

impl Audit {
    /// Erases payload and salt of `seqs` and records that this was done, in one transaction. Erasing twice is allowed.
    ///
    /// The record of an erasure has a personal half too (who asked and why), which a later erasure can take.
    pub async fn erase(&self, seqs: &[Seq], erasure: &Erasure) -> Result<Seq, Error> {
        let mut seqs = seqs.to_vec();
        seqs.sort_unstable();
        seqs.dedup();
        if seqs.is_empty() {
            return Err(Error::NothingToErase);
        }
        self.append(Entry::erasure(seqs, erasure)).await
    }
}
