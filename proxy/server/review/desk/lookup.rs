//! Finds the case that somebody names: by its own id, or by that of any push that met it.

use super::{Desk, Error, Filed};
use crate::audit;

/// Records of one push that are looked through: its decision is among the first few.
const RECORDS: u32 = 100;

impl Desk {
    /// The case of this id; where there is none, the case that the push of this id met, as the record of its decision says.
    /// Small letters are as good as capitals.
    ///
    /// # Errors
    /// When neither is known.
    pub async fn find(&self, id: &str) -> Result<Filed, Error> {
        match self.case(id).await {
            Err(Error::Absent(_)) => {}
            found => return found,
        }
        let read = id.trim().to_ascii_uppercase();
        match self.case(&read).await {
            Err(Error::Absent(_)) => {}
            found => return found,
        }
        let records = audit::of_push(self.0.store.records(), &read, RECORDS).await;
        let records = records.map_err(Error::Audit)?;
        let mut records = records.into_iter().map(|record| record.leaf);
        let decided = records.find(|leaf| leaf.kind == audit::Kind::Decision);
        match decided.and_then(|leaf| leaf.subject) {
            Some(case) => self.case(&case).await,
            None => Err(Error::Absent(id.to_owned())),
        }
    }
}
