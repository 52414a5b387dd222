//! Reads records back for people.

use std::sync::Arc;

use super::Error;
use super::record::{Ending, Kind, Leaf, Payload, Record, Verdict};
use crate::store::{Records, Row};

/// Records that one push has at most: views and comments of its case aside, a handful.
const RECORDS_OF_ONE: u32 = 1_000;

/// The newest records, oldest of them first.
pub async fn newest(records: &Records, limit: u32) -> Result<Vec<Record>, Error> {
    let mut snapshot = records.snapshot().await.map_err(read)?;
    parsed(snapshot.newest(limit).await.map_err(read)?)
}

/// The newest records of one push, oldest of them first.
pub async fn of_push(records: &Records, push: &str, limit: u32) -> Result<Vec<Record>, Error> {
    let mut snapshot = records.snapshot().await.map_err(read)?;
    parsed(snapshot.of_push(push, limit).await.map_err(read)?)
}

/// How far a push came, as the record has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Nothing of it was let go.
    NotDecided,
    /// It was to be sent, and no outcome is on record.
    Open,
    Ended(Ending),
}

/// How far a push came.
pub async fn fate(records: &Records, push: &str) -> Result<Fate, Error> {
    let mut fate = Fate::NotDecided;
    for Record { leaf, .. } in of_push(records, push, RECORDS_OF_ONE).await? {
        match (leaf.kind, leaf.verdict, leaf.outcome) {
            (Kind::Decision, Some(Verdict::Forward), _) => fate = Fate::Open,
            (Kind::Outcome | Kind::UnknownOutcome, _, Some(ending)) => fate = Fate::Ended(ending),
            _ => {}
        }
    }
    Ok(fate)
}

fn read(error: crate::store::Error) -> Error {
    Error::Read(Arc::new(error))
}

fn parsed(rows: Vec<Row>) -> Result<Vec<Record>, Error> {
    rows.into_iter().rev().map(record).collect()
}

fn record(row: Row) -> Result<Record, Error> {
    let damaged = |what| Error::Damaged {
        seq: row.seq.unwrap_or(0),
        what,
    };
    let leaf = row
        .leaf
        .as_deref()
        .and_then(|text| serde_json::from_str::<Leaf>(text).ok());
    let leaf = leaf.ok_or_else(|| damaged("its leaf cannot be read"))?;
    let payload = match &row.payload {
        None => None,
        Some(text) => Some(
            serde_json::from_str::<Payload>(text)
                .map_err(|_| damaged("its payload cannot be read"))?,
        ),
    };
    Ok(Record { leaf, payload })
}
